/**
 * The whole page of machines, from their sensors to the text, against a checked-in page and totals computed by
 * hand. `UPDATE_GOLDEN=1 npm test -- test/golden` writes the pages anew.
 */
import { describe, expect, test } from '@jest/globals'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { loadConfig } from '../exporter/src/config/load.ts'
import { Engine } from '../exporter/src/engine.ts'
import { PageWriter } from '../exporter/src/exposition/page.ts'
import { CONTAINER, settle, tickCpus, work } from './busy-machine.ts'
import { imbalancesOfPage, parsePage } from './exposition/page-text.ts'
import { Machine } from './machine.ts'
import { withProgram } from './programs.ts'

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
  {
    /**
     * The meter: 200 W, and 4 s later 260 W over the last second: 3 s × (200 + 260) ÷ 2 W + 1 s × 260 W = 950 J.
     * In it the package 120 J and DRAM 12 J; rest 818 J, board.
     * Idle: 0.74 W × 8 CPUs × 4 s = 23.68 J. CPU active: 96.32 J, a quarter to nginx. Board by IT energy, likewise.
     */
    machine: 'acpi-meter-server',
    spend: (machine) => {
      machine.advance('sys/class/powercap/intel-rapl:0/energy_uj', 120_000_000)
      machine.advance('sys/class/powercap/intel-rapl:0:0/energy_uj', 12_000_000)
      machine.write('sys/class/hwmon/hwmon1/device/power1_average', 260_000_000)
      tickCpus(machine, 400, 2800)
    },
    byHand: [
      [
        'domain_energy_joules_total',
        { domain: 'acpi-meter-0', component: 'node', within: '', leaf: 'false', method: 'integrated' },
        '950.000000',
      ],
      [
        'domain_energy_joules_total',
        { domain: 'acpi-meter-0-rest', component: 'board', method: 'integrated' },
        '818.000000',
      ],
      [
        'domain_energy_joules_total',
        { domain: 'package-0', within: 'acpi-meter-0', method: 'counter' },
        '120.000000',
      ],
      ['domain_energy_joules_total', { domain: 'dram-0', within: 'acpi-meter-0' }, '12.000000'],
      ['workload_energy_joules_total', { workload: 'nginx.service', component: 'cpu' }, '24.080000'],
      ['workload_energy_joules_total', { workload: 'c0ffeec0ffee', component: 'cpu' }, '72.240000'],
      ['workload_energy_joules_total', { workload: 'nginx.service', component: 'board' }, '204.500000'],
      [
        'workload_energy_joules_total',
        { workload: 'c0ffeec0ffee', component: 'board', method: 'integrated' },
        '613.500000',
      ],
    ],
  },
  {
    /**
     * Means of the last second: the module 300, then 340 W: 3 × 320 + 340 = 1300 J; Grace 120 W: 480 J;
     * its CPU 60, then 80 W: 3 × 70 + 80 = 290 J; SysIO 20 W: 80 J.
     * Memory is modelled: 100 GB × 0.392 W × 4 s = 156.8 J, of which Grace leaves 480 − 290 − 80 = 110 J: all idle.
     * Rest of the module, with the GPU that nobody measures: 1300 − 480 = 820 J, board like SysIO: 900 J.
     * CPU idle: 0.74 W × 4 CPUs × 4 s = 11.84 J; active 278.16 J, a quarter to nginx.
     */
    machine: 'grace-hopper',
    spend: (machine) => {
      machine.write('sys/class/hwmon/hwmon1/device/power1_average', 340_000_000)
      machine.write('sys/class/hwmon/hwmon3/device/power1_average', 80_000_000)
      tickCpus(machine, 400, 1200)
    },
    byHand: [
      [
        'domain_energy_joules_total',
        { domain: 'module-0', within: '', leaf: 'false', component: 'node' },
        '1300.000000',
      ],
      ['domain_energy_joules_total', { domain: 'grace-0', within: 'module-0', leaf: 'false' }, '480.000000'],
      ['domain_energy_joules_total', { domain: 'cpu-0', within: 'grace-0', leaf: 'true' }, '290.000000'],
      ['domain_energy_joules_total', { domain: 'sysio-0', within: 'grace-0', leaf: 'true' }, '80.000000'],
      [
        'domain_energy_joules_total',
        { domain: 'model-memory', within: 'grace-0', method: 'estimated' },
        '110.000000',
      ],
      ['domain_energy_joules_total', { domain: 'grace-0-rest' }, '0.000000'],
      ['domain_energy_joules_total', { domain: 'module-0-rest', leaf: 'true' }, '820.000000'],
      ['workload_energy_joules_total', { workload: 'nginx.service', component: 'cpu' }, '69.540000'],
      ['workload_energy_joules_total', { workload: 'c0ffeec0ffee', component: 'cpu' }, '208.620000'],
      [
        'workload_energy_joules_total',
        { workload: 'nginx.service', component: 'board', method: 'integrated' },
        '225.000000',
      ],
      ['unattributed_energy_joules_total', { component: 'cpu', reason: 'idle' }, '11.840000'],
      ['unattributed_energy_joules_total', { component: 'memory', method: 'estimated' }, '110.000000'],
    ],
  },
  {
    /**
     * 5 V × 3 A, 1.6 A, 0.5 A over 4 s: VDD_IN 60 J, in it VDD_CPU_GPU_CV 32 J and VDD_SOC 10 J.
     * The CPU, a sixth busy, is modelled within its rail: 6 × (0.74 + 2.76 ÷ 6) W × 4 s = 28.8 J, of it idle 17.76 J.
     * The rest of that rail is the GPU's: 32 − 28.8 = 3.2 J. Memory: 8 GB × 0.392 W × 4 s = 12.544 J.
     * Rest of the module: 60 − 32 − 10 − 12.544 = 5.456 J. CPU active: 11.04 J, a quarter to nginx.
     */
    machine: 'jetson-orin',
    spend: (machine) => tickCpus(machine, 400, 2000),
    byHand: [
      [
        'domain_energy_joules_total',
        { domain: 'VDD_IN', component: 'node', within: '', method: 'integrated' },
        '60.000000',
      ],
      [
        'domain_energy_joules_total',
        { domain: 'VDD_CPU_GPU_CV', component: 'accelerator', within: 'VDD_IN', leaf: 'false' },
        '32.000000',
      ],
      [
        'domain_energy_joules_total',
        { domain: 'VDD_SOC', component: 'board', within: 'VDD_IN' },
        '10.000000',
      ],
      [
        'domain_energy_joules_total',
        { domain: 'model-cpu', within: 'VDD_CPU_GPU_CV', method: 'estimated' },
        '28.800000',
      ],
      ['domain_energy_joules_total', { domain: 'VDD_CPU_GPU_CV-rest', component: 'accelerator' }, '3.200000'],
      ['domain_energy_joules_total', { domain: 'model-memory', within: 'VDD_IN' }, '12.544000'],
      ['domain_energy_joules_total', { domain: 'VDD_IN-rest', component: 'board' }, '5.456000'],
      [
        'workload_energy_joules_total',
        { workload: 'nginx.service', component: 'cpu', method: 'estimated' },
        '2.760000',
      ],
      ['workload_energy_joules_total', { workload: 'c0ffeec0ffee', component: 'cpu' }, '8.280000'],
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
