import fc from 'fast-check'
import { measured, row } from '../test/rows'
import { groupRows, mergeRows } from './merge'
import type { Row } from './row'

const joules = (one: Row) =>
  one.parts.accelerator.state === 'measured' ? one.parts.accelerator.joulesPerQuery * (one.queries ?? 0) : 0

test('energy and queries of a group are those of its members', () => {
  const members = fc.array(
    fc.record({
      perQuery: fc.double({ min: 0, max: 1e6, noNaN: true }),
      queries: fc.integer({ min: 1, max: 1e6 }),
    }),
    { minLength: 2, maxLength: 30 },
  )
  fc.assert(
    fc.property(members, (all) => {
      const rows = all.map(({ perQuery, queries }, index) =>
        row(`w${index}`, { accelerator: measured(perQuery) }, { queries }),
      )
      const merged = mergeRows(rows, {}, 'all')
      const total = rows.reduce((sum, one) => sum + joules(one), 0)
      expect(merged.queries).toBe(all.reduce((sum, { queries }) => sum + queries, 0))
      expect(Math.abs(joules(merged) - total)).toBeLessThanOrEqual(1e-9 * Math.max(1, total))
      // never the mean of ratios
      const each = all.map(({ perQuery }) => perQuery)
      const perQuery = joules(merged) / (merged.queries ?? 1)
      expect(perQuery).toBeGreaterThanOrEqual(Math.min(...each) - 1e-6)
      expect(perQuery).toBeLessThanOrEqual(Math.max(...each) + 1e-6)
    }),
  )
})

test('a group of which some are not measured is partly measured and says so', () => {
  const merged = mergeRows(
    [
      row('a', { host: measured(2) }, { queries: 10 }),
      row('b', { host: { state: 'no-figure' } }, { queries: 30 }),
    ],
    {},
    'all',
  )
  expect(merged.parts.host).toMatchObject({ joulesPerQuery: 0.5, missing: ['1 of 2 members'] })
  expect(merged.parts.idle).toEqual({ state: 'not-measured' })
})

test('without the queries of each there is no energy per query of all', () => {
  const merged = mergeRows(
    [row('a', { host: measured(2) }, { queries: 10 }), row('b', { host: measured(2) })],
    {},
    'all',
  )
  expect(merged.parts.host.state).toBe('failed')
})

test('quantiles of members are no quantile of their group', () => {
  const one = row('a', { host: measured(2) }, { queries: 1, median: 3, percentile95: 5 })
  expect(mergeRows([one, one], {}, 'all')).toMatchObject({ median: undefined, percentile95: undefined })
  expect(mergeRows([one], {}, 'all')).toMatchObject({ median: 3 })
})

test('rows are grouped by what a bar is for', () => {
  const labelled = (workload: string, model: string, variant: string) =>
    row(
      `${workload}${model}${variant}`,
      { host: measured(1) },
      { queries: 1, labels: { workload, model, variant } },
    )
  const rows = [labelled('a', 'm', 'x'), labelled('a', 'm', 'y'), labelled('b', 'm', 'x')]
  expect(groupRows(rows, 'row')).toHaveLength(3)
  expect(groupRows(rows, 'workload').map(({ labels }) => labels)).toEqual([
    { workload: 'a' },
    { workload: 'b' },
  ])
  expect(groupRows(rows, 'model').map(({ labels, queries }) => [labels, queries])).toEqual([
    [{ model: 'm' }, 3],
  ])
  expect(groupRows(rows, 'variant')).toHaveLength(2)
})

test('the week before of a group is summed as well', () => {
  const with7 = row('a', {}, { queries: 1, earlier: { joulesPerQuery: { host: 2 }, queries: 10, tokens: 5 } })
  const with1 = row('b', {}, { queries: 1, earlier: { joulesPerQuery: { host: 4 }, queries: 30, tokens: 5 } })
  expect(mergeRows([with7, with1], {}, 'all').earlier).toEqual({
    joulesPerQuery: { host: 3.5 },
    queries: 40,
    tokens: 10,
  })
  expect(mergeRows([with7, row('c', {})], {}, 'all').earlier).toBeUndefined()
})
