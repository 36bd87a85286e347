/** Whether energy can be told apart by process, container and service, from where the exporter looks. */
import type { Vantage } from '../model.ts'
import type { Observation } from './observation.ts'
import { KOFFI, mountSys, type Remedy } from './remedies.ts'

export interface Check {
  readonly subject:
    | 'processes'
    | 'PID namespace'
    | 'other users'
    | 'control groups'
    | 'cgroup namespace'
    | 'CPU time'
    | 'sockets'
    | 'marks'
  /** `note`: known less well than it could be. */
  readonly level: 'ok' | 'note' | 'problem'
  readonly says: string
  readonly remedy: Remedy | undefined
}

export function attributionOf(seen: Observation): Check[] {
  const { vantage } = seen
  if (vantage.procfsProblem !== '') {
    return [
      problem('processes', `none can be seen: ${vantage.procfsProblem}`, {
        kind: 'mount',
        text: 'mount the host’s /proc and name it with --path.procfs',
      }),
    ]
  }
  return [
    processes(seen),
    pidNamespace(vantage),
    otherUsers(vantage),
    controlGroups(vantage),
    cgroupNamespace(vantage),
    cpuTime(seen),
    sockets(seen),
    marks(seen),
  ]
}

const ok = (subject: Check['subject'], says: string): Check => ({
  subject,
  level: 'ok',
  says,
  remedy: undefined,
})
const note = (subject: Check['subject'], says: string, remedy?: Remedy): Check => ({
  subject,
  level: 'note',
  says,
  remedy,
})
const problem = (subject: Check['subject'], says: string, remedy: Remedy): Check => ({
  subject,
  level: 'problem',
  says,
  remedy,
})

function processes({ processes: count, unreadableProcesses: refused, vantage }: Observation): Check {
  if (refused === 0) return ok('processes', `${count} seen`)
  return problem('processes', `${count} seen, of them ${refused} may not be read`, {
    kind: 'capability',
    text:
      vantage.place === 'machine'
        ? 'run it as root, or by systemd with AmbientCapabilities=CAP_SYS_PTRACE'
        : 'run the container as root with the capability SYS_PTRACE',
  })
}

function pidNamespace({ pidNamespace: which, place, hidesOthers }: Vantage): Check {
  switch (which) {
    case 'host':
      return ok('PID namespace', 'the host’s: every process has its number')
    case 'own':
      return problem('PID namespace', 'its own: processes outside this container are not seen', {
        kind: 'setting',
        text:
          place === 'kubernetes'
            ? 'give the pod the host’s processes: hostPID: true'
            : 'give it the host’s processes: --pid=host',
      })
    case 'unknown':
      return note('PID namespace', hidesOthers ? 'not known, because of hidepid' : 'not known')
  }
}

function otherUsers(vantage: Vantage): Check {
  const { hidesOthers, closedProcesses, procfs, uid } = vantage
  if (!hidesOthers && closedProcesses === 0) return ok('other users', 'their processes are shown')
  if (!hidesOthers) {
    return note(
      'other users',
      'their processes are shown, but not their environment and open files: jobs, models and ports that these tell are not known',
      { kind: 'capability', text: lookInside(vantage) },
    )
  }
  return problem(
    'other users',
    `their processes are hidden: ${procfs} is mounted with hidepid`,
    uid === 0
      ? { kind: 'mount', text: `mount ${procfs} without hidepid: mount -o remount,hidepid=0 ${procfs}` }
      : {
          kind: 'permission',
          text: `run it as root, or mount ${procfs} with gid= of a group of its user beside hidepid`,
        },
  )
}

/** The second one for files of other users; the kernel asks for the first to look into any process. */
function lookInside({ place, uid }: Vantage): string {
  const asRoot = uid === 0 ? '' : 'run it as root and '
  switch (place) {
    case 'machine':
      return uid === 0
        ? 'give it CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH'
        : 'run it as root, or by systemd with AmbientCapabilities=CAP_SYS_PTRACE CAP_DAC_READ_SEARCH'
    case 'kubernetes':
      return `${asRoot}add SYS_PTRACE and DAC_READ_SEARCH to securityContext.capabilities.add`
    case 'docker':
    case 'podman':
      return `${asRoot}add --cap-add=SYS_PTRACE --cap-add=DAC_READ_SEARCH`
  }
}

function controlGroups(vantage: Vantage): Check {
  const { cgroups, sysfs } = vantage
  if (cgroups === 'none') {
    return problem(
      'control groups',
      `none below ${sysfs}/fs/cgroup: containers and services are not told apart`,
      {
        kind: 'mount',
        text:
          vantage.place === 'machine'
            ? `mount them: mount -t cgroup2 none ${sysfs}/fs/cgroup`
            : mountSys({ ...vantage, uid: 0 }).text,
      },
    )
  }
  return ok('control groups', `version ${cgroups.slice(1)}: containers and services are told apart`)
}

function cgroupNamespace(vantage: Vantage): Check {
  const { cgroups, cgroupsAreOwn, cgroupPathsAreRelative, place, sysfs } = vantage
  if (cgroups === 'none') return note('cgroup namespace', 'without control groups it does not matter')
  if (!cgroupsAreOwn && !cgroupPathsAreRelative) {
    return ok('cgroup namespace', 'the host’s: paths are told from its root')
  }
  if (cgroupsAreOwn && sysfs === '/sys') {
    return problem(
      'cgroup namespace',
      'its own: groups outside this container are not seen',
      mountSys(vantage),
    )
  }
  const remedy: Remedy =
    place === 'kubernetes'
      ? { kind: 'permission', text: 'run the container with securityContext.privileged: true' }
      : { kind: 'setting', text: 'give it the host’s control groups: --cgroupns=host' }
  return cgroupsAreOwn
    ? problem('cgroup namespace', `its own: ${sysfs} shows no groups outside this container`, remedy)
    : note('cgroup namespace', 'its own: paths of groups are told relative to this container’s', remedy)
}

function cpuTime({ cpuClockProblem: why }: Observation): Check {
  if (why === '') return ok('CPU time', 'in nanoseconds, from the CPU clocks of processes')
  const says = `in steps of 10 ms, from /proc/<pid>/stat: ${why}`
  return /PID namespace/.test(why) ? note('CPU time', says) : note('CPU time', says, KOFFI)
}

/** Whether processes can say in which phase they are. */
function marks({ marks: { path, isHeard, problem: why } }: Observation): Check {
  if (path === '') return ok('marks', 'no socket: --marks.socket is empty')
  if (why !== '') return note('marks', `no socket: ${why}`, /koffi/.test(why) ? KOFFI : undefined)
  return isHeard
    ? ok('marks', `phases can be marked at ${path}`)
    : note('marks', `no exporter listens at ${path} now: phases cannot be marked`)
}

function sockets({ vantage, containers }: Observation): Check {
  const refused = vantage.sockets.filter(({ isRefused }) => isRefused)
  const open = vantage.sockets.filter(({ isRefused }) => !isRefused)
  const [first] = refused
  if (first !== undefined) {
    return note('sockets', `${first.owner} at ${first.path} may not be opened: its names are not known`, {
      kind: 'permission',
      text: `let its user open ${first.path}: add it to the group of that socket`,
    })
  }
  if (open.length > 0) {
    return ok('sockets', open.map(({ owner, path }) => `${owner} at ${path}`).join(', '))
  }
  if (containers === 0) return ok('sockets', 'none, and no containers')
  const some =
    containers === 1 ? '1 container is known by its id' : `${containers} containers are known by their ids`
  if (vantage.place === 'machine') return note('sockets', `none below /run: ${some} only`)
  return note('sockets', `none: ${some} only`, {
    kind: 'mount',
    text: 'mount the socket of the container runtime, such as /run/containerd/containerd.sock',
  })
}
