/** The rules as they are shipped: complete, documented, on metrics that exist, and proven by promtool. */
import { describe, expect, test } from '@jest/globals'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { catalogue } from '../../exporter/src/exposition/catalogue.ts'
import { isAlert, RUNBOOKS, type RuleGroup } from '../../exporter/src/rules/rule.ts'
import { ruleFiles } from '../../exporter/src/rules/rule-files.ts'
import { withProgram } from '../programs.ts'

const repository = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const text = (path: string): string => readFileSync(repository(path), 'utf8')
const filesIn = (folder: string): readonly string[] =>
  readdirSync(repository(folder))
    .filter((name) => /\.(yaml|md)$/.test(name))
    .map((name) => `${folder}/${name}`)

const rules = ruleFiles.flatMap(({ groups }) => groups.flatMap(({ rules: of }) => of))
const alerts = rules.filter(isAlert)
const recorded = rules.flatMap((rule) => (isAlert(rule) ? [] : [rule.record]))
const alertNames = [...new Set(alerts.map(({ alert }) => alert))]

const metricsIn = (expression: string): readonly string[] =>
  expression.replace(/"(?:[^"\\]|\\.)*"/g, '""').match(/\b(?:wattribute_|[a-z_]+:)[\w:]+/g) ?? []

const isKnown = (metric: string): boolean =>
  recorded.includes(metric) || Object.values(catalogue).some(({ name }) => name === metric)

describe.each(alerts.map((rule) => [`${rule.alert} ${rule.labels['window'] ?? ''}`.trim(), rule] as const))(
  '%s',
  (_, { alert, expr, labels, annotations, ...rest }) => {
    test('says what is the case, with units, and how soon somebody must look', () => {
      expect(['critical', 'warning']).toContain(labels.severity)
      expect(annotations.summary).toMatch(/^[A-Z].{20,}[^.]$/)
      expect(annotations.description).toMatch(/\b(kWh|W|J)\b/)
      expect(annotations.description).toMatch(/\.$/)
      if (rest.for !== undefined) expect(rest.for).toMatch(/^\d+[mh]$/)
    })

    test('has a runbook with the same headings as all', () => {
      expect(annotations.runbook_url).toBe(`${RUNBOOKS}/${alert}.md`)
      const runbook = text(`docs/runbooks/${alert}.md`)
      expect(runbook.split('\n')[0]).toBe(`# ${alert}`)
      expect(runbook.match(/^## .*$/gm)).toEqual([
        '## Meaning',
        '## Impact',
        '## Check',
        '## What to do',
        '## False alarm',
      ])
    })

    test('counts over windows of at least four scrapes, a minute apart', () => {
      const windows = [...expr.matchAll(/\[(\d+)([mhd])\]/g)]
      for (const [, count, unit] of windows) {
        if (unit === 'm') expect(Number(count)).toBeGreaterThanOrEqual(4)
      }
      const counters = metricsIn(expr).filter((name) => name.endsWith('_total'))
      expect(windows.length).toBeGreaterThanOrEqual(counters.length)
    })
  },
)

test('every metric in a rule exists, or is to come', () => {
  expect(rules.flatMap(({ expr }) => metricsIn(expr)).filter((metric) => !isKnown(metric))).toEqual([])
  const annotated = alerts.flatMap(({ annotations }) =>
    metricsIn(annotations.description.replaceAll('"', '')),
  )
  expect(annotated.filter((metric) => !isKnown(metric))).toEqual([])
})

test('there is no runbook without its alert', () => {
  expect(filesIn('docs/runbooks').map((path) => path.replace(/^.*\/|\.md$/g, ''))).toEqual(
    alertNames.toSorted(),
  )
})

test('the guide lists every alert with its severity', () => {
  const rows = [
    ...text('docs/guides/alerts.md').matchAll(/^\| \[(\w+)\]\(\.\.\/runbooks\/\1\.md\) +\| (\w+)/gm),
  ]
  const listed = Object.fromEntries(rows.map(([, alert = '', severity]) => [alert, severity]))
  expect(listed).toEqual(Object.fromEntries(alerts.map(({ alert, labels }) => [alert, labels.severity])))
})

interface PromtoolTests {
  readonly rule_files: readonly string[]
  readonly tests: readonly {
    readonly name: string
    readonly alert_rule_test?: readonly {
      readonly eval_time: string
      readonly alertname: string
      readonly exp_alerts: readonly { readonly exp_labels: Readonly<Record<string, string>> }[]
    }[]
    readonly promql_expr_test?: readonly { readonly expr: string; readonly exp_samples: readonly unknown[] }[]
  }[]
}

const TESTS = filesIn('deploy/prometheus/tests')
const promtoolTests = TESTS.flatMap((path) => (parse(text(path)) as PromtoolTests).tests)

const minutesOf = (duration: string): number =>
  [...duration.matchAll(/(\d+)([mh])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (unit === 'h' ? 60 : 1),
    0,
  )

/** What the tests expect of a rule over time, such as `silent, fires, silent`; one text for each test. */
function courses(alert: string, window: string): readonly string[] {
  return promtoolTests.flatMap(({ alert_rule_test: looks = [] }) => {
    const course = looks
      .filter(({ alertname }) => alertname === alert)
      .toSorted((one, other) => minutesOf(one.eval_time) - minutesOf(other.eval_time))
      .map(({ exp_alerts: expected }) =>
        expected.some(({ exp_labels: labels }) => (labels['window'] ?? '') === window) ? 'fires' : 'silent',
      )
      .filter((state, index, all) => state !== all[index - 1])
    return course.length === 0 ? [] : [course.join(', ')]
  })
}

test.each(alerts.map(({ alert, labels }) => [alert, labels['window'] ?? ''] as const))(
  'promtool sees %s %s keep silent, fire and end',
  (alert, window) => {
    const seen = courses(alert, window)
    expect(seen.some((course) => course.includes('silent, fires, silent'))).toBe(true)
  },
)

test('promtool computes every recorded series', () => {
  const computed = promtoolTests.flatMap(({ promql_expr_test: looks = [] }) =>
    looks.filter(({ exp_samples: samples }) => samples.length > 0).flatMap(({ expr }) => metricsIn(expr)),
  )
  expect(recorded.filter((record) => !computed.includes(record))).toEqual([])
})

const shipped = ruleFiles.map(({ path }) => `deploy/prometheus/${path}`)

test.each(ruleFiles)('deploy/prometheus/$path is what `npm run docs` writes', ({ path, groups }) => {
  expect((parse(text(`deploy/prometheus/${path}`)) as { groups: readonly RuleGroup[] }).groups).toEqual(
    groups,
  )
})

withProgram('promtool', 'promtool checks the rules', (run) => {
  const { status, output } = run(['check', 'rules', ...shipped.map(repository)], '')
  expect({ status, output }).toEqual({ status: 0, output: expect.not.stringContaining('FAILED') })
})

for (const path of TESTS) {
  withProgram('promtool', `promtool runs ${path}`, (run) => {
    const { status, output } = run(['test', 'rules', repository(path)], '')
    expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining('SUCCESS') })
  })
}

const queries = alertNames.flatMap((alert) =>
  [...text(`docs/runbooks/${alert}.md`).matchAll(/```promql\n(.*?)```/gs)].flatMap(([, block = '']) =>
    block.split('\n\n').map((query) => ({ alert, query: query.trim() })),
  ),
)

test('the queries of the runbooks are about metrics that exist', () => {
  const unknown = queries.flatMap(({ alert, query }) =>
    metricsIn(query)
      .filter((metric) => !isKnown(metric))
      .map((metric) => `${alert}: ${metric}`),
  )
  expect(unknown).toEqual([])
  expect(queries.length).toBeGreaterThan(alertNames.length)
})

withProgram('promtool', 'the queries of the runbooks are PromQL', (run) => {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-runbooks-'))
  const file = join(folder, 'queries.json')
  const asRules = queries.map(({ alert, query }, index) => ({ record: `${alert}:${index}`, expr: query }))
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'runbooks', rules: asRules }] }))
  const { status, output } = run(['check', 'rules', file], '')
  rmSync(folder, { recursive: true })
  expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining('SUCCESS') })
})

interface AlertmanagerConfig {
  readonly inhibit_rules: readonly {
    readonly source_matchers: readonly string[]
    readonly target_matchers: readonly string[]
  }[]
}

const ALERTMANAGER = 'deploy/alertmanager/alertmanager.yaml'

test('the Alertmanager example inhibits alerts that exist', () => {
  const { inhibit_rules: inhibitions } = parse(text(ALERTMANAGER)) as AlertmanagerConfig
  const named = inhibitions.flatMap(({ source_matchers: sources, target_matchers: targets }) =>
    [...sources, ...targets].flatMap((matcher) => matcher.match(/Wattribute\w+/g) ?? []),
  )
  expect(named.length).toBeGreaterThan(8)
  expect(named.filter((name) => !alertNames.includes(name))).toEqual([])
})

withProgram('amtool', 'amtool takes the example, and routes by severity', (run) => {
  const example = repository(ALERTMANAGER)
  expect(run(['check-config', example], '')).toMatchObject({ status: 0 })
  const receiverOf = (severity: string): string =>
    run(['config', 'routes', 'test', `--config.file=${example}`, `severity=${severity}`], '').output.split(
      '\n',
    )[0] ?? ''
  expect([receiverOf('critical'), receiverOf('warning')]).toEqual(['on-call', 'tickets'])
})
