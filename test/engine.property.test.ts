/** Random machines from their raw files to the page: whatever happens on them, the books on every page balance. */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { BooksChanges, BooksState } from '../exporter/src/books.ts'
import { loadConfig, type Config } from '../exporter/src/config/load.ts'
import { Engine } from '../exporter/src/engine.ts'
import { PageWriter } from '../exporter/src/exposition/page.ts'
import type { WorkloadRule } from '../exporter/src/model.ts'
import { seconds } from '../exporter/src/units.ts'
import { Host, type CgroupVersion } from './activity/host.ts'
import { CounterWatch } from './exposition/counter-watch.ts'
import { imbalancesOfPage, parsePage, sumOf, type Families } from './exposition/page-text.ts'

/** In microjoules: small, so that counters come round within a few ticks. */
const SMALL_RANGE = 400_000_000
/** That of many processors: after a restart its energy is certain as long as it cannot have come round. */
const REAL_RANGE = 262_143_328_850
const ZONES = {
  'intel-rapl:0': 'package-0',
  'intel-rapl:0:0': 'package-0-core',
  'intel-rapl:0:1': 'dram-0',
  'intel-rapl:1': 'package-1',
  'intel-rapl:2': 'psys',
} as const
const NAMES = ['package-0', 'core', 'dram', 'package-1', 'psys']
const FOLDERS = Object.keys(ZONES)
const SESSION = '/user.slice/user-1000.slice/session-4.scope'
const GROUPS = ['/system.slice/a.service', SESSION, `/docker/${'c'.repeat(64)}`]

/** What a process may become, with the same name or another. */
const PROGRAMS = [
  'vllm serve Qwen/Qwen3-8B',
  'vllm serve microsoft/phi-4 --quantization fp8',
  'VLLM::EngineCore',
  'torchrun train.py --model_name_or_path x/y',
  'python3 train.py',
  'python3 serve_mine.py',
  'ollama serve',
  `ollama runner --model /m/blobs/sha256-${'a'.repeat(64)}`,
  'make -j8',
]

const RULES: readonly WorkloadRule[] = [
  { line: 1, match: { command: 'python3 serve_mine.py' }, says: { workload: 'mine', kind: 'inference' } },
  { line: 2, match: { unit: 'a.service' }, says: { namespace: 'rules' } },
]

const pids = fc.integer({ min: 10, max: 17 })

const event = fc.oneof(
  fc.record({ kind: fc.constant('start' as const), pid: pids, group: fc.nat(2) }),
  fc.record({ kind: fc.constant('run' as const), pid: pids, milliseconds: fc.nat(900) }),
  fc.record({ kind: fc.constant('run' as const), pid: pids, milliseconds: fc.nat(900) }),
  fc.record({ kind: fc.constant('exit' as const), pid: pids }),
  fc.record({
    kind: fc.constant('exec' as const),
    pid: pids,
    program: fc.nat(PROGRAMS.length - 1),
    parent: pids,
  }),
  fc.record({ kind: fc.constant('move' as const), pid: pids, group: fc.nat(2) }),
  fc.record({ kind: fc.constant('short-lived' as const), group: fc.nat(2), milliseconds: fc.nat(400) }),
)

/** What a broken driver may write instead of a figure. */
const BROKEN = { empty: '', text: 'n/a', negative: '-5', huge: '9'.repeat(30) } as const
const KINDS = ['reset', 'refuse', 'allow', 'vanish', 'empty', 'text', 'negative', 'huge'] as const

/** What may go wrong with the counter of a zone. */
const trouble = fc.record({
  zone: fc.nat(FOLDERS.length - 1),
  kind: fc.constantFrom(...KINDS),
})

const stepOf = (
  waits: readonly number[],
  troubles: fc.Arbitrary<Trouble[]>,
  restarts: fc.Arbitrary<number>,
) =>
  fc.record({
    wait: fc.constantFrom(...waits),
    /** Microjoules by zone: far below what a counter could not be believed. */
    spent: fc.array(fc.nat(90_000_000), { minLength: FOLDERS.length, maxLength: FOLDERS.length }),
    events: fc.array(event, { maxLength: 6 }),
    troubles,
    /** How often the exporter is killed after it, and started again before the next. */
    restarts,
  })

const never = fc.constant(0)
const sometimes = fc.constantFrom(0, 0, 1, 2)

const calm = stepOf([0.5, 1, 1, 4, 12], fc.constant([]), never)
const restarting = stepOf([0.5, 1, 1, 4, 12], fc.constant([]), sometimes)
const rough = stepOf([0.5, 1, 1, 4, 65, 700], fc.array(trouble, { maxLength: 2 }), sometimes)
type Of<Some> = Some extends fc.Arbitrary<infer One> ? One : never
type Step = Of<typeof rough>
type Trouble = Of<typeof trouble>

const configs: fc.Arbitrary<Config> = fc
  .record({
    birthHoldSeconds: fc.constantFrom(0, 30),
    idlePolicy: fc.constantFrom('holders', 'proportional', 'equal', 'none'),
    top: fc.constantFrom(1, 3, 50),
    rules: fc.boolean(),
  })
  .map(({ birthHoldSeconds, idlePolicy, top, rules }) => ({
    ...loadConfig(undefined),
    workloads: rules ? RULES : [],
    birthHoldSeconds: seconds(birthHoldSeconds),
    expireAfterSeconds: seconds(60),
    idlePolicy: idlePolicy,
    processes: { enabled: true, top },
  }))

class Play {
  readonly #host: Host
  readonly #config: Config
  readonly #range: number
  #engine: Engine
  /** What a journal would hold, as text. */
  #kept: { state: string; changes: string[] } | undefined
  readonly #raw = new Map<string, number>()
  /** What stands in a counter's file instead of its figure. */
  readonly #broken = new Map<string, string>()
  readonly #alive = new Set<number>()
  readonly #counters = new CounterWatch()
  /** What was spent since the first look, by domain. */
  readonly spent = new Map<string, bigint>()

  constructor(version: CgroupVersion, config: Config, range: number) {
    this.#config = config
    this.#range = range
    this.#host = new Host(version)
    this.#host.group('/system.slice')
    this.#host.group('/docker')
    for (const group of GROUPS) this.#host.group(group)
    FOLDERS.forEach((folder, index) => {
      this.#host.machine.write(`sys/class/powercap/${folder}/name`, NAMES[index] ?? '')
      this.#host.machine.write(`sys/class/powercap/${folder}/max_energy_range_uj`, range)
      this.#raw.set(folder, range - 1 - index * 77_777_777)
      this.#write(folder)
    })
    this.#engine = this.#started()
  }

  /** A new engine goes on with what the one before has kept. */
  #started(): Engine {
    const kept = this.#kept
    const former = kept && {
      state: JSON.parse(kept.state) as BooksState,
      changes: kept.changes.map((text) => JSON.parse(text) as BooksChanges),
      isCurrent: true,
    }
    const append = (changes: unknown): void => void this.#kept?.changes.push(JSON.stringify(changes))
    const engine = new Engine(this.#host.machine.world, this.#config, {
      former,
      append,
      appendHistory: () => undefined,
    })
    this.#kept = { state: JSON.stringify(engine.state()), changes: [] }
    return engine
  }

  /** The platform counts before all others, so that they are within it from the start. */
  async begin(): Promise<void> {
    await this.look()
    this.#host.machine.wait(1)
    this.#spend('intel-rapl:2', 1_000_000)
    await this.look()
  }

  async run({ wait, spent, events, troubles, restarts }: Step): Promise<Families> {
    this.#host.machine.wait(wait)
    for (const { zone, kind } of troubles) this.#suffer(FOLDERS[zone] ?? '', kind)
    for (const one of events) this.#happen(one)
    FOLDERS.forEach((folder, index) => this.#spend(folder, spent[index] ?? 0))
    const families = await this.look()
    for (let time = 0; time < restarts; time += 1) this.#engine = this.#started()
    return families
  }

  /** One tick; its page is checked for what holds always. */
  async look(): Promise<Families> {
    const writer = new PageWriter()
    const { notices } = await this.#engine.tick(writer)
    const page = writer.finish().text.toString()
    expect(imbalancesOfPage(page)).toEqual([])
    expect(notices.filter(({ level }) => level === 'error')).toEqual([])
    const families = parsePage(page)
    expect(this.#counters.fallen(families)).toEqual([])
    return families
  }

  #happen(one: Of<typeof event>): void {
    switch (one.kind) {
      case 'start':
        if (this.#alive.has(one.pid)) this.#host.exit(one.pid) // its pid is taken again at once
        this.#alive.add(one.pid)
        this.#host.start(one.pid, `job-${one.pid % 3}`, GROUPS[one.group])
        return
      case 'run':
        if (this.#alive.has(one.pid)) this.#host.run(one.pid, one.milliseconds)
        return
      case 'exit':
        if (this.#alive.delete(one.pid)) this.#host.exit(one.pid)
        return
      case 'exec':
        if (this.#alive.has(one.pid))
          this.#host.exec(one.pid, (PROGRAMS[one.program] ?? '').split(' '), one.parent)
        return
      case 'move':
        if (this.#alive.has(one.pid)) this.#host.move(one.pid, GROUPS[one.group] ?? '/')
        return
      case 'short-lived':
        this.#host.use(GROUPS[one.group] ?? '/', one.milliseconds)
    }
  }

  #spend(folder: string, amount: number): void {
    const domain = ZONES[folder as keyof typeof ZONES]
    this.spent.set(domain, (this.spent.get(domain) ?? 0n) + BigInt(amount))
    const next = (this.#raw.get(folder) ?? 0) + amount
    this.#raw.set(folder, next > this.#range ? next - this.#range : next)
    this.#write(folder)
  }

  #write(folder: string): void {
    const figure = this.#broken.get(folder) ?? this.#raw.get(folder) ?? 0
    this.#host.machine.write(`sys/class/powercap/${folder}/energy_uj`, figure)
  }

  #suffer(folder: string, kind: Trouble['kind']): void {
    const { machine } = this.#host
    const file = `sys/class/powercap/${folder}/energy_uj`
    switch (kind) {
      case 'reset':
        this.#raw.set(folder, 0)
        return
      case 'refuse':
        machine.refuse(file)
        return
      case 'vanish':
        machine.refuse(file, 'ENODEV')
        return
      case 'allow':
        this.#broken.delete(folder)
        machine.allow(file)
        return
      case 'empty':
      case 'text':
      case 'negative':
      case 'huge':
        this.#broken.set(folder, BROKEN[kind])
    }
  }
}

const versions = fc.constantFrom<CgroupVersion>('v1', 'v2', 'none')

async function played(version: CgroupVersion, config: Config, range = SMALL_RANGE): Promise<Play> {
  const play = new Play(version, config, range)
  await play.begin()
  return play
}

const onThePage = (families: Families, domain: string): string =>
  String(sumOf(families, 'domain_energy_joules_total', (labels) => labels['domain'] === domain))

describe('the whole way from raw files to the page', () => {
  test.each([
    [
      'what was spent is what the domains show, through wraps, exits, moves and reused pids',
      calm,
      SMALL_RANGE,
    ],
    ['a restart neither loses nor invents a joule, and no figure goes back', restarting, REAL_RANGE],
  ])(
    '%s',
    async (_, step, range) => {
      await fc.assert(
        fc.asyncProperty(
          versions,
          configs,
          fc.array(step, { minLength: 1, maxLength: 25 }),
          async (version, config, steps) => {
            const play = await played(version, config, range)
            for (const one of steps) {
              const families = await play.run(one)
              for (const [domain, spent] of play.spent) {
                expect([domain, onThePage(families, domain)]).toEqual([domain, String(spent)])
              }
            }
          },
        ),
        { numRuns: 60 },
      )
    },
    120_000,
  )

  test('the books balance and nothing falls, whatever happens to the counters', async () => {
    await fc.assert(
      fc.asyncProperty(
        versions,
        configs,
        fc.array(rough, { minLength: 1, maxLength: 25 }),
        async (version, config, steps) => {
          const play = await played(version, config)
          for (const step of steps) await play.run(step)
        },
      ),
      { numRuns: 100 },
    )
  }, 120_000)
})
