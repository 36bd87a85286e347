/**
 * The Unix stream socket for marks: whoever may open it may speak for itself, and the kernel says who that is. Nothing
 * is answered to a line that is taken; one that is not gets a line `error: …`, as far as its sender reads them.
 */
import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import type { Seconds } from '../units.ts'
import type { Clock } from '../world.ts'
import type { IntakeCounts } from './intake-counts.ts'
import { LineReader } from './line-reader.ts'
import type { Outbox } from './outbox.ts'
import { Refusal, type ProcessClaim, type Processes, type SeenProcess } from './processes.ts'
import { Speaker } from './speaker.ts'
import { MOST_CONNECTIONS, MOST_LINES_PER_SECOND, type UserLimits } from './user-limits.ts'

/** Of all users together. */
const MOST_CONNECTIONS_IN_ALL = 1024
/** Whoever sends too much is not read from for so long. */
const FLOOD_PAUSE_MILLISECONDS = 250
/** Answers wait for their reader; beyond so many bytes they are left out. */
const LONGEST_WAITING_ANSWERS = 16_384
/** Complaints to one connection: a sender that is wrong is wrong again and again. */
const MOST_COMPLAINTS_PER_SECOND = 20
/** Named processes that are remembered for one connection. */
const MOST_NAMED = 64

export interface SocketPeer {
  /** 0: in a PID namespace that is not seen. */
  readonly pid: number
  readonly uid: number
}

export interface SocketOptions {
  readonly path: string
  /** @param descriptor of a connected socket */
  readonly peerOf: (descriptor: number) => SocketPeer | undefined
  readonly processes: Processes
  readonly limits: UserLimits
  readonly outbox: Outbox
  readonly clock: Pick<Clock, 'now'>
  readonly counts: IntakeCounts
  readonly warn: (message: string, fields: Readonly<Record<string, string>>) => void
}

/** The socket cannot be opened; the message says why and what to do. */
export class SocketError extends Error {
  override readonly name = 'SocketError'
}

export class MarksSocket {
  readonly #options: SocketOptions
  readonly #server: Server
  readonly #connections = new Set<Socket>()

  private constructor(options: SocketOptions) {
    this.#options = options
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#welcome(socket))
  }

  /** @throws SocketError */
  static async open(options: SocketOptions): Promise<MarksSocket> {
    const { path, warn } = options
    makeFolder(dirname(path))
    await makeRoom(path)
    const marks = new MarksSocket(options)
    await marks.#listen()
    if (canBeReplaced(dirname(path))) {
      warn('others could put a socket of their own in this one’s place: chmod 755 its folder', { path })
    }
    return marks
  }

  get connections(): number {
    return this.#connections.size
  }

  async close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy()
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
    })
  }

  async #listen(): Promise<void> {
    const { path, warn } = this.#options
    await new Promise<void>((resolve, reject) => {
      const fail = (cause: NodeJS.ErrnoException): void =>
        reject(new SocketError(`${path} cannot be opened: ${cause.code ?? cause.message}`, { cause }))
      this.#server.once('error', fail)
      this.#server.listen(path, () => {
        this.#server.off('error', fail)
        this.#server.on('error', (cause) => warn('marks cannot be taken', { path, reason: cause.message }))
        resolve()
      })
    })
    chmodSync(path, 0o666)
  }

  #welcome(socket: Socket): void {
    socket.on('error', () => undefined) // it is gone, which `close` tells
    const { limits, clock, peerOf } = this.#options
    const descriptor = descriptorOf(socket)
    const peer = descriptor === undefined ? undefined : peerOf(descriptor)
    if (peer === undefined) {
      socket.end('error: the kernel does not say who you are\n')
    } else if (this.#connections.size >= MOST_CONNECTIONS_IN_ALL) {
      this.#turnAway(socket, `there are ${MOST_CONNECTIONS_IN_ALL} connections already`)
    } else if (!limits.enter(peer.uid, clock.now())) {
      this.#turnAway(socket, `a user may have ${MOST_CONNECTIONS} connections`)
    } else {
      this.#connections.add(socket)
      socket.once('close', () => {
        this.#connections.delete(socket)
        limits.leave(peer.uid)
      })
      new Connection(socket, peer, this.#options).serve()
    }
  }

  #turnAway(socket: Socket, sentence: string): void {
    this.#options.counts.linesRefused('socket', 'limit', 1)
    socket.end(`error: ${sentence}\n`)
    socket.destroySoon()
  }
}

/** One connected process, for as long as it stays connected. */
class Connection {
  readonly #socket: Socket
  readonly #peer: SocketPeer
  readonly #options: SocketOptions
  readonly #reader = new LineReader()
  readonly #speaker: Speaker
  /** Looked at as soon as it connects: it may end right after its last line. */
  readonly #sender: SeenProcess | undefined
  readonly #named = new Map<number, ProcessClaim>()
  #complaints = { since: 0, count: 0 }

  constructor(socket: Socket, peer: SocketPeer, options: SocketOptions) {
    this.#socket = socket
    this.#peer = peer
    this.#options = options
    this.#sender = peer.pid > 0 ? options.processes.see(peer.pid) : undefined
    const { limits, outbox } = options
    this.#speaker = new Speaker({ uid: peer.uid, limits, outbox, claimOf: (pid) => this.#claimOf(pid) })
  }

  serve(): void {
    this.#socket.on('data', (bytes: Buffer) => this.#take(this.#reader.read(bytes)))
    this.#socket.on('end', () => {
      this.#take(this.#reader.end())
      this.#socket.end() // those who wait for us to close, as `nc -N` does, have been heard
    })
  }

  #take(lines: readonly string[]): void {
    if (lines.length === 0) return
    const { limits, clock, counts } = this.#options
    const now = clock.now()
    const admitted = limits.lines(this.#peer.uid, lines.length, now)
    let taken = 0
    for (const line of lines.slice(0, admitted)) if (this.#takeOne(line, now)) taken += 1
    if (taken > 0) counts.linesTaken('socket', taken)
    const surplus = lines.length - admitted
    if (surplus === 0) return
    counts.linesRefused('socket', 'rate', surplus)
    this.#complain(`more than ${MOST_LINES_PER_SECOND} lines a second: ${surplus} are lost`, now)
    this.#socket.pause()
    setTimeout(() => this.#socket.resume(), FLOOD_PAUSE_MILLISECONDS).unref()
  }

  #takeOne(line: string, now: Seconds): boolean {
    const outcome = this.#speaker.take(line, now)
    switch (outcome.kind) {
      case 'nothing':
        return false
      case 'refused':
        this.#options.counts.linesRefused('socket', outcome.reason, 1)
        this.#complain(outcome.sentence, now)
        return false
      case 'taken':
        if (outcome.remark !== '') {
          this.#options.counts.linesRefused('socket', 'limit', 1)
          this.#complain(outcome.remark, now)
        }
        if (outcome.wantsAnswer) this.#answer('ok\n')
        return true
    }
  }

  #claimOf(pid: number | undefined): ProcessClaim | Refusal {
    const sender = this.#sender
    if (this.#peer.pid <= 0) {
      return new Refusal(
        'you are in a PID namespace that the exporter does not see: it needs that of the host',
      )
    }
    if (sender === undefined) {
      return new Refusal('the sender had ended before its line was read: it has to wait until it is closed')
    }
    if (pid === undefined) return sender.claim
    const known = this.#named.get(pid)
    if (known !== undefined) return known
    const named = this.#options.processes.namedBy(sender, this.#peer.uid, pid)
    if (!(named instanceof Refusal) && this.#named.size < MOST_NAMED) this.#named.set(pid, named)
    return named
  }

  #complain(sentence: string, now: Seconds): void {
    if (now - this.#complaints.since >= 1) this.#complaints = { since: now, count: 0 }
    this.#complaints.count += 1
    if (this.#complaints.count <= MOST_COMPLAINTS_PER_SECOND) this.#answer(`error: ${sentence}\n`)
  }

  #answer(text: string): void {
    if (this.#socket.writableLength < LONGEST_WAITING_ANSWERS) this.#socket.write(text)
  }
}

/** Node gives it to nobody by a public name: https://github.com/nodejs/node/blob/v20.19.0/lib/net.js */
function descriptorOf(socket: Socket): number | undefined {
  const handle = (socket as unknown as { readonly _handle?: { readonly fd?: unknown } })._handle
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined
}

function makeFolder(folder: string): void {
  try {
    const made = mkdirSync(folder, { recursive: true, mode: 0o755 })
    if (made !== undefined) chmodSync(folder, 0o755) // whatever the umask says: everybody may mark
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException
    throw new SocketError(
      `the folder ${folder} cannot be made: ${code}; make it yourself, or name another place with --marks.socket`,
      { cause },
    )
  }
}

/** A socket that an ended exporter has left is in the way; one that somebody listens on is not ours to take. */
async function makeRoom(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket())
    throw new SocketError(`${path} is there and is no socket: remove it, or name another`)
  if (await isHeard(path)) {
    throw new SocketError(`another exporter listens on ${path}: name another with --marks.socket`)
  }
  try {
    unlinkSync(path)
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException
    throw new SocketError(`${path} is of an exporter that has ended and cannot be removed: ${code}`, {
      cause,
    })
  }
}

/** Whether somebody listens at a socket, or it cannot be told. */
export function isHeard(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'),
    )
  })
}

function canBeReplaced(folder: string): boolean {
  const mode = lstatSync(folder).mode
  const isSticky = (mode & 0o1000) !== 0
  return (mode & 0o022) !== 0 && !isSticky
}
