/**
 * Counts beside an answer, never in its way: a compressed one is unpacked on the side, and what is too much for that is
 * not counted.
 */
import type { Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import type { AnswerCounts } from '../workloads/request-events.ts'
import { AnswerMeter, framingOf } from './answer-meter.ts'
import type { Endpoint } from './endpoints.ts'

/** Compressed bytes that wait to be unpacked; more means that the machine cannot keep up. */
const MOST_WAITING_BYTES = 4 << 20
/** Unpacked bytes of one answer: beyond, it is made to cost, not to be read. */
const MOST_UNPACKED_BYTES = 256 << 20
const UNPACK_MILLISECONDS = 5000

export interface AnswerHead {
  readonly status: number
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
}

/** An answer that says nothing of itself, but is one. */
const UNSAID: Omit<AnswerCounts, 'server'> = {
  promptTokens: undefined,
  cachedPromptTokens: undefined,
  outputTokens: undefined,
  isEstimated: false,
}

export class SideMeter {
  readonly #endpoint: Endpoint
  readonly #isRefusal: boolean
  readonly #meter: AnswerMeter | undefined
  readonly #unpacking: Transform | undefined
  #unpackedBytes = 0
  #isGivenUp = false

  constructor(endpoint: Endpoint, { status, contentType, contentEncoding }: AnswerHead) {
    this.#endpoint = endpoint
    this.#isRefusal = status < 200 || status > 299
    const framing = framingOf(contentType)
    if (this.#isRefusal || framing === undefined) return
    const encoding = (contentEncoding ?? 'identity').trim().toLowerCase()
    this.#unpacking = unpackingOf(encoding)
    if (encoding !== 'identity' && this.#unpacking === undefined) return
    this.#meter = new AnswerMeter(endpoint, framing)
    this.#unpacking?.on('data', (bytes: Buffer) => this.#seeUnpacked(bytes))
    this.#unpacking?.on('error', () => this.#giveUp())
  }

  get model(): string {
    return this.#meter?.model ?? ''
  }

  get pieces(): number {
    return this.#meter?.pieces ?? 0
  }

  see(bytes: Uint8Array): void {
    if (this.#unpacking === undefined) this.#meter?.see(bytes)
    else if (this.#isGivenUp) return
    else if (this.#unpacking.writableLength > MOST_WAITING_BYTES) this.#giveUp()
    else this.#unpacking.write(bytes)
  }

  /**
   * The answer has come to its end.
   * @returns undefined where it was no answer to a query
   */
  async end(): Promise<AnswerCounts | undefined> {
    if (this.#isRefusal) return undefined
    if (this.#unpacking !== undefined && !this.#isGivenUp) await this.#unpacked(this.#unpacking)
    return this.#meter === undefined || this.#isGivenUp
      ? { ...UNSAID, server: this.#endpoint.form }
      : this.#meter.end()
  }

  /** It will not come to its end. */
  drop(): void {
    this.#giveUp()
  }

  #seeUnpacked(bytes: Buffer): void {
    this.#unpackedBytes += bytes.length
    if (this.#unpackedBytes > MOST_UNPACKED_BYTES) this.#giveUp()
    else this.#meter?.see(bytes)
  }

  #giveUp(): void {
    this.#isGivenUp = true
    this.#unpacking?.destroy()
  }

  #unpacked(unpacking: Transform): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#giveUp(), UNPACK_MILLISECONDS)
      unpacking.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
      unpacking.end()
    })
  }
}

function unpackingOf(encoding: string): Transform | undefined {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip()
    case 'deflate':
      return createInflate()
    case 'br':
      return createBrotliDecompress()
    default:
      return undefined
  }
}
