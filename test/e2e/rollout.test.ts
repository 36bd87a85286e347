/**
 * Three exporters in turn on one state directory, as a DaemonSet's rollout has them: to a real Prometheus that names
 * them after their node they are one, and not a joule is lost. Named by the addresses of pods they are three.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parsePage, sumOf } from '../exposition/page-text.ts'
import { requireProgram } from '../programs.ts'
import { ExporterProcess } from './exporter-process.ts'
import { freePort, PrometheusServer } from './prometheus-server.ts'
import { RaplTree } from './rapl-tree.ts'
import { kubernetesScrape, scrapeOf, writePods } from './scrape-examples.ts'

jest.setTimeout(240_000)

const PACKAGE = 'intel-rapl:0'
const SERIES = 'wattribute_domain_energy_joules_total{domain="package-0"}'
/** What is spent while no exporter runs, in microjoules. */
const MEANWHILE = 10_000_000

/** Begin anew with each process, as in every exporter. */
const isSelf = (name: string): boolean => /^(process|nodejs)_|^wattribute_engine_restarts_/.test(name)

requireProgram('prometheus', 'a rollout on one state directory', (program) => {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-rollout-'))
  const podsFile = join(folder, 'pods.json')
  const tree = new RaplTree([{ folder: PACKAGE, name: 'package-0', start: 7n, range: 26_214_332_885_000n }])
  let ports: readonly number[] = []
  let running: ExporterProcess | undefined
  let prometheus: PrometheusServer
  let injection: NodeJS.Timeout | undefined

  const start = (pod: number): ExporterProcess =>
    ExporterProcess.begin([
      `--web.listen-address=127.0.0.1:${ports[pod]}`,
      `--path.sysfs=${tree.sysfs}`,
      `--config.file=${join(folder, 'config.yaml')}`,
      `--storage.path=${join(folder, 'books')}`,
    ])

  /** What the API server knows of. */
  const show = (...pods: readonly number[]): void =>
    writePods(
      podsFile,
      pods.map((pod) => ({ address: `127.0.0.1:${ports[pod]}`, node: 'node-7', pod: `wattribute-${pod}` })),
    )

  const isAllShown = (page: string): boolean =>
    sumOf(parsePage(page), 'domain_energy_joules_total', ({ domain }) => domain === 'package-0') ===
    tree.spent.get(PACKAGE)

  const work = (): void => {
    injection = setInterval(() => tree.spend(PACKAGE, 1_234_567), 100)
  }

  const rest = async (exporter: ExporterProcess): Promise<void> => {
    clearInterval(injection)
    await exporter.page(isAllShown)
    const spent = Number(tree.spent.get(PACKAGE))
    await prometheus.until(
      `max by (job) (${SERIES})`,
      (all) => all.length === 2 && all.every(({ value }) => Math.round(Number(value[1]) * 1e6) === spent),
    )
  }

  beforeAll(async () => {
    writeFileSync(join(folder, 'config.yaml'), 'tick_seconds: 0.2\nbirth_hold_seconds: 3\n')
    ports = [await freePort(), await freePort(), await freePort()]
    show(0)
    const addresses = scrapeOf('kubernetes').relabel_configs.filter(
      ({ target_label: label }) => label !== 'instance',
    )
    prometheus = await PrometheusServer.start(program, [], {
      scrapes: [
        kubernetesScrape(podsFile),
        kubernetesScrape(podsFile, { job_name: 'by-address', relabel_configs: addresses }),
      ],
    })
  })

  afterAll(async () => {
    clearInterval(injection)
    await prometheus.stop()
    await running?.stop('SIGKILL')
    tree.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  test('the next one goes on where the last one stood', async () => {
    const first = start(0)
    running = first
    // Seen at 0, so that increase() is exact.
    await prometheus.until(SERIES, (all) => all.length === 2)
    work()
    await prometheus.until(`${SERIES} > 0`, (all) => all.length === 2)

    const early = start(1)
    expect((await early.ended).code).toBe(1)
    expect(early.lines.join('\n')).toContain(
      `another exporter (process ${first.child.pid}) keeps its books in`,
    )

    await rest(first)
    expect(await first.stop('SIGTERM')).toEqual({ code: 0, signal: null })
    tree.spend(PACKAGE, MEANWHILE)
    const second = start(1)
    running = second
    show(0, 1) // the one that has ended is still listed for a while
    work()
    await second.page((page) => page.includes('reason="exporter_down"'))
    await prometheus.until(`${SERIES} > ${Number(tree.spent.get(PACKAGE)) / 1e6}`, (all) => all.length === 2)
    show(1)

    await rest(second)
    await second.stop('SIGKILL')
    tree.spend(PACKAGE, MEANWHILE)
    const third = start(2)
    running = third
    show(2)
    work()
    await prometheus.until(`${SERIES} > ${Number(tree.spent.get(PACKAGE)) / 1e6}`, (all) => all.length === 2)
    await rest(third)
  })

  const ofJob = (job: string): string => SERIES.replace('}', `,job="${job}"}`)

  const increaseOf = async (job: string): Promise<number> => {
    const time = await prometheus.lastTimeOf(ofJob(job))
    const [sum] = await prometheus.query(`sum(increase(${ofJob(job)}[1h]))`, time)
    return Number(sum?.value[1])
  }

  test('named after the node they are one series, whose increase is what was spent', async () => {
    const series = await prometheus.query(`last_over_time(${ofJob('wattribute')}[1h])`)
    expect(series.map(({ metric }) => metric['instance'])).toEqual(['node-7'])
    // increase() does float64 arithmetic: to the microjoule is as far as it goes
    expect(await increaseOf('wattribute')).toBeCloseTo(Number(tree.spent.get(PACKAGE)) / 1e6, 5)
  })

  test('nothing that they book ever went back', async () => {
    for (const name of await prometheus.names()) {
      if (!/^wattribute_.*_total$/.test(name) || isSelf(name)) continue
      expect([name, await prometheus.query(`resets(${name}{job="wattribute"}[1h]) > 0`)]).toEqual([name, []])
    }
  })

  test('when a counter began is in no series', async () => {
    const names = await prometheus.names()
    expect(names).toContain('wattribute_domain_energy_joules_total')
    expect(names.filter((name) => name.endsWith('_created'))).toEqual([])
  })

  test('named by their addresses they are three, and what was spent between them is in no increase', async () => {
    const series = await prometheus.query(`last_over_time(${ofJob('by-address')}[1h])`)
    expect(series).toHaveLength(3)
    expect(await increaseOf('by-address')).toBeLessThan(
      (Number(tree.spent.get(PACKAGE)) - 2 * MEANWHILE) / 1e6,
    )
  })
})
