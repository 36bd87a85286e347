import { describe, expect, test } from '@jest/globals'
import type { WallSpan } from '../../exporter/src/model.ts'
import { seconds } from '../../exporter/src/units.ts'
import { Calendar } from '../../exporter/src/workloads/calendar.ts'
import { MOST_ROWS, type ClosedBucket } from '../../exporter/src/workloads/history-bucket.ts'
import { History } from '../../exporter/src/workloads/history.ts'
import { at, down, idle, LLAMA, ofUnit, openBuckets, sumOf, used, workload } from './books.ts'

const HOUR = 3600
const span = (from: string, to: string): WallSpan => ({ from: at(from), to: at(to) })
const historyIn = (zone: string): History => new History(new Calendar(zone))

const textOf = ({ unit, from, to }: ClosedBucket): string =>
  `${unit} ${new Date(from * 1000).toISOString().slice(0, 16)} ${(to - from) / HOUR}`

const reload = (history: History, zone: string): History => {
  const restored = historyIn(zone)
  restored.restore(JSON.parse(JSON.stringify(history.state())))
  return restored
}

describe('hours and days', () => {
  test('are handed out once, when they have ended', () => {
    const history = historyIn('Europe/Berlin')
    history.book([used(5), idle(7)], span('2026-11-24T22:59:58Z', '2026-11-24T22:59:59Z'))
    expect(history.advance(at('2026-11-24T22:59:59Z'))).toEqual([])
    const ended = history.advance(at('2026-11-24T23:00:00Z'))
    expect(ended.map(textOf)).toEqual(['hour 2026-11-24T22:00 1', 'day 2026-11-23T23:00 24'])
    expect(ended.map((bucket) => sumOf([bucket]))).toEqual([12n, 12n])
    expect(history.advance(at('2026-11-25T05:00:00Z'))).toEqual([])
  })

  test('keep what each row is about', () => {
    const history = historyIn('UTC')
    history.book([used(5), idle(7), used(1)], span('2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z'))
    const [hour] = history.advance(at('2026-01-01T01:00:00Z'))
    expect(hour).toMatchObject({ zone: 'UTC', generation: 0, observed: 1, down: 0, unknown: new Map() })
    expect(hour?.rows.map(({ energy, ...row }) => ({ ...row, energy: energy.toString() }))).toEqual([
      {
        workload: 'llama-chat',
        namespace: 'prod',
        kind: 'inference',
        model: 'llama-3.1-8b',
        variant: 'fp8',
        phase: '',
        reason: '',
        component: 'accelerator',
        part: 'accelerator',
        method: 'counter',
        energy: '0.000006',
      },
      {
        workload: '',
        namespace: '',
        kind: '',
        model: '',
        variant: '',
        phase: '',
        reason: 'idle',
        component: 'cpu',
        part: 'idle',
        method: 'integrated',
        energy: '0.000007',
      },
    ])
  })

  test('a measured zero is a row, too', () => {
    const history = historyIn('UTC')
    history.book([used(0)], span('2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z'))
    expect(history.advance(at('2026-01-01T01:00:00Z'))[0]?.rows).toHaveLength(1)
  })

  test.each([
    ['Europe/Berlin', 23, '2026-03-28T23:00:00Z'],
    ['Europe/Berlin', 25, '2026-10-24T22:00:00Z'],
    ['America/New_York', 23, '2026-03-08T05:00:00Z'],
    ['America/New_York', 25, '2026-11-01T04:00:00Z'],
    ['Asia/Kathmandu', 24, '2028-02-28T18:15:00Z'], // 29 February
    ['Asia/Kolkata', 24, '2026-06-30T18:30:00Z'],
    ['Australia/Lord_Howe', 24.5, '2026-04-04T13:00:00Z'], // clocks change by half an hour
  ])('in %s a day of %d hours is as long as its hours', (zone, length, start) => {
    const history = historyIn(zone)
    const from = at(start)
    const to = seconds(from + length * HOUR)
    const ended: ClosedBucket[] = []
    for (let tick: number = from; tick < to; tick += 300) {
      history.book([used(1)], { from: seconds(tick), to: seconds(tick + 300) })
      ended.push(...history.advance(seconds(tick + 300)))
    }
    const hours = ofUnit(ended, 'hour')
    expect(hours.every((hour) => hour.observed === hour.to - hour.from)).toBe(true)
    expect(hours.reduce((sum, hour) => sum + hour.to - hour.from, 0)).toBe(length * HOUR)
    const [day, ...more] = ofUnit(ended, 'day')
    expect(more).toEqual([])
    expect(day).toMatchObject({ from, to, observed: length * HOUR })
    expect(sumOf(ofUnit(ended, 'day'))).toBe(BigInt(length * 12))
    expect(openBuckets(history)).toEqual({ hours: [], days: [], ended: [] })
  })
})

describe('a span over an edge', () => {
  test('is split by time, and its parts add up', () => {
    const history = historyIn('UTC')
    history.book([used(10), used(1, workload('one'))], span('2026-05-01T10:59:57Z', '2026-05-01T11:00:07Z'))
    expect(openBuckets(history).hours.map(({ rows }) => rows.map(({ energy }) => energy.toString()))).toEqual(
      [
        ['0.000003', '0.000000'],
        ['0.000007', '0.000001'],
      ],
    )
  })

  test('may cover days: a machine that slept', () => {
    const history = historyIn('America/New_York')
    history.book([used(100_000_007)], span('2026-10-31T12:30:00Z', '2026-11-02T12:30:00Z'))
    const ended = history.advance(at('2026-11-02T12:30:00Z'))
    expect(ofUnit(ended, 'day').map(textOf)).toEqual(['day 2026-10-31T04:00 24', 'day 2026-11-01T04:00 25'])
    expect(ofUnit(ended, 'hour')).toHaveLength(48)
    expect(sumOf(ofUnit(ended, 'hour')) + sumOf(openBuckets(history).hours)).toBe(100_000_007n)
    const whole = ofUnit(ended, 'hour').slice(1)
    const amounts = new Set(whole.map((hour) => sumOf([hour])))
    expect([...amounts].sort()).toEqual([2_083_333n, 2_083_334n])
  })

  test('one that is longer than hours are kept is a clock that was set: no time went by', () => {
    const history = historyIn('UTC')
    history.book([used(9)], span('2026-01-01T00:00:00Z', '2026-11-24T12:10:00Z'))
    history.down(span('2026-01-01T00:00:00Z', '2026-11-24T12:10:00Z'))
    const { hours } = openBuckets(history)
    expect(hours.map(textOf)).toEqual(['hour 2026-11-24T12:00 1'])
    expect(hours[0]).toMatchObject({ observed: 0, down: 0 })
    expect(sumOf(hours)).toBe(9n)
  })
})

describe('time that is not known', () => {
  test('is counted where it was: exporter down, a component unknown', () => {
    const history = historyIn('UTC')
    const gap = span('2026-05-01T10:30:00Z', '2026-05-01T12:15:00Z')
    history.book([used(4)], span('2026-05-01T10:29:59Z', '2026-05-01T10:30:00Z'))
    history.down(gap)
    history.book([down(700)], gap)
    history.unknown('board', seconds(105 * 60), gap)
    history.book([used(4)], span('2026-05-01T12:15:00Z', '2026-05-01T12:15:01Z'))
    const { hours } = openBuckets(history)
    expect(hours.map(({ observed, down: missing }) => [observed, missing])).toEqual([
      [1, 1800],
      [0, 3600],
      [1, 900],
    ])
    expect(hours.map(({ unknown }) => Math.round(unknown.get('board') ?? 0))).toEqual([1800, 3600, 900])
    expect(hours.map((hour) => sumOf([hour]))).toEqual([204n, 400n, 104n])
  })

  test('a span that was told to be down is not observed, whatever is booked in it', () => {
    const history = historyIn('UTC')
    const gap = span('2026-05-01T10:30:00Z', '2026-05-01T10:45:00Z')
    history.down(gap)
    history.book([], gap)
    history.book([down(3), used(1)], gap)
    history.book([used(1)], span('2026-05-01T10:45:00Z', '2026-05-01T10:45:01Z'))
    expect(openBuckets(history).hours).toMatchObject([{ observed: 1, down: 900 }])
  })

  test('adds up in the day', () => {
    const history = historyIn('UTC')
    history.down(span('2026-05-01T10:30:00Z', '2026-05-01T12:15:00Z'))
    history.book([used(1)], span('2026-05-01T12:15:00Z', '2026-05-01T13:15:00Z'))
    const [day] = ofUnit(history.advance(at('2026-05-02T00:00:00Z')), 'day')
    expect(day).toMatchObject({ observed: 3600, down: 105 * 60 })
  })
})

describe('a wall clock that jumps', () => {
  test('back by an hour: nothing is opened again, the open hour takes it', () => {
    const history = historyIn('UTC')
    history.book([used(1)], span('2026-05-01T10:59:59Z', '2026-05-01T11:00:00Z'))
    expect(sumOf(ofUnit(history.advance(at('2026-05-01T11:00:00Z')), 'hour'))).toBe(1n)
    history.book([used(2)], span('2026-05-01T11:10:00Z', '2026-05-01T11:10:01Z'))
    history.book([used(4)], span('2026-05-01T11:10:01Z', '2026-05-01T10:10:02Z')) // set back within the tick
    history.book([used(8)], span('2026-05-01T10:10:02Z', '2026-05-01T10:10:03Z'))
    expect(history.advance(at('2026-05-01T10:10:03Z'))).toEqual([])
    const { hours } = openBuckets(history)
    expect(hours.map(textOf)).toEqual(['hour 2026-05-01T11:00 1'])
    expect(sumOf(hours)).toBe(14n)
    expect(hours[0]?.observed).toBe(2)
  })

  test('back over midnight: today goes on', () => {
    const history = historyIn('UTC')
    history.book([used(1)], span('2026-05-01T23:59:59Z', '2026-05-02T00:00:00Z'))
    history.advance(at('2026-05-02T00:00:01Z'))
    history.book([used(3_000_000)], span('2026-05-01T23:00:01Z', '2026-05-01T23:00:02Z'))
    expect(history.advance(at('2026-05-01T23:00:02Z'))).toEqual([])
    expect(history.today(at('2026-05-01T23:00:02Z'))).toEqual([
      { workload: 'llama-chat', namespace: 'prod', joules: 3 },
    ])
  })

  test('from 1970 to now: what was booked before counts to the first true hour', () => {
    const history = historyIn('Asia/Kathmandu')
    history.book([used(1)], span('1970-01-01T00:00:10Z', '1970-01-01T00:00:11Z'))
    expect(history.advance(at('1970-01-01T09:00:00Z'))).toEqual([])
    history.book([used(2)], span('1970-01-01T09:00:10Z', '1970-01-01T09:00:11Z'))
    expect(history.today(at('1970-01-01T09:00:11Z'))).toHaveLength(1)
    history.book([used(4)], span('1970-01-01T09:00:11Z', '2026-11-24T12:00:00Z'))
    expect(history.advance(at('2026-11-24T12:00:00Z'))).toEqual([])
    history.book([used(8)], span('2026-11-24T12:00:00Z', '2026-11-24T12:00:01Z'))
    const ended = history.advance(at('2026-11-24T12:15:00Z'))
    expect(ended.map(textOf)).toEqual(['hour 2026-11-24T11:15 1'])
    expect(sumOf(ended)).toBe(15n)
  })

  test('to 1970 after a reboot without a battery: the hour that was restored takes it', () => {
    const before = historyIn('UTC')
    before.book([used(1)], span('2026-05-01T10:10:00Z', '2026-05-01T10:10:01Z'))
    const history = reload(before, 'UTC')
    history.book([used(2)], span('1970-01-01T00:00:05Z', '1970-01-01T00:00:06Z'))
    expect(history.advance(at('1970-01-01T00:00:06Z'))).toEqual([])
    history.book([used(4)], span('1970-01-01T00:00:06Z', '2026-05-01T10:20:00Z'))
    expect(sumOf(ofUnit(history.advance(at('2026-05-01T11:00:00Z')), 'hour'))).toBe(7n)
  })

  test('ahead for half a day, over midnight: no hour is longer than an hour, and all count', () => {
    const history = historyIn('UTC')
    const ended: ClosedBucket[] = []
    const tick = (amount: number, from: string, to: string): void => {
      history.book([used(amount)], span(from, to))
      ended.push(...history.advance(at(to)))
    }
    tick(1, '2026-05-01T15:10:00Z', '2026-05-01T15:10:01Z')
    tick(2, '2026-05-02T03:10:01Z', '2026-05-02T04:10:01Z')
    tick(3, '2026-05-02T04:10:01Z', '2026-05-01T15:30:00Z')
    for (let hour = 15; hour < 23; hour += 1) {
      tick(4, `2026-05-01T${hour}:30:00Z`, `2026-05-01T${hour + 1}:30:00Z`)
    }
    const hours = [...ofUnit(ended, 'hour'), ...openBuckets(history).hours]
    expect(hours.every(({ observed }) => observed <= 3600)).toBe(true)
    expect(sumOf(hours)).toBe(38n)
    const days = ofUnit([...ended, ...history.advance(at('2026-05-03T00:00:00Z'))], 'day')
    expect(days.map(textOf).sort()).toEqual([
      'day 2026-05-01T00:00 24',
      'day 2026-05-01T00:00 24',
      'day 2026-05-02T00:00 24',
    ])
    expect(sumOf(days)).toBe(38n)
  })

  test('far ahead for a moment: it comes back to the hour that is', () => {
    const history = historyIn('UTC')
    history.book([used(1)], span('2026-05-01T10:10:00Z', '2026-05-01T10:10:01Z'))
    history.book([used(2)], span('2026-05-01T10:10:01Z', '2099-01-01T00:00:00Z'))
    const wrong = history.advance(at('2099-01-01T00:00:00Z'))
    expect(ofUnit(wrong, 'hour').map(textOf)).toEqual(['hour 2026-05-01T10:00 1'])
    expect(sumOf(ofUnit(wrong, 'hour'))).toBe(1n)
    history.book([used(4)], span('2099-01-01T00:00:01Z', '2026-05-01T10:10:03Z'))
    expect(history.advance(at('2026-05-01T10:10:03Z'))).toEqual([])
    const { hours } = openBuckets(history)
    expect(hours.map(textOf)).toEqual(['hour 2026-05-01T11:00 1']) // 10:00 is out already
    expect(sumOf(hours)).toBe(6n)
  })

  test('far ahead for hours: hours begin anew, and one that comes again is another', () => {
    const history = historyIn('UTC')
    const ended: ClosedBucket[] = []
    const tick = (amount: number, from: string, to: string): void => {
      history.book([used(amount)], span(from, to))
      ended.push(...history.advance(at(to)))
    }
    tick(1, '2026-05-01T10:10:00Z', '2026-05-01T10:10:01Z')
    tick(2, '2026-05-01T10:10:01Z', '2099-01-01T00:00:00Z')
    tick(4, '2099-01-01T01:00:00Z', '2099-01-01T01:00:01Z')
    tick(8, '2099-01-01T01:00:01Z', '2026-05-01T10:20:00Z')
    tick(16, '2026-05-01T10:20:00Z', '2026-05-01T11:20:00Z')
    const tens = ofUnit(ended, 'hour').filter(({ from }) => from === at('2026-05-01T10:00:00Z'))
    expect(tens.map(({ generation }) => generation)).toEqual([0, 2]) // an hour of its own, and a day that was far ahead
    expect(sumOf(ofUnit(ended, 'hour')) + sumOf(openBuckets(history).hours)).toBe(31n)
  })
})

describe('to date', () => {
  test('today and this month, per workload, the open hour included', () => {
    const history = historyIn('Europe/Berlin')
    const train = workload('train')
    history.book([used(1e6)], span('2026-10-31T22:00:00Z', '2026-10-31T22:00:01Z')) // 23:00 on the 31st
    history.book([used(2e6)], span('2026-10-31T23:00:00Z', '2026-10-31T23:00:01Z'))
    history.book([used(4e6), idle(1e6)], span('2026-11-23T12:00:00Z', '2026-11-23T12:00:01Z'))
    history.advance(at('2026-11-24T08:00:00Z'))
    history.book([used(8e6), used(3e6, train)], span('2026-11-24T08:00:00Z', '2026-11-24T08:00:01Z'))
    history.advance(at('2026-11-24T09:30:00Z'))
    history.book([used(16e6)], span('2026-11-24T09:30:00Z', '2026-11-24T09:30:01Z'))
    const now = at('2026-11-24T09:30:01Z')
    const joules = (sums: readonly { readonly workload: string; readonly joules: number }[]) =>
      Object.fromEntries(sums.map((sum) => [sum.workload, sum.joules]))
    expect(joules(history.today(now))).toEqual({ 'llama-chat': 24, train: 3 })
    expect(joules(history.month(now))).toEqual({ 'llama-chat': 30, train: 3 })
    expect(history.today(at('2026-11-25T09:30:01Z'))).toEqual([])
    expect(history.month(at('2026-12-01T00:00:00Z'))).toEqual([])
    const restored = reload(history, 'Europe/Berlin')
    expect(restored.today(now)).toEqual(history.today(now))
    expect(restored.month(now)).toEqual(history.month(now))
  })

  test('one workload is one sum, whatever its model and phase', () => {
    const history = historyIn('UTC')
    const tick = span('2026-05-01T10:10:00Z', '2026-05-01T10:10:01Z')
    history.book([used(1e6), used(2e6, { ...LLAMA, phase: 'eval', variant: 'fp16' })], tick)
    expect(history.today(tick.to)).toEqual([{ workload: 'llama-chat', namespace: 'prod', joules: 3 }])
  })
})

describe('bounds', () => {
  test('too many workloads: the rest goes to `other`, is counted, and nothing is lost', () => {
    const history = historyIn('UTC')
    const tick = span('2026-05-01T10:10:00Z', '2026-05-01T10:10:01Z')
    const crowd = Array.from({ length: MOST_ROWS + 500 }, (_, index) => used(3, workload(`w${index}`)))
    history.book([...crowd, idle(1), used(5, workload('other', { kind: 'other' }))], tick)
    history.book(crowd, tick)
    const restored = reload(history, 'UTC')
    for (const one of [history, restored]) {
      const ended = one.advance(at('2026-05-02T00:00:00Z'))
      for (const bucket of ended) {
        expect(bucket.rows).toHaveLength(MOST_ROWS + 2)
        expect(bucket.folded.toBigInt()).toBe(3000n)
        expect(bucket.rows.find((row) => row.workload === 'other')?.energy.toBigInt()).toBe(3005n)
        expect(sumOf([bucket])).toBe(15_006n)
      }
      expect(one.month(tick.to).reduce((sum, { joules }) => sum + joules, 0)).toBeCloseTo(0.015005, 9)
    }
  })

  test('a tick of 15,000 bookings takes milliseconds', () => {
    const history = historyIn('UTC')
    const bookings = Array.from({ length: 1500 }, (_, index) => workload(`w${index}`)).flatMap((who) =>
      Array.from({ length: 10 }, (__, index) => used(index, who)),
    )
    let wall = at('2026-05-01T10:00:00Z')
    const tick = (): number => {
      const began = process.hrtime.bigint()
      history.book(bookings, { from: wall, to: (wall = seconds(wall + 1)) })
      return Number(process.hrtime.bigint() - began) / 1e6
    }
    const durations = Array.from({ length: 50 }, tick).sort((one, other) => one - other)
    expect(durations[25]).toBeLessThan(100) // 2 ms on an idle machine; this is a guard against a wrong order of growth
  })
})

describe('a state', () => {
  test('of another zone: its hours and days end as they are, the month goes on', () => {
    const before = historyIn('Europe/Berlin')
    before.book([used(1e6)], span('2026-05-01T09:00:00Z', '2026-05-01T09:00:01Z'))
    before.advance(at('2026-05-01T10:10:00Z'))
    before.book([used(2e6)], span('2026-05-01T10:10:00Z', '2026-05-01T10:10:01Z'))
    const history = reload(before, 'Asia/Kathmandu')
    history.book([used(4e6)], span('2026-05-01T10:10:01Z', '2026-05-01T10:10:02Z'))
    const now = at('2026-05-01T10:10:02Z')
    expect(history.month(now)).toEqual([{ workload: 'llama-chat', namespace: 'prod', joules: 7 }])
    const ended = history.advance(now)
    expect(ended.map((bucket) => [bucket.unit, bucket.zone, sumOf([bucket])])).toEqual([
      ['hour', 'Europe/Berlin', 2_000_000n],
      ['day', 'Europe/Berlin', 3_000_000n],
    ])
    expect(sumOf(openBuckets(history).hours)).toBe(4_000_000n)
    expect(history.state().generation).toBe(1)
  })

  test.each([
    ['nothing', null],
    ['of a newer version', { version: 2 }],
    ['without hours', { hours: undefined }],
    ['with an hour that is none', { hours: [{ unit: 'hour' }] }],
    ['with an energy below zero', { month: { from: 0, to: 1, sums: [['a', '', '-1']] } }],
    ['with a month that is none', { month: 3 }],
    ['of a zone that is none', { zone: 'Mars/Olympus' }],
    ['with a time that is none', { closed_to: 'now' }],
  ])('%s is refused and changes nothing', (_, change) => {
    const history = historyIn('UTC')
    history.book([used(1)], span('2026-05-01T10:10:00Z', '2026-05-01T10:10:01Z'))
    const before = history.state()
    const state = change === null ? change : { ...before, ...change }
    expect(() => history.restore(state)).toThrow(RangeError)
    expect(history.state()).toEqual(before)
  })
})
