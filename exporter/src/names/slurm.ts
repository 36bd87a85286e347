/**
 * What a Slurm job is called. The node's daemon keeps it in the environment of the job's processes and nowhere else
 * that can be read (https://slurm.schedmd.com/sbatch.html#SECTION_OUTPUT-ENVIRONMENT-VARIABLES): a job's owner can
 * write other words there. That it is this job, and whose, comes from the kernel.
 */
import type { JobFindings } from '../model.ts'
import { Unreadable, type World } from '../world.ts'
import type { Users } from './users.ts'

/** Names become labels of metrics. */
const LONGEST_VALUE = 256

/** @returns undefined where the process says nothing of that job, or may not be read */
export function jobOf(world: World, users: Users, pid: number, job: string): JobFindings | undefined {
  const environment = world.files.readText(`${world.procfs}/${pid}/environ`)
  if (environment instanceof Unreadable) return undefined
  const valueOf = (name: string): string => {
    const entry = environment.split('\0').find((one) => one.startsWith(`${name}=`))
    const value = entry?.slice(name.length + 1, name.length + 1 + LONGEST_VALUE) ?? ''
    return Buffer.from(value, 'latin1').toString()
  }
  if (valueOf('SLURM_JOB_ID') !== job) return undefined
  return {
    name: valueOf('SLURM_JOB_NAME'),
    account: valueOf('SLURM_JOB_ACCOUNT'),
    user: users.nameOf(ownerOf(world, pid)),
    devices: valueOf('SLURM_JOB_GPUS')
      .split(',')
      .filter((device) => /^\d{1,3}$/.test(device)),
  }
}

/** Number of the user who runs a process: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html */
function ownerOf({ files, procfs }: World, pid: number): string {
  const status = files.readText(`${procfs}/${pid}/status`)
  return status instanceof Unreadable ? '' : (/^Uid:\t(\d+)/m.exec(status)?.[1] ?? '')
}
