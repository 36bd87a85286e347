import { describe, expect, test } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  defaultRates,
  percentText,
  secondsOf,
  shortOf,
  type BurnRate,
} from '../../exporter/src/rules/burn-rate.ts'
import { rulesFor, type WatchedBudget, type WatchedDemand } from '../../exporter/src/rules/config-rules.ts'
import { isAlert, type AlertRule } from '../../exporter/src/rules/rule.ts'
import { ruleText } from '../../exporter/src/rules/rule-text.ts'
import { seconds, watts } from '../../exporter/src/units.ts'
import { withProgram, type Ran, type Run } from '../programs.ts'

const KWH = 3.6e6
const NOW = seconds(Date.UTC(2026, 9, 10) / 1000)

const budget = (of: Partial<WatchedBudget> = {}): WatchedBudget => ({
  name: 'lab',
  limitJoules: 720 * KWH, // 1 kW over 30 days
  period: { kind: 'month', billingDay: 1 },
  timeZone: 'UTC',
  maxWatts: undefined,
  ...of,
})

const meter = (of: Partial<WatchedDemand> = {}): WatchedDemand => ({
  meter: 'node',
  limit: watts(8000),
  maxWatts: watts(9000),
  ...of,
})

const of = (
  budgets: readonly WatchedBudget[],
  { rates, demand = [] }: { rates?: readonly BurnRate[]; demand?: readonly WatchedDemand[] } = {},
) => rulesFor({ budgets, demand }, rates, NOW)

const alertsOf = (budgets: readonly WatchedBudget[], rates?: readonly BurnRate[]): readonly AlertRule[] =>
  of(budgets, { ...(rates && { rates }) }).groups.flatMap(({ rules }) => rules.filter(isAlert))

/** Such as `0.05 of it in 1d`. */
const burnRates = (budgets: readonly WatchedBudget[], rates?: readonly BurnRate[]): readonly string[] =>
  alertsOf(budgets, rates)
    .filter(({ alert }) => alert === 'WattributeBudgetBurnRate')
    .map(({ expr, labels }) => `${/> ([\d.]+) \*/.exec(expr)?.[1] ?? ''} of it in ${labels['window'] ?? ''}`)

describe('burn rates', () => {
  test('the short window is a twelfth of the long one', () => {
    expect(['1h', '3h', '6h', '18h', '1d', '3d', '1w'].map(shortOf)).toEqual([
      '5m',
      '15m',
      '30m',
      '90m',
      '2h',
      '6h',
      '14h',
    ])
  })

  test('by default they lie between the pace of a budget and half as much again', () => {
    for (const [kind, days] of [
      ['day', 1],
      ['week', 7],
      ['month', 30],
    ] as const) {
      const period = kind === 'month' ? { kind, billingDay: 1 } : { kind }
      for (const { fraction, window } of defaultRates(period, days * 86_400)) {
        const burn = (fraction * days * 86_400) / secondsOf(window)
        expect(burn).toBeGreaterThan(1.1)
        expect(burn).toBeLessThanOrEqual(1.5)
      }
    }
  })

  test('fixed dates have windows of a thirtieth and a tenth of their length', () => {
    const period = { kind: 'dates', from: '2026-10-01', to: '2026-12-31' } as const
    expect(burnRates([budget({ period })])).toEqual(['0.05 of it in 4416m', '0.12 of it in 13248m'])
  })

  test('without maximum watts the defaults stand, unchecked, and it is said', () => {
    expect(burnRates([budget()])).toEqual(['0.05 of it in 1d', '0.12 of it in 3d'])
    expect(of([budget()])).toMatchObject({
      refusals: [],
      notes: ['budget `lab`: whether the alerts can fire is not checked without `max_watts`'],
    })
  })

  test('a machine that can draw much more keeps them', () => {
    expect(burnRates([budget({ maxWatts: watts(4000) })])).toEqual(['0.05 of it in 1d', '0.12 of it in 3d'])
  })

  test('one that can draw little more has them half way to its highest', () => {
    // 1.2 kW are 1.2 times the pace: half way is 1.1, in a day 1.1/30 of the budget
    const close = budget({ maxWatts: watts(1200) })
    expect(burnRates([close])).toEqual(['0.0366 of it in 1d', '0.11 of it in 3d'])
    expect(of([close]).refusals).toEqual([])
    const highest = 1200 * 86_400
    expect(0.0366 * close.limitJoules).toBeLessThan(highest)
  })

  test('each budget has its own', () => {
    const rules = alertsOf([budget({ name: 'a' }), budget({ name: 'b "quoted"', period: { kind: 'day' } })])
    const watched = rules.filter(({ alert }) => alert === 'WattributeBudgetBurnRate')
    expect(watched.map(({ labels }) => labels['budget'])).toEqual(['a', 'a', 'b "quoted"', 'b "quoted"'])
    expect(watched[2]?.expr).toContain('budget="b \\"quoted\\""')
  })
})

describe('refuses what cannot fire', () => {
  test('a burn rate of service objectives', () => {
    const most = budget({ maxWatts: watts(1670) })
    expect(of([most], { rates: [{ fraction: 0.02, window: '1h' }] }).refusals).toEqual([
      'budget `lab`: the burn rate of 2 % in 1h cannot fire: that is 14.4 times the pace of the budget (14400 W), and 1670 W at most are 1.67 times; use less than 0.232 % in 1h, or a longer window',
    ])
    expect(of([most], { rates: [{ fraction: 0.1, window: '2d' }] }).refusals).toEqual([])
  })

  test('exactly at the edge: what is reached is not exceeded', () => {
    const edge = budget({ maxWatts: watts(1500) })
    expect(of([edge], { rates: [{ fraction: 0.05, window: '1d' }] }).refusals).toHaveLength(1)
    expect(of([edge], { rates: [{ fraction: 0.0499, window: '1d' }] }).refusals).toEqual([])
  })

  test('a window longer than the period', () => {
    const day = budget({ period: { kind: 'day' } })
    expect(of([day], { rates: [{ fraction: 0.5, window: '2d' }] }).refusals).toEqual([
      'budget `lab`: the burn rate of 50 % in 2d cannot fire: the period has only 24 h; use a shorter window',
    ])
  })

  test('a budget that can never be overrun, once and not for each of its rules', () => {
    expect(of([budget({ maxWatts: watts(250) })]).refusals).toEqual([
      'budget `lab`: it can never be overrun, so none of its alerts can fire: at most 250 W for 744 h are 186 kWh, and its limit is 720 kWh; lower the limit or correct `max_watts`',
    ])
  })

  test('a month of 31 days counts, and so does the hour when clocks are put back', () => {
    const watts31days = (720 * KWH) / (31 * 86_400)
    const tight = (maxWatts: number, timeZone = 'UTC') => budget({ maxWatts: watts(maxWatts), timeZone })
    expect(of([tight(watts31days * 1.0001)]).refusals).toEqual([])
    expect(burnRates([tight(watts31days * 1.0001)])).toEqual([]) // not in a month of 30
    expect(of([tight(watts31days * 0.9999)]).refusals).toHaveLength(1)
    expect(of([tight(watts31days * 0.9999, 'Europe/Berlin')]).refusals).toEqual([])
  })

  test('fixed dates: their exact length, and those that are over', () => {
    const dates = (from: string, to: string, maxWatts: number) =>
      budget({ limitJoules: 24 * KWH, period: { kind: 'dates', from, to }, maxWatts: watts(maxWatts) })
    expect(of([dates('2026-11-01', '2026-11-01', 1001)]).refusals).toEqual([])
    expect(of([dates('2026-11-01', '2026-11-01', 1000)]).refusals).toHaveLength(1)
    expect(of([dates('2026-09-01', '2026-10-08', 9999)]).refusals).toEqual([
      'budget `lab`: none of its alerts can fire: it ended on 2026-10-08; take it out or move its dates',
    ])
  })

  test('a demand limit above all that can be drawn', () => {
    expect(of([], { demand: [meter({ maxWatts: watts(8000) })] }).refusals).toEqual([
      'demand block of `node`: its alert cannot fire: at most 8000 W are drawn, and its limit is 8000 W; lower the limit or correct `max_watts`',
    ])
    expect(of([], { demand: [meter()] })).toMatchObject({ refusals: [], notes: [] })
  })
})

describe('what a configuration gets', () => {
  const namesOf = (budgets: readonly WatchedBudget[], demand: readonly WatchedDemand[]): readonly string[] =>
    of(budgets, { demand }).groups.map(({ name }) => name)

  test('nothing about budgets and demand that it does not have', () => {
    const always = ['wattribute-energy', 'wattribute-exporter', 'wattribute-power']
    expect(namesOf([], [])).toEqual(always)
    expect(namesOf([], [meter({ limit: undefined })])).toEqual(always)
    expect(namesOf([budget()], [meter()])).toEqual(['wattribute-budgets', 'wattribute-demand', ...always])
  })

  const promtool = (run: Run, command: string, files: Readonly<Record<string, string>>): Ran => {
    const folder = mkdtempSync(join(tmpdir(), 'wattribute-rules-'))
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
    const [first = ''] = Object.keys(files)
    const ran = run([command, 'rules', join(folder, first)], '')
    rmSync(folder, { recursive: true })
    return ran
  }

  withProgram('promtool', 'rules that promtool takes', (run) => {
    const { groups } = of(
      [
        budget({ maxWatts: watts(1500) }),
        budget({ name: 'day\\"s {{ $x }}', period: { kind: 'day' } }),
        budget({ name: 'autumn', period: { kind: 'dates', from: '2026-10-01', to: '2026-12-31' } }),
      ],
      { demand: [meter()] },
    )
    expect(promtool(run, 'check', { 'rules.yaml': ruleText(groups, 'a test') })).toEqual({
      status: 0,
      output: expect.stringContaining('SUCCESS'),
    })
  })

  withProgram(
    'promtool',
    'rules that fire at the highest power, and not at the pace of the budget',
    (run) => {
      const name = 'lab {{ $x }}'
      const { groups } = of([budget({ name, maxWatts: watts(1200) })])
      const labels = `instance="a",budget="${name}",period="month",scope="node"`
      const testAt = (power: number, alerts: readonly string[]): object => ({
        interval: '5m',
        input_series: [
          { series: `wattribute_budget_used_joules{${labels}}`, values: `0+${power * 300}x1000` },
          { series: `wattribute_budget_limit_joules{${labels}}`, values: `${720 * KWH}+0x1000` },
        ],
        promql_expr_test: [
          {
            eval_time: '80h',
            expr: 'count by (budget, window) (ALERTS{alertstate="firing",budget!=""})',
            exp_samples: alerts.map((window) => ({
              labels: `{budget="${name}",window="${window}"}`,
              value: 1,
            })),
          },
        ],
      })
      const tests = [testAt(1200, ['1d', '3d']), testAt(1000, [])]
      const { status, output } = promtool(run, 'test', {
        'test.yaml': JSON.stringify({ rule_files: ['rules.yaml'], evaluation_interval: '15m', tests }),
        'rules.yaml': ruleText(groups, 'a test'),
      })
      expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining('SUCCESS') })
    },
  )
})

test('percent', () => {
  expect([0.05, 0.0366, 0.125, 0.2319444].map(percentText)).toEqual(['5 %', '3.66 %', '12.5 %', '23.2 %'])
})
