/**
 * The whole page of three machines, from their sensors to the text, against a checked-in page and totals computed by
 * hand. `UPDATE_GOLDEN=1 npm test -- test/golden` writes the pages anew.
 */
import { describe, expect, test } from '@jest/globals'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { loadConfig } from '../exporter/src/config/load.ts'
import { Engine } from '../exporter/src/engine.ts'
import { PageWriter } from '../exporter/src/exposition/page.ts'
import { statLine } from './activity/host.ts'
import { imbalancesOfPage, parsePage } from './exposition/page-text.ts'
import { Machine } from './machine.ts'
import { withProgram } from './programs.ts'

const CONTAINER = `${'c0ffee'.repeat(10)}abcd`
const GROUPS = {
  nginx: '/system.slice/nginx.service',
  python: `/system.slice/docker-${CONTAINER}.scope`,
} as const

/** A service and a container, on cgroup v2. */
function settle(machine: Machine): void {
  machine.write('sys/fs/cgroup/cgroup.controllers', 'cpu memory')
  machine.write('proc/1/stat', statLine({ pid: 1, comm: 'systemd', startTicks: 1, ticks: 0 }))
  machine.write('proc/1/cgroup', '0::/')
  machine.setCpu(1, 0)
  work(machine, 0, 0)
}

/** CPU time since the start, in milliseconds. */
function work(machine: Machine, nginx: number, python: number): void {
  const use = (folder: string, milliseconds: number): void =>
    machine.write(`sys/fs/cgroup${folder}/cpu.stat`, `usage_usec ${milliseconds * 1000}`)
  const run = (pid: number, comm: 'nginx' | 'python', milliseconds: number): void => {
    machine.write(`proc/${pid}/stat`, statLine({ pid, comm, startTicks: 500, ticks: milliseconds / 10 }))
    machine.write(`proc/${pid}/cgroup`, `0::${GROUPS[comm]}`)
    machine.setCpu(pid, milliseconds * 1e6)
    use(GROUPS[comm], milliseconds)
  }
  run(400, 'nginx', nginx)
  run(500, 'python', python)
  use('/system.slice', nginx + python)
  use('', nginx + python)
}

/** Between two looks, four seconds apart, nginx works for 1 s and python for 3 s. */
async function pageAfter(machine: Machine, spend: () => void): Promise<string> {
  settle(machine)
  const engine = new Engine(machine.world, loadConfig(undefined))
  await engine.tick(new PageWriter())
  machine.wait(4)
  work(machine, 1000, 3000)
  spend()
  const writer = new PageWriter()
  await engine.tick(writer)
  return writer.finish().text.toString()
}

/** Adds what the machine's CPUs did meanwhile, in clock ticks of 10 ms. */
function tickCpus(machine: Machine, busyTicks: number, idleTicks: number): void {
  const text = machine.world.files.readText('/proc/stat')
  if (typeof text !== 'string') throw new Error(text.toString())
  machine.write(
    'proc/stat',
    text.replace(
      /^cpu {2}(\d+) (\d+) (\d+) (\d+)/m,
      (_, user, nice, system, idle) =>
        `cpu  ${Number(user) + busyTicks} ${nice} ${system} ${Number(idle) + idleTicks}`,
    ),
  )
}

interface Case {
  readonly machine: string
  readonly spend: (machine: Machine) => void
  /** Series, as far as their labels tell them apart, and what they stand at. */
  readonly byHand: readonly (readonly [string, Readonly<Record<string, string>>, string])[]
}

const CASES: readonly Case[] = [
  {
    /**
     * Spent in 4 s: package-0 120 J, package-1 80 J (its counter wraps), DRAM 12 J and 8 J, the platform 400 J.
     * Rest of the platform: 400 − 120 − 80 − 12 − 8 = 180 J, board.
     * Idle: 0.74 W × 8 CPUs × 4 s = 23.68 J. CPU active: 200 − 23.68 = 176.32 J, of it a quarter to nginx.
     * Memory 20 J: 5 and 15. Board by IT energy, a quarter and three: 45 and 135.
     */
    machine: 'intel-2-socket',
    spend: (machine) => {
      machine.advance('sys/class/powercap/intel-rapl:0/energy_uj', 120_000_000)
      machine.write('sys/class/powercap/intel-rapl:1/energy_uj', 30_000_000)
      machine.advance('sys/class/powercap/intel-rapl:0:0/energy_uj', 12_000_000)
      machine.advance('sys/class/powercap/intel-rapl:1:0/energy_uj', 8_000_000)
      machine.advance('sys/class/powercap/intel-rapl:2/energy_uj', 400_000_000)
      machine.advance('sys/class/powercap/intel-rapl-mmio:0/energy_uj', 120_000_000)
      tickCpus(machine, 400, 2800)
    },
    byHand: [
      ['domain_energy_joules_total', { domain: 'psys', within: '', leaf: 'false' }, '400.000000'],
      ['domain_energy_joules_total', { domain: 'psys-rest', component: 'board', leaf: 'true' }, '180.000000'],
      ['domain_energy_joules_total', { domain: 'package-1', within: 'psys', leaf: 'true' }, '80.000000'],
      ['workload_energy_joules_total', { workload: 'nginx.service', component: 'cpu' }, '44.080000'],
      ['workload_energy_joules_total', { workload: 'c0ffeec0ffee', component: 'cpu' }, '132.240000'],
      ['workload_energy_joules_total', { workload: 'nginx.service', component: 'memory' }, '5.000000'],
      ['workload_energy_joules_total', { workload: 'c0ffeec0ffee', component: 'board' }, '135.000000'],
      ['container_energy_joules_total', { container_id: CONTAINER, component: 'memory' }, '15.000000'],
      ['process_energy_joules_total', { pid: '400', comm: 'nginx', component: 'board' }, '45.000000'],
      ['unattributed_energy_joules_total', { component: 'cpu', part: 'idle', reason: 'idle' }, '23.680000'],
    ],
  },
  {
    /**
     * Spent in 4 s: the package 64 J, of it the cores 40 J, which are shown and not booked apart.
     * Idle: 0.74 W × 16 CPUs × 4 s = 47.36 J. Active: 16.64 J, a quarter to nginx.
     * Memory is modelled: 263921664 × 1024 B × 0.392 W/GB × 4 s = 423.761069 J, all of it idle.
     */
    machine: 'amd-epyc',
    spend: (machine) => {
      machine.advance('sys/class/powercap/intel-rapl:0/energy_uj', 64_000_000)
      machine.advance('sys/class/powercap/intel-rapl:0:0/energy_uj', 40_000_000)
      tickCpus(machine, 400, 6000)
    },
    byHand: [
      ['domain_energy_joules_total', { domain: 'package-0', leaf: 'true', within: '' }, '64.000000'],
      [
        'domain_energy_joules_total',
        { domain: 'package-0-core', leaf: 'false', within: 'package-0' },
        '40.000000',
      ],
      ['workload_energy_joules_total', { workload: 'nginx.service', component: 'cpu' }, '4.160000'],
      [
        'workload_energy_joules_total',
        { workload: 'c0ffeec0ffee', component: 'cpu', method: 'counter' },
        '12.480000',
      ],
      ['unattributed_energy_joules_total', { component: 'cpu', reason: 'idle' }, '47.360000'],
      [
        'unattributed_energy_joules_total',
        { component: 'memory', method: 'estimated', reason: 'idle' },
        '423.761069',
      ],
    ],
  },
  {
    /**
     * Modelled: 2 CPUs, half busy: 2 × (0.74 + 0.5 × (3.5 − 0.74)) W × 4 s = 16.96 J, of it idle 5.92 J.
     * Active: 11.04 J, a quarter to nginx. Memory: 4 GB × 0.392 W × 4 s = 6.272 J, idle.
     */
    machine: 'vm',
    spend: (machine) => tickCpus(machine, 400, 400),
    byHand: [
      ['domain_energy_joules_total', { domain: 'model-cpu', method: 'estimated', within: '' }, '16.960000'],
      [
        'workload_energy_joules_total',
        { workload: 'nginx.service', component: 'cpu', method: 'estimated' },
        '2.760000',
      ],
      [
        'workload_energy_joules_total',
        { workload: 'c0ffeec0ffee', component: 'cpu', kind: 'unknown' },
        '8.280000',
      ],
      ['unattributed_energy_joules_total', { component: 'cpu', reason: 'idle', part: 'idle' }, '5.920000'],
      ['unattributed_energy_joules_total', { component: 'memory', reason: 'idle' }, '6.272000'],
    ],
  },
]

describe.each(CASES)('the page of $machine', ({ machine: name, spend, byHand }) => {
  const render = async (): Promise<string> => {
    const machine = Machine.fromFile(name)
    if (name === 'intel-2-socket') {
      // 50 J before package 1 comes round to 0
      machine.write('sys/class/powercap/intel-rapl:1/energy_uj', 262_143_328_850 - 50_000_000)
    }
    return pageAfter(machine, () => spend(machine))
  }

  test('is the checked-in one', async () => {
    const page = await render()
    const file = new URL(`./golden/${name}.prom`, import.meta.url)
    if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(file, page)
    expect(existsSync(file)).toBe(true)
    expect(page).toBe(readFileSync(file, 'utf8'))
  })

  test('shows the totals computed by hand', async () => {
    const families = parsePage(await render())
    for (const [family, labels, value] of byHand) {
      const series = (families.get(`wattribute_${family}`) ?? []).filter((one) =>
        Object.entries(labels).every(([label, wanted]) => one.labels[label] === wanted),
      )
      expect([family, labels, series.map((one) => one.value)]).toEqual([family, labels, [value]])
    }
  })

  test('balances to the microjoule', async () => {
    expect(imbalancesOfPage(await render())).toEqual([])
  })

  withProgram('promtool', 'passes promtool check metrics', async (run) => {
    const { status, output } = run(['check', 'metrics'], await render())
    expect({ status, output }).toEqual({ status: 0, output: '' })
  })
})
