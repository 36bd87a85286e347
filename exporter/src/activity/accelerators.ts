/**
 * Who used each accelerator between two looks, and who held it. NVIDIA: the process lists of both ends, and the
 * utilisation rows between them; with MIG on, the activity of the instances and who is inside.
 */
import type {
  AcceleratorActivity,
  AcceleratorShare,
  AcceleratorUse,
  AcceleratorUser,
  Consumer,
} from '../model.ts'
import type { GpuLook, GpuProcess, Mig, MigInstance, NvmlLook, UtilisationRow } from '../nvml.ts'
import type { Seconds } from '../units.ts'

/**
 * They look at accelerators and do no work of the machine's users on them: NVIDIA's management daemons and the server
 * of the Multi-Process Service, which holds a context for its clients. As the kernel cuts their names, at 15 bytes.
 */
const AGENTS = new Set([
  'nvidia-cuda-mps',
  'nvidia-persiste',
  'nvidia-smi',
  'nv-hostengine',
  'dcgm-exporter',
  'nvtop',
])

/** The longest period over which a driver samples utilisation; without newer rows those before still say who is busy. */
const SAMPLE_PERIOD_SECONDS = 1

/** Finds who is behind a pid of the host. */
export type Resolve = (pid: number, at: Seconds) => Consumer | undefined

/** What is remembered of a device from look to look. */
interface Memory {
  processes: readonly GpuProcess[]
  instances: readonly MigInstance[]
  /** Busy seconds per second, of the newest rows. */
  rates: ReadonlyMap<number, number>
  ratedAt: Seconds | undefined
  /**
   * Whether the driver gives a row for each sample rather than one for each process: known once a process had two
   * rows in one look.
   */
  hasRowPerSample: boolean
}

export class Accelerators {
  readonly #resolve: Resolve
  readonly #memories = new Map<string, Memory>()
  #known = new Map<number, Consumer>()
  #newest = new Map<string, AcceleratorActivity>()

  /** @param resolve undefined for a pid that belongs to nobody who can be seen */
  constructor(resolve: Resolve) {
    this.#resolve = resolve
  }

  /**
   * @param look the newest one; an older instant than `at`: the driver did not answer, and who held an accelerator
   * goes on to; undefined: nothing is asked any more
   * @param duration since the look before, in seconds
   * @returns by domain id
   */
  look(at: Seconds, duration: number, look: NvmlLook | undefined): ReadonlyMap<string, AcceleratorActivity> {
    const before = this.#newest
    this.#newest = new Map()
    if (look === undefined) {
      this.#memories.clear()
      return this.#newest
    }
    if (look.at !== at) {
      for (const [id, { holders }] of before) this.#newest.set(id, unused(holders))
      return this.#newest
    }
    const users = new Users(this.#resolve, at, this.#known)
    for (const device of look.devices) {
      const last = before.get(device.uuid)
      const memory = this.#memory(device.uuid)
      this.#newest.set(
        device.uuid,
        device.problem !== undefined && device.processes.length === 0 && device.mig === undefined
          ? unused(last?.holders ?? [])
          : device.mig === undefined
            ? ofDevice(device, memory, users, at, duration)
            : ofMig(device.mig, memory, users, duration),
      )
    }
    this.#known = users.known
    for (const uuid of this.#memories.keys()) if (!this.#newest.has(uuid)) this.#memories.delete(uuid)
    return this.#newest
  }

  #memory(uuid: string): Memory {
    let memory = this.#memories.get(uuid)
    if (memory === undefined) {
      memory = { processes: [], instances: [], rates: new Map(), ratedAt: undefined, hasRowPerSample: false }
      this.#memories.set(uuid, memory)
    }
    return memory
  }
}

const NOBODY: ReadonlySet<AcceleratorUser> = new Set()

const usersIn = (use: readonly AcceleratorUse[]): ReadonlySet<AcceleratorUser> =>
  new Set(use.map(({ to }) => to))

const unused = (holders: readonly AcceleratorShare[]): AcceleratorActivity => ({
  use: [],
  guessed: NOBODY,
  holders,
})

/** Pids of one look, resolved once. A process that has gone since is who it was at the look before. */
class Users {
  /** Those of this look. */
  readonly known = new Map<number, Consumer>()
  readonly #resolve: Resolve
  readonly #at: Seconds
  readonly #before: ReadonlyMap<number, Consumer>

  constructor(resolve: Resolve, at: Seconds, before: ReadonlyMap<number, Consumer>) {
    this.#resolve = resolve
    this.#at = at
    this.#before = before
  }

  of(pid: number): AcceleratorUser {
    const consumer = this.known.get(pid) ?? this.#resolve(pid, this.#at) ?? this.#before.get(pid)
    if (consumer === undefined) return 'unresolved_pid'
    this.known.set(pid, consumer)
    return consumer
  }

  isAgent(pid: number): boolean {
    const user = this.of(pid)
    return typeof user !== 'string' && user.kind === 'process' && AGENTS.has(user.process.comm)
  }
}

function ofDevice(
  { processes, rows, rowsSince }: GpuLook,
  memory: Memory,
  users: Users,
  at: Seconds,
  duration: number,
): AcceleratorActivity {
  const seen = [...processes, ...memory.processes]
  memory.processes = processes
  memory.instances = []
  const contexts = new Set(seen.map(({ pid }) => pid))
  const busy =
    rows.length > 0
      ? busySeconds(rows, rowsSince, memory, at, duration)
      : stillBusy(memory, contexts, at, duration)
  const computing = new Set(seen.filter(({ kind }) => kind === 'compute').map(({ pid }) => pid))
  for (const pid of busy.keys()) if (!contexts.has(pid)) computing.add(pid) // came and went between two looks
  const holders = Array.from(computing).filter((pid) => !users.isAgent(pid))
  const holding = sharesOf(holders, 1, users)
  if (busy.size > 0) {
    return { use: usesOf(busy, users), guessed: NOBODY, holders: holding }
  }
  // Nothing says how much each did: those that compute, or else those that draw, did the same.
  const candidates = holders.length > 0 ? holders : Array.from(contexts).filter((pid) => !users.isAgent(pid))
  const equal = new Map(candidates.map((pid) => [pid, duration / candidates.length]))
  const use = usesOf(equal, users)
  return { use, guessed: candidates.length > 1 ? usersIn(use) : NOBODY, holders: holding }
}

/**
 * How long each process kept the multiprocessors busy. A row stands for the time since the driver's sample before
 * it, or, of a driver that gives one row for each process, since the look before.
 */
function busySeconds(
  rows: readonly UtilisationRow[],
  rowsSince: number,
  memory: Memory,
  at: Seconds,
  duration: number,
): ReadonlyMap<number, number> {
  if (new Set(rows.map(({ pid }) => pid)).size < rows.length) memory.hasRowPerSample = true
  const starts = startsOf(rows, rowsSince)
  const longest = memory.hasRowPerSample ? SAMPLE_PERIOD_SECONDS : duration + SAMPLE_PERIOD_SECONDS
  const busy = new Map<number, number>()
  for (const { pid, timeStamp, sm } of rows) {
    if (sm === 0) continue
    const start = memory.hasRowPerSample ? (starts.get(timeStamp) ?? rowsSince) : rowsSince
    const length = start === 0 ? duration : (timeStamp - start) / 1e6
    busy.set(pid, (busy.get(pid) ?? 0) + (sm / 100) * Math.min(length, longest))
  }
  memory.rates = new Map(Array.from(busy, ([pid, time]) => [pid, duration > 0 ? time / duration : time]))
  memory.ratedAt = at
  return busy
}

/** Without a newer sample: those that were busy at the newest and are still there go on, for a sample's length. */
function stillBusy(
  { rates, ratedAt }: Memory,
  contexts: ReadonlySet<number>,
  at: Seconds,
  duration: number,
): ReadonlyMap<number, number> {
  const busy = new Map<number, number>()
  if (ratedAt === undefined || at - ratedAt > SAMPLE_PERIOD_SECONDS) return busy
  for (const [pid, rate] of rates) if (contexts.has(pid)) busy.set(pid, rate * duration)
  return busy
}

/** Where each sample began: at the device's sample before it. */
function startsOf(rows: readonly UtilisationRow[], rowsSince: number): ReadonlyMap<number, number> {
  const stamps = Array.from(new Set(rows.map(({ timeStamp }) => timeStamp))).sort((one, other) => one - other)
  return new Map(stamps.map((stamp, index) => [stamp, stamps[index - 1] ?? rowsSince]))
}

/** An instance that had users at either end of the interval. */
interface Held {
  readonly instance: MigInstance
  readonly pids: readonly number[]
  /** Slices of the device that it stands for: its part of its GPU instance. */
  readonly slices: number
}

function ofMig(
  { slices, instances }: Mig,
  memory: Memory,
  users: Users,
  duration: number,
): AcceleratorActivity {
  const held = heldOf(instances, memory.instances, users)
  memory.instances = instances
  memory.processes = []
  memory.rates = new Map()
  const wholeSlices = Math.max(
    slices,
    sum(instances.map(gpuSlicesOf(instances))),
    sum(held.map((one) => one.slices)),
  )
  const holders = held.flatMap((one) => sharesOf(one.pids, one.slices / wholeSlices, users))
  const [first] = held
  if (first === undefined) return unused([])
  const activities = held.map(({ instance, slices: own }) => (instance.activity ?? NaN) * own)
  const isMeasured = activities.every((activity) => activity >= 0) && sum(activities) > 0
  const isAlone = held.length === 1
  const uses: AcceleratorUse[] = []
  const guessed = new Set<AcceleratorUser>()
  held.forEach(({ instance, pids, slices: own }, index) => {
    const weight = duration * (isAlone ? 1 : isMeasured ? (activities[index] ?? 0) : own)
    const inside = usesOf(new Map(pids.map((pid) => [pid, weight / pids.length])), users)
    uses.push(...inside)
    // The counters know GPU instances, neither the compute instances inside them nor the processes inside those.
    const isShared = held.filter((one) => one.instance.gpuInstance === instance.gpuInstance).length > 1
    const isKnown = (isAlone || isMeasured) && !isShared && pids.length === 1
    if (!isKnown) for (const { to } of inside) guessed.add(to)
  })
  return { use: merged(uses), guessed, holders }
}

/** Instances that were taken down since the look before had their users, too. */
function heldOf(now: readonly MigInstance[], before: readonly MigInstance[], users: Users): Held[] {
  const byKey = new Map<string, { instance: MigInstance; pids: Set<number> }>()
  for (const instance of [...now, ...before]) {
    const { gpuInstance, computeInstance, gpuSlices, computeSlices, pids } = instance
    const key = [gpuInstance, computeInstance, gpuSlices, computeSlices].join('/')
    const found = byKey.get(key) ?? { instance, pids: new Set<number>() }
    byKey.set(key, found)
    for (const pid of pids) if (!users.isAgent(pid)) found.pids.add(pid)
  }
  const all = Array.from(byKey.values())
  const slicesOf = gpuSlicesOf(all.map(({ instance }) => instance))
  return all
    .filter(({ pids }) => pids.size > 0)
    .map(({ instance, pids }) => ({ instance, pids: Array.from(pids), slices: slicesOf(instance) }))
}

/** A compute instance stands for its part of the slices of its GPU instance. */
export const gpuSlicesOf =
  (instances: readonly MigInstance[]) =>
  ({ gpuInstance, gpuSlices, computeSlices }: MigInstance): number => {
    const inside = instances.filter((one) => one.gpuInstance === gpuInstance && one.gpuSlices === gpuSlices)
    const whole = sum(inside.map((one) => one.computeSlices))
    return inside.length < 2 || whole === 0 ? gpuSlices : (gpuSlices * computeSlices) / whole
  }

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** Equal parts of a share. */
function sharesOf(pids: readonly number[], share: number, users: Users): AcceleratorShare[] {
  const shares = new Map<AcceleratorUser, number>()
  for (const pid of pids) {
    const to = users.of(pid)
    shares.set(to, (shares.get(to) ?? 0) + share / pids.length)
  }
  return Array.from(shares, ([to, part]) => ({ to, share: part }))
}

function usesOf(weights: ReadonlyMap<number, number>, users: Users): readonly AcceleratorUse[] {
  const uses: AcceleratorUse[] = []
  for (const [pid, weight] of weights) if (weight > 0) uses.push({ to: users.of(pid), weight })
  return merged(uses)
}

/** Each user once. */
function merged(uses: readonly AcceleratorUse[]): readonly AcceleratorUse[] {
  const weights = new Map<AcceleratorUse['to'], number>()
  for (const { to, weight } of uses) weights.set(to, (weights.get(to) ?? 0) + weight)
  return Array.from(weights, ([to, weight]) => ({ to, weight }))
}
