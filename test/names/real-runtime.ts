/**
 * What the suites with real container runtimes share: a folder that stands for the host's root, daemons in it, an
 * image of static busybox, and containers that work.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { deadline } from '../e2e/deadline.ts'

export const IMAGE = 'localhost/wattribute/busybox:test'

/** Counts so far, rests for a moment, and begins again, for some minutes at most. */
export const working = (steps: number): readonly string[] => [
  '/bin/busybox',
  'timeout',
  '300',
  '/bin/busybox',
  'sh',
  '-c',
  `while :; do i=0; while [ $i -lt ${steps} ]; do i=$((i+1)); done; /bin/busybox sleep 0.05; done`,
]

export function run(
  program: string,
  words: readonly string[],
  options: { env?: NodeJS.ProcessEnv; input?: Buffer } = {},
): Buffer {
  const { status, stdout, stderr, error } = spawnSync(program, words, {
    env: { ...process.env, ...options.env },
    ...(options.input !== undefined && { input: options.input }),
    timeout: 60_000,
    maxBuffer: 1 << 28,
  })
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${error?.message ?? stderr.toString()}`)
  return stdout
}

export class RuntimeFolder {
  /** Short, because the path of a socket may have 107 bytes. */
  readonly path = mkdtempSync('/tmp/wn-')
  readonly #daemons: Daemon[] = []

  folder(name: string): string {
    const path = join(this.path, name)
    mkdirSync(path, { recursive: true })
    return path
  }

  /** The root file system of an image, as a tar archive. */
  busybox(): Buffer {
    const bin = this.folder('image/bin')
    mkdirSync(join(this.path, 'image/tmp'), { recursive: true })
    copyFileSync(busyboxPath(), join(bin, 'busybox'))
    rmSync(join(bin, 'sh'), { force: true })
    symlinkSync('busybox', join(bin, 'sh'))
    return run('tar', ['-C', join(this.path, 'image'), '-c', '.'])
  }

  async start(socket: string, command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
    const daemon = new Daemon(command, env)
    this.#daemons.push(daemon)
    await daemon.answersAt(socket)
  }

  /** The newest first. */
  async remove(): Promise<void> {
    for (const daemon of this.#daemons.reverse()) await daemon.stop()
    for (const mount of mountsBelow(this.path)) spawnSync('umount', ['-l', mount])
    rmSync(this.path, { recursive: true, force: true })
  }
}

const busyboxPath = (): string => {
  const path = run('sh', ['-c', 'command -v busybox']).toString().trim()
  return readFileSync(path).length > 0 ? path : ''
}

/** Innermost first. */
const mountsBelow = (folder: string): string[] =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((mount) => mount.startsWith(`${folder}/`))
    .reverse()

class Daemon {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #output = ''

  constructor([program = '', ...words]: readonly string[], env: NodeJS.ProcessEnv) {
    this.#child = spawn(program, words, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#ended = new Promise((resolve) => this.#child.once('exit', () => resolve()))
    const keep = (chunk: Buffer): void =>
      void (this.#output = (this.#output + chunk.toString()).slice(-20_000))
    this.#child.stdout?.on('data', keep)
    this.#child.stderr?.on('data', keep)
  }

  async answersAt(socket: string): Promise<void> {
    const search = async (): Promise<void> => {
      while (!(await canConnect(socket))) {
        if (this.#child.exitCode !== null) throw new Error(`the daemon ended:\n${this.#output}`)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
    await deadline(search(), 60, () => `nobody listens at ${socket}:\n${this.#output}`)
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000)
    await this.#ended
    clearTimeout(timer)
  }
}

const canConnect = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(path)
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

/** CPU time of the group that a process is in, in seconds, by the counter of the kernel's own that the exporter reads. */
export function groupSeconds(pid: number): number {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n')
  const version1 = lines.find((line) => line.split(':')[1]?.split(',').includes('cpuacct') === true)
  const [, controllers, path] = (version1 ?? lines.find((line) => line.startsWith('0::')) ?? '').split(':')
  if (version1 !== undefined) {
    return Number(readFileSync(`/sys/fs/cgroup/${controllers}${path}/cpuacct.usage`, 'utf8')) / 1e9
  }
  const stat = readFileSync(`/sys/fs/cgroup${path}/cpu.stat`, 'utf8')
  return Number(/^usage_usec (\d+)/m.exec(stat)?.[1]) / 1e6
}
