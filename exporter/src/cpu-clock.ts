/** The CPU clock of processes where it can be had, and why where it cannot. */
import { isOwnProcfs, NoLibc, openLibc } from './libc.ts'
import { linuxFiles, type CpuClock } from './world.ts'

export async function openCpuClock(
  procfs: string,
): Promise<
  { readonly clock: CpuClock; readonly reason: '' } | { readonly clock: undefined; readonly reason: string }
> {
  const libc = await openLibc()
  if (libc instanceof NoLibc) return { clock: undefined, reason: libc.reason }
  if (isOwnProcfs(linuxFiles(), procfs)) return { clock: libc.cpuClock, reason: '' }
  return { clock: undefined, reason: `${procfs} belongs to another PID namespace` }
}
