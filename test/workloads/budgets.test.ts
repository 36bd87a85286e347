import { describe, expect, test } from '@jest/globals'
import type { Booking, Boundary, BudgetMatch, BudgetPeriod, BudgetRule } from '../../exporter/src/model.ts'
import { microjoules, seconds } from '../../exporter/src/units.ts'
import { Budgets, StateError, type BudgetStatus } from '../../exporter/src/workloads/budgets.ts'
import {
  at,
  budgetRule,
  facts,
  meters,
  noMeters,
  span,
  throughJson,
  toNobody,
  toWorkload,
  wasDown,
} from './bookings.ts'

const NODE = 'gpu-07'
const NOON = at('2026-06-15T12:00:00Z')
const SECOND = span(NOON, NOON + 1)

const budgets = (...rules: readonly Partial<BudgetRule>[]): Budgets =>
  new Budgets(rules.map(budgetRule), NODE)

function statusOf(some: Budgets, wall: number, index = 0): BudgetStatus {
  const status = some.statuses(seconds(wall))[index]
  if (status === undefined) throw new Error('no such budget')
  return status
}

const used = (some: Budgets, wall: number, index = 0): string => statusOf(some, wall, index).used.toString()

/** What a budget of one rule counts of bookings, in joules. */
function counted(rule: Partial<BudgetRule>, ...bookings: readonly Booking[]): string {
  const some = budgets(rule)
  some.book(bookings, noMeters, SECOND)
  return used(some, NOON + 1)
}

describe('what is counted', () => {
  const everyPart = [
    toWorkload(1, 'accelerator'),
    toWorkload(20, 'host'),
    toNobody(300, 'idle'),
    toNobody(4000, 'overhead', 'no_activity'),
  ]

  test.each<[Boundary, string]>([
    ['accelerator', '0.000001'],
    ['host', '0.000021'],
    ['provisioned', '0.000321'],
    ['facility', '0.004321'],
  ])('parts up to the boundary %s', (boundary, joules) => {
    expect(counted({ boundary }, ...everyPart)).toBe(joules)
  })

  test('a factor makes the facility of what is IT, on top of overhead that was booked', () => {
    // by hand: 4000 + 321 × 1.4 = 4449.4, rounded down to whole microjoules once, when it is shown
    expect(counted({ boundary: 'facility', facilityFactor: 1.4 }, ...everyPart)).toBe('0.004449')
    const some = budgets({ boundary: 'facility', facilityFactor: 1.4 })
    for (let tick = 0; tick < 5; tick += 1) some.book([toWorkload(1)], noMeters, SECOND)
    expect(used(some, NOON)).toBe('0.000007')
  })

  test('adds up over ticks, part by part', () => {
    const some = budgets({})
    for (let tick = 0; tick < 3; tick += 1) some.book(everyPart, noMeters, SECOND)
    expect(used(some, NOON)).toBe('0.012963')
  })

  test('stays exact where a double would not be', () => {
    const some = budgets({})
    const most = Number.MAX_SAFE_INTEGER
    for (let tick = 0; tick < 3; tick += 1) some.book([toWorkload(most), toNobody(most)], noMeters, SECOND)
    expect(used(some, NOON)).toBe('54043195528.445946')
  })

  test.each<[string, BudgetMatch, boolean]>([
    ['no condition', {}, true],
    ['the workload', { workload: 'train-resnet' }, true],
    ['another workload', { workload: 'train' }, false],
    ['a beginning', { workload: 'train-*' }, true],
    ['an end', { workload: '*-resnet' }, true],
    ['a middle', { workload: 'tr*res*t' }, true],
    ['anything', { workload: '*' }, true],
    ['a dot that is a dot', { workload: 'train.resnet' }, false],
    ['a star that may be empty', { workload: 'train-resnet*' }, true],
    ['the namespace', { namespace: 'ml' }, true],
    ['no namespace', { namespace: '' }, false],
    ['the kind', { kind: 'training' }, true],
    ['another kind', { kind: 'inference' }, false],
    ['the user', { user: 'alice' }, true],
    ['another user', { user: 'bob' }, false],
    ['the account', { account: 'phys*' }, true],
    ['another account', { account: 'chem*' }, false],
    ['a pod label', { podLabels: { team: 'v*' } }, true],
    ['another value', { podLabels: { team: 'nlp' } }, false],
    ['one label of two', { podLabels: { team: 'vision', tier: '*' } }, false],
    ['a label that every object has', { podLabels: { constructor: '*' } }, false],
    ['all at once', { workload: 'train-*', namespace: 'ml', user: 'alice', podLabels: { team: '*' } }, true],
    ['all but one', { workload: 'train-*', namespace: 'ml', user: 'bob', podLabels: { team: '*' } }, false],
    ['this node', { node: 'gpu-*' }, true],
  ])('chosen by %s', (_, match, isCounted) => {
    const booking = toWorkload(7, 'host', facts({ podLabels: { team: 'vision' } }))
    expect(counted({ match }, booking)).toBe(isCounted ? '0.000007' : '0.000000')
  })

  test('a star stands for a line break, too, and other signs for themselves', () => {
    const odd = facts({ workload: 'a\n(b)[c]{d}+e?^$|\\f' })
    expect(counted({ match: { workload: 'a*(b)[c]{d}+e?^$|\\f' } }, toWorkload(7, 'host', odd))).toBe(
      '0.000007',
    )
  })

  test('what belongs to nobody counts where nothing asks for a workload', () => {
    expect(counted({ match: { node: NODE } }, toNobody(5))).toBe('0.000005')
    expect(counted({ match: { workload: '*' } }, toNobody(5))).toBe('0.000000')
  })

  test('a budget of other nodes is not there', () => {
    const some = budgets({ name: 'a', match: { node: 'cpu-*' } }, { name: 'b' })
    some.book([toWorkload(1)], noMeters, SECOND)
    expect(some.statuses(NOON).map(({ rule }) => rule.name)).toEqual(['b'])
  })

  test('many budgets each count their own', () => {
    const some = budgets(
      { name: 'a', match: { user: 'alice' } },
      { name: 'b', match: { user: 'bob' } },
      { name: 'all' },
    )
    const bob = facts({ user: 'bob' })
    for (let tick = 0; tick < 2; tick += 1)
      some.book([toWorkload(1), toWorkload(20, 'host', bob), toNobody(300)], noMeters, SECOND)
    expect([0, 1, 2].map((index) => used(some, NOON, index))).toEqual(['0.000002', '0.000040', '0.000642'])
  })

  test('a workload is matched once, not every tick', () => {
    let looks = 0
    const watched = new Proxy(facts(), {
      get: (target, key) => {
        looks += 1
        return Reflect.get(target, key) as unknown
      },
    })
    const some = budgets({ match: { workload: 'train-*' } })
    for (let tick = 0; tick < 10; tick += 1) some.book([toWorkload(1, 'host', watched)], noMeters, SECOND)
    expect(used(some, NOON)).toBe('0.000010')
    expect(looks).toBe(1)
  })
})

describe('a meter', () => {
  const rule = budgetRule({ boundary: 'facility', meter: 'pdu' })

  test('is counted instead of what was booked', () => {
    const some = new Budgets([rule], NODE)
    some.book([toWorkload(1)], meters({ pdu: 500, node: 1 }), SECOND)
    expect(used(some, NOON)).toBe('0.000500')
  })

  test('that is read less often than we tick spent evenly what it brings', () => {
    const some = new Budgets([rule], NODE)
    const midnight = at('2026-06-16T00:00:00Z')
    some.book([], meters({ pdu: 9 }), span(midnight - 7, midnight - 6))
    for (let tick = -6; tick < 3; tick += 1)
      some.book([], noMeters, span(midnight + tick, midnight + tick + 1))
    some.book([], meters({ pdu: 1000 }), span(midnight + 3, midnight + 4))
    // by hand: 10 s since the last reading, 6 of them before midnight
    expect(used(some, midnight - 1)).toBe('0.000609')
    expect(used(some, midnight)).toBe('0.000400')
  })

  test('that was never read before spent its first reading now', () => {
    const some = new Budgets([rule], NODE)
    const midnight = at('2026-06-16T00:00:00Z')
    some.book([], noMeters, span(midnight - 100, midnight))
    some.book([], meters({ pdu: 1000 }), span(midnight, midnight + 1))
    expect(used(some, midnight - 1)).toBe('0.000000')
    expect(used(some, midnight)).toBe('0.001000')
    expect(statusOf(some, midnight).observedSince).toBe(midnight)
  })
})

/** 1 W, as one booking of each hour, as if the exporter had been down all the time. */
function oneWatt(some: Budgets, from: number, to: number): void {
  for (let hour = from; hour < to; hour += 3600) {
    const length = Math.min(3600, to - hour)
    some.book([toNobody(length * 1e6, 'idle', 'exporter_down')], noMeters, span(hour, hour + length))
  }
}

describe('periods', () => {
  const BERLIN = 'Europe/Berlin'
  const NEW_YORK = 'America/New_York'
  const KATHMANDU = 'Asia/Kathmandu'
  const day: BudgetPeriod = { kind: 'day' }
  const week: BudgetPeriod = { kind: 'week' }
  const month = (billingDay: number): BudgetPeriod => ({ kind: 'month', billingDay })

  // what 1 W uses in a whole period is its seconds
  test.each<[string, BudgetPeriod, string, string, string, number]>([
    ['a day of 23 hours', day, BERLIN, '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z', 82_800],
    ['a day of 25 hours', day, BERLIN, '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z', 90_000],
    ['a day of 23 hours', day, NEW_YORK, '2026-03-08T05:00:00Z', '2026-03-09T04:00:00Z', 82_800],
    ['a day of 25 hours', day, NEW_YORK, '2026-11-01T04:00:00Z', '2026-11-02T05:00:00Z', 90_000],
    ['a day at UTC+5:45', day, KATHMANDU, '2026-03-28T18:15:00Z', '2026-03-29T18:15:00Z', 86_400],
    ['29 February', day, BERLIN, '2028-02-28T23:00:00Z', '2028-02-29T23:00:00Z', 86_400],
    ['29 February', day, NEW_YORK, '2028-02-29T05:00:00Z', '2028-03-01T05:00:00Z', 86_400],
    [
      'a week over the change of clocks',
      week,
      BERLIN,
      '2026-10-18T22:00:00Z',
      '2026-10-25T23:00:00Z',
      608_400,
    ],
    [
      'a week over the change of clocks',
      week,
      NEW_YORK,
      '2026-03-02T05:00:00Z',
      '2026-03-09T04:00:00Z',
      601_200,
    ],
    ['a leap February', month(1), KATHMANDU, '2028-01-31T18:15:00Z', '2028-02-29T18:15:00Z', 29 * 86_400],
    ['October', month(1), BERLIN, '2026-09-30T22:00:00Z', '2026-10-31T23:00:00Z', 31 * 86_400 + 3600],
    [
      'from the 15th over a year’s end',
      month(15),
      NEW_YORK,
      '2026-12-15T05:00:00Z',
      '2027-01-15T05:00:00Z',
      31 * 86_400,
    ],
    [
      'billing day 31, from 31 January',
      month(31),
      BERLIN,
      '2027-01-30T23:00:00Z',
      '2027-02-27T23:00:00Z',
      28 * 86_400,
    ],
    [
      'billing day 31, from 28 February',
      month(31),
      BERLIN,
      '2027-02-27T23:00:00Z',
      '2027-03-30T22:00:00Z',
      31 * 86_400 - 3600,
    ],
    [
      'billing day 31, from 29 February',
      month(31),
      NEW_YORK,
      '2028-02-29T05:00:00Z',
      '2028-03-31T04:00:00Z',
      31 * 86_400 - 3600,
    ],
    [
      'billing day 31, from 30 April',
      month(31),
      KATHMANDU,
      '2026-04-29T18:15:00Z',
      '2026-05-30T18:15:00Z',
      31 * 86_400,
    ],
    [
      'fixed dates, the last included',
      { kind: 'dates', from: '2026-10-01', to: '2026-12-31' },
      BERLIN,
      '2026-09-30T22:00:00Z',
      '2026-12-31T23:00:00Z',
      92 * 86_400 + 3600,
    ],
    [
      'one fixed leap day',
      { kind: 'dates', from: '2028-02-29', to: '2028-02-29' },
      KATHMANDU,
      '2028-02-28T18:15:00Z',
      '2028-02-29T18:15:00Z',
      86_400,
    ],
  ])('%s', (_, period, timeZone, from, to, joules) => {
    const some = budgets({ period, timeZone })
    const [start, end] = [at(from), at(to)]
    oneWatt(some, start - 7000, end + 7000) // the bookings do not end where the period does
    for (const wall of [start, (start + end) / 2, end - 1]) {
      expect(statusOf(some, wall).period).toEqual({ from: start, to: end })
      expect(used(some, wall)).toBe(`${joules}.000000`)
    }
    const [before, after] = [statusOf(some, start - 1), statusOf(some, end)]
    if (period.kind === 'dates') {
      expect([before.phase, after.phase]).toEqual(['not-begun', 'over'])
      expect([before.used.toString(), after.used.toString()]).toEqual([
        `${joules}.000000`,
        `${joules}.000000`,
      ])
    } else {
      expect([before.period.to, after.period.from]).toEqual([start, end])
      expect([before.used.toString(), after.used.toString()]).toEqual(['7000.000000', '7000.000000'])
    }
  })

  test('a tick across midnight is split by time', () => {
    const some = budgets({ timeZone: KATHMANDU })
    const midnight = at('2026-06-15T18:15:00Z')
    some.book([toWorkload(1_000_001)], noMeters, span(midnight - 0.25, midnight + 0.75))
    expect(used(some, midnight - 1)).toBe('0.250000')
    expect(used(some, midnight)).toBe('0.750001')
  })

  test('so is a night in which the exporter was down', () => {
    const some = budgets({ timeZone: BERLIN })
    some.book(
      [toNobody(10_000_000, 'idle', 'exporter_down')],
      noMeters,
      span('2026-06-15T19:00:00Z', '2026-06-16T05:00:00Z'),
    )
    expect(used(some, at('2026-06-15T19:00:00Z'))).toBe('3.000000') // 3 of 10 hours until midnight in Berlin
    expect(used(some, at('2026-06-16T05:00:00Z'))).toBe('7.000000')
  })

  test('a night of which nothing is known has none of the first tick after it', () => {
    const some = budgets({})
    const midnight = at('2026-06-15T00:00:00Z')
    for (let second = -3600; second < 0; second += 60)
      some.book([toWorkload(60e6)], noMeters, span(midnight + second, midnight + second + 60))
    some.book([toWorkload(1e6)], noMeters, span(midnight, midnight + 8 * 3600))
    expect(used(some, midnight - 1)).toBe('3600.000000')
    const status = statusOf(some, midnight + 8 * 3600)
    expect([status.used.toString(), status.observedSince]).toEqual(['1.000000', midnight + 8 * 3600])
    // and the projection goes on with the power that is known, not with a night of nothing
    expect(status.projectedJoules).toBeCloseTo(1 + (3601 / 3600) * 16 * 3600, 6)
  })

  test('a night says nothing of a workload: what was spent in it belongs to nobody', () => {
    const some = budgets({ name: 'all' }, { name: 'alice', match: { user: 'alice' } })
    const midnight = at('2026-06-15T00:00:00Z')
    for (let second = -3600; second < 0; second += 60)
      some.book([toWorkload(60e6)], noMeters, span(midnight + second, midnight + second + 60))
    const night = [toNobody(7 * 3600e6, 'idle', 'exporter_down'), toWorkload(1e6)]
    some.book(night, noMeters, span(midnight, midnight + 8 * 3600))
    const [all, alice] = some.statuses(seconds(midnight + 8 * 3600))
    expect(all?.projectedJoules).toBeCloseTo(7 * 3600 + 1 + ((8 * 3600 + 1) / 9 / 3600) * 16 * 3600, 6)
    expect(alice?.projectedJoules).toBeCloseTo(1 + (3601 / 3600) * 16 * 3600, 6)
  })

  test('a holiday of many days leaves each day its part', () => {
    const some = budgets({})
    some.book(
      [toNobody(86_400_000_000 * 20, 'idle', 'exporter_down')],
      noMeters,
      span('2026-06-01T00:00:00Z', '2026-06-21T00:00:00Z'),
    )
    for (const date of ['2026-06-14', '2026-06-20'])
      expect(used(some, at(`${date}T12:00:00Z`))).toBe('86400.000000')
  })

  test('before and after fixed dates nothing is counted, and it says so', () => {
    const some = budgets({ period: { kind: 'dates', from: '2026-06-15', to: '2026-06-15' } })
    const [start, end] = [at('2026-06-15T00:00:00Z'), at('2026-06-16T00:00:00Z')]
    some.book([toWorkload(5_000_000)], noMeters, span(start - 10, start - 9))
    expect(statusOf(some, start - 9)).toMatchObject({
      phase: 'not-begun',
      elapsedRatio: 0,
      observedSince: undefined,
      projectedJoules: undefined,
    })
    some.book([toWorkload(3_000_000)], noMeters, span(start - 1, start + 2)) // 2 of 3 J within
    some.book([toWorkload(4_000_000)], noMeters, span(end - 1, end + 3)) // 1 of 4 J within
    expect(used(some, end)).toBe('3.000000')
    expect(statusOf(some, end + 3)).toMatchObject({ phase: 'over', elapsedRatio: 1, projectedJoules: 3 })
  })

  test('a status says how much of the period is over and from when on it is known', () => {
    const some = budgets({})
    some.book([], noMeters, span(NOON, NOON + 1))
    some.book([], noMeters, span(NOON + 1, NOON + 2))
    expect(statusOf(some, NOON)).toMatchObject({ elapsedRatio: 0.5, observedSince: NOON, phase: 'running' })
    const midnight = at('2026-06-16T00:00:00Z')
    some.book([], noMeters, span(midnight - 1, midnight + 1))
    expect(statusOf(some, midnight).observedSince).toBe(midnight)
  })
})

describe('the projection', () => {
  const watts = (some: Budgets, power: number, from: number, to: number): void => {
    for (let minute = from; minute < to; minute += 60)
      some.book([toWorkload(power * 60e6)], noMeters, span(minute, minute + 60))
  }
  const midnight = at('2026-06-15T00:00:00Z')
  const HOUR = 3600

  test('goes on with the mean of what is known in the first day', () => {
    const some = budgets({})
    expect(statusOf(some, midnight).projectedJoules).toBeUndefined()
    watts(some, 100, midnight, midnight + HOUR)
    watts(some, 300, midnight + HOUR, midnight + 2 * HOUR)
    // 400 Wh in two hours, and 22 hours of 200 W
    expect(statusOf(some, midnight + 2 * HOUR).projectedJoules).toBeCloseTo((400 + 22 * 200) * HOUR, 3)
  })

  test('begins a period with the power of the day before', () => {
    const some = budgets({})
    watts(some, 100, midnight - 24 * HOUR, midnight + 60)
    expect(statusOf(some, midnight + 60).projectedJoules).toBeCloseTo(100 * 24 * HOUR, 3)
  })

  test('forgets what is longer ago than a day', () => {
    const some = budgets({ period: { kind: 'month', billingDay: 1 } })
    watts(some, 1000, midnight, midnight + 24 * HOUR)
    watts(some, 10, midnight + 24 * HOUR, midnight + 48 * HOUR)
    const left = at('2026-07-01T00:00:00Z') - (midnight + 48 * HOUR)
    expect(statusOf(some, midnight + 48 * HOUR).projectedJoules).toBeCloseTo(1010 * 24 * HOUR + 10 * left, 3)
  })

  test('is not known any more after a day without a look', () => {
    const some = budgets({ period: { kind: 'week' } })
    watts(some, 100, midnight, midnight + HOUR)
    expect(statusOf(some, midnight + 30 * HOUR).projectedJoules).toBeUndefined()
  })

  test('has the factor on IT and the overhead as it is', () => {
    const some = budgets({ facilityFactor: 1.5 })
    some.book(
      [wasDown, toWorkload(3600e6), toNobody(360e6, 'overhead')],
      noMeters,
      span(midnight, midnight + HOUR),
    )
    // 1 W × 1.5 + 0.1 W, all day
    expect(statusOf(some, midnight + HOUR).projectedJoules).toBeCloseTo(1.6 * 24 * HOUR, 6)
  })

  test('is what was used once the period is over to the second', () => {
    const some = budgets({ period: { kind: 'dates', from: '2026-06-15', to: '2026-06-15' } })
    watts(some, 7, midnight, midnight + 24 * HOUR)
    expect(statusOf(some, midnight + 24 * HOUR).projectedJoules).toBe(7 * 24 * HOUR)
  })
})

describe('a clock that is set', () => {
  test('from 1970 to now loses nothing, whichever span it leaves', () => {
    const some = budgets({ period: { kind: 'month', billingDay: 1 } })
    some.book([toWorkload(1)], noMeters, span(5, 6))
    some.book([toWorkload(20)], noMeters, span(6, NOON)) // the second in which it was set
    some.book([toWorkload(300)], noMeters, span(NOON, NOON + 1))
    expect(used(some, NOON)).toBe('0.000320')
    expect(used(some, 6)).toBe('0.000001')
  })

  test('back goes on with what was used in the period it comes back to', () => {
    const some = budgets({})
    const midnight = at('2026-06-16T00:00:00Z')
    some.book([toWorkload(1)], noMeters, span(midnight - 10, midnight - 9))
    some.book([toWorkload(20)], noMeters, span(midnight + 10, midnight + 11))
    some.book([toWorkload(300)], noMeters, span(midnight + 11, midnight - 5))
    some.book([toWorkload(4000)], noMeters, span(midnight - 5, midnight - 4))
    some.book([toWorkload(50_000)], noMeters, span(midnight + 10, midnight + 11))
    expect(used(some, midnight - 4)).toBe('0.004301')
    expect(used(some, midnight + 11)).toBe('0.050020')
    expect(statusOf(some, midnight).observedSince).toBe(midnight + 10)
  })

  test('far ahead and back keeps the use of the true month', () => {
    const some = budgets({ period: { kind: 'month', billingDay: 1 } })
    some.book([toWorkload(1)], noMeters, SECOND)
    for (let year = 2030; year < 2037; year += 1)
      some.book([toWorkload(1)], noMeters, span(`${year}-01-01T00:00:00Z`, `${year}-01-01T00:00:01Z`))
    some.book([toWorkload(1)], noMeters, SECOND)
    expect(used(some, NOON)).toBe('0.000002')
  })
})

describe('a clock that wanders', () => {
  test('and comes back each time keeps the use of the true month', () => {
    const some = budgets({ period: { kind: 'month', billingDay: 1 } })
    for (let year = 2030; year < 2045; year += 1) {
      some.book([toWorkload(1)], noMeters, SECOND)
      some.book([toWorkload(1)], noMeters, span(`${year}-01-01T00:00:00Z`, `${year}-01-01T00:00:01Z`))
    }
    expect(used(some, NOON)).toBe('0.000015')
    expect(some.state().budgets[0]?.periods).toHaveLength(8)
  })

  test('leaves no power of the future in the projection', () => {
    const some = budgets({})
    some.book([wasDown, toWorkload(3600e6 * 1000)], noMeters, span(NOON + 3600, NOON + 7200))
    some.book([toWorkload(1e6)], noMeters, SECOND)
    const left = at('2026-06-16T00:00:00Z') - (NOON + 1)
    expect(statusOf(some, NOON + 1).projectedJoules).toBeCloseTo(3_600_001 + left, 6)
  })
})

describe('a reload', () => {
  const counting = (): Budgets => {
    const some = budgets({})
    some.book([toWorkload(10)], noMeters, SECOND)
    return some
  }

  test.each<[string, Partial<BudgetRule>]>([
    ['the limit', { limitJoules: 1 }],
    ['the scope', { scope: 'cluster' }],
    ['nothing', {}],
  ])('of %s keeps the use', (_, change) => {
    const some = counting()
    some.reconfigure([budgetRule(change)], NODE)
    some.book([toWorkload(10)], noMeters, SECOND)
    expect(used(some, NOON)).toBe('0.000020')
    expect(statusOf(some, NOON).rule).toEqual(budgetRule(change))
  })

  test('of the factor holds for the whole period', () => {
    const some = counting()
    some.reconfigure([budgetRule({ facilityFactor: 1.5 })], NODE)
    expect(used(some, NOON)).toBe('0.000015')
  })

  test.each<[string, Partial<BudgetRule>]>([
    ['the name', { name: 'c' }],
    ['the matcher', { match: { user: 'alice' } }],
    ['a pod label', { match: { podLabels: { a: 'b' } } }],
    ['the boundary', { boundary: 'host' }],
    ['the meter', { meter: 'pdu' }],
    ['the period', { period: { kind: 'month', billingDay: 1 } }],
    ['the zone', { timeZone: 'Europe/Berlin' }],
  ])('of %s begins at 0, and goes on when it is taken back', (_, change) => {
    const some = counting()
    some.reconfigure([budgetRule(change)], NODE)
    expect(used(some, NOON)).toBe('0.000000')
    some.book([toWorkload(10)], noMeters, SECOND)
    some.reconfigure([budgetRule()], NODE)
    some.book([toWorkload(1)], noMeters, SECOND)
    expect(used(some, NOON)).toBe('0.000011')
  })

  test('knows a zone by all its names, and labels in any order', () => {
    const some = budgets({ timeZone: 'Asia/Katmandu', match: { podLabels: { a: 'x', b: 'y' } } })
    const labelled = facts({ podLabels: { a: 'x', b: 'y' } })
    some.book([toWorkload(10, 'host', labelled)], noMeters, SECOND)
    some.reconfigure(
      [budgetRule({ timeZone: 'Asia/Kathmandu', match: { podLabels: { b: 'y', a: 'x' } } })],
      NODE,
    )
    expect(used(some, NOON)).toBe('0.000010')
  })

  test('of the node’s name brings its budgets in and out', () => {
    const some = budgets({ match: { node: 'gpu-*' } })
    some.book([toWorkload(10)], noMeters, SECOND)
    some.reconfigure([budgetRule({ match: { node: 'gpu-*' } })], 'cpu-1')
    some.book([toWorkload(10)], noMeters, SECOND)
    expect(some.statuses(NOON)).toEqual([])
    some.reconfigure([budgetRule({ match: { node: 'gpu-*' } })], NODE)
    expect(used(some, NOON)).toBe('0.000010')
  })

  test('that looks again at workloads it knew', () => {
    const known = facts()
    const some = budgets({ match: { user: 'bob' } })
    some.book([toWorkload(1, 'host', known)], noMeters, SECOND)
    some.reconfigure([budgetRule({ match: { user: 'alice' } })], NODE)
    some.book([toWorkload(20, 'host', known)], noMeters, SECOND)
    expect(used(some, NOON)).toBe('0.000020')
  })

  test('never forgets one in force', () => {
    const some = counting()
    for (let change = 0; change < 80; change += 1)
      some.reconfigure([budgetRule(), budgetRule({ name: `b${change}` })], NODE)
    const after = new Budgets([budgetRule()], NODE)
    after.restore(throughJson(some.state()))
    expect(used(after, NOON)).toBe('0.000010')
  })

  test('remembers only so many that are gone', () => {
    const some = counting()
    for (let change = 0; change < 40; change += 1) {
      some.reconfigure([budgetRule({ name: `b${change}` })], NODE)
      some.book([toWorkload(1)], noMeters, SECOND)
    }
    expect(some.state().budgets).toHaveLength(33)
    some.reconfigure([budgetRule()], NODE)
    expect(used(some, NOON)).toBe('0.000000')
  })
})

describe('what is saved', () => {
  const rules = [
    budgetRule({ name: 'month', period: { kind: 'month', billingDay: 31 }, timeZone: 'Europe/Berlin' }),
    budgetRule({ name: 'facility', facilityFactor: 1.37, timeZone: 'Asia/Kathmandu' }),
    budgetRule({ name: 'meter', meter: 'pdu', period: { kind: 'week' } }),
    budgetRule({
      name: 'alice',
      match: { user: 'alice' },
      boundary: 'accelerator',
      timeZone: 'America/New_York',
    }),
    budgetRule({ name: 'dates', period: { kind: 'dates', from: '2026-10-25', to: '2026-10-25' } }),
  ]

  test('and restored at every step changes nothing', () => {
    let restarted = new Budgets(rules, NODE)
    const steady = new Budgets(rules, NODE)
    let wall = at('2026-10-24T20:00:00Z')
    for (let step = 0; step < 150; step += 1) {
      const next = seconds(wall + 977.3) // through the change of clocks and midnights of all zones
      const bookings = [
        toWorkload(1_234_567 * (step + 1), 'accelerator'),
        toNobody(7 * step, 'idle', 'exporter_down'),
        toNobody(333, 'overhead'),
      ]
      const reading = step % 4 === 0 ? meters({ pdu: 1_000_003 }) : noMeters
      for (const some of [steady, restarted]) some.book(bookings, reading, { from: wall, to: next })
      wall = next
      const after = new Budgets(rules, NODE)
      after.restore(throughJson(restarted.state()))
      restarted = after
      expect(restarted.statuses(wall)).toEqual(steady.statuses(wall))
    }
    expect(restarted.state()).toEqual(steady.state())
    expect(steady.statuses(wall).every(({ used: some }) => !some.isZero)).toBe(true)
  })

  test('holds energies as text, to the microjoule', () => {
    const some = budgets({})
    some.book([toWorkload(Number.MAX_SAFE_INTEGER), toNobody(2, 'overhead')], noMeters, SECOND)
    expect(throughJson(some.state())).toEqual({
      version: 1,
      budgets: [
        {
          name: 'b',
          counts: '[null,null,null,null,null,null,null,"facility",null]',
          period: { kind: 'day' },
          timeZone: 'UTC',
          silentSeconds: null,
          periods: [
            {
              from: at('2026-06-15T00:00:00Z'),
              since: NOON,
              itJoules: '9007199254.740991',
              overheadJoules: '0.000002',
            },
          ],
          recentIt: [{ from: NOON, joules: '9007199254.740991', seconds: 1 }],
          recentOverhead: [{ from: NOON, joules: '0.000002', seconds: 1 }],
        },
      ],
    })
  })

  test('is found under the rules of the present, others are kept for later', () => {
    const some = budgets({ name: 'a' }, { name: 'b' })
    some.book([toWorkload(5)], noMeters, SECOND)
    const after = budgets({ name: 'b', limitJoules: 1 }, { name: 'c' })
    after.restore(throughJson(some.state()))
    expect([used(after, NOON, 0), used(after, NOON, 1)]).toEqual(['0.000005', '0.000000'])
    after.reconfigure([budgetRule({ name: 'a' })], NODE)
    expect(used(after, NOON)).toBe('0.000005')
  })

  const saved = (change: object): unknown => ({
    version: 1,
    budgets: [
      {
        name: 'b',
        counts: '',
        period: { kind: 'day' },
        timeZone: 'Mars/Olympus', // of an earlier run that knew it
        silentSeconds: null,
        periods: [{ from: 0, since: 0, itJoules: '1.000000', overheadJoules: '0.000000' }],
        recentIt: [],
        recentOverhead: [],
        ...change,
      },
    ],
  })

  test.each<[unknown, string]>([
    [null, 'the saved budgets cannot be used: it should be a mapping'],
    [[], 'the saved budgets cannot be used: it should be a mapping'],
    [{}, 'the saved budgets are of another version'],
    [{ version: 2, budgets: [] }, 'the saved budgets are of another version'],
    [{ version: 1 }, 'the saved budgets cannot be used: it should be a list'],
    [{ version: 1, budgets: [3] }, 'the saved budget cannot be used: it should be a mapping'],
    [saved({ name: 3 }), 'the saved name of a budget cannot be used: it should be text'],
    [saved({ timeZone: null }), 'the saved time zone of a budget cannot be used: it should be text'],
    [
      saved({ period: { kind: 'year' } }),
      'the saved period of a budget cannot be used: it should be one that is known',
    ],
    [saved({ silentSeconds: '1' }), 'the saved silence of a meter cannot be used: it should be a number'],
    [saved({ periods: {} }), 'the saved periods of a budget cannot be used: it should be a list'],
    [
      saved({ periods: [{ from: 0, since: 0, itJoules: '1.5', overheadJoules: '0.000000' }] }),
      'the saved use of a budget cannot be used: it should be decimal joules with six digits',
    ],
    [
      saved({ periods: [{ from: 0, since: 0, itJoules: 1, overheadJoules: '0.000000' }] }),
      'the saved use of a budget cannot be used: it should be decimal joules with six digits',
    ],
    [
      saved({ periods: [{ from: Number.NaN, since: 0, itJoules: '1.000000', overheadJoules: '0.000000' }] }),
      'the saved start of a period cannot be used: it should be a number',
    ],
    [
      saved({ recentIt: [{ from: 0, joules: '-1.000000', seconds: 1 }] }),
      'the saved recent use cannot be used: it should be decimal joules with six digits',
    ],
  ])('and does not fit is refused, and changes nothing: %j', (state, sentence) => {
    const some = budgets({})
    some.book([toWorkload(5)], noMeters, SECOND)
    const before = some.state()
    expect(() => some.restore(state)).toThrow(new StateError(sentence))
    expect(some.state()).toEqual(before)
  })

  test('with a zone that is not known any more is kept and hurts nobody', () => {
    const some = budgets({})
    some.restore(saved({}))
    some.book([toWorkload(5)], noMeters, SECOND)
    expect(used(some, NOON)).toBe('0.000005')
  })
})

test('without budgets nothing is done and nothing saved', () => {
  const some = budgets()
  some.book([toWorkload(microjoules(5))], noMeters, SECOND)
  expect(some.statuses(NOON)).toEqual([])
  expect(some.state()).toEqual({ version: 1, budgets: [] })
})
