import fc from 'fast-check'
import { measured, row } from '../test/rows'
import { type BarOptions, barsOf } from './bars'

const options: BarOptions = {
  quantity: 'per-query',
  boundary: 'facility',
  grouping: 'row',
  order: 'most',
  top: 0,
  comparison: { with: 'nothing' },
  hidden: new Set(),
  marks: true,
}
const small = row('small', { accelerator: measured(1), host: measured(0.5) }, { queries: 900, tokens: 7200 })
const large = row('large', { accelerator: measured(4), host: measured(2) }, { queries: 100, tokens: 4000 })
const middle = row('middle', { accelerator: measured(2), host: measured(1) }, { queries: 10 })

const names = (changes: Partial<BarOptions>) =>
  barsOf([small, large, middle], { ...options, ...changes }).bars.map(({ name }) => name)

test.each([
  ['most', ['large', 'middle', 'small']],
  ['least', ['small', 'middle', 'large']],
  ['queries', ['small', 'large', 'middle']],
  ['name', ['large', 'middle', 'small']],
  ['data', ['small', 'large', 'middle']],
] as const)('in the order %s', (order, expected) => {
  expect(names({ order })).toEqual(expected)
})

test('the rest is folded into one bar, whose energy per query is that of all its queries', () => {
  const { bars } = barsOf([small, large, middle], { ...options, top: 1 })
  expect(bars.map(({ name, detail }) => [name, detail])).toEqual([
    ['large', ''],
    ['other', '2 more'],
  ])
  // (900 · 1.5 + 10 · 3) / 910
  expect(bars[1]?.joules).toBeCloseTo(1380 / 910, 12)
  expect(bars[1]?.row.queries).toBe(910)
})

test('one bar alone is not folded: it takes no more room than the fold', () => {
  expect(names({ top: 2 })).toEqual(['large', 'middle', 'small'])
})

test('shares and boundaries add up', () => {
  const figures = fc.tuple(...[1, 2, 3, 4].map(() => fc.double({ min: 0, max: 1e9, noNaN: true })))
  fc.assert(
    fc.property(figures, ([accelerator = 0, host = 0, idle = 0, overhead = 0]) => {
      const parts = {
        accelerator: measured(accelerator),
        host: measured(host),
        idle: measured(idle),
        overhead: measured(overhead),
      }
      const [bar] = barsOf([row('a', parts)], options).bars
      const total = accelerator + host + idle + overhead
      expect(bar?.joules).toBe(total)
      const shares = bar?.segments.reduce((sum, { share }) => sum + share, 0) ?? 0
      expect(total === 0 ? shares : Math.abs(shares - 1)).toBeLessThan(1e-9)
      expect(bar?.boundaries.map(({ joules }) => joules)).toEqual([
        accelerator,
        accelerator + host,
        accelerator + host + idle,
        total,
      ])
    }),
  )
})

test('boundaries end where a part is not measured, and the scope says what is missing', () => {
  const [bar] = barsOf(
    [row('a', { accelerator: measured(2), idle: measured(1, { missing: ['board'] }) })],
    options,
  ).bars
  expect(bar).toMatchObject({
    joules: 3,
    scope: 'provisioned without host, partly',
    boundaries: [{ boundary: 'accelerator', joules: 2, partly: false }],
    open: [{ part: 'host' }, { part: 'overhead' }],
  })
})

test('a boundary leaves out what is beyond it', () => {
  const [bar] = barsOf([large], { ...options, boundary: 'accelerator' }).bars
  expect(bar).toMatchObject({ joules: 4, scope: 'accelerator', open: [] })
})

test('hidden parts do not count', () => {
  const [bar] = barsOf([large], { ...options, hidden: new Set(['accelerator'] as const) }).bars
  expect(bar).toMatchObject({ joules: 2, scope: 'host without accelerator' })
})

test('no count, no figure; never 0', () => {
  const { bars } = barsOf([small, middle], { ...options, quantity: 'per-token' })
  expect(bars.map(({ name, joules, segments }) => [name, joules, segments.length])).toEqual([
    ['small', 0.1875, 2],
    ['middle', undefined, 0],
  ])
})

test('marks are of single requests and reach as far as the axis does', () => {
  const marked = row('a', { accelerator: measured(1) }, { median: 1.5, percentile95: 8, queries: 2 })
  expect(barsOf([marked], options).reach).toBe(8)
  const thousand = barsOf([marked], { ...options, quantity: 'per-1000-queries' }).bars[0]
  expect(thousand?.marks.map(({ joules }) => joules)).toEqual([1500, 8000])
  expect(barsOf([marked], { ...options, quantity: 'total' }).bars[0]?.marks).toEqual([])
  expect(barsOf([marked], { ...options, marks: false }).reach).toBe(1)
})

test('what tells rows apart stands in their detail', () => {
  const at = (namespace: string) => ({
    labels: { workload: 'chat', namespace, model: 'llama' },
    key: namespace,
  })
  const rows = [row('', { host: measured(1) }, at('a')), row('', { host: measured(1) }, at('b'))]
  expect(barsOf(rows, options).bars.map(({ detail }) => detail)).toEqual(['llama · a', 'llama · b'])
  expect(barsOf(rows.slice(0, 1), options).bars.map(({ detail }) => detail)).toEqual(['llama'])
})

describe('compared', () => {
  test('with another row: the same parts of both, with a sign', () => {
    const { bars } = barsOf([small, large], { ...options, comparison: { with: 'row', name: 'small' } })
    expect(bars[0]?.difference).toEqual({
      joules: 4.5,
      ratio: 3,
      against: 'small',
      parts: ['accelerator', 'host'],
    })
    expect(bars[1]?.difference).toBeUndefined()
  })

  test('parts that one of them lacks are left out', () => {
    const bare = row('bare', { accelerator: measured(2) })
    const { bars } = barsOf([large, bare], { ...options, comparison: { with: 'row', name: 'bare' } })
    expect(bars[0]?.difference).toMatchObject({ joules: 2, ratio: 1, parts: ['accelerator'] })
  })

  test('with the week before, in its own counts', () => {
    const earlier = { joulesPerQuery: { accelerator: 2, host: 1 }, queries: 50, tokens: 500 }
    const now = { ...large, earlier }
    const difference = (quantity: BarOptions['quantity']) =>
      barsOf([now], { ...options, quantity, comparison: { with: 'earlier' } }).bars[0]?.difference
    expect(difference('per-query')).toMatchObject({ joules: 3, ratio: 1, against: 'the week before' })
    // 6 J · 100 queries − 3 J · 50 queries
    expect(difference('total')).toMatchObject({ joules: 450, ratio: 3 })
    // 6 · 100 / 4000 − 3 · 50 / 500
    expect(difference('per-token')?.joules).toBeCloseTo(0.15 - 0.3, 12)
  })

  test('with a baseline of 0 there is no ratio', () => {
    const zero = { joulesPerQuery: { accelerator: 0 }, queries: 1, tokens: 1 }
    const { bars } = barsOf([{ ...large, earlier: zero }], { ...options, comparison: { with: 'earlier' } })
    expect(bars[0]?.difference).toMatchObject({ joules: 4, ratio: undefined })
  })

  test('with a name that is not there: no difference', () => {
    const { bars } = barsOf([small, large], { ...options, comparison: { with: 'row', name: 'gone' } })
    expect(bars.map(({ difference }) => difference)).toEqual([undefined, undefined])
  })
})
