import { fromOtherPanel, migrate } from './migrations'

test('options of today stay as they are', () => {
  const options = { view: 'query-energy', quantity: 'total', top: 5, percent: true, mapping: { model: 'm' } }
  expect(migrate({ options })).toEqual(options)
  expect(migrate({ options: undefined as never })).toEqual({})
})

test('what this version does not know becomes the default, the rest stays', () => {
  const options = { view: 'pie', quantity: 'per-letter', order: 'queries', top: -3, mapping: 'no' }
  expect(migrate({ options })).toEqual({
    view: 'auto',
    quantity: 'per-query',
    order: 'queries',
    top: 20,
    mapping: {},
  })
})

test.each([
  ['state-timeline', 'training-phases'],
  ['bargauge', 'query-energy'],
] as const)('from %s to the view %s, with its legend', (type, view) => {
  const legend = { showLegend: false }
  expect(fromOtherPanel({ options: {} }, type, { options: { legend } })).toEqual({ view, legend })
})

test('from a panel that has nothing in common, nothing is taken', () => {
  expect(fromOtherPanel({ options: { view: 'auto' } }, 'text', { options: { content: 'x' } })).toEqual({
    view: 'auto',
  })
})
