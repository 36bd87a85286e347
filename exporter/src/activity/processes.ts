/**
 * The processes of this machine and the CPU time that each used since the look before: from the process CPU clock
 * (https://man7.org/linux/man-pages/man3/clock_getcpuclockid.3.html: one call, nanoseconds, no file), or from
 * /proc/<pid>/stat where libc cannot be called. Names and groups are read only of those that did something.
 */
import type { Consumer, Group, ProcessIdentity } from '../model.ts'
import { nanoseconds, type Nanoseconds, type Seconds } from '../units.ts'
import { Unreadable, type World } from '../world.ts'
import { parseProcessStat } from '../process-stat.ts'

export type ProcessConsumer = Extract<Consumer, { kind: 'process' }>

export interface ProcessUse {
  readonly consumer: ProcessConsumer
  readonly cpu: Nanoseconds
}

/** Above this share of a core a process is identified anew in every tick: its pid may be another's by now. */
const BUSY_CORE_RATIO = 0.01
/** The others after so many seconds. */
const RECHECK_SECONDS = 30
/** The list of processes is read at least so often, even where the kernel counts no new one. */
const RESCAN_SECONDS = 30

interface Slot {
  readonly pid: number
  /** What its clock showed at the newest look. */
  cpu: Nanoseconds
  /** Unknown until it first uses CPU time. */
  consumer: Named | undefined
  identifiedAt: Seconds
  /** It is there, and may not be read. */
  isRefused: boolean
}

/** What may change with exec: who holds the consumer sees the newest. */
type Named = ProcessConsumer & { readonly process: ProcessIdentity & { comm: string; argumentsAt: string } }

export class ProcessTable {
  readonly #world: World
  readonly #groupOf: (cgroupText: string) => Group
  readonly #slots = new Map<number, Slot>()
  #lookedAt: Seconds | undefined
  #scannedAt: Seconds | undefined
  #forks: number | undefined

  /** @param groupOf finds the group that a text of /proc/<pid>/cgroup names */
  constructor(world: World, groupOf: (cgroupText: string) => Group) {
    this.#world = world
    this.#groupOf = groupOf
  }

  /**
   * @param forks how many processes and threads the kernel has made since boot, where it is known: without a new one
   * the list of processes need not be read
   * @returns those that used CPU time since the look before; nobody at the first look
   */
  look(at: Seconds, forks: number | undefined): ProcessUse[] {
    const from = this.#lookedAt
    this.#lookedAt = at
    if (this.#mustScan(at, forks)) this.#scan(at, forks)
    const uses: ProcessUse[] = []
    const busy = from === undefined ? 0 : BUSY_CORE_RATIO * 1e9 * (at - from)
    for (const slot of this.#slots.values()) {
      const now = this.#cpuOf(slot)
      if (now === undefined) {
        this.#slots.delete(slot.pid)
        continue
      }
      if (now === slot.cpu) continue
      const spent = this.#advance(slot, now)
      if (from === undefined || spent === 0) continue
      const consumer = this.#consumerOf(slot, at, spent >= busy)
      if (consumer !== undefined) uses.push({ consumer, cpu: spent })
    }
    return uses
  }

  /**
   * The consumer behind a pid, the same object that a look gives out, to be asked after the look of that instant.
   * @returns undefined where no such process can be seen
   */
  consumerOf(pid: number, at: Seconds): ProcessConsumer | undefined {
    const slot = this.#slots.get(pid) ?? this.#adopt(pid, at)
    const isSettled = slot.consumer !== undefined && at - slot.identifiedAt < RECHECK_SECONDS
    if (!isSettled) this.#identify(slot, at)
    return slot.consumer
  }

  get count(): number {
    return this.#slots.size
  }

  /** How many of them may not be read, of those that used CPU time. */
  get refusedCount(): number {
    let count = 0
    for (const { isRefused } of this.#slots.values()) if (isRefused) count += 1
    return count
  }

  #mustScan(at: Seconds, forks: number | undefined): boolean {
    return (
      forks === undefined ||
      forks !== this.#forks ||
      this.#scannedAt === undefined ||
      at - this.#scannedAt >= RESCAN_SECONDS
    )
  }

  /** Finds new processes. Those that ended are found by their clocks. */
  #scan(at: Seconds, forks: number | undefined): void {
    const names = this.#world.files.list(this.#world.procfs)
    if (names instanceof Unreadable) return
    this.#forks = forks
    this.#scannedAt = at
    for (const name of names) {
      if (name.charCodeAt(0) > NINE) continue
      const pid = Number(name)
      if (Number.isNaN(pid) || this.#slots.has(pid)) continue
      this.#slots.set(pid, newSlot(pid, at))
    }
  }

  /** A process that is not listed yet, as long as it is there. */
  #adopt(pid: number, at: Seconds): Slot {
    const slot = newSlot(pid, at)
    this.#identify(slot, at)
    if (slot.consumer !== undefined) this.#slots.set(pid, slot)
    return slot
  }

  /** @returns undefined once the process is gone */
  #cpuOf(slot: Slot): Nanoseconds | undefined {
    const { cpuClock } = this.#world
    if (cpuClock !== undefined) return cpuClock(slot.pid)
    const stat = this.#readStat(slot.pid)
    if (!(stat instanceof Unreadable)) return stat.cpu
    slot.isRefused = stat.kind === 'refused'
    return stat.kind === 'missing' ? undefined : slot.cpu
  }

  #advance(slot: Slot, now: Nanoseconds): Nanoseconds {
    const before = slot.cpu
    slot.cpu = now
    if (now > before) return nanoseconds(now - before)
    slot.consumer = undefined // a clock never goes back: this is another process under the same pid
    return now
  }

  #consumerOf(slot: Slot, at: Seconds, isBusy: boolean): ProcessConsumer | undefined {
    const isSettled = slot.consumer !== undefined && !isBusy && at - slot.identifiedAt < RECHECK_SECONDS
    return isSettled ? slot.consumer : this.#identify(slot, at)
  }

  /** @returns undefined when nobody can be charged: it is gone, may not be read, or has just moved between groups */
  #identify(slot: Slot, at: Seconds): ProcessConsumer | undefined {
    slot.identifiedAt = at
    const stat = this.#readStat(slot.pid)
    const cgroup = this.#world.files.readText(`${this.#world.procfs}/${slot.pid}/cgroup`)
    slot.isRefused = isRefused(stat) || isRefused(cgroup)
    if (stat instanceof Unreadable || cgroup instanceof Unreadable) return undefined
    const group = this.#groupOf(cgroup)
    const known = slot.consumer
    if (known?.process.startTicks === stat.startTicks && known.group === group) {
      known.process.comm = stat.comm
      known.process.argumentsAt = stat.argumentsAt
      return known
    }
    const hasMoved = known?.process.startTicks === stat.startTicks
    const { pid, startTicks, comm, argumentsAt } = stat
    slot.consumer = { kind: 'process', group, process: { pid, startTicks, comm, argumentsAt } }
    return hasMoved ? undefined : slot.consumer
  }

  #readStat(pid: number): (ReturnType<typeof parseProcessStat> & object) | Unreadable {
    const path = `${this.#world.procfs}/${pid}/stat`
    const text = this.#world.files.readText(path)
    if (text instanceof Unreadable) return text
    return parseProcessStat(text) ?? new Unreadable(path, 'no line of a process')
  }
}

const newSlot = (pid: number, at: Seconds): Slot => ({
  pid,
  cpu: nanoseconds(0), // born since the look before: all that its clock shows is new
  consumer: undefined,
  identifiedAt: at,
  isRefused: false,
})

const NINE = 0x39

const isRefused = (read: unknown): boolean => read instanceof Unreadable && read.kind === 'refused'
