/**
 * A hall: twenty exporters and one that reads the meters, a real Prometheus and the rules as they are shipped, with
 * windows of seconds, because a test has no five minutes.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { requireProgram } from '../programs.ts'
import { PrometheusServer } from './prometheus-server.ts'
import { rulesOfSeconds, WINDOW_SECONDS } from './shipped-rules.ts'
import { HallMeters, HallNode, type HallZone } from './simulated-hall.ts'

jest.setTimeout(240_000)

const SCRAPE_SECONDS = 1

/** Watts of the nodes of each zone: no two are the same. */
const POWERS = {
  'hall-1': Array.from({ length: 12 }, (_, index) => 200 + 25 * index),
  'hall-2': Array.from({ length: 8 }, (_, index) => 450 - 20 * index),
}
const OTHER_WATTS = 900
const PUE = { 'hall-1': 1.25, 'hall-2': 1.4 }

const sum = (amounts: readonly number[]): number => amounts.reduce((all, one) => all + one, 0)
const IT_WATTS = { 'hall-1': sum(POWERS['hall-1']) + OTHER_WATTS, 'hall-2': sum(POWERS['hall-2']) }

/** What differs by no more than a scrape that one side has seen and the other has not. */
const WITHIN_A_SCRAPE = SCRAPE_SECONDS / WINDOW_SECONDS

const FACILITY = 'workload_model_boundary:wattribute_workload_energy_joules:rate5m{boundary="facility"}'
const UNATTRIBUTED = 'zone_reason:wattribute_facility_unattributed_energy_joules:rate5m'
const TOTAL = 'zone:wattribute_facility_total_energy_joules:rate5m'

requireProgram('prometheus', 'a hall under the eyes of a real Prometheus', (program) => {
  const rules = rulesOfSeconds()
  const nodes: HallNode[] = []
  let meters: HallMeters
  let prometheus: PrometheusServer
  let isOver = false
  let time: Promise<void> = Promise.resolve()

  const nodesOf = async (zone: keyof typeof POWERS): Promise<readonly HallNode[]> => {
    const of = await Promise.all(POWERS[zone].map((watts) => HallNode.start(zone, watts)))
    nodes.push(...of)
    return of
  }

  /** Every second of ours is one of the machines; under load it may come late, for all of them. */
  const live = async (): Promise<void> => {
    while (!isOver) {
      const next = new Promise((resolve) => setTimeout(resolve, 1000))
      for (const node of nodes) await node.second()
      meters.second()
      await next
    }
  }

  beforeAll(async () => {
    const zones: readonly HallZone[] = [
      { zone: 'hall-1', nodes: await nodesOf('hall-1'), otherWatts: OTHER_WATTS, pue: PUE['hall-1'] },
      { zone: 'hall-2', nodes: await nodesOf('hall-2'), otherWatts: undefined, pue: PUE['hall-2'] },
    ]
    meters = await HallMeters.start(zones)
    time = live()
    prometheus = await PrometheusServer.start(
      program,
      [...nodes.map(({ server }) => server.address), meters.server.address],
      { alerting: { ruleFile: rules.file, evaluationSeconds: 1 } },
    )
  })

  afterAll(async () => {
    isOver = true
    await time
    await prometheus.stop()
    for (const node of nodes) await node.stop()
    await meters.server.stop()
    rules.remove()
  })

  /** One figure of each zone, or of all, at an instant. */
  const at = async (query: string, instant: number): Promise<Readonly<Record<string, number>>> =>
    Object.fromEntries(
      (await prometheus.query(query, instant)).map(({ metric, value }) => [
        metric['zone'] ?? metric['workload'] ?? 'all',
        Number(value[1]),
      ]),
    )

  test('facility energy of all workloads and what belongs to none is what the meters show', async () => {
    // All targets have been up for a window.
    const up = `count(count_over_time(up[${2 * WINDOW_SECONDS}s]) > ${WINDOW_SECONDS + 5}) == ${nodes.length + 1}`
    await prometheus.until(up, (samples) => samples.length === 1, 120)
    const [sample] = await prometheus.query(`timestamp(${TOTAL}{zone="hall-1"})`)
    const evaluated = Number(sample?.value[1])

    for (const instant of [evaluated - 4, evaluated - 2, evaluated]) {
      const metered = await at(`sum(${TOTAL})`, instant)
      const booked = await at(`sum(${FACILITY}) + sum(${UNATTRIBUTED})`, instant)
      const off = Math.abs((booked['all'] ?? 0) / (metered['all'] ?? Number.NaN) - 1)
      expect(off).toBeLessThan(WITHIN_A_SCRAPE)
      // Both sides of what the rules compute with each other come from the same scrapes, and agree much better.
      const consistent = await at(
        `sum by (zone) (instance:wattribute_facility_energy_joules:rate5m) + on (zone) (sum by (zone) (${UNATTRIBUTED}{reason="uncovered_it"}) or on (zone) 0 * ${TOTAL}) - on (zone) ${TOTAL}`,
        instant,
      )
      for (const zone of ['hall-1', 'hall-2'] as const)
        expect(Math.abs(consistent[zone] ?? Number.NaN) / (IT_WATTS[zone] * PUE[zone])).toBeLessThan(1e-9)
    }
  })

  test('PUE, and what is not covered, are those of the hall', async () => {
    const pue = await at('zone:wattribute_facility_pue:ratio_rate5m', Date.now() / 1000)
    for (const zone of ['hall-1', 'hall-2'] as const)
      expect(Math.abs((pue[zone] ?? 0) / PUE[zone] - 1)).toBeLessThan(WITHIN_A_SCRAPE)
    const uncovered = await at(`sum by (zone) (${UNATTRIBUTED}{reason="uncovered_it"})`, Date.now() / 1000)
    expect(Object.keys(uncovered)).toEqual(['hall-1'])
    // it is a difference of two figures, each known to a scrape of the whole
    expect(Math.abs((uncovered['hall-1'] ?? 0) - OTHER_WATTS * PUE['hall-1'])).toBeLessThan(
      IT_WATTS['hall-1'] * PUE['hall-1'] * WITHIN_A_SCRAPE,
    )
  })

  test('three quarters of what was active are of who used three quarters of the time', async () => {
    const shares = await at(
      `sum by (workload) (${FACILITY}) / ignoring (workload) group_left () sum(${FACILITY})`,
      Date.now() / 1000,
    )
    expect(shares['chat.service']).toBeCloseTo(0.75, 3)
    expect(shares['database.service']).toBeCloseTo(0.25, 3)
  })
})
