/** As much of Protocol Buffers as unary calls with small messages take: https://protobuf.dev/programming-guides/encoding/ */

const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const FIXED32 = 5

export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage'
}

/** A message as its fields came; what is not there is empty. */
export class Message {
  readonly #fields = new Map<number, Buffer[]>()

  /** Numbers are passed over: no message that we read has one that we need. @throws MalformedMessage */
  constructor(bytes: Buffer) {
    const reader = new Reader(bytes)
    while (!reader.isAtEnd) {
      const tag = reader.varint()
      const content = reader.content(tag & 7)
      if (content === undefined) continue
      const field = tag >>> 3
      const known = this.#fields.get(field)
      if (known === undefined) this.#fields.set(field, [content])
      else known.push(content)
    }
  }

  text(field: number): string {
    return this.#fields.get(field)?.at(-1)?.toString() ?? ''
  }

  texts(field: number): readonly string[] {
    return (this.#fields.get(field) ?? []).map((bytes) => bytes.toString())
  }

  message(field: number): Message {
    return new Message(this.#fields.get(field)?.at(-1) ?? Buffer.alloc(0))
  }

  messages(field: number): readonly Message[] {
    return (this.#fields.get(field) ?? []).map((bytes) => new Message(bytes))
  }

  /** A map is a list of pairs. */
  map(field: number): Readonly<Record<string, string>> {
    return Object.fromEntries(this.messages(field).map((pair) => [pair.text(1), pair.text(2)]))
  }
}

class Reader {
  readonly #bytes: Buffer
  #position = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#bytes.length
  }

  /** Lengths and tags are below 2^32; of greater numbers only that they end is of interest. */
  varint(): number {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#position]
      if (byte === undefined) throw new MalformedMessage('a number is cut off')
      this.#position += 1
      if (shift < 35) value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new MalformedMessage('a number has no end')
  }

  /** @returns nothing for a number */
  content(type: number): Buffer | undefined {
    switch (type) {
      case VARINT:
        this.varint()
        return undefined
      case FIXED64:
        this.#take(8)
        return undefined
      case FIXED32:
        this.#take(4)
        return undefined
      case LENGTH_DELIMITED:
        return this.#take(this.varint())
      default:
        throw new MalformedMessage(`there is no wire type ${type}`)
    }
  }

  #take(length: number): Buffer {
    const end = this.#position + length
    if (end > this.#bytes.length) throw new MalformedMessage('a field is cut off')
    const bytes = this.#bytes.subarray(this.#position, end)
    this.#position = end
    return bytes
  }
}

/** A field that holds a text or a message. @param number below 16 */
export function field(number: number, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([Buffer.from([(number << 3) | LENGTH_DELIMITED, ...varint(bytes.length)]), bytes])
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return [...bytes, rest]
}
