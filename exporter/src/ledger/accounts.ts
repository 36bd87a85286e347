/** Under which labels consumers are booked: the holders of each cgroup's names, and what is known of each workload. */
import type { Consumer, Group, Identity, Names, WorkloadFacts } from '../model.ts'
import { seconds, type Seconds } from '../units.ts'
import type { FactsRecord } from './record.ts'
import type { Holder, View } from './view.ts'

/** The series of those in a cgroup who are called the same. */
export interface NameAccounts {
  readonly names: Names
  readonly container: Holder
  readonly workload: Holder
  /** By UUID, of the accelerators that they have used. */
  readonly accelerators: Map<string, Holder>
}

/** Those in a group who have used energy, and what people call them. */
export interface NamedGroup {
  readonly identity: Identity
  readonly names: Names
}

export interface AccountViews {
  readonly workload: View
  readonly container: View
  readonly accelerator: View
}

export class Accounts {
  readonly #views: AccountViews
  readonly #groups = new WeakMap<Group, Map<Names, NameAccounts>>()
  readonly #facts = new WeakMap<Holder, WorkloadFacts>()
  /** What consumers were last booked as. */
  readonly #latest = new WeakMap<Consumer, Names>()
  /** Since they were last taken down. */
  #newFacts: FactsRecord[] = []

  constructor(views: AccountViews) {
    this.#views = views
  }

  of({ group }: Consumer, names: Names, at: Seconds): NameAccounts {
    const ofGroup = this.#ofGroup(group)
    const known = ofGroup.get(names)
    if (known !== undefined && !known.container.isRetired && !known.workload.isRetired) return known
    const accounts: NameAccounts = {
      names,
      accelerators: known?.accelerators ?? new Map<string, Holder>(),
      container: this.#views.container.holder(containerLabels(group.identity, names), at),
      workload: this.#views.workload.holder(workloadLabels(names.facts), at),
    }
    this.#learn(accounts.workload, names.facts)
    ofGroup.set(names, accounts)
    return accounts
  }

  acceleratorOf({ accelerators, names }: NameAccounts, uuid: string, at: Seconds): Holder {
    const known = accelerators.get(uuid)
    if (known !== undefined && !known.isRetired) return known
    const { workload, namespace } = names.facts
    const holder = this.#views.accelerator.holder([workload, namespace, uuid], at)
    accelerators.set(uuid, holder)
    return holder
  }

  /** @returns whether the consumer belonged to another workload before */
  noteLatest(consumer: Consumer, names: Names): boolean {
    const before = this.#latest.get(consumer)
    if (before === names) return false
    this.#latest.set(consumer, names)
    return before !== undefined && !isSameWorkload(before.facts, names.facts)
  }

  latestOf(consumer: Consumer): Names | undefined {
    return this.#latest.get(consumer)
  }

  /**
   * Series stay as long as those whom they tell of: a cgroup, or the processes in it that are called so; with all
   * phases and models of their workload.
   * @param present processes that are there, whether they use anything or not
   */
  keepAlive(groups: readonly Group[], present: readonly Consumer[], at: Seconds): void {
    for (const group of groups) {
      for (const accounts of this.#groups.get(group)?.values() ?? []) {
        if (accounts.names.livesWith === 'group') stay(accounts, at)
      }
    }
    for (const consumer of present) {
      const latest = this.#latest.get(consumer)
      if (latest === undefined) continue
      for (const accounts of this.#groups.get(consumer.group)?.values() ?? []) {
        if (isSameWorkload(accounts.names.facts, latest.facts)) stay(accounts, at)
      }
    }
  }

  /** Of these groups those that have series; those that are gone and no longer shown are forgotten. */
  *named(groups: readonly Group[]): Generator<NamedGroup> {
    for (const group of groups) {
      const ofGroup = this.#groups.get(group)
      for (const accounts of ofGroup?.values() ?? []) {
        if (accounts.workload.isRetired) ofGroup?.delete(accounts.names)
        else yield { identity: group.identity, names: accounts.names }
      }
    }
  }

  /** What is known of a workload when its account is opened stays with it. */
  factsOf(holder: Holder): WorkloadFacts {
    const known = this.#facts.get(holder)
    if (known !== undefined) return known
    const facts = factsIn(holder.labels)
    this.#facts.set(holder, facts)
    return facts
  }

  takeNewFacts(): readonly FactsRecord[] {
    return this.#newFacts.splice(0)
  }

  /** What is known of these holders beyond their labels. */
  factsRecords(holders: Iterable<Holder>): readonly FactsRecord[] {
    return Array.from(holders).flatMap((holder) => {
      const facts = this.#facts.get(holder)
      return facts === undefined ? [] : recordsOf(holder.labels, facts)
    })
  }

  recall(records: readonly FactsRecord[], at: number): void {
    for (const { labels, ...facts } of records) {
      this.#facts.set(this.#views.workload.holder(labels, seconds(at)), { ...factsIn(labels), ...facts })
    }
  }

  #ofGroup(group: Group): Map<Names, NameAccounts> {
    let ofGroup = this.#groups.get(group)
    if (ofGroup === undefined) {
      ofGroup = new Map()
      this.#groups.set(group, ofGroup)
    }
    return ofGroup
  }

  #learn(holder: Holder, facts: WorkloadFacts): void {
    if (this.#facts.has(holder)) return
    this.#facts.set(holder, facts)
    this.#newFacts.push(...recordsOf(holder.labels, facts))
  }
}

function stay({ container, workload, accelerators }: NameAccounts, at: Seconds): void {
  container.lastSeen = at
  workload.lastSeen = at
  for (const holder of accelerators.values()) holder.lastSeen = at
}

const isSameWorkload = (one: WorkloadFacts, other: WorkloadFacts): boolean =>
  one.workload === other.workload && one.namespace === other.namespace

const containerLabels = (
  { containerId, runtime }: Identity,
  { facts: { workload, namespace }, container: { container, pod } }: Names,
): string[] => [containerId, container, pod, runtime, workload, namespace]

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
const recordsOf = (labels: readonly string[], { user, account, podLabels }: WorkloadFacts): FactsRecord[] =>
  user === '' && account === '' && Object.keys(podLabels).length === 0
    ? []
    : [{ labels, user, account, podLabels }]
