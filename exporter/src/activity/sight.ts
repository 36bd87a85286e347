/** What of this machine's processes cannot be seen, and why. */
import { Unreadable, type World } from '../world.ts'
import type { CgroupTree } from './cgroups.ts'

export interface Sight {
  /** One sentence with what to do; empty when all can be seen. */
  readonly limitation: string
  /** Whether there are processes that are not listed or may not be read. */
  readonly hidesProcesses: boolean
}

const clear: Sight = { limitation: '', hidesProcesses: false }

/** Groups whose processes are looked through for one from another PID namespace. */
const GROUPS_ASKED = 64

export function sightOf(world: World, tree: CgroupTree): Sight {
  const { files, procfs, sysfs } = world
  const list = files.list(procfs)
  if (list instanceof Unreadable) {
    return hidden(`processes cannot be seen: ${String(list)}; name the host's with --path.procfs`)
  }
  if (hasForeignProcess(world, tree)) {
    return hidden(
      "processes in other PID namespaces cannot be told apart: give the exporter the host's (hostPID: true, --pid=host)",
    )
  }
  if (files.readText(`${procfs}/1/stat`) instanceof Unreadable) {
    return hidden(
      `processes of other users cannot be seen (${procfs} is mounted with hidepid): run as root or mount it with the exporter's gid=`,
    )
  }
  if (tree.hierarchy.kind === 'none') {
    return {
      ...clear,
      limitation: `containers and services cannot be told apart: no cgroup counts CPU time below ${sysfs}/fs/cgroup; name the host's /sys with --path.sysfs`,
    }
  }
  return clear
}

/**
 * Whether pids here are those of the host, by which drivers name processes whatever namespace asks: kernel threads are
 * seen in the host's PID namespace only, and the second process of every Linux machine is the one that makes them.
 */
export function hasHostPids({ files, procfs }: Pick<World, 'files' | 'procfs'>): boolean {
  const second = files.readText(`${procfs}/2/stat`)
  return !(second instanceof Unreadable) && second.startsWith('2 (kthreadd) ')
}

export const FOREIGN_PIDS_LIMITATION =
  "processes on accelerators cannot be told apart, since drivers name them by the host's pids: give the exporter the host's PID namespace (hostPID: true, --pid=host)"

const hidden = (limitation: string): Sight => ({ limitation, hidesProcesses: true })

/** The kernel lists a process that has no number in the reader's PID namespace as 0. */
function hasForeignProcess({ files }: World, { hierarchy, groups }: CgroupTree): boolean {
  if (hierarchy.kind === 'none') return false
  return groups.slice(0, GROUPS_ASKED).some(({ path }) => {
    const members = files.readText(`${hierarchy.root}${path === '/' ? '' : path}/cgroup.procs`)
    return !(members instanceof Unreadable) && /^0$/m.test(members)
  })
}
