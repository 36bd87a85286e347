/**
 * The engine's side of NVML: asks the thread for one look at a time, waits a second at most, and goes on without it.
 * What a look that came too late has seen goes into the next one, so that nothing is lost between two looks.
 */
import type { Worker } from 'node:worker_threads'
import type { GpuLook, Nvml, NvmlAnswer, NvmlLook } from '../nvml.ts'
import type { Seconds } from '../units.ts'
import { unpacked, type FromNvml, type ToNvml } from './messages.ts'
import type { SessionAnswer } from './session.ts'

export interface NvmlDoorOptions {
  /** Starts a thread that runs thread.ts. */
  readonly startThread: (
    progress: SharedArrayBuffer,
  ) => Pick<Worker, 'postMessage' | 'on' | 'unref' | 'terminate'>
  /** The driver was replaced underneath: only a new process can talk to the new one. */
  readonly onOutdated: (why: string) => void
}

/** How long a look, and the end, wait for the driver. */
const TIMEOUT_MILLISECONDS = 1000

const HANG_ADVICE = 'the driver does not answer, often because a GPU is failing: see the kernel log (dmesg)'

const ENDED = { kind: 'failed', why: 'the thread that asks NVML ended', advice: HANG_ADVICE } as const

/** Most machines have no such device and never will: a thread that waits for one would cost memory. */
const ABSENT_MILLISECONDS = 300_000

/** A thread that ended by itself would do so again at once. */
const RESTART_MILLISECONDS = 30_000

/** A driver without persistence mode wakes every GPU when a session is opened. */
const OPENING_ADVICE =
  'this takes seconds for each GPU where persistence mode is off; if it goes on, see the kernel log (dmesg)'

type Thread = ReturnType<NvmlDoorOptions['startThread']>

/** The look that is under way. */
interface Pending {
  readonly thread: Thread
  readonly since: number
  /** Undefined once nobody waits any more. */
  resolve: ((answer: SessionAnswer) => void) | undefined
}

export class NvmlDoor implements Nvml {
  readonly #options: NvmlDoorOptions
  readonly #progress = new Int32Array(new SharedArrayBuffer(4))
  #thread: Thread | undefined
  #pending: Pending | undefined
  #newest: NvmlLook | undefined
  /** Of a look that nobody waited for. */
  #late: NvmlLook | undefined
  /** It has answered once: its session is open. */
  #opened: Thread | undefined
  #onEnd: (() => void) | undefined
  /** Without a thread: when to try again, and what to answer until then. */
  #restartAt = 0
  #resting: NvmlAnswer = ENDED

  constructor(options: NvmlDoorOptions) {
    this.#options = options
  }

  get newest(): NvmlLook | undefined {
    return this.#newest
  }

  async look(at: Seconds): Promise<NvmlAnswer> {
    if (this.#pending !== undefined) return this.#noAnswer()
    if (this.#thread === undefined && performance.now() < this.#restartAt) return this.#resting
    this.#thread ??= this.#start()
    const answer = await this.#ask(this.#thread, at)
    return answer === undefined ? this.#noAnswer() : this.#take(answer)
  }

  /** A thread that hangs is left behind: nothing can end it but the end of the process. */
  async close(): Promise<void> {
    const thread = this.#thread
    if (thread === undefined) return
    this.#thread = undefined
    this.#newest = undefined
    this.#late = undefined
    if (this.#pending !== undefined) {
      this.#pending.resolve?.({ kind: 'failed', why: 'the session was ended', advice: '' })
      this.#pending = undefined
      void thread.terminate()
      return
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, TIMEOUT_MILLISECONDS)
      this.#onEnd = () => {
        clearTimeout(timer)
        resolve()
      }
      thread.postMessage({ kind: 'close' } satisfies ToNvml)
    })
    this.#onEnd = undefined
    void thread.terminate()
  }

  #start(): Thread {
    const thread = this.#options.startThread(this.#progress.buffer)
    thread.on('message', (message: FromNvml) => this.#hear(thread, unpacked(message)))
    thread.on('error', (cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause)
      this.#hear(thread, { kind: 'failed', why, advice: HANG_ADVICE })
    })
    thread.on('exit', () => {
      this.#hear(thread, ENDED)
      if (this.#thread === thread) this.#rest(ENDED, RESTART_MILLISECONDS)
      this.#onEnd?.()
    })
    thread.unref() // the engine's own beat keeps it going; NVML must not
    return thread
  }

  /** @returns undefined when it does not come in time */
  async #ask(thread: Thread, at: Seconds): Promise<SessionAnswer | undefined> {
    let timer: NodeJS.Timeout | undefined
    const answer = await new Promise<SessionAnswer | undefined>((resolve) => {
      const pending: Pending = { thread, since: performance.now(), resolve }
      this.#pending = pending
      timer = setTimeout(() => {
        pending.resolve = undefined
        resolve(undefined)
      }, TIMEOUT_MILLISECONDS)
      thread.postMessage({ kind: 'look', at } satisfies ToNvml)
    })
    clearTimeout(timer)
    return answer
  }

  #hear(thread: Thread, answer: SessionAnswer): void {
    const pending = this.#pending
    if (pending?.thread !== thread) return
    this.#pending = undefined
    this.#opened = thread
    if (pending.resolve !== undefined) {
      pending.resolve(answer)
      return
    }
    if (answer.kind === 'look') this.#late = joined(this.#late, answer.look)
    else if (answer.kind === 'outdated') this.#options.onOutdated(answer.why)
  }

  #take(answer: SessionAnswer): NvmlAnswer {
    switch (answer.kind) {
      case 'look': {
        const look = joined(this.#late, answer.look)
        this.#late = undefined
        this.#newest = look
        return { kind: 'look', look }
      }
      case 'outdated':
        this.#options.onOutdated(answer.why)
        return { kind: 'failed', why: answer.why, advice: 'the exporter has to be started anew' }
      case 'absent':
        this.#thread?.postMessage({ kind: 'close' } satisfies ToNvml)
        this.#newest = undefined
        this.#rest(answer, ABSENT_MILLISECONDS)
        return answer
      case 'failed':
        return answer
    }
  }

  #rest(answer: NvmlAnswer, milliseconds: number): void {
    this.#thread = undefined
    this.#resting = answer
    this.#restartAt = performance.now() + milliseconds
  }

  #noAnswer(): NvmlAnswer {
    if (this.#pending?.thread !== this.#opened) {
      return { kind: 'failed', why: 'a session with NVML is being opened', advice: OPENING_ADVICE }
    }
    const since = this.#pending?.since ?? performance.now()
    const device = Atomics.load(this.#progress, 0)
    const where = device < 0 ? '' : ` in a call about GPU ${device}`
    const waited = Math.max(1, Math.floor((performance.now() - since) / 1000))
    // A reason that changed each second would be a new line of the log each second.
    const howLong = waited < 60 ? 'a second' : 'a minute'
    return {
      kind: 'failed',
      why: `NVML has not answered for more than ${howLong}${where}`,
      advice: HANG_ADVICE,
    }
  }
}

/** What the earlier look has seen since the one before it, and nobody has used, belongs to the later one. */
function joined(earlier: NvmlLook | undefined, later: NvmlLook): NvmlLook {
  if (earlier === undefined) return later
  const before = new Map(earlier.devices.map((device) => [device.uuid, device]))
  return {
    at: later.at,
    devices: later.devices.map((device) => joinedDevice(before.get(device.uuid), device)),
  }
}

function joinedDevice(earlier: GpuLook | undefined, later: GpuLook): GpuLook {
  if (earlier === undefined || earlier.problem !== undefined) return later
  const here = new Set(later.processes.map(({ pid }) => pid))
  return {
    ...later,
    power: [...earlier.power, ...later.power],
    // Who was there between the looks held it as well.
    processes: [...later.processes, ...earlier.processes.filter(({ pid }) => !here.has(pid))],
    rows: [...earlier.rows, ...later.rows],
    rowsSince: earlier.rowsSince,
  }
}
