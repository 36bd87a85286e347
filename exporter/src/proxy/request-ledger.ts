/** Gathers what happens to requests and hands it on in batches, so that a busy proxy does not busy its reader. */
import type { Seconds } from '../units.ts'
import type { AnswerCounts, RequestEvent } from '../workloads/request-events.ts'

const BATCH_MILLISECONDS = 100
/** Requests that begin and end within a batch: at once beyond. */
const MOST_EVENTS = 4096

/** One request on its way, as the proxy tells of it. */
export interface RequestNotes {
  /** @param pieces of the answer so far; grows */
  progress(model: string, pieces: number): void
  /** Once; nothing else is told after it. */
  end(model: string, answer: AnswerCounts | undefined): void
}

export class RequestLedger {
  readonly #now: () => Seconds
  readonly #post: (events: readonly RequestEvent[]) => void
  #events: RequestEvent[] = []
  /** What runs and has something new to say. */
  #moved = new Map<number, { model: string; tokens: number }>()
  #timer: NodeJS.Timeout | undefined
  #lastId = 0

  constructor(now: () => Seconds, post: (events: readonly RequestEvent[]) => void) {
    this.#now = now
    this.#post = post
  }

  begin(proxy: string): RequestNotes {
    this.#lastId += 1
    const id = this.#lastId
    let told = 0
    let isOver = false
    this.#add({ kind: 'started', id, proxy, at: this.#now() })
    const progress = (model: string, pieces: number): void => {
      if (isOver) return
      const tokens = (this.#moved.get(id)?.tokens ?? 0) + pieces - told
      told = pieces
      this.#moved.set(id, { model, tokens })
      this.#flushSoon()
    }
    return {
      progress,
      end: (model, answer) => {
        if (isOver) return
        isOver = true
        this.#tellMoved(id)
        this.#add({ kind: 'ended', id, proxy, at: this.#now(), model, answer })
      },
    }
  }

  /** All that is known now goes out now. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const id of this.#moved.keys()) this.#tellMoved(id)
    if (this.#events.length === 0) return
    const events = this.#events
    this.#events = []
    this.#post(events)
  }

  #tellMoved(id: number): void {
    const moved = this.#moved.get(id)
    if (moved === undefined) return
    this.#moved.delete(id)
    this.#events.push({ kind: 'progress', id, ...moved })
  }

  #add(event: RequestEvent): void {
    this.#events.push(event)
    if (this.#events.length >= MOST_EVENTS) this.flush()
    else this.#flushSoon()
  }

  #flushSoon(): void {
    this.#timer ??= setTimeout(() => this.flush(), BATCH_MILLISECONDS).unref()
  }
}
