/**
 * A real Prometheus that scrapes the demo of the exporter: the answers to the shipped queries are rendered, and the
 * figures on screen compared with what that Prometheus answers when it is asked in other words.
 */
import { QUERY_ENERGY_QUERIES, type ShippedQuery, TRAINING_PHASES_QUERIES } from '../src/model/queries'
import { type Harness, openHarness } from './browser'
import { sceneOf } from './examples'
import { freePort, startDemo } from './programs'
import { type Prometheus, prometheusScraping } from './prometheus'
import { VERSIONS } from './versions'

const ENERGY = 'wattribute_workload_energy_joules_total'
const QUERIES = 'wattribute_workload_queries_total'
const TOKENS = 'wattribute_workload_tokens_total{direction="output"}'
const PHASE_SECONDS = 'wattribute_workload_phase_seconds_total'
const CHATS = ['llama-chat', 'code-assistant']

describe('with a Prometheus that scrapes the demo', () => {
  let prometheus: Prometheus
  let demo: { readonly close: () => Promise<void> }
  let harness: Harness
  /** Unix milliseconds. */
  let from: number
  let to: number

  beforeAll(async () => {
    const [newest] = VERSIONS
    if (newest === undefined) throw new Error('no version')
    const address = `127.0.0.1:${await freePort()}`
    // before the demo, whose training loads its data in the first five seconds
    prometheus = await prometheusScraping(address)
    from = Math.floor(Date.now() / 1000) * 1000
    demo = await startDemo(address)
    harness = await openHarness(newest)
    await prometheus.until(
      `sum_over_time(up[1h]) >= 30 and on() sum(${PHASE_SECONDS}{phase=~"train.*"}) > 15`,
    )
    to = Math.floor(Date.now() / 1000) * 1000
  })
  afterAll(async () => {
    await harness.close()
    await prometheus.close()
    await demo.close()
  })
  afterEach(() => expect(harness.complaints()).toEqual([]))

  const show = async (queries: readonly ShippedQuery[], options: Record<string, unknown> = {}) => {
    const frames = await prometheus.ask(queries, from, to)
    await harness.show(
      sceneOf(frames, {
        from,
        to,
        untilNow: false,
        width: 1000,
        height: 500,
        targets: queries.map(({ refId }) => refId),
        options,
      }),
    )
  }
  const increase = (series: string) => `increase(${series}[${(to - from) / 1000}s])`
  /** One figure; an error when there is none or are several. */
  const answer = async (expr: string): Promise<number> => {
    const values = await prometheus.values(expr, to)
    expect(values).toHaveLength(1)
    return values[0]?.value ?? NaN
  }

  const total = (workload: string) => answer(`sum(${increase(`${ENERGY}{workload="${workload}"}`)})`)
  const count = (series: string, workload: string) =>
    answer(`sum(${increase(series)} and on(workload) ${QUERIES}{workload="${workload}"})`)

  test.each([
    ['per-query', async (workload: string) => (await total(workload)) / (await count(QUERIES, workload))],
    ['per-token', async (workload: string) => (await total(workload)) / (await count(TOKENS, workload))],
    [
      'per-1000-queries',
      async (workload: string) => ((await total(workload)) * 1000) / (await count(QUERIES, workload)),
    ],
    ['total', total],
  ])('energy %s of both chats', async (quantity, known) => {
    await show(QUERY_ENERGY_QUERIES, { quantity })
    for (const workload of CHATS) {
      const bar = harness.page.getByRole('listitem').filter({ hasText: workload })
      const figure = /queries([\d.]+ \S?(?:J|Wh))/.exec((await bar.textContent()) ?? '')?.[1]
      const name = await bar.getByRole('button').first().getAttribute('aria-label')
      expect(name).toContain(` · ${(await count(QUERIES, workload)).toFixed(0)} queries.`)
      expectShown(figure, await known(workload))
    }
  })

  test('each part of a query, and no overhead where the demo books none', async () => {
    await show(QUERY_ENERGY_QUERIES)
    for (const workload of CHATS) {
      const names = await harness.page
        .getByRole('button', { name: new RegExp(`^${workload}`) })
        .evaluateAll((all) => all.map((element) => element.getAttribute('aria-label') ?? ''))
      const queries = await count(QUERIES, workload)
      for (const [index, part] of ['accelerator', 'host', 'idle'].entries()) {
        const shown = new RegExp(`\\. ${part}: (\\S+ \\S+)`).exec(names[index] ?? '')?.[1]
        const joules = await answer(`sum(${increase(`${ENERGY}{workload="${workload}", part="${part}"}`)})`)
        expectShown(shown, joules / queries)
      }
      expect(await prometheus.values(`${ENERGY}{workload="${workload}", part="overhead"}`, to)).toEqual([])
      expect(names[3]).toContain('overhead: not measured')
    }
  })

  test.each(['data_load', 'train', 'train/forward', 'train/backward', 'train/optimizer'])(
    'energy, duration and mean power of %s',
    async (phase) => {
      await show(TRAINING_PHASES_QUERIES)
      const row = harness.page.getByRole('row').filter({
        has: harness.page.getByRole('rowheader', { name: phase, exact: true }),
      })
      const [energy, duration, power] = await row.getByRole('cell').allTextContents()
      // a phase has the energy of its fine phases
      const chosen = `workload="finetune-llama", phase=~"${phase}(/.*)?"`
      const joules = await answer(`sum(${increase(`${ENERGY}{${chosen}}`)})`)
      const seconds = await answer(`sum(${increase(`${PHASE_SECONDS}{${chosen}}`)})`)
      expectShown(energy, joules)
      expectShown(duration, seconds)
      expectShown(power, joules / seconds)
    },
  )

  test('the lane is that of the run, and its training goes on', async () => {
    await show(TRAINING_PHASES_QUERIES)
    const name = await harness.page
      .getByRole('button', { name: /^finetune-llama.* train: / })
      .getAttribute('aria-label')
    const start = await answer('wattribute_workload_run_start_timestamp_seconds{workload="finetune-llama"}')
    const time = new Date(Math.floor(start) * 1000).toISOString().slice(0, 19).replace('T', ' ')
    expect(name).toContain(`finetune-llama · research · run of ${time}`)
    expect(name).toMatch(/to beyond what is looked at$/)
  })
})

const SCALE: Readonly<Record<string, number>> = { J: 1, Wh: 3600, W: 1, s: 1, '': 1, k: 1000, m: 0.001 }

/** What is on screen is a figure, rounded to the digits that are shown. */
function expectShown(text: string | undefined, known: number): void {
  const [, digits = '', prefix = '', unit = ''] = /^([\d.]+) ([mk]?)(J|Wh|W|s)$/.exec(text ?? '') ?? []
  const scale = (SCALE[prefix] ?? NaN) * (SCALE[unit] ?? NaN)
  const decimals = digits.split('.')[1]?.length ?? 0
  expect(`${(known / scale).toFixed(decimals)} ${prefix}${unit}`).toBe(text)
}
