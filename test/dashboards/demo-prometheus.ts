/**
 * A real Prometheus with the history of the demo, as if it had scraped it once a minute, and of a machine of which nothing
 * is measured.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { remoteWrite } from '../../exporter/src/demo/remote-write.ts'
import { CLI } from '../e2e/exporter-process.ts'
import { PrometheusServer } from '../e2e/prometheus-server.ts'
import { bareNodeAt } from './bare-node.ts'
import { monthEarlier } from './grafana-times.ts'

/** How far apart the samples of the history are. */
export const STEP_SECONDS = 60
export const HISTORY_SECONDS = 2 * 3600
const WEEK_SECONDS = 7 * 86_400
export const WITHOUT_CLUSTER_SECONDS = 21 * 86_400
const TARGET = 'job="wattribute",instance="simulated-node:10451"'
const CLUSTER = 'simulated-cluster'

/** The history once more at another time. */
export interface Copy {
  /** Seconds. */
  readonly shift: number
  /** Or not, as in a Prometheus of one cluster. */
  readonly hasCluster: boolean
}

const copiesOf = (end: number): readonly Copy[] => [
  { shift: 0, hasCluster: true },
  { shift: -WEEK_SECONDS, hasCluster: true },
  { shift: monthEarlier(end) - end, hasCluster: true },
  { shift: -WITHOUT_CLUSTER_SECONDS, hasCluster: false },
]

export interface DemoPrometheus {
  readonly server: PrometheusServer
  /** Unix seconds of the newest sample of the history. */
  readonly end: number
  readonly copies: readonly Copy[]
  /** The page that the demo showed at a minute of its history, in Unix seconds. */
  readonly pageAt: (seconds: number) => string
}

export async function demoPrometheus(prometheus: string, promtool: string): Promise<DemoPrometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-dashboards-'))
  const file = join(folder, 'history.om')
  const length = `--demo.history-length=${HISTORY_SECONDS / 3600}h`
  execFileSync(process.execPath, [CLI, 'demo', `--demo.history-path=${file}`, length], { stdio: 'ignore' })
  const pages = pagesOf(readFileSync(file, 'utf8'))
  const end = Math.max(...pages.keys())
  const copies = copiesOf(end)
  const server = await PrometheusServer.start(prometheus, [], {
    fill: (data) => {
      for (const copy of copies) {
        writeFileSync(file, textOf(pages, copy))
        execFileSync(promtool, ['tsdb', 'create-blocks-from', 'openmetrics', file, data], { stdio: 'ignore' })
      }
    },
    sections: { storage: { tsdb: { out_of_order_time_window: '60d' } } }, // also by remote write
    flags: ['--web.enable-remote-write-receiver', '--storage.tsdb.retention.time=60d'],
  })
  rmSync(folder, { recursive: true })
  // until it has a sample of now, it does not know which are of the past
  const now = { seconds: Math.floor(Date.now() / 1000), value: 1 }
  await remoteWrite(server.url, [{ labels: { __name__: 'now' }, samples: [now], staleAt: [] }])
  return {
    server,
    end,
    copies,
    pageAt: (seconds) => (pages.get(seconds) ?? []).map(withoutTarget).join('\n'),
  }
}

/** Lines of a history by their time, without it. */
function pagesOf(history: string): ReadonlyMap<number, readonly string[]> {
  const pages = new Map<number, string[]>()
  for (const line of history.trimEnd().split('\n').slice(0, -1)) {
    const space = line.lastIndexOf(' ')
    const time = Number(line.slice(space + 1))
    const page = pages.get(time) ?? []
    page.push(line.slice(0, space))
    pages.set(time, page)
  }
  return pages
}

/**
 * Both machines, and that they were scraped. The demo was another version in the first half, and its chat is in a
 * namespace, which can be chosen.
 */
function textOf(pages: ReadonlyMap<number, readonly string[]>, { shift, hasCluster }: Copy): string {
  const start = Math.min(...pages.keys())
  const lines = Array.from(pages).flatMap(([time, page]) => {
    const age = time - start
    return [...page, `up{${TARGET}} 1`]
      .map((line) => versionAt(age, inNamespace(line)).replace('{', `{cluster="${CLUSTER}",`))
      .concat(bareNodeAt(age))
      .map((line) => `${hasCluster ? line : line.replace(/cluster="[^"]*",/, '')} ${time + shift}`)
  })
  return `${lines.join('\n')}\n# EOF\n`
}

const withoutTarget = (line: string): string =>
  line.replace(`{${TARGET}`, '{').replace('{,', '{').replace('{}', '')
const inNamespace = (line: string): string =>
  line.replace('workload="llama-chat",namespace=""', 'workload="llama-chat",namespace="chat"')
const versionAt = (age: number, line: string): string =>
  age < HISTORY_SECONDS / 2 && /^wattribute_(build|node)_info/.test(line)
    ? line.replace(/([{,]version=)"[^"]*"/, '$1"0.0.9"')
    : line
