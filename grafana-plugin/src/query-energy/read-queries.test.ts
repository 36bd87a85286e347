import { inputOf } from '../model/input'
import { panelData, series, table } from '../test/frames'
import { readQueries } from './read-queries'

const chat = { cluster: 'c', namespace: 'ml', workload: 'chat', model: 'llama', variant: 'fp8' }
const batch = { cluster: 'c', namespace: 'ml', workload: 'batch', model: 'mistral' }

const read = (...args: Parameters<typeof panelData>) => readQueries(inputOf(panelData(...args)))

test('answers are joined by their labels', () => {
  const rows = read([
    table('accelerator', [
      [chat, 2],
      [batch, 3],
    ]),
    table('host', [[chat, 0.5]]),
    table('queries', [
      [batch, 10],
      [chat, 1000],
    ]),
    table('tokens', [[chat, 30_000]]),
  ])
  expect(rows.map(({ labels, queries, tokens }) => ({ labels, queries, tokens }))).toEqual([
    { labels: chat, queries: 1000, tokens: 30_000 },
    { labels: batch, queries: 10, tokens: undefined },
  ])
  expect(rows[0]?.parts.accelerator).toMatchObject({ state: 'measured', joulesPerQuery: 2 })
})

test('no figure is told apart from not measured, no query and a failure; none is 0', () => {
  const [, second] = read(
    [
      table('accelerator', [
        [chat, 2],
        [batch, 0],
      ]),
      table('host', [[chat, 1]]),
      table('idle', []),
    ],
    { errors: [{ refId: 'overhead', message: 'timed out' }] },
  )
  expect(second?.parts).toEqual({
    accelerator: { state: 'measured', joulesPerQuery: 0, methods: [], missing: [] },
    host: { state: 'no-figure' },
    idle: { state: 'not-measured' },
    overhead: { state: 'failed', why: 'timed out' },
  })
})

test('a query that is there and answers with nothing was asked', () => {
  const rows = read([table('accelerator', [[chat, 2]])], {
    request: {
      targets: [{ refId: 'accelerator' }, { refId: 'idle' }, { refId: 'overhead', hide: true }],
    } as never,
  })
  expect(rows[0]?.parts.idle).toEqual({ state: 'not-measured' })
  expect(rows[0]?.parts.overhead).toEqual({ state: 'not-asked' })
})

test('quality tells methods and missing components of a part', () => {
  const quality = (part: string, component: string, method: string, value = 5) =>
    [{ ...chat, part, component, method }, value] as const
  const [row] = read([
    table('accelerator', [[chat, 2]]),
    table('host', [[chat, 1]]),
    table('quality', [
      quality('accelerator', 'accelerator', 'counter'),
      quality('host', 'cpu', 'counter'),
      quality('host', 'memory', 'estimated'),
      quality('host', 'cpu', 'integrated', 0),
    ]),
  ])
  expect(row?.parts.accelerator).toMatchObject({ methods: ['counter'], missing: [] })
  expect(row?.parts.host).toMatchObject({ methods: ['counter', 'estimated'], missing: ['board'] })
})

test('a quantile without a variant is for all variants of its model', () => {
  const { variant, ...model } = chat
  const rows = read([
    table('accelerator', [
      [chat, 2],
      [{ ...model, variant: 'bf16' }, 4],
      [batch, 1],
    ]),
    table('p95', [[model, 9]]),
  ])
  expect(variant).toBe('fp8')
  expect(rows.map(({ percentile95 }) => percentile95)).toEqual([9, 9, undefined])
})

test('only output tokens are counted where a direction is told', () => {
  const [row] = read([
    table('accelerator', [[chat, 2]]),
    table('tokens', [
      [{ ...chat, direction: 'input' }, 500],
      [{ ...chat, direction: 'output' }, 70],
    ]),
  ])
  expect(row?.tokens).toBe(70)
})

test('instant answers as series work as well', () => {
  const [row] = read([
    ...series('accelerator', [[chat, { 1000: 2 }]]),
    ...series('queries', [[chat, { 1000: 40 }]]),
  ])
  expect(row).toMatchObject({ labels: chat, queries: 40 })
})

test('the week before needs a part of it', () => {
  const [row] = read([
    table('accelerator', [[chat, 2]]),
    table('baseline_accelerator', [[chat, 1.6]]),
    table('baseline_queries', [[chat, 7]]),
  ])
  expect(row?.earlier).toEqual({ joulesPerQuery: { accelerator: 1.6 }, queries: 7, tokens: undefined })
})
