/** A TCP connection that is read piece by piece: bounded in size by `ANSWER_LIMIT` and in time by a signal. */
import { connect, type Socket } from 'node:net'
import { ANSWER_LIMIT, DeviceError } from './device.ts'

export interface Peer {
  readonly host: string
  readonly port: number
  /** What to do when nobody answers there. */
  readonly advice: string
}

export class Connection {
  readonly #socket: Socket
  readonly #peer: Peer
  #buffer: Buffer = Buffer.alloc(0)
  #received = 0
  #isOpen = false
  #failure: DeviceError | undefined
  #wake: () => void = () => undefined

  private constructor(peer: Peer, signal: AbortSignal) {
    this.#peer = peer
    const socket = connect({ host: peer.host, port: peer.port, noDelay: true })
    this.#socket = socket
    const stop = (): void => this.#fail('did not answer in time')
    signal.addEventListener('abort', stop, { once: true })
    socket.on('connect', () => {
      this.#isOpen = true
      this.#wake()
    })
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (cause: NodeJS.ErrnoException) =>
      this.#fail(`cannot be reached: ${cause.code ?? cause.name}`),
    )
    socket.on('close', () => {
      signal.removeEventListener('abort', stop)
      this.#fail('hung up')
    })
    if (signal.aborted) stop()
  }

  /** @throws DeviceError */
  static async open(peer: Peer, signal: AbortSignal): Promise<Connection> {
    const connection = new Connection(peer, signal)
    await connection.#until(() => connection.#isOpen || undefined)
    return connection
  }

  write(data: string | Buffer): void {
    if (this.#failure === undefined) this.#socket.write(data)
  }

  /**
   * The next line, without its end.
   * @param limit of its length in bytes
   * @throws DeviceError
   */
  line(limit: number): Promise<string> {
    return this.#until(() => {
      const end = this.#buffer.indexOf('\n')
      if (Math.max(end, this.#buffer.length * Number(end < 0)) > limit) {
        this.#buffer = Buffer.alloc(0)
        this.#fail(`sent a line of more than ${limit} bytes`)
        return undefined
      }
      return end < 0
        ? undefined
        : this.#cut(end + 1)
            .toString('utf8')
            .trimEnd()
    })
  }

  /** @throws DeviceError */
  bytes(count: number): Promise<Buffer> {
    return this.#until(() => (this.#buffer.length < count ? undefined : this.#cut(count)))
  }

  close(): void {
    this.#socket.destroy()
  }

  #cut(count: number): Buffer {
    const piece = this.#buffer.subarray(0, count)
    this.#buffer = this.#buffer.subarray(count)
    return piece
  }

  #take(chunk: Buffer): void {
    this.#received += chunk.length
    if (this.#received > ANSWER_LIMIT) {
      this.#fail(`sent more than ${ANSWER_LIMIT} bytes`)
      return
    }
    this.#buffer = Buffer.concat([this.#buffer, chunk])
    this.#wake()
  }

  /** What had arrived before may still be read. */
  #fail(why: string): void {
    const { host, port, advice } = this.#peer
    this.#failure ??= new DeviceError(`${host}:${port} ${why}`, advice)
    this.#socket.destroy()
    this.#wake()
  }

  async #until<T>(attempt: () => T | undefined): Promise<T> {
    for (;;) {
      const result = attempt()
      if (result !== undefined) return result
      if (this.#failure !== undefined) throw this.#failure
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
