/**
 * Gathers what came in and hands it over in batches, so that ten thousand lines a second are some dozens of messages
 * for the engine. What only adds up is added up here.
 */
import { seconds, type Seconds } from '../units.ts'
import type { Clock } from '../world.ts'
import {
  claimKey,
  type Claim,
  type IntakeBatch,
  type PushedCounts,
  type QueryCountsLine,
  type TimedMark,
} from '../workloads/marks.ts'

/** Between two batches. A mark that comes after a silence goes at once: it may cut a tick. */
const PAUSE_SECONDS = 0.02

interface Sender {
  readonly who: Claim
  readonly marks: TimedMark[]
  /** By phase, where the marks since the newest change can take more in. */
  readonly open: Map<string, number>
}

export class Outbox {
  readonly #post: (batch: IntakeBatch) => void
  readonly #clock: Pick<Clock, 'now' | 'wall'>
  #senders = new Map<string, Sender>()
  #counts = new Map<string, PushedCounts>()
  #timer: NodeJS.Timeout | NodeJS.Immediate | undefined
  #postedAt = -Infinity
  #isClosed = false

  constructor(post: (batch: IntakeBatch) => void, clock: Pick<Clock, 'now' | 'wall'>) {
    this.#post = post
    this.#clock = clock
  }

  mark(who: Claim, mark: TimedMark): void {
    const key = claimKey(who)
    let sender = this.#senders.get(key)
    if (sender === undefined) {
      sender = { who, marks: [], open: new Map() }
      this.#senders.set(key, sender)
    }
    if (mark.change !== undefined || mark.isRunStart) sender.open.clear()
    else if (addedTo(sender, mark)) return
    sender.marks.push(mark)
    if (mark.change === undefined && !mark.isRunStart) sender.open.set(slotOf(mark), sender.marks.length - 1)
    this.#postSoon()
  }

  counts(who: Claim, line: QueryCountsLine): void {
    const key = `${claimKey(who)} ${line.model}`
    const before = this.#counts.get(key)
    this.#counts.set(key, {
      wall: this.#clock.wall(),
      who,
      model: line.model,
      queries: line.queries + (before?.queries ?? 0),
      inputTokens: line.inputTokens + (before?.inputTokens ?? 0),
      cachedInputTokens: line.cachedInputTokens + (before?.cachedInputTokens ?? 0),
      outputTokens: line.outputTokens + (before?.outputTokens ?? 0),
    })
    this.#postSoon()
  }

  close(): void {
    this.#flush()
    this.#isClosed = true
  }

  #postSoon(): void {
    if (this.#timer !== undefined || this.#isClosed) return
    const wait = this.#postedAt + PAUSE_SECONDS - this.#clock.now()
    const flush = (): void => this.#flush()
    this.#timer = wait > 0 ? setTimeout(flush, wait * 1000) : setImmediate(flush)
  }

  #flush(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer as NodeJS.Timeout)
    clearImmediate(this.#timer as NodeJS.Immediate)
    this.#timer = undefined
    this.#postedAt = this.#clock.now()
    const senders = Array.from(this.#senders.values(), ({ who, marks }) => ({ who, marks }))
    const counts = Array.from(this.#counts.values())
    this.#senders = new Map()
    this.#counts = new Map()
    this.#post({ senders, counts })
  }
}

/** Reports by their phase; steps and samples without one count for whatever phase is open. */
const slotOf = ({ report, isForProcessOnly, lease }: TimedMark): string =>
  `${report?.phase ?? ''} ${isForProcessOnly} ${lease ?? ''}`

/** @returns false where a mark of its own is needed */
function addedTo({ marks, open }: Sender, mark: TimedMark): boolean {
  const index = open.get(slotOf(mark))
  const before = index === undefined ? undefined : marks[index]
  if (index === undefined || before === undefined) return false
  const { report, steps, samples, at } = mark
  marks[index] = {
    ...before,
    at: laterOf(before.at, at),
    report: report && {
      phase: report.phase,
      duration: seconds(report.duration + (before.report?.duration ?? 0)),
    },
    steps: before.steps + steps,
    samples: before.samples + samples,
  }
  return true
}

const laterOf = (one: Seconds, other: Seconds): Seconds => (one > other ? one : other)
