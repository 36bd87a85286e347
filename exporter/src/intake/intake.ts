/** Where senders come in: the Unix socket, HTTP and job files. All end in one outbox. */
import type { Clock, Files } from '../world.ts'
import type { IntakeBatch } from '../workloads/marks.ts'
import { HttpIntake, type HttpAnswer } from './http-intake.ts'
import type { IntakeCounts } from './intake-counts.ts'
import { JobFiles } from './job-files.ts'
import { MarksSocket, SocketError, type SocketPeer } from './marks-socket.ts'
import { Outbox } from './outbox.ts'
import { Processes } from './processes.ts'
import { Tokens, type Holder, type Right, type TokenSettings } from './tokens.ts'
import { UserLimits } from './user-limits.ts'

export interface IntakeOptions {
  /** Undefined: no socket. */
  readonly socketPath: string | undefined
  /** Undefined: no job files. */
  readonly jobDirectory: string | undefined
  readonly tokens: readonly TokenSettings[]
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

export class Intake {
  readonly #options: IntakeOptions
  readonly #outbox: Outbox
  readonly #limits = new UserLimits()
  readonly #processes: Processes
  readonly #http: HttpIntake
  #tokens: Tokens
  #socket: MarksSocket | undefined
  #jobFiles: JobFiles | undefined

  private constructor(options: IntakeOptions) {
    this.#options = options
    this.#outbox = new Outbox(options.post, options.clock)
    this.#processes = new Processes(options)
    this.#http = new HttpIntake(this.#way)
    this.#tokens = new Tokens(options.tokens, options.files, options.warn)
  }

  /** What cannot be opened is reported, and left out. */
  static async open(options: IntakeOptions): Promise<Intake> {
    const intake = new Intake(options)
    await intake.#openSocket()
    intake.#openJobFiles()
    return intake
  }

  reconfigure(tokens: readonly TokenSettings[]): void {
    this.#tokens = new Tokens(tokens, this.#options.files, this.#options.warn)
  }

  /** Whether anybody may write over HTTP. */
  get hasTokens(): boolean {
    return this.#tokens.areConfigured
  }

  /** @param authorization the header of a request */
  holderOf(authorization: string | undefined): Holder | undefined {
    return this.#tokens.holderOf(authorization)
  }

  /** @param body whatever JSON came */
  takeBody(right: Exclude<Right, 'reload'>, holder: Holder, body: unknown): HttpAnswer {
    return right === 'marks' ? this.#http.marks(holder, body) : this.#http.queries(holder, body)
  }

  async close(): Promise<void> {
    this.#jobFiles?.close()
    await this.#socket?.close()
    this.#outbox.close()
  }

  /** What every way in needs. */
  get #way() {
    const { clock, counts, warn } = this.#options
    return { processes: this.#processes, limits: this.#limits, outbox: this.#outbox, clock, counts, warn }
  }

  async #openSocket(): Promise<void> {
    const { socketPath: path, peerOf, warn } = this.#options
    if (path === undefined) return
    if (typeof peerOf !== 'function') {
      warn('there is no socket for marks: nobody could say who sends them', { path, reason: peerOf.reason })
      return
    }
    try {
      this.#socket = await MarksSocket.open({ ...this.#way, path, peerOf })
    } catch (cause) {
      if (!(cause instanceof SocketError)) throw cause
      warn('there is no socket for marks', { path, reason: cause.message })
    }
  }

  #openJobFiles(): void {
    const { jobDirectory: folder } = this.#options
    if (folder === undefined) return
    this.#jobFiles = new JobFiles({ ...this.#way, folder })
    this.#jobFiles.start()
  }
}
