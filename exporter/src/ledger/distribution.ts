/** From the energy of leaves to who used it: active and idle energy, each split by its own weights. */
import type { Activity, Component, Part } from '../model.ts'
import { microjoules, seconds, type Microjoules } from '../units.ts'
import { apportion } from './apportion.ts'
import { QUIET_BUSY_RATIO, type Baselines } from './baseline.ts'
import { activePartOf } from './classes.ts'
import { idleWeights, type IdlePolicy } from './idle-policy.ts'
import type { Leaf, LeafReading, Settled } from './nesting.ts'
import { Weights, type Recipient, type Weight } from './weights.ts'

/** Takes one share down. */
export type Post = (to: Recipient, leaf: Leaf, part: Part, amount: Microjoules) => void

/** By what a leaf's active energy of this tick is split. */
type WeightsOf = (leaf: Leaf) => readonly Weight[]

/** Energy that is split by one list of weights. */
interface Pool {
  readonly leaf: Leaf
  /** Whose part of the active energy is known less well than the energy itself. */
  readonly guessed: ReadonlySet<Recipient>
  readonly activeWeights: readonly Weight[]
  readonly idleWeights: readonly Weight[]
  active: number
  idle: number
}

export class Distribution {
  readonly #baselines: Baselines
  readonly #activeWeights = new Weights()
  readonly #idleWeights = new Weights()
  /** Leaves in whose open interval something went on: they cannot teach a baseline. */
  readonly #busy = new Set<string>()
  /** By leaf, those whose part of its open interval is a guess, at least in some tick. */
  readonly #guessed = new Map<string, Set<Recipient>>()

  constructor(baselines: Baselines) {
    this.#baselines = baselines
  }

  /** CPU, memory and accelerators by what was done on them; then the rest of the machine by what those came to. */
  split({ readings, unread }: Settled, activity: Activity, policy: IdlePolicy, post: Post): void {
    this.#learn(readings, unread, activity)
    const direct = directWeights(activity)
    const itEnergy = new Map<Recipient, number>()
    const used = readings.filter(({ domain }) => isDirect(domain.component))
    for (const pool of this.#pools(used, direct, activity, policy)) {
      settle(pool, post, (to, amount) => itEnergy.set(to, (itEnergy.get(to) ?? 0) + amount))
    }
    const it = Array.from(itEnergy, ([to, weight]) => ({ to, weight }))
    const derived = readings.filter(({ domain }) => !isDirect(domain.component))
    for (const pool of this.#pools(derived, () => it, activity, policy)) settle(pool, post)
    this.#keep(unread, (leaf) => (isDirect(leaf.component) ? direct(leaf) : it), activity, policy)
    this.#forget(readings, unread)
  }

  /** The leaf's next reading covers this tick as well. */
  #keep(unread: readonly Leaf[], weightsOf: WeightsOf, activity: Activity, policy: IdlePolicy): void {
    for (const leaf of unread) {
      const weights = weightsOf(leaf)
      this.#guessedOn(leaf, activity)
      this.#activeWeights.keep(leaf.id, weights)
      this.#idleWeights.keep(leaf.id, idleOf(leaf, weights, activity, policy))
    }
  }

  /** Whose part of the leaf's open interval is a guess, this tick included. */
  #guessedOn({ id, component }: Leaf, { accelerators }: Activity): ReadonlySet<Recipient> {
    const now = component === 'accelerator' ? accelerators.get(id)?.guessed : undefined
    const before = this.#guessed.get(id)
    if (now === undefined || now.size === 0) return before ?? NOBODY
    const all = new Set([...(before ?? []), ...now])
    this.#guessed.set(id, all)
    return all
  }

  #forget(readings: readonly LeafReading[], unread: readonly Leaf[]): void {
    const present = new Set([...unread.map(({ id }) => id), ...readings.map(({ domain }) => domain.id)])
    this.#activeWeights.retain(present)
    this.#idleWeights.retain(present)
    for (const id of this.#guessed.keys()) if (!present.has(id)) this.#guessed.delete(id)
  }

  #learn(readings: readonly LeafReading[], unread: readonly Leaf[], activity: Activity): void {
    const isBusy = activity.busyRatio >= QUIET_BUSY_RATIO
    const isInUse = (id: string): boolean => {
      const accelerator = activity.accelerators.get(id)
      return isBusy || (accelerator !== undefined && accelerator.use.length + accelerator.holders.length > 0)
    }
    for (const { id } of unread) if (isInUse(id)) this.#busy.add(id)
    for (const reading of readings) {
      const wasBusy = this.#busy.delete(reading.domain.id)
      this.#baselines.observe(reading, !wasBusy && !isInUse(reading.domain.id))
    }
  }

  /**
   * Leaves of one component and method that are split by the same weights are pooled: two CPU packages are one
   * supply of CPU time. A leaf that is behind has weights of its own, and so has an accelerator.
   */
  #pools(
    readings: readonly LeafReading[],
    weightsOf: WeightsOf,
    activity: Activity,
    policy: IdlePolicy,
  ): Iterable<Pool> {
    const pools = new Map<string, Pool>()
    for (const reading of readings) {
      const leaf = reading.domain
      const isOwn = this.#activeWeights.isBehind(leaf.id) || leaf.component === 'accelerator'
      const key = isOwn ? leaf.id : `${leaf.component}\0${leaf.method}`
      let pool = pools.get(key)
      if (pool === undefined) {
        const weights = weightsOf(leaf)
        const guessed = this.#guessedOn(leaf, activity)
        this.#guessed.delete(leaf.id)
        const activeWeights = this.#activeWeights.take(leaf.id, weights)
        const idle = this.#idleWeights.take(leaf.id, idleOf(leaf, weights, activity, policy))
        pool = { leaf, guessed, activeWeights, idleWeights: idle, active: 0, idle: 0 }
        pools.set(key, pool)
      }
      const idle = activePartOf(leaf.component) === 'overhead' ? 0 : this.#baselines.idleOf(reading)
      pool.idle += idle
      pool.active += reading.spent - idle
    }
    return pools.values()
  }
}

/** Whether a component's use is observed itself; the others serve those that use these. */
function isDirect(component: Component): boolean {
  return component === 'cpu' || component === 'memory' || component === 'accelerator'
}

/** An accelerator by who used it; CPU and memory by CPU time. */
function directWeights(activity: Activity): WeightsOf {
  const cpu = cpuWeights(activity)
  return ({ id, component }) =>
    component === 'accelerator' ? (activity.accelerators.get(id)?.use ?? []) : cpu
}

const NOBODY: ReadonlySet<Recipient> = new Set()

function cpuWeights(activity: Activity): Weight[] {
  const weights: Weight[] = activity.cpu.map(({ consumer, cpu }) => ({ to: consumer, weight: cpu }))
  if (activity.unreadableCpu > 0) weights.push({ to: 'unreadable', weight: activity.unreadableCpu })
  return weights
}

const idleOf = (
  leaf: Leaf,
  weights: readonly Weight[],
  activity: Activity,
  policy: IdlePolicy,
): readonly Weight[] =>
  idleWeights(policy, leaf, weights, activity.accelerators, seconds(activity.to - activity.from))

/** Splits a pool; what nobody can be charged with stays unattributed, with the reason. */
function settle(pool: Pool, post: Post, seeActive?: (to: Recipient, amount: Microjoules) => void): void {
  const { leaf, guessed } = pool
  const asGuess: Leaf = { ...leaf, method: 'estimated' }
  share(microjoules(pool.active), pool.activeWeights, 'no_activity', (to, amount) => {
    post(to, guessed.has(to) ? asGuess : leaf, activePartOf(leaf.component), amount)
    seeActive?.(to, amount)
  })
  share(microjoules(pool.idle), pool.idleWeights, 'idle', (to, amount) => post(to, leaf, 'idle', amount))
}

function share(
  energy: Microjoules,
  weights: readonly Weight[],
  otherwise: 'no_activity' | 'idle',
  give: (to: Recipient, amount: Microjoules) => void,
): void {
  if (energy === 0) return
  const shares = apportion(
    energy,
    weights.map(({ weight }) => weight),
  )
  if (shares === undefined) {
    give(otherwise, energy)
    return
  }
  weights.forEach(({ to }, index) => {
    const amount = shares[index]
    if (amount !== undefined && amount > 0) give(to, amount)
  })
}
