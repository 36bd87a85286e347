/**
 * What the engine and the thread that calls NVML say to each other. A look at sixteen boards may hold thousands of
 * rows and processes: as objects, each costs microseconds to copy from thread to thread, as numbers in one block
 * nearly nothing.
 */
import type { GpuLook, GpuProcess, UtilisationRow } from '../nvml.ts'
import type { Seconds } from '../units.ts'
import type { SessionAnswer } from './session.ts'

export interface NvmlThreadSettings {
  /** Of the library; undefined: where drivers put it. */
  readonly library: string | undefined
  /** Holds one Int32: the index of the device that a call is about, or -1. */
  readonly progress: SharedArrayBuffer
}

export type ToNvml = { readonly kind: 'look'; readonly at: Seconds } | { readonly kind: 'close' }

export type FromNvml =
  | { readonly kind: 'look'; readonly at: Seconds; readonly devices: readonly PackedGpu[] }
  | { readonly kind: 'no-look'; readonly answer: Exclude<SessionAnswer, { kind: 'look' }> }

interface PackedGpu extends Omit<GpuLook, 'rows' | 'processes'> {
  /** Process, time stamp, percent, one row after the other. */
  readonly rows: Float64Array
  /** Pids of those that compute, then of those that only draw. */
  readonly computing: Uint32Array
  readonly drawing: Uint32Array
}

export const packed = (answer: SessionAnswer): FromNvml =>
  answer.kind === 'look'
    ? { kind: 'look', at: answer.look.at, devices: answer.look.devices.map(packedGpu) }
    : { kind: 'no-look', answer }

export const unpacked = (message: FromNvml): SessionAnswer =>
  message.kind === 'look'
    ? { kind: 'look', look: { at: message.at, devices: message.devices.map(unpackedGpu) } }
    : message.answer

function packedGpu({ rows, processes, ...others }: GpuLook): PackedGpu {
  const numbers = new Float64Array(rows.length * 3)
  rows.forEach(({ pid, timeStamp, sm }, index) => {
    numbers[index * 3] = pid
    numbers[index * 3 + 1] = timeStamp
    numbers[index * 3 + 2] = sm
  })
  const pids = (wanted: GpuProcess['kind']): Uint32Array =>
    Uint32Array.from(processes.filter(({ kind }) => kind === wanted).map(({ pid }) => pid))
  return { ...others, rows: numbers, computing: pids('compute'), drawing: pids('graphics') }
}

function unpackedGpu({ rows: numbers, computing, drawing, ...others }: PackedGpu): GpuLook {
  const rows: UtilisationRow[] = []
  for (let index = 0; index < numbers.length; index += 3) {
    rows.push({ pid: numbers[index] ?? 0, timeStamp: numbers[index + 1] ?? 0, sm: numbers[index + 2] ?? 0 })
  }
  const processes: GpuProcess[] = []
  for (const pid of computing) processes.push({ pid, kind: 'compute' })
  for (const pid of drawing) processes.push({ pid, kind: 'graphics' })
  return { ...others, rows, processes }
}
