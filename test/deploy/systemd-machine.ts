/** A machine with a systemd of its own, made of this one's files (`machine/boot.sh`), and what is run in it. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { deadline } from '../e2e/deadline.ts'

const BOOT = fileURLToPath(new URL('machine/boot.sh', import.meta.url))
const NAMESPACES = ['--mount', '--pid', '--uts', '--ipc', '--net', '--cgroup', '--root', '--wdns=/']

export interface Said {
  readonly status: number
  /** Both outputs. */
  readonly text: string
}

export class SystemdMachine {
  readonly #boot: ChildProcess
  readonly #init: number

  private constructor(boot: ChildProcess, init: number) {
    this.#boot = boot
    this.#init = init
  }

  /**
   * @param folder for its root
   * @param shared what it sees as /shared
   */
  static async start(folder: string, shared: string): Promise<SystemdMachine> {
    const boot = spawn('bash', [BOOT, folder, shared], { stdio: ['ignore', 'inherit', 'pipe'] })
    let complaint = ''
    boot.stderr.on('data', (bytes: Buffer) => (complaint += bytes.toString()))
    const end = Date.now() + 60_000
    while (boot.exitCode === null && Date.now() < end) {
      const init = initOf(boot.pid ?? 0)
      if (init !== undefined) {
        const machine = new SystemdMachine(boot, init)
        if ((await machine.run('systemctl', 'is-active', 'multi-user.target')).status === 0) return machine
      }
      await pause()
    }
    boot.kill('SIGTERM')
    throw new Error(`the machine does not boot: ${complaint}`)
  }

  /** Runs a program as its root. */
  run(program: string, ...words: readonly string[]): Promise<Said> {
    const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }
    return new Promise((resolve) => {
      execFile(
        'nsenter',
        [`--target=${this.#init}`, ...NAMESPACES, program, ...words],
        { env, encoding: 'utf8', maxBuffer: 1 << 26 },
        (failure, stdout, stderr) => {
          const status = failure === null ? 0 : typeof failure.code === 'number' ? failure.code : -1
          resolve({ status, text: `${stdout}${stderr}` })
        },
      )
    })
  }

  /** Runs lines of a shell, each of which has to succeed. @returns what they said */
  async sh(lines: string): Promise<string> {
    const { status, text } = await this.run('sh', '-euc', lines)
    if (status !== 0) throw new Error(`${lines}\nended with ${status}:\n${text}`)
    return text.trim()
  }

  /** Runs them again until they succeed and what they say fits. */
  async until(lines: string, pattern: RegExp, seconds = 30): Promise<string> {
    const end = Date.now() + seconds * 1000
    for (;;) {
      const { status, text } = await this.run('sh', '-euc', lines)
      if (status === 0 && pattern.test(text)) return text
      if (Date.now() > end) throw new Error(`${lines}\nnever said ${pattern}; the newest:\n${text}`)
      await pause()
    }
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#boot.once('exit', resolve))
    this.#boot.kill('SIGTERM')
    await deadline(ended, 30, () => 'the machine does not end')
  }
}

/** The process that is 1 in there: the grandchild of `boot.sh`, behind `unshare`. */
function initOf(boot: number): number | undefined {
  const [unshare] = childrenOf(boot)
  return unshare === undefined ? undefined : childrenOf(unshare).find(hasBecomeSystemd)
}

const childrenOf = (pid: number): number[] =>
  readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    const [, parent] = /^\d+ \(.*\) \S (\d+)/.exec(textOf(`/proc/${name}/stat`)) ?? []
    return Number(parent) === pid ? [Number(name)] : []
  })

const hasBecomeSystemd = (pid: number): boolean => textOf(`/proc/${pid}/comm`).trim() === 'systemd'

function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100))
