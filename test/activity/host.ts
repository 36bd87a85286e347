/** A machine with processes and cgroups that a test moves on by hand. */
import { Machine } from '../machine.ts'

export interface StatFigures {
  readonly pid: number
  readonly comm: string
  readonly startTicks: number
  /** User time. */
  readonly ticks: number
  readonly parent?: number
  readonly argumentsAt?: number
}

export const statLine = ({ pid, comm, startTicks, ticks, parent = 1, argumentsAt }: StatFigures): string => {
  const start = `${pid} (${comm}) S ${parent} 1 1 0 -1 4194560 0 0 0 0 ${ticks} 0 0 0 20 0 1 0 ${startTicks} 1000 100 18446744073709551615 0`
  return argumentsAt === undefined ? `${start}\n` : `${start} ${'0 '.repeat(21)}${argumentsAt} 0 0 0\n`
}

export type CgroupVersion = 'v1' | 'v2' | 'none'

const MILLISECOND = 1_000_000

interface HostProcess {
  comm: string
  readonly start: number
  cpu: number
  group: string
  /** Other than 1 where it says so. */
  parent?: number
  /** How often it has run another program. */
  execs?: number
}

/** CPU times are in milliseconds. Groups count what their processes use, at every level up to the root. */
export class Host {
  readonly machine: Machine
  readonly #version: CgroupVersion
  readonly #usage = new Map<string, number>()
  readonly #processes = new Map<number, HostProcess>()
  #forks = 100

  constructor(version: CgroupVersion = 'v2', options: { readonly cpuClock?: boolean } = {}) {
    this.machine = new Machine('', options)
    this.#version = version
    if (version === 'v2') {
      this.machine.write('sys/fs/cgroup/cgroup.controllers', 'cpu memory')
      this.machine.write('sys/fs/cgroup/cgroup.events', 'populated 1')
    }
    this.group('/')
    this.start(1, 'init')
    this.#writeMachine()
  }

  group(path: string): void {
    this.#usage.set(path, 0)
    this.#writeGroup(path)
  }

  removeGroup(path: string): void {
    this.#usage.delete(path)
    this.machine.remove(this.#folder(path))
  }

  start(pid: number, comm: string, group = '/', startTicks = this.#forks): void {
    this.#forks += 1
    this.#processes.set(pid, { comm, start: startTicks, cpu: 0, group })
    this.#writeProcess(pid)
    this.#writeMachine()
  }

  move(pid: number, group: string): void {
    this.#of(pid).group = group
    this.#writeProcess(pid)
  }

  rename(pid: number, comm: string): void {
    this.#of(pid).comm = comm
    this.#writeProcess(pid)
  }

  /** It runs another program; its name may stay. */
  exec(pid: number, words: readonly string[], parent = 1): void {
    const process = this.#of(pid)
    process.comm = (words[0] ?? '').slice(0, 15)
    process.execs = (process.execs ?? 0) + 1
    process.parent = parent
    this.machine.write(`proc/${pid}/cmdline`, words.map((word) => `${word}\0`).join(''))
    this.#writeProcess(pid)
  }

  /** A process works; its group and all above count it. */
  run(pid: number, milliseconds: number): void {
    const process = this.#of(pid)
    process.cpu += milliseconds
    this.#writeProcess(pid)
    this.use(process.group, milliseconds)
  }

  /** CPU time that a group counts and no living process shows. */
  use(group: string, milliseconds: number): void {
    for (const [path, before] of this.#usage) {
      if (path !== '/' && path !== group && !group.startsWith(`${path}/`)) continue
      this.#usage.set(path, before + milliseconds)
      this.#writeGroup(path)
    }
    this.#writeMachine()
  }

  exit(pid: number): void {
    this.#processes.delete(pid)
    this.machine.remove(`proc/${pid}`)
    this.machine.setCpu(pid, undefined)
  }

  #of(pid: number): HostProcess {
    const process = this.#processes.get(pid)
    if (process === undefined) throw new Error(`no process ${pid}`)
    return process
  }

  #folder(path: string): string {
    const root = this.#version === 'v2' ? 'sys/fs/cgroup' : 'sys/fs/cgroup/cpu,cpuacct'
    return path === '/' ? root : `${root}${path}`
  }

  #writeGroup(path: string): void {
    const used = this.#usage.get(path) ?? 0
    const folder = this.#folder(path)
    if (this.#version === 'v1') this.machine.write(`${folder}/cpuacct.usage`, used * MILLISECOND)
    if (this.#version === 'v2') {
      this.machine.write(`${folder}/cpu.stat`, `usage_usec ${used * 1000}\nuser_usec 0\nsystem_usec 0`)
    }
  }

  #writeProcess(pid: number): void {
    const { comm, start, cpu, group, parent = 1, execs } = this.#of(pid)
    const name = Buffer.from(comm).toString('latin1')
    this.machine.write(
      `proc/${pid}/stat`,
      statLine({
        pid,
        comm: name,
        startTicks: start,
        ticks: Math.floor(cpu / 10),
        parent,
        ...(execs !== undefined && { argumentsAt: execs }),
      }),
    )
    const line = this.#version === 'v1' ? `4:cpu,cpuacct:${group}\n1:name=systemd:/x` : `0::${group}`
    this.machine.write(`proc/${pid}/cgroup`, line)
    this.machine.setCpu(pid, cpu * MILLISECOND)
  }

  #writeMachine(): void {
    const ticks = Math.floor((this.#usage.get('/') ?? 0) / 10)
    this.machine.write(
      'proc/stat',
      `cpu  ${ticks} 0 0 100000 0 0 0\ncpu0 ${ticks} 0 0 100000 0 0 0\nprocesses ${this.#forks}`,
    )
  }
}
