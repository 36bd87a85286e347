/** The dashboards as they are checked in, and the queries that are shipped beside them. */
import { expect, test } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { dashboards } from '../../dashboards/src/all.ts'
import { jsonText } from '../../dashboards/src/json-text.ts'
import { isAlert } from '../../exporter/src/rules/rule.ts'
import { rangeQueries } from '../../exporter/src/rules/range-queries.ts'
import { ruleFiles } from '../../exporter/src/rules/rule-files.ts'
import { withProgram } from '../programs.ts'
import { dashboardFiles, panelsOf } from './dashboard-json.ts'
import { EXCEPTIONS } from './exceptions.ts'
import { labelsOf } from './known-metrics.ts'
import { lint } from './lint.ts'
import { parsePromql, withVariables } from './promql.ts'

const files = dashboardFiles()

test('no dashboard breaks a rule', () => {
  expect(lint(files)).toEqual([])
})

test('each exception is needed', () => {
  const needless = EXCEPTIONS.filter((exception) => {
    const rest = EXCEPTIONS.filter((one) => one !== exception)
    return lint(files, rest).length === 0
  })
  expect(needless).toEqual([])
})

test('the checked-in files are what the sources make', () => {
  const built = Object.values(dashboards).map((build) => JSON.parse(jsonText(build())) as { uid: string })
  const byUid = (a: { uid: string }, b: { uid: string }): number => (a.uid < b.uid ? -1 : 1)
  expect(files.map(({ json }) => json).sort(byUid)).toEqual(built.sort(byUid))
})

const rules = ruleFiles.flatMap(({ groups }) => groups.flatMap((group) => group.rules))
const shipped = [
  ...rules.map((rule) => ({ name: isAlert(rule) ? rule.alert : rule.record, expr: rule.expr })),
  ...rangeQueries.map(({ refId, expr }) => ({ name: refId, expr })),
]

test.each(shipped)('the rule or query $name names what is there', ({ expr }) => {
  expect(parsePromql(withVariables(expr), labelsOf).errors).toEqual([])
})

withProgram('promtool', 'promtool takes every query of the dashboards for PromQL', (run) => {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-dashboards-'))
  try {
    const queries = files.flatMap(({ json }) =>
      [...panelsOf(json).flatMap(({ targets = [] }) => targets), ...json.annotations.list].map(
        ({ expr }) => expr,
      ),
    )
    const path = join(folder, 'dashboards.yaml')
    const asRules = [...queries, ...rangeQueries.map(({ expr }) => expr)].map((expr, index) => ({
      record: `dashboards:query_${index}`,
      expr: withVariables(expr),
    }))
    writeFileSync(path, stringify({ groups: [{ name: 'dashboards', rules: asRules }] }))
    const { status, output } = run(['check', 'rules', path], '')
    expect(output).toContain(`SUCCESS: ${asRules.length} rules found`)
    expect(status).toBe(0)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
