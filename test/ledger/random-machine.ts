/** Random machines, policies and times for the properties of the ledger, and a watch over what it shows. */
import fc from 'fast-check'
import { identityOf } from '../../exporter/src/activity/identity.ts'
import { IDLE_POLICIES, type IdlePolicy } from '../../exporter/src/ledger/idle-policy.ts'
import { Ledger, type LedgerPolicy } from '../../exporter/src/ledger/ledger.ts'
import type { Account } from '../../exporter/src/ledger/view.ts'
import type {
  AcceleratorActivity,
  AcceleratorUser,
  Activity,
  Baseline,
  Consumer,
  Domain,
  Group,
  Identity,
  Method,
  Names,
  Naming,
  Reading,
} from '../../exporter/src/model.ts'
import { microjoules, nanoseconds, seconds, watts } from '../../exporter/src/units.ts'
import { namesByPath } from '../../exporter/src/workloads/naming.ts'
import { domain } from './small-machine.ts'

const NAMED_AFTER = 2

export const START = 1000

/** psys ⊇ package ⊇ core, an estimate inside a measured whole, a slow node meter around all, a stand-in model. */
export const DOMAINS: readonly Domain[] = [
  domain('meter', 'node', ''),
  domain('psys', 'node', 'meter'),
  domain('package-0', 'cpu', 'psys'),
  domain('package-0-core', 'cpu', 'package-0', { booked: false }),
  domain('package-1', 'cpu', 'psys'),
  domain('dram-0', 'memory', 'psys', { method: 'estimated' }),
  domain('gpu-0', 'accelerator', 'meter', {
    method: 'integrated',
    accelerator: {
      uuid: 'GPU-0',
      index: 0,
      modelName: 'NVIDIA L4',
      pciBusId: '0000:01:00.0',
      vendor: 'nvidia',
    },
  }),
  domain('model-cpu', 'cpu', '', { method: 'estimated', standIn: true }),
  domain('crac', 'cooling', ''),
]

/** Any forest: each domain stands within an earlier one or on its own; only those without parts may be shown and not booked. */
const forests: fc.Arbitrary<readonly Domain[]> = fc
  .array(
    fc.record({
      component: fc.constantFrom<Domain['component']>(
        'node',
        'cpu',
        'memory',
        'accelerator',
        'board',
        'cooling',
      ),
      method: fc.constantFrom<Method>('counter', 'integrated', 'estimated'),
      parent: fc.nat(8),
      isApart: fc.boolean(),
      booked: fc.boolean(),
    }),
    { minLength: 1, maxLength: 9 },
  )
  .map((trees) => {
    const parents = trees.map(({ parent, isApart }, index) =>
      isApart || index === 0 ? undefined : parent % index,
    )
    return trees.map(({ component, method, booked }, index) => {
      const parent = parents[index]
      const within = parent === undefined ? '' : `domain-${parent}`
      const isPart = parent !== undefined && !parents.includes(index)
      return domain(`domain-${index}`, component, within, { method, booked: booked || !isPart })
    })
  })

export const machines = fc.oneof(
  { weight: 2, arbitrary: fc.constant(DOMAINS) },
  { weight: 3, arbitrary: forests },
)

const group = (index: number): Group => ({
  path: `/group-${index}`,
  identity: {
    ...identityOf('/'),
    containerId: index % 3 === 0 ? '' : `${index}`.padStart(64, 'a'),
    runtime: index % 3 === 0 ? 'host' : 'docker',
    unit: index % 3 === 0 ? `unit-${index % 6}.service` : '',
    slice: 'system.slice',
  },
})

const step = fc.record({
  wait: fc.constantFrom(0.1, 1, 1, 1, 7, 61, 700),
  /** Which domains are present, and which of them were read. */
  present: fc.array(fc.boolean(), { minLength: DOMAINS.length, maxLength: DOMAINS.length }),
  spent: fc.array(fc.option(fc.nat(500_000_000), { freq: 4 }), {
    minLength: DOMAINS.length,
    maxLength: DOMAINS.length,
  }),
  cpu: fc.array(fc.tuple(fc.nat(11), fc.nat(2_000_000_000)), { maxLength: 12 }),
  exit: fc.option(fc.nat(11), { freq: 3 }),
  /** Slot 12 is a process that cannot be found. */
  holders: fc.array(fc.nat(12), { maxLength: 3 }),
  use: fc.array(fc.tuple(fc.nat(12), fc.double({ min: 1e-6, max: 60, noNaN: true })), { maxLength: 4 }),
  estimated: fc.boolean(),
  unreadable: fc.constantFrom(0, 0, 5_000_000),
  /** What each slot does now; a star is split as the next step reports. */
  phases: fc.array(fc.constantFrom('', '', 'eval', 'train', 'train/*'), { minLength: 12, maxLength: 12 }),
  /** The process of this slot becomes another program. */
  exec: fc.option(fc.nat(11), { freq: 4 }),
})
export type Step = typeof step extends fc.Arbitrary<infer One> ? One : never

export const policies: fc.Arbitrary<LedgerPolicy> = fc.record({
  lifetimes: fc.record({
    birthHold: fc.constantFrom(0, 30).map(seconds),
    expireAfter: fc.constantFrom(60, 600).map(seconds),
  }),
  idlePolicy: fc.constantFrom<IdlePolicy>(...IDLE_POLICIES),
  baselines: fc.constantFrom<ReadonlyMap<string, Baseline>>(
    new Map(),
    new Map([['package-0', { watts: watts(10), source: 'configured' }]]),
  ),
  processes: fc.constantFrom(0, 2, 50),
  seriesLimit: fc.constantFrom(5, 20_000),
})

/** A machine of twelve slots for processes; a slot whose process exits gets another with the same pid. */
export class Play {
  ledger: Ledger
  readonly #policy: LedgerPolicy
  readonly #domains: readonly Domain[]
  #now = START
  readonly #consumers: Consumer[] = []
  #generation = 0
  #isFirst = false
  readonly #askedAt = new Map<string, number>()
  readonly #doing: (Consumer | undefined)[] = []
  readonly #programs = new Map<Consumer, number>()
  /** Of those that wait for a report, the step after which it comes. */
  readonly #reportAfter = new WeakMap<Consumer, number>()
  readonly #names = new Map<string, Names>()
  #steps = 0
  readonly #readTo = new Map<string, number>()

  constructor(policy: LedgerPolicy, domains: readonly Domain[]) {
    this.#policy = policy
    this.#domains = domains
    this.ledger = this.newLedger()
    for (let slot = 0; slot < 12; slot += 1) this.#consumers.push(this.#born(slot))
  }

  newLedger(): Ledger {
    const lostAfter = seconds(60)
    const startedAt = seconds(this.#now)
    this.#askedAt.clear()
    return new Ledger(this.#policy, {
      nameOf: (consumer) => this.#nameOf(consumer),
      startedAt,
      lostAfter,
    })
  }

  /** The exporter starts anew with these books: it knows none of its consumers, and the counters tell what it missed. */
  restart(ledger: Ledger): void {
    this.ledger = ledger
    for (let slot = 0; slot < 12; slot += 1) this.#consumers[slot] = this.#born(slot)
    this.#isFirst = true
  }

  run(one: Step): void {
    const from = this.#now
    this.#now += one.wait
    const domains = this.#domains.filter((_, index) => one.present[index])
    const readings = this.#domains.flatMap((some, index): Reading[] => {
      const spent = one.spent[index]
      if (!one.present[index] || spent === null || spent === undefined) return []
      const since = this.#readTo.get(some.id) ?? from
      this.#readTo.set(some.id, this.#now)
      return [
        {
          domain: some,
          spent: microjoules(spent),
          from: seconds(since),
          to: seconds(this.#now),
          ...(this.#isFirst && some.method === 'counter' && { whileDown: true }),
        },
      ]
    })
    this.ledger.book({
      at: seconds(this.#now),
      wall: seconds(this.#now + 1e9),
      domains,
      readings,
      activity: this.#isFirst ? undefined : this.#activity(one, from),
      present: this.#consumers.slice(0, 6),
    })
    this.#isFirst = false
    this.#steps += 1
    const changed = one.exec === null ? undefined : this.#consumers[one.exec]
    if (changed !== undefined) this.#programs.set(changed, this.#steps % 3)
    if (one.exit !== null) this.#consumers[one.exit] = this.#born(one.exit)
  }

  /** Names of containers come late, as from a daemon that is asked; some split what a consumer did. */
  #nameOf(consumer: Consumer): Naming {
    const { identity } = consumer.group
    const { containerId } = identity
    const asked = this.#askedAt.get(containerId) ?? this.#now
    this.#askedAt.set(containerId, asked)
    if (containerId !== '' && this.#now - asked < NAMED_AFTER) return undefined
    const { of = consumer, phase = '' } = consumer.doing ?? {}
    const model = `model-${this.#programs.get(of) ?? ''}`
    const inPhase = (name: string): Names => this.#namesOf(identity, model, name)
    if (phase !== 'train/*') return inPhase(phase)
    if (this.#steps <= (this.#reportAfter.get(consumer) ?? 0)) return { otherwise: inPhase('train') }
    const names = ['train/forward', 'train/backward', 'train'].map(inPhase)
    return names.map((one, index) => ({ names: one, weight: index * (consumer.group.path.length % 7) + 1 }))
  }

  #namesOf(identity: Identity, model: string, phase: string): Names {
    const key = JSON.stringify([identity, model, phase])
    const names = namesByPath(identity)
    const known = this.#names.get(key) ?? {
      ...names,
      facts: { ...names.facts, model, phase },
      livesWith: model === 'model-' ? 'group' : 'process',
    }
    this.#names.set(key, known)
    return known
  }

  /** The consumer of a slot, or what it does. */
  #acting(slot: number, { phases }: Step): Consumer | undefined {
    const of = this.#consumers[slot]
    const phase = phases[slot] ?? ''
    if (of === undefined || phase === '') return of
    const before = this.#doing[slot]?.doing
    if (before?.of === of && before.phase === phase && phase !== 'train/*') return this.#doing[slot]
    const acting: Consumer = { ...of, doing: { of, phase } }
    this.#doing[slot] = acting
    this.#reportAfter.set(acting, this.#steps + 1)
    return acting
  }

  #activity(one: Step, from: number): Activity {
    const use = new Map<Consumer, number>()
    for (const [slot, cpu] of one.cpu) {
      const consumer = this.#acting(slot, one)
      if (consumer !== undefined && cpu > 0) use.set(consumer, cpu)
    }
    return {
      from: seconds(from),
      to: seconds(this.#now),
      cpu: Array.from(use, ([consumer, cpu]) => ({ consumer, cpu: nanoseconds(cpu) })),
      unreadableCpu: nanoseconds(one.unreadable),
      busyRatio: one.cpu.length / 12,
      groups: this.#consumers.map((consumer) => consumer.group),
      accelerators: new Map([['gpu-0', this.#accelerator(one)]]),
      census: {
        processes: 12,
        unreadable: 0,
        groups: 12,
        cpuTimeSource: 'clock',
        limitation: '',
      },
    }
  }

  #accelerator(one: Step): AcceleratorActivity {
    const { holders, use, estimated } = one
    const userOf = (slot: number): AcceleratorUser => this.#acting(slot, one) ?? 'unresolved_pid'
    return {
      use: use.map(([slot, weight]) => ({ to: userOf(slot), weight })),
      guessed: new Set(use.filter((_, index) => estimated || index % 2 === 0).map(([slot]) => userOf(slot))),
      // the eighth part that nobody holds: MIG slices that are free
      holders: holders.map((slot) => ({ to: userOf(slot), share: 7 / 8 / holders.length })),
    }
  }

  #born(slot: number): Consumer {
    this.#generation += 1
    if (slot === 0) return { kind: 'exited', group: group(slot) }
    const process = { pid: slot, startTicks: this.#generation, comm: `job-${this.#generation % 5}` }
    return { kind: 'process', group: group(slot), process }
  }
}

export const steps = fc.array(step, { minLength: 1, maxLength: 60 })

/** Every series that is or was shown, with what it showed last. */
export class Watch {
  readonly #last = new Map<string, bigint>()

  fallen(ledger: Ledger): string[] {
    const seen: string[] = []
    for (const [name, view] of [
      ...Object.entries(ledger.views),
      ['accelerator', ledger.byAccelerator] as const,
      ['unattributed', ledger.unattributed] as const,
    ]) {
      for (const account of view.accounts())
        this.#look(`${name} ${keyOf(account)}`, account.shown.toBigInt(), seen)
    }
    for (const [key, account] of ledger.nesting.accounts) this.#look(key, account.total.toBigInt(), seen)
    return seen
  }

  #look(key: string, now: bigint, fallen: string[]): void {
    const before = this.#last.get(key) ?? 0n
    if (now < before) fallen.push(`${key}: ${before} -> ${now}`)
    this.#last.set(key, now)
  }
}

export const keyOf = ({ holder, energyClass: { component, part, method } }: Account): string =>
  [...holder.labels, component, part, method].join(' ')
