/**
 * Every query of every dashboard and of every recording rule has an answer in a real Prometheus beside the demo: with
 * all variables at their defaults, and with a value chosen of each.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { RecordingRule } from '../../exporter/src/rules/rule.ts'
import { parsePage, type Families } from '../exposition/page-text.ts'
import { requireProgram } from '../programs.ts'
import { BARE_CLUSTER } from './bare-node.ts'
import { demoPrometheus, WITHOUT_CLUSTER_SECONDS, type DemoPrometheus } from './demo-prometheus.ts'
import {
  chosen,
  filledIn,
  grafanaDashboards,
  withVariables,
  type ChoosableVariable,
  type DashboardQuery,
  type GrafanaDashboard,
} from './grafana-queries.ts'
import { ask, askOnce, labelValues, type Course } from './prometheus-answers.ts'
import { recordAll } from './recorded-history.ts'

/** What there is of the bare machine alone: unanswered when another is chosen. */
const OF_THE_BARE_MACHINE: Readonly<Record<string, string>> = {
  'wattribute-energy-per-query / What is not measured / nodes': 'of the simulated machine all is measured',
  'wattribute-overview / What is not measured / nodes': 'of the simulated machine all is measured',
}

/** Of several values what a dashboard is about; else the first. */
const PREFERRED: readonly string[] = ['simulated-cluster', 'simulated-node:10451']
const TRAINING = ['research', 'finetune-llama']
const CHAT = ['chat', 'llama-chat', 'RedHatAI/Llama-3.1-8B-Instruct']

const preferred = (uid: string, values: readonly string[]): string =>
  [...PREFERRED, ...(uid === 'wattribute-energy-per-query' ? CHAT : TRAINING)].find((one) =>
    values.includes(one),
  ) ??
  values[0] ??
  ''

const dashboards = grafanaDashboards()
const nameOf = ({ dashboard, panel, refId }: DashboardQuery): string => `${dashboard} / ${panel} / ${refId}`

type Labels = Readonly<Record<string, string>>

interface Answer {
  readonly query: DashboardQuery
  readonly courses: readonly Course[]
}

/** Of the bare machine there is no such figure. */
const isOfEnergy = ({ expr }: DashboardQuery): boolean => /_(joules|watts)\b|_joules_total|pue/.test(expr)

requireProgram('promtool', 'dashboards over the demo', (promtool) =>
  requireProgram('prometheus', 'and a Prometheus beside it', (program) => {
    let demo: DemoPrometheus
    let recorded: ReadonlyMap<RecordingRule, number> = new Map()

    beforeAll(async () => {
      demo = await demoPrometheus(program, promtool)
      recorded = await recordAll(demo)
    }, 240_000)
    afterAll(() => demo.server.stop())

    test('every recording rule records something', () => {
      const silent = Array.from(recorded).flatMap(([{ record, labels }, samples]) =>
        record === 'ALERTS' || samples > 0 ? [] : `${record} ${JSON.stringify(labels ?? {})}`,
      )
      expect(silent).toEqual([])
    })

    async function valuesOf(
      variable: ChoosableVariable,
      values: Readonly<Record<string, string>>,
    ): Promise<readonly string[]> {
      const match = withVariables(variable.match, values)
      return labelValues(demo.server.url, variable.label, match, demo.end - 3600, Date.now() / 1000)
    }

    /** As they are when the dashboard is opened. */
    async function defaultsOf({ uid, choosable, texts }: GrafanaDashboard): Promise<Record<string, string>> {
      const values: Record<string, string> = { ...texts }
      for (const variable of choosable) {
        values[variable.name] =
          variable.allValue ?? chosen(variable, preferred(uid, await valuesOf(variable, values)))
      }
      return values
    }

    async function answers(
      queries: readonly DashboardQuery[],
      values: Readonly<Record<string, string>>,
      now = demo.end,
    ): Promise<readonly Answer[]> {
      const all: Answer[] = []
      for (const query of queries) {
        const { expr, times, step } = filledIn(query, values, now)
        const courses = query.isInstant
          ? await askOnce(demo.server.url, expr, times.end)
          : await ask(demo.server.url, { expr, ...times, step })
        all.push({ query, courses })
      }
      return all
    }

    const unanswered = async (
      queries: readonly DashboardQuery[],
      values: Readonly<Record<string, string>>,
      now = demo.end,
    ): Promise<readonly string[]> =>
      (await answers(queries, values, now))
        .filter(({ courses }) => courses.length === 0)
        .map(({ query }) => nameOf(query))

    describe('shown numbers are those of the pages', () => {
      const HOUR = 3600
      let before: Families
      let after: Families
      beforeAll(() => {
        before = parsePage(demo.pageAt(demo.end - HOUR))
        after = parsePage(demo.pageAt(demo.end))
      })

      /** What a family of counters has counted in the newest hour. */
      const counted = (family: string, fits: (labels: Labels) => boolean): number => {
        const sum = (page: Families): number =>
          (page.get(family) ?? []).reduce(
            (all, { labels, value }) => (fits(labels) ? all + Number(value) : all),
            0,
          )
        return sum(after) - sum(before)
      }
      const ENERGY = 'wattribute_workload_energy_joules_total'

      /** The figures of a query over that hour, all variables at their defaults. */
      async function shown(uid: string, panel: string, refId: string): Promise<readonly Course[]> {
        const dashboard = dashboards.find((one) => one.uid === `wattribute-${uid}`)
        const query = dashboard?.queries.find((one) => one.panel === panel && one.refId === refId)
        if (dashboard === undefined || query === undefined) throw new Error(`no ${uid} / ${panel} / ${refId}`)
        const lookingAt = { from: 'now-1h', timeFrom: undefined, timeShift: undefined }
        const [answer] = await answers([{ ...query, lookingAt }], await defaultsOf(dashboard))
        return answer?.courses ?? []
      }
      const figure = async (
        uid: string,
        panel: string,
        refId: string,
        fits: (labels: Labels) => boolean = () => true,
      ): Promise<number> => {
        const courses = (await shown(uid, panel, refId)).filter(({ metric }) => fits(metric))
        expect(courses.length).toBeGreaterThan(0)
        return courses.reduce((sum, { values }) => sum + Number(values.at(-1)?.[1]), 0)
      }
      /** Floating point apart, what comes from raw counters is exact. */
      const expectSame = (shown: number, known: number): void =>
        expect(Math.abs(shown / known - 1)).toBeLessThan(1e-9)
      /** Recorded minutes are means of five: at the ends of the hour they see some minutes outside of it. */
      const expectClose = (shown: number, known: number): void =>
        expect(Math.abs(shown / known - 1)).toBeLessThan(0.05)

      test('energy of a machine, its cost, and how much of it belongs to workloads', async () => {
        const joules = counted('wattribute_domain_energy_joules_total', ({ leaf }) => leaf === 'true')
        expectSame(await figure('node', 'Energy of this machine', 'kwh'), joules / 3.6e6)
        expectSame(await figure('node', 'Energy of this machine', 'joules'), joules)
        expectSame(await figure('node', 'Cost in $currency', 'cost'), (joules / 3.6e6) * 0.25)
        const booked = counted(ENERGY, () => true)
        expectSame(await figure('node', 'Belongs to a workload', 'share'), booked / joules)
        const idle = ({ reason }: Labels): boolean => reason === 'idle'
        expectSame(
          await figure('node', 'By reason, part and method', 'joules', idle),
          counted('wattribute_unattributed_energy_joules_total', idle),
        )
      })

      test.each(['train', 'train/forward', 'eval', 'checkpoint'])('energy and time of %s', async (phase) => {
        const isIt = (labels: Labels): boolean => labels['phase'] === phase
        expectSame(await figure('training-runs', 'Phases of each run', 'energy', isIt), counted(ENERGY, isIt))
        expectSame(
          await figure('training-runs', 'Phases of each run', 'seconds', isIt),
          counted('wattribute_workload_phase_seconds_total', isIt),
        )
      })

      test('a run, and a step of its training with all that is in it', async () => {
        const ofRun = ({ workload }: Labels): boolean => workload === 'finetune-llama'
        const joules = counted(ENERGY, ofRun)
        expectClose(await figure('training-runs', 'Energy of training', 'joules'), joules)
        expectClose(await figure('training-runs', 'Runs', 'kwh', ofRun), joules / 3.6e6)
        const training = counted(ENERGY, ({ phase = '' }) => phase.startsWith('train'))
        const steps = counted('wattribute_workload_phase_steps_total', ofRun)
        const samples = counted('wattribute_workload_phase_samples_total', ofRun)
        const ofTraining = ({ coarse }: Labels): boolean => coarse === 'train'
        expectClose(await figure('training-runs', 'Phases', 'per_step', ofTraining), training / steps)
        expectClose(await figure('training-runs', 'Phases', 'per_sample', ofTraining), training / samples)
      })

      test('PUE, and what the zone and the sun have counted', async () => {
        const total = counted('wattribute_facility_total_energy_joules_total', () => true)
        const it = counted('wattribute_facility_energy_joules_total', ({ role }) => role === 'it')
        const solar = counted('wattribute_facility_solar_energy_joules_total', () => true)
        // the simulated room takes the same share of its machines all the time
        expect(Math.abs((await figure('facility', 'PUE', 'pue')) - total / it)).toBeLessThan(1e-6)
        expect(Math.abs((await figure('facility', "The sun's share", 'solar')) - solar / total)).toBeLessThan(
          1e-6,
        )
        expectClose(await figure('facility', 'Energy of the zone', 'joules'), total)
      })

      test.each(['accelerator', 'host', 'idle'])('the part %s of a query to the chat', async (part) => {
        const ofChat = ({ workload }: Labels): boolean => workload === 'llama-chat'
        const joules = counted(ENERGY, (labels) => ofChat(labels) && labels['part'] === part)
        const queries = counted('wattribute_workload_queries_total', ofChat)
        expectClose(
          await figure('energy-per-query', 'Energy per query, part by part', part, ofChat),
          joules / queries,
        )
      })

      test('kilowatt-hours are joules by 3.6 million wherever both stand in one panel', async () => {
        let pairs = 0
        for (const dashboard of dashboards) {
          const values = await defaultsOf(dashboard)
          const all = await answers(dashboard.queries, values)
          for (const { query, courses } of all.filter(({ query: { refId } }) => refId === 'kwh')) {
            const joules = all.find((one) => one.query.panel === query.panel && one.query.refId === 'joules')
            const same =
              joules ?? all.find((one) => one.query.panel === query.panel && one.query.refId === 'energy')
            for (const { metric, values: points } of courses) {
              const other = same?.courses.find((one) => JSON.stringify(one.metric) === JSON.stringify(metric))
              expect([nameOf(query), Number(points.at(-1)?.[1]) * 3.6e6]).toEqual([
                nameOf(query),
                expect.closeTo(Number(other?.values.at(-1)?.[1]), 3),
              ])
              pairs += 1
            }
          }
        }
        expect(pairs).toBeGreaterThan(50)
      })
    })

    describe.each(dashboards)('$uid', (dashboard) => {
      test('each variable has values', async () => {
        const values = await defaultsOf(dashboard)
        for (const variable of dashboard.choosable)
          expect([variable.name, await valuesOf(variable, values)]).toEqual([
            variable.name,
            expect.arrayContaining([expect.any(String)]),
          ])
      })

      test('each query has an answer', async () => {
        expect(await unanswered(dashboard.queries, await defaultsOf(dashboard))).toEqual([])
      }, 60_000)

      test('each query has an answer where no cluster has a name', async () => {
        const values = await defaultsOf(dashboard)
        const ofNow = dashboard.queries.filter(
          ({ expr, lookingAt: { timeShift } }) => !expr.includes(' offset ') && timeShift === undefined,
        )
        expect(await unanswered(ofNow, values, demo.end - WITHOUT_CLUSTER_SECONDS)).toEqual([])
      }, 60_000)

      test('nothing is 0 where nothing is measured', async () => {
        const values = { ...(await defaultsOf(dashboard)), cluster: BARE_CLUSTER, node: '.*' }
        const said = await answers(dashboard.queries.filter(isOfEnergy), values)
        expect(said.filter(({ courses }) => courses.length > 0).map(({ query }) => nameOf(query))).toEqual([])
      }, 60_000)

      test('and with one value chosen', async () => {
        const values = await defaultsOf(dashboard)
        for (const variable of dashboard.choosable) {
          const possible = await valuesOf(variable, values)
          const value = preferred(dashboard.uid, possible)
          const one = { ...values, [variable.name]: chosen(variable, value) }
          const empty = await unanswered(
            dashboard.queries.filter((query) => OF_THE_BARE_MACHINE[nameOf(query)] === undefined),
            one,
          )
          expect([variable.name, value, empty]).toEqual([variable.name, value, []])
        }
      }, 120_000)
    })
  }),
)
