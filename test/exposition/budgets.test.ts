import { describe, expect, test } from '@jest/globals'
import { renderBudgets } from '../../exporter/src/exposition/budget-page.ts'
import { budgetRows } from '../../exporter/src/exposition/budget-reports.ts'
import { overviewPage } from '../../exporter/src/exposition/overview.ts'
import { PageWriter } from '../../exporter/src/exposition/page.ts'
import { overviewOf, RecentPower } from '../../exporter/src/exposition/reports.ts'
import { seconds, watts } from '../../exporter/src/units.ts'
import { Budgets } from '../../exporter/src/workloads/budgets.ts'
import { Demand } from '../../exporter/src/workloads/demand.ts'
import { withProgram } from '../programs.ts'
import {
  at,
  budgetRule,
  demandRule,
  meters,
  noMeters,
  span,
  toNobody,
  toWorkload,
  wasDown,
} from '../workloads/bookings.ts'
import { BookedMachine } from './booked-machine.ts'
import { parsePage } from './page-text.ts'
import { emptyOverview } from './serving.ts'
import { withStrictParser } from './strict-parser.ts'

const MIDNIGHT = at('2026-10-24T22:00:00Z') // in Berlin, before a day of 25 hours
const HOUR = 3600
const ODD = 'na"me\\\n'

const rules = [
  budgetRule({ name: 'today', timeZone: 'Europe/Berlin', limitJoules: 36e6, facilityFactor: 1.5 }),
  budgetRule({
    name: ODD,
    period: { kind: 'month', billingDay: 1 },
    scope: 'cluster',
    boundary: 'provisioned',
    limitJoules: 1800,
    timeZone: 'Asia/Kathmandu',
  }),
  budgetRule({
    name: 'later',
    period: { kind: 'dates', from: '2026-11-01', to: '2026-11-30' },
    meter: 'pdu',
  }),
]

const demandRules = [
  demandRule({ limit: watts(8000), timeZone: 'Europe/Berlin' }),
  demandRule({ meter: 'pdu', blockMinutes: 30, timeZone: 'Asia/Kathmandu' }),
]

/** One hour of 1 W and 0.5 W of cooling since midnight in Berlin, and 20 minutes of 3000 W at the meter. */
function counted(): {
  readonly budgets: Budgets
  readonly demand: Demand
  readonly wall: ReturnType<typeof seconds>
} {
  const budgets = new Budgets(rules, 'gpu-07')
  const demand = new Demand(demandRules)
  budgets.book(
    [wasDown, toWorkload(3600e6 + 1), toNobody(1800e6, 'overhead')],
    noMeters,
    span(MIDNIGHT, MIDNIGHT + HOUR),
  )
  for (let minute = 40; minute < 60; minute += 1) {
    const from = MIDNIGHT + minute * 60
    demand.see(meters({ node: 60 * 3000e6 }), span(from, from + 60))
  }
  return { budgets, demand, wall: seconds(MIDNIGHT + HOUR) }
}

function formsOf({ budgets, demand, wall }: ReturnType<typeof counted>): {
  text: string
  openMetrics: string
} {
  const writer = new PageWriter()
  renderBudgets(writer, budgets.statuses(wall), demand.statuses(wall))
  const { text, openMetrics } = writer.finish()
  return { text: text.toString(), openMetrics: `${openMetrics.toString()}# EOF\n` }
}

const rowsOf = ({ budgets, demand, wall }: ReturnType<typeof counted>): ReturnType<typeof budgetRows> =>
  budgetRows(budgets.statuses(wall), demand.statuses(wall))

describe('the page', () => {
  test('has every figure that is known, and no other', () => {
    const page = parsePage(formsOf(counted()).text)
    const shown = Object.fromEntries(
      Array.from(page, ([name, series]) => [
        name.replace('wattribute_', ''),
        series.map(({ labels, value }) => [...Object.values(labels), value].join(' ')),
      ]),
    )
    const today = 'today day node'
    const odd = `${ODD} month cluster`
    const later = 'later dates node'
    expect(shown).toEqual({
      budget_limit_joules: [`${today} 36000000`, `${odd} 1800`, `${later} 3600000`],
      budget_used_joules: [`${today} 7200.000001`, `${odd} 3600.000001`, `${later} 0.000000`],
      budget_projected_joules: [
        `${today} ${7200.000001 + 2.0000000004166667 * 24 * HOUR}`, // 1.5 W and a half, for 24 of 25 hours
        expect.stringMatching(/^na"me\\\n month cluster \d+(\.\d+)?$/),
      ],
      budget_period_start_timestamp_seconds: [
        `${today} ${MIDNIGHT}`,
        `${odd} ${at('2026-09-30T18:15:00Z')}`,
        `${later} ${at('2026-11-01T00:00:00Z')}`,
      ],
      budget_period_end_timestamp_seconds: [
        `${today} ${MIDNIGHT + 25 * HOUR}`,
        `${odd} ${at('2026-10-31T18:15:00Z')}`,
        `${later} ${at('2026-12-01T00:00:00Z')}`,
      ],
      demand_last_block_watts: ['node 3000'],
      demand_peak_watts: ['node 3000'],
      demand_limit_watts: ['node 8000'],
      demand_block_start_timestamp_seconds: [`node ${MIDNIGHT + HOUR}`, `pdu ${MIDNIGHT + HOUR - 900}`],
      demand_block_end_timestamp_seconds: [`node ${MIDNIGHT + HOUR + 900}`, `pdu ${MIDNIGHT + HOUR + 900}`],
    })
  })

  test('has the running block once it has begun', () => {
    const some = counted()
    some.demand.see(meters({ node: 10 * 6000e6 }), span(some.wall, some.wall + 10))
    const page = parsePage(formsOf({ ...some, wall: seconds(some.wall + 10) }).text)
    expect(page.get('wattribute_demand_current_watts')).toEqual([
      { labels: { meter: 'node' }, value: '6000' },
    ])
    const [projected] = page.get('wattribute_demand_projected_watts') ?? []
    expect(Number(projected?.value)).toBeGreaterThan(3000)
    expect(Number(projected?.value)).toBeLessThan(6000)
  })

  test('has nothing without budgets and demand', () => {
    expect(formsOf({ budgets: new Budgets([], ''), demand: new Demand([]), wall: seconds(0) }).text).toBe('')
  })

  withProgram('promtool', 'passes promtool check metrics', async (run) => {
    const { status, output } = run(['check', 'metrics'], formsOf(counted()).text)
    expect({ status, output }).toEqual({ status: 0, output: '' })
  })

  withStrictParser('is OpenMetrics to a strict parser', async (parse) => {
    const families = parse(formsOf(counted()).openMetrics)
    expect(
      families.flatMap(({ samples }) => samples).find(({ name }) => name.endsWith('used_joules')),
    ).toMatchObject({
      labels: { budget: 'today', period: 'day', scope: 'node' },
      value: 7200.000001,
    })
  })
})

describe('as data', () => {
  test('everything is there, energies to the microjoule, instants on the clock of the zone', () => {
    const rows = rowsOf(counted())
    expect(JSON.parse(JSON.stringify(rows))).toEqual(rows)
    expect(structuredClone(rows)).toEqual(rows)
    expect(rows.budgets[0]).toEqual({
      budget: 'today',
      scope: 'node',
      boundary: 'facility',
      meter: null,
      facilityFactor: 1.5,
      limitJoules: 36e6,
      usedJoules: '7200.000001',
      usedRatio: 7200.000001 / 36e6,
      projectedJoules: expect.closeTo(7200 + 2 * 24 * HOUR, 1),
      phase: 'running',
      elapsedRatio: 1 / 25,
      period: {
        kind: 'day',
        start: MIDNIGHT,
        end: MIDNIGHT + 25 * HOUR,
        localStart: '2026-10-25 00:00:00',
        localEnd: '2026-10-26 00:00:00',
        timeZone: 'Europe/Berlin',
      },
      observedSince: MIDNIGHT,
      localObservedSince: '2026-10-25 00:00:00',
    })
    expect(rows.budgets[2]).toMatchObject({
      meter: 'pdu',
      phase: 'not-begun',
      projectedJoules: null,
      observedSince: null,
    })
    expect(rows.demand).toMatchObject([
      {
        meter: 'node',
        block: { localStart: '2026-10-25 01:00:00', localEnd: '2026-10-25 01:15:00' },
        billingPeriod: { localStart: '2026-10-01 00:00:00', localEnd: '2026-11-01 00:00:00' },
        limitWatts: 8000,
        currentWatts: null,
        last: { watts: 3000, observedRatio: 1, localStart: '2026-10-25 00:45:00' },
        peak: { watts: 3000 },
      },
      { meter: 'pdu', limitWatts: null, last: null, peak: null, observedRatio: 0 },
    ])
  })
})

describe('the start page', () => {
  const tableOf = (html: string): string[][] =>
    Array.from(html.matchAll(/<tr>(.*?)<\/tr>/gs), ([, row = '']) =>
      row
        .split(/<\/t[dh]>/)
        .map((cell) => cell.replace(/<[^>]*>/g, ''))
        .slice(0, -1),
    )

  test('says how much of each budget is used, and until when', () => {
    const html = overviewPage({ ...emptyOverview, ...rowsOf(counted()) }, [])
    const rows = tableOf(html)
    expect(rows).toEqual([
      ['Budget', 'Boundary', 'Used', 'Limit', 'Used part', 'Projected', 'Period'],
      [
        'today',
        'facility',
        '2 Wh',
        '10 kWh',
        '0.02 %',
        '50 Wh',
        '2026-10-25 00:00 to 2026-10-26 00:00, Europe/Berlin',
      ],
      [
        'na&quot;me\\\n',
        'provisioned',
        '1 Wh',
        '0.5 Wh of the cluster',
        '200 %, over the limit',
        '164 Wh',
        '2026-10-01 00:00 to 2026-11-01 00:00, Asia/Kathmandu; counted since 2026-10-25 03:45:00',
      ],
      [
        'later',
        'meter pdu',
        '0 Wh',
        '1 kWh',
        '0 %',
        'not known yet',
        '2026-11-01 00:00 to 2026-12-01 00:00, UTC, not begun',
      ],
      ['Meter', 'Block', 'So far', 'Projected', 'Block before', 'Highest', 'Limit'],
      [
        'node',
        '2026-10-25 01:00 to 2026-10-25 01:15, Europe/Berlin',
        'not known yet',
        'not known yet',
        '3,000 W',
        '3,000 W at 2026-10-25 00:45:00',
        '8,000 W',
      ],
      [
        'pdu',
        '2026-10-25 04:30 to 2026-10-25 05:00, Asia/Kathmandu',
        'not known yet',
        'not known yet',
        'not known',
        'not known yet',
        'none',
      ],
    ])
    expect(html).toContain('<section aria-labelledby="budgets">')
    expect(html).not.toMatch(/<script|style="/)
  })

  test('says of a block how much of it was observed', () => {
    const demand = new Demand([demandRule()])
    const noon = at('2026-06-15T12:00:00Z')
    for (const from of [noon + 450, noon + 675])
      demand.see(meters({ node: 225 * 100e6 }), span(from, from + 225))
    const html = overviewPage(
      { ...emptyOverview, ...budgetRows([], demand.statuses(seconds(noon + 900))) },
      [],
    )
    expect(tableOf(html)[1]?.slice(4, 6)).toEqual([
      '50 W (50 % of it observed)',
      '50 W (50 % of it observed) at 2026-06-15 12:00:00',
    ])
  })

  test('has no such sections without budgets and demand', () => {
    expect(overviewPage(emptyOverview, [])).not.toMatch(/Budgets|Demand/)
  })

  test('nothing from the configuration becomes markup', () => {
    const hostile = '<script>alert("1")</script>'
    const { budgets, demand } = rowsOf(counted())
    const html = overviewPage(
      {
        ...emptyOverview,
        budgets: budgets.map((row) => ({ ...row, budget: hostile, meter: hostile })),
        demand: demand.map((row) => ({ ...row, meter: hostile, block: { ...row.block, timeZone: hostile } })),
      },
      [],
    )
    expect(html).not.toContain('<script')
    expect(html.match(/&lt;script&gt;/g)).toHaveLength(10)
  })

  test('takes them from the engine', () => {
    const machine = new BookedMachine()
    const rows = rowsOf(counted())
    expect(overviewOf(machine.state, new RecentPower(), rows)).toMatchObject({ ...rows })
    expect(overviewOf(machine.state, new RecentPower())).toMatchObject({ budgets: [], demand: [] })
  })
})
