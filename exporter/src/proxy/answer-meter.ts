/** Counts what an answer says about itself while it passes by. It keeps a few numbers and a name, whatever the size. */
import type { AnswerCounts } from '../workloads/request-events.ts'
import { ANSWER_FIELDS, type Endpoint } from './endpoints.ts'
import { JsonFields, type JsonScalar } from './json-fields.ts'

/** How an answer is cut into documents. */
export type Framing = 'whole' | 'lines' | 'events'

/** @returns undefined where nothing can be counted */
export function framingOf(contentType: string | undefined): Framing | undefined {
  const [type = ''] = (contentType ?? '').split(';')
  switch (type.trim().toLowerCase()) {
    case 'application/json':
      return 'whole'
    case 'application/x-ndjson':
    case 'application/ndjson':
    case 'application/jsonl':
      return 'lines'
    case 'text/event-stream':
      return 'events'
    default:
      return undefined
  }
}

const NEWLINE = 0x0a
const DATA = Buffer.from('data:')

export class AnswerMeter {
  readonly #endpoint: Endpoint
  readonly #framing: Framing
  readonly #fields: JsonFields
  #prompt: number | undefined
  #cached: number | undefined
  #output: number | undefined
  /** Pieces of output seen, each about a token. */
  #pieces = 0
  #hasPiece = false
  #isDone = false
  #hasFailed = false
  #isQuery = true
  #model = ''
  /** Of a line of events: how much of `data:` it has matched; −1: it is another field. */
  #matched = 0

  constructor(endpoint: Endpoint, framing: Framing) {
    this.#endpoint = endpoint
    this.#framing = framing
    const roles = ANSWER_FIELDS[endpoint.form]
    this.#fields = new JsonFields(new Set(roles.keys()), (path, value) => this.#see(roles.get(path), value))
  }

  /** Empty while the answer has not said it. */
  get model(): string {
    return this.#model
  }

  /** Pieces of a stream so far; 0 where the answer comes as a whole. */
  get pieces(): number {
    return this.#framing === 'whole' ? 0 : this.#pieces
  }

  see(bytes: Uint8Array): void {
    if (this.#framing === 'whole') this.#fields.write(bytes)
    else this.#seeLines(bytes)
  }

  /** @returns undefined when the answer was not whole or reports a failure */
  end(): AnswerCounts | undefined {
    this.#endDocument()
    const isStream = this.#framing !== 'whole'
    const { form, isEmbedding } = this.#endpoint
    if (!this.#isQuery || this.#hasFailed || (isStream && form === 'ollama' && !this.#isDone))
      return undefined
    const isGuess = this.#output === undefined && isStream && !isEmbedding
    return {
      promptTokens: this.#prompt,
      cachedPromptTokens: this.#cached,
      outputTokens: isEmbedding ? undefined : (this.#output ?? (isGuess ? this.#pieces : undefined)),
      isEstimated: isGuess,
      server: form,
    }
  }

  #seeLines(bytes: Uint8Array): void {
    let from = 0
    while (from < bytes.length) {
      const end = bytes.indexOf(NEWLINE, from)
      const to = end === -1 ? bytes.length : end
      this.#seePart(bytes, from, to)
      if (end !== -1) this.#endDocument()
      from = to + 1
    }
  }

  #seePart(bytes: Uint8Array, start: number, to: number): void {
    let from = start
    if (this.#framing === 'events') {
      while (from < to && this.#matched >= 0 && this.#matched < DATA.length) {
        this.#matched = bytes[from] === DATA[this.#matched] ? this.#matched + 1 : -1
        from += 1
      }
      if (this.#matched < DATA.length) return
    }
    this.#fields.write(bytes, from, to) // a carriage return before the end is blank space in JSON
  }

  #endDocument(): void {
    this.#fields.reset()
    this.#matched = 0
    if (this.#hasPiece) this.#pieces += 1
    this.#hasPiece = false
  }

  #see(role: ReturnType<(typeof ANSWER_FIELDS)['ollama']['get']>, value: JsonScalar): void {
    switch (role) {
      case 'model':
        if (typeof value === 'string' && value !== '') this.#model = value
        return
      case 'prompt':
        this.#prompt = count(value) ?? this.#prompt
        return
      case 'cached':
        this.#cached = count(value) ?? this.#cached
        return
      case 'output':
        this.#output = count(value) ?? this.#output
        return
      case 'piece':
        this.#hasPiece ||= typeof value === 'string' && value !== ''
        return
      case 'done':
        this.#isDone ||= value === true
        return
      case 'reason':
        this.#isQuery &&= value !== 'load' && value !== 'unload'
        return
      case 'error':
        this.#hasFailed ||= typeof value === 'string'
        return
      case undefined:
    }
  }
}

/** More than any answer has: such a number is a mistake or a lie, and would spoil the counters for ever. */
const MOST_TOKENS = 100_000_000

const count = (value: JsonScalar): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_TOKENS
    ? value
    : undefined
