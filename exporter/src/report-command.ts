/** `wattribute report`: from the history or a Prometheus to a report in the form asked for. */
import { accessSync, constants, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Flags, ReportFlags } from './config/flags.ts'
import type { Config } from './config/load.ts'
import { reasonOf } from './config/strict-yaml.ts'
import { HistoryStore } from './history-store.ts'
import { prometheusClient } from './prometheus-client.ts'
import type { Figures } from './report/figures.ts'
import { formatReport } from './report/formats.ts'
import { figuresOfHistory } from './report/history-figures.ts'
import { ReportError } from './report/options.ts'
import { periodOf, type Period } from './report/period.ts'
import { figuresOfPrometheus } from './report/prometheus-figures.ts'
import { reportOf } from './report/report.ts'
import { seconds, type Seconds } from './units.ts'

/** A question over a month of many nodes takes a Prometheus a while; its own limit is two minutes. */
const PROMETHEUS_TIMEOUT = seconds(120)

/**
 * @param flags those of the whole command line
 * @param now Unix time
 * @throws ReportError
 */
export async function reportText(
  flags: Pick<Flags, 'storagePath'>,
  asked: ReportFlags,
  config: Config,
  now: Seconds,
): Promise<string> {
  const period = periodOf(asked.period, asked.timeZone ?? config.timeZone)
  if (period.from >= now) throw new ReportError(`the period ${period.text} has not begun`)
  const { figures, node, source } = await figuresFor(flags, asked, config, period, now)
  const report = reportOf(figures, {
    period,
    now,
    node,
    source,
    boundary: asked.boundary,
    by: asked.by,
    factors: config.report,
  })
  return formatReport(report, asked.format)
}

interface Sourced {
  readonly figures: Figures
  readonly node: string
  readonly source: string
}

async function figuresFor(
  { storagePath }: Pick<Flags, 'storagePath'>,
  asked: ReportFlags,
  config: Config,
  period: Period,
  now: Seconds,
): Promise<Sourced> {
  const { prometheusUrl: url, bearerTokenFile } = asked
  if (url !== undefined) {
    const bearerToken = bearerTokenFile === undefined ? undefined : tokenIn(bearerTokenFile)
    const client = prometheusClient({ url, bearerToken, timeout: PROMETHEUS_TIMEOUT })
    const figures = await figuresOfPrometheus(client, period, now)
    return { figures, node: 'all that this Prometheus scrapes', source: `Prometheus at ${url.href}` }
  }
  if (storagePath === undefined) {
    throw new ReportError(
      'no source of figures: give --storage.path=FOLDER, that of the exporter, or --prometheus.url=URL',
    )
  }
  return {
    figures: historyIn(storagePath, period),
    node: config.node === '' ? hostname() : config.node,
    source: `history in ${storagePath}`,
  }
}

function historyIn(folder: string, period: Period): Figures {
  refuseWithout(join(folder, 'history'), folder)
  const notes: string[] = []
  const store = new HistoryStore(folder, (sentence, file) => notes.push(`${sentence}: ${file}`))
  const buckets = store.read(period)
  if (buckets.length === 0) {
    const why = notes.length === 0 ? '' : `; ${notes.join('; ')}`
    throw new ReportError(
      `the history in ${folder} holds no hour of ${period.text}: the first is added when an hour has ended${why}`,
    )
  }
  const figures = figuresOfHistory(buckets, period)
  return { ...figures, notes: [...figures.notes, ...notes] }
}

/** A folder that may not be looked into is no empty one. */
function refuseWithout(history: string, folder: string): void {
  try {
    accessSync(history, constants.R_OK | constants.X_OK)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new ReportError(`the history in ${folder} cannot be read: ${reasonOf(cause)}`)
    }
    throw new ReportError(
      `there is no history in ${folder}: the first hour is added when it has ended; is this the --storage.path of the exporter?`,
    )
  }
}

function tokenIn(file: string): string {
  let token: string
  try {
    token = readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new ReportError(`--prometheus.bearer-token-file: ${file} cannot be read: ${reasonOf(cause)}`)
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new ReportError(`--prometheus.bearer-token-file: ${file} does not hold one token`)
  }
  return token
}
