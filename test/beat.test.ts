import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { Beat } from '../exporter/src/beat.ts'
import { seconds } from '../exporter/src/units.ts'

/** Fake timers move this clock. */
const clock = { now: () => seconds(Date.now() / 1000) }

beforeEach(() => {
  jest.useFakeTimers({ now: 0 })
})

afterEach(() => {
  jest.useRealTimers()
})

describe('a beat', () => {
  test('calls at once and then at its period', async () => {
    const calls: number[] = []
    const beat = new Beat(async () => void calls.push(clock.now()), clock, seconds(2))
    await beat.start()
    await jest.advanceTimersByTimeAsync(6500)
    expect(calls).toEqual([0, 2, 4, 6])
    beat.stop()
    await jest.advanceTimersByTimeAsync(10_000)
    expect(calls).toHaveLength(4)
  })

  test('leaves out what a long call runs over, and keeps its time', async () => {
    const calls: number[] = []
    const beat = new Beat(
      async () => {
        calls.push(clock.now())
        if (calls.length === 2) await new Promise((resolve) => setTimeout(resolve, 2300))
      },
      clock,
      seconds(1),
    )
    await beat.start()
    await jest.advanceTimersByTimeAsync(6000)
    beat.stop()
    expect(calls).toEqual([0, 1, 4, 5, 6])
  })

  test('takes a new period over at once', async () => {
    const calls: number[] = []
    const beat = new Beat(async () => void calls.push(clock.now()), clock, seconds(60))
    await beat.start()
    await jest.advanceTimersByTimeAsync(5000)
    beat.change(seconds(2))
    await jest.advanceTimersByTimeAsync(5000)
    beat.stop()
    expect(calls).toEqual([0, 6, 8, 10])
  })
})
