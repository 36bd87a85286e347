/** What a counting proxy says about the requests that pass through it. */
import type { Seconds } from '../units.ts'

/** What an answer says about itself. Undefined where it does not say. */
export interface AnswerCounts {
  /** All of the prompt, also what came out of a cache. */
  readonly promptTokens: number | undefined
  readonly cachedPromptTokens: number | undefined
  readonly outputTokens: number | undefined
  /** The output was not told but counted in pieces. */
  readonly isEstimated: boolean
  /** What answered, by the form of its answer. */
  readonly server: string
}

export interface RequestStarted {
  readonly kind: 'started'
  /** Unique within the run of the exporter. */
  readonly id: number
  /** Of the proxy: its address, as it was configured. */
  readonly proxy: string
  /** Monotonic. */
  readonly at: Seconds
}

/** An answer goes on. */
export interface RequestProgress {
  readonly kind: 'progress'
  readonly id: number
  /** As the request or its answer calls it; empty while it is not known. */
  readonly model: string
  /** Since the progress before. */
  readonly tokens: number
}

export interface RequestEnded {
  readonly kind: 'ended'
  readonly id: number
  readonly proxy: string
  readonly at: Seconds
  readonly model: string
  /** Undefined: it was refused, failed, or was given up before the answer was whole. */
  readonly answer: AnswerCounts | undefined
}

/** What was told before this was lost: of the requests that were in flight the end may never be heard. */
export interface RequestsLost {
  readonly kind: 'lost'
}

export type RequestEvent = RequestStarted | RequestProgress | RequestEnded | RequestsLost
