/**
 * A machine with NVIDIA GPUs that a test moves on by hand, behind a real shared library: `fake-nvml.c`, compiled with
 * cc once for each kind of driver, then copied for each machine, since a loader loads one file once. The library maps
 * the file that is written here, also in another process.
 */
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nvmlOpener } from '../../exporter/src/nvml/library.ts'
import { NvmlSession, type SessionAnswer } from '../../exporter/src/nvml/session.ts'
import type { Nvml, NvmlLook } from '../../exporter/src/nvml.ts'
import type { Clock } from '../../exporter/src/world.ts'

/** `old` lacks fields, MIG, GPM and the newer lists, as drivers before 460 do; `pascal` has no energy counter either. */
export type Driver = 'current' | 'old' | 'pascal'

const DEFINES: Readonly<Record<Driver, readonly string[]>> = {
  current: [],
  old: ['-DOLD_DRIVER'],
  pascal: ['-DOLD_DRIVER', '-DPASCAL_ERA'],
}

/** The layout of `Machine` in fake-nvml.c: every field is 64 bits wide. */
const PROCESSES = 160
const ROWS = 512
const INSTANCES = 8
const DEVICES = 16
const MACHINE_FIELDS = [
  'devices',
  'initError',
  'callsError',
  'inits',
  'shutdowns',
  'calls',
  'callsInFlight',
  'mostInFlight',
  'gpmSamples',
] as const
const TEXTS = { uuid: 0, name: 96, busId: 192 } as const
const FIELDS_AT = 224
const FIELDS = [
  'error',
  'hangs',
  'hasCounter',
  'millijoules',
  'milliwatts',
  'hasAverage',
  'hasInstant',
  'hasUsage',
  'limitMilliwatts',
  'mostMilliwatts',
  'virtualizationMode',
  'listsError',
  'migEnabled',
  'migMost',
  'hasGpm',
  'computeCount',
  'graphicsCount',
  'mpsCount',
  'rowCount',
] as const
const LISTS_AT = FIELDS_AT + FIELDS.length * 8
const ROWS_AT = LISTS_AT + 3 * PROCESSES * 8
const INSTANCES_AT = ROWS_AT + ROWS * 24
const INSTANCE_BYTES = (7 + PROCESSES) * 8
const DEVICE_BYTES = INSTANCES_AT + INSTANCES * INSTANCE_BYTES
const MACHINE_BYTES = MACHINE_FIELDS.length * 8 + DEVICES * DEVICE_BYTES

const folder = mkdtempSync(join(tmpdir(), 'wattribute-nvml-'))
const libraries = new Map<Driver, string>()
let copies = 0

process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

function compiled(driver: Driver): string {
  const known = libraries.get(driver)
  if (known !== undefined) return known
  const library = join(folder, `${driver}.so`)
  const source = fileURLToPath(new URL('./fake-nvml.c', import.meta.url))
  const words = [
    '-shared',
    '-fPIC',
    '-O1',
    '-Wall',
    '-Wextra',
    '-Werror',
    ...DEFINES[driver],
    '-o',
    library,
    source,
  ]
  const { status, stderr, error } = spawnSync('cc', words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`cc: ${error?.message ?? stderr}`)
  libraries.set(driver, library)
  return library
}

export class FakeNvml {
  /** Of the library, for `--path.nvml`. */
  readonly path: string
  readonly #file: number
  readonly #gpus: FakeGpu[] = []

  constructor(driver: Driver = 'current') {
    copies += 1
    this.path = join(folder, `libnvidia-ml-${copies}.so.1`)
    copyFileSync(compiled(driver), this.path)
    this.#file = openSync(`${this.path}.machine`, 'w+')
    ftruncateSync(this.#file, MACHINE_BYTES)
  }

  /** A Hopper board of 700 W with all that a driver can give, idling at 70 W, unless said otherwise. */
  add(more: GpuFigures = {}): FakeGpu {
    const index = this.#gpus.length
    const start = MACHINE_FIELDS.length * 8 + index * DEVICE_BYTES
    const gpu = new FakeGpu(this.#file, start, index)
    gpu.set({
      hasCounter: 1,
      millijoules: 5_000_000,
      milliwatts: 70_000,
      hasAverage: 1,
      hasInstant: 1,
      hasUsage: 1,
      limitMilliwatts: 700_000,
      ...more,
    })
    this.#gpus.push(gpu)
    this.set('devices', this.#gpus.length)
    return gpu
  }

  set(field: (typeof MACHINE_FIELDS)[number], value: number): void {
    writeNumber(this.#file, MACHINE_FIELDS.indexOf(field) * 8, value)
  }

  get(field: (typeof MACHINE_FIELDS)[number]): number {
    return readNumber(this.#file, MACHINE_FIELDS.indexOf(field) * 8)
  }

  close(): void {
    closeSync(this.#file)
  }
}

export type GpuFigures = Partial<Record<(typeof FIELDS)[number], number>>

export interface FakeInstance {
  readonly gpuInstance: number
  readonly computeInstance?: number
  readonly gpuSlices: number
  readonly computeSlices?: number
  /** SM utilisation in percent. */
  readonly busy?: number
  readonly pids?: readonly number[]
}

export class FakeGpu {
  readonly uuid: string
  readonly #file: number
  readonly #start: number

  constructor(file: number, start: number, index: number) {
    this.#file = file
    this.#start = start
    const digit = index.toString(16)
    this.uuid = `GPU-${digit.repeat(8)}-0000-4000-8000-${digit.repeat(12)}`
    this.#text('uuid', this.uuid)
    this.#text('name', 'NVIDIA H100 80GB HBM3')
    this.#text('busId', `00000000:${(0x10 + index).toString(16)}:00.0`.toUpperCase())
  }

  set(figures: GpuFigures): this {
    for (const [field, value] of Object.entries(figures)) {
      writeNumber(this.#file, this.#at(field as keyof GpuFigures), value)
    }
    return this
  }

  get(field: keyof GpuFigures): number {
    return readNumber(this.#file, this.#at(field))
  }

  /** @param busId as NVML writes it: `00000000:65:00.0` */
  called(name: string, busId?: string): this {
    this.#text('name', name)
    if (busId !== undefined) this.#text('busId', busId)
    return this
  }

  /** The counter goes on. */
  spend(joules: number): this {
    return this.set({ millijoules: this.get('millijoules') + joules * 1000 })
  }

  compute(...pids: readonly number[]): this {
    return this.#list(0, 'computeCount', pids)
  }

  graphics(...pids: readonly number[]): this {
    return this.#list(1, 'graphicsCount', pids)
  }

  mps(...pids: readonly number[]): this {
    return this.#list(2, 'mpsCount', pids)
  }

  /** What is in the driver's ring: process, microseconds, percent. */
  rows(...rows: readonly (readonly [pid: number, timeStamp: number, sm: number])[]): this {
    const bytes = Buffer.alloc(rows.length * 24)
    rows.flat().forEach((value, index) => bytes.writeBigUInt64LE(BigInt(value), index * 8))
    writeSync(this.#file, bytes, 0, bytes.length, this.#start + ROWS_AT)
    return this.set({ rowCount: rows.length })
  }

  /** MIG is on, with these instances. */
  mig(...instances: readonly FakeInstance[]): this {
    for (let index = 0; index < INSTANCES; index += 1) this.#instance(index, instances[index])
    return this.set({ migMost: 7, migEnabled: 1 })
  }

  #instance(index: number, instance: FakeInstance | undefined): void {
    const values =
      instance === undefined
        ? [0]
        : [
            1,
            instance.gpuInstance,
            instance.computeInstance ?? 0,
            instance.gpuSlices,
            instance.computeSlices ?? instance.gpuSlices,
            (instance.busy ?? 0) * 10,
            instance.pids?.length ?? 0,
            ...(instance.pids ?? []),
          ]
    values.forEach((value, field) =>
      writeNumber(this.#file, this.#start + INSTANCES_AT + index * INSTANCE_BYTES + field * 8, value),
    )
  }

  #list(list: 0 | 1 | 2, count: keyof GpuFigures, pids: readonly number[]): this {
    pids.forEach((pid, index) =>
      writeNumber(this.#file, this.#start + LISTS_AT + (list * PROCESSES + index) * 8, pid),
    )
    return this.set({ [count]: pids.length })
  }

  #at(field: keyof GpuFigures): number {
    return this.#start + FIELDS_AT + FIELDS.indexOf(field) * 8
  }

  #text(field: keyof typeof TEXTS, text: string): void {
    const bytes = Buffer.alloc(field === 'busId' ? 32 : 96)
    bytes.write(text, 'latin1')
    writeSync(this.#file, bytes, 0, bytes.length, this.#start + TEXTS[field])
  }
}

function writeNumber(file: number, at: number, value: number): void {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(Math.round(value)))
  writeSync(file, bytes, 0, 8, at)
}

function readNumber(file: number, at: number): number {
  const bytes = Buffer.alloc(8)
  readSync(file, bytes, 0, 8, at)
  return Number(bytes.readBigUInt64LE())
}

/** The session in this thread: what is asked is answered at once. */
export class SessionDoor implements Nvml {
  readonly session: NvmlSession
  #newest: NvmlLook | undefined
  /** What the newest look answered. */
  answer: SessionAnswer | undefined

  private constructor(session: NvmlSession) {
    this.session = session
  }

  static async open(path: string, clock: Pick<Clock, 'now'>): Promise<SessionDoor> {
    return new SessionDoor(new NvmlSession({ open: await nvmlOpener(path), clock }))
  }

  get newest(): NvmlLook | undefined {
    return this.#newest
  }

  look: Nvml['look'] = async (at) => {
    const answer = this.session.look(at)
    this.answer = answer
    if (answer.kind === 'outdated') return { ...answer, kind: 'failed', advice: 'restart' }
    if (answer.kind === 'look') this.#newest = answer.look
    return answer
  }

  async close(): Promise<void> {
    this.session.close()
  }
}
