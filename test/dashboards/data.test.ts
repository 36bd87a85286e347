/**
 * Every query of every dashboard and of every recording rule has an answer in a real Prometheus beside the demo: with
 * all variables at their defaults, and with a value chosen of each.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { RecordingRule } from '../../exporter/src/rules/rule.ts'
import { requireProgram } from '../programs.ts'
import { BARE_CLUSTER } from './bare-node.ts'
import { demoPrometheus, WITHOUT_CLUSTER_SECONDS, type DemoPrometheus } from './demo-prometheus.ts'
import {
  chosen,
  filledIn,
  grafanaDashboards,
  stepOf,
  type ChoosableVariable,
  type DashboardQuery,
  type GrafanaDashboard,
} from './grafana-queries.ts'
import { ask, askOnce, labelValues, type Course } from './prometheus-answers.ts'
import { recordHistory, recordingRules } from './recorded-history.ts'

/** What the simulated machine does not have, by the query (dashboard / panel / refId) or the recorded series. */
const NOT_THERE: Readonly<Record<string, string>> = {}

/** Of several values one that the demo has; else the first. */
const PREFERRED = ['simulated-cluster', 'simulated-node:10451', 'finetune-llama', 'research']

const oneOf = (values: readonly string[]): string =>
  PREFERRED.find((one) => values.includes(one)) ?? values[0] ?? ''

const dashboards = grafanaDashboards()
const nameOf = ({ dashboard, panel, refId }: DashboardQuery): string => `${dashboard} / ${panel} / ${refId}`

interface Answer {
  readonly query: DashboardQuery
  readonly courses: readonly Course[]
}

/** Of the bare machine there is no such figure. */
const isOfEnergy = ({ expr }: DashboardQuery): boolean => /_(joules|watts)\b|_joules_total|pue/.test(expr)

requireProgram('promtool', 'dashboards over the demo', (promtool) =>
  requireProgram('prometheus', 'and a Prometheus beside it', (program) => {
    let demo: DemoPrometheus
    let rules: readonly RecordingRule[] = []
    let recorded: ReadonlyMap<RecordingRule, number> = new Map()

    beforeAll(async () => {
      demo = await demoPrometheus(program, promtool)
      rules = await recordingRules()
      recorded = await recordHistory(demo, rules)
    }, 240_000)
    afterAll(() => demo.server.stop())

    test('every recording rule records something', () => {
      const silent = rules.filter((rule) => recorded.get(rule) === 0)
      expect(silent.map(({ record, labels }) => `${record} ${JSON.stringify(labels ?? {})}`)).toEqual([])
    })

    async function valuesOf(
      variable: ChoosableVariable,
      values: Readonly<Record<string, string>>,
    ): Promise<readonly string[]> {
      const match = filledIn(variable.match, values, 3600)
      return labelValues(demo.server.url, variable.label, match, demo.end - 3600, demo.end)
    }

    /** As they are when the dashboard is opened. */
    async function defaultsOf({ choosable, texts }: GrafanaDashboard): Promise<Record<string, string>> {
      const values: Record<string, string> = { ...texts }
      for (const variable of choosable) {
        values[variable.name] = variable.allValue ?? chosen(variable, oneOf(await valuesOf(variable, values)))
      }
      return values
    }

    async function answers(
      queries: readonly DashboardQuery[],
      values: Readonly<Record<string, string>>,
      end = demo.end,
    ): Promise<readonly Answer[]> {
      const all: Answer[] = []
      for (const query of queries) {
        const expr = filledIn(query.expr, values, query.lookBack)
        const courses = query.isInstant
          ? await askOnce(demo.server.url, expr, end)
          : await ask(demo.server.url, {
              expr,
              start: end - query.lookBack,
              end,
              step: stepOf(query.lookBack),
            })
        all.push({ query, courses })
      }
      return all
    }

    const unanswered = async (
      queries: readonly DashboardQuery[],
      values: Readonly<Record<string, string>>,
      end = demo.end,
    ): Promise<readonly string[]> =>
      (await answers(queries, values, end))
        .filter(({ courses }) => courses.length === 0)
        .map(({ query }) => nameOf(query))
        .filter((name) => NOT_THERE[name] === undefined)

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
        const now = dashboard.queries.filter(({ expr }) => !expr.includes(' offset '))
        expect(await unanswered(now, values, demo.end - WITHOUT_CLUSTER_SECONDS)).toEqual([])
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
          const value = oneOf(possible)
          const one = { ...values, [variable.name]: chosen(variable, value) }
          expect([variable.name, value, await unanswered(dashboard.queries, one)]).toEqual([
            variable.name,
            value,
            [],
          ])
        }
      }, 120_000)
    })
  }),
)
