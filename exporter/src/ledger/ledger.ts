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
  Component,
  Consumer,
  Domain,
  Group,
  Identity,
  Part,
  Reading,
  WorkloadLabels,
} from '../model.ts'
import { EnergyTotal, type Microjoules, type Seconds, type Watts } from '../units.ts'
import { Baselines } from './baseline.ts'
import { activePartOf, EnergyClasses } from './classes.ts'
import { Distribution } from './distribution.ts'
import type { IdlePolicy } from './idle-policy.ts'
import { Nesting, type Leaf, type LeafReading } from './nesting.ts'
import { ProcessView } from './process-view.ts'
import { View, type Holder, type Lifetimes } from './view.ts'
import type { Recipient } from './weights.ts'

export interface LedgerPolicy {
  readonly lifetimes: Lifetimes
  readonly idlePolicy: IdlePolicy
  /** Configured idle power by domain id. */
  readonly baselines: ReadonlyMap<string, Watts>
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
  readonly labels: WorkloadLabels
}

/** A group that has used energy, and what people call it. */
export interface NamedGroup {
  readonly identity: Identity
  readonly labels: WorkloadLabels
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
  readonly leafTotals = new Map<Component, EnergyTotal>()
  readonly #distribution: Distribution
  readonly #processes: ProcessView
  readonly #nameOf: (identity: Identity) => WorkloadLabels
  readonly #groups = new WeakMap<Group, GroupAccounts>()
  readonly #accelerators = new Map<string, AcceleratorIdentity>()
  #policy: LedgerPolicy

  /**
   * @param options.nameOf what people call the workload of a cgroup
   * @param options.lostAfter a domain not seen for so long has left the tree
   */
  constructor(
    policy: LedgerPolicy,
    options: { nameOf: (identity: Identity) => WorkloadLabels; startedAt: Seconds; lostAfter: Seconds },
  ) {
    this.#policy = policy
    this.#nameOf = options.nameOf
    this.nesting = new Nesting(options.lostAfter)
    this.baselines = new Baselines(policy.baselines)
    this.#distribution = new Distribution(this.baselines)
    const { startedAt } = options
    const view = (overflow: readonly string[]): View => new View({ overflow, startedAt, ...policy })
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
    for (const { id, accelerator } of tick.domains) {
      if (accelerator !== undefined) this.#accelerators.set(id, accelerator)
    }
    const settled = this.nesting.settle(at, wall, tick.domains, tick.readings)
    for (const reading of settled.readings) this.#count(reading)
    const post = (to: Recipient, leaf: Leaf, part: Part, amount: Microjoules): void =>
      this.#post(to, leaf, part, amount, tick)
    if (activity === undefined) {
      for (const { domain, spent } of settled.readings) {
        const part = activePartOf(domain.component) === 'overhead' ? 'overhead' : 'idle'
        post('warming_up', domain, part, spent)
      }
    } else {
      this.#distribution.split(settled, activity, this.#policy.idlePolicy, post)
      this.#keepAlive(activity, at)
    }
    this.#processes.rank(at, wall)
    for (const view of this.#allViews()) view.sweep(at)
  }

  /** Of these groups the ones that have series, and what they are called. */
  *named(groups: readonly Group[]): Generator<NamedGroup> {
    for (const group of groups) {
      const accounts = this.#groups.get(group)
      if (accounts !== undefined) yield { identity: group.identity, labels: accounts.labels }
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
    return EnergyTotal.of(own, this.unattributed.pending(component))
  }

  /** Energy of series that a view shows no longer. */
  retired(view: ViewName, component: Component): EnergyTotal {
    return EnergyTotal.of(this.views[view].retired(component), this.unattributed.retired(component))
  }

  /** Components that have ever had a leaf, in the order of the contract. */
  components(): Component[] {
    return COMPONENTS.filter((component) => this.leafTotals.has(component))
  }

  #allViews(): View[] {
    return [...Object.values(this.views), this.byAccelerator, this.unattributed]
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
    const accounts = this.#accountsOf(to.group, at)
    this.views.container.book(accounts.container, energyClass, amount, at, wall)
    this.views.workload.book(accounts.workload, energyClass, amount, at, wall)
    const partClass = this.classes.of(component, part, '')
    this.#processes.book(to, partClass, amount, at, wall)
    const uuid = this.#accelerators.get(id)?.uuid
    if (uuid !== undefined) {
      this.byAccelerator.book(this.#acceleratorOf(accounts, uuid, at), partClass, amount, at, wall)
    }
  }

  #acceleratorOf({ accelerators, labels }: GroupAccounts, uuid: string, at: Seconds): Holder {
    const known = accelerators.get(uuid)
    if (known !== undefined && !known.isRetired) return known
    const holder = this.byAccelerator.holder([labels.workload, labels.namespace, uuid], at)
    accelerators.set(uuid, holder)
    return holder
  }

  #accountsOf(group: Group, at: Seconds): GroupAccounts {
    const known = this.#groups.get(group)
    if (known !== undefined && !known.container.isRetired && !known.workload.isRetired) return known
    const labels = known?.labels ?? this.#nameOf(group.identity)
    const accounts: GroupAccounts = {
      labels,
      accelerators: known?.accelerators ?? new Map<string, Holder>(),
      container: this.views.container.holder(containerLabels(group.identity, labels), at),
      workload: this.views.workload.holder(workloadLabels(labels), at),
    }
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

  #processLabels(consumer: Consumer): readonly string[] {
    if (consumer.kind !== 'process') return ['', consumer.kind, '', '', '']
    const { group, process } = consumer
    const { workload, namespace } = this.#groups.get(group)?.labels ?? this.#nameOf(group.identity)
    return [String(process.pid), process.comm, group.identity.containerId, workload, namespace]
  }
}

const workloadLabels = ({ workload, namespace, kind, model, variant }: WorkloadLabels): readonly string[] => [
  workload,
  namespace,
  kind,
  model,
  variant,
  '',
]

const containerLabels = (
  { containerId, runtime }: Identity,
  { workload, namespace }: WorkloadLabels,
): string[] => [containerId, '', '', runtime, workload, namespace]
