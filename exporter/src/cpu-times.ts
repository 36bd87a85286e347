/**
 * CPU time of the whole machine from /proc/stat, in clock ticks of 10 ms (USER_HZ is 100 on every Linux that Node
 * runs on). https://docs.kernel.org/filesystems/proc.html#miscellaneous-kernel-statistics-in-proc-stat
 */
import { Unreadable, type World } from './world.ts'

export const TICKS_PER_SECOND = 100

export interface CpuTimes {
  readonly logicalCpus: number
  /** user, nice, system, irq and softirq: what this machine's CPUs did; guest time is part of user, stolen time is not ours. */
  readonly busyTicks: number
  /** Busy, idle and waiting for I/O. */
  readonly totalTicks: number
  /** Processes and threads made since boot; undefined where the kernel does not say. */
  readonly forks: number | undefined
}

export function readCpuTimes({ files, procfs }: Pick<World, 'files' | 'procfs'>): CpuTimes | Unreadable {
  const path = `${procfs}/stat`
  const text = files.readText(path)
  if (text instanceof Unreadable) return text
  const sum = /^cpu +(\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)/m.exec(text)
  const logicalCpus = text.match(/^cpu\d+ /gm)?.length ?? 0
  if (sum === null || logicalCpus === 0) return new Unreadable(path, 'no line "cpu"')
  const [user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, softirq = 0] = sum
    .slice(1)
    .map(Number)
  const busyTicks = user + nice + system + irq + softirq
  const forks = /^processes (\d+)$/m.exec(text)?.[1]
  return {
    logicalCpus,
    busyTicks,
    totalTicks: busyTicks + idle + waiting,
    forks: forks === undefined ? undefined : Number(forks),
  }
}
