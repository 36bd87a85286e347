import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { lengthOfUnion, without, type Span } from '../../exporter/src/workloads/span-union.ts'
import { seconds } from '../../exporter/src/units.ts'

const aSpan = fc
  .tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 20 }))
  .map(([from, length]): Span => ({ from: seconds(from), to: seconds(from + length) }))

test('what is left of a span and what others cover of it make up all of it, and have nothing in common', () => {
  fc.assert(
    fc.property(aSpan, fc.array(aSpan), (span, others) => {
      const left = without(span, others)
      const covered = others
        .map(({ from, to }) => ({
          from: seconds(Math.max(from, span.from)),
          to: seconds(Math.min(to, span.to)),
        }))
        .filter(({ from, to }) => to > from)
      expect(lengthOfUnion(left) + lengthOfUnion(covered)).toBe(span.to - span.from)
      expect(lengthOfUnion([...left, ...covered])).toBe(span.to - span.from)
    }),
  )
})
