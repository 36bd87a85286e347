import { suggestionsFor } from './suggestions'
import { columns, series, table } from './test/frames'

const names = (...args: Parameters<typeof suggestionsFor>) => suggestionsFor(...args).map(({ name }) => name)

test('both views are proposed for the data that they are for', () => {
  expect(names([table('host', [[{ workload: 'a' }, 1]])])).toEqual([
    'Energy per query',
    'Energy per query, shares',
  ])
  expect(names(series('timeline', [[{ phase: 'train' }, { 1: 1 }]]))).toEqual(['Training phases'])
  expect(names([columns({ model: ['m'], accelerator: [1] })])).toContain('Energy per query')
})

test('nothing is proposed for other data', () => {
  expect(names([columns({ time: [1], value: [2] })])).toEqual([])
  expect(names([])).toEqual([])
})
