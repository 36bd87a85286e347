/** A small machine whose ledger is booked by hand, and the page of it. */
import { identityOf } from '../../exporter/src/activity/identity.ts'
import { MachinePage, type MachineState } from '../../exporter/src/exposition/machine-page.ts'
import type { QueryServerRow } from '../../exporter/src/exposition/query-page.ts'
import { QueryCounts } from '../../exporter/src/workloads/query-counts.ts'
import { PageWriter } from '../../exporter/src/exposition/page.ts'
import { Ledger, type LedgerPolicy } from '../../exporter/src/ledger/ledger.ts'
import type { Consumer, Group, SensorStatus } from '../../exporter/src/model.ts'
import { microjoules, nanoseconds, seconds } from '../../exporter/src/units.ts'
import { namingByPath } from '../../exporter/src/workloads/naming.ts'
import { Phases } from '../../exporter/src/workloads/phases.ts'
import { domain, heldBy } from '../ledger/small-machine.ts'

const WALL_OFFSET = 1_760_000_000

/** The platform ⊇ package ⊇ cores, memory that is estimated inside the platform, and an accelerator beside it. */
const DOMAINS = {
  psys: domain('psys', 'node', ''),
  package: domain('package-0', 'cpu', 'psys'),
  core: domain('package-0-core', 'cpu', 'package-0', { booked: false }),
  dram: domain('dram-0', 'memory', 'psys', { method: 'estimated' }),
  gpu: domain('gpu-0', 'accelerator', '', { method: 'integrated' }),
} as const

const group = (unit: string, containerId = ''): Group => ({
  path: `/system.slice/${unit}`,
  identity: {
    ...identityOf('/'),
    containerId,
    runtime: containerId === '' ? 'host' : 'docker',
    unit: containerId === '' ? unit : '',
    slice: 'system.slice',
  },
})

const process = (pid: number, comm: string, where: Group): Consumer => ({
  kind: 'process',
  group: where,
  process: { pid, startTicks: pid * 10, comm },
})

/** Their names hold all that a page has to escape; the first is as systemd writes a dash. */
export const CONSUMERS = {
  service: process(400, 'na"me\\', group('dev-disk\\x2dby\\x2did.swap')),
  container: process(500, 'two\nlines', group('docker-c0ffee.scope', 'c0ffee'.padEnd(64, '0'))),
  foreign: process(600, 'プロセス 🔋', group('grün.service')),
} as const satisfies Record<string, Consumer>

const SENSORS: readonly SensorStatus[] = [
  {
    name: 'rapl',
    state: 'readings',
    reason: '',
    advice: '',
    components: ['cpu', 'memory'],
    unreadable: [],
    onceSeen: true,
    failures: 2,
    lastDuration: seconds(0.0004),
    lastReadingWall: seconds(WALL_OFFSET + 0.5),
  },
  {
    name: 'nvml',
    state: 'absent',
    reason: 'the file "libnvidia-ml.so.1" is not there',
    advice: 'install the driver',
    components: ['accelerator'],
    unreadable: ['network'],
    onceSeen: false,
    failures: 0,
    lastDuration: seconds(0),
    lastReadingWall: undefined,
  },
]

export interface Spent {
  readonly wait: number
  /** In microjoules; who is left out was not read. */
  readonly energy: Partial<Record<keyof typeof DOMAINS, number>>
  /** In nanoseconds. */
  readonly cpu: Partial<Record<keyof typeof CONSUMERS, number>>
  readonly holder?: keyof typeof CONSUMERS
}

export interface Forms {
  readonly text: string
  readonly openMetrics: string
}

export class BookedMachine {
  readonly ledger: Ledger
  readonly queries = new QueryCounts({
    mostAccounts: 100,
    birthHold: seconds(30),
    expireAfter: seconds(600),
  })
  queryServers: readonly QueryServerRow[] = []
  requestEnergy: MachineState['requestEnergy'] = { rows: () => [] }
  readonly #page = new MachinePage()
  readonly #readTo = new Map<string, number>()
  #now = 1000
  #census: MachineState['census']
  #groups: readonly Group[] = Object.values(CONSUMERS).map((consumer) => consumer.group)

  constructor(policy: Partial<LedgerPolicy> = {}) {
    this.ledger = new Ledger(
      {
        lifetimes: { birthHold: seconds(30), expireAfter: seconds(600) },
        idlePolicy: 'holders',
        baselines: new Map(),
        processes: 50,
        seriesLimit: 20_000,
        ...policy,
      },
      { nameOf: namingByPath(), startedAt: seconds(this.#now), lostAfter: seconds(60) },
    )
  }

  spend({ wait, energy, cpu, holder }: Spent): void {
    const from = this.#now
    this.#now += wait
    const to = seconds(this.#now)
    const readings = Object.entries(DOMAINS).flatMap(([name, one]) => {
      const spent = energy[name as keyof typeof DOMAINS]
      if (spent === undefined) return []
      const since = this.#readTo.get(name) ?? from
      this.#readTo.set(name, to)
      return [{ domain: one, spent: microjoules(spent), from: seconds(since), to }]
    })
    this.#census = { processes: 3, unreadable: 1, groups: 3, cpuTimeSource: 'clock', limitation: '' }
    this.ledger.book({
      at: to,
      wall: seconds(WALL_OFFSET + this.#now),
      domains: Object.values(DOMAINS),
      readings,
      activity: {
        from: seconds(from),
        to,
        cpu: Object.entries(cpu)
          .filter(([, time]) => time > 0)
          .map(([name, time]) => ({
            consumer: CONSUMERS[name as keyof typeof CONSUMERS],
            cpu: nanoseconds(time),
          })),
        unreadableCpu: nanoseconds(0),
        busyRatio: 0.5,
        groups: this.#groups,
        accelerators: heldBy({ 'gpu-0': holder === undefined ? [] : [CONSUMERS[holder]] }),
        census: this.#census,
      },
    })
  }

  readonly #phases = new Phases(
    { birthHold: seconds(0), expireAfter: seconds(600), seriesLimit: 1000 },
    seconds(0),
    seconds(0),
  )

  /** The cgroups are gone, as seen from the next tick on. */
  leave(): void {
    this.#groups = []
  }

  get state(): MachineState {
    return {
      at: seconds(this.#now),
      wall: seconds(WALL_OFFSET + this.#now),
      startedWall: seconds(WALL_OFFSET),
      ledger: this.ledger,
      sensors: SENSORS,
      census: this.#census,
      groups: this.#groups,
      budgets: [],
      demand: [],
      phases: this.#phases,
      facility: { accounts: [], gauges: [], devices: [], pue: undefined },
      requestEnergy: this.requestEnergy,
      queries: this.queries,
      queryServers: this.queryServers,
    }
  }

  /** @returns the page without its tail, and what its audit came to */
  render(): Forms & { readonly error: bigint } {
    const writer = new PageWriter()
    const error = this.#page.render(writer, this.state)
    const { text, openMetrics } = writer.finish()
    return { text: text.toString(), openMetrics: openMetrics.toString(), error }
  }
}

/** Four seconds in which everything is at work: 400 J, of it 200 J the package, 20 J memory; 100 J the accelerator. */
export const BUSY: Spent = {
  wait: 4,
  energy: {
    psys: 400_000_001,
    package: 200_000_003,
    core: 150_000_000,
    dram: 20_000_007,
    gpu: 100_000_009,
  },
  cpu: { service: 1_000_000_000, container: 2_000_000_000, foreign: 500_000_001 },
  holder: 'container',
}
