import { LoadingState } from '@grafana/data'
import { contentOf } from './content'
import { QUERY_ENERGY_QUERIES, TRAINING_PHASES_QUERIES } from './model/queries'
import { DEFAULTS, type PanelOptions } from './options'
import { columns, panelData, series, table } from './test/frames'

const settings = (changes: Partial<PanelOptions> = {}) => ({ ...DEFAULTS, mapping: {}, ...changes })
const chat = { workload: 'chat' }
const all = (queries: typeof QUERY_ENERGY_QUERIES) => ({
  request: { targets: queries.map(({ refId }) => ({ refId })) } as never,
})
const problems = (content: ReturnType<typeof contentOf>) =>
  'problems' in content ? content.problems.map(({ refId, kind }) => [refId, kind]) : []

test('before anything arrives, it waits; while it loads anew, it shows what is there', () => {
  expect(contentOf(panelData([], { state: LoadingState.Loading }), settings()).kind).toBe('waiting')
  const data = panelData([table('accelerator', [[chat, 1]])], { state: LoadingState.Loading })
  expect(contentOf(data, settings()).kind).toBe('query-energy')
})

test('the view follows from the data, unless one is chosen', () => {
  const phases = panelData(series('timeline', [[{ ...chat, phase: 'train' }, { 1: 1 }]]))
  expect(contentOf(phases, settings()).kind).toBe('training-phases')
  expect(contentOf(panelData([table('host', [[chat, 1]])]), settings()).kind).toBe('query-energy')
  const chosen = contentOf(panelData([table('host', [[chat, 1]])]), settings({ view: 'training-phases' }))
  expect(chosen).toMatchObject({ kind: 'unknown-data', view: 'training-phases' })
})

test('tables of other sources are found by their columns', () => {
  expect(contentOf(panelData([columns({ model: ['m'], host: [1] })]), settings()).kind).toBe('query-energy')
  const timeline = columns({ time: [1], workload: ['a'], phase: ['train'], fraction: [1] })
  expect(contentOf(panelData([timeline]), settings()).kind).toBe('training-phases')
})

test('with all shipped queries there is no problem', () => {
  expect(problems(contentOf(panelData([], all(QUERY_ENERGY_QUERIES)), settings()))).toEqual([])
  const options = settings({ view: 'training-phases' })
  expect(problems(contentOf(panelData([], all(TRAINING_PHASES_QUERIES)), options))).toEqual([])
})

test('a missing query is named, with the one to use', () => {
  const content = contentOf(panelData([table('accelerator', [[chat, 1]])]), settings())
  expect(problems(content)).toEqual([
    ['host', 'missing'],
    ['idle', 'missing'],
    ['overhead', 'missing'],
    ['queries', 'missing'],
    ['quality', 'missing'],
  ])
  const [host] = 'problems' in content ? content.problems : []
  expect(host?.query?.expr).toContain('part="host"')
})

test('what only an option needs is missed only then', () => {
  const data = panelData([table('accelerator', [[chat, 1]])])
  const missing = (changes: Partial<PanelOptions>) =>
    problems(contentOf(data, settings(changes))).map(([refId]) => refId)
  expect(missing({})).not.toContain('tokens')
  expect(missing({ quantity: 'per-token' })).toContain('tokens')
  expect(missing({ compareWith: 'earlier' })).toContain('baseline_host')
  expect(missing({ compareWith: 'earlier' })).not.toContain('baseline_queries')
  expect(missing({ compareWith: 'earlier', quantity: 'total' })).toContain('baseline_queries')
})

test('a failed query is named with its reason, and the others are shown', () => {
  const data = panelData([table('accelerator', [[chat, 1]])], {
    ...all(QUERY_ENERGY_QUERIES),
    errors: [
      { refId: 'host', message: 'timed out' },
      { refId: 'mine', message: 'parse error' },
    ],
  })
  const content = contentOf(data, settings())
  expect(content.kind).toBe('query-energy')
  expect(problems(content)).toEqual([
    ['host', 'failed'],
    ['mine', 'failed'],
  ])
})

test('data that are not known say which queries would be', () => {
  const content = contentOf(panelData([columns({ time: [1], value: [2] })]), settings())
  expect(content.kind).toBe('unknown-data')
  expect(problems(content).map(([refId]) => refId)).toContain('accelerator')
})
