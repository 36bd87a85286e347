/** A socket for marks on this machine, and senders that are processes of their own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Intake } from '../../exporter/src/intake/intake.ts'
import { NoLibc, openLibc } from '../../exporter/src/libc.ts'
import { linuxClock, linuxFiles } from '../../exporter/src/world.ts'
import type { IntakeBatch, PushedCounts, TimedMark } from '../../exporter/src/workloads/marks.ts'

/** Other users may pass through it. */
function openFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-marks-'))
  chmodSync(folder, 0o755)
  return folder
}

export class OpenIntake {
  readonly folder = openFolder()
  readonly path = join(this.folder, 'run/marks.sock')
  readonly batches: IntakeBatch[] = []
  readonly warnings: string[] = []
  /** Lines by `transport` or `transport reason`. */
  readonly counted = new Map<string, number>()
  intake: Intake | undefined

  /** @param without why peers cannot be told; absent: they can */
  async open(without?: { readonly reason: string }): Promise<this> {
    const libc = await openLibc()
    if (libc instanceof NoLibc) throw new Error(libc.reason)
    const count = (key: string, more: number): void =>
      void this.counted.set(key, (this.counted.get(key) ?? 0) + more)
    this.intake = await Intake.open({
      socketPath: this.path,
      jobDirectory: undefined,
      tokens: [],
      peerOf: without ?? libc.peerOf,
      files: linuxFiles(),
      procfs: '/proc',
      sysfs: '/sys',
      clock: linuxClock,
      post: (batch) => void this.batches.push(batch),
      counts: {
        linesTaken: (transport, more) => count(transport, more),
        linesRefused: (transport, reason, more) => count(`${transport} ${reason}`, more),
      },
      warn: (message, { reason = '' }) => void this.warnings.push(`${message}: ${reason}`),
    })
    return this
  }

  /** All that came in so far, by the pid that it was said for. */
  async marks(): Promise<ReadonlyMap<number, readonly TimedMark[]>> {
    await this.#settled()
    const byPid = new Map<number, TimedMark[]>()
    for (const { who, marks } of this.batches.flatMap(({ senders }) => senders)) {
      const pid = who.kind === 'process' ? who.pid : 0
      byPid.set(pid, [...(byPid.get(pid) ?? []), ...marks])
    }
    return byPid
  }

  async counts(): Promise<readonly PushedCounts[]> {
    await this.#settled()
    return this.batches.flatMap(({ counts }) => counts)
  }

  async close(): Promise<void> {
    await this.intake?.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Batches leave at most 20 ms after what is in them came. */
  #settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 25))
}

/** A connection of this process. */
export class Client {
  readonly socket: Socket
  readonly #lines: string[] = []
  #wake: () => void = () => undefined
  isClosed = false

  constructor(path: string) {
    this.socket = connect(path)
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => {
      this.isClosed = true
      this.#wake()
    })
    const lines = createInterface(this.socket)
    lines.on('error', () => undefined) // Node 24 tells it here as well
    lines.on('line', (line) => {
      this.#lines.push(line)
      this.#wake()
    })
  }

  /** @returns what is answered to these lines and a `sync` behind them */
  async say(...lines: readonly string[]): Promise<string[]> {
    this.socket.write([...lines, 'sync', ''].join('\n'))
    return this.until('ok')
  }

  /** @returns the answers up to one that begins so, or to the end */
  async until(last: string): Promise<string[]> {
    for (;;) {
      const index = last === '' ? -1 : this.#lines.findIndex((line) => line.startsWith(last))
      if (index >= 0) return this.#lines.splice(0, index + 1)
      if (this.isClosed) return this.#lines.splice(0)
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  end(): void {
    this.socket.destroy()
  }
}

/** In python, since every shell has another `nc`: says its lines, prints the answers until `ok`, then waits. */
const PYTHON_SENDER = `
import os, socket, sys
path, lines = sys.argv[1], sys.argv[2:]
s = socket.socket(socket.AF_UNIX)
s.connect(path)
s.sendall(("\\n".join(lines) + "\\nsync\\n").replace("$SELF", str(os.getpid())).replace("$PARENT", str(os.getppid())).encode())
for answer in s.makefile():
    print(answer, end="", flush=True)
    if answer == "ok\\n": break
sys.stdin.read()
`

/** The system's own: one in a home folder is not everybody's. */
export const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3'

export interface Sender {
  readonly child: ChildProcess
  readonly answers: string[]
}

/** @param wrapper a command that runs the sender, such as `setpriv --reuid=65534` */
export async function send(
  path: string,
  lines: readonly string[],
  wrapper: readonly string[] = [],
): Promise<Sender> {
  const [program = '', ...words] = [...wrapper, PYTHON, '-c', PYTHON_SENDER, path, ...lines]
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] })
  const answers: string[] = []
  for await (const line of createInterface(child.stdout)) {
    answers.push(line)
    if (line === 'ok') break
  }
  return { child, answers }
}
