/**
 * An inference server that burns CPU time for each request, the running exporter and a real Prometheus: what the server
 * has answered is what Prometheus adds up, to the query and to the token, and `kill -9` takes nothing back.
 */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parsePage, type Families, type Series } from '../exposition/page-text.ts'
import { requireProgram } from '../programs.ts'
import { ExporterProcess } from './exporter-process.ts'
import { RaplTree } from './rapl-tree.ts'
import { rulesOfSeconds, WINDOW_SECONDS } from './shipped-rules.ts'
import { PrometheusServer } from './prometheus-server.ts'

jest.setTimeout(180_000)

const SERVER = fileURLToPath(new URL('vllm-shaped.mjs', import.meta.url))

let folder: string
let exporter: ExporterProcess | undefined
const children: ChildProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wattribute-queries-'))
})
afterEach(async () => {
  await exporter?.stop('SIGKILL')
  exporter = undefined
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** @returns where it listens */
async function serve(model: string, port = 0): Promise<string> {
  const words = ['serve', model, '--port', String(port)]
  const child = spawn(process.execPath, [SERVER, ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return `http://127.0.0.1:${line.toString().trim()}`
}

async function ask(url: string, times: number): Promise<void> {
  for (let query = 0; query < times; query += 1) {
    const { status } = await fetch(`${url}/v1/completions`, { method: 'POST' })
    expect(status).toBe(200)
  }
}

async function start(config: string, flags: readonly string[] = []): Promise<ExporterProcess> {
  const file = join(folder, 'config.yaml')
  writeFileSync(file, `tick_seconds: 0.5\nbirth_hold_seconds: 2\nqueries:\n  period_seconds: 1\n${config}`)
  exporter = await ExporterProcess.start([
    `--config.file=${file}`,
    `--storage.path=${join(folder, 'books')}`,
    ...flags,
  ])
  return exporter
}

/** Of the server at this address: suites beside this one have servers of their own, which are found, too. */
const isCounting =
  (url: string) =>
  (page: string): boolean =>
    (parsePage(page).get('wattribute_query_server_info') ?? []).some(
      ({ labels }) => labels['url'] === `${url}/metrics` && labels['state'] === 'counting',
    ) && countsIn(page)['queries'] !== undefined

/** Queries, and tokens by direction, of this suite's servers; others on this machine have other models. */
function countsIn(page: string): Readonly<Record<string, number>> {
  const families = parsePage(page)
  const sums: Record<string, number> = {}
  const add = (key: string, value: string): void => {
    sums[key] = (sums[key] ?? 0) + Number(value)
  }
  for (const { value } of ownIn(families, 'wattribute_workload_queries_total')) add('queries', value)
  for (const { labels, value } of ownIn(families, 'wattribute_workload_tokens_total')) {
    add(labels['direction'] ?? '', value)
  }
  return sums
}

const OWN_MODELS = ['Qwen/Qwen3-32B', 'llama']

const ownIn = (families: Families, family: string): readonly Series[] =>
  (families.get(family) ?? []).filter(({ labels }) => OWN_MODELS.includes(labels['model'] ?? ''))

/** By what the server gives for each query: 12 tokens of prompt, 4 of them out of the cache, and 30 of its own. */
const answered = (queries: number) => ({
  queries,
  input: 8 * queries,
  cached_input: 4 * queries,
  output: 30 * queries,
})

const shows =
  (queries: number) =>
  (page: string): boolean =>
    countsIn(page)['queries'] === queries

requireProgram('prometheus', 'queries of a server that speaks vLLM’s metrics', (program) => {
  test('the recorded rule is joules ÷ requests of its window', async () => {
    const machine = steadyPackage()
    const rules = rulesOfSeconds()
    let prometheus: PrometheusServer | undefined
    const over = new AbortController()
    let load: Promise<void> | undefined
    try {
      const running = await start('', [`--path.sysfs=${machine.sysfs}`])
      await running.page(() => true)
      prometheus = await PrometheusServer.start(program, [new URL(running.url).host], {
        alerting: { ruleFile: rules.file, evaluationSeconds: 1 },
      })
      const url = await serveAsVllm('Qwen/Qwen3-32B')
      load = (async () => {
        while (!over.signal.aborted) {
          await ask(url, 1)
          await new Promise((resolve) => setTimeout(resolve, 100))
        }
      })()
      const workload = '{workload="Qwen/Qwen3-32B"}'
      // both are known at both ends of a whole window
      const queries = `wattribute_workload_queries_total${workload}`
      const joules = 'wattribute_workload_energy_joules_total{workload="Qwen/Qwen3-32B",part="host"}'
      const isOld = `count_over_time(${queries}[${2 * WINDOW_SECONDS}s]) > ${WINDOW_SECONDS + 5}`
      await prometheus.until(isOld, (samples) => samples.length === 1, 90)
      const rule =
        'workload_boundary:wattribute_energy_per_query_joules:ratio_rate5m{workload="Qwen/Qwen3-32B",boundary="host"}'
      const [recorded] = await prometheus.until(rule, (samples) => samples.length === 1, 30)
      const [evaluated] = await prometheus.query(`timestamp(${rule})`, recorded?.value[0])
      const at = Number(evaluated?.value[1])
      const grown = async (series: string): Promise<number> => {
        const stored = (await prometheus?.query(`${series}[${WINDOW_SECONDS}s]`, at)) as unknown as readonly {
          readonly values: readonly (readonly [time: number, value: string])[]
        }[]
        return stored.reduce(
          (sum, { values }) => sum + Number(values.at(-1)?.[1]) - Number(values[0]?.[1]),
          0,
        )
      }
      const perQuery = (await grown(joules)) / (await grown(queries))
      expect(perQuery).toBeGreaterThan(0)
      expect(Number(recorded?.value[1]) / perQuery).toBeGreaterThan(1 - 1 / WINDOW_SECONDS)
      expect(Number(recorded?.value[1]) / perQuery).toBeLessThan(1 + 1 / WINDOW_SECONDS)
    } finally {
      over.abort()
      await load?.catch(() => undefined)
      await prometheus?.stop()
      rules.remove()
      machine.remove()
    }
  })

  test('Prometheus adds up what the server has answered, to the token', async () => {
    const url = await serve('Qwen/Qwen3-32B-FP8')
    await ask(url, 5) // before anybody looks: unknown
    const running = await start(
      `  servers:\n    - { url: '${url}', preset: vllm, workload: chat, namespace: prod }\n`,
    )
    const prometheus = await PrometheusServer.start(program, [new URL(running.url).host])
    try {
      await running.page(isCounting(url))
      const series =
        'wattribute_workload_queries_total{workload="chat",namespace="prod",model="Qwen/Qwen3-32B",variant="fp8",server="vllm",source="configured",method="counter"}'
      await prometheus.until(series, ([sample]) => sample?.value[1] === '0') // its birth has been seen
      await ask(url, 60)
      const page = await running.page(shows(60))
      expect(countsIn(page)).toEqual(answered(60))
      await prometheus.until(series, ([sample]) => sample?.value[1] === '60')
      const [increase] = await prometheus.query(
        `max_over_time(${series}[10m]) - min_over_time(${series}[10m])`,
      )
      expect(increase?.value[1]).toBe('60')
      const tokens = await prometheus.query(
        'sum by (direction) (wattribute_workload_tokens_total{workload="chat"})',
      )
      expect(
        Object.fromEntries(tokens.map(({ metric, value }) => [metric['direction'], Number(value[1])])),
      ).toEqual({
        input: 480,
        cached_input: 240,
        output: 1800,
      })
    } finally {
      await prometheus.stop()
    }
  })
})

test('kill -9 takes nothing back, and the count goes on', async () => {
  const url = await serve('llama')
  const config = `  servers:\n    - { url: '${url}', workload: chat }\n`
  const first = await start(config)
  await first.page(isCounting(url))
  await ask(url, 20)
  await first.page(shows(20))
  await first.stop('SIGKILL')
  const second = await start(config)
  const page = await second.page(isCounting(url))
  expect(countsIn(page)).toEqual(answered(20))
  await second.page((one) => /url="[^"]*",server="vllm",workload="chat".*state="counting"/.test(one))
  await ask(url, 3)
  await second.page(shows(23))
})

test('a server that starts anew is counted from its beginning', async () => {
  const url = await serve('llama')
  const running = await start(`  servers:\n    - { url: '${url}', workload: chat }\n`)
  await running.page(isCounting(url))
  await ask(url, 10)
  await running.page(shows(10))
  const [former] = children.splice(0)
  former?.kill('SIGKILL')
  await running.page((page) => page.includes('reason="nobody listens there"'))
  await serve('llama', Number(new URL(url).port))
  await ask(url, 12)
  await running.page(shows(22), 60)
})

/** A package that draws 50 W all the time. */
function steadyPackage(): { readonly sysfs: string; readonly remove: () => void } {
  const tree = new RaplTree([
    { folder: 'intel-rapl:0', name: 'package-0', start: 0n, range: 262_143_328_850n },
  ])
  const spending = setInterval(() => tree.spend('intel-rapl:0', 5_000_000), 100)
  return {
    sysfs: tree.sysfs,
    remove: () => {
      clearInterval(spending)
      tree.remove()
    },
  }
}

/** What a process looks like that runs the script `vllm` with Python. */
async function serveAsVllm(model: string): Promise<string> {
  const script = join(folder, 'vllm')
  writeFileSync(script, `import(${JSON.stringify(SERVER)})`)
  const child = spawn(process.execPath, [script, 'serve', model, '--port', '0'], {
    argv0: 'python3',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return `http://127.0.0.1:${line.toString().trim()}`
}

test('a recognised server is found at its port, counted from its beginning, and its joules have the same labels', async () => {
  const machine = steadyPackage()
  try {
    const running = await start('', [`--path.sysfs=${machine.sysfs}`])
    await running.page(() => true) // from now on it looks
    const url = await serveAsVllm('Qwen/Qwen3-32B-FP8')
    await ask(url, 50)
    await running.page(isCounting(url), 60)
    await ask(url, 50)
    const page = await running.page(shows(100), 60)
    expect(countsIn(page)).toEqual(answered(100))
    const families = parsePage(page)
    const [queries] = ownIn(families, 'wattribute_workload_queries_total')
    expect(queries?.labels).toMatchObject({
      model: 'Qwen/Qwen3-32B',
      variant: 'fp8',
      server: 'vllm',
      source: 'server',
      method: 'counter',
    })
    const joules = (families.get('wattribute_workload_energy_joules_total') ?? []).filter(
      ({ labels, value }) =>
        Number(value) > 0 &&
        ['workload', 'namespace', 'model', 'variant'].every((name) => labels[name] === queries?.labels[name]),
    )
    expect(joules).not.toEqual([])
    expect(joules[0]?.labels['kind']).toBe('inference')
  } finally {
    machine.remove()
  }
})
