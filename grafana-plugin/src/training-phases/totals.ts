/** What each phase took: energy, time, mean power, share, and energy per step and sample. From counters, exact. */
import { type Cell, type Labels, sum } from '../model/cells'
import { isPart, type Part, scopeWords } from '../model/parts'
import { workloadKey } from './lanes'
import type { PhaseInput } from './series'
import { coarse } from './steps'

export interface PhaseTotal {
  readonly workload: string
  readonly name: string
  /** A path; empty for what is in no phase. */
  readonly phase: string
  /** 0 for a phase, which includes its finer ones, 1 and more for those. */
  readonly depth: number
  readonly joules: number | undefined
  readonly seconds: number | undefined
  readonly watts: number | undefined
  /** Of the energy of the workload, from 0 to 1. */
  readonly share: number | undefined
  readonly joulesPerStep: number | undefined
  readonly joulesPerSample: number | undefined
  readonly estimated: boolean
  /** The boundary of the energy, in words; empty when it is not told. */
  readonly scope: string
  /** Where its energy stands in the frames. */
  readonly cell: Cell | undefined
}

export function totalsOf(input: PhaseInput): readonly PhaseTotal[] {
  const workloads = new Map<string, Labels>()
  for (const { labels } of [...input.timeline, ...input.seconds]) workloads.set(workloadKey(labels), labels)
  return [...workloads].flatMap(([workload, labels]) =>
    totalsOfWorkload(workload, labels['workload'] ?? 'without a name', input),
  )
}

function totalsOfWorkload(workload: string, name: string, input: PhaseInput): readonly PhaseTotal[] {
  const own = (cells: readonly Cell[]) => cells.filter(({ labels }) => workloadKey(labels) === workload)
  const [energy, seconds, steps, samples] = [input.energy, input.seconds, input.steps, input.samples].map(
    own,
  ) as [Cell[], Cell[], Cell[], Cell[]]
  const all = sum(energy.map(({ value }) => value))
  return rowsOf([...energy, ...seconds]).map(({ phase, depth }): PhaseTotal => {
    const joules = added(within(energy, phase, depth))
    const time = added(within(seconds, phase, depth))
    const parts = within(energy, phase, depth)
    return {
      workload,
      name,
      phase,
      depth,
      joules,
      seconds: time,
      watts: joules === undefined || time === undefined || time <= 0 ? undefined : joules / time,
      share: joules === undefined || all <= 0 ? undefined : joules / all,
      joulesPerStep: ratio(joules, count(steps, phase, depth)),
      joulesPerSample: ratio(joules, count(samples, phase, depth)),
      estimated: parts.some(({ labels, value }) => labels['method'] === 'estimated' && value > 0),
      scope: scopeOfCells(energy),
      cell: parts[0],
    }
  })
}

/** Phases by energy, each with its finer ones below; what is in no phase comes last. */
function rowsOf(cells: readonly Cell[]): ReadonlyArray<{ phase: string; depth: number }> {
  const paths = new Set(cells.map(({ labels }) => labels['phase'] ?? ''))
  const roots = [...new Set([...paths].map(coarse))]
  const weight = (phase: string) =>
    phase === '' ? -1 : sum(within(cells, phase, 0).map(({ value }) => value))
  return roots
    .sort((a, b) => weight(b) - weight(a) || a.localeCompare(b))
    .flatMap((root) => [
      { phase: root, depth: 0 },
      ...[...paths]
        .filter((path) => path !== root && coarse(path) === root)
        .sort()
        .map((phase) => ({ phase, depth: phase.split('/').length - 1 })),
    ])
}

/** A phase of depth 0 includes its finer ones; each joule and second has one path. */
function within(cells: readonly Cell[], phase: string, depth: number): readonly Cell[] {
  return cells.filter(({ labels }) => {
    const path = labels['phase'] ?? ''
    return path === phase || (depth === 0 && phase !== '' && coarse(path) === phase)
  })
}

/** Steps are counted at one level: those of the phase itself, else the most that a finer one has. */
function count(cells: readonly Cell[], phase: string, depth: number): number | undefined {
  const exact = cells.filter(({ labels }) => (labels['phase'] ?? '') === phase)
  if (exact.length > 0) return added(exact)
  const finer = within(cells, phase, depth)
  return finer.length === 0 ? undefined : Math.max(...finer.map(({ value }) => value))
}

const added = (cells: readonly Cell[]): number | undefined =>
  cells.length === 0 ? undefined : sum(cells.map(({ value }) => value))

const ratio = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined || b <= 0 ? undefined : a / b

function scopeOfCells(cells: readonly Cell[]): string {
  const known = new Set<Part>()
  for (const { labels } of cells) {
    const part = labels['part'] ?? ''
    if (isPart(part)) known.add(part)
  }
  return known.size === 0 ? '' : scopeWords([...known], false)
}
