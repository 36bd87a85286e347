/** A real Prometheus with the metrics of design.md section 6, asked as Grafana's data source asks it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ShippedQuery } from '../src/model/queries'
import { type Labels, seriesFrames, tableFrame } from './data'
import type { FrameData } from './scene'

export interface Prometheus {
  /** The answers to queries over a range, as frames. */
  readonly ask: (queries: readonly ShippedQuery[], from: number, to: number) => Promise<readonly FrameData[]>
  readonly close: () => Promise<void>
}

/** Starts a Prometheus on blocks that are made of OpenMetrics text with timestamps. */
export async function startPrometheus(openMetrics: string): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-prometheus-'))
  const input = join(folder, 'metrics.txt')
  writeFileSync(input, openMetrics)
  const data = join(folder, 'data')
  const made = spawnSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', input, data], {
    encoding: 'utf8',
  })
  if (made.status !== 0) throw new Error(`promtool cannot make blocks: ${made.stderr}`)
  const config = join(folder, 'prometheus.yml')
  writeFileSync(config, 'global: {}\n')
  const port = await freePort()
  const child = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${data}`,
      '--storage.tsdb.retention.time=100y',
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  )
  const url = `http://127.0.0.1:${port}`
  await ready(url, child)
  return {
    ask: async (queries, from, to) =>
      (await Promise.all(queries.map((query) => frames(url, query, from, to)))).flat(),
    close: async () => {
      const ended = new Promise((done) => child.once('exit', done))
      child.kill()
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const STEP = 15
const SCRAPE = 15

/** What Grafana puts into a query before it is sent. */
function interpolated(expr: string, from: number, to: number): string {
  const rangeSeconds = Math.round((to - from) / 1000)
  const rateInterval = Math.max(STEP + SCRAPE, 4 * SCRAPE)
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

async function frames(
  url: string,
  query: ShippedQuery,
  from: number,
  to: number,
): Promise<readonly FrameData[]> {
  const expr = interpolated(query.expr, from, to)
  const range = query.kind === 'range'
  const parameters = new URLSearchParams(
    range
      ? { query: expr, start: `${from / 1000}`, end: `${to / 1000}`, step: `${STEP}` }
      : { query: expr, time: `${to / 1000}` },
  )
  const response = await fetch(`${url}/api/v1/${range ? 'query_range' : 'query'}`, {
    method: 'POST',
    body: parameters,
  })
  const answer = (await response.json()) as Answer
  if (answer.status !== 'success') throw new Error(`${query.refId}: ${answer.error ?? 'no reason'}`)
  const { result } = answer.data
  if (!range) {
    const samples = result.map(({ metric, value }) => ({ labels: metric, value: Number(value?.[1]) }))
    return [tableFrame(query.refId, samples, to)]
  }
  // Grafana fills the steps of a range that a series has no value at
  const times = Array.from(
    { length: Math.floor((to - from) / 1000 / STEP) + 1 },
    (_, index) => from + index * STEP * 1000,
  )
  const lines = result.map(({ metric, values = [] }) => {
    const byTime = new Map(values.map(([at, value]) => [Math.round(at * 1000), Number(value)]))
    return { labels: metric, times, values: times.map((at) => byTime.get(at) ?? null) }
  })
  return seriesFrames(query.refId, lines, `Expr: ${expr}\nStep: ${STEP}s`)
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (child.exitCode !== null) throw new Error(`Prometheus ended with ${child.exitCode}`)
    const answered = await fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (answered) return
    await new Promise((later) => setTimeout(later, 100))
  }
  throw new Error('Prometheus does not get ready')
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  await new Promise((closed) => server.close(closed))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
