/** A real Prometheus with the metrics of design.md section 6, asked as Grafana's data source asks it. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ShippedQuery } from '../src/model/queries'
import { type Labels, type Sample, seriesFrames, tableFrame } from './data'
import { ended, eventually, freePort } from './programs'
import type { FrameData } from './scene'

export interface Prometheus {
  /** The answers to queries over a range, as frames. Times are Unix milliseconds. */
  readonly ask: (queries: readonly ShippedQuery[], from: number, to: number) => Promise<readonly FrameData[]>
  /** What an expression is by its labels at a time, in Unix milliseconds, or now. */
  readonly values: (expr: string, at?: number) => Promise<ReadonlyArray<Sample>>
  /** Waits until an expression has an answer. */
  readonly until: (expr: string) => Promise<void>
  readonly close: () => Promise<void>
}

/** A Prometheus with blocks that are made of OpenMetrics text with timestamps, of a sample each 15 seconds. */
export async function prometheusOf(openMetrics: string): Promise<Prometheus> {
  return start(15, 'global: {}\n', (folder) => {
    const input = join(folder, 'metrics.txt')
    writeFileSync(input, openMetrics)
    const made = spawnSync(
      'promtool',
      ['tsdb', 'create-blocks-from', 'openmetrics', input, join(folder, 'data')],
      { encoding: 'utf8' },
    )
    if (made.status !== 0) throw new Error(`promtool cannot make blocks: ${made.stderr}`)
  })
}

/** A Prometheus that scrapes an exporter each second. */
export async function prometheusScraping(target: string): Promise<Prometheus> {
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s' },
    scrape_configs: [{ job_name: 'wattribute', static_configs: [{ targets: [target] }] }],
  }
  // JSON is YAML
  return start(1, JSON.stringify(config), () => undefined)
}

async function start(
  scrapeSeconds: number,
  config: string,
  prepare: (folder: string) => void,
): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-prometheus-'))
  prepare(folder)
  const file = join(folder, 'prometheus.yml')
  writeFileSync(file, config)
  const port = await freePort()
  const child = spawn(
    'prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      '--storage.tsdb.retention.time=100y',
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  )
  const url = `http://127.0.0.1:${port}`
  const values = async (expr: string, at?: number) => {
    const time = at ?? Date.now()
    const result = await answerOf(url, 'query', { query: expr, time: `${time / 1000}` })
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value?.[1]) }))
  }
  await eventually('Prometheus is ready', child, async () => (await fetch(`${url}/-/ready`)).ok)
  return {
    ask: async (queries, from, to) =>
      (await Promise.all(queries.map((query) => frames(url, scrapeSeconds, query, from, to)))).flat(),
    values,
    until: (expr) => eventually(expr, child, async () => (await values(expr)).length > 0),
    close: async () => {
      await ended(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What Grafana puts into a query before it is sent. */
function interpolated(expr: string, stepSeconds: number, from: number, to: number): string {
  const rangeSeconds = Math.round((to - from) / 1000)
  const rateInterval = 4 * stepSeconds
  return expr.replaceAll('$__rate_interval', `${rateInterval}s`).replaceAll('$__range', `${rangeSeconds}s`)
}

interface Answer {
  readonly status: string
  readonly error?: string
  readonly data: {
    readonly result: ReadonlyArray<{
      readonly metric: Labels
      readonly value?: readonly [number, string]
      readonly values?: ReadonlyArray<readonly [number, string]>
    }>
  }
}

async function answerOf(
  url: string,
  path: 'query' | 'query_range',
  parameters: Readonly<Record<string, string>>,
): Promise<Answer['data']['result']> {
  const body = new URLSearchParams(parameters)
  const response = await fetch(`${url}/api/v1/${path}`, { method: 'POST', body })
  const answer = (await response.json()) as Answer
  if (answer.status !== 'success') throw new Error(`${parameters['query']}: ${answer.error ?? 'no reason'}`)
  return answer.data.result
}

/** As Grafana asks where the step is the interval between scrapes. */
async function frames(
  url: string,
  stepSeconds: number,
  query: ShippedQuery,
  from: number,
  to: number,
): Promise<readonly FrameData[]> {
  const expr = interpolated(query.expr, stepSeconds, from, to)
  if (query.kind === 'instant') {
    const result = await answerOf(url, 'query', { query: expr, time: `${to / 1000}` })
    const samples = result.map(({ metric, value }) => ({ labels: metric, value: Number(value?.[1]) }))
    return [tableFrame(query.refId, samples, to)]
  }
  const span = { start: `${from / 1000}`, end: `${to / 1000}`, step: `${stepSeconds}` }
  const result = await answerOf(url, 'query_range', { query: expr, ...span })
  // Grafana fills the steps of a range that a series has no value at
  const times = Array.from(
    { length: Math.floor((to - from) / 1000 / stepSeconds) + 1 },
    (_, index) => from + index * stepSeconds * 1000,
  )
  const lines = result.map(({ metric, values = [] }) => {
    const byTime = new Map(values.map(([at, value]) => [Math.round(at * 1000), Number(value)]))
    return { labels: metric, times, values: times.map((at) => byTime.get(at) ?? null) }
  })
  return seriesFrames(query.refId, lines, `Expr: ${expr}\nStep: ${stepSeconds}s`)
}
