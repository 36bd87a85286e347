/** Random days with clocks that jump: whatever happens, what was booked is there once. */
import { describe, test } from '@jest/globals'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import type { Booking } from '../../exporter/src/model.ts'
import { seconds } from '../../exporter/src/units.ts'
import { Calendar } from '../../exporter/src/workloads/calendar.ts'
import type { ClosedBucket } from '../../exporter/src/workloads/history-bucket.ts'
import { History } from '../../exporter/src/workloads/history.ts'
import { at, down, idle, ofUnit, openBuckets, sumOf, used, workload } from './books.ts'

const ZONES = ['Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'UTC'] as const

const STARTS = [
  '2026-03-28T22:00:00Z',
  '2026-11-01T03:00:00Z',
  '2028-02-28T20:00:00Z',
  '1970-01-01T00:00:00Z',
]

const names = [workload('a'), workload('b', { namespace: 'n', phase: 'train' }), workload('other')]

const amount = fc.oneof(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 0, max: 2 ** 53 - 1 }))

const booking: fc.Arbitrary<Booking> = fc.oneof(
  fc.tuple(amount, fc.constantFrom(...names)).map(([size, who]) => used(size, who)),
  amount.map(idle),
  amount.map(down),
)

const jump = fc.constantFrom(0, 0, 0, 0, 0, -3600, -7200, -20_000, -100_000, 90_000, 1.7e9, -1.7e9, 3e9, -3e9)

type Step =
  | {
      readonly kind: 'book'
      readonly bookings: readonly Booking[]
      readonly wait: number
      readonly jump: number
    }
  | { readonly kind: 'advance' | 'reload' }
  | { readonly kind: 'zone'; readonly zone: string }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('book' as const),
      bookings: fc.array(booking, { maxLength: 4 }),
      wait: fc.oneof(fc.double({ min: 0, max: 5, noNaN: true }), fc.integer({ min: 0, max: 200_000 })),
      jump,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reload' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('zone' as const), zone: fc.constantFrom(...ZONES) }),
  },
)

const sum = (bookings: readonly Booking[]): bigint =>
  bookings.reduce((total, one) => total + BigInt(one.amount), 0n)

const identity = ({ unit, zone, from, generation }: ClosedBucket): string =>
  `${unit} ${zone} ${from} ${generation}`

describe('whatever the clock does', () => {
  test('Σ hours = Σ days with the open hours = Σ booked, and no bucket comes twice', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ZONES),
        fc.constantFrom(...STARTS),
        fc.array(step, { maxLength: 30 }),
        (firstZone, start, steps) => {
          let history = new History(new Calendar(firstZone))
          let zone: string = firstZone
          let wall: number = at(start)
          let booked = 0n
          const out: ClosedBucket[] = []
          const reload = (): void => {
            const state: unknown = JSON.parse(JSON.stringify(history.state()))
            history = new History(new Calendar(zone))
            history.restore(state)
          }
          for (const one of steps) {
            switch (one.kind) {
              case 'book': {
                const from = wall
                wall = Math.max(0, wall + one.wait + one.jump)
                booked += sum(one.bookings)
                history.book(one.bookings, { from: seconds(from), to: seconds(wall) })
                break
              }
              case 'advance':
                out.push(...history.advance(seconds(wall)))
                break
              case 'reload':
                reload()
                break
              case 'zone':
                zone = one.zone
                reload()
                break
            }
            const { hours, days, ended } = openBuckets(history)
            const all = [...out, ...ended]
            assert.equal(sumOf(ofUnit(all, 'hour')) + sumOf(hours), booked)
            assert.equal(sumOf(ofUnit(all, 'day')) + sumOf(days) + sumOf(hours), booked)
            assert.equal(new Set(all.map(identity)).size, all.length)
          }
        },
      ),
      { numRuns: 400 },
    )
  })
})
