/**
 * The whole page of machines with NVIDIA GPUs, from a real shared library to the text, against a checked-in page and
 * totals computed by hand. `UPDATE_GOLDEN=1 npm test -- test/nvml` writes the pages anew.
 */
import { afterEach, describe, expect, test } from '@jest/globals'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { loadConfig, type Config } from '../../exporter/src/config/load.ts'
import { Engine } from '../../exporter/src/engine.ts'
import { PageWriter } from '../../exporter/src/exposition/page.ts'
import type { Nvml, NvmlAnswer } from '../../exporter/src/nvml.ts'
import { seconds } from '../../exporter/src/units.ts'
import { Host } from '../activity/host.ts'
import { imbalancesOfPage, parsePage, sumOf } from '../exposition/page-text.ts'
import { requireProgram, withProgram } from '../programs.ts'
import { FakeNvml, SessionDoor, type Driver } from './fake-nvml.ts'

const CONTAINER = `${'c0ffee'.repeat(10)}abcd`
const GROUPS = {
  chat: `/system.slice/docker-${CONTAINER}.scope`,
  train: '/system.slice/train.service',
  infer: '/system.slice/infer.service',
} as const

/** Everything is shown at once, and only what is measured. */
const CONFIG: Config = {
  ...loadConfig(undefined),
  birthHoldSeconds: seconds(0),
  powerModel: { enabled: false },
}

/** A machine, its boards, and the exporter that looks at them. */
class Bench {
  readonly nvml: FakeNvml
  readonly host = new Host('v2')
  readonly #door: SessionDoor
  #engine: Engine
  /** What the driver answers instead, as long as it hangs. */
  hangs: NvmlAnswer | undefined
  page = ''

  static async make(driver: Driver): Promise<Bench> {
    const nvml = new FakeNvml(driver)
    const host = new Host('v2')
    return new Bench(nvml, host, await SessionDoor.open(nvml.path, host.machine.world.clock))
  }

  private constructor(nvml: FakeNvml, host: Host, door: SessionDoor) {
    this.nvml = nvml
    this.host = host
    this.#door = door
    host.group('/system.slice')
    for (const group of Object.values(GROUPS)) host.group(group)
    host.machine.write('proc/2/stat', '2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 2 0 0')
    const shared: Nvml = {
      look: async (at) => this.hangs ?? door.look(at),
      get newest() {
        return door.newest
      },
      close: () => door.close(),
    }
    this.#engine = new Engine({ ...host.machine.world, nvml: shared }, CONFIG)
    benches.push(this)
  }

  start(group: keyof typeof GROUPS, pid: number, comm = 'python'): void {
    this.host.start(pid, comm, GROUPS[group])
  }

  samplePower(): void {
    this.#door.session.samplePower()
  }

  async look(wait = 0): Promise<void> {
    this.host.machine.wait(wait)
    const writer = new PageWriter()
    const { notices } = await this.#engine.tick(writer)
    expect(notices.filter(({ level }) => level === 'error')).toEqual([])
    this.page = writer.finish().text.toString()
    expect(imbalancesOfPage(this.page)).toEqual([])
  }

  async end(): Promise<void> {
    await this.#engine.close()
    this.nvml.close()
  }
}

const benches: Bench[] = []

afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.end()
})

interface Case {
  readonly machine: string
  readonly driver?: Driver
  readonly play: (bench: Bench) => Promise<void>
  /** Series, as far as their labels tell them apart, and what they stand at together. */
  readonly byHand: readonly (readonly [string, Readonly<Record<string, string>>, string])[]
}

const ACTIVE = { component: 'accelerator', part: 'accelerator' } as const
const IDLE = { component: 'accelerator', part: 'idle' } as const
const CHAT = { workload: 'c0ffeec0ffee' } as const
const TRAIN = { workload: 'train.service' } as const
const INFER = { workload: 'infer.service' } as const
const WORKLOAD = 'workload_energy_joules_total'
const PROCESS = 'process_energy_joules_total'
const NOBODY = 'unattributed_energy_joules_total'
const DOMAIN = 'domain_energy_joules_total'
const BOARD = 'workload_accelerator_energy_joules_total'

/** Boards idle at a tenth of their limit: 70 W of 700 W, 280 J in the 4 s between two looks. */
const CASES: readonly Case[] = [
  {
    /**
     * Board i spends (i + 1) × 400 J, 14400 J in all. The chat has boards 0 to 3, one process on each: 4000 J, of
     * them 1120 J idle. The training has 4 and 5 with one process: 4400 J, 560 J idle. Nobody has 6 and 7: 6000 J,
     * 560 J idle.
     */
    machine: 'nvidia-8-gpus',
    play: async (bench) => {
      const gpus = Array.from({ length: 8 }, () => bench.nvml.add())
      for (const pid of [500, 501, 502, 503]) bench.start('chat', pid)
      bench.start('train', 600)
      ;[[500], [501], [502], [503], [600], [600], [], []].forEach((pids, index) =>
        gpus[index]?.compute(...pids),
      )
      await bench.look()
      gpus.forEach((gpu, index) => gpu.spend((index + 1) * 400))
      await bench.look(4)
    },
    byHand: [
      [DOMAIN, {}, '14400.000000'],
      [DOMAIN, { domain: 'GPU-33333333-0000-4000-8000-333333333333', method: 'counter' }, '1600.000000'],
      [WORKLOAD, { ...CHAT, ...ACTIVE }, '2880.000000'],
      [WORKLOAD, { ...CHAT, ...IDLE }, '1120.000000'],
      [WORKLOAD, { ...TRAIN, ...ACTIVE }, '3840.000000'],
      [WORKLOAD, { ...TRAIN, ...IDLE }, '560.000000'],
      [NOBODY, { ...ACTIVE, reason: 'no_activity' }, '5440.000000'],
      [NOBODY, { ...IDLE, reason: 'idle' }, '560.000000'],
      [PROCESS, { pid: '502', ...ACTIVE }, '920.000000'],
      [
        BOARD,
        { ...TRAIN, uuid: 'GPU-55555555-0000-4000-8000-555555555555', part: 'accelerator' },
        '2120.000000',
      ],
      ['accelerator_info', { index: '7', pci_bus_id: '0000:17:00.0', vendor: 'nvidia' }, '1'],
    ],
  },
  {
    /**
     * Samples of a second: the chat is busy at 80 % in four of them, the training at 40 % in two: 3.2 s and 0.8 s.
     * Of 1280 J, 280 J are idle and shared equally; of the 1000 J the chat has four fifths.
     */
    machine: 'nvidia-shared',
    play: async (bench) => {
      const gpu = bench.nvml.add().compute(500, 600).rows([500, 1_000_000, 100])
      bench.start('chat', 500)
      bench.start('train', 600)
      await bench.look()
      gpu.spend(1280)
      gpu.rows(
        [500, 1_000_000, 100],
        [500, 2_000_000, 80],
        [500, 3_000_000, 80],
        [500, 4_000_000, 80],
        [600, 4_000_000, 40],
        [500, 5_000_000, 80],
        [600, 5_000_000, 40],
      )
      await bench.look(4)
    },
    byHand: [
      [WORKLOAD, { ...CHAT, ...ACTIVE, method: 'counter' }, '800.000000'],
      [WORKLOAD, { ...TRAIN, ...ACTIVE, method: 'counter' }, '200.000000'],
      [WORKLOAD, { ...CHAT, ...IDLE }, '140.000000'],
      [WORKLOAD, { ...TRAIN, ...IDLE }, '140.000000'],
    ],
  },
  {
    /**
     * Three clients of the Multi-Process Service, busy at 60 %, 30 % and 30 %; its server holds a context for them and
     * has no part. Of 2210 J in 3 s, 210 J are idle: 70 J each; the active 2000 J go 2 : 1 : 1.
     */
    machine: 'nvidia-mps',
    play: async (bench) => {
      const gpu = bench.nvml.add().compute(550, 500, 600, 601).mps(500, 600, 601).rows([500, 1_000_000, 1])
      bench.start('train', 550, 'nvidia-cuda-mps')
      bench.start('chat', 500)
      bench.start('train', 600)
      bench.start('train', 601)
      await bench.look()
      gpu.spend(2210).rows([500, 4_000_000, 60], [600, 4_000_000, 30], [601, 4_000_000, 30])
      await bench.look(3)
    },
    byHand: [
      [WORKLOAD, { ...CHAT, ...ACTIVE }, '1000.000000'],
      [WORKLOAD, { ...TRAIN, ...ACTIVE }, '1000.000000'],
      [WORKLOAD, { ...CHAT, ...IDLE }, '70.000000'],
      [WORKLOAD, { ...TRAIN, ...IDLE }, '140.000000'],
      [PROCESS, { pid: '601', ...ACTIVE }, '500.000000'],
      [PROCESS, { comm: 'nvidia-cuda-mps' }, '0'],
    ],
  },
  {
    /**
     * 3g, 2g and 1g, busy at 60 %, 45 % and 90 %: 1.8, 0.9 and 0.9 slices. Of 2280 J in 4 s the active 2000 J go
     * 2 : 1 : 1; the idle 280 J by slices of seven: 120 J, 80 J, 40 J, and 40 J for the slice that nobody holds.
     */
    machine: 'nvidia-mig',
    play: async (bench) => {
      const gpu = bench.nvml
        .add({ hasGpm: 1 })
        .mig(
          { gpuInstance: 1, gpuSlices: 3, busy: 60, pids: [500] },
          { gpuInstance: 5, gpuSlices: 2, busy: 45, pids: [600] },
          { gpuInstance: 9, gpuSlices: 1, busy: 90, pids: [700] },
        )
      bench.start('chat', 500)
      bench.start('train', 600)
      bench.start('infer', 700)
      await bench.look()
      gpu.spend(2280)
      await bench.look(4)
    },
    byHand: [
      [DOMAIN, {}, '2280.000000'],
      [WORKLOAD, { ...CHAT, ...ACTIVE, method: 'counter' }, '1000.000000'],
      [WORKLOAD, { ...TRAIN, ...ACTIVE, method: 'counter' }, '500.000000'],
      [WORKLOAD, { ...INFER, ...ACTIVE, method: 'counter' }, '500.000000'],
      [WORKLOAD, { ...CHAT, ...IDLE }, '120.000000'],
      [WORKLOAD, { ...TRAIN, ...IDLE }, '80.000000'],
      [WORKLOAD, { ...INFER, ...IDLE }, '40.000000'],
      [NOBODY, { ...IDLE, reason: 'idle' }, '40.000000'],
    ],
  },
  {
    /** The same without activity (before Hopper): the active 1800 J by slices, 900 J, 600 J and 300 J, as a guess. */
    machine: 'nvidia-mig-ampere',
    play: async (bench) => {
      const gpu = bench.nvml
        .add()
        .called('NVIDIA A100-SXM4-80GB')
        .mig(
          { gpuInstance: 1, gpuSlices: 3, pids: [500] },
          { gpuInstance: 5, gpuSlices: 2, pids: [600] },
          { gpuInstance: 9, gpuSlices: 1, pids: [700] },
        )
      bench.start('chat', 500)
      bench.start('train', 600)
      bench.start('infer', 700)
      await bench.look()
      gpu.spend(2080)
      await bench.look(4)
    },
    byHand: [
      [DOMAIN, { method: 'counter' }, '2080.000000'],
      [WORKLOAD, { ...CHAT, ...ACTIVE, method: 'estimated' }, '900.000000'],
      [WORKLOAD, { ...TRAIN, ...ACTIVE, method: 'estimated' }, '600.000000'],
      [WORKLOAD, { ...INFER, ...ACTIVE, method: 'estimated' }, '300.000000'],
      [WORKLOAD, { ...CHAT, ...IDLE, method: 'counter' }, '120.000000'],
    ],
  },
  {
    /**
     * No counter. 100 W for a second, a rise to 300 W over the next one, 300 W for two: 100 + 200 + 600 = 900 J. Its
     * limit of 250 W makes 25 W of idle power: 100 J.
     */
    machine: 'nvidia-pascal',
    driver: 'pascal',
    play: async (bench) => {
      const gpu = bench.nvml
        .add({ milliwatts: 100_000, limitMilliwatts: 250_000 })
        .called('Tesla P100-PCIE-16GB')
        .compute(500)
      bench.start('chat', 500)
      await bench.look()
      bench.host.machine.wait(1)
      bench.samplePower()
      gpu.set({ milliwatts: 300_000 })
      bench.host.machine.wait(1)
      bench.samplePower()
      await bench.look(2)
    },
    byHand: [
      [DOMAIN, { method: 'integrated' }, '900.000000'],
      [WORKLOAD, { ...CHAT, ...ACTIVE, method: 'integrated' }, '800.000000'],
      [WORKLOAD, { ...CHAT, ...IDLE, method: 'integrated' }, '100.000000'],
    ],
  },
  {
    /** Both boards spend 170 J, then one falls off the bus; what it had stays, the other goes on. */
    machine: 'nvidia-lost',
    play: async (bench) => {
      const [kept, lost] = [bench.nvml.add().compute(500), bench.nvml.add().compute(600)]
      bench.start('chat', 500)
      bench.start('train', 600)
      await bench.look()
      kept.spend(170)
      lost.spend(170)
      await bench.look(1)
      kept.spend(170)
      lost.spend(170).set({ error: 15 })
      await bench.look(1)
    },
    byHand: [
      [DOMAIN, {}, '510.000000'],
      [WORKLOAD, { ...CHAT, ...ACTIVE }, '200.000000'],
      [WORKLOAD, { ...TRAIN, ...ACTIVE }, '100.000000'],
      ['sensor_up', { sensor: 'nvml' }, '1'],
      [
        'sensor_info',
        { reason: 'GPU-11111111-0000-4000-8000-111111111111: the GPU has fallen off the bus' },
        '1',
      ],
    ],
  },
  {
    /**
     * 170 W all the time. The counter shows it for a second and stands still from then on: ten seconds later the
     * power of those ten is booked, then that of another one.
     */
    machine: 'nvidia-frozen',
    play: async (bench) => {
      const gpu = bench.nvml.add({ milliwatts: 170_000 }).compute(500)
      bench.start('chat', 500)
      await bench.look()
      gpu.spend(170)
      for (let second = 0; second < 12; second += 1) await bench.look(1)
    },
    byHand: [
      [DOMAIN, { method: 'counter' }, '170.000000'],
      [DOMAIN, { method: 'integrated' }, '1870.000000'],
      [WORKLOAD, { ...CHAT, ...ACTIVE, method: 'integrated' }, '1100.000000'],
      [WORKLOAD, { ...CHAT, ...IDLE, method: 'integrated' }, '770.000000'],
      ['domain_gap_seconds_total', {}, '0'],
    ],
  },
  {
    /**
     * The driver does not answer for two ticks, in which the board spends 170 J each; the third gives all 510 J. Who
     * held the board meanwhile is known, and who was busy by the samples: half and half.
     */
    machine: 'nvidia-hung',
    play: async (bench) => {
      const gpu = bench.nvml.add().compute(500, 600).rows([500, 1_000_000, 1])
      bench.start('chat', 500)
      bench.start('train', 600)
      await bench.look()
      bench.hangs = {
        kind: 'failed',
        why: 'NVML has not answered for more than a second in a call about GPU 0',
        advice: 'see the kernel log (dmesg)',
      }
      gpu.spend(170)
      await bench.look(1)
      gpu.spend(170)
      await bench.look(1)
      bench.hangs = undefined
      gpu
        .spend(170)
        .rows([500, 2_500_000, 50], [600, 2_500_000, 50], [500, 3_000_000, 50], [600, 3_000_000, 50])
      await bench.look(1)
    },
    byHand: [
      [DOMAIN, {}, '510.000000'],
      [WORKLOAD, { ...CHAT, ...ACTIVE }, '150.000000'],
      [WORKLOAD, { ...TRAIN, ...ACTIVE }, '150.000000'],
      [WORKLOAD, { ...TRAIN, ...IDLE }, '105.000000'],
      ['sensor_failures_total', { sensor: 'nvml' }, '2'],
      ['domain_gap_seconds_total', {}, '0'],
    ],
  },
  {
    /** 170 J, then a reset after which the counter shows 130 J: what it has counted since. */
    machine: 'nvidia-reset',
    play: async (bench) => {
      const gpu = bench.nvml.add().compute(500)
      bench.start('chat', 500)
      await bench.look()
      gpu.spend(170)
      await bench.look(1)
      gpu.set({ millijoules: 130_000 })
      await bench.look(1)
    },
    byHand: [
      [DOMAIN, {}, '300.000000'],
      [WORKLOAD, { ...CHAT, ...ACTIVE }, '160.000000'],
      [WORKLOAD, { ...CHAT, ...IDLE }, '140.000000'],
    ],
  },
  {
    /** Neither power fields, MIG, GPM, MPS nor the newer lists: 480 J, of them 280 J idle, two that share the rest. */
    machine: 'nvidia-old-driver',
    driver: 'old',
    play: async (bench) => {
      const gpu = bench.nvml.add().called('Tesla V100-SXM2-32GB').compute(500, 600).graphics(601)
      bench.start('chat', 500)
      bench.start('train', 600)
      bench.start('train', 601, 'Xorg')
      await bench.look()
      gpu.spend(480)
      await bench.look(4)
    },
    byHand: [
      [DOMAIN, { method: 'counter' }, '480.000000'],
      [WORKLOAD, { ...CHAT, ...ACTIVE, method: 'estimated' }, '100.000000'],
      [WORKLOAD, { ...TRAIN, ...ACTIVE, method: 'estimated' }, '100.000000'],
      [PROCESS, { comm: 'Xorg' }, '0'],
    ],
  },
  {
    /** 128 processes without samples: 10 J each of the active 1280 J, 2.1875 J each of the idle 280 J. */
    machine: 'nvidia-128-processes',
    play: async (bench) => {
      const pids = Array.from({ length: 128 }, (_, index) => 1000 + index)
      const gpu = bench.nvml.add().compute(...pids)
      pids.forEach((pid, index) => bench.start(index % 4 === 0 ? 'chat' : 'train', pid))
      await bench.look()
      gpu.spend(1560)
      await bench.look(4)
    },
    byHand: [
      [WORKLOAD, { ...CHAT, ...ACTIVE, method: 'estimated' }, '320.000000'],
      [WORKLOAD, { ...TRAIN, ...ACTIVE, method: 'estimated' }, '960.000000'],
      [WORKLOAD, { ...CHAT, ...IDLE }, '70.000000'],
      [WORKLOAD, { ...TRAIN, ...IDLE }, '210.000000'],
      [PROCESS, { pid: '1000', ...ACTIVE }, '10.000000'],
      [PROCESS, { pid: '', ...ACTIVE }, '780.000000'], // the 78 that are not among the 50 shown
    ],
  },
  {
    /**
     * In a container without the host's PID namespace, where pid 500 is another process than the host's: nobody is
     * charged, and the page says where the energy is.
     */
    machine: 'nvidia-foreign-pids',
    play: async (bench) => {
      bench.host.machine.remove('proc/2')
      const gpu = bench.nvml.add().compute(500)
      bench.start('chat', 500)
      await bench.look()
      gpu.spend(480)
      await bench.look(4)
    },
    byHand: [
      [NOBODY, { ...ACTIVE, reason: 'unresolved_pid' }, '200.000000'],
      [NOBODY, { ...IDLE, reason: 'unresolved_pid' }, '280.000000'],
      [WORKLOAD, {}, '0'],
    ],
  },
  {
    /** A virtual GPU: nothing to measure, which is not nothing measured. */
    machine: 'nvidia-virtual',
    play: async (bench) => {
      bench.nvml
        .add({ hasCounter: 0, hasAverage: 0, hasInstant: 0, hasUsage: 0, virtualizationMode: 2 })
        .compute(500)
      bench.start('chat', 500)
      await bench.look()
      await bench.look(4)
    },
    byHand: [
      [DOMAIN, {}, '0'],
      ['component_state', { component: 'accelerator', state: 'absent' }, '1'],
      ['sensor_info', { sensor: 'nvml', state: 'absent' }, '1'],
    ],
  },
]

/** The sum of decimal figures, in their own form. */
function totalOf(values: readonly string[]): string {
  if (values.length === 0) return '0'
  if (values.every((value) => !value.includes('.')))
    return String(values.reduce((sum, one) => sum + Number(one), 0))
  const micro = values.reduce((sum, value) => sum + BigInt(value.replace('.', '')), 0n)
  return `${micro / 1_000_000n}.${String(micro % 1_000_000n).padStart(6, '0')}`
}

requireProgram('cc', 'machines with NVIDIA GPUs', () => {
  describe.each(CASES)('the page of $machine', ({ machine, driver = 'current', play, byHand }) => {
    const render = async (): Promise<string> => {
      const bench = await Bench.make(driver)
      await play(bench)
      return bench.page
    }

    test('is the checked-in one', async () => {
      const page = await render()
      const file = new URL(`../golden/${machine}.prom`, import.meta.url)
      if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(file, page)
      expect(existsSync(file)).toBe(true)
      expect(page).toBe(readFileSync(file, 'utf8'))
    })

    test('shows the totals computed by hand', async () => {
      const families = parsePage(await render())
      const shown = byHand.map(([family, labels]) => {
        const series = (families.get(`wattribute_${family}`) ?? []).filter((one) =>
          Object.entries(labels).every(([label, wanted]) => one.labels[label] === wanted),
        )
        return [family, labels, totalOf(series.map(({ value }) => value))]
      })
      expect(shown).toEqual(byHand)
    })

    withProgram('promtool', 'passes promtool check metrics', async (run) => {
      const { status, output } = run(['check', 'metrics'], await render())
      expect({ status, output }).toEqual({ status: 0, output: '' })
    })
  })

  test('no energy of a board is on the page twice: the boards’ figures are those of the workloads', async () => {
    for (const { driver = 'current', play } of CASES) {
      const bench = await Bench.make(driver)
      await play(bench)
      const families = parsePage(bench.page)
      const isOfBoard = ({ component }: Readonly<Record<string, string>>): boolean =>
        component === 'accelerator'
      const total = (family: string, fits = isOfBoard): bigint => sumOf(families, family, fits)
      expect(total('workload_energy_joules_total') + total('unattributed_energy_joules_total')).toBe(
        total('domain_energy_joules_total'),
      )
      expect(total(BOARD, () => true)).toBe(total('workload_energy_joules_total'))
    }
  })
})
