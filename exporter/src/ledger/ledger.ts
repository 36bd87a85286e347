/**
 * The books. Each tick brings what the domains spent and what the consumers did; every joule of every leaf is booked
 * once: to its consumer in three views, or as unattributed with the reason. No I/O, no clock, no logger.
 *
 * Equations (docs/design.md section 6), exact in microjoules after every tick:
 *   Σ roots + Σ deficits = Σ leaves
 *   for each view: Σ leaves = Σ series + Σ unattributed + pending + retired
 */
import { COMPONENTS } from '../model.ts'
import type {
  AcceleratorIdentity,
  Activity,
  Baseline,
  Booking,
  Component,
  Consumer,
  Domain,
  Group,
  Method,
  NameShare,
  Names,
  Naming,
  Part,
  Reading,
  Reason,
} from '../model.ts'
import { EnergyTotal, microjoules, noEnergy, seconds, type Microjoules, type Seconds } from '../units.ts'
import { Accounts, type NamedGroup } from './accounts.ts'
import { apportion } from './apportion.ts'
import { Baselines } from './baseline.ts'
import { activePartOf, EnergyClasses, type EnergyClass } from './classes.ts'
import { Distribution, type Post } from './distribution.ts'
import type { IdlePolicy } from './idle-policy.ts'
import { Nesting, type DomainAccount, type Gap, type Leaf, type LeafReading } from './nesting.ts'
import { ProcessView } from './process-view.ts'
import type { LedgerChanges, LedgerState } from './record.ts'
import { View, type Lifetimes } from './view.ts'
import { Unnamed, type Energy } from './unnamed.ts'
import type { Recipient } from './weights.ts'

export interface LedgerPolicy {
  readonly lifetimes: Lifetimes
  readonly idlePolicy: IdlePolicy
  /** Configured idle power by domain id. */
  readonly baselines: ReadonlyMap<string, Baseline>
  /** How many processes may have a series of their own. */
  readonly processes: number
  /** Hard cap on the series of each view. */
  readonly seriesLimit: number
}

export interface Tick {
  readonly at: Seconds
  readonly wall: Seconds
  /** All domains that are present, with a reading this time or not. */
  readonly domains: readonly Domain[]
  readonly readings: readonly Reading[]
  /** Undefined at the first look. */
  readonly activity: Activity | undefined
  /** Processes whose series stay although they may use nothing. */
  readonly present?: readonly Consumer[]
}

/** The labels of each view, in the order that `Holder.labels` keeps. */
export const VIEW_LABELS = {
  workload: ['workload', 'namespace', 'kind', 'model', 'variant', 'phase'],
  container: ['container_id', 'container', 'pod', 'runtime', 'workload', 'namespace'],
  process: ['pid', 'comm', 'container_id', 'workload', 'namespace'],
} as const

export const VIEWS = ['workload', 'container', 'process'] as const
export type ViewName = (typeof VIEWS)[number]

/** Of the view by accelerator, which says again, board by board, what the workload view has of accelerators. */
export const ACCELERATOR_VIEW_LABELS = ['workload', 'namespace', 'uuid'] as const

/** Where energy goes that has no series of its own, in the order of the labels above. */
const OVERFLOW = {
  workload: ['other', '', 'other', '', '', ''],
  container: ['', '', '', 'other', 'other', ''],
  process: ['', 'other', '', '', ''],
  accelerator: ['other', '', ''],
} as const

/** Whose the energy of a consumer is. */
export type NameOf = (consumer: Consumer) => Naming

/** What one tick has changed: for the journal, and for all who count along. */
export interface TickOfBooks {
  readonly changes: LedgerChanges
  readonly bookings: readonly Booking[]
  /** Energy of each domain that was read, by its id, and of all roots together as `node`. */
  readonly meters: ReadonlyMap<string, Microjoules>
  readonly gaps: readonly Gap[]
}

export class Ledger {
  readonly classes = new EnergyClasses()
  readonly nesting: Nesting
  readonly baselines: Baselines
  readonly views: Readonly<Record<ViewName, View>>
  readonly byAccelerator: View
  /** One series per reason. */
  readonly unattributed: View
  /** Energy of the leaves, summed apart from all accounts: what the audit compares a page with. */
  leafTotals = new Map<Component, EnergyTotal>()
  readonly #distribution: Distribution
  readonly #processes: ProcessView
  readonly #nameOf: NameOf
  readonly #unnamed = new Unnamed()
  readonly #accounts: Accounts
  #bookedAt: Seconds
  readonly #accelerators = new Map<string, AcceleratorIdentity>()
  #policy: LedgerPolicy

  /**
   * @param options.nameOf whose a consumer's energy is; until that is decided, the energy is pending
   * @param options.lostAfter a domain not seen for so long has left the tree
   */
  constructor(policy: LedgerPolicy, options: { nameOf: NameOf; startedAt: Seconds; lostAfter: Seconds }) {
    this.#policy = policy
    this.#nameOf = options.nameOf
    this.nesting = new Nesting(options.lostAfter)
    this.baselines = new Baselines(policy.baselines)
    this.#distribution = new Distribution(this.baselines)
    const { startedAt } = options
    this.#bookedAt = startedAt
    const { classes } = this
    const view = (overflow: readonly string[]): View => new View({ overflow, startedAt, classes, ...policy })
    this.views = {
      workload: view(OVERFLOW.workload),
      container: view(OVERFLOW.container),
      process: view(OVERFLOW.process),
    }
    this.byAccelerator = view(OVERFLOW.accelerator)
    const { workload, container } = this.views
    this.#accounts = new Accounts({ workload, container, accelerator: this.byAccelerator })
    this.unattributed = view(['no_activity'])
    this.#processes = new ProcessView(this.views.process, {
      places: policy.processes,
      startedAt,
      otherLabels: OVERFLOW.process,
      labelsOf: (consumer) => this.#processLabels(consumer),
    })
  }

  reconfigure(policy: LedgerPolicy): void {
    this.#policy = policy
    this.baselines.reconfigure(policy.baselines)
    this.#processes.reconfigure(policy.processes)
    for (const view of this.#allViews()) view.reconfigure(policy)
  }

  book(tick: Tick): void {
    const { at, wall, activity } = tick
    this.#bookedAt = at
    this.#nameThoseWhoWait(tick)
    for (const { id, accelerator } of tick.domains) {
      if (accelerator !== undefined) this.#accelerators.set(id, accelerator)
    }
    const { readings, unread } = this.nesting.settle(at, wall, tick.domains, tick.readings)
    for (const reading of readings) this.#count(reading)
    const post = (to: Recipient, leaf: Leaf, part: Part, amount: Microjoules): void =>
      this.#post(to, leaf, part, amount, tick)
    for (const reading of readings)
      if (reading.whileDown === true) this.#bookUnseen('exporter_down', reading, post)
    const seen = readings.filter(({ whileDown }) => whileDown !== true)
    if (activity === undefined) {
      for (const reading of seen) this.#bookUnseen('warming_up', reading, post)
    } else {
      this.#distribution.split({ readings: seen, unread }, activity, this.#policy.idlePolicy, post)
      this.#accounts.keepAlive(activity.groups, tick.present ?? [], at)
    }
    this.#processes.rank(at, wall)
    for (const view of this.#allViews()) view.sweep(at)
  }

  /** What has happened since this was last asked; to be asked once a tick. */
  changes(): TickOfBooks {
    const { workload, container, process } = this.views
    const views = {
      workload: workload.changes(),
      container: container.changes(),
      process: process.changes(),
      accelerator: this.byAccelerator.changes(),
      unattributed: this.unattributed.changes(),
    }
    const { booked, gaps, ...nesting } = this.nesting.changes()
    return {
      changes: {
        at: this.#bookedAt,
        views: mapValues(views, ({ opened, credits, retired, dropped }) => ({
          opened,
          credits,
          retired,
          dropped,
        })),
        nesting,
        waiting: this.#processes.waiting(),
        unnamed: this.#unnamed.records(),
        facts: this.#accounts.takeNewFacts(),
      },
      bookings: [
        ...views.workload.booked.map(({ account: { holder, energyClass }, amount }) => ({
          ...classOf(energyClass),
          amount,
          workload: this.#accounts.factsOf(holder),
        })),
        ...views.unattributed.booked.map(({ account: { holder, energyClass }, amount }) => ({
          ...classOf(energyClass),
          amount,
          reason: holder.labels[0] as Reason,
        })),
      ],
      meters: metersOf(booked),
      gaps,
    }
  }

  state(): LedgerState {
    const workloads = Array.from(this.views.workload.accounts(), ({ holder }) => holder)
    return {
      at: this.#bookedAt,
      views: mapValues(this.#viewsByName(), (view) => view.state()),
      nesting: this.nesting.state(),
      waiting: this.#processes.waiting(),
      unnamed: this.#unnamed.records(),
      facts: this.#accounts.factsRecords(new Set(workloads)),
    }
  }

  /**
   * Takes up an earlier run's books in place of none: a state and the changes of every tick after it.
   * @param each is told of every tick that is done again
   * @throws RangeError when they do not fit together
   */
  restore(
    state: LedgerState,
    later: Iterable<LedgerChanges>,
    wall: Seconds,
    each: (tick: Omit<TickOfBooks, 'changes'>) => void,
  ): void {
    const views = this.#viewsByName()
    for (const [name, view] of Object.entries(views)) {
      const own = state.views[name]
      if (own !== undefined) view.restore(own, seconds(state.at))
    }
    this.nesting.restore(state.nesting)
    this.#accounts.recall(state.facts, state.at)
    let { waiting, unnamed, at } = state
    for (const changes of later) {
      each(this.#replay(changes, views))
      waiting = changes.waiting
      unnamed = changes.unnamed
      at = changes.at
    }
    this.#bookedAt = seconds(at)
    this.#processes.takeUp(waiting, this.classes, this.#bookedAt, wall)
    this.#unnamed.restore(unnamed, this.classes)
    for (const view of Object.values(views)) view.resume(this.#bookedAt)
    this.leafTotals = this.nesting.leafTotals()
    this.changes() // what was taken up is in the next state
  }

  /** These books end here: what still waits for a name is booked with the one that is known at once. */
  endNaming(nameOf: (consumer: Consumer) => Names, wall: Seconds): TickOfBooks {
    this.#nameThoseWhoWait({ at: this.#bookedAt, wall }, nameOf)
    return this.changes()
  }

  /** Of these groups the ones that have series, and what they are called. */
  named(groups: readonly Group[]): Iterable<NamedGroup> {
    return this.#accounts.named(groups)
  }

  /** The accelerators that stand in the tree now, by domain id. */
  accelerators(at: Seconds): ReadonlyMap<string, AcceleratorIdentity> {
    const present = new Set(this.nesting.leaves(at).map(({ id }) => id))
    for (const id of this.#accelerators.keys()) if (!present.has(id)) this.#accelerators.delete(id)
    return this.#accelerators
  }

  /** Booked energy that a view does not show yet. */
  pending(view: ViewName, component: Component): EnergyTotal {
    const own = view === 'process' ? this.#processes.pending(component) : this.views[view].pending(component)
    return EnergyTotal.of(own, this.unattributed.pending(component), this.#unnamed.total(component))
  }

  /** Energy of series that a view shows no longer. */
  retired(view: ViewName, component: Component): EnergyTotal {
    return EnergyTotal.of(this.views[view].retired(component), this.unattributed.retired(component))
  }

  /** Components that have ever had a leaf, in the order of the contract. */
  components(): Component[] {
    return COMPONENTS.filter((component) => this.leafTotals.has(component))
  }

  #bookUnseen(reason: Reason, reading: LeafReading, post: Post): void {
    const { domain, spent } = reading
    const active = activePartOf(domain.component)
    const idle =
      active === 'overhead' ? noEnergy : reason === 'warming_up' ? spent : this.baselines.idleOf(reading)
    post(reason, domain, 'idle', idle)
    post(reason, domain, active, microjoules(spent - idle))
  }

  /** As the journal calls them. */
  #viewsByName(): Readonly<Record<string, View>> {
    return { ...this.views, accelerator: this.byAccelerator, unattributed: this.unattributed }
  }

  #allViews(): View[] {
    return Object.values(this.#viewsByName())
  }

  #count({ domain, spent }: LeafReading): void {
    const total = this.leafTotals.get(domain.component) ?? new EnergyTotal()
    total.add(spent)
    this.leafTotals.set(domain.component, total)
  }

  #post(
    to: Recipient,
    { id, component, method }: Leaf,
    part: Part,
    amount: Microjoules,
    { at, wall }: Tick,
  ): void {
    if (amount === 0) return
    const energyClass = this.classes.of(component, part, method)
    if (typeof to === 'string') {
      this.unattributed.book(this.unattributed.holder([to], at), energyClass, amount, at, wall)
      return
    }
    const energy = {
      energyClass: this.classes.of(component, part, method),
      uuid: this.#accelerators.get(id)?.uuid,
    }
    this.#bookTo(to, energy, amount, at, wall)
  }

  #bookTo(to: Consumer, energy: Energy, amount: Microjoules, at: Seconds, wall: Seconds): void {
    const naming = this.#nameOf(to)
    if (isDecided(naming)) this.#bookAs(naming, to, energy, amount, at, wall)
    else this.#unnamed.wait(to, energy, amount, naming?.otherwise)
  }

  #bookAs(
    names: Decided,
    to: Consumer,
    energy: Energy,
    amount: Microjoules,
    at: Seconds,
    wall: Seconds,
  ): void {
    if (isNames(names)) {
      this.#bookOne(names, to, energy, amount, at, wall)
      return
    }
    const shares = apportion(
      amount,
      names.map(({ weight }) => weight),
    )
    if (shares === undefined) throw new RangeError('names that share energy have no weight')
    names.forEach((share, index) => {
      const own = shares[index]
      if (own !== undefined && own > 0) this.#bookOne(share.names, to, energy, own, at, wall)
    })
  }

  #bookOne(
    names: Names,
    to: Consumer,
    { energyClass, uuid }: Energy,
    amount: Microjoules,
    at: Seconds,
    wall: Seconds,
  ): void {
    const accounts = this.#accounts.of(to, names, at)
    this.views.container.book(accounts.container, energyClass, amount, at, wall)
    this.views.workload.book(accounts.workload, energyClass, amount, at, wall)
    const consumer = to.doing?.of ?? to
    if (this.#accounts.noteLatest(consumer, names)) this.#processes.rename(consumer, at)
    const partClass = this.classes.of(energyClass.component, energyClass.part, '')
    this.#processes.book(consumer, partClass, amount, at, wall)
    if (uuid !== undefined) {
      const holder = this.#accounts.acceleratorOf(accounts, uuid, at)
      this.byAccelerator.book(holder, partClass, amount, at, wall)
    }
  }

  #nameThoseWhoWait({ at, wall }: Pick<Tick, 'at' | 'wall'>, nameOf = this.#nameOf): void {
    for (const one of this.#unnamed.waiting) {
      const { consumer, amounts, otherwise, isOver } = one
      const naming = isOver ? otherwise : nameOf(consumer)
      if (!isDecided(naming)) continue
      this.#unnamed.settle(one)
      for (const { energy, amount } of amounts) {
        this.#bookAs(naming, consumer, energy, microjoules(amount), at, wall)
      }
    }
  }

  #replay(changes: LedgerChanges, views: Readonly<Record<string, View>>): TickOfBooks {
    const at = seconds(changes.at)
    for (const [name, view] of Object.entries(views)) {
      const own = changes.views[name]
      if (own !== undefined) view.replay(own, at)
    }
    this.nesting.replay(changes.nesting, at)
    this.#accounts.recall(changes.facts, at)
    return this.changes()
  }

  #processLabels(consumer: Consumer): readonly string[] {
    if (consumer.kind !== 'process') return ['', consumer.kind, '', '', '']
    const { group, process } = consumer
    const { workload = '', namespace = '' } = this.#accounts.latestOf(consumer)?.facts ?? {}
    return [String(process.pid), process.comm, group.identity.containerId, workload, namespace]
  }
}

type Decided = Names | readonly NameShare[]

const isNames = (naming: Decided): naming is Names => 'facts' in naming

const isDecided = (naming: Naming): naming is Decided => naming !== undefined && !('otherwise' in naming)

function metersOf(
  booked: readonly (readonly [DomainAccount, Microjoules])[],
): ReadonlyMap<string, Microjoules> {
  const meters = new Map<string, Microjoules>()
  const add = (name: string, amount: Microjoules): void =>
    void meters.set(name, microjoules((meters.get(name) ?? 0) + amount))
  for (const [{ domain, within }, amount] of booked) {
    add(domain, amount)
    if (within === '') add(WHOLE_NODE, amount)
  }
  return meters
}

/** The name under which budgets and demand know all that was measured. */
const WHOLE_NODE = 'node'

/** In the workload view and the unattributed one every class has its method. */
const classOf = ({
  component,
  part,
  method,
}: EnergyClass): Pick<Booking, 'component' | 'part' | 'method'> => ({
  component,
  part,
  method: method as Method,
})

const mapValues = <One, Other>(
  record: Readonly<Record<string, One>>,
  change: (value: One) => Other,
): Record<string, Other> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
