import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { PowerIntegral } from '../../exporter/src/sensors/power-integral.ts'
import { seconds, watts } from '../../exporter/src/units.ts'

const point = (at: number, power: number, averagedOver?: number) => ({
  at: seconds(at),
  watts: watts(power),
  ...(averagedOver !== undefined && { averagedOver: seconds(averagedOver) }),
})

describe('energy from samples of power', () => {
  test('is the trapezoid between them, from the first to the newest', () => {
    const integral = new PowerIntegral()
    integral.add(point(1, 100))
    expect(integral.take()).toBeUndefined()
    integral.add(point(2, 200))
    integral.add(point(4, 0))
    expect(integral.take()).toEqual({ spent: (150 + 200) * 1e6, from: 1 })
    expect(integral.take()).toBeUndefined()
  })

  test('a mean counts in full over its own time, which cannot begin before the sample before', () => {
    const integral = new PowerIntegral()
    integral.add(point(0, 100, 1))
    integral.add(point(4, 200, 1))
    integral.add(point(5, 300, 60))
    expect(integral.take()).toEqual({ spent: (3 * 150 + 200 + 300) * 1e6, from: 0 })
  })

  test('over a long silence nothing is known', () => {
    const integral = new PowerIntegral(seconds(60))
    integral.add(point(0, 100))
    integral.add(point(60, 100))
    expect(integral.take()).toEqual({ spent: 6_000e6, from: 0 })
    integral.add(point(121, 100))
    expect(integral.take()).toBeUndefined()
    integral.add(point(122, 100))
    expect(integral.take()).toEqual({ spent: 100e6, from: 121 })
  })

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('%d W is passed over', (power) => {
    const integral = new PowerIntegral()
    integral.add(point(0, 100))
    integral.add(point(1, power))
    integral.add(point(2, 100))
    expect(integral.take()).toEqual({ spent: 200e6, from: 0 })
  })

  test('however it is taken, the sum is right to a microjoule', () => {
    const samples = fc.array(
      fc.tuple(fc.double({ min: 0.001, max: 9, noNaN: true }), fc.nat(3000), fc.boolean()),
      {
        minLength: 2,
        maxLength: 60,
      },
    )
    fc.assert(
      fc.property(samples, (steps) => {
        const [often, once] = [new PowerIntegral(), new PowerIntegral()]
        let at = 0
        let sum = 0
        for (const [step, power, isTaken] of steps) {
          at += step
          for (const integral of [often, once]) integral.add(point(at, power))
          if (isTaken) sum += often.take()?.spent ?? 0
        }
        sum += often.take()?.spent ?? 0
        expect(Math.abs(sum - (once.take()?.spent ?? 0))).toBeLessThanOrEqual(1)
      }),
    )
  })
})
