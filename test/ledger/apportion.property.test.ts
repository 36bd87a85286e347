import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { apportion } from '../../exporter/src/ledger/apportion.ts'
import { microjoules } from '../../exporter/src/units.ts'

const energies = fc.maxSafeNat().map(microjoules)
const weights = fc.array(
  fc.oneof(fc.constant(0), fc.maxSafeNat(), fc.double({ min: 0, max: 1e15, noNaN: true })),
  {
    minLength: 1,
    maxLength: 300,
  },
)

const sum = (amounts: readonly number[]): bigint => amounts.reduce((total, one) => total + BigInt(one), 0n)

describe('apportion', () => {
  test('shares add up to the energy exactly, whatever the weights', () => {
    fc.assert(
      fc.property(energies, weights, (energy, some) => {
        const shares = apportion(energy, some)
        expect(shares === undefined).toBe(some.every((weight) => weight === 0))
        if (shares === undefined) return
        expect(sum(shares)).toBe(BigInt(energy))
        expect(shares.every((share) => Number.isSafeInteger(share) && share >= 0)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  test('nobody without weight is charged', () => {
    fc.assert(
      fc.property(energies, weights, (energy, some) => {
        apportion(energy, some)?.forEach((share, index) => {
          if (some[index] === 0) expect(share).toBe(0)
        })
      }),
    )
  })

  test('each share is within one microjoule of the ideal one', () => {
    const small = fc.integer({ min: 0, max: 1e9 })
    fc.assert(
      fc.property(
        small.map(microjoules),
        fc.array(small, { minLength: 1, maxLength: 50 }),
        (energy, some) => {
          const total = sum(some)
          apportion(energy, some)?.forEach((share, index) => {
            const error = BigInt(share) * total - BigInt(energy) * BigInt(some[index] ?? 0)
            expect(error <= total && -error <= total).toBe(true)
          })
        },
      ),
    )
  })

  test('weights that are negative or not finite are refused', () => {
    for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => apportion(microjoules(1), [1, wrong])).toThrow(RangeError)
    }
  })

  test('the property catches an apportionment that drops one share', () => {
    const lossy: typeof apportion = (energy, some) => apportion(energy, some)?.slice(1)
    const holds = fc.check(
      fc.property(energies, weights, (energy, some) => {
        const shares = lossy(energy, some)
        return shares === undefined || sum(shares) === BigInt(energy)
      }),
    )
    expect(holds.failed).toBe(true)
  })
})
