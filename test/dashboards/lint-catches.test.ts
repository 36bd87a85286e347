/** A lint that finds nothing proves nothing: each of its rules is broken here, once, and must say so. */
import { expect, test } from '@jest/globals'
import {
  dashboardFiles,
  panelsOf,
  type DashboardFile,
  type DashboardJson,
  type PanelJson,
} from './dashboard-json.ts'
import { lint } from './lint.ts'

const files = dashboardFiles()

/** What is found when one dashboard has been changed. */
function findings(uid: string, change: (dashboard: DashboardJson) => void): string {
  const broken = structuredClone(files)
  const file = broken.find(({ json }) => json.uid === uid)
  if (file === undefined) throw new Error(`no dashboard ${uid}`)
  change(file.json)
  return lint(broken).join('\n')
}

const OVERVIEW = 'wattribute-overview'
const QUERIES = 'wattribute-energy-per-query'

function panel(dashboard: DashboardJson, fits: (panel: PanelJson) => boolean): PanelJson {
  const found = panelsOf(dashboard).find(fits)
  if (found === undefined) throw new Error('no such panel')
  return found
}
const titled = (dashboard: DashboardJson, title: string): PanelJson =>
  panel(dashboard, (one) => one.title === title)

/** Asks something else in the first panel of the overview. */
const asking =
  (expr: string) =>
  (dashboard: DashboardJson): void => {
    const target = titled(dashboard, 'AI draws now').targets?.[0]
    if (target !== undefined) target.expr = expr
  }

const IN_CLUSTER = 'cluster=~"$cluster"'
const ENERGY = 'wattribute_workload_energy_joules_total{cluster=~"$cluster",namespace=~"$namespace"}'

test.each([
  ['what is not PromQL', `sum(wattribute_build_info{${IN_CLUSTER}}) by`, 'not PromQL'],
  [
    'a metric that nobody has',
    `sum(wattribute_build_inf{${IN_CLUSTER}})`,
    'nobody exports or records wattribute_build_inf',
  ],
  [
    'a label that a metric does not have',
    `sum(wattribute_build_info{${IN_CLUSTER},phase="eval"})`,
    'no label phase in wattribute_build_info',
  ],
  [
    'a label that is summed away',
    `sum by (workload) (sum by (cluster) (rate(${ENERGY}[$__rate_interval])))`,
    'no label workload in what is aggregated',
  ],
  [
    'a label that one side of a join lacks',
    `sum by (workload) (rate(${ENERGY}[$__range])) / on (model) sum by (model) (rate(${ENERGY}[$__range]))`,
    'no label model in the left of',
  ],
  ['a counter as it is', `sum(${ENERGY})`, 'is a counter, and not under rate or increase'],
  [
    'a counter under another function',
    `sum(avg_over_time(${ENERGY}[$__range]))`,
    'is a counter, and not under rate or increase',
  ],
  [
    'a rate of what is no counter',
    `sum(rate(wattribute_build_info{${IN_CLUSTER}}[$__range]))`,
    'is no counter, but under rate',
  ],
  [
    'a rate of a recorded rate',
    `sum(rate(instance:wattribute_domain_energy_joules:rate5m{${IN_CLUSTER}}[$__range]))`,
    'is no counter, but under rate',
  ],
  ['a fixed window', `sum(rate(${ENERGY}[5m]))`, 'has a fixed window'],
  [
    'a selector for all clusters',
    'sum(wattribute_build_info)',
    'wattribute_build_info lacks cluster=~"$cluster"',
  ],
  [
    'a selector for all namespaces',
    `sum(rate(wattribute_workload_energy_joules_total{${IN_CLUSTER}}[$__range]))`,
    'lacks namespace=~"$namespace"',
  ],
  [
    'a variable as a whole value, which "All" does not fit',
    'sum(wattribute_build_info{cluster="$cluster"})',
    'lacks cluster=~"$cluster"',
  ],
  [
    'a variable that does not exist',
    `sum(wattribute_build_info{${IN_CLUSTER},instance=~"$host"})`,
    'uses the variable host',
  ],
  [
    '0 where nothing is measured',
    `sum(wattribute_build_info{${IN_CLUSTER}}) or vector(0)`,
    'shows a number where nothing is measured',
  ],
])('finds %s', (_, expr, finding) => {
  expect(findings(OVERVIEW, asking(expr))).toContain(finding)
})

const changes: readonly (readonly [string, string, (dashboard: DashboardJson) => void, string])[] = [
  ['no title', OVERVIEW, (one) => void (titled(one, 'AI draws now').title = ' '), 'has no title'],
  [
    'no description',
    OVERVIEW,
    (one) => void (titled(one, 'AI draws now').description = ''),
    'has no description',
  ],
  [
    'energy without its boundary',
    OVERVIEW,
    (one) => void (titled(one, 'AI draws now').description = 'Power. Method: counters.'),
    'does not tell the boundary',
  ],
  [
    'energy without its method',
    OVERVIEW,
    (one) => void (titled(one, 'AI draws now').description = 'Power. Boundary: host.'),
    'does not tell the method',
  ],
  [
    'no unit',
    OVERVIEW,
    (one) => {
      delete titled(one, 'AI draws now').fieldConfig
    },
    'has no unit',
  ],
  ['no query', OVERVIEW, (one) => void (titled(one, 'AI draws now').targets = []), 'asks nothing'],
  [
    'two queries of one refId',
    OVERVIEW,
    (one) => void titled(one, 'AI draws now').targets?.push(...(titled(one, 'AI draws now').targets ?? [])),
    'two queries have one refId',
  ],
  [
    'a fixed data source of a panel',
    OVERVIEW,
    (one) => void (titled(one, 'AI draws now').datasource = { type: 'prometheus', uid: 'abc' }),
    'AI draws now asks a fixed data source',
  ],
  [
    'a fixed data source of a query',
    OVERVIEW,
    (one) => {
      for (const target of titled(one, 'AI draws now').targets ?? []) delete target.datasource
    },
    'power asks a fixed data source',
  ],
  [
    'a data source to be filled in at import',
    OVERVIEW,
    (one) => void Object.assign(one, { __inputs: [] }),
    'has __inputs',
  ],
  ['an id', OVERVIEW, (one) => void (one.id = 7), 'has an id'],
  ['a newer schema', OVERVIEW, (one) => void (one.schemaVersion = 42), 'has schema version 42'],
  ['no tag', OVERVIEW, (one) => void (one.tags = []), 'lacks the tag'],
  ['a uid of another dashboard', OVERVIEW, (one) => void (one.uid = QUERIES), 'two dashboards have this uid'],
  [
    'panels that overlap',
    OVERVIEW,
    (one) => void (titled(one, 'AI draws now').gridPos = { x: 0, y: 1, w: 12, h: 5 }),
    'overlap',
  ],
  [
    'a panel beyond the grid',
    OVERVIEW,
    (one) => void (titled(one, 'AI draws now').gridPos = { x: 20, y: 1, w: 6, h: 5 }),
    'is not within 24 columns',
  ],
  [
    'two panels of one id',
    OVERVIEW,
    (one) => void (titled(one, 'AI draws now').id = 1),
    'two panels have one id',
  ],
  [
    'a link to nowhere',
    OVERVIEW,
    (one) => void (titled(one, 'AI draws now').title = 'See /d/wattribute-nothing'),
    'links to wattribute-nothing',
  ],
  [
    'a link to a document that is not there',
    OVERVIEW,
    (one) =>
      void (titled(one, 'AI draws now').title =
        'See https://github.com/wattribute/wattribute/blob/main/docs/nothing.md'),
    'docs/nothing.md, which does not exist',
  ],
  [
    'kWh without joules',
    OVERVIEW,
    (one) => void (one.panels = one.panels.filter(({ title }) => title !== 'The same in joules')),
    'energy in Wh or kWh and not in joules',
  ],
  [
    'the panel plugin alone',
    QUERIES,
    (one) => void (one.panels = one.panels.filter(({ panels = [] }) => panels.length === 0)),
    'has no core panel with its query accelerator',
  ],
  [
    'the panel plugin with a query that the core panels lack',
    QUERIES,
    (one) => {
      const target = panel(one, ({ type }) => type === 'wattribute-energy-panel').targets?.[0]
      if (target !== undefined) target.expr = `1 * ${target.expr}`
    },
    'has no core panel with its query accelerator',
  ],
  [
    'an annotation of nothing',
    OVERVIEW,
    (one) => {
      for (const annotation of one.annotations.list) annotation.expr = 'wattribute_nothing'
    },
    'annotation Exporter versions: nobody exports or records wattribute_nothing',
  ],
  [
    'a variable of a label that is not there',
    OVERVIEW,
    (one) => {
      for (const variable of one.templating.list)
        if (variable.name === 'cluster') variable.definition = 'label_values(wattribute_build_info, phase)'
    },
    'variable cluster: no label phase',
  ],
  [
    'no variable for the data source',
    OVERVIEW,
    (one) => void one.templating.list.shift(),
    'the first variable is not the data source',
  ],
]

test.each(changes)('finds %s', (_, uid, change, finding) => {
  expect(findings(uid, change)).toContain(finding)
})

test('finds a file that is called otherwise than its dashboard', () => {
  const renamed: DashboardFile[] = files.map(({ json, name }) => ({
    json,
    name: name === 'overview' ? 'start' : name,
  }))
  expect(lint(renamed).join('\n')).toContain('wattribute-overview: is in the file start.json')
})
