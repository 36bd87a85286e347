/** What must be true of each dashboard: findings as sentences, none when all is well. */
import { existsSync } from 'node:fs'
import {
  panelsOf,
  sectionsOf,
  unitsOf,
  type DashboardFile,
  type DashboardJson,
  type PanelJson,
} from './dashboard-json.ts'
import { EXCEPTIONS, type Exception } from './exceptions.ts'
import { known, labelsOf } from './known-metrics.ts'
import { GRAFANA_DURATIONS, parsePromql, withVariables, type Parsed } from './promql.ts'

const ENERGY_PANEL = 'wattribute-energy-panel'
const DATASOURCE = JSON.stringify({ type: 'prometheus', uid: '${datasource}' })
const DOCUMENTS = 'https://github.com/wattribute/wattribute/blob/main/'

/** Labels that can be chosen, by the variable that does it. */
const VARIABLE_OF: Readonly<Record<string, string>> = {
  cluster: 'cluster',
  instance: 'node',
  namespace: 'namespace',
  workload: 'workload',
  model: 'model',
  zone: 'zone',
}
const WINDOWS: readonly string[] = [GRAFANA_DURATIONS.$__rate_interval, GRAFANA_DURATIONS.$__range]
const OF_COUNTERS = ['rate', 'increase']

const seen = new Map<string, Parsed>()

/** The same queries are looked at again and again. */
function parsed(expr: string): Parsed {
  const before = seen.get(expr)
  if (before !== undefined) return before
  const now = parsePromql(expr, labelsOf)
  seen.set(expr, now)
  return now
}

export function lint(
  files: readonly DashboardFile[],
  exceptions: readonly Exception[] = EXCEPTIONS,
): string[] {
  const uids = files.map(({ json }) => json.uid)
  return [
    ...uids
      .filter((uid, index) => uids.indexOf(uid) !== index)
      .map((uid) => `${uid}: two dashboards have this uid`),
    ...files.flatMap(({ name, json }) =>
      [
        ...frame(name, json),
        ...dataSources(json),
        ...layout(json),
        ...sections(json),
        ...links(json, uids),
        ...annotations(json),
        ...variables(json),
        ...panelsOf(json).flatMap((panel) =>
          [
            ...words(panel),
            ...refIds(panel),
            ...(panel.targets ?? []).flatMap(({ expr }) => [...query(json, panel.title, expr, exceptions)]),
          ].map((finding) => `${panel.title || `panel ${panel.id}`}: ${finding}`),
        ),
      ].map((finding) => `${json.uid}: ${finding}`),
    ),
  ]
}

function* frame(name: string, { id, uid, schemaVersion, tags, ...rest }: DashboardJson): Iterable<string> {
  if (uid !== `wattribute-${name}`) yield `is in the file ${name}.json`
  if (id !== null) yield 'has an id: a Grafana gives one'
  if (schemaVersion !== 39) yield `has schema version ${schemaVersion}`
  if (!tags.includes('wattribute')) yield 'lacks the tag that the links go by'
  if ('__inputs' in rest) yield 'has __inputs, which provisioning does not fill in'
}

function* dataSources({ panels, annotations, templating }: DashboardJson): Iterable<string> {
  const all = panels.flatMap((panel) => [panel, ...(panel.panels ?? [])])
  const askers = [
    ...all.filter(({ type }) => type !== 'row' && type !== 'text'),
    ...all.flatMap(({ targets = [] }) => targets),
    ...annotations.list,
    ...templating.list.filter(({ type }) => type === 'query'),
  ]
  for (const asker of askers) {
    if (JSON.stringify(asker.datasource) !== DATASOURCE) {
      const name = 'title' in asker ? asker.title : 'refId' in asker ? asker.refId : asker.name
      yield `${name} asks a fixed data source: ${JSON.stringify(asker.datasource)}`
    }
  }
}

function* layout({ panels }: DashboardJson): Iterable<string> {
  const all = panels.flatMap((panel) => [panel, ...(panel.panels ?? [])])
  const ids = all.map(({ id }) => id)
  if (new Set(ids).size !== ids.length) yield 'two panels have one id'
  for (const [index, { title, gridPos: a }] of all.entries()) {
    if (a.w < 1 || a.h < 1 || a.x < 0 || a.x + a.w > 24) yield `${title} is not within 24 columns`
    for (const { title: other, gridPos: b } of all.slice(index + 1)) {
      if (a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h)
        yield `${title} and ${other} overlap`
    }
  }
}

const JOULES = ['joule']
const HOURS = ['watth', 'kwatth']

function* sections(json: DashboardJson): Iterable<string> {
  const all = sectionsOf(json)
  for (const [index, { title, panels }] of all.entries()) {
    const units = panels.flatMap(unitsOf)
    const [hasJoules, hasHours] = [JOULES, HOURS].map((family) => units.some((unit) => family.includes(unit)))
    if (hasJoules !== hasHours)
      yield `section ${title}: energy in ${hasJoules ? 'joules and not in Wh or kWh' : 'Wh or kWh and not in joules'}`
    for (const plugin of panels.filter(({ type }) => type === ENERGY_PANEL)) {
      const asked = new Set(
        (all[index + 1]?.panels ?? [])
          .filter(({ type }) => type !== ENERGY_PANEL)
          .flatMap(({ targets = [] }) => targets)
          .map(({ expr }) => expr),
      )
      for (const { refId, expr } of plugin.targets ?? [])
        if (!asked.has(expr))
          yield `${plugin.title}: the section behind it has no core panel with its query ${refId}`
    }
  }
}

function* links(json: DashboardJson, uids: readonly string[]): Iterable<string> {
  const text = JSON.stringify(json)
  for (const [, uid] of text.matchAll(/\/d\/([\w-]+)/g))
    if (uid !== undefined && !uids.includes(uid)) yield `links to ${uid}, which does not exist`
  for (const [, path] of text.matchAll(
    /https:\/\/github\.com\/wattribute\/wattribute\/blob\/main\/([\w./-]+\.(md|yaml))/g,
  ))
    if (path !== undefined && !existsSync(new URL(`../../${path}`, import.meta.url)))
      yield `links to ${DOCUMENTS}${path}, which does not exist`
}

function* annotations({ annotations: { list } }: DashboardJson): Iterable<string> {
  for (const { name, expr } of list)
    for (const finding of parsed(withVariables(expr)).errors) yield `annotation ${name}: ${finding}`
}

function* variables({ templating: { list } }: DashboardJson): Iterable<string> {
  if (list[0]?.name !== 'datasource' || list[0].type !== 'datasource')
    yield 'the first variable is not the data source'
  for (const { name, definition } of list) {
    if (definition === undefined) continue
    const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? []
    for (const finding of parsed(withVariables(`group by (${label}) (${selector})`)).errors)
      yield `variable ${name}: ${finding}`
  }
}

const ENERGY = /(joule|watth|kwatth|watt)$/

function* words(panel: PanelJson): Iterable<string> {
  if (panel.title.trim() === '') yield 'has no title'
  if (panel.type === 'text') return
  const description = panel.description ?? ''
  if (description.trim() === '') yield 'has no description'
  if ((panel.fieldConfig?.defaults.unit ?? '') === '') yield 'has no unit'
  if ((panel.targets ?? []).length === 0) yield 'asks nothing'
  if (unitsOf(panel).some((unit) => ENERGY.test(unit))) {
    if (!/\bboundary:/i.test(description))
      yield 'shows energy, and its description does not tell the boundary ("Boundary: …")'
    if (!/\bmethod:/i.test(description))
      yield 'shows energy, and its description does not tell the method ("Method: …")'
  }
}

function* refIds({ targets = [] }: PanelJson): Iterable<string> {
  const ids = targets.map(({ refId }) => refId)
  if (new Set(ids).size !== ids.length) yield 'two queries have one refId'
}

function* query(
  { uid, templating }: DashboardJson,
  panel: string,
  expr: string,
  exceptions: readonly Exception[],
): Iterable<string> {
  const names = templating.list.map(({ name }) => name)
  for (const [, name = ''] of expr.matchAll(/\$\{?([a-z_]\w*)/gi))
    if (!name.startsWith('__') && !names.includes(name))
      yield `uses the variable ${name}, which does not exist`
  if (/\bvector\s*\(/.test(expr)) yield 'shows a number where nothing is measured: vector()'

  const excused = (rule: Exception['rule'], of: string): boolean =>
    exceptions.some((one) => one.uid === uid && one.panel === panel && one.rule === rule && one.of === of)
  // variables at their own names, so that a matcher by variable is told from one by chance
  const { selectors } = parsed(withDurations(expr))
  yield* parsed(withVariables(expr)).errors
  for (const { metric, matchers, within = '', window } of selectors) {
    const { type, labels } = known(metric) ?? { type: undefined, labels: [] }
    if (type === 'counter') {
      if (!OF_COUNTERS.includes(within) && !excused('counter', metric))
        yield `${metric} is a counter, and not under ${OF_COUNTERS.join(' or ')}`
      if (window !== undefined && !WINDOWS.includes(window))
        yield `${metric} has a fixed window instead of $__rate_interval or $__range`
    } else if (type !== undefined && OF_COUNTERS.includes(within))
      yield `${metric} is no counter, but under ${within}`
    for (const label of labels) {
      const variable = VARIABLE_OF[label]
      if (variable === undefined || !names.includes(variable) || excused('matcher', label)) continue
      if (
        !matchers.some((one) => one.label === label && one.operator === '=~' && one.value === `$${variable}`)
      )
        yield `${metric} lacks ${label}=~"$${variable}"`
    }
  }
}

const withDurations = (expr: string): string =>
  Object.entries(GRAFANA_DURATIONS)
    .reduce((text, [name, value]) => text.replaceAll(name, value), expr)
    .replaceAll(/(?<!")\$\{?\w+(:\w+)?\}?/g, '0.25')
