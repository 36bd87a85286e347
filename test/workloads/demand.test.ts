import { describe, expect, test } from '@jest/globals'
import type { DemandRule } from '../../exporter/src/model.ts'
import { seconds, watts } from '../../exporter/src/units.ts'
import { StateError } from '../../exporter/src/workloads/budgets.ts'
import { Demand, type DemandStatus } from '../../exporter/src/workloads/demand.ts'
import { at, demandRule, meters, noMeters, span, throughJson } from './bookings.ts'

const NOON = at('2026-06-15T12:00:00Z')
const MINUTE = 60

const demand = (...rules: readonly Partial<DemandRule>[]): Demand => new Demand(rules.map(demandRule))

function statusOf(some: Demand, wall: number): DemandStatus {
  const [status] = some.statuses(seconds(wall))
  if (status === undefined) throw new Error('no such meter')
  return status
}

/** A constant power, seen every few seconds. */
function draw(some: Demand, power: number, from: number, to: number, every = 1): void {
  for (let wall = from; wall < to; wall += every) {
    const length = Math.min(every, to - wall)
    some.see(meters({ node: power * length * 1e6 }), span(wall, wall + length))
  }
}

describe('the running block', () => {
  test('has the mean of its energy so far', () => {
    const some = demand({ limit: watts(8000) })
    draw(some, 1000, NOON, NOON + 2 * MINUTE)
    draw(some, 4000, NOON + 2 * MINUTE, NOON + 3 * MINUTE)
    const status = statusOf(some, NOON + 3 * MINUTE)
    expect(status.rule.limit).toBe(8000)
    expect(status.block).toEqual(span(NOON, NOON + 900))
    expect(status.currentWatts).toBe(2000)
    expect(status.observedRatio).toBe(1)
    expect(status.last).toBeUndefined()
    expect(status.peak).toBeUndefined()
  })

  test('will end with the power of the last two to three minutes', () => {
    const some = demand({})
    draw(some, 9000, NOON, NOON + 5 * MINUTE)
    draw(some, 1000, NOON + 5 * MINUTE, NOON + 10 * MINUTE)
    // by hand: 5 min of 9 kW, 5 of 1 kW, and 5 more of 1 kW, over 15
    expect(statusOf(some, NOON + 10 * MINUTE).projectedWatts).toBeCloseTo((9000 * 5 + 1000 * 10) / 15, 6)
    expect(statusOf(some, NOON + 10 * MINUTE).currentWatts).toBe(5000)
  })

  test('goes on with the minutes before it when it has just begun', () => {
    const some = demand({})
    draw(some, 3000, NOON - 5 * MINUTE, NOON + 1)
    expect(statusOf(some, NOON + 1).projectedWatts).toBeCloseTo(3000, 6)
    expect(statusOf(some, NOON + 1).currentWatts).toBe(3000)
  })

  test('that was observed in part counts as if the rest was nothing, and says so', () => {
    const some = demand({})
    draw(some, 1000, NOON + 5 * MINUTE, NOON + 10 * MINUTE)
    expect(statusOf(some, NOON + 10 * MINUTE)).toMatchObject({ currentWatts: 500, observedRatio: 0.5 })
    draw(some, 1000, NOON + 10 * MINUTE, NOON + 16 * MINUTE)
    const { last, peak } = statusOf(some, NOON + 16 * MINUTE)
    expect(last?.watts).toBeCloseTo((1000 * 10) / 15, 6)
    expect(last?.observedRatio).toBeCloseTo(10 / 15, 12)
    expect(peak).toEqual(last)
  })

  test('before any reading has no figures', () => {
    const some = demand({})
    some.see(noMeters, span(NOON, NOON + 1))
    expect(statusOf(some, NOON + 1)).toEqual({
      rule: demandRule(),
      block: span(NOON, NOON + 900),
      period: span('2026-06-01T00:00:00Z', '2026-07-01T00:00:00Z'),
      observedRatio: 0,
    })
  })

  test('at its first instant has no mean yet', () => {
    const some = demand({})
    draw(some, 1000, NOON - MINUTE, NOON)
    expect(statusOf(some, NOON)).toMatchObject({ currentWatts: undefined, projectedWatts: undefined })
    expect(statusOf(some, NOON).last?.watts).toBeCloseTo(1000 / 15, 9)
  })
})

describe('blocks', () => {
  test('have the energy that was spent in them, to the microjoule', () => {
    const some = demand({})
    some.see(meters({ node: 1_000_001 }), span(NOON + 899.75, NOON + 900.75))
    const [meter] = some.state().meters
    expect(meter?.blocks.map(({ joules }) => joules)).toEqual(['0.250000', '0.750001'])
  })

  test('that ended while the exporter was down have the mean of that time, and were not observed', () => {
    const some = demand({})
    some.see(meters({ node: 3600 * 500 * 1e6 }), span(NOON, NOON + 3600))
    const { last, peak } = statusOf(some, NOON + 3601)
    expect(last).toEqual({ block: span(NOON + 2700, NOON + 3600), watts: 500, observedRatio: 0 })
    expect(peak?.watts).toBe(500)
  })

  test.each<[string, DemandRule['blockMinutes'], string, readonly string[]]>([
    ['Europe/Berlin', 15, '2026-06-15T12:20:00Z', ['2026-06-15 14:15:00', '2026-06-15 14:30:00']],
    ['America/New_York', 30, '2026-06-15T12:20:00Z', ['2026-06-15 08:00:00', '2026-06-15 08:30:00']],
    ['Asia/Kathmandu', 30, '2026-06-15T12:20:00Z', ['2026-06-15 18:00:00', '2026-06-15 18:30:00']],
    ['Asia/Kolkata', 30, '2026-06-15T12:20:00Z', ['2026-06-15 17:30:00', '2026-06-15 18:00:00']],
  ])('are those of the clock in %s, of %i minutes', (timeZone, blockMinutes, wall, local) => {
    const { block } = statusOf(demand({ timeZone, blockMinutes }), at(wall))
    const text = (instant: number): string =>
      new Date(instant * 1000).toLocaleString('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' })
    expect([text(block.from), text(block.to)]).toEqual(local)
  })

  test.each([
    ['Europe/Berlin', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z', 100],
    ['Europe/Berlin', '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z', 92],
    ['America/New_York', '2026-11-01T04:00:00Z', '2026-11-02T05:00:00Z', 100],
    ['Asia/Kathmandu', '2026-10-24T18:15:00Z', '2026-10-25T18:15:00Z', 96],
  ])('in %s from %s to %s are %#', (timeZone, from, to, count) => {
    const some = demand({ timeZone })
    const starts = new Set<number>()
    for (let wall = at(from) + 60; wall < at(to); wall += 300) starts.add(statusOf(some, wall).block.from)
    expect(starts.size).toBe(count)
  })

  test('in which clocks change are cut, and have the mean of what is left of them', () => {
    // Chatham goes from 2:45 to 3:45 on 27 September 2026, in the midst of a block of 30 minutes
    const some = demand({ timeZone: 'Pacific/Chatham', blockMinutes: 30 })
    const change = at('2026-09-26T14:00:00Z')
    draw(some, 1000, change - 900 - 1800, change + 900 + 1800, 7)
    const cut = statusOf(some, change - 1)
    expect(cut.block).toEqual(span(change - 900, change))
    expect(cut.last?.watts).toBeCloseTo(1000, 6)
    const after = statusOf(some, change + 1)
    expect(after.block).toEqual(span(change, change + 900)) // 3:45 to 4:00
    expect(after.last).toEqual({
      block: span(change - 900, change),
      watts: 1000,
      observedRatio: expect.closeTo(1, 9),
    })
    expect(statusOf(some, change + 900 + 1).block).toEqual(span(change + 900, change + 2700))
  })
})

describe('the peak', () => {
  test('is the highest block since the billing day', () => {
    const some = demand({ billingDay: 15, timeZone: 'Europe/Berlin' })
    const start = at('2026-06-14T22:00:00Z') // 15 June in Berlin
    draw(some, 9000, start - 900, start, 60)
    draw(some, 2000, start, start + 900, 60)
    draw(some, 5000, start + 900, start + 1800, 60)
    draw(some, 3000, start + 1800, start + 2700, 60)
    expect(statusOf(some, start - 1).peak?.watts).toBe(9000)
    const status = statusOf(some, start + 2700)
    expect(status.period).toEqual(span('2026-06-14T22:00:00Z', '2026-07-14T22:00:00Z'))
    expect(status.peak).toEqual({ block: span(start + 900, start + 1800), watts: 5000, observedRatio: 1 })
    expect(status.last?.watts).toBe(3000)
  })

  test('does not have the running block', () => {
    const some = demand({})
    draw(some, 100, NOON - 900, NOON, 60)
    draw(some, 9000, NOON, NOON + 800, 60)
    expect(statusOf(some, NOON + 800).peak?.watts).toBe(100)
  })

  test('is weighed before it is forgotten, as when the exporter was down right after it', () => {
    const some = demand({})
    draw(some, 9000, NOON, NOON + 840, 60)
    some.see(meters({ node: 7200 * 100e6 }), span(NOON + 840, NOON + 840 + 7200))
    expect(statusOf(some, NOON + 8040).peak?.block.from).toBe(NOON)
    expect(statusOf(some, NOON + 8040).peak?.watts).toBeCloseTo((9000 * 14 + 100) / 15, 6)
  })

  test('keeps the first of two that are equal', () => {
    const some = demand({})
    draw(some, 100, NOON, NOON + 2700, 60)
    expect(statusOf(some, NOON + 2700).peak?.block.from).toBe(NOON)
  })
})

describe('a meter', () => {
  test('that is read less often than we tick is observed all the same', () => {
    const some = demand({})
    draw(some, 1000, NOON, NOON + 10, 1)
    for (let wall = NOON + 10; wall < NOON + 1860; wall += 1) {
      const isRead = (wall - NOON) % 60 === 49
      some.see(
        isRead ? meters({ node: (wall === NOON + 49 ? 40 : 60) * 1000e6 }) : noMeters,
        span(wall, wall + 1),
      )
    }
    const { last } = statusOf(some, NOON + 1860)
    expect(last?.watts).toBeCloseTo(1000, 6)
    expect(last?.observedRatio).toBeCloseTo(1, 9)
  })

  test('that was gone for long spent evenly what it brings, and that is not observed', () => {
    const some = demand({})
    draw(some, 1000, NOON, NOON + 60)
    for (let wall = NOON + 60; wall < NOON + 3600; wall += 10) some.see(noMeters, span(wall, wall + 10))
    some.see(meters({ node: 3550e6 * 200 }), span(NOON + 3600, NOON + 3610))
    const { last } = statusOf(some, NOON + 3610)
    expect(last?.watts).toBeCloseTo(200, 6) // and not all of it in one block, which would be a peak that never was
    expect(last?.observedRatio).toBe(0)
  })

  test('that went silent has no block after the one it went silent in', () => {
    const some = demand({})
    draw(some, 1000, NOON, NOON + 450)
    for (let wall = NOON + 450; wall < NOON + 1000; wall += 10) some.see(noMeters, span(wall, wall + 10))
    const status = statusOf(some, NOON + 1000)
    expect(status.currentWatts).toBeUndefined()
    expect(status.last).toEqual({ block: span(NOON, NOON + 900), watts: 500, observedRatio: 0.5 })
    expect(status.peak?.watts).toBe(500)
  })

  test('of another rule is another', () => {
    const some = demand({ meter: 'node' }, { meter: 'pdu', blockMinutes: 30 })
    some.see(meters({ node: 60e6, pdu: 120e6 }), span(NOON, NOON + 60))
    expect(some.statuses(seconds(NOON + 60)).map(({ currentWatts }) => currentWatts)).toEqual([1, 2])
  })
})

describe('a clock that is set', () => {
  test('back within a block makes no higher mean', () => {
    const some = demand({})
    draw(some, 1000, NOON, NOON + 600)
    draw(some, 1000, NOON + 300, NOON + 1000) // back by 5 minutes
    expect(statusOf(some, NOON + 1000).last?.watts).toBeCloseTo(1000, 6)
    expect(statusOf(some, NOON + 1000).last?.observedRatio).toBe(1)
    expect(statusOf(some, NOON + 400).currentWatts).toBeCloseTo(1000, 6)
  })

  test('back over the edge of a block goes on with the block before', () => {
    const some = demand({})
    draw(some, 1000, NOON, NOON + 905)
    some.see(meters({ node: 1000e6 }), span(NOON + 905, NOON + 890))
    draw(some, 1000, NOON + 890, NOON + 910)
    const { last, peak } = statusOf(some, NOON + 910)
    expect(last?.watts).toBeCloseTo(911_000 / 910, 6) // the tick in which it was set has no length
    expect(peak).toEqual(last)
  })

  test('by years leaves no block of years', () => {
    const some = demand({})
    some.see(meters({ node: 5e6 }), span(5, 6))
    some.see(meters({ node: 7e6 }), span(6, NOON))
    expect(statusOf(some, NOON + 1).currentWatts).toBe(7)
    expect(some.state().meters[0]?.blocks).toHaveLength(2)
  })
})

describe('a reload', () => {
  const drawn = (): Demand => {
    const some = demand({})
    draw(some, 1000, NOON, NOON + 1000, 10)
    return some
  }

  test('of the limit keeps all', () => {
    const some = drawn()
    some.reconfigure([demandRule({ limit: watts(1) })])
    expect(statusOf(some, NOON + 1000)).toMatchObject({ peak: { watts: 1000 }, rule: { limit: 1 } })
  })

  test.each<[string, Partial<DemandRule>]>([
    ['the meter', { meter: 'pdu' }],
    ['the length', { blockMinutes: 30 }],
    ['the billing day', { billingDay: 2 }],
    ['the zone', { timeZone: 'Europe/Berlin' }],
  ])('of %s begins anew, and goes on when it is taken back', (_, change) => {
    const some = drawn()
    some.reconfigure([demandRule(change)])
    expect(statusOf(some, NOON + 1000).peak).toBeUndefined()
    some.reconfigure([demandRule()])
    expect(statusOf(some, NOON + 1000).peak?.watts).toBe(1000)
  })
})

describe('what is saved', () => {
  const rules = [
    demandRule({ timeZone: 'Europe/Berlin', billingDay: 25 }),
    demandRule({ meter: 'pdu', blockMinutes: 30, timeZone: 'Pacific/Chatham' }),
  ]
  const readingAt = (step: number): ReturnType<typeof meters> =>
    step % 5 === 0 ? meters({ node: 1_000_003 * step, pdu: 7_000_001 }) : meters({ node: 999_999 * step })

  test('and restored at every step changes nothing', () => {
    let restarted = new Demand(rules)
    const steady = new Demand(rules)
    let wall = at('2026-10-24T21:00:00Z')
    for (let step = 0; step < 200; step += 1) {
      const next = seconds(wall + 97.3)
      for (const some of [steady, restarted]) some.see(readingAt(step), { from: wall, to: next })
      wall = next
      const after = new Demand(rules)
      after.restore(throughJson(restarted.state()))
      restarted = after
      expect(restarted.statuses(wall)).toEqual(steady.statuses(wall))
    }
    expect(restarted.state()).toEqual(steady.state())
  })

  const saved = (change: object): unknown => ({
    version: 1,
    meters: [{ ...demand({}).state().meters[0], ...change }],
  })
  const block = { from: 0, to: 900, joules: '1.000000', observedSeconds: 900 }

  test.each<[unknown, string]>([
    ['x', 'the saved demand cannot be used: it should be a mapping'],
    [{ version: 9 }, 'the saved demand is of another version'],
    [saved({ meter: 1 }), 'the saved meter cannot be used: it should be text'],
    [saved({ blockMinutes: '15' }), 'the saved length of blocks cannot be used: it should be a number'],
    [saved({ blocks: [1] }), 'the saved block of a meter cannot be used: it should be a mapping'],
    [
      saved({ blocks: [{ ...block, joules: 1 }] }),
      'the saved energy of a block cannot be used: it should be decimal joules with six digits',
    ],
    [saved({ peaks: [block] }), 'the saved period of a peak cannot be used: it should be a number'],
    [saved({ recent: null }), 'the saved recent use cannot be used: it should be a list'],
  ])('and does not fit is refused, and changes nothing: %j', (state, sentence) => {
    const some = demand({})
    draw(some, 1000, NOON, NOON + 10)
    const before = some.state()
    expect(() => some.restore(state)).toThrow(new StateError(sentence))
    expect(some.state()).toEqual(before)
  })
})

test('without a meter nothing is done', () => {
  const some = demand()
  some.see(meters({ node: 1 }), span(NOON, NOON + 1))
  expect(some.statuses(NOON)).toEqual([])
})
