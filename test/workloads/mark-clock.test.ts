import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { seconds } from '../../exporter/src/units.ts'
import { MarkClock } from '../../exporter/src/workloads/mark-clock.ts'

const timeOf = (clock: MarkClock, arrival: number, client: number | undefined): number =>
  clock.timeOf(seconds(arrival), client === undefined ? undefined : seconds(client))

describe('the time of a mark', () => {
  test('is its arrival where its sender says nothing', () => {
    const clock = new MarkClock()
    expect(timeOf(clock, 10, undefined)).toBe(10)
    expect(timeOf(clock, 11, undefined)).toBe(11)
  })

  test('is what its sender says, whatever that one’s clock shows', () => {
    const clock = new MarkClock()
    expect(timeOf(clock, 10, 5_000_000)).toBe(10)
    expect(timeOf(clock, 12, 5_000_001)).toBe(11) // it was under way for a second
    expect(timeOf(clock, 12.5, 5_000_002.5)).toBe(12.5)
  })

  test('is found anew when the sender’s clock is set', () => {
    const clock = new MarkClock()
    timeOf(clock, 10, 1000)
    expect(timeOf(clock, 11, 1)).toBe(11) // back
    expect(timeOf(clock, 12, 2)).toBe(12)
    expect(timeOf(clock, 13, 90_000)).toBe(13) // forth
    expect(timeOf(clock, 14, 90_000.5)).toBe(13.5)
  })

  test('never goes back, and is never after the arrival', () => {
    const step = fc.tuple(
      fc.double({ min: 0, max: 5, noNaN: true }),
      fc.option(fc.double({ min: 0, max: 1e10, noNaN: true }), { nil: undefined }),
    )
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const clock = new MarkClock()
        let arrival = 1000
        let before = -Infinity
        for (const [wait, client] of steps) {
          arrival += wait
          const at = timeOf(clock, arrival, client)
          expect(at).toBeGreaterThanOrEqual(before)
          expect(at).toBeLessThanOrEqual(arrival)
          before = at
        }
      }),
    )
  })
})
