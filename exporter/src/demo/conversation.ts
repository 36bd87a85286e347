/**
 * What a counting proxy would have told of the person at the simulated chat, for the history: nobody waits days for
 * answers.
 */
import type { RequestEvent } from '../workloads/request-events.ts'
import { seconds, type Seconds } from '../units.ts'

const ASKS_EVERY_SECONDS = 2
const TOKENS_PER_SECOND = 25
/** Output tokens of an answer: few short ones, few long ones. They follow each other in this order. */
const ANSWER_TOKENS = [20, 45, 60, 60, 75, 30, 60, 90, 45, 75, 60, 160]

export class SimulatedConversation {
  readonly #proxy: string
  readonly #model: string
  #asked = 0
  #nextAt: number | undefined

  /** @param proxy its address, as it is configured */
  constructor(proxy: string, model: string) {
    this.#proxy = proxy
    this.#model = model
  }

  /**
   * Requests that began since this was last asked, answered since then or, the newest, cut short. Nothing at first.
   * @param now on the monotonic clock
   */
  until(now: Seconds): RequestEvent[] {
    const events: RequestEvent[] = []
    let at = this.#nextAt ?? now
    for (; at < now; at += ASKS_EVERY_SECONDS) events.push(...this.#exchange(at, now))
    this.#nextAt = at
    return events
  }

  #exchange(at: number, now: number): RequestEvent[] {
    const id = ++this.#asked
    const tokens = ANSWER_TOKENS[id % ANSWER_TOKENS.length] ?? 0
    const of = { id, proxy: this.#proxy }
    return [
      { kind: 'started', ...of, at: seconds(at) },
      { kind: 'progress', id, model: this.#model, tokens },
      {
        kind: 'ended',
        ...of,
        at: seconds(Math.min(at + tokens / TOKENS_PER_SECOND, now)),
        model: this.#model,
        answer: {
          promptTokens: 120,
          cachedPromptTokens: undefined,
          outputTokens: tokens,
          isEstimated: false,
          server: 'openai',
        },
      },
    ]
  }
}
