import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { WallSpan } from '../../exporter/src/model.ts'
import { seconds } from '../../exporter/src/units.ts'
import { Calendar } from '../../exporter/src/workloads/calendar.ts'

const at = (text: string) => seconds(Date.parse(text) / 1000)
const hours = ({ from, to }: WallSpan): number => (to - from) / 3600
const utc = (wall: number): string => new Date(wall * 1000).toISOString()

const berlin = new Calendar('Europe/Berlin')
const newYork = new Calendar('America/New_York')
const kathmandu = new Calendar('Asia/Kathmandu')

describe('days', () => {
  test.each([
    ['spring forward', berlin, '2026-03-29T12:00:00Z', 23, '2026-03-28T23:00:00.000Z'],
    ['fall back', berlin, '2026-10-25T12:00:00Z', 25, '2026-10-24T22:00:00.000Z'],
    ['spring forward', newYork, '2026-03-08T17:00:00Z', 23, '2026-03-08T05:00:00.000Z'],
    ['fall back', newYork, '2026-11-01T17:00:00Z', 25, '2026-11-01T04:00:00.000Z'],
    [
      'no daylight saving, a quarter-hour zone',
      kathmandu,
      '2026-06-01T12:00:00Z',
      24,
      '2026-05-31T18:15:00.000Z',
    ],
    [
      'no midnight: clocks go from 0:00 to 1:00',
      new Calendar('America/Asuncion'),
      '2023-10-01T12:00:00Z',
      23,
      '2023-10-01T04:00:00.000Z',
    ],
    [
      'a day twice begun: back from 24:00 to 23:00',
      new Calendar('America/Asuncion'),
      '2023-03-25T12:00:00Z',
      25,
      '2023-03-25T03:00:00.000Z',
    ],
  ])('%s', (_, calendar, wall, length, start) => {
    const day = calendar.dayOf(at(wall))
    expect(hours(day)).toBe(length)
    expect(utc(day.from)).toBe(start)
  })

  test('a day that a whole zone skipped is no day', () => {
    const apia = new Calendar('Pacific/Apia') // 2011-12-30 does not exist there
    expect(apia.dayOf(at('2011-12-30T09:00:00Z'))).toEqual({
      from: at('2011-12-29T10:00:00Z'),
      to: at('2011-12-30T10:00:00Z'),
    })
    expect(apia.dateOf(at('2011-12-30T10:00:00Z'))).toEqual({ year: 2011, month: 12, day: 31 })
  })
})

describe('weeks and months', () => {
  test('a week begins on Monday', () => {
    expect(berlin.weekOf(at('2026-11-24T12:00:00Z')).from).toBe(at('2026-11-22T23:00:00Z'))
    expect(hours(berlin.weekOf(at('2026-10-25T12:00:00Z')))).toBe(7 * 24 + 1)
    expect(newYork.weekOf(at('2026-11-02T04:30:00Z')).from).toBe(at('2026-10-26T04:00:00Z'))
  })

  test.each([
    [
      'leap February',
      berlin,
      '2028-02-29T12:00:00Z',
      1,
      '2028-01-31T23:00:00.000Z',
      '2028-02-29T23:00:00.000Z',
    ],
    [
      'across the new year',
      newYork,
      '2027-01-10T12:00:00Z',
      15,
      '2026-12-15T05:00:00.000Z',
      '2027-01-15T05:00:00.000Z',
    ],
    [
      'day 31 in a month of 30',
      kathmandu,
      '2026-04-30T12:00:00Z',
      31,
      '2026-04-29T18:15:00.000Z',
      '2026-05-30T18:15:00.000Z',
    ],
    [
      'day 31 before it',
      berlin,
      '2026-03-15T12:00:00Z',
      31,
      '2026-02-27T23:00:00.000Z',
      '2026-03-30T22:00:00.000Z',
    ],
    [
      'day 30 over a leap February',
      berlin,
      '2028-02-28T12:00:00Z',
      30,
      '2028-01-29T23:00:00.000Z',
      '2028-02-28T23:00:00.000Z',
    ],
  ])('%s', (_, calendar, wall, billingDay, from, to) => {
    const month = calendar.monthOf(at(wall), billingDay)
    expect([utc(month.from), utc(month.to)]).toEqual([from, to])
  })
})

describe('blocks', () => {
  test('are aligned to the local clock', () => {
    expect(utc(kathmandu.hourOf(at('2026-06-01T12:20:00Z')).from)).toBe('2026-06-01T12:15:00.000Z')
    expect(utc(kathmandu.blockOf(at('2026-06-01T12:20:00Z'), seconds(1800)).from)).toBe(
      '2026-06-01T12:15:00.000Z',
    )
  })

  test('end where clocks change by half an hour', () => {
    const lordHowe = new Calendar('Australia/Lord_Howe') // 2026-10-04 02:00 to 02:30, at 15:30 UTC the day before
    expect(lordHowe.hourOf(at('2026-10-03T15:10:00Z')).to).toBe(at('2026-10-03T15:30:00Z'))
    expect(lordHowe.hourOf(at('2026-10-03T15:40:00Z'))).toEqual({
      from: at('2026-10-03T15:30:00Z'),
      to: at('2026-10-03T16:00:00Z'),
    })
  })
})

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'America/Asuncion',
  'Pacific/Apia',
  'America/St_Johns',
  'Africa/Casablanca',
  'Pacific/Chatham',
]

test('every kind of span holds its instants and meets the next without gap or overlap', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...ZONES),
      fc.integer({ min: at('1995-01-01T00:00:00Z'), max: at('2040-01-01T00:00:00Z') }),
      fc.integer({ min: 1, max: 31 }),
      (zone, instant, billingDay) => {
        const calendar = new Calendar(zone)
        const kinds = [
          (wall: number) => calendar.hourOf(seconds(wall)),
          (wall: number) => calendar.blockOf(seconds(wall), seconds(900)),
          (wall: number) => calendar.dayOf(seconds(wall)),
          (wall: number) => calendar.weekOf(seconds(wall)),
          (wall: number) => calendar.monthOf(seconds(wall), billingDay),
        ]
        for (const spanOf of kinds) {
          const span = spanOf(instant)
          expect(span.from).toBeLessThanOrEqual(instant)
          expect(span.to).toBeGreaterThan(instant)
          expect(spanOf(span.from)).toEqual(span)
          expect(spanOf(span.to - 1)).toEqual(span)
          expect(spanOf(span.to).from).toBe(span.to)
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('a zone that nobody knows is refused', () => {
  expect(() => new Calendar('Europe/Atlantis')).toThrow(RangeError)
})
