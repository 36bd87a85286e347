/**
 * On real hardware, `npm run test:gpu`: what the built exporter books beside NVIDIA's own counter, over a PyTorch
 * training and an inference loop, alone and two at once, before, during and after, at ticks of 1 s and 100 ms. What
 * the driver said goes to test/recordings/, one file for each run. Needs an idle GPU, Node as root in the host's PID
 * namespace, and python3 with PyTorch and CUDA. About seven minutes.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NoNvml, nvmlOpener, type NvmlLibrary } from '../../exporter/src/nvml/library.ts'
import { NvmlSession } from '../../exporter/src/nvml/session.ts'
import type { NvmlLook } from '../../exporter/src/nvml.ts'
import { linuxClock } from '../../exporter/src/world.ts'
import { ExporterProcess } from '../e2e/exporter-process.ts'
import { parsePage } from '../exposition/page-text.ts'
import { writeRecording } from './recording.ts'

/** In another place than drivers put it: as for the exporter itself. */
const LIBRARY = process.env['WATTRIBUTE_PATH_NVML'] ?? undefined
const LOAD = fileURLToPath(new URL('./load.py', import.meta.url))
const RECORDINGS = fileURLToPath(new URL('../recordings/', import.meta.url))

const RUN_SECONDS = 30
const PAUSE_SECONDS = 15
const LOOK_MILLISECONDS = 100
/** How late the counter may be: its own update, our looks at it, and the tick's. */
const LATE_SECONDS = 0.3

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

type Kind = 'training' | 'inference'

/** A PyTorch process at work. */
class Load {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  static async start(kind: Kind): Promise<Load> {
    const child = spawn('python3', [LOAD, kind], { stdio: ['pipe', 'pipe', 'inherit'] })
    const ended = once(child, 'exit').then(() => {
      throw new Error(`the ${kind} ended before it was ready`)
    })
    await Promise.race([once(child.stdout, 'data'), ended])
    ended.catch(() => undefined)
    return new Load(child)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.stdin?.end()
    await ended
  }
}

/** NVML itself, beside the exporter: the counter of the first board, and all that a session says. */
class Reference {
  readonly session: NvmlSession
  /** Unix time and joules. */
  readonly #counter: (readonly [at: number, joules: number])[] = []
  readonly looks: NvmlLook[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(library: NvmlLibrary) {
    this.session = new NvmlSession({ open: () => library, clock: linuxClock })
  }

  start(): void {
    this.#look()
    this.#timer = setInterval(() => this.#look(), LOOK_MILLISECONDS)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.session.close()
  }

  /** What the counter of the first board showed at a Unix time, between two looks in proportion. */
  joulesAt(wall: number): number {
    const after = this.#counter.findIndex(([at]) => at >= wall)
    const [[from, low], [to, high]] = [this.#counter[after - 1] ?? [0, NaN], this.#counter[after] ?? [1, NaN]]
    return low + ((high - low) * (wall - from)) / (to - from)
  }

  #look(): void {
    const answer = this.session.look(linuxClock.now())
    if (answer.kind !== 'look') throw new Error(JSON.stringify(answer))
    this.looks.push(answer.look)
    const millijoules = answer.look.devices[0]?.millijoules
    if (millijoules !== undefined) this.#counter.push([Date.now() / 1000, Number(millijoules) / 1000])
  }
}

/** What a page says of the first board. */
interface Figures {
  /** Unix time of the tick. */
  readonly at: number
  readonly joules: number
  /** Active joules by pid. */
  readonly active: ReadonlyMap<string, number>
}

function figuresOf(page: string, uuid: string): Figures {
  const families = parsePage(page)
  const series = (family: string) => families.get(`wattribute_${family}`) ?? []
  const ofBoard = series('domain_energy_joules_total').filter(({ labels }) => labels['domain'] === uuid)
  const active = series('process_energy_joules_total').filter(
    ({ labels }) => labels['part'] === 'accelerator',
  )
  return {
    at: Number(series('last_tick_timestamp_seconds')[0]?.value),
    joules: ofBoard.reduce((sum, { value }) => sum + Number(value), 0),
    active: new Map(active.map(({ labels, value }) => [labels['pid'] ?? '', Number(value)])),
  }
}

let library: NvmlLibrary
let folder: string
let first: NvmlLook['devices'][number]

beforeAll(async () => {
  const opened = (await nvmlOpener(LIBRARY))()
  if (opened instanceof NoNvml) throw new Error(`no NVIDIA GPU: ${opened.why}; ${opened.advice}`)
  library = opened
  const session = new NvmlSession({ open: () => opened, clock: linuxClock })
  const answer = session.look(linuxClock.now())
  session.close()
  const device = answer.kind === 'look' ? answer.look.devices[0] : undefined
  if (device === undefined) throw new Error(`no NVIDIA GPU: ${JSON.stringify(answer)}`)
  if (device.processes.length > 0) throw new Error('the first GPU is not idle: stop what runs there')
  if (!device.hasCounter) throw new Error('the first GPU has no energy counter to compare with')
  first = device
  const torch = spawnSync('python3', ['-c', 'import torch; assert torch.cuda.is_available()'])
  if (torch.status !== 0) throw new Error(`python3 with PyTorch and CUDA is needed: ${String(torch.stderr)}`)
  folder = mkdtempSync(join(tmpdir(), 'wattribute-gpu-'))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function driverVersion(): string {
  const words = ['--query-gpu=driver_version', '--format=csv,noheader']
  const { status, stdout } = spawnSync('nvidia-smi', words, { encoding: 'utf8' })
  return status === 0 ? (stdout.split('\n')[0] ?? '') : 'unknown'
}

describe.each([1, 0.1])('at ticks of %s s', (tick) => {
  let exporter: ExporterProcess

  beforeAll(async () => {
    const config = join(folder, `tick-${tick}.yaml`)
    writeFileSync(config, `tick_seconds: ${tick}\nbirth_hold_seconds: 0\n`)
    const flags = LIBRARY === undefined ? [] : [`--path.nvml=${LIBRARY}`]
    exporter = await ExporterProcess.start([`--config.file=${config}`, ...flags])
    await exporter.page((page) => figuresOf(page, first.uuid).joules > 0)
  }, 60_000)

  afterAll(async () => {
    await exporter.stop()
  })

  const figures = async (): Promise<Figures> => figuresOf(await exporter.page(() => true), first.uuid)

  /** The newest tick that began after now: its figures are of what happened until then. */
  const next = async (): Promise<Figures> => {
    const now = Date.now() / 1000
    return figuresOf(await exporter.page((page) => figuresOf(page, first.uuid).at > now), first.uuid)
  }

  test.each<readonly [string, readonly Kind[]]>([
    ['idle', []],
    ['training', ['training']],
    ['after it was released', []],
    ['inference', ['inference']],
    ['training and inference', ['training', 'inference']],
    ['two inferences', ['inference', 'inference']],
    ['idle again', []],
  ])(
    '%s',
    async (scenario, kinds) => {
      await pause(5000) // until the board has come to rest
      const reference = new Reference(library)
      const loads = await Promise.all(kinds.map((kind) => Load.start(kind)))
      reference.start()
      await pause(2000)
      const start = await next()
      await pause((kinds.length === 0 ? PAUSE_SECONDS : RUN_SECONDS) * 1000)
      const end = await next()
      await pause(500) // the reference has to have seen what came after
      reference.stop()
      await Promise.all(loads.map((load) => load.stop()))

      const booked = end.joules - start.joules
      const counted = reference.joulesAt(end.at) - reference.joulesAt(start.at)
      const active = loads.map(({ pid }) => {
        const key = String(pid)
        return (end.active.get(key) ?? 0) - (start.active.get(key) ?? 0)
      })
      process.stdout.write(
        `${first.modelName}, ${scenario}, tick ${tick} s, ${(end.at - start.at).toFixed(1)} s: booked ${booked.toFixed(1)} J, ` +
          `NVML ${counted.toFixed(1)} J (${(((booked - counted) / counted) * 100).toFixed(2)} %); ` +
          `active of each process ${active.map((joules) => `${joules.toFixed(1)} J`).join(', ') || 'none'}\n`,
      )
      const slug = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
      const date = new Date().toISOString().slice(0, 10)
      writeRecording(
        join(RECORDINGS, `${slug(first.modelName)}-${date}-${slug(scenario)}-tick-${tick * 1000}ms.jsonl`),
        {
          machine: {
            gpu: first.modelName,
            driver: driverVersion(),
            date,
            scenario: `${scenario}, exporter at ${tick} s`,
            processes: Object.fromEntries(
              loads.map(({ pid }, index) => [pid, `${kinds[index] ?? ''}-${index}`]),
            ),
          },
          looks: reference.looks,
        },
      )

      expect(Math.abs(booked - counted)).toBeLessThan((first.powerLimit ?? 1000) * LATE_SECONDS)
      for (const joules of active) expect(joules).toBeGreaterThan(0)
      // Nobody has more than all, and idle energy is left.
      expect(active.reduce((sum, joules) => sum + joules, 0)).toBeLessThan(booked)
      // Two that do the same get the same.
      if (scenario === 'two inferences') {
        const [one = 0, other = 0] = active
        expect(Math.abs(one - other) / (one + other)).toBeLessThan(0.1)
      }
    },
    180_000,
  )

  test('no process of ours has a context: the exporter holds no board', async () => {
    const reference = new Reference(library)
    reference.start()
    reference.stop()
    const pids = reference.looks.flatMap(({ devices }) => devices.flatMap(({ processes }) => processes))
    expect(pids.map(({ pid }) => pid)).not.toContain(exporter.child.pid)
    expect((await figures()).active.has(String(exporter.child.pid))).toBe(false)
  })
})
