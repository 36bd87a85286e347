import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { seconds } from '../../exporter/src/units.ts'
import { QueryCounts, type QueryLimits, type QueryRow } from '../../exporter/src/workloads/query-counts.ts'
import { QUERY_SOURCES, type QueryReport } from '../../exporter/src/workloads/query-report.ts'
import { StateError } from '../../exporter/src/workloads/saved-state.ts'

const LIMITS: QueryLimits = { mostAccounts: 100, birthHold: seconds(0), expireAfter: seconds(600) }
const WALL = 1_800_000_000

const report = (part: Partial<QueryReport> = {}): QueryReport => ({
  workload: 'llama-chat',
  namespace: 'prod',
  model: 'llama-3.1-8b',
  variant: '',
  server: 'vllm',
  source: 'server',
  isEstimated: false,
  queries: 0,
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  ...part,
})

const now = (at: number) => ({ at: seconds(at), wall: seconds(WALL + at) })

const numbers = ({ labels, method, amounts }: QueryRow): readonly unknown[] => [
  labels.source,
  method,
  amounts.queries,
  amounts.inputTokens,
  amounts.cachedInputTokens,
  amounts.outputTokens,
]

const shown = (counts: QueryCounts, at: number): readonly (readonly unknown[])[] =>
  counts.rows(seconds(at)).map(numbers)

describe('counting', () => {
  test('adds what is reported, at the next tick', () => {
    const counts = new QueryCounts(LIMITS)
    counts.add(report({ queries: 2, inputTokens: 30, cachedInputTokens: 4, outputTokens: 500 }))
    counts.add(report({ queries: 1, outputTokens: 5 }))
    expect(shown(counts, 1)).toEqual([])
    counts.book(now(1))
    expect(shown(counts, 1)).toEqual([['server', 'counter', 3, 30, 4, 505]])
  })

  test('keeps apart what is concluded from what is counted', () => {
    const counts = new QueryCounts(LIMITS)
    counts.add(report({ queries: 2, isEstimated: true }))
    counts.add(report({ queries: 1 }))
    counts.book(now(1))
    expect(shown(counts, 1)).toEqual([
      ['server', 'estimated', 2, 0, 0, 0],
      ['server', 'counter', 1, 0, 0, 0],
    ])
  })

  test('what a source does not count is not 0', () => {
    const counts = new QueryCounts(LIMITS)
    const { inputTokens, cachedInputTokens, outputTokens, ...queriesOnly } = report({ queries: 1 })
    expect([inputTokens, cachedInputTokens, outputTokens]).toEqual([0, 0, 0])
    counts.add(queriesOnly)
    counts.book(now(1))
    expect(shown(counts, 1)).toEqual([['server', 'counter', 1, undefined, undefined, undefined]])
  })

  test.each([-1, 1.5, NaN, Infinity, 2 ** 60])('%p is no number of queries', (queries) => {
    const counts = new QueryCounts(LIMITS)
    counts.add(report({ queries, outputTokens: 7 }))
    counts.book(now(1))
    expect(shown(counts, 1)).toEqual([['server', 'counter', 0, 0, 0, 7]])
  })

  test('a new account stands at 0 until two scrapes have seen it, one that reports nothing included', () => {
    const counts = new QueryCounts({ ...LIMITS, birthHold: seconds(30) })
    counts.add(report({ queries: 5 }))
    counts.book(now(1))
    expect(shown(counts, 30)).toEqual([['server', 'counter', 0, 0, 0, 0]])
    expect(shown(counts, 31)).toEqual([['server', 'counter', 5, 0, 0, 0]])
  })
})

describe('which source counts', () => {
  const all = [
    report({ source: 'client', queries: 1 }),
    report({ source: 'gateway', queries: 10 }),
    report({ source: 'server', queries: 100 }),
    report({ source: 'configured', queries: 1000 }),
  ]

  test.each([
    ['configured', 4, 1000],
    ['server', 3, 100],
    ['gateway', 2, 10],
    ['client', 1, 1],
  ])('%s is the best of %d', (source, howMany, queries) => {
    const counts = new QueryCounts(LIMITS)
    for (const one of all.slice(0, howMany)) counts.add(one)
    counts.book(now(1))
    expect(shown(counts, 1)).toEqual([[source, 'counter', queries, 0, 0, 0]])
    const losers = counts.sources(seconds(1)).filter((one) => !one.counts)
    expect(losers.map(({ labels }) => labels.source)).toEqual(
      ['client', 'gateway', 'server', 'configured'].slice(0, howMany - 1),
    )
  })

  test('a source that is there with nothing to tell keeps a worse one from counting', () => {
    const counts = new QueryCounts(LIMITS)
    counts.add(report())
    counts.book(now(1))
    counts.add(report({ source: 'client', queries: 7 }))
    counts.book(now(600))
    expect(shown(counts, 600)).toEqual([['server', 'counter', 0, 0, 0, 0]])
  })

  test('a source that is gone does so no longer, and what it counted stays what it was', () => {
    const counts = new QueryCounts(LIMITS)
    counts.add(report({ queries: 3 }))
    counts.book(now(1))
    counts.add(report({ source: 'client', queries: 7 }))
    counts.book(now(601))
    expect(shown(counts, 601)).toEqual([['client', 'counter', 7, 0, 0, 0]])
    counts.add(report({ queries: 2 }))
    counts.add(report({ source: 'client', queries: 2 }))
    counts.book(now(602))
    expect(shown(counts, 602)).toEqual([
      ['server', 'counter', 5, 0, 0, 0],
      ['client', 'counter', 7, 0, 0, 0],
    ])
  })

  test('another model or namespace is another matter, several servers of one source add up', () => {
    const counts = new QueryCounts(LIMITS)
    counts.add(report({ queries: 1 }))
    counts.add(report({ server: 'sglang', queries: 2 }))
    counts.add(report({ source: 'client', model: 'mistral-7b', queries: 3 }))
    counts.add(report({ source: 'client', namespace: 'test', queries: 4 }))
    counts.book(now(1))
    expect(shown(counts, 1).map(([source, , queries]) => [source, queries])).toEqual([
      ['server', 1],
      ['server', 2],
      ['client', 3],
      ['client', 4],
    ])
  })
})

describe('laws', () => {
  const anyReport = fc.record({
    source: fc.constantFrom(...QUERY_SOURCES),
    model: fc.constantFrom('a', 'b'),
    server: fc.constantFrom('vllm', 'tgi'),
    queries: fc.nat(1000),
  })

  test('of each model the sum of the best source, in whatever order it is told', () => {
    fc.assert(
      fc.property(
        fc
          .array(anyReport)
          .chain((some) =>
            fc.tuple(fc.constant(some), fc.shuffledSubarray(some, { minLength: some.length })),
          ),
        ([told, shuffled]) => {
          const sumsOf = (some: typeof told): Record<string, number> => {
            const counts = new QueryCounts(LIMITS)
            for (const one of some) counts.add(report(one))
            counts.book(now(1))
            const sums: Record<string, number> = {}
            for (const { labels, amounts } of counts.rows(seconds(1))) {
              sums[labels.model] = (sums[labels.model] ?? 0) + (amounts.queries ?? NaN)
            }
            return sums
          }
          const expected: Record<string, number> = {}
          for (const { model } of told) {
            const ofModel = told.filter((one) => one.model === model)
            const best = QUERY_SOURCES.find((source) => ofModel.some((one) => one.source === source))
            const counted = ofModel.filter(({ source }) => source === best)
            expected[model] = counted.reduce((sum, { queries }) => sum + queries, 0)
          }
          expect(sumsOf(told)).toEqual(expected)
          expect(sumsOf(shuffled)).toEqual(expected)
        },
      ),
    )
  })

  test('nothing that was shown goes down, and a restart at any tick changes nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.array(anyReport, { maxLength: 4 }), { maxLength: 30 }), (ticks) => {
        const limits = { ...LIMITS, birthHold: seconds(3) }
        const counts = new QueryCounts(limits)
        let restarted = new QueryCounts(limits)
        const shownBefore = new Map<string, number>()
        ticks.forEach((reports, at) => {
          const state = restarted.state()
          for (const one of reports) counts.add(report(one))
          const changes = counts.book(now(at))
          restarted = new QueryCounts(limits)
          restarted.restore(JSON.parse(JSON.stringify(state)))
          restarted.redo(JSON.parse(JSON.stringify(changes)) as typeof changes)
          for (const { labels, amounts } of counts.rows(seconds(at))) {
            const key = JSON.stringify(labels)
            expect(amounts.queries).toBeGreaterThanOrEqual(shownBefore.get(key) ?? 0)
            shownBefore.set(key, amounts.queries ?? 0)
          }
          const amountsOf = (some: QueryCounts): readonly unknown[] => some.totals(seconds(at)).map(numbers)
          expect(amountsOf(restarted)).toEqual(amountsOf(counts))
        })
      }),
    )
  })
})

describe('limits', () => {
  test('what is beyond goes to one account, and is told', () => {
    const counts = new QueryCounts({ ...LIMITS, mostAccounts: 2 })
    for (const [index, workload] of ['a', 'b', 'c', 'd'].entries()) {
      counts.add(report({ workload, queries: 10 ** index }))
      counts.book(now(index))
    }
    expect(counts.rows(seconds(4)).map(({ labels, amounts }) => [labels.workload, amounts.queries])).toEqual([
      ['a', 1],
      ['b', 10],
      ['other', 1100],
    ])
    expect(counts.dropped).toBe(2)
  })

  test('so does what is beyond in one tick', () => {
    const counts = new QueryCounts({ ...LIMITS, mostAccounts: 2 })
    for (const workload of ['a', 'b', 'c', 'd']) counts.add(report({ workload, queries: 1 }))
    counts.book(now(1))
    expect(counts.rows(seconds(1)).map(({ labels, amounts }) => [labels.workload, amounts.queries])).toEqual([
      ['a', 1],
      ['b', 1],
      ['other', 2],
    ])
  })

  test('who is no longer shown makes room', () => {
    const counts = new QueryCounts({ ...LIMITS, mostAccounts: 1 })
    counts.add(report({ workload: 'a', queries: 1 }))
    counts.book(now(1))
    counts.add(report({ workload: 'b', queries: 2 }))
    counts.book(now(601))
    expect(counts.rows(seconds(601)).map(({ labels }) => labels.workload)).toEqual(['b'])
    expect(counts.dropped).toBe(0)
  })
})

describe('what outlives the exporter', () => {
  const throughJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

  test('a state and the changes after it give the same counts and claims', () => {
    const counts = new QueryCounts({ ...LIMITS, birthHold: seconds(30) })
    counts.add(report({ queries: 5, outputTokens: 50 }))
    counts.book(now(1))
    const state = throughJson(counts.state())
    counts.add(report({ queries: 2 }))
    counts.add(report({ model: 'bge-m3', queries: 3, isEstimated: true }))
    const changes = throughJson(counts.book(now(20)))

    const again = new QueryCounts({ ...LIMITS, birthHold: seconds(30) })
    again.restore(state)
    again.redo(changes)
    for (const at of [20, 31, 50, 700]) expect(again.rows(seconds(at))).toEqual(counts.rows(seconds(at)))
    expect(again.state()).toEqual(counts.state())
    again.add(report({ source: 'client', queries: 100 }))
    again.book(now(60))
    expect(shown(again, 60)).toEqual([
      ['server', 'counter', 7, 0, 0, 50],
      ['server', 'estimated', 3, 0, 0, 0],
    ])
  })

  test.each([undefined, {}, { version: 2 }, { version: 1, accounts: [{ counted: 1 }], dropped: 0 }])(
    '%j is no state of queries, and changes nothing',
    (state) => {
      const counts = new QueryCounts(LIMITS)
      counts.add(report({ queries: 1 }))
      counts.book(now(1))
      expect(() => counts.restore(state)).toThrow(StateError)
      expect(shown(counts, 1)).toEqual([['server', 'counter', 1, 0, 0, 0]])
    },
  )
})
