/** One line of /proc/<pid>/stat: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
import { TICKS_PER_SECOND } from './cpu-times.ts'
import { nanoseconds, type Nanoseconds } from './units.ts'

export interface ProcessStat {
  readonly pid: number
  readonly parentPid: number
  readonly comm: string
  /** Clock ticks after boot. */
  readonly startTicks: number
  /** User and system time of all threads, in steps of a clock tick. */
  readonly cpu: Nanoseconds
  /** Where its arguments are in its memory, which is another place after each exec; `0` where that may not be known. */
  readonly argumentsAt: string
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
  const fields = text.slice(close + 2).split(' ', 46) // from field 3 on
  const [parentPid = 0, userTicks, systemTicks, startTicks] = [1, 11, 12, 19].map((index) =>
    Number(fields[index]),
  )
  const pid = Number(text.slice(0, open))
  if (!isCount(pid) || !isCount(userTicks) || !isCount(systemTicks) || !isCount(startTicks)) return undefined
  return {
    pid,
    parentPid,
    comm: Buffer.from(text.slice(open + 1, close), 'latin1').toString('utf8'),
    startTicks,
    cpu: nanoseconds((userTicks + systemTicks) * (1e9 / TICKS_PER_SECOND)),
    argumentsAt: fields[45]?.trim() ?? '0',
  }
}

const isCount = (value: number | undefined): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0
