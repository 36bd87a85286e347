/** Cuts a stream of bytes into lines of bounded length. */
import { LONGEST_LINE } from '../workloads/mark-grammar.ts'

const NEWLINE = 0x0a

export class LineReader {
  #rest = ''
  /** The line that is being read is too long: what is left of it is thrown away. */
  #isSkipping = false

  /**
   * @returns the lines that ended in these bytes; of one that is too long a part that is too long as well
   */
  read(bytes: Buffer): string[] {
    const lines: string[] = []
    let start = 0
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#take(bytes, start, end)
      if (!this.#isSkipping) lines.push(this.#rest)
      this.#rest = ''
      this.#isSkipping = false
      start = end + 1
    }
    this.#take(bytes, start, bytes.length)
    if (!this.#isSkipping && this.#rest.length > LONGEST_LINE) {
      lines.push(this.#rest)
      this.#rest = ''
      this.#isSkipping = true
    }
    return lines
  }

  /** @returns a last line without its end, if there is one */
  end(): string[] {
    const last = this.#isSkipping ? '' : this.#rest
    this.#rest = ''
    return last === '' ? [] : [last]
  }

  #take(bytes: Buffer, start: number, end: number): void {
    if (this.#isSkipping) return
    // a little more than may be is enough to see that it is too much
    const last = Math.min(end, start + LONGEST_LINE + 2 - Math.min(this.#rest.length, LONGEST_LINE + 1))
    this.#rest += bytes.toString('latin1', start, last)
  }
}
