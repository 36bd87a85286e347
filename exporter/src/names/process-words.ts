/**
 * What processes say of themselves: arguments (https://man7.org/linux/man-pages/man5/proc_pid_cmdline.5.html), the
 * environment that they were started with, and their parents. Read once, and again after an exec. Arguments may hold
 * secrets: they stay in memory, and nothing here writes them.
 */
import type { ProcessSeen } from '../model.ts'
import { parseProcessStat, type ProcessStat } from '../process-stat.ts'
import type { Seconds } from '../units.ts'
import { Unreadable, type World } from '../world.ts'

/** What is kept of the arguments of one process. */
const MOST = { words: 256, characters: 1024, environment: 1 << 16 }
const LONGEST_CHAIN = 32
const MOST_PROCESSES = 4096
/** A parent that was looked at is looked at again after so long. */
const FRESH_SECONDS = 0.5

interface Known {
  readonly stat: ProcessStat
  readonly seen: ProcessSeen
  lookedAt: Seconds
}

export class ProcessWords {
  readonly #world: World
  readonly #known = new Map<number, Known>()

  constructor(world: World) {
    this.#world = world
  }

  /** A process, its parent and so on; empty where it is gone or may not be seen. */
  chainOf(pid: number): readonly ProcessSeen[] {
    const chain: ProcessSeen[] = []
    let next = this.#look(pid, true)
    while (next !== undefined && chain.length < LONGEST_CHAIN) {
      chain.push(next.seen)
      const { parentPid, startTicks } = next.stat
      if (parentPid === 0) break
      const parent = this.#look(parentPid, false)
      // A parent is older: what is younger has its number by chance.
      next = parent !== undefined && parent.stat.startTicks <= startTicks ? parent : undefined
    }
    return chain
  }

  isAlive(pid: number, startTicks: number): boolean {
    return this.#stat(pid)?.startTicks === startTicks
  }

  #look(pid: number, mustBeNew: boolean): Known | undefined {
    const now = this.#world.clock.now()
    const known = this.#known.get(pid)
    if (known !== undefined && !mustBeNew && now - known.lookedAt < FRESH_SECONDS) return known
    const stat = this.#stat(pid)
    if (stat === undefined) {
      this.#known.delete(pid)
      return undefined
    }
    if (known !== undefined && isSame(known.stat, stat) && !mustBeNew) {
      known.lookedAt = now
      return known
    }
    const argv = this.#arguments(pid)
    if (argv === undefined) return undefined
    const { startTicks, comm } = stat
    const variable = (name: string): string => this.#variable(pid, startTicks, name)
    const looked = { stat, seen: { pid, startTicks, comm, argv, variable }, lookedAt: now }
    this.#remember(pid, looked)
    return looked
  }

  #remember(pid: number, looked: Known): void {
    this.#known.delete(pid) // the newest are at the end
    if (this.#known.size >= MOST_PROCESSES) {
      const [oldest] = this.#known.keys()
      if (oldest !== undefined) this.#known.delete(oldest)
    }
    this.#known.set(pid, looked)
  }

  #stat(pid: number): ProcessStat | undefined {
    const text = this.#world.files.readText(`${this.#world.procfs}/${pid}/stat`)
    return text instanceof Unreadable ? undefined : parseProcessStat(text)
  }

  /** Where a program has written a title over them, the title. */
  #arguments(pid: number): readonly string[] | undefined {
    const text = this.#world.files.readText(`${this.#world.procfs}/${pid}/cmdline`)
    if (text instanceof Unreadable) return undefined
    const words = text.replace(/[\0\s]+$/, '').split('\0', MOST.words)
    return words.map((word) => utf8(word.slice(0, MOST.characters)))
  }

  /** Read when it is asked for, which is seldom; nothing of it is kept. */
  #variable(pid: number, startTicks: number, name: string): string {
    const text = this.#world.files.readText(`${this.#world.procfs}/${pid}/environ`)
    if (text instanceof Unreadable || !this.isAlive(pid, startTicks)) return ''
    const entry = text
      .slice(0, MOST.environment)
      .split('\0')
      .find((one) => one.startsWith(`${name}=`))
    return utf8((entry ?? '').slice(name.length + 1, name.length + 1 + MOST.characters))
  }
}

const isSame = (one: ProcessStat, other: ProcessStat): boolean =>
  one.startTicks === other.startTicks && one.comm === other.comm && one.argumentsAt === other.argumentsAt

const utf8 = (latin1: string): string => Buffer.from(latin1, 'latin1').toString()
