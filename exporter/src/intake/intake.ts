/** Where senders come in: the Unix socket, HTTP and job files. All end in one outbox. */
import type { Clock, Files } from '../world.ts'
import type { IntakeBatch } from '../workloads/marks.ts'
import { MarksSocket, SocketError, type SocketPeer } from './marks-socket.ts'
import { Outbox } from './outbox.ts'
import { Processes } from './processes.ts'
import type { RefusalReason } from './speaker.ts'
import { UserLimits } from './user-limits.ts'

export const TRANSPORTS = ['socket', 'http', 'file'] as const
export type Transport = (typeof TRANSPORTS)[number]

export interface IntakeOptions {
  /** Undefined: no socket. */
  readonly socketPath: string | undefined
  /** Who is at the other end of a descriptor; a reason where that cannot be told, and there is no socket then. */
  readonly peerOf: ((descriptor: number) => SocketPeer | undefined) | { readonly reason: string }
  readonly files: Files
  readonly procfs: string
  readonly sysfs: string
  readonly clock: Clock
  readonly post: (batch: IntakeBatch) => void
  readonly counts: IntakeCounts
  readonly warn: (message: string, fields: Readonly<Record<string, string>>) => void
}

/** Told what came in. */
export interface IntakeCounts {
  linesTaken(transport: Transport, count: number): void
  linesRefused(transport: Transport, reason: RefusalReason, count: number): void
}

export class Intake {
  readonly #options: IntakeOptions
  readonly #outbox: Outbox
  readonly #limits = new UserLimits()
  readonly #processes: Processes
  #socket: MarksSocket | undefined

  private constructor(options: IntakeOptions) {
    this.#options = options
    this.#outbox = new Outbox(options.post, options.clock)
    this.#processes = new Processes(options)
  }

  /** What cannot be opened is reported, and left out. */
  static async open(options: IntakeOptions): Promise<Intake> {
    const intake = new Intake(options)
    await intake.#openSocket()
    return intake
  }

  async close(): Promise<void> {
    await this.#socket?.close()
    this.#outbox.close()
  }

  async #openSocket(): Promise<void> {
    const { socketPath: path, peerOf, warn, counts, clock } = this.#options
    if (path === undefined) return
    if (typeof peerOf !== 'function') {
      warn('there is no socket for marks: nobody could say who sends them', { path, reason: peerOf.reason })
      return
    }
    try {
      this.#socket = await MarksSocket.open({
        path,
        peerOf,
        processes: this.#processes,
        limits: this.#limits,
        outbox: this.#outbox,
        clock,
        counted: (count) => {
          if ('taken' in count) counts.linesTaken('socket', count.taken)
          else counts.linesRefused('socket', count.refused, count.count)
        },
        warn,
      })
    } catch (cause) {
      if (!(cause instanceof SocketError)) throw cause
      warn('there is no socket for marks', { path, reason: cause.message })
    }
  }
}
