/**
 * What a real driver said, look by look, kept as lines of JSON: a first line about the machine, then one for each
 * look. The hardware suite writes them; the ordinary tests play them back.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import type { NvmlLook } from '../../exporter/src/nvml.ts'

export interface RecordedMachine {
  readonly gpu: string
  readonly driver: string
  readonly date: string
  /** Such as `training and inference, 100 ms`. */
  readonly scenario: string
  /** What ran on the boards, by pid. */
  readonly processes: Readonly<Record<string, string>>
}

export interface Recording {
  readonly machine: RecordedMachine
  readonly looks: readonly NvmlLook[]
}

/** Energies are larger than JSON's numbers: they are texts that end with `mJ`. */
export function writeRecording(path: string, { machine, looks }: Recording): void {
  const line = (value: unknown): string =>
    JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}mJ` : part))
  writeFileSync(path, `${[machine, ...looks].map(line).join('\n')}\n`)
}

export function readRecording(path: string | URL): Recording {
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  const [machine, ...looks] = lines.map((line): unknown =>
    JSON.parse(line, (_, part: unknown) =>
      typeof part === 'string' && /^\d+mJ$/.test(part) ? BigInt(part.slice(0, -2)) : part,
    ),
  )
  return { machine: machine as RecordedMachine, looks: (looks as NvmlLook[]).map(complete) }
}

/** JSON leaves out what is undefined. */
const complete = (look: NvmlLook): NvmlLook => ({
  at: look.at,
  devices: look.devices.map((device) => ({
    ...device,
    problem: device.problem,
    millijoules: device.millijoules,
    powerLimit: device.powerLimit,
    mig: device.mig,
  })),
})
