/**
 * Random phases, scraped by chance and asked as Grafana asks: the true edge lies within the drawn one, whether a phase
 * occurs for the first time or again.
 */
import fc from 'fast-check'
import { series } from '../test/frames'
import { rate, scrapesOf, type Stay } from '../test/scraped'
import type { Range } from './blocks'
import { lanesOf } from './lanes'
import { seriesOf } from './series'

const PHASES = ['load', 'train', 'eval', 'checkpoint'] as const
/** Of the counters, and of what is rounded, in milliseconds. */
const ROUNDING = 10

/** In seconds. */
const machine = fc.record({
  scrape: fc.constantFrom(5, 10, 15, 30, 60),
  /** Of a scrape to the grid of the query, as a part of the interval. */
  offset: fc.double({ min: 0, max: 0.999, noNaN: true }),
  /** Whether a window has the sample at its very beginning, as in Prometheus before 3.0. */
  isClosed: fc.boolean(),
  /** Of the query, in scrapes. */
  steps: fc.constantFrom(1, 1, 1, 2, 3, 4, 7, 20),
  stays: fc.array(
    fc.record({
      phase: fc.option(fc.constantFrom(...PHASES), { freq: 5, nil: undefined }),
      /** In scrapes. */
      length: fc.oneof(
        fc.double({ min: 0.01, max: 3, noNaN: true }),
        fc.double({ min: 3, max: 40, noNaN: true }),
      ),
    }),
    { minLength: 1, maxLength: 9 },
  ),
  /** What each phase had before, in scrapes; nothing: it occurs for the first time. */
  before: fc.tuple(...PHASES.map(() => fc.constantFrom(0, 0, 0.2, 3, 1000))),
  /** When nothing is scraped for a while, in scrapes since the beginning of the range. */
  silence: fc.option(fc.double({ min: 0, max: 60, noNaN: true }), { freq: 2, nil: undefined }),
  /** When the first of them begins, in scrapes since the beginning of the range. */
  lead: fc.double({ min: 0, max: 30, noNaN: true }),
})
type Machine = typeof machine extends fc.Arbitrary<infer One> ? One : never

function drawn({ scrape, offset, isClosed, steps, stays, before, silence, lead }: Machine) {
  const step = steps * scrape
  // Grafana's $__rate_interval
  const window = Math.max(step + scrape, 4 * scrape)
  const truth: Stay[] = []
  let at = lead * scrape
  for (const { phase, length } of stays) {
    if (phase !== undefined) truth.push({ phase, from: at, to: at + length * scrape })
    at += length * scrape
  }
  const end = Math.ceil((at + 5 * scrape) / step + 1) * step
  const quiet = (silence ?? NaN) * scrape
  const isSilent = (one: number) => one > quiet && one <= quiet + window + 2 * step
  const scrapes = Array.from(
    { length: Math.ceil((end + 2 * window) / scrape) + 1 },
    (_, index) => (index + offset) * scrape - 2 * window,
  ).filter((one) => one <= end && !isSilent(one))
  const times = Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => index * step)
  const lines = PHASES.map((phase, index) => {
    const samples = scrapesOf(truth, phase, scrapes, (before[index] ?? 0) * scrape)
    const points = times.map((time) => [time * 1000, rate(samples, time, window, isClosed) ?? null] as const)
    return [{ workload: 'run', phase }, Object.fromEntries(points)] as const
  }).filter(([, points]) => Object.values(points).some((value) => value !== null))
  const range: Range = { from: 0, to: end * 1000, untilNow: false }
  const lanes = lanesOf(
    {
      timeline: seriesOf(series('timeline', lines)),
      power: [],
      runs: [],
      energy: [],
      seconds: [],
      steps: [],
      samples: [],
      windowMs: window * 1000,
    },
    range,
    true,
  )
  const heard = scrapes.find((one) => one > quiet)
  return { blocks: lanes[0]?.blocks ?? [], truth: merged(truth), heard }
}

/** Stays in the same phase that touch are one. */
function merged(stays: readonly Stay[]): readonly Stay[] {
  const all: Stay[] = []
  for (const stay of stays) {
    const before = all[all.length - 1]
    if (before?.phase === stay.phase && before.to === stay.from)
      all[all.length - 1] = { ...before, to: stay.to }
    else all.push(stay)
  }
  return all
}

/** When a phase ends, or begins, in milliseconds; undefined is time in no phase. */
function edgesOf(truth: readonly Stay[], phase: string | undefined, side: 'from' | 'to'): readonly number[] {
  if (phase !== undefined)
    return truth.filter((stay) => stay.phase === phase).map((stay) => stay[side] * 1000)
  return truth.flatMap((stay, index) =>
    side === 'from'
      ? truth[index + 1]?.from === stay.to
        ? []
        : [stay.to * 1000]
      : truth[index - 1]?.to === stay.from
        ? []
        : [stay.from * 1000],
  )
}

test('a true end of the former and a true beginning of the latter lie within each drawn edge', () => {
  fc.assert(
    fc.property(machine, (one) => {
      const { blocks, truth, heard } = drawn(one)
      for (const [index, { phase, from }] of blocks.entries()) {
        const before = blocks[index - 1]
        if (from.cut || (before !== undefined && before.to.at !== from.at)) continue
        const isWithin = (at: number) => Math.abs(at - from.at) <= from.uncertaintyMs + ROUNDING
        // where figures begin, some phase does, or they are heard again
        const began =
          before === undefined
            ? [...truth.map((stay) => stay.from), heard ?? NaN].map((second) => second * 1000)
            : edgesOf(truth, phase, 'from')
        if (!began.some(isWithin))
          throw new Error(`${phase}: no beginning of ${began.join()} in ${JSON.stringify(from)}`)
        if (before === undefined) continue
        const ended = edgesOf(truth, before.phase, 'to')
        if (!ended.some(isWithin))
          throw new Error(`${before.phase}: no end of ${ended.join()} in ${JSON.stringify(from)}`)
      }
    }),
    { numRuns: Number(process.env['RUNS'] ?? 300) },
  )
})
