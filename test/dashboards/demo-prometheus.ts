/** A real Prometheus as it would be beside the demo: blocks of its history, and the running demo as its target. */
import { execFile, execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CLI, ExporterProcess } from '../e2e/exporter-process.ts'
import { PrometheusServer } from '../e2e/prometheus-server.ts'
import { bareNodeAt } from './bare-node.ts'

const run = promisify(execFile)

/** How far apart the samples of the history are. */
export const STEP_SECONDS = 60
export const HISTORY_SECONDS = 2 * 3600
/** A copy of the history lies so far back, for comparisons. */
export const EARLIER_SECONDS = 7 * 86_400
const LABELS = { job: 'wattribute', instance: 'simulated-node:10451', cluster: 'simulated-cluster' }

export class DemoPrometheus {
  readonly #demo: ExporterProcess
  readonly server: PrometheusServer
  /** The page that the demo showed at a minute of its history, in Unix seconds. */
  readonly pageAt: (seconds: number) => string
  /** Unix seconds of the newest sample of the history. */
  readonly end: number

  private constructor(
    demo: ExporterProcess,
    server: PrometheusServer,
    pages: ReadonlyMap<number, readonly string[]>,
  ) {
    this.#demo = demo
    this.server = server
    this.end = Math.max(...pages.keys())
    this.pageAt = (seconds) => (pages.get(seconds) ?? []).map(withoutTarget).join('\n')
  }

  static async start(prometheus: string, promtool: string): Promise<DemoPrometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'wattribute-dashboards-'))
    const file = join(folder, 'history.om')
    const history = run(process.execPath, [
      CLI,
      'demo',
      `--demo.history-path=${file}`,
      `--demo.history-length=${HISTORY_SECONDS / 3600}h`,
    ])
    const demo = await ExporterProcess.start(['demo'])
    await history
    const pages = pagesOf(await readFile(file, 'utf8'))
    const server = await PrometheusServer.start(prometheus, [new URL(demo.url).host], {
      fill: (data) => {
        for (const shift of [0, -EARLIER_SECONDS]) {
          writeFileSync(file, textOf(pages, shift))
          execFileSync(promtool, ['tsdb', 'create-blocks-from', 'openmetrics', file, data], {
            stdio: 'ignore',
          })
        }
      },
      labels: LABELS,
      outOfOrder: '60d',
    })
    await rm(folder, { recursive: true })
    await server.until('up', ([sample]) => sample?.value[1] === '1')
    return new DemoPrometheus(demo, server, pages)
  }

  async stop(): Promise<void> {
    await this.server.stop()
    await this.#demo.stop()
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

/** Both machines. The demo was another version in the first half. */
function textOf(pages: ReadonlyMap<number, readonly string[]>, shift: number): string {
  const start = Math.min(...pages.keys())
  const lines = Array.from(pages).flatMap(([time, page]) => {
    const age = time - start
    return [
      ...page.map((line) => `${versionAt(age, inCluster(line))} ${time + shift}`),
      ...bareNodeAt(time + shift, age),
    ]
  })
  return `${lines.join('\n')}\n# EOF\n`
}

const withoutTarget = (line: string): string =>
  line.replace(/\{job="[^"]*",instance="[^"]*",?/, '{').replace('{}', '')
const inCluster = (line: string): string => line.replace('{', `{cluster="${LABELS.cluster}",`)
const versionAt = (age: number, line: string): string =>
  age < HISTORY_SECONDS / 2 && /^wattribute_(build|node)_info/.test(line)
    ? line.replace(/([{,]version=)"[^"]*"/, '$1"0.0.9"')
    : line
