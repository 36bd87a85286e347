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
  Identity,
  Part,
  Method,
  Names,
  Reading,
  Reason,
  WorkloadFacts,
} from '../model.ts'
import { EnergyTotal, microjoules, noEnergy, seconds, type Microjoules, type Seconds } from '../units.ts'
import { Baselines } from './baseline.ts'
import { activePartOf, EnergyClasses, type EnergyClass } from './classes.ts'
import { Distribution, type Post } from './distribution.ts'
import type { IdlePolicy } from './idle-policy.ts'
import { Nesting, type DomainAccount, type Gap, type Leaf, type LeafReading } from './nesting.ts'
import { ProcessView } from './process-view.ts'
import type { FactsRecord, LedgerChanges, LedgerState } from './record.ts'
import { View, type Holder, type Lifetimes } from './view.ts'
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

/** The series of a cgroup's consumers, and what they are called. */
interface GroupAccounts {
  container: Holder
  workload: Holder
  /** By UUID, of the accelerators that it has used. */
  readonly accelerators: Map<string, Holder>
  readonly names: Names
}

/** A group that has used energy, and what people call it. */
export interface NamedGroup {
  readonly identity: Identity
  readonly names: Names
}

/** Undefined: it is being looked up. */
export type NameOf = (identity: Identity) => Names | undefined

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
  readonly #groups = new WeakMap<Group, GroupAccounts>()
  readonly #facts = new WeakMap<Holder, WorkloadFacts>()
  /** Since the changes were last taken down. */
  #newFacts: FactsRecord[] = []
  #bookedAt: Seconds
  readonly #accelerators = new Map<string, AcceleratorIdentity>()
  #policy: LedgerPolicy

  /**
   * @param options.nameOf what people call those in a cgroup; undefined while that is being looked up, in which time
   * their energy is pending
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
      this.#keepAlive(activity, at)
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
    const facts = this.#newFacts
    this.#newFacts = []
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
        facts,
      },
      bookings: [
        ...views.workload.booked.map(({ account: { holder, energyClass }, amount }) => ({
          ...classOf(energyClass),
          amount,
          workload: this.#factsOf(holder),
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
      facts: Array.from(new Set(workloads)).flatMap((holder) => {
        const facts = this.#facts.get(holder)
        return facts === undefined ? [] : factsRecords(holder.labels, facts)
      }),
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
    this.#recallFacts(state.facts, seconds(state.at))
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
  endNaming(nameOf: (identity: Identity) => Names, wall: Seconds): TickOfBooks {
    this.#nameThoseWhoWait({ at: this.#bookedAt, wall }, nameOf)
    return this.changes()
  }

  /** Of these groups the ones that have series, and what they are called. */
  *named(groups: readonly Group[]): Generator<NamedGroup> {
    for (const group of groups) {
      const accounts = this.#groups.get(group)
      if (accounts !== undefined) yield { identity: group.identity, names: accounts.names }
    }
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
    const accounts = this.#accountsOf(to.group, at)
    if (accounts === undefined) {
      this.#unnamed.wait(to, energy, amount)
      return
    }
    const { energyClass, uuid } = energy
    this.views.container.book(accounts.container, energyClass, amount, at, wall)
    this.views.workload.book(accounts.workload, energyClass, amount, at, wall)
    const partClass = this.classes.of(energyClass.component, energyClass.part, '')
    this.#processes.book(to, partClass, amount, at, wall)
    if (uuid !== undefined) {
      this.byAccelerator.book(this.#acceleratorOf(accounts, uuid, at), partClass, amount, at, wall)
    }
  }

  #acceleratorOf({ accelerators, names }: GroupAccounts, uuid: string, at: Seconds): Holder {
    const known = accelerators.get(uuid)
    if (known !== undefined && !known.isRetired) return known
    const { workload, namespace } = names.facts
    const holder = this.byAccelerator.holder([workload, namespace, uuid], at)
    accelerators.set(uuid, holder)
    return holder
  }

  #nameThoseWhoWait({ at, wall }: Pick<Tick, 'at' | 'wall'>, nameOf = this.#nameOf): void {
    for (const group of this.#unnamed.groups) {
      if (this.#accountsOf(group, at, nameOf) === undefined) continue
      for (const { consumer, energy, amount } of this.#unnamed.take(group)) {
        this.#bookTo(consumer, energy, microjoules(amount), at, wall)
      }
    }
  }

  /** Undefined while its names are being looked up. */
  #accountsOf(group: Group, at: Seconds, nameOf = this.#nameOf): GroupAccounts | undefined {
    const known = this.#groups.get(group)
    if (known !== undefined && !known.container.isRetired && !known.workload.isRetired) return known
    const names = known?.names ?? nameOf(group.identity)
    if (names === undefined) return undefined
    const accounts: GroupAccounts = {
      names,
      accelerators: known?.accelerators ?? new Map<string, Holder>(),
      container: this.views.container.holder(containerLabels(group.identity, names), at),
      workload: this.views.workload.holder(workloadLabels(names.facts), at),
    }
    this.#learnFacts(accounts.workload, names.facts)
    this.#groups.set(group, accounts)
    return accounts
  }

  /** The series of a cgroup stay as long as it exists. */
  #keepAlive({ groups }: Activity, at: Seconds): void {
    for (const group of groups) {
      const accounts = this.#groups.get(group)
      if (accounts === undefined) continue
      accounts.container.lastSeen = at
      accounts.workload.lastSeen = at
      for (const holder of accounts.accelerators.values()) holder.lastSeen = at
    }
  }

  #replay(changes: LedgerChanges, views: Readonly<Record<string, View>>): TickOfBooks {
    const at = seconds(changes.at)
    for (const [name, view] of Object.entries(views)) {
      const own = changes.views[name]
      if (own !== undefined) view.replay(own, at)
    }
    this.nesting.replay(changes.nesting, at)
    this.#recallFacts(changes.facts, at)
    return this.changes()
  }

  #recallFacts(records: readonly FactsRecord[], at: Seconds): void {
    for (const { labels, ...facts } of records) {
      this.#facts.set(this.views.workload.holder(labels, at), { ...factsIn(labels), ...facts })
    }
  }

  #learnFacts(holder: Holder, facts: WorkloadFacts): void {
    if (this.#facts.has(holder)) return
    this.#facts.set(holder, facts)
    this.#newFacts.push(...factsRecords(holder.labels, facts))
  }

  /** What is known of a workload when its account is opened stays with it. */
  #factsOf(holder: Holder): WorkloadFacts {
    const known = this.#facts.get(holder)
    if (known !== undefined) return known
    const facts = factsIn(holder.labels)
    this.#facts.set(holder, facts)
    return facts
  }

  #processLabels(consumer: Consumer): readonly string[] {
    if (consumer.kind !== 'process') return ['', consumer.kind, '', '', '']
    const { group, process } = consumer
    const { workload = '', namespace = '' } = this.#groups.get(group)?.names.facts ?? {}
    return [String(process.pid), process.comm, group.identity.containerId, workload, namespace]
  }
}

const workloadLabels = ({
  workload,
  namespace,
  kind,
  model,
  variant,
  phase,
}: WorkloadFacts): readonly string[] => [workload, namespace, kind, model, variant, phase]

const factsIn = ([
  workload = '',
  namespace = '',
  kind = '',
  model = '',
  variant = '',
  phase = '',
]: readonly string[]): WorkloadFacts => ({
  workload,
  namespace,
  kind: kind as WorkloadFacts['kind'],
  model,
  variant,
  phase,
  user: '',
  account: '',
  podLabels: {},
})

/** Nothing where the labels say it all. */
const factsRecords = (
  labels: readonly string[],
  { user, account, podLabels }: WorkloadFacts,
): FactsRecord[] =>
  user === '' && account === '' && Object.keys(podLabels).length === 0
    ? []
    : [{ labels, user, account, podLabels }]

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

const containerLabels = (
  { containerId, runtime }: Identity,
  { facts: { workload, namespace }, container: { container, pod } }: Names,
): string[] => [containerId, container, pod, runtime, workload, namespace]
