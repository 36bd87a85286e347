/** Blocks of one phase each, out of steps of which each has the phase that took most of its time. */
import { beginning, type Between, change, type Edge, edgeWithin, ending, type Rhythm } from './edges'
import type { StepStretch } from './steps'

export interface Block {
  /** The first word of the path; nothing where time is in no phase. */
  readonly phase: string | undefined
  readonly from: Edge
  readonly to: Edge
  /** It goes on now. */
  readonly open: boolean
}

export interface Range {
  readonly from: number
  readonly to: number
  /** Whether it ends now. */
  readonly untilNow: boolean
}

/** Steps of the same phase and the same run. */
interface Group {
  readonly stretch: StepStretch
  readonly phase: string | undefined
  readonly run: number
  readonly first: number
  last: number
}

/**
 * @param starts of runs, ascending
 * @returns for each run its blocks, in order; all in one where no run is known
 */
export function blocksOf(
  stretches: readonly StepStretch[],
  starts: readonly number[],
  rhythm: Rhythm,
  range: Range,
): readonly (readonly Block[])[] {
  const runs: Block[][] = Array.from({ length: Math.max(1, starts.length) }, () => [])
  const groups = groupsOf(stretches, starts)
  const isLast = (group: Group) => group === groups[groups.length - 1]
  const newest = stretches[stretches.length - 1]?.looks.at(-1)?.time ?? -Infinity
  const reachesEnd = range.to - newest <= 2 * rhythm.stepMs
  let notBefore = -Infinity
  for (const [index, group] of groups.entries()) {
    const from = edgeFrom(groups[index - 1], group, starts, rhythm, range, notBefore)
    const goesOn = isLast(group) && reachesEnd
    const to = goesOn ? cutAt(range.to) : edgeTo(group, groups[index + 1], starts, rhythm, from.at)
    notBefore = to.at
    if (to.at <= from.at) continue
    runs[group.run]?.push({ phase: group.phase, from, to, open: goesOn && range.untilNow })
  }
  return runs
}

/** Which of the runs goes on at a time; what was before the first is counted to it. */
export const runAt = (starts: readonly number[], at: number): number =>
  Math.max(0, starts.filter((start) => start <= at).length - 1)

function groupsOf(stretches: readonly StepStretch[], starts: readonly number[]): readonly Group[] {
  return stretches.flatMap((stretch) => {
    const groups: Group[] = []
    for (const [index, { at, phase }] of stretch.looks.entries()) {
      const group = groups[groups.length - 1]
      const run = runAt(starts, at)
      if (group !== undefined && group.phase === phase && group.run === run) group.last = index
      else groups.push({ stretch, phase, run, first: index, last: index })
    }
    return groups
  })
}

function edgeFrom(
  before: Group | undefined,
  group: Group,
  starts: readonly number[],
  rhythm: Rhythm,
  range: Range,
  notBefore: number,
): Edge {
  if (before !== undefined && before.stretch === group.stretch)
    return edgeBetween(before, group, starts, rhythm, notBefore)
  if (group.stretch.goesOnBefore) return cutAt(range.from)
  const within = beginning(group.stretch, rhythm)
  const start = starts[group.run]
  return start !== undefined && isNear(start, within, rhythm) ? exactly(start) : edgeWithin(within, notBefore)
}

function edgeTo(
  group: Group,
  after: Group | undefined,
  starts: readonly number[],
  rhythm: Rhythm,
  notBefore: number,
): Edge {
  return after?.stretch === group.stretch
    ? edgeBetween(group, after, starts, rhythm, notBefore)
    : edgeWithin(ending(group.stretch, rhythm), notBefore)
}

function edgeBetween(
  former: Group,
  latter: Group,
  starts: readonly number[],
  rhythm: Rhythm,
  notBefore: number,
): Edge {
  const start = starts[latter.run]
  // a run tells when it began
  if (former.run !== latter.run && start !== undefined) return exactly(start)
  return edgeWithin(change(former.stretch, former.last, former.phase, latter.phase, rhythm), notBefore)
}

const isNear = (at: number, { from, to }: Between, { stepMs }: Rhythm): boolean =>
  at >= from - stepMs && at <= to + stepMs

const exactly = (at: number): Edge => ({ at, uncertaintyMs: 0, cut: false })
const cutAt = (at: number): Edge => ({ at, uncertaintyMs: 0, cut: true })
