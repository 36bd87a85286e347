/**
 * Finds single values in JSON that passes by, byte by byte: nothing is kept but the path to where it is and the start of
 * a value that is wanted, however long the document or a text in it.
 *
 * https://www.rfc-editor.org/rfc/rfc8259
 */

export type JsonScalar = string | number | boolean | null

/** Text beyond is cut: what is wanted are names and numbers. */
const LONGEST_VALUE_BYTES = 256
const LONGEST_KEY_BYTES = 64
/** Deeper values are passed over. */
const DEEPEST = 32

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a]
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d]

type Reading = 'between' | 'text' | 'word'

export class JsonFields {
  readonly #wanted: ReadonlySet<string>
  readonly #found: (path: string, value: JsonScalar) => void
  readonly #taken = Buffer.allocUnsafe(LONGEST_VALUE_BYTES)
  #takenBytes = 0
  #takesUpTo = 0
  #reading: Reading = 'between'
  #isEscaped = false
  #isKey = false
  #awaitsKey = false
  #depth = 0
  /** Of the containers around, whether each is an object. */
  readonly #isObject: boolean[] = []
  /** Path to each container around; items of a list have the path of the list. */
  readonly #paths: string[] = []
  #path = ''

  /**
   * @param wanted paths of keys with dots between them, such as `choices.delta.content`; lists leave no trace in them
   * @param found is told of each such text, number or word, in the order of the document
   */
  constructor(wanted: ReadonlySet<string>, found: (path: string, value: JsonScalar) => void) {
    this.#wanted = wanted
    this.#found = found
  }

  /** A new document begins. */
  reset(): void {
    this.#endWord()
    this.#reading = 'between'
    this.#isEscaped = false
    this.#isKey = false
    this.#awaitsKey = false
    this.#depth = 0
    this.#path = ''
  }

  write(bytes: Uint8Array, from = 0, to = bytes.length): void {
    let index = from
    while (index < to) {
      if (this.#reading === 'text') index = this.#readText(bytes, index, to)
      else this.#readOne(bytes[index++] ?? 0)
    }
  }

  #readOne(byte: number): void {
    if (this.#reading === 'word') {
      if (isOfWord(byte)) {
        this.#take(byte)
        return
      }
      this.#endWord()
    }
    switch (byte) {
      case QUOTE:
        this.#isKey = this.#awaitsKey
        this.#begin('text', this.#isKey ? LONGEST_KEY_BYTES : LONGEST_VALUE_BYTES)
        return
      case OPEN_OBJECT:
      case OPEN_LIST:
        this.#open(byte === OPEN_OBJECT)
        return
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        this.#close()
        return
      case COMMA:
        this.#awaitsKey = this.#isInObject()
        if (!this.#isInObject()) this.#path = this.#paths[this.#depth - 1] ?? ''
        return
      case COLON:
        this.#awaitsKey = false
        return
      default:
        if (!isOfWord(byte)) return
        this.#isKey = false
        this.#begin('word', LONGEST_VALUE_BYTES)
        this.#take(byte)
    }
  }

  /** @returns where it goes on */
  #readText(bytes: Uint8Array, from: number, to: number): number {
    for (let index = from; index < to; index += 1) {
      const byte = bytes[index] ?? 0
      if (this.#isEscaped) this.#isEscaped = false
      else if (byte === BACKSLASH) this.#isEscaped = true
      else if (byte === QUOTE) {
        this.#endText()
        return index + 1
      }
      if (this.#takenBytes < this.#takesUpTo) this.#take(byte)
    }
    return to
  }

  #open(isObject: boolean): void {
    if (this.#depth < DEEPEST) {
      this.#isObject[this.#depth] = isObject
      this.#paths[this.#depth] = this.#path
    }
    this.#depth += 1
    this.#awaitsKey = isObject
  }

  #close(): void {
    if (this.#depth > 0) this.#depth -= 1
    this.#awaitsKey = false
    this.#path = this.#paths[this.#depth] ?? ''
  }

  #begin(reading: 'text' | 'word', longest: number): void {
    this.#reading = reading
    this.#takenBytes = 0
    this.#takesUpTo = this.#isKey || this.#isWanted() ? longest : 0
  }

  #take(byte: number): void {
    if (this.#takenBytes < this.#takesUpTo) this.#taken[this.#takenBytes++] = byte
  }

  #endText(): void {
    this.#reading = 'between'
    if (this.#isKey) {
      const around = this.#paths[this.#depth - 1] ?? ''
      const key = this.#taken.toString('latin1', 0, this.#takenBytes)
      this.#path = around === '' ? key : `${around}.${key}`
    } else if (this.#isWanted()) this.#found(this.#path, this.#text())
  }

  #endWord(): void {
    if (this.#reading !== 'word') return
    this.#reading = 'between'
    if (!this.#isWanted()) return
    const value = parsed(this.#taken.toString('latin1', 0, this.#takenBytes))
    if (value !== undefined) this.#found(this.#path, value)
  }

  #text(): string {
    const taken = this.#taken.toString('utf8', 0, this.#takenBytes)
    const value = parsed(`"${taken}"`)
    return typeof value === 'string' ? value : taken
  }

  #isInObject = (): boolean =>
    this.#depth > 0 && this.#depth <= DEEPEST && this.#isObject[this.#depth - 1] === true

  #isWanted = (): boolean => this.#depth <= DEEPEST && this.#wanted.has(this.#path)
}

/** Digits, letters, and the signs of numbers. */
const isOfWord = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) ||
  (byte >= 0x61 && byte <= 0x7a) ||
  byte === 0x2d ||
  byte === 0x2b ||
  byte === 0x2e ||
  byte === 0x45

function parsed(text: string): JsonScalar | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? undefined : (value as JsonScalar)
  } catch {
    return undefined
  }
}
