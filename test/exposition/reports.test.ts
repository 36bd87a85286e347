import { describe, expect, test } from '@jest/globals'
import { overviewPage } from '../../exporter/src/exposition/overview.ts'
import {
  ledgerReport,
  overviewOf,
  RecentPower,
  sensorsReport,
} from '../../exporter/src/exposition/reports.ts'
import { seconds } from '../../exporter/src/units.ts'
import { BookedMachine, BUSY, type Spent } from './booked-machine.ts'
import { microjoulesIn } from './page-text.ts'

/** 1 J/s above the idle 3 W, all of it by one consumer. */
const steady = (wait: number, cpu: Spent['cpu']): Spent => ({
  wait,
  energy: { package: wait * 4e6, psys: wait * 4e6 },
  cpu,
})

/** What the engine does each tick. */
function tick(machine: BookedMachine, recent: RecentPower, spent: Spent): void {
  machine.spend(spent)
  recent.see(machine.ledger, machine.state.at)
}

const wattsByWorkload = (machine: BookedMachine, recent: RecentPower): Record<string, number> =>
  Object.fromEntries(
    overviewOf(machine.state, recent).workloads.map(({ workload, watts }) => [
      workload,
      Math.round(watts * 1e6) / 1e6,
    ]),
  )

describe('the start page’s figures', () => {
  const machine = new BookedMachine()
  machine.spend({ wait: 1, energy: {}, cpu: {}, holder: 'container' })
  machine.spend(BUSY)
  const overview = overviewOf(machine.state, new RecentPower())

  test('watts of each component, known as well as the worst of its leaves', () => {
    expect(overview.watts).toEqual([
      { component: 'accelerator', watts: expect.closeTo(25, 5), method: 'integrated' },
      { component: 'cpu', watts: expect.closeTo(50, 5), method: 'counter' },
      { component: 'memory', watts: expect.closeTo(5, 5), method: 'estimated' },
      { component: 'board', watts: expect.closeTo(45, 5), method: 'estimated' },
    ])
  })

  test('a component whose readings have stopped has no watts', () => {
    const quiet = new BookedMachine()
    quiet.spend({ wait: 1, energy: {}, cpu: {} })
    quiet.spend(BUSY)
    quiet.spend({ wait: 300, energy: { gpu: 1_000_000 }, cpu: {} })
    expect(overviewOf(quiet.state, new RecentPower()).watts.map(({ component }) => component)).toEqual([
      'accelerator',
    ])
  })

  test('workloads by what they used, with all that was booked to them', () => {
    const joules = overview.workloads.map((row) => row.joules)
    expect(overview.workloads.map(({ workload, kind }) => [workload, kind])).toEqual([
      ['c0ffee000000', 'unknown'],
      ['dev-disk\\x2dby\\x2did.swap', 'system'],
      ['grün.service', 'system'],
    ])
    expect(joules).toEqual([...joules].sort((one, other) => other - one))
    const unattributed = overview.unattributed.reduce((sum, row) => sum + row.joules, 0)
    expect(joules.reduce((sum, one) => sum + one, unattributed)).toBeCloseTo(500.00001, 6)
  })

  test('newborn workloads too, which the metrics hold back', () => {
    const late = new BookedMachine()
    late.spend({ wait: 60, energy: {}, cpu: {} })
    late.spend(BUSY)
    const shown = [...late.ledger.views.workload.accounts()].map((account) => account.shown.toJoules())
    expect(new Set(shown)).toEqual(new Set([0]))
    expect(overviewOf(late.state, new RecentPower()).workloads.every(({ joules }) => joules > 0)).toBe(true)
  })

  test('what the main thread adds makes a page of it', () => {
    const html = overviewPage({ host: 'node-1', version: '1.2.3', ...overview }, [])
    expect(html).toContain('<bdi>dev-disk\\x2dby\\x2did.swap</bdi>')
    expect(html).toContain('<td><bdi>accelerator</bdi></td><td class="number">25 W</td><td>integrated</td>')
    expect(html).toContain('<td>install the driver</td>')
  })
})

describe('watts of a workload', () => {
  test('are a mean over the last five to ten seconds', () => {
    const machine = new BookedMachine()
    const recent = new RecentPower()
    tick(machine, recent, steady(1, {}))
    for (let second = 0; second < 12; second += 1) tick(machine, recent, steady(1, { service: 1e9 }))
    expect(wattsByWorkload(machine, recent)).toEqual({ 'dev-disk\\x2dby\\x2did.swap': 1 })
    // what it did before is forgotten, soon but not at once
    tick(machine, recent, steady(1, { container: 1e9 }))
    expect(wattsByWorkload(machine, recent)['c0ffee000000']).toBeGreaterThan(0)
    expect(wattsByWorkload(machine, recent)['dev-disk\\x2dby\\x2did.swap']).toBeGreaterThan(0.5)
    for (let second = 0; second < 12; second += 1) tick(machine, recent, steady(1, { container: 1e9 }))
    expect(wattsByWorkload(machine, recent)).toEqual({ 'dev-disk\\x2dby\\x2did.swap': 0, c0ffee000000: 1 })
  })

  test('are none before there is a second look', () => {
    const machine = new BookedMachine()
    const recent = new RecentPower()
    tick(machine, recent, BUSY)
    expect(Object.values(wattsByWorkload(machine, recent))).toEqual([0, 0, 0])
  })

  test('do not count again what one used long ago that comes back', () => {
    const machine = new BookedMachine({ lifetimes: { birthHold: seconds(0), expireAfter: seconds(60) } })
    const recent = new RecentPower()
    tick(machine, recent, steady(1, {}))
    for (let second = 0; second < 10; second += 1) tick(machine, recent, steady(1, { service: 1e9 }))
    machine.leave()
    for (let second = 0; second < 120; second += 1) tick(machine, recent, steady(1, {}))
    expect(wattsByWorkload(machine, recent)).toEqual({})
    tick(machine, recent, steady(1, { service: 1e9 }))
    const [back] = overviewOf(machine.state, recent).workloads
    expect(back?.joules).toBeCloseTo(11, 6)
    expect(back?.watts).toBeLessThanOrEqual(1)
  })
})

describe('the ledger as data', () => {
  const machine = new BookedMachine()
  machine.spend({ wait: 1, energy: {}, cpu: {}, holder: 'container' })
  machine.spend(BUSY)
  const report = JSON.parse(JSON.stringify(ledgerReport(machine.state))) as {
    readonly domains: readonly {
      readonly domain: string
      readonly joules: string
      readonly watts: number | null
    }[]
    readonly views: Readonly<
      Record<
        string,
        {
          readonly accounts: readonly { readonly joules: string; readonly component: string }[]
          readonly pendingJoules: Readonly<Record<string, string>>
          readonly retiredJoules: Readonly<Record<string, string>>
        }
      >
    >
    readonly unattributed: readonly {
      readonly reason: string
      readonly joules: string
      readonly component: string
    }[]
  }

  test('has the domains to the microjoule', () => {
    expect(report.domains.map(({ domain, joules }) => [domain, joules])).toEqual([
      ['psys', '400.000001'],
      ['package-0', '200.000003'],
      ['package-0-core', '150.000000'],
      ['dram-0', '20.000007'],
      ['gpu-0', '100.000009'],
      ['psys-rest', '179.999991'],
    ])
    expect(report.domains[0]?.watts).toBeCloseTo(100, 5)
  })

  test('balances in each view', () => {
    expect(Object.keys(report.views)).toEqual(['workload', 'container', 'process'])
    const sum = (amounts: readonly string[]): bigint =>
      amounts.reduce((total, one) => total + microjoulesIn(one), 0n)
    for (const { accounts, pendingJoules, retiredJoules } of Object.values(report.views)) {
      const booked =
        sum(accounts.map(({ joules }) => joules)) +
        sum(report.unattributed.map(({ joules }) => joules)) +
        sum(Object.values(pendingJoules)) +
        sum(Object.values(retiredJoules))
      expect(booked).toBe(500_000_010n)
    }
  })

  test('names every account by its labels', () => {
    expect(report.views['process']?.accounts).toContainEqual({
      pid: '400',
      comm: 'na"me\\',
      container_id: '',
      workload: 'dev-disk\\x2dby\\x2did.swap',
      namespace: '',
      component: 'cpu',
      part: 'host',
      joules: expect.stringMatching(/^\d+\.\d{6}$/),
    })
  })
})

describe('the sensors as data', () => {
  test('say what to do, and how well each component is known', () => {
    const machine = new BookedMachine()
    machine.spend({ wait: 1, energy: {}, cpu: {} })
    machine.spend(BUSY)
    expect(sensorsReport(machine.state)).toMatchObject({
      sensors: [{ name: 'rapl' }, { name: 'nvml', state: 'absent', advice: 'install the driver' }],
      components: { accelerator: 'measured', memory: 'estimated', network: 'unreadable', cooling: 'absent' },
      activity: { processes: 3, unreadable: 1 },
    })
  })

  test('before the first look there is no activity', () => {
    expect(sensorsReport(new BookedMachine().state)).toMatchObject({ activity: null })
  })
})
