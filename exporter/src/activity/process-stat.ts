/** One line of /proc/<pid>/stat: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
import { TICKS_PER_SECOND } from '../cpu-times.ts'
import { nanoseconds, type Nanoseconds } from '../units.ts'

export interface ProcessStat {
  readonly pid: number
  readonly comm: string
  /** Clock ticks after boot. */
  readonly startTicks: number
  /** User and system time of all threads, in steps of a clock tick. */
  readonly cpu: Nanoseconds
}

/**
 * The name may hold spaces, parentheses and line ends, so the fields are counted from the last parenthesis.
 * @param text latin1 bytes
 * @returns nothing when the line is cut off or no such line
 */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  if (open < 0 || close < open) return undefined
  const fields = text.slice(close + 2).split(' ', 20) // from field 3 on
  const [userTicks, systemTicks, startTicks] = [fields[11], fields[12], fields[19]].map(Number)
  const pid = Number(text.slice(0, open))
  if (!isCount(pid) || !isCount(userTicks) || !isCount(systemTicks) || !isCount(startTicks)) return undefined
  return {
    pid,
    comm: Buffer.from(text.slice(open + 1, close), 'latin1').toString('utf8'),
    startTicks,
    cpu: nanoseconds((userTicks + systemTicks) * (1e9 / TICKS_PER_SECOND)),
  }
}

const isCount = (value: number | undefined): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0
