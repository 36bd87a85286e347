/**
 * The main thread's side of the engine: keeps the newest page for scrapers, asks for reports, and starts the engine
 * anew when it gives no page in time. A thread that hangs in a call of the system cannot be ended; it is left behind.
 */
import type { Worker } from 'node:worker_threads'
import type { Config } from './config/schema.ts'
import type { FromEngine, Subject, ToEngine } from './engine-messages.ts'
import type { Notice } from './engine-notices.ts'
import { finishPage } from './exposition/finished-page.ts'
import type { SelfMetrics } from './exposition/self.ts'
import type { Page, Pages } from './exposition/scrape.ts'
import type { Log } from './log.ts'
import { elapsed, seconds, type Seconds } from './units.ts'
import type { RequestEvent } from './workloads/request-events.ts'
import { sizeOf, type IntakeBatch } from './workloads/marks.ts'
import type { Clock } from './world.ts'

export interface SupervisorOptions {
  /** Starts a thread that runs engine-thread.ts. */
  readonly startThread: (config: Config) => Worker
  readonly config: Config
  readonly clock: Pick<Clock, 'now'>
  readonly self: SelfMetrics
  readonly log: Log
  /** The engine says that only a new process can go on. */
  readonly onMustRestart?: (reason: string) => void
}

/** Older pages are not shown: their figures would be taken for those of now. */
export const staleAfter = (tickSeconds: Seconds): Seconds => seconds(Math.max(5, 3 * tickSeconds))

const WATCH_MILLISECONDS = 500
/** Threads that hang and cannot be ended; with more of them nothing is started any more. */
const MOST_LEFT_BEHIND = 8
const STOP_MILLISECONDS = 2000
const PAUSE_MILLISECONDS = 1000
/** What may wait for an engine that gives no page: more is lost, so that memory stays bounded. */
const MOST_WAITING_MARKS = 200_000
/** A full proxy of 2,048 streams tells as much in 10 s. */
const MOST_WAITING_REQUEST_EVENTS = 200_000

type PageMessage = Extract<FromEngine, { kind: 'page' }>

/** A page and the memory that it lies in. */
interface Shown {
  readonly page: Page
  readonly thread: Thread
  readonly buffers: Pick<PageMessage, 'text' | 'openMetrics'>
  /** By the beat at which it was made. */
  readonly staleAfter: Seconds
  claims: number
  isReplaced: boolean
}

export class Supervisor implements Pages {
  readonly #options: SupervisorOptions
  #config: Config
  #thread: Thread
  #newest: Shown | undefined
  /** Of the newest page, or the start of a thread that has not given one yet. */
  #aliveAt: Seconds
  #leftBehind = 0
  /** Handed over since the newest page. */
  #waitingMarks = 0
  #waitingRequestEvents = 0
  #hasLostRequests = false
  #watch: NodeJS.Timeout | undefined
  #isClosing = false

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#config = options.config
    this.#aliveAt = options.clock.now()
    this.#thread = this.#start()
    this.#watch = setInterval(() => this.#look(), WATCH_MILLISECONDS)
  }

  current(): ReturnType<Pages['current']> {
    const shown = this.#newest
    if (shown === undefined || this.#age(shown.page.at) > shown.staleAfter) return undefined
    shown.claims += 1
    return {
      page: shown.page,
      release: () => {
        shown.claims -= 1
        reuse(shown)
      },
    }
  }

  whyNone(): string {
    if (this.#newest === undefined) return 'there are no figures yet: the exporter has just started'
    const age = Math.round(this.#age(this.#newest.page.at))
    return `the newest figures are ${age} s old and not shown; the engine is started anew, the log says more`
  }

  report(subject: Subject): Promise<unknown> {
    return this.#thread.report(subject)
  }

  /**
   * What the counting proxies tell.
   * @returns false when the engine has too much to take in already, and this is lost
   */
  takeRequests(events: readonly RequestEvent[]): boolean {
    const size = this.#waitingRequestEvents + events.length
    if (this.#thread.hasEnded || size > MOST_WAITING_REQUEST_EVENTS) {
      if (!this.#hasLostRequests) {
        this.#options.log.warn(
          { waiting: this.#waitingRequestEvents },
          'the engine does not keep up: requests that pass the counting proxies now are not counted',
        )
      }
      this.#hasLostRequests = true
      return false
    }
    this.#waitingRequestEvents = size
    this.#thread.say({
      kind: 'requests',
      events: this.#hasLostRequests ? [{ kind: 'lost' }, ...events] : events,
    })
    this.#hasLostRequests = false
    return true
  }

  /** @returns false when the engine has too much to take in already, and this is lost */
  takeIn(batch: IntakeBatch): boolean {
    const size = sizeOf(batch)
    if (this.#thread.hasEnded || this.#waitingMarks + size > MOST_WAITING_MARKS) return false
    this.#waitingMarks += size
    this.#thread.say({ kind: 'intake', batch })
    return true
  }

  reconfigure(config: Config): void {
    this.#config = config
    this.#aliveAt = this.#options.clock.now() // a shorter beat does not make the engine late at once
    this.#thread.say({ kind: 'reconfigure', config })
  }

  /** @returns whether all threads have ended; one that hangs in the system has not */
  async close(): Promise<boolean> {
    this.#isClosing = true
    clearInterval(this.#watch)
    const hasEnded = await this.#thread.stop(STOP_MILLISECONDS)
    return hasEnded && this.#leftBehind === 0
  }

  #age(at: Seconds): Seconds {
    return elapsed(at, this.#options.clock.now())
  }

  #start(): Thread {
    const thread = new Thread(this.#options.startThread(this.#config))
    thread.worker.on('message', (message: FromEngine) => {
      if (thread === this.#thread) this.#hear(thread, message)
    })
    thread.worker.on('error', (cause) => this.#options.log.error({ err: cause }, 'the engine failed'))
    thread.worker.on('exit', () => {
      thread.end()
      if (thread === this.#thread && !this.#isClosing) this.#restartSoon(thread)
    })
    return thread
  }

  #hear(thread: Thread, message: FromEngine): void {
    switch (message.kind) {
      case 'page':
        this.#waitingMarks = 0
        this.#waitingRequestEvents = 0
        void this.#publish(thread, message)
        return
      case 'notices':
        for (const notice of message.notices) this.#log(notice)
        return
      case 'must-restart':
        this.#options.onMustRestart?.(message.reason)
        return
      case 'report':
      case 'report-failed':
        thread.answered(message)
    }
  }

  async #publish(thread: Thread, message: PageMessage): Promise<void> {
    const { self } = this.#options
    self.tickTook(message.duration)
    const page = { ...finishPage(message, await self.render()), at: message.at }
    if (thread !== this.#thread || (this.#newest?.page.at ?? 0) > page.at) return
    const before = this.#newest
    this.#newest = {
      page,
      thread,
      buffers: message,
      staleAfter: staleAfter(this.#config.tickSeconds),
      claims: 0,
      isReplaced: false,
    }
    this.#aliveAt = page.at
    if (before !== undefined) {
      before.isReplaced = true
      reuse(before)
    }
  }

  #log({ level, fields, message }: Notice): void {
    this.#options.log[level](fields, message)
  }

  #look(): void {
    const age = this.#age(this.#aliveAt)
    if (age > staleAfter(this.#config.tickSeconds)) this.#restart(`it gave no page for ${age.toFixed(1)} s`)
  }

  /** Not at once: an engine that fails at its first tick would fail again and again. */
  #restartSoon(thread: Thread): void {
    setTimeout(() => {
      if (thread === this.#thread && !this.#isClosing) this.#restart('it ended')
    }, PAUSE_MILLISECONDS).unref()
  }

  #restart(reason: string): void {
    const { log, self, clock } = this.#options
    this.#aliveAt = clock.now() // the next look gives the new thread its time
    if (this.#leftBehind >= MOST_LEFT_BEHIND) {
      log.error({ threads: this.#leftBehind }, 'the engine hangs again and again and is not started any more')
      return
    }
    log.error({ reason }, 'the engine is started anew')
    self.engineRestarted()
    const former = this.#thread
    this.#thread = this.#start()
    this.#leftBehind += 1
    void former.terminate().then(() => (this.#leftBehind -= 1))
  }
}

/** Memory goes back once nobody reads the page; that of a thread that is gone is left to the garbage collector. */
function reuse({ thread, buffers: { text, openMetrics }, claims, isReplaced }: Shown): void {
  if (!isReplaced || claims > 0 || thread.hasEnded) return
  thread.say({ kind: 'reuse', text, openMetrics }, [text, openMetrics])
}

interface Waiting {
  readonly resolve: (content: unknown) => void
  readonly reject: (cause: Error) => void
}

/** One run of the engine. */
class Thread {
  readonly worker: Worker
  hasEnded = false
  readonly #waiting = new Map<number, Waiting>()
  readonly #ended: Promise<void>
  #lastId = 0

  constructor(worker: Worker) {
    this.worker = worker
    this.#ended = new Promise((resolve) => worker.once('exit', () => resolve()))
  }

  say(message: ToEngine, transfer: ArrayBuffer[] = []): void {
    this.worker.postMessage(message, transfer)
  }

  report(subject: Subject): Promise<unknown> {
    if (this.hasEnded) return Promise.reject(new Error('the engine is being started anew'))
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.say({ kind: 'report', id, subject })
    })
  }

  answered(message: Extract<FromEngine, { kind: 'report' | 'report-failed' }>): void {
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.kind === 'report') waiting?.resolve(message.content)
    else waiting?.reject(new Error(message.reason))
  }

  end(): void {
    this.hasEnded = true
    this.#giveUp()
  }

  /** Resolves when the thread has ended, which may be never. */
  async terminate(): Promise<void> {
    this.#giveUp()
    await this.worker.terminate()
  }

  /** @returns whether it has ended in time, by itself or made to */
  async stop(milliseconds: number): Promise<boolean> {
    this.say({ kind: 'stop' })
    if (await isInTime(this.#ended, milliseconds)) return true
    return isInTime(this.terminate(), milliseconds)
  }

  #giveUp(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error('the engine is being started anew'))
    this.#waiting.clear()
  }
}

async function isInTime(event: Promise<void>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeIsOver = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds)
  })
  const inTime = await Promise.race([event.then(() => true), timeIsOver])
  clearTimeout(timer)
  return inTime
}
