import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { energyOf, EnergyTotal, microjoules, seconds, watts } from '../exporter/src/units.ts'

const amounts = fc.array(fc.maxSafeNat().map(microjoules), { maxLength: 200 })

const totalOf = (some: readonly number[]): EnergyTotal => {
  const total = new EnergyTotal()
  for (const amount of some) total.add(microjoules(amount))
  return total
}

describe('EnergyTotal', () => {
  test('is exact far beyond 2^53 microjoules', () => {
    fc.assert(
      fc.property(amounts, amounts, (some, others) => {
        const expected = (list: readonly number[]): bigint => list.reduce((sum, one) => sum + BigInt(one), 0n)
        const sum = EnergyTotal.of(totalOf(some), totalOf(others))
        expect(sum.toBigInt()).toBe(expected(some) + expected(others))
        sum.subtractTotal(totalOf(some))
        expect(sum.toBigInt()).toBe(expected(others))
      }),
    )
  })

  test('is written with six digits and read back without loss', () => {
    fc.assert(
      fc.property(amounts, (some) => {
        const text = totalOf(some).toString()
        expect(text).toMatch(/^\d+\.\d{6}$/)
        expect(BigInt(text.replace('.', ''))).toBe(totalOf(some).toBigInt())
      }),
    )
  })

  test('keeps the sign of a negative difference', () => {
    const difference = totalOf([1])
    difference.subtractTotal(totalOf([2_000_000]))
    expect(difference.toString()).toBe('-1.999999')
  })
})

describe('units', () => {
  test('an energy is whole, not negative and exact', () => {
    for (const wrong of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => microjoules(wrong)).toThrow(RangeError)
  })

  test('watts over seconds are joules', () => {
    expect(energyOf(watts(42), seconds(2))).toBe(84_000_000)
  })
})
