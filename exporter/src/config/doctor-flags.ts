/** The flags of `wattribute doctor`. */
import { UsageError, type Setting } from './usage-error.ts'

export const DOCTOR_FLAGS = [
  {
    name: 'calibrate.seconds',
    value: 'SECONDS',
    default: '60',
    sentence: 'How long --calibrate watches, 10 to 3600.',
    only: 'doctor',
  },
] as const

export const DOCTOR_SWITCHES = [
  { name: 'json', sentence: 'Print the findings as JSON.', only: 'doctor' },
  {
    name: 'workloads',
    sentence: 'Explain what each process is called and which rule named it, instead of the sensors.',
    only: 'doctor',
  },
  {
    name: 'calibrate',
    sentence:
      'Measure the idle power of all that is measured, on an idle machine, and print it for the key `baselines` of the configuration.',
    only: 'doctor',
  },
] as const

type DoctorFlagName = (typeof DOCTOR_FLAGS)[number]['name'] | 'output'

export interface DoctorFlags {
  readonly json: boolean
  readonly workloads: boolean
  readonly calibrate: boolean
  readonly calibrateSeconds: number
  /** Undefined: standard output. */
  readonly output: string | undefined
}

/** @throws UsageError */
export function doctorFlagsOf(
  valueOf: (name: DoctorFlagName) => Setting,
  switches: ReadonlySet<string>,
): DoctorFlags {
  const json = switches.has('json')
  const workloads = switches.has('workloads')
  const calibrate = switches.has('calibrate')
  const output = valueOf('output')
  if (json && calibrate) throw new UsageError('--json and --calibrate do not go together')
  if (workloads && calibrate) throw new UsageError('--workloads and --calibrate do not go together')
  const isGiven = output.text !== '' && output.from === '--output' // one of the environment is for another command
  if (isGiven && !calibrate) throw new UsageError('--output needs --calibrate')
  return {
    json,
    workloads,
    calibrate,
    calibrateSeconds: secondsOf(valueOf('calibrate.seconds')),
    output: calibrate && output.text !== '' ? output.text : undefined,
  }
}

function secondsOf({ text, from }: Setting): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN
  if (!(count >= 10 && count <= 3600))
    throw new UsageError(`${from}: ${text} is not a number from 10 to 3600`)
  return count
}
