/** Random machines with GPUs from the shared library to the page: every microjoule is booked once, whatever happens. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { loadConfig, type Config } from '../../exporter/src/config/load.ts'
import { Engine } from '../../exporter/src/engine.ts'
import { PageWriter } from '../../exporter/src/exposition/page.ts'
import { IDLE_POLICIES } from '../../exporter/src/ledger/idle-policy.ts'
import type { Nvml } from '../../exporter/src/nvml.ts'
import { seconds } from '../../exporter/src/units.ts'
import { Host } from '../activity/host.ts'
import { CounterWatch } from '../exposition/counter-watch.ts'
import { requireProgram } from '../programs.ts'
import { imbalancesOfPage, parsePage, sumOf, type Families } from '../exposition/page-text.ts'
import { FakeNvml, SessionDoor, type FakeGpu } from './fake-nvml.ts'

const GROUPS = ['/system.slice/a.service', '/system.slice/b.service', `/docker/${'c'.repeat(64)}`]
const GPUS = 2

/** Pids 10 to 15 are processes that come and go; 20 is one that this machine does not see. */
const pid = fc.constantFrom(10, 11, 12, 13, 14, 15, 20)
const gpu = fc.nat(GPUS - 1)

const event = fc.oneof(
  fc.record({ kind: fc.constant('start' as const), pid, group: fc.nat(2) }),
  fc.record({ kind: fc.constant('exit' as const), pid }),
  fc.record({ kind: fc.constant('work' as const), pid, milliseconds: fc.nat(900) }),
  fc.record({ kind: fc.constant('compute' as const), gpu, pids: fc.uniqueArray(pid, { maxLength: 4 }) }),
  fc.record({ kind: fc.constant('draw' as const), gpu, pids: fc.uniqueArray(pid, { maxLength: 2 }) }),
  fc.record({
    kind: fc.constant('sample' as const),
    gpu,
    rows: fc.array(fc.tuple(pid, fc.nat(1_000_000), fc.nat(100)), { maxLength: 6 }),
  }),
  fc.record({
    kind: fc.constant('divide' as const),
    gpu,
    instances: fc.array(
      fc.record({
        gpuSlices: fc.integer({ min: 1, max: 3 }),
        busy: fc.nat(100),
        pids: fc.uniqueArray(pid, { maxLength: 2 }),
      }),
      { maxLength: 3 },
    ),
  }),
  fc.record({ kind: fc.constant('unite' as const), gpu }),
)

const trouble = fc.oneof(
  fc.record({ kind: fc.constant('lose' as const), gpu }),
  fc.record({ kind: fc.constant('restore' as const), gpu }),
  fc.record({ kind: fc.constant('reset' as const), gpu }),
  fc.record({ kind: fc.constant('hang' as const) }),
  fc.record({ kind: fc.constant('wake' as const) }),
  fc.record({ kind: fc.constant('reopen' as const) }),
  fc.record({ kind: fc.constant('blind' as const) }),
)

type Of<Some> = Some extends fc.Arbitrary<infer One> ? One : never
type Trouble = Of<typeof trouble>
type Event = Of<typeof event>

/** @param least a counter that stands still while power is drawn is not believed for long */
const stepOf = (waits: readonly number[], least: number, troubles: fc.Arbitrary<Trouble[]>) =>
  fc.record({
    wait: fc.constantFrom(...waits),
    /** Whole millijoules by board, up to 600 J: below what could not be believed in any of the waits. */
    spent: fc.array(fc.integer({ min: least, max: 600_000 }), { minLength: GPUS, maxLength: GPUS }),
    events: fc.array(event, { maxLength: 5 }),
    troubles,
  })

const calm = stepOf([0.5, 1, 1, 4, 12], 1, fc.constant([]))
const rough = stepOf([0.1, 0.5, 1, 1, 4, 65, 700], 0, fc.array(trouble, { maxLength: 2 }))
type Step = Of<typeof rough>

const configs: fc.Arbitrary<Config> = fc
  .record({
    birthHoldSeconds: fc.constantFrom(0, 30),
    idlePolicy: fc.constantFrom(...IDLE_POLICIES),
    top: fc.constantFrom(1, 3, 50),
  })
  .map(({ birthHoldSeconds, idlePolicy, top }) => ({
    ...loadConfig(undefined),
    birthHoldSeconds: seconds(birthHoldSeconds),
    expireAfterSeconds: seconds(60),
    idlePolicy,
    powerModel: { enabled: false },
    processes: { enabled: true, top },
  }))

class Play {
  readonly #host: Host
  readonly #nvml: FakeNvml
  readonly #gpus: readonly FakeGpu[]
  readonly #door: SessionDoor
  readonly #engine: Engine
  readonly #alive = new Set<number>()
  readonly #counters = new CounterWatch()
  #hangs = false
  #stamp = 1_000_000
  /** Millijoules since the first look, by UUID. */
  readonly spent = new Map<string, bigint>()

  static async begin(config: Config): Promise<Play> {
    const nvml = new FakeNvml()
    const gpus = Array.from({ length: GPUS }, (_, index) => nvml.add({ hasGpm: index }))
    const host = new Host('v2')
    const door = await SessionDoor.open(nvml.path, host.machine.world.clock)
    const play = new Play(host, nvml, gpus, config, door)
    await play.look()
    return play
  }

  private constructor(
    host: Host,
    nvml: FakeNvml,
    gpus: readonly FakeGpu[],
    config: Config,
    door: SessionDoor,
  ) {
    this.#host = host
    this.#nvml = nvml
    this.#gpus = gpus
    this.#door = door
    this.#host.group('/system.slice')
    this.#host.group('/docker')
    for (const group of GROUPS) this.#host.group(group)
    this.#host.machine.write('proc/2/stat', '2 (kthreadd) S')
    const shared: Nvml = {
      look: async (at) =>
        this.#hangs ? { kind: 'failed', why: 'no answer', advice: 'wait' } : this.#door.look(at),
      get newest() {
        return door.newest
      },
      close: () => door.close(),
    }
    this.#engine = new Engine({ ...this.#host.machine.world, nvml: shared }, config)
  }

  async run({ wait, spent, events, troubles }: Step): Promise<Families> {
    this.#host.machine.wait(wait)
    this.#stamp += wait * 1e6
    for (const one of troubles) this.#suffer(one)
    for (const one of events) this.#happen(one)
    this.#gpus.forEach((one, index) => {
      const amount = spent[index] ?? 0
      one.set({ millijoules: one.get('millijoules') + amount })
      this.spent.set(one.uuid, (this.spent.get(one.uuid) ?? 0n) + BigInt(amount))
    })
    return this.look()
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

  async end(): Promise<void> {
    await this.#engine.close()
    this.#nvml.close()
  }

  #happen(one: Event): void {
    switch (one.kind) {
      case 'start':
        if (one.pid === 20) return
        if (this.#alive.has(one.pid)) this.#host.exit(one.pid)
        this.#alive.add(one.pid)
        this.#host.start(one.pid, `job-${one.pid % 3}`, GROUPS[one.group])
        return
      case 'exit':
        if (this.#alive.delete(one.pid)) this.#host.exit(one.pid)
        return
      case 'work':
        if (this.#alive.has(one.pid)) this.#host.run(one.pid, one.milliseconds)
        return
      case 'compute':
        this.#gpus[one.gpu]?.compute(...one.pids)
        return
      case 'draw':
        this.#gpus[one.gpu]?.graphics(...one.pids)
        return
      case 'sample':
        this.#gpus[one.gpu]?.rows(...one.rows.map(([who, ago, sm]) => [who, this.#stamp - ago, sm] as const))
        return
      case 'divide':
        this.#gpus[one.gpu]?.mig(
          ...one.instances.map((instance, index) => ({ gpuInstance: index + 1, ...instance })),
        )
        return
      case 'unite':
        this.#gpus[one.gpu]?.set({ migEnabled: 0 })
    }
  }

  #suffer(one: Trouble): void {
    switch (one.kind) {
      case 'lose':
        this.#gpus[one.gpu]?.set({ error: 15 })
        return
      case 'restore':
        this.#gpus[one.gpu]?.set({ error: 0 })
        return
      case 'reset':
        this.#gpus[one.gpu]?.set({ millijoules: 0 })
        return
      case 'hang':
        this.#hangs = true
        return
      case 'wake':
        this.#hangs = false
        return
      case 'reopen':
        this.#door.session.close()
        return
      case 'blind':
        for (const one of this.#gpus) one.set({ milliwatts: 0, listsError: 3 })
    }
  }
}

/** @param check looks at each page */
async function played(
  config: Config,
  steps: readonly Step[],
  check: (play: Play, page: Families) => void,
): Promise<void> {
  const play = await Play.begin(config)
  try {
    for (const step of steps) check(play, await play.run(step))
  } finally {
    await play.end()
  }
}

const runOf = (step: fc.Arbitrary<Step>) => fc.array(step, { minLength: 1, maxLength: 20 })

requireProgram('cc', 'random machines with GPUs', () => {
  test('what the boards spent is what their domains and the workloads show, once', async () => {
    await fc.assert(
      fc.asyncProperty(configs, runOf(calm), async (config, steps) => {
        await played(config, steps, (play, page) => {
          for (const [uuid, spent] of play.spent) {
            const shown = sumOf(page, 'domain_energy_joules_total', ({ domain }) => domain === uuid)
            // A board that has not moved yet has not been counted yet.
            expect([uuid, String(shown)]).toEqual([uuid, String(spent * 1000n)])
          }
        })
      }),
      { numRuns: 60 },
    )
  }, 120_000)

  test('the books balance and nothing falls, whatever happens to the driver', async () => {
    await fc.assert(
      fc.asyncProperty(configs, runOf(rough), async (config, steps) => {
        await played(config, steps, () => undefined)
      }),
      { numRuns: 100 },
    )
  }, 120_000)
})
