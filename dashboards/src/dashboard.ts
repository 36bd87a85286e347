/* eslint-disable @typescript-eslint/no-deprecated -- the SDK calls classic dashboards deprecated; decision 0019 says why we write them */
/** A dashboard from its parts: Grafana's classic JSON, which each version since 10 imports and provisions. */
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  type Dashboard,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { annotations } from './annotations.ts'
import { arrange, type Section } from './layout.ts'
import { DASHBOARDS, DOCUMENTS, TAG, type DashboardName } from './names.ts'
import { IN_CLUSTER, ON_NODE } from './promql.ts'
import { VARIABLES, type VariableName } from './variables.ts'

/** Older than what the SDK writes: no newer field is used, and Grafana migrates upwards only. */
const SCHEMA_VERSION = 39

export interface DashboardParts {
  readonly name: DashboardName
  /** What it answers, in one sentence. */
  readonly question: string
  /** Behind `datasource`, in this order. */
  readonly variables: readonly VariableName[]
  readonly sections: readonly Section[]
  /** How far back it looks at first, such as `now-24h`. */
  readonly from: string
  /** How often it asks again, such as `1m`. */
  readonly refresh?: string
}

export function dashboard({
  name,
  question,
  variables,
  sections,
  from,
  refresh = '1m',
}: DashboardParts): Dashboard {
  const { uid, title } = DASHBOARDS[name]
  const hasNode = variables.includes('node') || variables.includes('oneNode')
  const built = new DashboardBuilder(title)
    .id(null)
    .uid(uid)
    .description(question)
    .tags([TAG])
    .editable()
    .tooltip(DashboardCursorSync.Crosshair)
    .timezone('browser')
    .time({ from, to: 'now' })
    .refresh(refresh)
    .variables([VARIABLES.datasource(), ...variables.map((variable) => VARIABLES[variable]())])
    .annotations(annotations(hasNode ? ON_NODE : IN_CLUSTER))
    .links([toOthers(), toDocuments()])
    .build()
  return inClassicForm({ ...built, panels: arrange(sections) })
}

/** Without what only newer versions know, and what the SDK sets unasked. */
function inClassicForm(built: Dashboard): Dashboard {
  return {
    ...built,
    schemaVersion: SCHEMA_VERSION,
    // would hide them in a menu
    links: built.links?.map((link) => without(link, 'placement')),
    annotations: { list: built.annotations.list?.map((query) => without(query, 'placement')) },
    templating: {
      list: built.templating.list?.map((variable) => without(variable, 'auto', 'auto_count', 'auto_min')),
    },
  } as Dashboard
}

const without = (value: object, ...keys: readonly string[]): object =>
  Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)))

const toOthers = (): DashboardLinkBuilder =>
  new DashboardLinkBuilder('Wattribute')
    .type(DashboardLinkType.Dashboards)
    .tags([TAG])
    .asDropdown(true)
    .includeVars(true)
    .keepTime(true)

const toDocuments = (): DashboardLinkBuilder =>
  new DashboardLinkBuilder('What the words mean')
    .type(DashboardLinkType.Link)
    .icon('doc')
    .url(`${DOCUMENTS}/design.md#2-words`)
    .targetBlank(true)

/** Address of a dashboard with what is chosen here; further variables as `name=value`. */
export const addressOf = (name: DashboardName, ...variables: readonly string[]): string =>
  `/d/${DASHBOARDS[name].uid}?${['${__url_time_range}', '${datasource:queryparam}', '${cluster:queryparam}', ...variables].join('&')}`

/** For `dataLinks`-like properties of a field: a link to another dashboard. */
export const linkTo = (title: string, name: DashboardName, ...variables: readonly string[]) => ({
  id: 'links',
  value: [{ title, url: addressOf(name, ...variables), targetBlank: false }],
})
