/** From fractions of time to lanes of blocks: which phase a run was in, from when to when, and how well that is known. */
import { type Cell, isFigure, type Labels, sum } from '../model/cells'
import { type Block, blocksOf, type Range, runAt } from './blocks'
import { rhythmOf } from './edges'
import type { PhaseInput, Series } from './series'
import { coarse, type Step, stepOf, stretchesOf } from './steps'

/** With its energy from mean power; nothing where there is none. */
export interface LaneBlock extends Block {
  readonly aboutJoules: number | undefined
}

/** What else there was within a block: fine phases, other phases, untracked time. Fractions of the time of the stripe. */
export interface Stripe {
  readonly from: number
  readonly to: number
  readonly shares: ReadonlyArray<{ readonly phase: string | undefined; readonly fraction: number }>
}

export interface PowerPoint {
  readonly at: number
  readonly watts: number | null
}

export interface Lane {
  readonly key: string
  /** Of the workload; several runs share it. */
  readonly workload: string
  readonly name: string
  readonly detail: string
  readonly runStart: number | undefined
  readonly blocks: readonly LaneBlock[]
  readonly stripes: readonly Stripe[]
  readonly power: readonly PowerPoint[]
  /** Where a block stands in the frames: its configuration and links. */
  readonly cellAt: (block: LaneBlock) => Cell | undefined
}

/** Smaller shares are noise of the rate and not drawn. */
const VISIBLE = 0.02

const RUN_LABELS = ['cluster', 'namespace', 'workload'] as const

export const workloadKey = (labels: Labels): string =>
  JSON.stringify(RUN_LABELS.map((name) => labels[name] ?? ''))

export function lanesOf(input: PhaseInput, range: Range, byRun: boolean): readonly Lane[] {
  const workloads = new Map<string, Series[]>()
  for (const series of input.timeline) {
    const key = workloadKey(series.labels)
    workloads.set(key, [...(workloads.get(key) ?? []), series])
  }
  return [...workloads].flatMap(([key, series]) => {
    const find = (all: readonly Series[]) => all.filter((one) => workloadKey(one.labels) === key)
    return lanesOfWorkload(key, series, find(input.power), find(input.runs), input.windowMs, range, byRun)
  })
}

function lanesOfWorkload(
  key: string,
  series: readonly Series[],
  power: readonly Series[],
  runs: readonly Series[],
  windowMs: number | undefined,
  range: Range,
  byRun: boolean,
): readonly Lane[] {
  const rhythm = rhythmOf(stepOf(series), windowMs)
  const shiftMs = rhythm.windowMs / 2
  const stretches = stretchesOf(series, rhythm, range)
  const steps = stretches.flatMap(({ looks }) => looks)
  const points = pointsOf(power, shiftMs)
  const starts = byRun ? startsOf(runs) : []
  const labels = series[0]?.labels ?? {}
  return blocksOf(stretches, starts, rhythm, range).flatMap((blocks, run) => {
    const within = <T extends { readonly at: number }>(all: readonly T[]) =>
      all.filter(({ at }) => runAt(starts, at) === run)
    const own = within(steps)
    if (own.length === 0) return []
    const ownPower = within(points)
    const runStart = starts[run]
    return [
      {
        key: `${key}@${runStart ?? ''}`,
        workload: key,
        name: labels['workload'] ?? 'without a name',
        detail: [labels['namespace'], labels['cluster']].filter(Boolean).join(' · '),
        runStart,
        blocks: blocks.map((block) => ({ ...block, aboutJoules: aboutJoules(ownPower, block) })),
        stripes: stripesOf(own, rhythm.stepMs),
        power: ownPower,
        cellAt: (block) => cellOf(series, block, shiftMs),
      },
    ]
  })
}

function aboutJoules(power: readonly PowerPoint[], { from, to }: Block): number | undefined {
  const watts = power.flatMap((point) =>
    point.at < from.at || point.at > to.at || point.watts === null ? [] : [point.watts],
  )
  return watts.length === 0 ? undefined : (sum(watts) / watts.length) * ((to.at - from.at) / 1000)
}

/** Only where there is more to say than the colour of the block. */
function stripesOf(steps: readonly Step[], stepMs: number): readonly Stripe[] {
  return steps.flatMap(({ at, phase, fractions, untracked }) => {
    const shares: { phase: string | undefined; fraction: number }[] = [...fractions]
      .filter(([, fraction]) => fraction >= VISIBLE)
      .map(([name, fraction]) => ({ phase: name, fraction: Math.min(1, fraction) }))
    if (untracked > 0) shares.push({ phase: undefined, fraction: untracked })
    const plain = shares.every((share) => share.phase === phase)
    return plain ? [] : [{ from: at - stepMs / 2, to: at + stepMs / 2, shares }]
  })
}

function pointsOf(power: readonly Series[], shiftMs: number): readonly PowerPoint[] {
  const [first] = power
  return first === undefined
    ? []
    : first.times.map((at, index) => ({ at: at - shiftMs, watts: first.values[index] ?? null }))
}

/** The figure of the phase in the middle of the block. */
function cellOf(series: readonly Series[], block: Block, shiftMs: number): Cell | undefined {
  const own = series.find(({ labels }) => coarse(labels['phase'] ?? '') === (block.phase ?? ''))
  if (own === undefined) return undefined
  const middle = (block.from.at + block.to.at) / 2 + shiftMs
  const after = own.times.findIndex((at) => at >= middle)
  const row = after < 0 ? own.times.length - 1 : after
  return { labels: own.labels, value: own.values[row] ?? 0, field: own.field, row }
}

/** The starts of runs in Unix milliseconds, ascending. */
function startsOf(runs: readonly Series[]): readonly number[] {
  const starts = new Set<number>()
  for (const { values } of runs)
    for (const value of values) if (isFigure(value) && value > 0) starts.add(value * 1000)
  return [...starts].sort((a, b) => a - b)
}
