import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { microjoules, seconds } from '../../exporter/src/units.ts'
import { BOUNDS_JOULES, EnergyHistograms } from '../../exporter/src/workloads/energy-histogram.ts'
import type { RequestCost } from '../../exporter/src/workloads/request-energy.ts'
import { StateError } from '../../exporter/src/workloads/saved-state.ts'

const LIMITS = { mostSeries: 3, birthHold: seconds(30), expireAfter: seconds(600) }
const now = (at: number) => ({ at: seconds(at), wall: seconds(1_800_000_000 + at) })
const cost = (energy: number, workload = 'chat'): RequestCost => ({
  workload,
  namespace: '',
  model: 'llama',
  basis: 'tokens',
  energy: microjoules(energy),
})
const sums = (histograms: EnergyHistograms, at: number): unknown =>
  histograms.rows(seconds(at)).map(({ labels, count, sum }) => [labels[0], count, sum.toString()])

describe('histograms of energy', () => {
  test('count a request on a bound in its bucket', () => {
    const histograms = new EnergyHistograms({ ...LIMITS, birthHold: seconds(0) })
    histograms.observe([cost(100_000), cost(100_001), cost(99e9)], now(1))
    const [row] = histograms.rows(seconds(1))
    expect(row?.upTo.slice(0, 3)).toEqual([1, 2, 2])
    expect([row?.upTo.at(-1), row?.count, row?.sum.toString()]).toEqual([2, 3, '99000.200001'])
  })

  test('stand at 0 until two scrapes have seen them, and show their total then', () => {
    const histograms = new EnergyHistograms(LIMITS)
    histograms.observe([cost(5)], now(1))
    expect(sums(histograms, 30)).toEqual([['chat', 0, '0.000000']])
    expect(sums(histograms, 31)).toEqual([['chat', 1, '0.000005']])
    expect(sums(histograms, 601)).toEqual([])
  })

  test('beyond their number go to one series', () => {
    const histograms = new EnergyHistograms({ ...LIMITS, birthHold: seconds(0) })
    histograms.observe(
      ['a', 'b', 'c', 'd', 'e'].map((name) => cost(1, name)),
      now(1),
    )
    expect(sums(histograms, 1)).toEqual([
      ['a', 1, '0.000001'],
      ['b', 1, '0.000001'],
      ['c', 1, '0.000001'],
      ['other', 2, '0.000002'],
    ])
  })

  test('come out of a state and the changes after it as they were', () => {
    const ticks = fc.array(
      fc.array(fc.tuple(fc.nat(1e12), fc.constantFrom('a', 'b', 'c', 'd')), { maxLength: 5 }),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(ticks, fc.nat(8), (all, cut) => {
        const first = new EnergyHistograms(LIMITS)
        const changes = all.map((costs, at) => {
          if (at === cut) state = JSON.stringify(first.state())
          return first.observe(
            costs.map(([energy, workload]) => cost(energy, workload)),
            now(at),
          )
        })
        const second = new EnergyHistograms(LIMITS)
        if (state !== undefined) second.restore(JSON.parse(state))
        for (const change of changes.slice(state === undefined ? 0 : cut))
          second.redo(structuredClone(change))
        expect(JSON.stringify(second.state())).toBe(JSON.stringify(first.state()))
        state = undefined
      }),
    )
  })
  let state: string | undefined

  test('that do not fit are refused as a whole', () => {
    const histograms = new EnergyHistograms(LIMITS)
    histograms.observe([cost(5)], now(1))
    const [series] = histograms.state().series
    for (const bad of [
      undefined,
      { version: 2, series: [] },
      { version: 1, series: [{ ...series, buckets: [1] }] },
    ]) {
      expect(() => histograms.restore(bad)).toThrow(StateError)
    }
    expect(sums(histograms, 40)).toEqual([['chat', 1, '0.000005']])
  })
})

test('the bounds rise in steps of 1, 2 and 5', () => {
  expect(BOUNDS_JOULES[0]).toBe(0.1)
  expect(BOUNDS_JOULES.at(-1)).toBe(50_000)
  BOUNDS_JOULES.slice(1).forEach((bound, index) => {
    expect([2, 2.5]).toContain(Number((bound / (BOUNDS_JOULES[index] ?? 1)).toFixed(6)))
  })
})
