/**
 * A machine made of text, kept in memory: what the sensors and the activity room see of it through `World`.
 *
 * A tree is written as lines `path: content`, or `path:` followed by indented lines; `#` starts a comment. Paths
 * begin with `proc/` or `sys/` and may hold colons (`intel-rapl:0`), because the separator is colon and space.
 */
import { readFileSync } from 'node:fs'
import { nanoseconds, seconds, type Nanoseconds, type Seconds } from '../exporter/src/units.ts'
import { Unreadable, type World } from '../exporter/src/world.ts'

export class Machine {
  readonly world: World
  readonly #files = new Map<string, string>()
  readonly #refused = new Map<string, string>()
  #slow: readonly Promise<void>[] = []
  readonly #cpu = new Map<number, Nanoseconds>()
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>()
  #now = 1000
  readonly #wallOffset = 1_700_000_000

  /** @param options.cpuClock false: libc cannot be called, as on a machine without koffi */
  constructor(tree = '', options: { readonly cpuClock?: boolean } = {}) {
    for (const [path, content] of parseTree(tree)) this.write(path, content)
    this.world = {
      procfs: '/proc',
      sysfs: '/sys',
      rootfs: '/',
      cpuClock: options.cpuClock === false ? undefined : (pid) => this.#cpu.get(pid),
      clock: {
        now: () => this.now,
        wall: () => seconds(this.#wallOffset + this.#now),
        after: (delay, run) => {
          const timer = { at: this.#now + delay, run }
          this.#timers.add(timer)
          return () => this.#timers.delete(timer)
        },
      },
      files: {
        readText: (path) => {
          const refusal = this.#refusalOf(path)
          if (refusal !== undefined) return new Unreadable(path, refusal)
          const text = this.#files.get(path)
          if (text !== undefined) return text
          return new Unreadable(path, this.#isFolder(path) ? 'EISDIR' : 'ENOENT')
        },
        readSlowText: async (path) => {
          const text = this.world.files.readText(path)
          await Promise.all(this.#slow)
          return text
        },
        list: (path) => {
          const refusal = this.#refusalOf(path)
          if (refusal !== undefined) return new Unreadable(path, refusal)
          if (this.#files.has(path)) return new Unreadable(path, 'ENOTDIR')
          return this.#isFolder(path) ? this.#entries(path) : new Unreadable(path, 'ENOENT')
        },
        folders: (path) => {
          const names = this.world.files.list(path)
          return names instanceof Unreadable
            ? names
            : names.filter((name) => this.#isFolder(`${path}/${name}`))
        },
        links: (path) => {
          const refusal = this.#refusalOf(path)
          if (refusal !== undefined) return new Unreadable(path, refusal)
          if (this.#files.has(path)) return 1
          if (!this.#isFolder(path)) return new Unreadable(path, 'ENOENT')
          return 2 + this.#entries(path).filter((name) => this.#isFolder(`${path}/${name}`)).length
        },
      },
    }
  }

  static fromFile(name: string, options: { readonly cpuClock?: boolean } = {}): Machine {
    return new Machine(readFileSync(new URL(`./machines/${name}.txt`, import.meta.url), 'utf8'), options)
  }

  get now(): Seconds {
    return seconds(this.#now)
  }

  /** Moves both clocks on; timers that become due meanwhile run at their time. */
  wait(duration: number): Seconds {
    const end = this.#now + duration
    for (;;) {
      const [due] = Array.from(this.#timers).sort((one, other) => one.at - other.at)
      if (due === undefined || due.at > end) break
      this.#timers.delete(due)
      this.#now = due.at
      due.run()
    }
    this.#now = end
    return this.now
  }

  /** Slow files answer only from when the given promise is kept. */
  delaySlowFiles(until: Promise<void>): void {
    this.#slow = [until]
  }

  /** @param path with or without the leading slash, such as `sys/class/powercap/intel-rapl:0/energy_uj` */
  write(path: string, content: string | number | bigint): void {
    this.#files.set(absolute(path), `${content}\n`)
  }

  /** Removes a file, or a folder with all that it holds. */
  remove(path: string): void {
    const gone = absolute(path)
    for (const file of this.#files.keys()) {
      if (file === gone || file.startsWith(`${gone}/`)) this.#files.delete(file)
    }
  }

  /** Makes a file or a folder with all below it fail with an error of the kernel until `allow`. */
  refuse(path: string, code = 'EACCES'): void {
    this.#refused.set(absolute(path), code)
  }

  allow(path: string): void {
    this.#refused.delete(absolute(path))
  }

  /** Adds to a counter file. */
  advance(path: string, by: number | bigint): void {
    const before = this.#files.get(absolute(path))
    if (before === undefined) throw new Error(`${path} is not on this machine`)
    this.write(path, BigInt(before.trim()) + BigInt(by))
  }

  /** Sets what the CPU clock of a process shows; undefined once the process is gone. */
  setCpu(pid: number, time: number | undefined): void {
    if (time === undefined) this.#cpu.delete(pid)
    else this.#cpu.set(pid, nanoseconds(time))
  }

  #refusalOf(path: string): string | undefined {
    for (const [place, code] of this.#refused) {
      if (path === place || path.startsWith(`${place}/`)) return code
    }
    return undefined
  }

  #isFolder(path: string): boolean {
    for (const file of this.#files.keys()) if (file.startsWith(`${path}/`)) return true
    return false
  }

  #entries(path: string): string[] {
    const names = new Set<string>()
    for (const file of this.#files.keys()) {
      if (file.startsWith(`${path}/`)) names.add(file.slice(path.length + 1).split('/', 1)[0] ?? '')
    }
    return [...names]
  }
}

const absolute = (path: string): string => (path.startsWith('/') ? path : `/${path}`)

function* parseTree(tree: string): Generator<readonly [string, string]> {
  const lines = tree.split('\n')
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? ''
    if (line.trim() === '' || line.startsWith('#')) continue
    const separator = line.indexOf(': ')
    if (separator > 0) {
      yield [line.slice(0, separator), line.slice(separator + 2)]
      continue
    }
    if (!line.endsWith(':'))
      throw new Error(`line ${index + 1} is neither "path: content" nor "path:": ${line}`)
    const block: string[] = []
    while (lines[index + 1]?.startsWith('  ')) {
      index += 1
      block.push((lines[index] ?? '').slice(2))
    }
    yield [line.slice(0, -1), block.join('\n')]
  }
}
