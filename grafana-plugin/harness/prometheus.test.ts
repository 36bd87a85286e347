/**
 * The shipped queries over blocks of known figures, sent to a real Prometheus as Grafana's data source sends them; its answers rendered; the figures
 * on screen compared with those that the metrics were made of.
 */
import { QUERY_ENERGY_QUERIES, TRAINING_PHASES_QUERIES } from '../src/model/queries'
import { type Harness, openHarness } from './browser'
import { sceneOf } from './examples'
import { type Prometheus, prometheusOf } from './prometheus'
import { VERSIONS } from './versions'

const SCRAPE = 15
/** Of what is on screen, in seconds. */
const ROUNDED = 1
const MINUTE = 60
/** Two hours, so that an hour in the middle is whole. */
const START = Date.UTC(2026, 10, 24, 10) / 1000
const END = START + 120 * MINUTE
const FROM = (START + 30 * MINUTE) * 1000
const TO = (START + 90 * MINUTE) * 1000

type Line = readonly [labels: string, figure: (second: number) => number | undefined, offset?: number]

const text = (name: string, type: 'counter' | 'gauge', lines: readonly Line[]) => {
  const family = type === 'counter' ? name.replace(/_total$/, '') : name
  const rows = lines.flatMap(([labels, figure, offset = 0]) => {
    const points: string[] = []
    for (let at = START + offset; at <= END; at += SCRAPE) {
      const value = figure(at - START)
      if (value !== undefined) points.push(`${name}{${labels}} ${value} ${at}`)
    }
    return points
  })
  return [`# TYPE ${family} ${type}`, ...rows].join('\n')
}

const chat = 'workload="llama-chat",namespace="ml",kind="inference",model="llama",variant="fp8"'
const energy = (labels: string, phase: string, component: string, part: string, method: string) =>
  `${labels},phase="${phase}",component="${component}",part="${part}",method="${method}"`
const steadily = (perSecond: number) => (second: number) => second * perSecond

const train = 'workload="resnet",namespace="research"'
const inTraining = `${train},kind="training",model="",variant=""`
/** Loads for 50 minutes, then trains. */
const CHANGE = 50 * MINUTE
const whileLoading = (perSecond: number) => (second: number) => Math.min(second, CHANGE) * perSecond
const whileTraining = (perSecond: number) => (second: number) => Math.max(0, second - CHANGE) * perSecond

/** A run whose phases occur for the first time, scraped beside the grid of the query. */
const vit = 'workload="vit",namespace="research"'
const OFFSET = 7
/** As the exporter's birth_hold_seconds. */
const HOLD = 30
const STAYS = [
  { phase: 'load', from: 35 * MINUTE + 3, to: 38 * MINUTE + 20, watts: 100 },
  { phase: 'train', from: 38 * MINUTE + 20, to: 52 * MINUTE + 33, watts: 1000 },
  { phase: 'eval', from: 52 * MINUTE + 33, to: 54 * MINUTE + 20, watts: 500 },
  { phase: 'train', from: 54 * MINUTE + 20, to: 100 * MINUTE, watts: 1000 },
]
const VIT_PHASES = ['load', 'train', 'eval']
type Stay = (typeof STAYS)[number]
/** A counter that is born when its phase first is, and shown at once. */
const born = (phase: string, worth: (stay: Stay) => number) => (second: number) => {
  const spent = STAYS.filter((stay) => stay.phase === phase).map(
    (stay) => Math.max(0, Math.min(second, stay.to) - stay.from) * worth(stay),
  )
  const total = spent.reduce((sum, one) => sum + one, 0)
  return total > 0 ? total : undefined
}
/** One that stands at 0 first. */
const held = (phase: string, worth: (stay: Stay) => number) => (second: number) => {
  const total = born(phase, worth)(second)
  return total !== undefined && born(phase, worth)(second - HOLD) === undefined ? 0 : total
}
const ofVit = (labels: (phase: string) => string, figure: (phase: string) => Line[1]): readonly Line[] =>
  VIT_PHASES.map((phase) => [`${vit},${labels(phase)}`, figure(phase), OFFSET])

const METRICS = `${[
  text('wattribute_workload_energy_joules_total', 'counter', [
    [energy(chat, '', 'accelerator', 'accelerator', 'counter'), steadily(250)],
    [energy(chat, '', 'cpu', 'host', 'counter'), steadily(40)],
    [energy(chat, '', 'memory', 'host', 'estimated'), steadily(10)],
    [energy(chat, '', 'accelerator', 'idle', 'counter'), steadily(25)],
    [energy(inTraining, 'load', 'accelerator', 'accelerator', 'counter'), whileLoading(100)],
    [energy(inTraining, 'train', 'accelerator', 'accelerator', 'counter'), whileTraining(1200)],
    ...ofVit(
      (phase) =>
        energy('kind="training",model="",variant=""', phase, 'accelerator', 'accelerator', 'counter'),
      (phase) => held(phase, ({ watts }) => watts),
    ),
  ]),
  text('wattribute_workload_queries_total', 'counter', [
    [
      'workload="llama-chat",namespace="ml",model="llama",variant="fp8",server="vllm",source="server"',
      steadily(2),
    ],
  ]),
  text('wattribute_workload_tokens_total', 'counter', [
    [
      'workload="llama-chat",namespace="ml",model="llama",variant="fp8",server="vllm",source="server",direction="output"',
      steadily(500),
    ],
    [
      'workload="llama-chat",namespace="ml",model="llama",variant="fp8",server="vllm",source="server",direction="input"',
      steadily(9000),
    ],
  ]),
  text('wattribute_workload_phase_seconds_total', 'counter', [
    [`${train},phase="load",basis="marked"`, whileLoading(1)],
    [`${train},phase="train",basis="marked"`, whileTraining(1)],
    ...ofVit(
      (phase) => `phase="${phase}",basis="marked"`,
      (phase) => held(phase, () => 1),
    ),
  ]),
  text('wattribute_workload_phase_timeline_seconds_total', 'counter', [
    [`${train},phase="load",basis="marked"`, whileLoading(1)],
    [`${train},phase="train",basis="marked"`, whileTraining(1)],
    ...ofVit(
      (phase) => `phase="${phase}",basis="marked"`,
      (phase) => born(phase, () => 1),
    ),
  ]),
  text('wattribute_container_energy_joules_total', 'counter', [
    [
      `${train},container_id="c",container="c",pod="",runtime="docker",component="accelerator",part="accelerator",method="counter"`,
      (second) => whileLoading(100)(second) + whileTraining(1200)(second),
    ],
  ]),
  text('wattribute_workload_phase_steps_total', 'counter', [
    [`${train},phase="train",basis="marked"`, whileTraining(4)],
  ]),
  text('wattribute_workload_run_start_timestamp_seconds', 'gauge', [[train, () => START - 60]]),
].join('\n')}\n# EOF\n`

describe('with real data', () => {
  let prometheus: Prometheus
  let harness: Harness
  beforeAll(async () => {
    const [newest] = VERSIONS
    if (newest === undefined) throw new Error('no version')
    prometheus = await prometheusOf(METRICS)
    harness = await openHarness(newest)
  })
  afterAll(async () => {
    await harness.close()
    await prometheus.close()
  })
  afterEach(() => expect(harness.complaints()).toEqual([]))

  const scene = async (queries: typeof QUERY_ENERGY_QUERIES, options: Record<string, unknown> = {}) =>
    sceneOf(await prometheus.ask(queries, FROM, TO), {
      from: FROM,
      to: TO,
      untilNow: false,
      width: 1000,
      height: 500,
      targets: queries.map(({ refId }) => refId),
      options,
    })
  const bar = () => harness.page.getByRole('listitem').filter({ hasText: 'llama-chat' })

  test.each([
    // 250 + 50 + 25 J/s at 2 queries and 500 tokens a second
    ['per-query', '163 J'],
    ['per-token', '650 mJ'],
    ['per-1000-queries', '45.1 Wh'],
    ['total', '325 Wh'],
  ])('energy %s is %s', async (quantity, figure) => {
    await harness.show(await scene(QUERY_ENERGY_QUERIES, { quantity }))
    const shown = (await bar().textContent()) ?? ''
    expect(shown).toContain(figure)
    expect(shown).toContain('7.2K queries')
    expect(shown).toContain('provisioned, partly')
  })

  test('parts, what is missing and what is not measured are told', async () => {
    await harness.show(await scene(QUERY_ENERGY_QUERIES))
    const names = await harness.page
      .getByRole('button', { name: /^llama-chat/ })
      .evaluateAll((all) => all.map((element) => element.getAttribute('aria-label') ?? ''))
    expect(names[0]).toContain('accelerator: 125 J (77 %)')
    expect(names[1]).toContain(
      'host: 25 J (15 %), partly measured, missing: board; method: counter, estimated',
    )
    expect(names[2]).toContain('missing: cpu, memory, board')
    expect(names[3]).toContain('overhead: not measured')
  })

  test('training: energies and times of the counters, and the change where it was', async () => {
    await harness.show(await scene(TRAINING_PHASES_QUERIES))
    const rows = await harness.page.getByRole('row').allTextContents()
    // 20 minutes of 100 W and 40 of 1200 W
    expect(rows).toContain('train800 Wh00:40:001.20 kW96.0 %83.3 mWh')
    expect(rows).toContain('load33.3 Wh00:20:00100 W4.0 %–')
    const [from] = await beginnings(/resnet.*train: /)
    expect(Math.abs((from?.at ?? NaN) - (START + CHANGE))).toBeLessThanOrEqual(
      (from?.uncertainty ?? NaN) + ROUNDED,
    )
  })

  test('phases that occur for the first time begin where they did, and have all of their time and energy', async () => {
    await harness.show(await scene(TRAINING_PHASES_QUERIES))
    const begun = await beginnings(/vit.*(load|train|eval): /)
    expect(begun).toHaveLength(STAYS.length)
    for (const [index, { from }] of STAYS.entries()) {
      const { at, uncertainty } = begun[index] ?? { at: NaN, uncertainty: NaN }
      expect(Math.abs(at - (START + from))).toBeLessThanOrEqual(uncertainty + ROUNDED)
      expect(uncertainty).toBeLessThanOrEqual(2 * SCRAPE)
    }
    const rows = await harness.page.getByRole('row').allTextContents()
    // 107 seconds of 500 W
    expect(rows.find((row) => row.startsWith('eval'))).toMatch(/^eval14\.9 Wh00:01:47500 W/)
  })

  /** Of the blocks by these names, in Unix seconds. */
  async function beginnings(name: RegExp) {
    const labels = await harness.page
      .getByRole('button', { name })
      .evaluateAll((all) => all.map((element) => element.getAttribute('aria-label') ?? ''))
    return labels.map((label) => {
      const [, clock, seconds] = /from 2026-11-24 (\d\d:\d\d:\d\d) ± ([\d.]+) s/.exec(label) ?? []
      return { at: Date.parse(`2026-11-24T${clock ?? ''}Z`) / 1000, uncertainty: Number(seconds) }
    })
  }
})
