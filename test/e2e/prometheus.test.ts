/**
 * A real Prometheus over the running exporter for some minutes: counters that move, wrap and freeze, processes that
 * start, burn, exit and churn until their series expire, and another exporter that nobody scrapes.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CounterWatch } from '../exposition/counter-watch.ts'
import { imbalancesOfPage, microjoulesIn, parsePage, sumOf, type Families } from '../exposition/page-text.ts'
import { requireProgram } from '../programs.ts'
import { ControlGroup } from './control-group.ts'
import { ExporterProcess } from './exporter-process.ts'
import { PrometheusServer } from './prometheus-server.ts'
import { RaplTree } from './rapl-tree.ts'

jest.setTimeout(400_000)

const [PACKAGE, CORE, DRAM, FREEZER, PSYS] = [
  'intel-rapl:0',
  'intel-rapl:0:0',
  'intel-rapl:0:1',
  'intel-rapl:1',
  'intel-rapl:2',
] as const

/** Small ranges: package 0 comes round every few seconds. */
const ZONES = [
  { folder: PACKAGE, name: 'package-0', start: 190_000_000n, range: 200_000_000n },
  { folder: CORE, name: 'core', start: 7n, range: 150_000_000n },
  { folder: DRAM, name: 'dram', start: 0n, range: 65_712_999_613n },
  { folder: FREEZER, name: 'package-1', start: 12_345n, range: 262_143_328_850n },
  { folder: PSYS, name: 'psys', start: 262_143_000_000n, range: 262_143_328_850n },
]

/** Names of the domains, by zone. */
const DOMAIN_OF = {
  [PACKAGE]: 'package-0',
  [CORE]: 'package-0-core',
  [DRAM]: 'dram-0',
  [FREEZER]: 'package-1',
  [PSYS]: 'psys',
}

const CONFIG = 'birth_hold_seconds: 5\nexpire_after_seconds: 60\n'

/** What the scrapers and the test itself have seen of every counter. */
class Watch {
  readonly #counters = new CounterWatch()
  pages = 0

  /** @returns what is wrong with the page */
  see(page: string): string[] {
    this.pages += 1
    const families = parsePage(page)
    const wrong = imbalancesOfPage(page)
    for (const { labels, value } of families.get('wattribute_conservation_error_joules') ?? []) {
      if (Number(value) !== 0) wrong.push(`conservation error of ${labels['component'] ?? ''}: ${value}`)
    }
    wrong.push(...this.#counters.fallen(families))
    return wrong
  }
}

/** Moves the counters as a machine at work does. */
class Injection {
  readonly #tree: RaplTree
  #timer: NodeJS.Timeout | undefined
  #step = 0
  isFrozen = false

  constructor(tree: RaplTree) {
    this.#tree = tree
  }

  start(): void {
    this.#timer = setInterval(() => this.#move(), 100)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #move(): void {
    this.#step += 1
    const cpu = 3_000_000 + ((this.#step * 7_919_777) % 5_000_003)
    const memory = 400_000 + ((this.#step * 104_729) % 300_007)
    const other = this.isFrozen ? 0 : 1_000_000 + ((this.#step * 15_485_863) % 2_000_003)
    this.#tree.spend(PSYS, cpu + memory + other + 1_234_567)
    this.#tree.spend(PACKAGE, cpu)
    this.#tree.spend(CORE, Math.floor(cpu / 3))
    this.#tree.spend(DRAM, memory)
    if (other > 0) this.#tree.spend(FREEZER, other)
  }
}

const energyOf = (families: Families, domain: string): bigint =>
  sumOf(families, 'domain_energy_joules_total', (labels) => labels['domain'] === domain)

const tickOf = (page: string): number =>
  Number(parsePage(page).get('wattribute_last_tick_timestamp_seconds')?.[0]?.value)

/**
 * Energy of each domain in microjoules. The files of the tree are written one after the other: a tick between them
 * sees the parts of the platform before the whole, and its rest is booked more by the deficit that the page tells.
 */
function domainsOf(page: string): Readonly<Record<string, string>> {
  const families = parsePage(page)
  const deficit = sumOf(families, 'domain_deficit_joules')
  return Object.fromEntries(
    (families.get('wattribute_domain_energy_joules_total') ?? []).map(
      ({ labels: { domain = '' }, value }) => [
        domain,
        String(microjoulesIn(value) - (domain === 'psys-rest' ? deficit : 0n)),
      ],
    ),
  )
}

requireProgram(
  'prometheus',
  'a real Prometheus over the running exporter',
  (program) => {
    const folder = mkdtempSync(join(tmpdir(), 'wattribute-e2e-'))
    const tree = new RaplTree(ZONES)
    const injection = new Injection(tree)
    const watch = new Watch()
    const children: ChildProcess[] = []
    let group: ControlGroup
    let scraped: ExporterProcess
    let alone: ExporterProcess
    let prometheus: PrometheusServer
    /** What the process of five seconds used, as the exporter shows it. */
    let fiverTotal = ''

    /** A shell that the machine knows under this name. */
    const shell = (name: string): string => {
      const path = join(folder, name)
      symlinkSync('/bin/sh', path)
      return path
    }

    /** Ends by itself, too: a test that is killed must leave nobody behind who burns CPU time. */
    const start = (command: readonly string[]): ChildProcess => {
      const child = spawn('timeout', ['600', ...command], { stdio: 'ignore', detached: true })
      children.push(child)
      return child
    }

    const look = async (): Promise<string> => {
      const { status, body } = await scraped.get()
      expect(status).toBe(200)
      expect(watch.see(body)).toEqual([])
      return body
    }

    /** Looks at every page until one holds. */
    const lookUntil = (holds: (page: string) => boolean, seconds: number): Promise<string> =>
      scraped.page((page) => {
        expect(watch.see(page)).toEqual([])
        return holds(page)
      }, seconds)

    const complaintsOf = async (exporter: ExporterProcess): Promise<string> => {
      const { sensors } = JSON.parse((await exporter.get('/api/v1/sensors')).body) as {
        sensors: { name: string; reason: string }[]
      }
      return sensors.find(({ name }) => name === 'rapl')?.reason ?? ''
    }

    const untilNoComplaint = async (exporter: ExporterProcess): Promise<void> => {
      while ((await complaintsOf(exporter)) !== '') await new Promise((resolve) => setTimeout(resolve, 100))
    }

    beforeAll(async () => {
      const config = join(folder, 'config.yaml')
      writeFileSync(config, CONFIG)
      const flags = [`--path.sysfs=${tree.sysfs}`, `--config.file=${config}`]
      // Before the exporters start: on a hybrid machine they count in the tree that has groups.
      group = new ControlGroup()
      scraped = await ExporterProcess.start(flags)
      alone = await ExporterProcess.start(flags)
      prometheus = await PrometheusServer.start(program, [new URL(scraped.url).host])
    })

    afterAll(async () => {
      injection.stop()
      for (const { pid } of children) {
        try {
          process.kill(-(pid ?? 0), 'SIGKILL')
        } catch {
          continue // has ended
        }
      }
      await prometheus.stop()
      await scraped.stop()
      await alone.stop()
      tree.remove()
      rmSync(folder, { recursive: true, force: true })
    })

    test('every joule that went in is on every page, once', async () => {
      // What is spent before a first look is not counted.
      const hasLooked = (page: string): boolean => page.includes('domain="psys"')
      await Promise.all([scraped.page(hasLooked), alone.page(hasLooked)])

      // The platform first, so that from now on all others are counted within it.
      tree.spend(PSYS, 1_000_000)
      const isPlatformSeen = (page: string): boolean => energyOf(parsePage(page), 'psys') === 1_000_000n
      await lookUntil(isPlatformSeen, 20)
      await alone.page(isPlatformSeen)
      injection.start()

      start([shell('steady'), '-c', 'while :; do :; done'])
      const churner = shell('churner')
      start([
        'sh',
        '-c',
        `while :; do ${churner} -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done'; sleep 0.1; done`,
      ])
      const beginning = tickOf(await lookUntil((page) => page.includes('comm="steady"'), 30))
      // Series of the exporter's first five seconds show their figures at once; these must not be among them.
      await lookUntil((page) => tickOf(page) > beginning + 6, 30)

      // Five seconds in a container of its own.
      const fiver = start(['timeout', '5', ...group.enter([shell('fiver'), '-c', 'while :; do :; done'])])
      await once(fiver, 'exit')
      await group.remove()
      const shownFiver = (page: string): string | undefined =>
        (parsePage(page).get('wattribute_process_energy_joules_total') ?? []).find(
          ({ labels, value }) =>
            labels['comm'] === 'fiver' && labels['component'] === 'cpu' && Number(value) > 0,
        )?.value
      const atBirth = await lookUntil((page) => shownFiver(page) !== undefined, 30)
      fiverTotal = shownFiver(atBirth) ?? ''
      const shownContainer = sumOf(
        parsePage(atBirth),
        'container_energy_joules_total',
        (labels) => labels['container_id'] === group.containerId,
      )
      expect(shownContainer > 0n).toBe(true)

      injection.isFrozen = true
      await lookUntil((page) => page.includes('package-1: its counter stands still'), 100)
      while ((await complaintsOf(alone)) === '') await new Promise((resolve) => setTimeout(resolve, 100))
      const beforeThaw = tree.spent.get(FREEZER) ?? 0n
      tree.spend(FREEZER, 3_000_000) // shows that it moves again; how long it took is not known, so it is not booked
      await Promise.all([untilNoComplaint(scraped), untilNoComplaint(alone)])
      injection.isFrozen = false
      const thawedFrom = tickOf(await look())
      await lookUntil((page) => tickOf(page) > thawedFrom + 30, 60)

      // The five seconds' series have expired: what they held is retired.
      await lookUntil((page) => shownFiver(page) === undefined && !page.includes(group.containerId), 120)
      injection.stop()
      const psysTotal = tree.spent.get(PSYS) ?? 0n
      const isAllSeen = (page: string): boolean => energyOf(parsePage(page), 'psys') === psysTotal
      const last = await lookUntil(isAllSeen, 20)

      const families = parsePage(last)
      // As text: jest's workers cannot hand a failed comparison of big integers on.
      const domains = Object.entries(DOMAIN_OF)
      const seen = domains.map(([, domain]) => [domain, String(energyOf(families, domain))])
      const unknown = 3_000_000n
      const injected = domains.map(([zone, domain]) => [
        domain,
        String((tree.spent.get(zone) ?? 0n) - (zone === FREEZER ? unknown : 0n)),
      ])
      expect(seen).toEqual(injected)
      expect((tree.spent.get(FREEZER) ?? 0n) > beforeThaw + unknown).toBe(true)
      const roots = sumOf(families, 'domain_energy_joules_total', ({ within }) => within === '')
      expect(String(roots)).toBe(String(psysTotal))
      const retired = sumOf(families, 'ledger_retired_joules', ({ view }) => view === 'container')
      expect(retired >= shownContainer).toBe(true)
      expect(watch.pages).toBeGreaterThan(100)

      // Whoever scrapes, the other exporter has the same books of the domains.
      const unscraped = await alone.page(isAllSeen)
      expect(imbalancesOfPage(unscraped)).toEqual([])
      expect(domainsOf(unscraped)).toEqual(domainsOf(last))
    })

    test('what Prometheus has stored agrees', async () => {
      await look()
      expect(await prometheus.query('min_over_time(up[10m])')).toMatchObject([
        { value: [expect.anything(), '1'] },
      ])
      const counters = (await prometheus.names()).filter((name) => /^wattribute_.+_total$/.test(name))
      expect(counters.length).toBeGreaterThan(5)
      for (const counter of counters)
        expect(await prometheus.query(`resets(${counter}[10m]) > 0`)).toEqual([])
      expect(await prometheus.query('max_over_time(wattribute_conservation_error_joules[10m]) > 0')).toEqual(
        [],
      )
    })

    test('a process of five seconds is counted in full by increase', async () => {
      const series = 'wattribute_process_energy_joules_total{comm="fiver",component="cpu",part="host"}'
      const stored = (await prometheus.query(`${series}[10m]`)) as unknown as readonly {
        readonly values: readonly (readonly [time: number, value: string])[]
      }[]
      const samples = stored[0]?.values ?? []
      expect(stored).toHaveLength(1)
      expect(samples[0]?.[1]).toBe('0') // Prometheus has seen it stand at 0, so that nothing is lost before
      const [time = 0, total = ''] = samples.at(-1) ?? []
      const [increase] = await prometheus.query(`increase(${series}[10m])`, time)
      expect(Number(total)).toBe(Number(fiverTotal))
      // increase() does float64 arithmetic: to the microjoule is as far as it goes
      expect(Number(increase?.value[1])).toBeCloseTo(Number(total), 5)
    })
  },
  { root: true },
)
