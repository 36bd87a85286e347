import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Booking, Boundary, BudgetPeriod, BudgetRule, WallSpan } from '../../exporter/src/model.ts'
import { seconds } from '../../exporter/src/units.ts'
import { Budgets, type BudgetsState } from '../../exporter/src/workloads/budgets.ts'
import { Calendar } from '../../exporter/src/workloads/calendar.ts'
import { Demand } from '../../exporter/src/workloads/demand.ts'
import {
  at,
  budgetRule,
  demandRule,
  facts,
  meters,
  noMeters,
  throughJson,
  toNobody,
  toWorkload,
  wasDown,
} from './bookings.ts'

const NODE = 'gpu-07'
/** Edges of days and weeks, months and years, changes of clocks and leap days. */
const EDGES = [
  '2026-03-29T01:00:00Z',
  '2026-10-25T01:00:00Z',
  '2026-11-01T06:00:00Z',
  '2026-12-31T23:00:00Z',
  '2028-02-28T18:15:00Z',
  '2028-03-01T05:00:00Z',
].map(at)

const zone = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe')
const period: fc.Arbitrary<BudgetPeriod> = fc.oneof(
  fc.constantFrom<BudgetPeriod>({ kind: 'day' }, { kind: 'week' }),
  fc.integer({ min: 1, max: 31 }).map((billingDay) => ({ kind: 'month' as const, billingDay })),
)
const amount = fc.oneof(fc.nat(10), fc.nat(1_000_000_000), fc.maxSafeNat())
const WORKLOADS = [
  facts(),
  facts({ user: 'bob', workload: 'llama-chat', kind: 'inference' }),
  facts({ namespace: '', podLabels: { team: 'a' } }),
]
const booking: fc.Arbitrary<Booking> = fc
  .tuple(
    amount,
    fc.constantFrom('accelerator', 'host', 'idle', 'overhead'),
    fc.constantFrom(undefined, ...WORKLOADS),
  )
  .map(([energy, part, workload]) =>
    workload === undefined ? toNobody(energy, part) : toWorkload(energy, part, workload),
  )
const boundary = fc.constantFrom<Boundary>('accelerator', 'host', 'provisioned', 'facility')
const match = fc.constantFrom<BudgetRule['match']>(
  {},
  { user: 'alice' },
  { workload: 'llama-*' },
  { podLabels: { team: '*' } },
)
const rule = fc
  .record({ period, timeZone: zone, boundary, match })
  .map((some): BudgetRule => budgetRule(some))

interface Tick {
  readonly bookings: readonly Booking[]
  readonly span: WallSpan
}

/** Ticks one after the other, some of them hours long, around an edge. */
const ticks: fc.Arbitrary<readonly Tick[]> = fc
  .tuple(
    fc.constantFrom(...EDGES),
    fc.double({ min: -90_000, max: 90_000, noNaN: true }),
    fc.array(
      fc.tuple(
        fc.array(booking, { maxLength: 4 }),
        fc.oneof(
          fc.double({ min: 0.05, max: 3, noNaN: true }),
          fc.integer({ min: 1, max: 100_000 }), // a night and more
        ),
      ),
      { minLength: 1, maxLength: 6 },
    ),
  )
  .map(([edge, offset, some]) => {
    let wall = edge + offset
    return some.map(([bookings, length]) => {
      const from = wall
      wall += length
      return { bookings: [...bookings, wasDown], span: { from: seconds(from), to: seconds(wall) } }
    })
  })

const RANK = { accelerator: 0, host: 1, idle: 2, overhead: 3 } as const
const BOUNDARY_RANK = { accelerator: 0, host: 1, provisioned: 2, facility: 3 } as const

/** What the rules of a budget say, without the code under test. */
function counts({ match: wanted, boundary: until }: BudgetRule, { part, workload }: Booking): boolean {
  if (RANK[part] > BOUNDARY_RANK[until]) return false
  if (wanted.user !== undefined) return workload?.user === wanted.user
  if (wanted.workload !== undefined) return workload?.workload.startsWith('llama-') === true
  return wanted.podLabels === undefined || workload?.podLabels['team'] !== undefined
}

const sum = (amounts: readonly number[]): bigint => amounts.reduce((total, one) => total + BigInt(one), 0n)

const booked = (budget: BudgetRule, bookings: readonly Booking[]): bigint =>
  sum(bookings.filter((one) => counts(budget, one)).map((one) => one.amount))

const microjoulesOf = (joules: string): bigint => BigInt(joules.replace('.', ''))

const totalOf = ({ budgets }: BudgetsState): bigint =>
  (budgets[0]?.periods ?? []).reduce(
    (total, { itJoules, overheadJoules }) => total + microjoulesOf(itJoules) + microjoulesOf(overheadJoules),
    0n,
  )

const periodAt = ({ period: kind, timeZone }: BudgetRule, wall: number): WallSpan => {
  const calendar = new Calendar(timeZone)
  if (kind.kind === 'day') return calendar.dayOf(seconds(wall))
  if (kind.kind === 'week') return calendar.weekOf(seconds(wall))
  return calendar.monthOf(seconds(wall), kind.kind === 'month' ? kind.billingDay : 1)
}

describe('use', () => {
  test('of all periods together is what was booked and matched', () => {
    fc.assert(
      fc.property(rule, ticks, (budget, some) => {
        const budgets = new Budgets([budget], NODE)
        for (const { bookings, span } of some) budgets.book(bookings, noMeters, span)
        expect(totalOf(budgets.state())).toBe(
          some.reduce((total, { bookings }) => total + booked(budget, bookings), 0n),
        )
      }),
    )
  })

  test('of each period is its part by time, within a microjoule', () => {
    fc.assert(
      fc.property(rule, ticks, (budget, some) => {
        for (const { bookings, span } of some) {
          const budgets = new Budgets([budget], NODE)
          budgets.book(bookings, noMeters, span)
          const all = booked(budget, bookings)
          if (Object.keys(budget.match).length > 0 && span.to - span.from > 300) {
            // nobody saw what a workload did in it
            expect(budgets.statuses(span.to)[0]?.used.toBigInt()).toBe(all)
            continue
          }
          const length = BigInt(Math.round((span.to - span.from) * 1e6))
          for (let wall: number = span.from; wall < span.to; wall = periodAt(budget, wall).to) {
            const { from, to } = periodAt(budget, wall)
            const within = Math.min(to, span.to) - Math.max(from, span.from)
            const used = budgets.statuses(seconds(wall))[0]?.used.toBigInt() ?? -1n
            const error = used * length - all * BigInt(Math.round(within * 1e6))
            // less than a microjoule of IT and one of overhead, and a rounded microsecond at each end
            const most = 2n * length + 2n * all
            expect(error < most && error > -most).toBe(true)
          }
        }
      }),
    )
  })

  test('never goes down within a period', () => {
    const factor = fc.option(fc.double({ min: 1, max: 3, noNaN: true }), { nil: undefined })
    fc.assert(
      fc.property(rule, factor, ticks, (budget, facilityFactor, some) => {
        const budgets = new Budgets([{ ...budget, facilityFactor }], NODE)
        const [first] = some
        const seen = new Map<number, bigint>()
        for (const { bookings, span } of some) {
          budgets.book(bookings, noMeters, span)
          for (const wall of [first?.span.from ?? span.from, span.from, span.to]) {
            const [status] = budgets.statuses(wall)
            const used = status?.used.toBigInt() ?? -1n
            const start = status?.period.from ?? 0
            expect(used >= (seen.get(start) ?? 0n)).toBe(true)
            seen.set(start, used)
          }
        }
      }),
    )
  })

  test('is neither lost nor doubled by a clock that jumps', () => {
    fc.assert(
      fc.property(
        rule,
        fc.array(fc.tuple(fc.array(booking, { maxLength: 3 }), fc.constantFrom(5, ...EDGES)), {
          maxLength: 12,
        }),
        (budget, some) => {
          const budgets = new Budgets([budget], NODE)
          let wall = seconds(EDGES[0] ?? 0)
          const expected = new Map<number, bigint>()
          for (const [bookings, next] of some) {
            const to = seconds(next)
            const jumps = to <= wall || to - wall > 400 * 86_400
            // as the engine tells it after a jump: from the wall clock before to that of now
            const span = jumps ? { from: wall, to } : { from: seconds(to - 1), to }
            budgets.book(bookings, noMeters, span)
            const start = periodAt(budget, jumps ? to : to - 1).from
            expected.set(start, (expected.get(start) ?? 0n) + booked(budget, bookings))
            wall = to
          }
          for (const [start, energy] of expected)
            expect(budgets.statuses(seconds(start))[0]?.used.toBigInt()).toBe(energy)
        },
      ),
    )
  })

  test('of budgets that divide the node is that of the node', () => {
    fc.assert(
      fc.property(period, ticks, (kind, some) => {
        const names = ['train-resnet', 'llama-chat']
        const rules = [
          budgetRule({ name: 'all', period: kind }),
          ...names.map((workload) => budgetRule({ name: workload, period: kind, match: { workload } })),
        ]
        const budgets = new Budgets(rules, NODE)
        for (const { bookings, span } of some)
          budgets.book(bookings, noMeters, { from: seconds(span.to - 1e-3), to: span.to })
        const totals = budgets
          .state()
          .budgets.map(({ periods }) =>
            periods.reduce(
              (total, { itJoules, overheadJoules }) =>
                total + microjoulesOf(itJoules) + microjoulesOf(overheadJoules),
              0n,
            ),
          )
        const nobodys = sum(
          some
            .flatMap(({ bookings }) => bookings.filter((one) => one.workload === undefined))
            .map((one) => one.amount),
        )
        expect((totals[1] ?? 0n) + (totals[2] ?? 0n) + nobodys).toBe(totals[0])
      }),
    )
  })
})

describe('a restart', () => {
  /** Before which ticks. */
  const restarts = fc.array(fc.boolean(), { minLength: 6, maxLength: 6 })
  const reading = fc.array(fc.option(fc.nat(1_000_000_000), { nil: undefined }), {
    minLength: 6,
    maxLength: 6,
  })

  test('at any time changes nothing of budgets', () => {
    fc.assert(
      fc.property(rule, ticks, reading, restarts, (budget, some, readings, when) => {
        const rules = [budget, budgetRule({ name: 'meter', meter: 'pdu', period: budget.period })]
        const steady = new Budgets(rules, NODE)
        let current = new Budgets(rules, NODE)
        some.forEach(({ bookings, span }, index) => {
          if (when[index] === true) {
            const state = throughJson(current.state())
            current = new Budgets(rules, NODE)
            current.restore(state)
          }
          const pdu = readings[index]
          const read = pdu === undefined ? noMeters : meters({ pdu })
          steady.book(bookings, read, span)
          current.book(bookings, read, span)
          expect(current.statuses(span.to)).toEqual(steady.statuses(span.to))
        })
        expect(current.state()).toEqual(steady.state())
      }),
    )
  })

  test('at any time changes nothing of demand', () => {
    fc.assert(
      fc.property(zone, ticks, reading, restarts, (timeZone, some, readings, when) => {
        const rules = [
          demandRule({ timeZone }),
          demandRule({ timeZone, meter: 'pdu', blockMinutes: 30, billingDay: 31 }),
        ]
        const steady = new Demand(rules)
        let current = new Demand(rules)
        some.forEach(({ span }, index) => {
          if (when[index] === true) {
            const state = throughJson(current.state())
            current = new Demand(rules)
            current.restore(state)
          }
          const pdu = readings[index]
          const read = meters({ node: index * 1_000_003, ...(pdu !== undefined && { pdu }) })
          steady.see(read, span)
          current.see(read, span)
          expect(current.statuses(span.to)).toEqual(steady.statuses(span.to))
        })
        expect(current.state()).toEqual(steady.state())
      }),
    )
  })
})

test('a constant power is the mean of every block, however it was read', () => {
  fc.assert(
    fc.property(
      zone,
      fc.constantFrom<15 | 30>(15, 30),
      fc.constantFrom(...EDGES),
      fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 5, maxLength: 30 }),
      (timeZone, blockMinutes, edge, lengths) => {
        const demand = new Demand([demandRule({ timeZone, blockMinutes })])
        let wall = edge - 7200
        for (const length of lengths) {
          demand.see(meters({ node: length * 123_000_000 }), {
            from: seconds(wall),
            to: seconds(wall + length),
          })
          wall += length
          const [status] = demand.statuses(seconds(wall))
          if (status?.last?.observedRatio === 1) expect(status.last.watts).toBeCloseTo(123, 6)
          expect(status?.peak?.watts ?? 0).toBeLessThan(123.000001)
        }
      },
    ),
  )
})
