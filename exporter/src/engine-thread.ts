/** The engine in a thread of its own: ticks by its own clock, whoever scrapes, and hands each page over. */
import { parentPort, workerData } from 'node:worker_threads'
import { Beat } from './beat.ts'
import type { FormerBooks } from './books.ts'
import { openCpuClock } from './cpu-clock.ts'
import { simulatedMachine } from './demo/machine.ts'
import { Simulation } from './demo/simulation.ts'
import { SimulatedWork } from './demo/work.ts'
import { Engine, type Keeping } from './engine.ts'
import type { EngineSettings, FromEngine, PageBuffers, Subject, ToEngine } from './engine-messages.ts'
import { PageWriter } from './exposition/page.ts'
import { HistoryStore } from './history-store.ts'
import { openNvmlDoor } from './nvml-door.ts'
import { Journal } from './storage/journal.ts'
import type { Seconds } from './units.ts'
import type { IntakeBatch } from './workloads/marks.ts'
import {
  linuxClock,
  linuxFiles,
  linuxWorld,
  Unreadable,
  type CpuClock,
  type World,
  type WorldPaths,
} from './world.ts'

const port = parentPort
if (port === null) throw new Error('engine-thread.ts runs in a worker thread only')

const say = (message: FromEngine, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer)

const { paths, config, nvmlLibrary, storagePath, simulatedSince } = workerData as EngineSettings
const simulated = simulatedSince === undefined ? undefined : simulate(simulatedSince)
const journal = storagePath === undefined ? undefined : openJournal(storagePath)
const engine = new Engine(
  simulated?.world ?? linuxWorld(paths, await cpuClockFor(paths), openNvmlDoor(nvmlLibrary, mustRestart)),
  config,
  journal && keepingBy(journal, storagePath ?? ''),
)
journal?.beginAtOnce(engine.state(), linuxClock.now())
const spare: PageBuffers[] = []
const beat = new Beat(tick, linuxClock, config.tickSeconds)

/** Its programs mark their phases as those of a real machine do. */
function simulate(since: Seconds): { readonly world: World; readonly work: () => IntakeBatch } {
  const programs = new SimulatedWork()
  return {
    world: simulatedMachine(new Simulation(), linuxClock, since),
    work: () => programs.at(linuxClock.now() - since, linuxClock.now()),
  }
}

function mustRestart(why: string): void {
  say({ kind: 'must-restart', reason: `${why}; only a new process can talk to the new driver` })
}

async function cpuClockFor({ procfs }: WorldPaths): Promise<CpuClock | undefined> {
  const { clock, reason } = await openCpuClock(procfs)
  if (clock !== undefined) return clock
  const message = 'CPU times are read from /proc/<pid>/stat, in steps of 10 ms'
  say({ kind: 'notices', notices: [{ level: 'warn', message, fields: { reason } }] })
  return undefined
}

function openJournal(folder: string): Journal {
  const boot = linuxFiles().readText(`${paths.procfs}/sys/kernel/random/boot_id`)
  return new Journal({ folder, boot: boot instanceof Unreadable ? '' : boot.trim(), complain: warn })
}

/** The checksums say that it is what this version wrote. */
function keepingBy(kept: Journal, folder: string): Keeping {
  const history = new HistoryStore(folder, warn)
  return {
    former: kept.found as FormerBooks | undefined,
    append: (changes) => kept.append(changes),
    appendHistory: (closed) => history.append(closed),
  }
}

function warn(message: string, file: string): void {
  say({ kind: 'notices', notices: [{ level: 'warn', message, fields: { file } }] })
}

async function tick(): Promise<void> {
  if (simulated !== undefined) engine.takeIn(simulated.work())
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
  if (journal?.isDue(at) === true) void journal.begin(engine.state(), at)
  journal?.sync(at)
}

function takeSpare(): { text: Buffer; openMetrics: Buffer } | undefined {
  const buffers = spare.pop()
  return buffers && { text: Buffer.from(buffers.text), openMetrics: Buffer.from(buffers.openMetrics) }
}

function reportOn(subject: Subject): unknown {
  switch (subject) {
    case 'sensors':
      return engine.sensorsReport()
    case 'queries':
      return engine.queriesReport()
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
  journal?.close(engine.state(), linuxClock.now())
  await engine.close()
  port?.close()
}

port.on('message', (message: ToEngine) => {
  switch (message.kind) {
    case 'reconfigure':
      engine.reconfigure(message.config)
      // What was counted under the settings before is not to be done again under these.
      journal?.beginAtOnce(engine.state(), linuxClock.now())
      beat.change(message.config.tickSeconds)
      return
    case 'report':
      answer(message.id, message.subject)
      return
    case 'reuse':
      spare.push({ text: message.text, openMetrics: message.openMetrics })
      return
    case 'requests':
      engine.takeRequests(message.events)
      return
    case 'intake':
      if (engine.takeIn(message.batch)) beat.cut()
      return
    case 'stop':
      void stop()
  }
})

await beat.start()
