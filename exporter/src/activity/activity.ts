/** Who was busy between two looks: the CPU time of every process and group, and who used the accelerators. */
import { readCpuTimes, type CpuTimes } from '../cpu-times.ts'
import type { Activity, Census, Consumer, CpuUse, Group } from '../model.ts'
import { nanoseconds, type Nanoseconds, type Seconds } from '../units.ts'
import { Unreadable, type World } from '../world.ts'
import { Accelerators } from './accelerators.ts'
import { CgroupTree } from './cgroups.ts'
import { GroupSplit } from './group-split.ts'
import { ProcessTable } from './processes.ts'
import { FOREIGN_PIDS_LIMITATION, hasHostPids, sightOf, type Sight } from './sight.ts'

export interface ActivityRoom {
  /** @returns what happened since the look before; undefined at the first */
  look(at: Seconds): Activity | undefined
  /**
   * A process, the same object that looks give out; to be asked after the look of that instant.
   * @returns undefined where it has ended, or another has its pid
   */
  processOf(pid: number, startTicks: number, at: Seconds): Consumer | undefined
}

/** Whether all can be seen is asked so often: mounts and namespaces do not change by the second. */
const SIGHT_EVERY_SECONDS = 60

export function activityOf(world: World): ActivityRoom {
  const tree = new CgroupTree(world)
  const processes = new ProcessTable(world, (text) => tree.groupOf(text))
  const groupSplit = new GroupSplit()
  let before: { readonly at: Seconds; readonly times: CpuTimes | Unreadable } | undefined
  let sight: (Sight & { readonly hasHostPids: boolean; readonly at: Seconds }) | undefined
  const accelerators = new Accelerators((pid, at) =>
    sight?.hasHostPids === true ? processes.consumerOf(pid, at) : undefined,
  )

  const look = (at: Seconds): Activity | undefined => {
    const times = readCpuTimes(world)
    // The groups first: a process clock that is read later cannot leave a gap that looks like an exited process.
    const ofGroups = tree.look()
    const uses = processes.look(at, times instanceof Unreadable ? undefined : times.forks)
    if (sight === undefined || at - sight.at >= SIGHT_EVERY_SECONDS) {
      sight = { ...sightOf(world, tree), hasHostPids: hasHostPids(world), at }
    }
    const last = before
    before = { at, times }
    const used = accelerators.look(at, last === undefined ? 0 : at - last.at, world.nvml?.newest)
    if (last === undefined) return undefined
    const rest = sight.hidesProcesses ? 'unreadable' : 'exited'
    const split = groupSplit.split(ofGroups, uses, tree.uncounted, rest)
    return {
      from: last.at,
      to: at,
      ...withoutGroupless(split, tree.hierarchy.kind === 'none'),
      busyRatio: busyRatio(last.times, times),
      groups: tree.groups,
      accelerators: used,
      census: census(world, tree.groups, processes, limitationOf(sight, used.size > 0)),
    }
  }
  return {
    look,
    processOf: (pid, startTicks, at) => {
      const found = processes.consumerOf(pid, at)
      return found?.process.startTicks === startTicks ? found : undefined
    },
  }
}

const limitationOf = (sight: Sight & { hasHostPids: boolean }, hasAccelerators: boolean): string =>
  sight.limitation === '' && hasAccelerators && !sight.hasHostPids
    ? FOREIGN_PIDS_LIMITATION
    : sight.limitation

/** Where there are no groups, processes that cannot be seen belong to nothing that is known. */
function withoutGroupless(
  uses: readonly CpuUse[],
  hasNoGroups: boolean,
): Pick<Activity, 'cpu' | 'unreadableCpu'> {
  if (!hasNoGroups) return { cpu: uses, unreadableCpu: nanoseconds(0) }
  const isHidden = ({ consumer }: CpuUse): boolean => consumer.kind === 'unreadable'
  return {
    cpu: uses.filter((use) => !isHidden(use)),
    unreadableCpu: uses
      .filter(isHidden)
      .reduce<Nanoseconds>((sum, { cpu }) => nanoseconds(sum + cpu), nanoseconds(0)),
  }
}

/** 1 where it is not known: what may be busy must not teach a baseline. */
function busyRatio(before: CpuTimes | Unreadable, now: CpuTimes | Unreadable): number {
  if (before instanceof Unreadable || now instanceof Unreadable) return 1
  const total = now.totalTicks - before.totalTicks
  return total <= 0 ? 1 : Math.min(1, Math.max(0, (now.busyTicks - before.busyTicks) / total))
}

const census = (
  world: World,
  groups: readonly Group[],
  processes: ProcessTable,
  limitation: string,
): Census => ({
  processes: processes.count,
  unreadable: processes.refusedCount,
  groups: groups.length,
  cpuTimeSource: world.cpuClock === undefined ? 'stat' : 'clock',
  limitation,
})
