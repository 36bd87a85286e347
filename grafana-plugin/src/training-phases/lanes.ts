/** From fractions of time to lanes of blocks: which phase a run was in, from when to when, and how well that is known. */
import { type Cell, isFigure, type Labels } from '../model/cells'
import type { PhaseInput, Series } from './series'

/** A time in Unix milliseconds, known to this much on either side. */
export interface Edge {
  readonly at: number
  readonly uncertaintyMs: number
  /** No edge of the phase but of what is looked at. */
  readonly cut: boolean
}

export interface Block {
  /** The first word of the path; nothing where time is in no phase. */
  readonly phase: string | undefined
  readonly from: Edge
  readonly to: Edge
  /** It goes on now. */
  readonly open: boolean
  /** From mean power; nothing where there is none. */
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
  readonly blocks: readonly Block[]
  readonly stripes: readonly Stripe[]
  readonly power: readonly PowerPoint[]
  /** Where a block stands in the frames: its configuration and links. */
  readonly cellAt: (block: Block) => Cell | undefined
}

export interface Range {
  readonly from: number
  readonly to: number
  /** Whether it ends now. */
  readonly untilNow: boolean
}

/** Below this, a part of the time is in no phase. Rates of neighbouring scrapes wobble by some percent. */
const TRACKED = 0.95
/** Smaller shares are noise of the rate and not drawn. */
const VISIBLE = 0.02

const RUN_LABELS = ['cluster', 'namespace', 'workload'] as const

export const workloadKey = (labels: Labels): string =>
  JSON.stringify(RUN_LABELS.map((name) => labels[name] ?? ''))

export const coarse = (phase: string): string => phase.split('/')[0] ?? phase

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

interface Step {
  /** The middle of what the rate looked at. */
  readonly at: number
  /** Nothing where the time is untracked. */
  readonly phase: string | undefined
  readonly fractions: ReadonlyMap<string, number>
  readonly tracked: number
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
  const stepMs = stepOf(series)
  const shiftMs = (windowMs ?? stepMs) / 2
  // A rate over $__rate_interval spans four scrapes.
  const uncertaintyMs = Math.max(stepMs, (windowMs ?? 0) / 4) / 2
  const steps = stepsOf(series, shiftMs)
  const points = pointsOf(power, shiftMs)
  const starts = byRun ? startsOf(runs) : []
  const bounds = starts.length === 0 ? [undefined] : starts
  const labels = series[0]?.labels ?? {}
  const sketch = { stepMs, shiftMs, uncertaintyMs, range, last: steps[steps.length - 1]?.at }
  return bounds.flatMap((start, index) => {
    const from = index === 0 ? -Infinity : (start ?? -Infinity)
    const to = bounds[index + 1] ?? Infinity
    const within = <T extends { readonly at: number }>(all: readonly T[]) =>
      all.filter(({ at }) => at >= from && at < to)
    const own = within(steps)
    if (own.length === 0) return []
    const ownPower = within(points)
    return [
      {
        key: `${key}@${start ?? ''}`,
        workload: key,
        name: labels['workload'] ?? 'without a name',
        detail: [labels['namespace'], labels['cluster']].filter(Boolean).join(' · '),
        runStart: start,
        blocks: blocksOf(own, ownPower, start, bounds[index + 1], sketch),
        stripes: stripesOf(own, stepMs),
        power: ownPower,
        cellAt: (block) => cellOf(series, block, shiftMs),
      },
    ]
  })
}

/** The smallest distance of two points. */
function stepOf(series: readonly Series[]): number {
  let step = Infinity
  for (const { times } of series) {
    for (let index = 1; index < times.length; index++) {
      const distance = (times[index] ?? 0) - (times[index - 1] ?? 0)
      if (distance > 0 && distance < step) step = distance
    }
  }
  return step === Infinity ? 15_000 : step
}

function stepsOf(series: readonly Series[], shiftMs: number): readonly Step[] {
  const fractions = new Map<number, Map<string, number>>()
  for (const { labels, times, values } of series) {
    const phase = labels['phase'] ?? ''
    for (const [index, value] of values.entries()) {
      const at = times[index]
      if (!isFigure(value) || at === undefined) continue
      const own = fractions.get(at) ?? new Map<string, number>()
      own.set(phase, (own.get(phase) ?? 0) + value)
      fractions.set(at, own)
    }
  }
  return [...fractions]
    .sort(([a], [b]) => a - b)
    .map(([at, own]) => {
      own.delete('')
      return { at: at - shiftMs, ...dominant(own), fractions: own }
    })
}

/** The phase that takes most of the time; nothing where untracked time takes more. */
function dominant(fractions: ReadonlyMap<string, number>): Pick<Step, 'phase' | 'tracked'> {
  const byPhase = new Map<string, number>()
  let tracked = 0
  for (const [phase, fraction] of fractions) {
    tracked += fraction
    byPhase.set(coarse(phase), (byPhase.get(coarse(phase)) ?? 0) + fraction)
  }
  let most = tracked < TRACKED ? 1 - tracked : 0
  let phase: string | undefined
  for (const [name, fraction] of byPhase) {
    if (fraction > most) {
      most = fraction
      phase = name
    }
  }
  return { phase, tracked }
}

interface Sketch {
  readonly stepMs: number
  readonly shiftMs: number
  readonly uncertaintyMs: number
  readonly range: Range
  /** The last step of the workload. */
  readonly last: number | undefined
}

function blocksOf(
  steps: readonly Step[],
  power: readonly PowerPoint[],
  start: number | undefined,
  end: number | undefined,
  { stepMs, shiftMs, uncertaintyMs, range, last }: Sketch,
): readonly Block[] {
  const blocks: Block[] = []
  const groups = groupsOf(steps, stepMs)
  for (const [index, { phase, first, final }] of groups.entries()) {
    const before = groups[index - 1]
    const after = groups[index + 1]
    const touches = (a: number, b: number) => b - a <= 1.5 * stepMs
    const beginsAtRun =
      start !== undefined && index === 0 && Math.abs(first - start) <= stepMs + uncertaintyMs
    const endsAtRun =
      end !== undefined && after === undefined && Math.abs(end - final) <= stepMs + uncertaintyMs
    const atStart = index === 0 && first - range.from <= stepMs - shiftMs
    const atEnd = after === undefined && final === last && range.to - final <= 2 * stepMs + shiftMs
    const from: Edge = beginsAtRun
      ? { at: start, uncertaintyMs: 0, cut: false }
      : atStart
        ? { at: range.from, uncertaintyMs: 0, cut: true }
        : {
            at: before && touches(before.final, first) ? (before.final + first) / 2 : first - stepMs / 2,
            uncertaintyMs,
            cut: false,
          }
    const to: Edge = endsAtRun
      ? { at: end, uncertaintyMs: 0, cut: false }
      : atEnd
        ? { at: range.to, uncertaintyMs: 0, cut: true }
        : {
            at: after && touches(final, after.first) ? (final + after.first) / 2 : final + stepMs / 2,
            uncertaintyMs,
            cut: false,
          }
    if (to.at <= from.at) continue
    blocks.push({
      phase,
      from,
      to,
      open: atEnd && range.untilNow,
      aboutJoules: aboutJoules(power, from.at, to.at),
    })
  }
  return blocks
}

function groupsOf(steps: readonly Step[], stepMs: number) {
  const groups: { phase: string | undefined; first: number; final: number }[] = []
  for (const { at, phase } of steps) {
    const group = groups[groups.length - 1]
    if (group !== undefined && group.phase === phase && at - group.final <= 1.5 * stepMs) group.final = at
    else groups.push({ phase, first: at, final: at })
  }
  return groups
}

function aboutJoules(power: readonly PowerPoint[], from: number, to: number): number | undefined {
  let watts = 0
  let count = 0
  for (const point of power) {
    if (point.at < from || point.at > to || point.watts === null) continue
    watts += point.watts
    count++
  }
  return count === 0 ? undefined : (watts / count) * ((to - from) / 1000)
}

/** Only where there is more to say than the colour of the block. */
function stripesOf(steps: readonly Step[], stepMs: number): readonly Stripe[] {
  return steps.flatMap(({ at, phase, fractions, tracked }) => {
    const shares: { phase: string | undefined; fraction: number }[] = [...fractions]
      .filter(([, fraction]) => fraction >= VISIBLE)
      .map(([name, fraction]) => ({ phase: name, fraction: Math.min(1, fraction) }))
    if (tracked < TRACKED) shares.push({ phase: undefined, fraction: 1 - tracked })
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
