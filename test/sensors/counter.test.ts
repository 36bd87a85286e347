import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  Counter,
  FROZEN_AFTER_SECONDS,
  type CounterLimits,
  type CounterLook,
} from '../../exporter/src/sensors/counter.ts'
import { LOST_AFTER_SECONDS } from '../../exporter/src/sensors/sensor.ts'
import { microjoules, seconds, watts } from '../../exporter/src/units.ts'

const RANGE = 262_143_328_850n
/** 500 J in a second. */
const LIMITS: CounterLimits = { range: RANGE, maximum: watts(500) }

const look = (counter: Counter, raw: bigint, at: number, limits = LIMITS): CounterLook =>
  counter.look(raw, seconds(at), limits)

/** A counter that was looked at once, at 0 s. */
function startedAt(raw: bigint, options?: { mayStandStill: boolean }): Counter {
  const counter = new Counter(options)
  expect(look(counter, raw, 0)).toEqual({ kind: 'waiting' })
  return counter
}

const spent = (amount: number, from: number, excess = 0): CounterLook => ({
  kind: 'spent',
  from: seconds(from),
  spent: microjoules(amount),
  excess: microjoules(excess),
})

describe('a difference', () => {
  test('is what the counter moved by since the last look', () => {
    const counter = startedAt(1_000n)
    expect(look(counter, 1_001n, 1)).toEqual(spent(1, 0))
    expect(look(counter, 5_001n, 3)).toEqual(spent(4_000, 1))
    expect(look(counter, 5_001n, 4)).toEqual(spent(0, 3))
  })

  test('at the physical maximum is believed, and one microjoule above it is excess', () => {
    expect(look(startedAt(0n), 500_000_000n, 1)).toEqual(spent(500_000_000, 0))
    expect(look(startedAt(0n), 500_000_001n, 1)).toEqual(spent(500_000_000, 0, 1))
    expect(look(startedAt(0n), 1_000_000_001n, 2)).toEqual(spent(1_000_000_000, 0, 1))
  })

  test('in a short interval may be as large as in a second', () => {
    expect(look(startedAt(0n), 500_000_000n, 0.1)).toEqual(spent(500_000_000, 0))
    expect(look(startedAt(0n), 500_000_007n, 0.1)).toEqual(spent(500_000_000, 0, 7))
    expect(look(startedAt(0n), 500_000_000n, 0)).toEqual(spent(500_000_000, 0))
  })

  test('after a clamped jump starts at the new figure', () => {
    const counter = startedAt(0n)
    look(counter, 9_000_000_000n, 1)
    expect(look(counter, 9_000_000_005n, 2)).toEqual(spent(5, 1))
  })

  test('of any size is exact or clamped, never a number that a double rounds', () => {
    const counter = startedAt(0n)
    const unlimited = { range: undefined, maximum: watts(500) }
    expect(look(counter, 18_446_744_073_709_551_615n, 1, unlimited)).toEqual(
      spent(500_000_000, 0, Number.MAX_SAFE_INTEGER),
    )
  })
})

describe('a wrap', () => {
  test('adds the documented range', () => {
    expect(look(startedAt(RANGE - 10n), 20n, 1)).toEqual(spent(30, 0))
  })

  test('at the last figure of the range is not negative', () => {
    expect(look(startedAt(RANGE), 0n, 1)).toEqual(spent(0, 0))
    expect(look(startedAt(RANGE), 1n, 1)).toEqual(spent(1, 0))
    expect(look(startedAt(RANGE - 1n), 0n, 1)).toEqual(spent(1, 0))
  })

  test('is believed up to the physical maximum', () => {
    expect(look(startedAt(RANGE - 400_000_000n), 100_000_000n, 1)).toEqual(spent(500_000_000, 0))
  })
})

describe('a fall that cannot be a wrap', () => {
  test('is a reset: what the counter shows was spent since', () => {
    expect(look(startedAt(80_000_000_000n), 12_345n, 1)).toEqual(spent(12_345, 0))
    expect(look(startedAt(80_000_000_000n), 500_000_000n, 1)).toEqual(spent(500_000_000, 0))
  })

  test('to a figure that could not be spent in the time tells nothing, and counting starts there', () => {
    const counter = startedAt(80_000_000_000n)
    expect(look(counter, 500_000_001n, 1)).toEqual({ kind: 'waiting' })
    expect(look(counter, 500_000_003n, 2)).toEqual(spent(2, 1))
  })

  test('one microjoule beyond a possible wrap is a reset', () => {
    expect(look(startedAt(RANGE - 400_000_000n), 100_000_001n, 1)).toEqual(spent(100_000_001, 0))
  })

  test('is what every fall is where the range is unknown', () => {
    const limits = { ...LIMITS, range: undefined }
    const counter = new Counter()
    counter.look(RANGE - 10n, seconds(0), limits)
    expect(counter.look(20n, seconds(1), limits)).toEqual(spent(20, 0))
  })
})

describe('a silence', () => {
  test('of up to a minute is covered by the next difference', () => {
    expect(look(startedAt(0n), 600n, LOST_AFTER_SECONDS)).toEqual(spent(600, 0))
  })

  test('of more than a minute makes the next look a first one', () => {
    const counter = startedAt(0n)
    expect(look(counter, 600n, LOST_AFTER_SECONDS + 0.001)).toEqual({ kind: 'waiting' })
    expect(look(counter, 601n, LOST_AFTER_SECONDS + 1)).toEqual(spent(1, LOST_AFTER_SECONDS + 0.001))
  })
})

describe('a counter that stands still', () => {
  /** Looks every second; the last look is at `until`. */
  const standStill = (counter: Counter, raw: bigint, from: number, until: number): CounterLook[] => {
    const looks: CounterLook[] = []
    for (let at = from; at <= until; at += 1) looks.push(look(counter, raw, at))
    return looks
  }

  test('after it had moved reports nothing spent for a minute, then that it is frozen', () => {
    const counter = startedAt(5n)
    look(counter, 6n, 1)
    const looks = standStill(counter, 6n, 2, FROZEN_AFTER_SECONDS + 3)
    expect(looks.slice(0, FROZEN_AFTER_SECONDS - 1)).toEqual(
      Array.from({ length: FROZEN_AFTER_SECONDS - 1 }, (_, index) => spent(0, index + 1)),
    )
    const frozen = { kind: 'frozen', hadMoved: true }
    expect(looks.slice(FROZEN_AFTER_SECONDS - 1)).toEqual([frozen, frozen, frozen])
  })

  test('from its first look on has measured nothing, and is frozen after a minute', () => {
    const looks = standStill(startedAt(5n), 5n, 1, FROZEN_AFTER_SECONDS)
    expect(looks.slice(0, -1)).toEqual(
      Array.from({ length: FROZEN_AFTER_SECONDS - 1 }, () => ({ kind: 'waiting' })),
    )
    expect(looks.at(-1)).toEqual({ kind: 'frozen', hadMoved: false })
  })

  test('and moves in its first minute gives the difference since the look before', () => {
    const counter = startedAt(5n)
    standStill(counter, 5n, 1, 9)
    expect(look(counter, 25n, 10)).toEqual(spent(20, 9))
  })

  test('starts over when it moves again', () => {
    const counter = startedAt(5n)
    standStill(counter, 5n, 1, FROZEN_AFTER_SECONDS)
    expect(look(counter, 900n, FROZEN_AFTER_SECONDS + 1)).toEqual({ kind: 'waiting' })
    expect(look(counter, 901n, FROZEN_AFTER_SECONDS + 2)).toEqual(spent(1, FROZEN_AFTER_SECONDS + 1))
  })

  test('honestly is never frozen and loses nothing when it moves', () => {
    const counter = startedAt(0n, { mayStandStill: true })
    const looks = standStill(counter, 0n, 1, 200)
    expect(looks).toEqual(Array.from({ length: 200 }, (_, index) => spent(0, index)))
    expect(look(counter, 77n, 201)).toEqual(spent(77, 200))
  })
})

describe('an interval is covered', () => {
  test('by a counter that has just reported it, and not by one that starts there', () => {
    const counter = startedAt(0n)
    expect(counter.covers(seconds(0))).toBe(false)
    look(counter, 1n, 1)
    expect(counter.covers(seconds(1))).toBe(true)
  })

  test('by one that is silent and not yet lost', () => {
    const counter = startedAt(0n)
    expect(counter.covers(seconds(LOST_AFTER_SECONDS))).toBe(true)
    expect(counter.covers(seconds(LOST_AFTER_SECONDS + 0.001))).toBe(false)
  })

  test('neither by one that has never moved nor by a frozen one', () => {
    const counter = startedAt(0n)
    look(counter, 0n, 1)
    expect(counter.covers(seconds(1))).toBe(false)
    look(counter, 1n, 2)
    for (let at = 3; at < 62; at += 1) look(counter, 1n, at)
    expect(counter.covers(seconds(61))).toBe(true)
    look(counter, 1n, 62)
    expect(counter.covers(seconds(62))).toBe(false)
  })

  test('by none before its first look', () => {
    expect(new Counter().covers(seconds(0))).toBe(false)
    expect(new Counter().isCounting(seconds(0))).toBe(false)
  })

  test('and what comes after it is counted from the first look on', () => {
    const counter = startedAt(0n)
    expect(counter.isCounting(seconds(0))).toBe(true)
    for (let at = 1; at < 60; at += 1) look(counter, 0n, at)
    expect(counter.isCounting(seconds(59))).toBe(true)
    look(counter, 0n, 60)
    expect(counter.isCounting(seconds(60))).toBe(false)
  })
})

describe('any history', () => {
  const step = fc.record({
    // Sums of these are exact in binary, so that an interval is as long as it says.
    wait: fc.constantFrom(0.125, 0.5, 1, 1, 2, 10, 59, 60, 61, 600),
    /** Share of what is possible in the time. */
    load: fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })),
  })

  test('reports exactly the energy that was injected, wraps included, but for silences beyond a minute', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, RANGE), fc.array(step, { maxLength: 60 }), (first, steps) => {
        const counter = new Counter({ mayStandStill: true })
        let raw = first
        let at = 0
        let injected = 0n
        let reported = 0n
        look(counter, raw, at)
        for (const { wait, load } of steps) {
          // A counter of a part that may draw the maximum wraps at most once in a minute.
          const energy = BigInt(Math.floor(load * 500e6 * wait))
          at += wait
          // The register of this counter has no hardware unit beyond its range.
          raw = (raw + energy) % RANGE
          const answer = look(counter, raw, at)
          if (wait > LOST_AFTER_SECONDS) {
            expect(answer).toEqual({ kind: 'waiting' })
            continue
          }
          injected += energy
          if (answer.kind !== 'spent') throw new Error(`no difference after ${wait} s`)
          expect(answer.excess).toBe(0)
          reported += BigInt(answer.spent)
        }
        expect(reported).toBe(injected)
      }),
    )
  })

  test('never gives less than nothing or more than is physically possible, whatever the counter shows', () => {
    const figure = fc.oneof(fc.bigInt(0n, RANGE), fc.bigInt(0n, 2n ** 64n - 1n), fc.constantFrom(0n, RANGE))
    fc.assert(
      fc.property(fc.array(fc.tuple(figure, fc.double({ min: 0, max: 90, noNaN: true }))), (looks) => {
        const counter = new Counter()
        let at = 0
        for (const [raw, wait] of looks) {
          const before = at
          at += wait
          const answer = look(counter, raw, at)
          if (answer.kind !== 'spent') continue
          expect(answer.from).toBe(before)
          expect(answer.spent).toBeGreaterThanOrEqual(0)
          expect(answer.spent).toBeLessThanOrEqual(Math.ceil(500e6 * Math.max(1, at - before)))
          expect(answer.excess).toBeGreaterThanOrEqual(0)
        }
      }),
    )
  })
})

describe('taken up after a restart', () => {
  /** What the first look gives when an earlier run stood at `before`, at 0 s. */
  const taken = (before: bigint, raw: bigint, at: number, limits = LIMITS, former = limits.range) => {
    const counter = new Counter()
    counter.resume({ raw: before, at: seconds(0), range: former })
    return look(counter, raw, at, limits)
  }
  const down = (amount: number) => ({ ...spent(amount, 0), whileDown: true })

  test('what was spent meanwhile is certain as long as the counter cannot have come round', () => {
    expect(taken(1_000n, 5_001_000n, 10)).toEqual(down(5_000_000))
    expect(taken(RANGE - 1_000n, 4_000n, 10)).toEqual(down(5_000))
    expect(taken(7n, 7n, 10)).toEqual(down(0))
    // 262,143 J at no more than 500 W: 524.28 s
    expect(taken(0n, 9n, 524)).toEqual(down(9))
    expect(taken(0n, 9n, 525)).toEqual({ kind: 'waiting' })
  })

  test('more than the physical maximum, another range or an earlier time are no proof', () => {
    expect(taken(0n, 500_000_000n, 1)).toEqual(down(500_000_000))
    expect(taken(0n, 500_000_001n, 1)).toEqual({ kind: 'waiting' })
    expect(taken(0n, 9n, 10, LIMITS, RANGE - 1n)).toEqual({ kind: 'waiting' })
    expect(taken(0n, 9n, -1)).toEqual({ kind: 'waiting' })
  })

  test('a counter that does not come round is certain at any time, unless it fell', () => {
    const endless: CounterLimits = { range: undefined, maximum: watts(500) }
    expect(taken(5n, 9_000_000n, 1e6, endless)).toEqual(down(8_999_995))
    expect(taken(5n, 4n, 1, endless)).toEqual({ kind: 'waiting' })
  })

  test('it goes on from there', () => {
    const counter = new Counter()
    counter.resume({ raw: 10n, at: seconds(0), range: RANGE })
    expect(look(counter, 20n, 100)).toEqual(down(10))
    expect(look(counter, 21n, 101)).toEqual(spent(1, 100))
    expect(counter.position).toEqual({ raw: 21n, at: 101, range: RANGE })
  })

  test('a counter that stands still or was never looked at has nothing to take up', () => {
    expect(new Counter().position).toBeUndefined()
    const counter = startedAt(5n)
    expect(look(counter, 5n, FROZEN_AFTER_SECONDS)).toMatchObject({ kind: 'frozen' })
    expect(counter.position).toBeUndefined()
  })
})
