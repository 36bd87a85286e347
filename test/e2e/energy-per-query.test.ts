/**
 * What one query costs, from end to end: a server that speaks vLLM's metrics and burns CPU time for each request, the
 * counter of a processor, the built exporter, a real Prometheus and the shipped rules.
 */
import { expect, jest, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parsePage, sumOf } from '../exposition/page-text.ts'
import { requireProgram } from '../programs.ts'
import { ExporterProcess } from './exporter-process.ts'
import { PrometheusServer } from './prometheus-server.ts'
import { RaplTree } from './rapl-tree.ts'
import { rulesOfSeconds } from './shipped-rules.ts'

jest.setTimeout(240_000)

const SERVER = fileURLToPath(new URL('vllm-shaped.mjs', import.meta.url))
const PACKAGE = 'intel-rapl:0'
const WATTS = 60
/** Holds all of the work also where that takes several times as long as it should. */
const WINDOW_SECONDS = 120
const QUERIES = 120
/** A scrape more or less at each end of the twenty seconds that the work takes. */
const RESOLUTION = 0.1

const QUERIES_TOTAL = 'sum(wattribute_workload_queries_total{workload="chat"})'
const PER_QUERY =
  'workload_model_boundary:wattribute_energy_per_query_joules:ratio_rate5m{workload="chat",namespace="prod",model="Qwen/Qwen3-8B",variant="fp8",boundary="host",basis="model"}'

const joulesOf = (page: string): number =>
  Number(sumOf(parsePage(page), 'workload_energy_joules_total', ({ workload }) => workload === 'chat')) / 1e6

requireProgram('prometheus', 'what one query costs', (program) => {
  test('the recorded rule is joules by requests', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'wattribute-per-query-'))
    const tree = new RaplTree([{ folder: PACKAGE, name: 'package-0', start: 7n, range: 262_143_328_850n }])
    const rules = rulesOfSeconds(WINDOW_SECONDS)
    const server = spawn(process.execPath, [SERVER, 'serve', 'Qwen/Qwen3-8B-FP8', '--port', '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(server.stdout, 'data')) as [Buffer]
    const url = `http://127.0.0.1:${line.toString().trim()}`
    const config = join(folder, 'config.yaml')
    writeFileSync(
      config,
      `
tick_seconds: 0.5
birth_hold_seconds: 2
workloads:
  - match: { command: '*vllm-shaped.mjs serve *' }
    workload: chat
    namespace: prod
    kind: inference
    model: Qwen/Qwen3-8B
    variant: fp8
queries:
  period_seconds: 1
  servers:
    - { url: '${url}', preset: vllm, workload: chat, namespace: prod }
`,
    )
    const injection = setInterval(() => tree.spend(PACKAGE, WATTS * 100_000), 100)
    const exporter = await ExporterProcess.start([`--path.sysfs=${tree.sysfs}`, `--config.file=${config}`])
    const prometheus = await PrometheusServer.start(program, [new URL(exporter.url).host], {
      alerting: { ruleFile: rules.file, evaluationSeconds: 1 },
    })
    try {
      // Both counters have been seen before there was anything to count.
      await prometheus.until(QUERIES_TOTAL, ([sample]) => sample?.value[1] === '0', 60)
      await prometheus.until(
        'wattribute_workload_energy_joules_total{workload="chat"}',
        (all) => all.length > 0,
        60,
      )
      const before = joulesOf((await exporter.get()).body)
      for (let query = 0; query < QUERIES; query += 1) {
        expect((await fetch(`${url}/v1/completions`, { method: 'POST' })).status).toBe(200)
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      await prometheus.until(QUERIES_TOTAL, ([sample]) => sample?.value[1] === String(QUERIES), 30)
      const spent = joulesOf((await exporter.get()).body) - before
      const [recorded] = await prometheus.until(PER_QUERY, (all) => all.length === 1, 10)
      const [evaluated] = await prometheus.query(`timestamp(${PER_QUERY})`)
      // of the same instant: until the window moves on, it holds all that was done
      const asked = await prometheus.query(
        `sum(increase(wattribute_workload_queries_total{workload="chat"}[${WINDOW_SECONDS}s]))`,
        Number(evaluated?.value[1]),
      )
      expect(Math.abs(Number(asked[0]?.value[1]) / QUERIES - 1)).toBeLessThan(RESOLUTION)
      expect(spent).toBeGreaterThan(0)
      expect(Math.abs((Number(recorded?.value[1]) * QUERIES) / spent - 1)).toBeLessThan(RESOLUTION)
    } finally {
      clearInterval(injection)
      await prometheus.stop()
      await exporter.stop()
      server.kill('SIGKILL')
      rules.remove()
      tree.remove()
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
