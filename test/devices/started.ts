/** Programs that a test starts, and waits for until they answer. */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, connect, type Server, type Socket } from 'node:net'
import { createSocket } from 'node:dgram'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Credentials } from '../../exporter/src/devices/credentials.ts'

export const temporaryFolder = (): { readonly path: string; remove(): void } => {
  const path = mkdtempSync(join(tmpdir(), 'wattribute-device-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** A port that nobody uses now. */
export async function freePort(kind: 'tcp' | 'udp' = 'tcp'): Promise<number> {
  if (kind === 'udp') {
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const { port } = socket.address()
    socket.close()
    await once(socket, 'close')
    return port
  }
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server)
  server.close()
  await once(server, 'close')
  return port
}

export const portOf = (server: Server): number => {
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port')
  return address.port
}

export interface Started {
  readonly child: ChildProcess
  /** What it has said so far. */
  output(): string
  /** Ends it and waits for its end. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

export function start(
  program: string,
  words: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Started {
  const child = spawn(program, words, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const ended = once(child, 'exit')
  return {
    child,
    output: () => said,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      await ended
    },
  }
}

/** Asks again until it gets an answer; the end of patience only keeps a test that failed from going on for ever. */
export async function eventually<T>(attempt: () => Promise<T>, started?: Started): Promise<T> {
  const end = Date.now() + 40_000
  for (;;) {
    try {
      return await attempt()
    } catch (cause) {
      if (Date.now() > end) throw cause
      const code = started?.child.exitCode ?? null
      if (started !== undefined && code !== null)
        throw new Error(`it ended with ${code}: ${started.output()}`, { cause })
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

export async function listens(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
  } finally {
    socket.destroy()
  }
}

/** A TCP server that does as the test says with each connection. */
export class RudeServer {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  connections = 0

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(greet: (socket: Socket) => void): Promise<RudeServer> {
    const server = createServer()
    const rude = new RudeServer(server)
    server.on('connection', (socket) => {
      rude.connections += 1
      rude.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => rude.#sockets.delete(socket))
      socket.resume()
      greet(socket)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return rude
  }

  get port(): number {
    return portOf(this.#server)
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** Sends so many bytes as fast as they are taken. */
export function flood(socket: Socket, bytes: number, piece = Buffer.alloc(1 << 16, 0x20)): void {
  let left = bytes
  const send = (): void => {
    while (left > 0) {
      left -= piece.length
      if (!socket.write(piece)) {
        socket.once('drain', send)
        return
      }
    }
    socket.end()
  }
  send()
}

/** Never fires: the patience of the test's own timeout. */
export const patient = (): AbortSignal => new AbortController().signal

/** What went wrong, as people would read it. */
export async function failureOf(question: Promise<unknown>): Promise<{ why: string; advice: string }> {
  try {
    await question
  } catch (cause) {
    const { message, advice, name } = cause as Error & { advice?: string }
    if (name !== 'DeviceError') throw cause
    return { why: message, advice: advice ?? '' }
  }
  throw new Error('it has given an answer')
}

export const NOBODY: Credentials = { username: '', passwordFile: '', passwordEnv: '' }

/** A password in a file, as people hand it over. */
export function secretIn(folder: string, secret: string, username = ''): Credentials {
  const passwordFile = join(folder, `secret-${randomUUID()}`)
  writeFileSync(passwordFile, `${secret}\n`, { mode: 0o600 })
  return { username, passwordFile, passwordEnv: '' }
}
