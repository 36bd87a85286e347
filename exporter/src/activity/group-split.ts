/**
 * Splits the CPU time of each group among its processes. What its processes do not explain was used by some that have
 * exited, or that may not be seen.
 */
import type { Consumer, CpuUse, Group } from '../model.ts'
import { nanoseconds, type Nanoseconds } from '../units.ts'
import type { ProcessUse } from './processes.ts'

/** Beyond this a surplus of the processes is no matter of when each was read. */
const TOLERATED_NANOSECONDS = 10e6
const TOLERATED_RATIO = 0.1

type Rest = Extract<Consumer, { kind: 'exited' | 'unreadable' }>

export class GroupSplit {
  /** What the processes of a group were credited beyond its counter, to be made good by its next figures. */
  readonly #owed = new WeakMap<Group, number>()
  readonly #rests = { exited: new WeakMap<Group, Rest>(), unreadable: new WeakMap<Group, Rest>() }

  /**
   * Counters and clocks are read one after another, so that for a moment processes may show more than their group.
   * A small surplus is credited and owed; beyond it the processes are scaled down. In sum over time nobody gets more
   * than the group's counter.
   * @param used what each group used itself; may be below zero for a moment
   * @param uncounted a group without a counter, which used what its processes say
   * @param rest who is charged with what no process explains
   */
  split(
    used: ReadonlyMap<Group, Nanoseconds>,
    processes: readonly ProcessUse[],
    uncounted: Group | undefined,
    rest: Rest['kind'],
  ): CpuUse[] {
    const uses: CpuUse[] = []
    const byGroup = grouped(processes)
    for (const group of new Set([...used.keys(), ...byGroup.keys()])) {
      const own = byGroup.get(group) ?? []
      if (group === uncounted) uses.push(...own)
      else this.#splitGroup(group, used.get(group) ?? 0, own, rest, uses)
    }
    return uses
  }

  #splitGroup(
    group: Group,
    used: number,
    own: readonly ProcessUse[],
    rest: Rest['kind'],
    uses: CpuUse[],
  ): void {
    const available = used - (this.#owed.get(group) ?? 0)
    const sum = own.reduce((total, { cpu }) => total + cpu, 0)
    const unexplained = available - sum
    if (unexplained >= 0) {
      this.#owed.delete(group)
      uses.push(...own)
      if (unexplained > 0) uses.push({ consumer: this.#rest(group, rest), cpu: nanoseconds(unexplained) })
      return
    }
    const tolerated = Math.max(TOLERATED_NANOSECONDS, sum * TOLERATED_RATIO)
    const credited = Math.max(0, available + Math.min(-unexplained, tolerated))
    this.#owed.set(group, credited - available)
    if (credited === 0) return
    const scale = credited / sum
    for (const { consumer, cpu } of own) uses.push({ consumer, cpu: nanoseconds(cpu * scale) })
  }

  #rest(group: Group, kind: Rest['kind']): Rest {
    let rest = this.#rests[kind].get(group)
    if (rest === undefined) {
      rest = { kind, group }
      this.#rests[kind].set(group, rest)
    }
    return rest
  }
}

function grouped(processes: readonly ProcessUse[]): Map<Group, ProcessUse[]> {
  const groups = new Map<Group, ProcessUse[]>()
  for (const use of processes) {
    const list = groups.get(use.consumer.group)
    if (list === undefined) groups.set(use.consumer.group, [use])
    else list.push(use)
  }
  return groups
}
