import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { globOf } from '../../exporter/src/workloads/glob.ts'

test.each([
  ['', '', true],
  ['', 'a', false],
  ['*', '', true],
  ['*', 'any\nthing', true],
  ['a', 'a', true],
  ['a', 'ab', false],
  ['a*', 'a', true],
  ['a*', 'ba', false],
  ['*a', 'ba', true],
  ['a*a', 'a', false], // one letter is not both ends
  ['a*a', 'aa', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['*/train.py *', 'python /x/train.py --lr 1', true],
  ['a.c', 'abc', false],
  ['a**b', 'axb', true],
])('%j and %j', (pattern, text, fits) => {
  expect(globOf(pattern)(text)).toBe(fits)
})

test('the same as the regular expression that it stands for', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.'), maxLength: 6 })
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 10 })
  fc.assert(
    fc.property(letters, text, (pattern, of) => {
      const expression = pattern.replaceAll('.', String.raw`\.`).replaceAll('*', '.*')
      expect(globOf(pattern)(of)).toBe(new RegExp(`^${expression}$`, 's').test(of))
    }),
    { numRuns: 2000 },
  )
})

test('what keeps an expression busy for ever is done at once', () => {
  expect(globOf(`${'*a'.repeat(500)}b`)('a'.repeat(100_000))).toBe(false)
})
