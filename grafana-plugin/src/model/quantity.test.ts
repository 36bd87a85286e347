import { factor, inUnit, QUANTITIES } from './quantity'

const counts = { queries: 256, tokens: 65_536 }

test('the same energy in every quantity', () => {
  const joulesPerQuery = 18
  expect(QUANTITIES.map((quantity) => joulesPerQuery * (factor(quantity, counts) ?? Number.NaN))).toEqual([
    18, 0.0703125, 18_000, 4608,
  ])
  // 18 kJ for 1,000 queries are 5 Wh
  expect(inUnit(18_000, 'watth')).toBe(5)
  expect(inUnit(3600, 'watth')).toBe(1)
  expect(inUnit(3600, 'kwatth')).toBe(0.001)
  expect(inUnit(3600, 'joule')).toBe(3600)
})

test('a quantity whose count is not known has no figure, and never 0', () => {
  expect(factor('total', { queries: undefined, tokens: 1 })).toBeUndefined()
  expect(factor('per-token', { queries: 10, tokens: undefined })).toBeUndefined()
  expect(factor('per-token', { queries: 10, tokens: 0 })).toBeUndefined()
})
