/**
 * Whom a sender may speak for. The kernel says which process connected; the rest is read from procfs, whose figures
 * no process can choose: https://docs.kernel.org/filesystems/proc.html (status: PPid, Uid, NSpid).
 */
import { Unreadable, type Files } from '../world.ts'
import type { Claim } from '../workloads/marks.ts'

export type ProcessClaim = Extract<Claim, { kind: 'process' }>

/** A process as it was when it was looked at. */
export interface SeenProcess {
  readonly claim: ProcessClaim
  readonly parent: number
  /** Real, effective and saved. */
  readonly uids: readonly number[]
  /** Its pid in each PID namespace that it is in, from that of this procfs inwards. */
  readonly namespacePids: readonly number[]
  /** What /proc/<pid>/cgroup holds. */
  readonly cgroup: string
}

/** Why it may not be spoken for, in a sentence. */
export class Refusal {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

/** Parents that are looked through. */
const MOST_ANCESTORS = 64
/** Neighbours in a container whose own numbers are compared. */
const MOST_NEIGHBOURS = 512

export class Processes {
  readonly #files: Files
  readonly #procfs: string
  readonly #cgroupRoots: readonly string[]

  constructor({
    files,
    procfs,
    sysfs,
  }: {
    readonly files: Files
    readonly procfs: string
    readonly sysfs: string
  }) {
    this.#files = files
    this.#procfs = procfs
    this.#cgroupRoots = ['', '/unified', '/cpu,cpuacct', '/cpuacct'].map(
      (folder) => `${sysfs}/fs/cgroup${folder}`,
    )
  }

  /** @returns undefined where there is no such process, or it may not be read */
  see(pid: number): SeenProcess | undefined {
    const stat = this.#read(pid, 'stat')
    const status = this.#read(pid, 'status')
    const cgroup = this.#read(pid, 'cgroup')
    if (stat === undefined || status === undefined || cgroup === undefined) return undefined
    const startTicks = startTicksIn(stat)
    const parent = /^PPid:\t(\d+)$/m.exec(status)?.[1]
    const uids = /^Uid:\t(\d+)\t(\d+)\t(\d+)\t/m.exec(status)?.slice(1).map(Number)
    if (startTicks === undefined || parent === undefined || uids === undefined) return undefined
    const namespacePids = /^NSpid:\t([\d\t]+)$/m.exec(status)?.[1]?.split('\t').map(Number) ?? [pid]
    return {
      claim: { kind: 'process', pid, startTicks },
      parent: Number(parent),
      uids,
      namespacePids,
      cgroup,
    }
  }

  /** The pids of all that can be seen. */
  all(): readonly number[] {
    const names = this.#files.list(this.#procfs)
    return names instanceof Unreadable ? [] : names.filter((name) => /^\d+$/.test(name)).map(Number)
  }

  /**
   * The process that a sender names, as the sender itself numbers processes: one of the same user that is an ancestor
   * of it or lives in its cgroup. Root may name any that it can see.
   */
  namedBy(sender: SeenProcess, uid: number, pid: number): ProcessClaim | Refusal {
    const named = this.#find(sender, uid, pid)
    if (named === undefined) {
      return new Refusal(`pid=${pid} is neither an ancestor of the sender nor in its cgroup`)
    }
    const isOwn = named.uids.every((one) => one === uid)
    return isOwn || uid === 0 ? named.claim : new Refusal(`pid=${pid} is a process of another user`)
  }

  #find(sender: SeenProcess, uid: number, pid: number): SeenProcess | undefined {
    const depth = sender.namespacePids.length - 1
    const isNamed = (one: SeenProcess): boolean => one.namespacePids[depth] === pid
    if (isNamed(sender)) return sender
    for (const ancestor of this.#ancestors(sender)) if (isNamed(ancestor)) return ancestor
    if (depth > 0) return this.#neighbours(sender).find(isNamed)
    const one = this.see(pid)
    return uid === 0 || one?.cgroup === sender.cgroup ? one : undefined
  }

  *#ancestors(sender: SeenProcess): Generator<SeenProcess> {
    let pid = sender.parent
    for (let count = 0; count < MOST_ANCESTORS && pid > 0; count += 1) {
      const one = this.see(pid)
      if (one === undefined) return
      yield one
      pid = one.parent
    }
  }

  /** Of a sender in a container, whose numbers are not those of this procfs. */
  #neighbours({ cgroup }: SeenProcess): SeenProcess[] {
    for (const line of cgroup.split('\n')) {
      const path = line.split(':').slice(2).join(':')
      if (path === '') continue
      for (const root of this.#cgroupRoots) {
        const members = this.#files.readText(`${root}${path}/cgroup.procs`)
        if (members instanceof Unreadable || members === '') continue
        return members
          .trim()
          .split('\n')
          .slice(0, MOST_NEIGHBOURS)
          .flatMap((pid) => this.see(Number(pid)) ?? [])
      }
    }
    return []
  }

  #read(pid: number, file: string): string | undefined {
    const text = this.#files.readText(`${this.#procfs}/${pid}/${file}`)
    return text instanceof Unreadable ? undefined : text
  }
}

/** Field 22, counted behind the name in brackets, which may hold anything. */
function startTicksIn(stat: string): number | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[19])
  return Number.isInteger(ticks) && ticks >= 0 && fields.length > 19 ? ticks : undefined
}
