/** The engine in a thread of its own: ticks by its own clock, whoever scrapes, and hands each page over. */
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { BaselineStore } from './baseline-store.ts'
import { Beat } from './beat.ts'
import { Engine } from './engine.ts'
import type { EngineSettings, FromEngine, PageBuffers, Subject, ToEngine } from './engine-messages.ts'
import { PageWriter } from './exposition/page.ts'
import { isOwnProcfs, NoLibc, openCpuClock } from './libc.ts'
import { NvmlDoor } from './nvml/door.ts'
import type { NvmlThreadSettings } from './nvml/messages.ts'
import type { Seconds } from './units.ts'
import { linuxClock, linuxFiles, linuxWorld, type CpuClock, type WorldPaths } from './world.ts'

const port = parentPort
if (port === null) throw new Error('engine-thread.ts runs in a worker thread only')

const say = (message: FromEngine, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer)

const { paths, config, nvmlLibrary, storagePath } = workerData as EngineSettings
const engine = new Engine(linuxWorld(paths, await cpuClockFor(paths), nvmlDoor()), config)
const baselines = storagePath === undefined ? undefined : new BaselineStore(storagePath, warn)
if (baselines !== undefined) engine.recallBaselines(baselines.load())
const spare: PageBuffers[] = []
const beat = new Beat(tick, linuxClock, config.tickSeconds)

/** Opened at the first look; a machine without the driver costs a thread that sleeps. */
function nvmlDoor(): NvmlDoor {
  return new NvmlDoor({
    startThread: (progress) =>
      new Worker(new URL('./nvml/thread.js', import.meta.url), {
        workerData: { library: nvmlLibrary, progress } satisfies NvmlThreadSettings,
        name: 'nvml',
        resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
      }),
    onOutdated: (why) =>
      say({ kind: 'must-restart', reason: `${why}; only a new process can talk to the new driver` }),
  })
}

async function cpuClockFor({ procfs }: WorldPaths): Promise<CpuClock | undefined> {
  const clock = await openCpuClock()
  const reason =
    clock instanceof NoLibc
      ? clock.reason
      : isOwnProcfs(linuxFiles(), procfs)
        ? ''
        : `${procfs} belongs to another PID namespace`
  if (reason === '' && !(clock instanceof NoLibc)) return clock
  const message = 'CPU times are read from /proc/<pid>/stat, in steps of 10 ms'
  say({ kind: 'notices', notices: [{ level: 'warn', message, fields: { reason } }] })
  return undefined
}

function warn(message: string, file: string): void {
  say({ kind: 'notices', notices: [{ level: 'warn', message, fields: { file } }] })
}

async function tick(): Promise<void> {
  const writer = new PageWriter(takeSpare())
  const { at, duration, notices } = await engine.tick(writer)
  const { text, openMetrics } = writer.finish()
  const buffers = { text: text.buffer as ArrayBuffer, openMetrics: openMetrics.buffer as ArrayBuffer }
  say(
    {
      kind: 'page',
      ...buffers,
      textLength: text.length,
      openMetricsLength: openMetrics.length,
      at,
      duration,
    },
    [buffers.text, buffers.openMetrics],
  )
  if (notices.length > 0) say({ kind: 'notices', notices })
  keepBaselines(at)
}

const KEEP_EVERY_SECONDS = 60
let keptAt = -Infinity

function keepBaselines(at: Seconds): void {
  if (at - keptAt < KEEP_EVERY_SECONDS) return
  keptAt = at
  baselines?.save(engine.observedBaselines)
}

function takeSpare(): { text: Buffer; openMetrics: Buffer } | undefined {
  const buffers = spare.pop()
  return buffers && { text: Buffer.from(buffers.text), openMetrics: Buffer.from(buffers.openMetrics) }
}

function reportOn(subject: Subject): unknown {
  switch (subject) {
    case 'sensors':
      return engine.sensorsReport()
    case 'ledger':
      return engine.ledgerReport()
    case 'overview':
      return engine.overview()
  }
}

function answer(id: number, subject: Subject): void {
  try {
    say({ kind: 'report', id, content: reportOn(subject) })
  } catch (cause) {
    say({ kind: 'report-failed', id, reason: cause instanceof Error ? cause.message : String(cause) })
  }
}

async function stop(): Promise<void> {
  beat.stop()
  baselines?.save(engine.observedBaselines)
  await engine.close()
  port?.close()
}

port.on('message', (message: ToEngine) => {
  switch (message.kind) {
    case 'reconfigure':
      engine.reconfigure(message.config)
      beat.change(message.config.tickSeconds)
      return
    case 'report':
      answer(message.id, message.subject)
      return
    case 'reuse':
      spare.push({ text: message.text, openMetrics: message.openMetrics })
      return
    case 'stop':
      void stop()
  }
})

await beat.start()
