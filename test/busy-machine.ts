/** A machine on which nginx and a container with python run, for pages of whole machines. */
import { statLine } from './activity/host.ts'
import type { Machine } from './machine.ts'

export const CONTAINER = `${'c0ffee'.repeat(10)}abcd`
const GROUPS = {
  nginx: '/system.slice/nginx.service',
  python: `/system.slice/docker-${CONTAINER}.scope`,
} as const

/** A service and a container, on cgroup v2. */
export function settle(machine: Machine): void {
  machine.write('sys/fs/cgroup/cgroup.controllers', 'cpu memory')
  machine.write('proc/1/stat', statLine({ pid: 1, comm: 'systemd', startTicks: 1, ticks: 0 }))
  machine.write('proc/1/cgroup', '0::/')
  machine.setCpu(1, 0)
  work(machine, 0, 0)
}

/** CPU time since the start, in milliseconds. */
export function work(machine: Machine, nginx: number, python: number): void {
  const use = (folder: string, milliseconds: number): void =>
    machine.write(`sys/fs/cgroup${folder}/cpu.stat`, `usage_usec ${milliseconds * 1000}`)
  const run = (pid: number, comm: 'nginx' | 'python', milliseconds: number): void => {
    machine.write(`proc/${pid}/stat`, statLine({ pid, comm, startTicks: 500, ticks: milliseconds / 10 }))
    machine.write(`proc/${pid}/cgroup`, `0::${GROUPS[comm]}`)
    machine.setCpu(pid, milliseconds * 1e6)
    use(GROUPS[comm], milliseconds)
  }
  run(400, 'nginx', nginx)
  run(500, 'python', python)
  use('/system.slice', nginx + python)
  use('', nginx + python)
}

/** Adds what the machine's CPUs did meanwhile, in clock ticks of 10 ms. */
export function tickCpus(machine: Machine, busyTicks: number, idleTicks: number): void {
  const text = machine.world.files.readText('/proc/stat')
  if (typeof text !== 'string') throw new Error(text.toString())
  machine.write(
    'proc/stat',
    text.replace(
      /^cpu {2}(\d+) (\d+) (\d+) (\d+)/m,
      (_, user, nice, system, idle) =>
        `cpu  ${Number(user) + busyTicks} ${nice} ${system} ${Number(idle) + idleTicks}`,
    ),
  )
}
