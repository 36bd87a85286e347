/**
 * One NVML session, held open: finds the devices, asks each for what it can give, and looks at all of them once for
 * each tick. Calls may take milliseconds, and on a dying GPU for ever, so this runs in a thread of its own.
 * Structures are read by offset: the layouts of nvml.h (NVML API version 13), equal on x64 and arm64.
 */
import type {
  DeviceProblem,
  GpuLook,
  GpuProcess,
  Mig,
  MigInstance,
  NvmlAnswer,
  PowerSample,
  UtilisationRow,
} from '../nvml.ts'
import { seconds, watts, type Seconds, type Watts } from '../units.ts'
import type { Clock } from '../world.ts'
import { CODES, codeText, NoNvml, type Handle, type NvmlLibrary, type OpenLibrary } from './library.ts'
import { MigActivity } from './mig-activity.ts'

/** `outdated`: the driver was replaced underneath; the library that is mapped can never talk to the new one. */
export type SessionAnswer = NvmlAnswer | { readonly kind: 'outdated'; readonly why: string }

export interface SessionOptions {
  readonly open: OpenLibrary
  readonly clock: Pick<Clock, 'now'>
  /** Where it is at work: the device's index, or -1; to be read by who waits for it. */
  readonly progress?: Int32Array
}

/** A library that is missing or a driver that is not loaded is asked for again after so many seconds. */
const RETRY_SECONDS = 30
/** A lost device needs a new session to be found again; these are the first pause and the longest, in seconds. */
const FIRST_REOPEN_SECONDS = 10
const LAST_REOPEN_SECONDS = 300
/** A counter that stood still for so long may be broken: power is sampled meanwhile. */
const SUSPICIOUS_SECONDS = 1

const PERMISSION_ADVICE =
  'run the exporter as a user who may open /dev/nvidiactl and /dev/nvidia*; a container needs these devices'
const DRIVER_ADVICE =
  'load the driver with "modprobe nvidia"; a container needs the host’s devices (NVIDIA_VISIBLE_DEVICES)'
const MISMATCH_ADVICE =
  'the driver was upgraded and the kernel still runs the old one: reload its modules or restart the machine'
const UNKNOWN_ADVICE = 'see the kernel log (dmesg) for messages of NVRM'
const LOST_ADVICE = 'see the kernel log (dmesg) for Xid messages; reset the GPU or restart the machine'
const NO_POWER_ADVICE =
  'the driver gives neither an energy counter nor power for this GPU: measure it with a meter of the node'
const VGPU_ADVICE = 'a virtual GPU shows no power to its guest: measure on the host'

/** A physical device, and what was found out about it when the session was opened. */
interface Device {
  readonly handle: Handle
  readonly uuid: string
  readonly index: number
  readonly modelName: string
  readonly pciBusId: string
  readonly hasCounter: boolean
  readonly powerSource: PowerSource
  readonly powerLimit: Watts | undefined
  readonly isVirtual: boolean
  readonly migActivity: MigActivity | undefined
  readonly cursor: RowCursor
  millijoules: bigint | undefined
  movedAt: Seconds
  readonly samples: PowerSample[]
  isLost: boolean
}

/** How far the utilisation rows of a device were read; kept when the session is opened anew. */
interface RowCursor {
  /** Newest time stamp, on the driver's clock; 0 before the first. */
  seen: number
  /** Whether the rows of before the first look were passed over. */
  hasBase: boolean
}

/**
 * Field ids of nvml.h: the mean of a second where the device keeps one (Ampere but GA100, and newer), which is the
 * better figure to integrate; else the power of the instant; else what nvmlDeviceGetPowerUsage gives.
 */
type PowerSource = typeof FIELD_POWER_AVERAGE | typeof FIELD_POWER_INSTANT | 'usage' | undefined
const FIELD_POWER_AVERAGE = 185
const FIELD_POWER_INSTANT = 186

const VIRTUALIZATION_MODE_VGPU_GUEST = 2
const TEXT_BYTES = 96

export class NvmlSession {
  readonly #options: SessionOptions
  readonly #memory = new Scratch()
  #library: NvmlLibrary | undefined
  #devices: Device[] = []
  /** By UUID, of every device that was ever found. */
  readonly #cursors = new Map<string, RowCursor>()
  #isOpen = false
  /** It was open once with this library. */
  #hasBeenOpen = false
  #closed: Exclude<SessionAnswer, { kind: 'look' }> | undefined
  #retryAt: Seconds = seconds(-Infinity)
  #reopenAt: Seconds | undefined
  #reopenPause = FIRST_REOPEN_SECONDS

  constructor(options: SessionOptions) {
    this.#options = options
  }

  look(at: Seconds): SessionAnswer {
    if (this.#reopenAt !== undefined && at >= this.#reopenAt) this.#reopen()
    if (!this.#isOpen) {
      if (at < this.#retryAt && this.#closed !== undefined) return this.#closed
      this.#closed = this.#open()
      if (this.#closed !== undefined) {
        this.#retryAt = seconds(at + RETRY_SECONDS)
        return this.#closed
      }
    }
    const devices: GpuLook[] = []
    for (const device of this.#devices) {
      const answer = this.#lookAt(device)
      if (answer === CODES.libraryMismatch || answer === CODES.uninitialized) {
        return this.#refused(answer)
      }
      devices.push(answer)
    }
    this.#scheduleReopen(at)
    return { kind: 'look', look: { at, devices } }
  }

  /** Whether there are devices without a counter to trust, whose power is to be sampled between the looks. */
  get needsPower(): boolean {
    return this.#untrusted().length > 0
  }

  /** To be called at instants that are picked at random. */
  samplePower(): void {
    for (const device of this.#untrusted()) {
      this.#at(device.index)
      this.#samplePowerOf(device)
    }
    this.#at(-1)
  }

  #untrusted(): Device[] {
    const now = this.#options.clock.now()
    return this.#devices.filter(
      ({ hasCounter, movedAt, isLost, powerSource }) =>
        powerSource !== undefined && !isLost && !(hasCounter && now - movedAt < SUSPICIOUS_SECONDS),
    )
  }

  close(): void {
    if (!this.#isOpen || this.#library === undefined) return
    for (const { migActivity } of this.#devices) migActivity?.close()
    this.#devices = []
    this.#isOpen = false
    this.#library.shutdown()
  }

  #open(): Exclude<SessionAnswer, { kind: 'look' }> | undefined {
    const library = this.#library ?? this.#options.open()
    if (library instanceof NoNvml) return { kind: 'absent', why: library.why, advice: library.advice }
    this.#library = library
    const code = library.init()
    if (code !== CODES.success) return this.#refused(code)
    this.#isOpen = true
    this.#devices = this.#find(library)
    if (this.#devices.length === 0) {
      this.close()
      return { kind: 'absent', why: 'the driver finds no GPU', advice: DRIVER_ADVICE }
    }
    this.#hasBeenOpen = true
    return undefined
  }

  /** A lost device, or one that was put back, is only found by a new session. */
  #reopen(): void {
    this.#reopenAt = undefined
    this.close()
  }

  /** Also for one that a former session knew: it may come back. */
  #scheduleReopen(at: Seconds): void {
    const isComplete = this.#devices.length === this.#cursors.size
    if (isComplete && !this.#devices.some(({ isLost }) => isLost)) {
      this.#reopenPause = FIRST_REOPEN_SECONDS
      return
    }
    if (this.#reopenAt !== undefined) return
    this.#reopenAt = seconds(at + this.#reopenPause)
    this.#reopenPause = Math.min(LAST_REOPEN_SECONDS, this.#reopenPause * 2)
  }

  #refused(code: number): Exclude<SessionAnswer, { kind: 'look' }> {
    this.#devices = []
    this.#isOpen = false
    const why = `NVML: ${codeText(code)}`
    switch (code) {
      case CODES.libraryMismatch:
        return this.#hasBeenOpen
          ? { kind: 'outdated', why }
          : { kind: 'failed', why, advice: MISMATCH_ADVICE }
      case CODES.driverNotLoaded:
        return { kind: 'absent', why, advice: DRIVER_ADVICE }
      case CODES.noPermission:
        return { kind: 'failed', why, advice: PERMISSION_ADVICE }
      default:
        return { kind: 'failed', why, advice: UNKNOWN_ADVICE }
    }
  }

  #find(library: NvmlLibrary): Device[] {
    const { memory } = this.#memory
    if (library.deviceCount(memory) !== CODES.success) return []
    const count = memory.readUInt32LE(0)
    const devices: Device[] = []
    for (let index = 0; index < count; index += 1) {
      this.#at(index)
      if (library.deviceByIndex(index, memory) !== CODES.success) continue
      const handle = memory.readBigUInt64LE(0)
      const uuid = this.#text((out) => library.uuid(handle, out, TEXT_BYTES))
      if (uuid !== '') devices.push(this.#probe(library, handle, uuid, index))
    }
    this.#at(-1)
    return devices
  }

  /** What a device has is asked once; drivers answer the same as long as they are loaded. */
  #probe(library: NvmlLibrary, handle: Handle, uuid: string, index: number): Device {
    const { memory } = this.#memory
    const has = (call: (out: Buffer) => number): boolean => call(memory) === CODES.success
    const hasCounter = has((out) => library.totalEnergy(handle, out))
    const isVirtual =
      has((out) => library.virtualizationMode(handle, out)) &&
      memory.readUInt32LE(0) === VIRTUALIZATION_MODE_VGPU_GUEST
    return {
      handle,
      uuid,
      index,
      modelName: this.#text((out) => library.name(handle, out, TEXT_BYTES)),
      pciBusId: this.#pciBusId(library, handle),
      hasCounter,
      powerSource: this.#powerSource(library, handle),
      powerLimit: this.#powerLimit(library, handle),
      isVirtual,
      migActivity: MigActivity.of(library, handle, this.#options.clock),
      cursor: this.#cursorOf(uuid),
      millijoules: undefined,
      movedAt: this.#options.clock.now(),
      samples: [],
      isLost: false,
    }
  }

  /** The most that may be set: what is set now may be raised while we look on. */
  #powerLimit(library: NvmlLibrary, handle: Handle): Watts | undefined {
    const { memory } = this.#memory
    const isKnown =
      library.powerLimits(handle, memory.subarray(8), memory) === CODES.success ||
      library.enforcedPowerLimit(handle, memory) === CODES.success
    const milliwatts = memory.readUInt32LE(0)
    return isKnown && milliwatts > 0 ? watts(milliwatts / 1000) : undefined
  }

  #cursorOf(uuid: string): RowCursor {
    const cursor = this.#cursors.get(uuid) ?? { seen: 0, hasBase: false }
    this.#cursors.set(uuid, cursor)
    return cursor
  }

  #powerSource(library: NvmlLibrary, handle: Handle): PowerSource {
    for (const source of [FIELD_POWER_AVERAGE, FIELD_POWER_INSTANT, 'usage'] as const) {
      if (this.#milliwatts(library, handle, source) !== undefined) return source
    }
    return undefined
  }

  /** nvmlPciInfo_t: busId[32] at 36, `00000000:65:00.0`, whose domain has eight digits where sysfs has four. */
  #pciBusId(library: NvmlLibrary, handle: Handle): string {
    const { memory } = this.#memory
    memory.fill(0, 0, 68)
    if (library.pciInfo(handle, memory) !== CODES.success) return ''
    const busId = textAt(memory, 36, 32).toLowerCase()
    return busId.replace(/^0000(?=[0-9a-f]{4}:)/, '')
  }

  #lookAt(device: Device): GpuLook | typeof CODES.libraryMismatch | typeof CODES.uninitialized {
    const library = this.#library
    if (library === undefined) return CODES.uninitialized
    this.#at(device.index)
    // The counter first: it is what the tick's instant belongs to.
    const code = device.isLost ? CODES.gpuIsLost : this.#readEnergy(library, device)
    if (code === CODES.libraryMismatch || code === CODES.uninitialized) return code
    if (code === CODES.gpuIsLost || code === CODES.resetRequired) device.isLost = true
    const base = {
      uuid: device.uuid,
      index: device.index,
      modelName: device.modelName,
      pciBusId: device.pciBusId,
      hasCounter: device.hasCounter,
      powerLimit: device.powerLimit,
    }
    if (code !== CODES.success) {
      this.#at(-1)
      const advice = device.isLost ? LOST_ADVICE : UNKNOWN_ADVICE
      const problem = { why: codeText(code), advice, isFault: true }
      return { ...base, ...NOTHING, problem }
    }
    this.#samplePowerOf(device)
    const mig = this.#mig(library, device)
    const processes = mig === undefined ? this.#processes(library, device) : NO_PROCESSES
    const rowsSince = device.cursor.seen
    const rows = mig === undefined ? this.#rows(library, device) : []
    this.#at(-1)
    return {
      ...base,
      problem: problemOf(device),
      millijoules: device.hasCounter ? device.millijoules : undefined,
      power: device.samples.splice(0),
      mig,
      processes: processes.list,
      processesUnknown: mig === undefined ? processes.unknown : unknownIn(mig),
      rows,
      rowsSince,
    }
  }

  /** Also for a device without a counter: the call says whether it is still there. */
  #readEnergy(library: NvmlLibrary, device: Device): number {
    const { memory } = this.#memory
    const code = device.hasCounter
      ? library.totalEnergy(device.handle, memory)
      : library.uuid(device.handle, memory, TEXT_BYTES)
    if (code !== CODES.success || !device.hasCounter) return code
    const millijoules = memory.readBigUInt64LE(0)
    if (millijoules !== device.millijoules) device.movedAt = this.#options.clock.now()
    device.millijoules = millijoules
    return code
  }

  #samplePowerOf({ handle, powerSource, samples }: Device): void {
    if (powerSource === undefined || this.#library === undefined) return
    const milliwatts = this.#milliwatts(this.#library, handle, powerSource)
    if (milliwatts === undefined) return
    samples.push({ at: this.#options.clock.now(), watts: watts(milliwatts / 1000) })
  }

  /** nvmlFieldValue_t, 40 bytes: fieldId u32 at 0, scopeId at 4 (0 is the GPU), nvmlReturn at 28, value at 32. */
  #milliwatts(library: NvmlLibrary, handle: Handle, source: PowerSource): number | undefined {
    const { memory } = this.#memory
    if (source === 'usage') {
      return library.powerUsage(handle, memory) === CODES.success ? memory.readUInt32LE(0) : undefined
    }
    memory.fill(0, 0, 40)
    memory.writeUInt32LE(source ?? 0, 0)
    if (library.fieldValues(handle, 1, memory) !== CODES.success) return undefined
    return memory.readUInt32LE(28) === CODES.success ? memory.readUInt32LE(32) : undefined
  }

  /** Graphics contexts of a process that computes as well are part of its compute context. */
  #processes(library: NvmlLibrary, { handle }: Device): ProcessesSeen {
    const compute = this.#pids(library, 'computeProcesses', handle)
    if (typeof compute === 'string') return { list: [], unknown: compute }
    const mps = this.#pids(library, 'mpsProcesses', handle)
    const graphics = this.#pids(library, 'graphicsProcesses', handle)
    const computing = new Set([...compute, ...(typeof mps === 'string' ? [] : mps)])
    const drawing = new Set(typeof graphics === 'string' ? [] : graphics)
    const list: GpuProcess[] = Array.from(computing, (pid) => ({ pid, kind: 'compute' }))
    for (const pid of drawing) if (!computing.has(pid)) list.push({ pid, kind: 'graphics' })
    return { list, unknown: '' }
  }

  /**
   * nvmlProcessInfo_t: pid u32 at 0; the rest is not needed.
   * @returns why there are none to tell, where the driver does not list them
   */
  #pids(
    library: NvmlLibrary,
    list: 'computeProcesses' | 'graphicsProcesses' | 'mpsProcesses',
    handle: Handle,
  ): readonly number[] | string {
    const bytes = library.processInfoBytes[list]
    const { code, count, rows } = this.#memory.list(bytes, (length, infos) =>
      library[list](handle, length, infos),
    )
    if (code !== CODES.success) return codeText(code)
    return Array.from({ length: count }, (_, index) => rows.readUInt32LE(index * bytes))
  }

  /** nvmlProcessUtilizationSample_t, 32 bytes: pid u32 at 0, timeStamp u64 µs at 8, smUtil u32 at 16. */
  #rows(library: NvmlLibrary, { handle, cursor }: Device): readonly UtilisationRow[] {
    const since = cursor.seen
    const { code, count, rows } = this.#memory.list(32, (length, samples) =>
      library.processUtilization(handle, samples, length, since),
    )
    const isFirst = !cursor.hasBase
    cursor.hasBase = true
    if (code !== CODES.success) return [] // not found: nobody was busy
    const seen: UtilisationRow[] = []
    for (let offset = 0; offset < count * 32; offset += 32) {
      const timeStamp = Number(rows.readBigUInt64LE(offset + 8))
      if (timeStamp <= since) continue
      cursor.seen = Math.max(cursor.seen, timeStamp)
      seen.push({ pid: rows.readUInt32LE(offset), timeStamp, sm: rows.readUInt32LE(offset + 16) })
    }
    return isFirst ? [] : seen // what is in the driver's ring at the first look was before it
  }

  #mig(library: NvmlLibrary, device: Device): Mig | undefined {
    const { memory } = this.#memory
    const { handle } = device
    const pending = memory.subarray(8, 16)
    if (library.migMode(handle, memory, pending) !== CODES.success || memory.readUInt32LE(0) !== 1) {
      device.migActivity?.forget()
      return undefined
    }
    const most = library.maxMigDevices(handle, memory) === CODES.success ? memory.readUInt32LE(0) : 0
    const instances: MigInstance[] = []
    for (let index = 0; index < most; index += 1) {
      if (library.migDeviceByIndex(handle, index, memory) !== CODES.success) continue // a gap
      const instance = this.#migInstance(library, memory.readBigUInt64LE(0))
      if (instance !== undefined) instances.push(instance)
    }
    return { slices: most, instances: device.migActivity?.measure(instances) ?? instances }
  }

  /** nvmlDeviceAttributes_t: gpuInstanceSliceCount u32 at 24, computeInstanceSliceCount at 28. */
  #migInstance(library: NvmlLibrary, handle: Handle): MigInstance | undefined {
    const { memory } = this.#memory
    const number = (call: (out: Buffer) => number): number | undefined =>
      call(memory) === CODES.success ? memory.readUInt32LE(0) : undefined
    const gpuInstance = number((out) => library.gpuInstanceId(handle, out))
    const computeInstance = number((out) => library.computeInstanceId(handle, out))
    if (gpuInstance === undefined || computeInstance === undefined) return undefined // just being made anew
    memory.fill(0, 0, 40)
    const hasSlices = library.attributes(handle, memory) === CODES.success
    const gpuSlices = hasSlices ? memory.readUInt32LE(24) : 1
    const computeSlices = hasSlices ? memory.readUInt32LE(28) : 1
    const pids = this.#pids(library, 'computeProcesses', handle)
    return {
      uuid: this.#text((out) => library.uuid(handle, out, TEXT_BYTES)),
      gpuInstance,
      computeInstance,
      gpuSlices,
      computeSlices,
      activity: undefined,
      pids: typeof pids === 'string' ? [] : pids,
      processesUnknown: typeof pids === 'string' ? pids : '',
    }
  }

  #text(call: (out: Buffer) => number): string {
    const { memory } = this.#memory
    memory.fill(0, 0, TEXT_BYTES)
    return call(memory) === CODES.success ? textAt(memory, 0, TEXT_BYTES) : ''
  }

  #at(index: number): void {
    if (this.#options.progress !== undefined) Atomics.store(this.#options.progress, 0, index)
  }
}

interface ProcessesSeen {
  readonly list: readonly GpuProcess[]
  readonly unknown: string
}

const unknownIn = ({ instances }: Mig): string =>
  instances.find(({ processesUnknown }) => processesUnknown !== '')?.processesUnknown ?? ''

const NO_PROCESSES: ProcessesSeen = { list: [], unknown: '' }

const NOTHING = {
  millijoules: undefined,
  power: [],
  mig: undefined,
  processes: [],
  processesUnknown: '',
  rows: [],
  rowsSince: 0,
} as const

const problemOf = ({ hasCounter, powerSource, isVirtual }: Device): DeviceProblem | undefined =>
  hasCounter || powerSource !== undefined
    ? undefined
    : {
        why: isVirtual
          ? 'a virtual GPU without a power sensor'
          : 'it has no power sensor that the driver shows',
        advice: isVirtual ? VGPU_ADVICE : NO_POWER_ADVICE,
        isFault: false,
      }

function textAt(memory: Buffer, offset: number, length: number): string {
  const end = memory.indexOf(0, offset)
  return memory.toString('latin1', offset, end < 0 ? offset + length : Math.min(end, offset + length))
}

/** A list that is longer than the driver was given room for is asked for again, so many times. */
const LIST_ATTEMPTS = 4
const FIRST_LIST_ROWS = 256

/** Memory for out arguments, used again for every call. */
class Scratch {
  readonly memory = Buffer.alloc(128)
  readonly #count = Buffer.alloc(4)
  #rows = Buffer.alloc(0)

  list(
    bytes: number,
    call: (count: Buffer, rows: Buffer) => number,
  ): { readonly code: number; readonly count: number; readonly rows: Buffer } {
    let room = FIRST_LIST_ROWS
    let code: number = CODES.insufficientSize
    for (let attempt = 0; attempt < LIST_ATTEMPTS && code === CODES.insufficientSize; attempt += 1) {
      if (this.#rows.length < room * bytes) this.#rows = Buffer.alloc(room * bytes)
      this.#count.writeUInt32LE(room)
      code = call(this.#count, this.#rows)
      if (code === CODES.insufficientSize) room = Math.max(room * 2, this.#count.readUInt32LE(0))
    }
    const count = Math.min(this.#count.readUInt32LE(0), Math.floor(this.#rows.length / bytes))
    return { code, count, rows: this.#rows }
  }
}
