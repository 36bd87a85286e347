/**
 * The real exporter, killed at random instants a few hundred times while it is under load and a real Prometheus
 * scrapes it: what Prometheus adds up in the end is what was spent, to the microjoule, and nothing ever goes back.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CounterWatch } from '../exposition/counter-watch.ts'
import { imbalancesOfPage, parsePage, sumOf } from '../exposition/page-text.ts'
import { requireProgram } from '../programs.ts'
import { ExporterProcess } from './exporter-process.ts'
import { freePort, PrometheusServer } from './prometheus-server.ts'
import { RaplTree } from './rapl-tree.ts'

jest.setTimeout(900_000)

/** On each of the two Nodes that the checks run on. */
const KILLS = 100
/** So many of them while it starts, the others after its first page. */
const EARLY_SHARE = 0.3
/** In milliseconds, after its start or its first page. */
const LONGEST_LIFE = 700

/** A hundred times that of a processor: a loaded machine may take a while to start the exporter, and it must stay sure. */
const RANGE = 26_214_332_885_000n
const ZONES = [
  { folder: 'intel-rapl:0', name: 'package-0', start: RANGE - 1_000_000n, range: RANGE },
  { folder: 'intel-rapl:0:1', name: 'dram', start: 5n, range: RANGE },
  { folder: 'intel-rapl:1', name: 'psys', start: RANGE - 777_777_777n, range: RANGE },
]
const DOMAIN_OF = { 'intel-rapl:0': 'package-0', 'intel-rapl:0:1': 'dram-0', 'intel-rapl:1': 'psys' }

/** Reproducible, so that a failure can be looked at again. */
function* randomNumbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    yield state / 2 ** 32
  }
}

requireProgram('prometheus', 'an exporter that is killed again and again', (program) => {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-crash-'))
  const tree = new RaplTree(ZONES)
  const watch = new CounterWatch()
  const random = randomNumbers(20_261_124)
  let flags: readonly string[] = []
  let exporter: ExporterProcess
  let prometheus: PrometheusServer
  let burner: ChildProcess
  let injection: NodeJS.Timeout | undefined
  let pages = 0

  const see = (page: string): void => {
    pages += 1
    expect(imbalancesOfPage(page)).toEqual([])
    expect(watch.fallen(withoutSelf(parsePage(page)))).toEqual([])
  }

  /** Looks at its pages until it dies. */
  const lookOn = async (mortal: ExporterProcess): Promise<void> => {
    const life = { isOver: false }
    void mortal.ended.then(() => (life.isOver = true))
    while (!life.isOver) {
      const answer = await mortal.get().catch(() => undefined) // it may be killed at any instant
      if (answer?.status === 200) see(answer.body)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  beforeAll(async () => {
    const config = join(folder, 'config.yaml')
    writeFileSync(config, 'tick_seconds: 0.1\nbirth_hold_seconds: 3\n')
    const port = await freePort()
    flags = [
      `--web.listen-address=127.0.0.1:${port}`,
      `--path.sysfs=${tree.sysfs}`,
      `--config.file=${config}`,
      `--storage.path=${join(folder, 'books')}`,
    ]
    exporter = await ExporterProcess.start(flags)
    prometheus = await PrometheusServer.start(program, [`127.0.0.1:${port}`])
    burner = spawn('timeout', ['800', 'sh', '-c', 'while :; do :; done'], { stdio: 'ignore', detached: true })
  })

  afterAll(async () => {
    clearInterval(injection)
    if (burner.pid !== undefined) process.kill(-burner.pid, 'SIGKILL')
    await prometheus.stop()
    await exporter.stop()
    tree.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  test('loses nothing and counts nothing twice', async () => {
    await exporter.page((page) => page.includes('domain="psys"'))
    // Prometheus has seen every domain at 0, so that its increase() is exact.
    await prometheus.until('wattribute_domain_energy_joules_total', (samples) => samples.length >= 3)
    let step = 0
    injection = setInterval(() => {
      step += 1
      const cpu = 2_000_000 + ((step * 7_919_777) % 5_000_003)
      const memory = 300_000 + ((step * 104_729) % 300_007)
      tree.spend('intel-rapl:1', cpu + memory + 1_234_567)
      tree.spend('intel-rapl:0', cpu)
      tree.spend('intel-rapl:0:1', memory)
    }, 50)

    for (let kill = 0; kill < KILLS; kill += 1) {
      const looking = lookOn(exporter)
      if (random.next().value > EARLY_SHARE) await exporter.page(() => true)
      await new Promise((resolve) => setTimeout(resolve, random.next().value * LONGEST_LIFE))
      await exporter.stop('SIGKILL')
      await looking
      exporter = ExporterProcess.begin(flags)
    }
    await exporter.line(/wattribute is serving/)
    expect(exporter.lines.filter((line) => /damaged|do not fit|cannot/.test(line))).toEqual([])
    clearInterval(injection)

    // What Prometheus holds of it in the end.
    const spent = new Map(
      Object.entries(DOMAIN_OF).map(([zone, domain]) => [domain, tree.spent.get(zone) ?? 0n]),
    )
    const last = await exporter.page((page) => {
      see(page)
      const families = parsePage(page)
      return Array.from(spent).every(
        ([domain, amount]) =>
          sumOf(families, 'domain_energy_joules_total', (labels) => labels['domain'] === domain) === amount,
      )
    })
    expect(pages).toBeGreaterThan(KILLS)
    const down = sumOf(
      parsePage(last),
      'unattributed_energy_joules_total',
      ({ reason }) => reason === 'exporter_down',
    )
    expect(down > 0n).toBe(true)

    for (const [domain, amount] of spent) {
      const series = `wattribute_domain_energy_joules_total{domain="${domain}"}`
      await prometheus.until(
        `sum(${series})`,
        ([sample]) => Math.round(Number(sample?.value[1]) * 1e6) === Number(amount),
      )
      const time = await prometheus.lastTimeOf(series)
      const [increase] = await prometheus.query(`sum(increase(${series}[1h]))`, time)
      // increase() does float64 arithmetic: to the microjoule is as far as it goes
      expect(Number(increase?.value[1])).toBeCloseTo(Number(amount) / 1e6, 5)
    }
    for (const name of await prometheus.names()) {
      if (!/^wattribute_.*_total$/.test(name) || isSelf(name)) continue
      expect([name, await prometheus.query(`resets(${name}[1h]) > 0`)]).toEqual([name, []])
    }
  })
})

/** Of the exporter's own process: they begin anew with it, as in every exporter. */
const isSelf = (name: string): boolean =>
  /^wattribute_(engine_restarts|http_|scrape)/.test(name) || /^(process|nodejs)_/.test(name)

const withoutSelf = <T>(families: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
  new Map(Array.from(families).filter(([name]) => !isSelf(name)))
