import { series } from '../test/frames'
import type { Range } from './blocks'
import { lanesOf } from './lanes'
import { type PhaseInput, readPhaseTables, seriesOf, windowOf, findPhaseTables } from './series'
import { columns } from '../test/frames'
import { toDataFrame } from '@grafana/data'

const STEP = 15_000
const range: Range = { from: 0, to: 40 * STEP, untilNow: true }
const run = { workload: 'resnet' }

/** Fractions of a phase at steps 1, 2, 3, … */
const line = (phase: string, fractions: ReadonlyArray<number | null>) =>
  [
    { ...run, phase },
    Object.fromEntries(fractions.map((fraction, index) => [(index + 1) * STEP, fraction])),
  ] as const

const inputOf = (
  lines: ReadonlyArray<ReturnType<typeof line>>,
  changes: Partial<PhaseInput> = {},
): PhaseInput => ({
  timeline: seriesOf(series('timeline', lines)),
  power: [],
  runs: [],
  energy: [],
  seconds: [],
  steps: [],
  samples: [],
  windowMs: 0,
  ...changes,
})

const fill = (count: number, value: number | null) => Array.from({ length: count }, () => value)
const lanes = (input: PhaseInput, within: Range = range) => lanesOf(input, within, true)

test('the phase that takes most of the time is the block', () => {
  const [lane] = lanes(inputOf([line('load', [1, 1, 0.6, 0, 0]), line('train', [0, 0, 0.4, 1, 1])]))
  expect(lane?.blocks.map(({ phase }) => phase)).toEqual(['load', 'train'])
})

test('a change between intervals that are told exactly is exact, one within an interval is known to it', () => {
  const [lane] = lanes(inputOf([line('load', [1, 1, 0, 0]), line('train', [0, 0, 1, 1])]))
  const edge = { at: 2 * STEP, uncertaintyMs: 0, cut: false }
  expect(lane?.blocks[0]?.to).toEqual(edge)
  expect(lane?.blocks[1]?.from).toEqual(edge)
  const [other] = lanes(inputOf([line('load', [1, 1, 0.3, 0]), line('train', [0, 0, 0.7, 1])]))
  expect(other?.blocks[0]?.to).toEqual({ at: 2.5 * STEP, uncertaintyMs: STEP / 2, cut: false })
})

test('a change in a rate is known to one scrape, on either side', () => {
  // rates over 60 s of scrapes each 15 s, at the time of a scrape: the change is between those at 30 s and 45 s
  const fractions = [
    line('load', [1, 1, 0.9, 0.57, 0.23, 0, 0]),
    line('train', [0, 0, 0.1, 0.43, 0.77, 1, 1]),
  ]
  const [lane] = lanes(inputOf(fractions, { windowMs: 4 * STEP }))
  const edge = { at: 2 * STEP, uncertaintyMs: STEP, cut: false }
  expect(lane?.blocks[0]?.to).toEqual(edge)
  expect(lane?.blocks[1]?.from).toEqual(edge)
})

test('a phase that has no figures before began one scrape earlier than others', () => {
  const fractions = [
    line('load', [1, 1, 0.9, 0.57, 0.23, 0, 0]),
    line('train', [null, null, null, 0.43, 0.77, 1, 1]),
  ]
  const [lane] = lanes(inputOf(fractions, { windowMs: 4 * STEP }))
  // its first scrape was at most one scrape before 45 s, and its beginning one more
  expect(lane?.blocks[1]?.from).toEqual({ at: 2 * STEP, uncertaintyMs: STEP, cut: false })
})

test('finer phases make up their phase and are stripes', () => {
  const [lane] = lanes(
    inputOf([
      line('train', fill(4, 0.1)),
      line('train/forward', fill(4, 0.3)),
      line('train/backward', fill(4, 0.6)),
      line('eval', fill(4, 0)),
    ]),
  )
  expect(lane?.blocks.map(({ phase }) => phase)).toEqual(['train'])
  expect(lane?.stripes).toHaveLength(4)
  expect(lane?.stripes[0]?.shares).toEqual([
    { phase: 'train', fraction: 0.1 },
    { phase: 'train/forward', fraction: 0.3 },
    { phase: 'train/backward', fraction: 0.6 },
  ])
})

test('a block of one phase alone has no stripes, though its rate wobbles', () => {
  const [lane] = lanes(inputOf([line('train', [0.97, 1.02, 0.96])]))
  expect(lane?.stripes).toEqual([])
})

test('time in no phase is untracked, and time without figures is nothing', () => {
  const [lane] = lanes(inputOf([line('train', [1, 1, 0, 0, 1, 1, null, null, null, 1])]))
  expect(lane?.blocks.map(({ phase, from, to }) => [phase, from.at / STEP, to.at / STEP])).toEqual([
    ['train', 0, 2],
    [undefined, 2, 4],
    ['train', 4, 6],
    ['train', 9, 10],
  ])
})

test('a share below 95 % that is in no phase is a stripe of its block', () => {
  const [lane] = lanes(inputOf([line('train', [0.75])]))
  expect(lane?.blocks.map(({ phase }) => phase)).toEqual(['train'])
  expect(lane?.stripes[0]?.shares).toEqual([
    { phase: 'train', fraction: 0.75 },
    { phase: undefined, fraction: 0.25 },
  ])
})

test('the last block goes on to now, where the range ends now', () => {
  const fractions = [line('train', fill(40, 1))]
  const last = (untilNow: boolean) => lanes(inputOf(fractions), { ...range, untilNow })[0]?.blocks[0]
  expect(last(true)).toMatchObject({ open: true, to: { at: range.to, cut: true } })
  expect(last(false)).toMatchObject({ open: false, to: { at: range.to, cut: true } })
})

test('a block that ended before now does not go on', () => {
  const [lane] = lanes(inputOf([line('train', fill(10, 1))]))
  expect(lane?.blocks[0]).toMatchObject({ open: false, to: { cut: false, at: 10 * STEP } })
})

test('each run has a lane, and its beginning is exact', () => {
  const start = 4.2 * STEP
  const runs = seriesOf(series('runs', [[run, { [STEP]: -1000 / 1000, [5 * STEP]: start / 1000 }]]))
  const found = lanes(inputOf([line('train', fill(12, 1))], { runs }))
  expect(found.map(({ runStart }) => runStart)).toEqual([start])
  const two = seriesOf(series('runs', [[run, { [STEP]: 1, [5 * STEP]: start / 1000 }]]))
  const [first, second] = lanes(inputOf([line('train', fill(12, 1))], { runs: two }))
  expect(first?.blocks[0]?.to).toEqual({ at: start, uncertaintyMs: 0, cut: false })
  expect(second?.blocks[0]?.from).toEqual({ at: start, uncertaintyMs: 0, cut: false })
  expect(lanesOf(inputOf([line('train', fill(12, 1))], { runs: two }), range, false)).toHaveLength(1)
})

test('the energy of a block is its mean power times its time', () => {
  const power = seriesOf(
    series('power', [
      [run, Object.fromEntries(fill(40, 200).map((watts, index) => [(index + 1) * STEP, watts]))],
    ]),
  )
  const [lane] = lanes(inputOf([line('train', fill(40, 1))], { power }))
  expect(lane?.blocks[0]?.aboutJoules).toBe((200 * range.to) / 1000)
})

test('workloads of the same name in other namespaces are others', () => {
  const other = series('timeline', [[{ workload: 'resnet', namespace: 'b', phase: 'train' }, { [STEP]: 1 }]])
  const input = inputOf([line('train', [1])])
  expect(lanes({ ...input, timeline: [...input.timeline, ...seriesOf(other)] })).toHaveLength(2)
})

test('blocks never overlap and keep their order', () => {
  const noise = (seed: number) => Array.from({ length: 40 }, (_, index) => ((index * seed) % 7) / 7)
  const [lane] = lanes(inputOf([line('a', noise(3)), line('b', noise(5)), line('c', noise(2))]))
  const blocks = lane?.blocks ?? []
  expect(blocks.length).toBeGreaterThan(5)
  for (const [index, { from, to }] of blocks.entries()) {
    expect(from.at).toBeLessThan(to.at)
    expect(from.at).toBeGreaterThanOrEqual(blocks[index - 1]?.to.at ?? -Infinity)
  }
})

test('the window stands in the executed query', () => {
  const executed = (text: string) => [toDataFrame({ fields: [], meta: { executedQueryString: text } })]
  expect(windowOf(executed('Expr: rate(x[1m30s])\nStep: 15s'))).toBe(90_000)
  expect(windowOf(executed('Expr: rate(x{a="[5]"}[250ms])'))).toBe(250)
  expect(windowOf(executed('Expr: x'))).toBeUndefined()
  expect(windowOf([])).toBeUndefined()
})

test('a table over time does as well', () => {
  const timeline = columns({
    time: [STEP, 2 * STEP, STEP, 2 * STEP],
    workload: ['a', 'a', 'a', 'a'],
    state: ['load', 'load', 'train', 'train'],
    fraction: [1, 0, 0, 1],
    watts: [100, 300, 100, 300],
  })
  const totals = columns({ workload: ['a'], state: ['train'], energy: [7200], steps: [4] })
  const mapping = { phase: 'state' }
  expect(findPhaseTables([timeline, totals], {})).toBeUndefined()
  const tables = findPhaseTables([totals, timeline], mapping)
  if (tables === undefined) throw new Error('not found')
  const input = readPhaseTables(tables, mapping)
  expect(lanes(input)[0]?.blocks.map(({ phase }) => phase)).toEqual(['load', 'train'])
  expect(input.energy.map(({ labels, value }) => [labels, value])).toEqual([
    [{ workload: 'a', phase: 'train' }, 7200],
  ])
  expect(input.power.map(({ values }) => values)).toEqual([[100, 300]])
})

test('who is told by mapped columns of such a table', () => {
  const timeline = columns({
    time: [STEP, 2 * STEP, STEP, 2 * STEP],
    job: ['a', 'a', 'b', 'b'],
    team: ['x', 'x', 'x', 'x'],
    phase: ['train', 'train', 'train', 'train'],
    fraction: [1, 1, 1, 1],
  })
  const mapping = { workload: 'job', namespace: 'team' }
  const tables = findPhaseTables([timeline], mapping)
  if (tables === undefined) throw new Error('not found')
  const found = lanes(readPhaseTables(tables, mapping))
  expect(found.map(({ name, detail }) => [name, detail])).toEqual([
    ['a', 'x'],
    ['b', 'x'],
  ])
})
