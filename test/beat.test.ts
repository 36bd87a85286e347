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

  test('calls at once when it is cut, and keeps its time', async () => {
    const calls: number[] = []
    const beat = new Beat(async () => void calls.push(clock.now()), clock, seconds(2))
    await beat.start()
    await jest.advanceTimersByTimeAsync(2500)
    beat.cut()
    await jest.advanceTimersByTimeAsync(4000)
    beat.stop()
    expect(calls).toEqual([0, 2, 2.5, 4, 6])
  })

  test('is cut four times in a second and no more', async () => {
    const calls: number[] = []
    const beat = new Beat(async () => void calls.push(clock.now()), clock, seconds(60))
    await beat.start()
    for (let cut = 0; cut < 14; cut += 1) {
      await jest.advanceTimersByTimeAsync(125)
      beat.cut()
    }
    beat.stop()
    expect(calls).toEqual([0, 0.125, 0.25, 0.375, 0.5, 1.125, 1.25, 1.375, 1.5])
  })

  test('that is cut during a call makes another as soon as that has ended', async () => {
    const calls: number[] = []
    const beat = new Beat(
      async () => {
        calls.push(clock.now())
        if (calls.length === 2) await new Promise((resolve) => setTimeout(resolve, 500))
      },
      clock,
      seconds(1),
    )
    await beat.start()
    await jest.advanceTimersByTimeAsync(1200)
    beat.cut()
    beat.cut()
    await jest.advanceTimersByTimeAsync(1000)
    beat.stop()
    beat.cut()
    await jest.advanceTimersByTimeAsync(5000)
    expect(calls).toEqual([0, 1, 1.5, 2])
  })
})
