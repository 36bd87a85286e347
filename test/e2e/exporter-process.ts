/** The built exporter as its users run it: a process with flags, a log and an address. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { deadline } from './deadline.ts'

export const CLI = fileURLToPath(new URL('../../exporter/dist/cli.js', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface StartOptions {
  /** What runs the exporter, such as `['node', 'cli.js']`; for wrappers that limit or confine it. */
  readonly command?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** It has just been started. */
const NOT_LISTENING = { status: 0, body: 'nobody listens' }

export class ExporterProcess {
  readonly child: ChildProcess
  /** All that it has logged so far. */
  readonly lines: string[] = []
  readonly ended: Promise<Ended>
  readonly #listeners = new Set<() => void>()
  /** Where it serves its metrics. */
  url = ''

  private constructor(
    flags: readonly string[],
    { command = [process.execPath, CLI], env = {} }: StartOptions,
  ) {
    const [program = '', ...words] = command
    this.child = spawn(program, [...words, ...flags], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'pipe'],
    })
    this.ended = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => resolve({ code, signal }))
    })
    if (this.child.stderr === null) throw new Error('the exporter has no standard error')
    createInterface(this.child.stderr).on('line', (line) => {
      this.lines.push(line)
      for (const listener of this.#listeners) listener()
    })
  }

  /** Starts it on a free port of the loopback, without storage unless a flag names one, and waits until it serves. */
  static async start(flags: readonly string[] = [], options: StartOptions = {}): Promise<ExporterProcess> {
    const exporter = ExporterProcess.begin(flags, options)
    const line = await exporter.line(/wattribute is serving/)
    exporter.url = /url=(\S+)/.exec(line)?.[1] ?? ''
    return exporter
  }

  /** The same, without waiting for it. Its address is known where the flags name one. */
  static begin(flags: readonly string[] = [], options: StartOptions = {}): ExporterProcess {
    const own = ['--web.listen-address=127.0.0.1:0', '--storage.path=', '--marks.socket=']
    const exporter = new ExporterProcess([...own, ...flags], options)
    const address = flags.find((flag) => flag.startsWith('--web.listen-address='))?.split('=')[1]
    if (address !== undefined) exporter.url = `http://${address}/metrics`
    return exporter
  }

  /** The first line of its log that fits, now or later. */
  async line(pattern: RegExp): Promise<string> {
    const find = (): string | undefined => this.lines.find((line) => pattern.test(line))
    const found = new Promise<string>((resolve) => {
      const look = (): void => {
        const line = find()
        if (line === undefined) return
        this.#listeners.delete(look)
        resolve(line)
      }
      this.#listeners.add(look)
      look()
    })
    const tooEarly = this.ended.then(({ code, signal }) => {
      throw new Error(`the exporter ended (${code ?? signal}):\n${this.lines.join('\n')}`)
    })
    return deadline(
      Promise.race([found, tooEarly]),
      30,
      () => `no line ${pattern}:\n${this.lines.join('\n')}`,
    )
  }

  /** @param path absent: the metrics */
  async get(
    path?: string,
    init: RequestInit = {},
  ): Promise<{ readonly status: number; readonly body: string }> {
    const response = await fetch(path === undefined ? this.url : new URL(path, this.url), init)
    return { status: response.status, body: await response.text() }
  }

  /** The first page that holds what is asked for. Every new tick has a page, so a look at each is enough. */
  async page(holds: (page: string) => boolean, seconds = 30): Promise<string> {
    let newest = ''
    const search = async (): Promise<string> => {
      for (;;) {
        const { status, body } = await this.get().catch(() => NOT_LISTENING)
        newest = body
        if (status === 200 && holds(body)) return body
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
    return deadline(search(), seconds, () => `no such page within ${seconds} s; the newest:\n${newest}`)
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal)
    return deadline(this.ended, 20, () => `it did not end:\n${this.lines.join('\n')}`)
  }
}
