/** A page of the engine with what the main thread adds: complete, and in the memory that the engine wrote it to. */
import type { Page } from './scrape.ts'
import type { SelfText } from './self.ts'

/** As it comes from the engine: the memory of both forms, and how much of it is written. */
export interface EnginePage {
  readonly text: ArrayBuffer
  readonly textLength: number
  readonly openMetrics: ArrayBuffer
  readonly openMetricsLength: number
}

/** Nothing is copied while the tail fits into the room that the engine left behind the page. */
export function finishPage(page: EnginePage, tail: SelfText): Pick<Page, 'text' | 'openMetrics'> {
  return {
    text: withTail(page.text, page.textLength, tail.text),
    openMetrics: withTail(page.openMetrics, page.openMetricsLength, `${tail.openMetrics}# EOF\n`),
  }
}

function withTail(memory: ArrayBuffer, length: number, tail: string): Uint8Array {
  const room = Buffer.from(memory)
  const tailLength = Buffer.byteLength(tail)
  if (length + tailLength > room.length) return Buffer.concat([room.subarray(0, length), Buffer.from(tail)])
  room.write(tail, length)
  return room.subarray(0, length + tailLength)
}
