/** What Grafana makes of the queries of a dashboard: variables filled in, with a range and a step. */
import {
  dashboardFiles,
  panelsOf,
  type DashboardJson,
  type PanelJson,
  type TargetJson,
} from './dashboard-json.ts'

/** As Grafana stores them; the linter does not look at these. */
interface Target extends TargetJson {
  readonly instant?: boolean
  readonly range?: boolean
}

interface Panel extends PanelJson {
  /** Looks at another time than the dashboard. */
  readonly timeFrom?: string
  readonly timeShift?: string
}

interface Variable {
  readonly name: string
  readonly type: string
  readonly multi?: boolean
  readonly includeAll?: boolean
  readonly allValue?: string
  readonly definition?: string
  /** Of a text box. */
  readonly query?: unknown
}

export interface DashboardQuery {
  readonly dashboard: string
  /** Title of the panel, or of the annotation. */
  readonly panel: string
  readonly refId: string
  readonly expr: string
  readonly isInstant: boolean
  /** Seconds that the panel looks back. */
  readonly lookBack: number
}

export interface ChoosableVariable {
  readonly name: string
  readonly label: string
  /** PromQL selector. */
  readonly match: string
  readonly isEscaped: boolean
  readonly allValue: string | undefined
}

export interface GrafanaDashboard {
  readonly uid: string
  readonly queries: readonly DashboardQuery[]
  readonly choosable: readonly ChoosableVariable[]
  /** Values of text boxes. */
  readonly texts: Readonly<Record<string, string>>
}

export const grafanaDashboards = (): readonly GrafanaDashboard[] =>
  dashboardFiles().map(({ json }) => dashboardOf(json))

function dashboardOf(json: DashboardJson): GrafanaDashboard {
  const { time } = json as DashboardJson & { time: { from: string } }
  const queries = panelsOf(json).flatMap((panel) => {
    const { title, targets = [], timeFrom } = panel as Panel
    return targets.map((target) => ({
      dashboard: json.uid,
      panel: title,
      refId: target.refId,
      expr: target.expr,
      isInstant: (target as Target).instant === true,
      lookBack: secondsOf(timeFrom ?? time.from),
    }))
  })
  const annotations = json.annotations.list
    .filter(({ expr }) => expr !== undefined)
    .map(({ name, expr }) => ({
      dashboard: json.uid,
      panel: name,
      refId: 'annotation',
      expr,
      isInstant: false,
      lookBack: secondsOf(time.from),
    }))
  const variables = json.templating.list as Variable[]
  return {
    uid: json.uid,
    queries: [...queries, ...annotations],
    choosable: variables.flatMap((variable) => (variable.type === 'query' ? choosable(variable) : [])),
    texts: Object.fromEntries(
      variables.flatMap(({ name, type, query }) => (type === 'textbox' ? [[name, String(query)]] : [])),
    ),
  }
}

function choosable({ name, definition = '', multi, includeAll, allValue }: Variable): ChoosableVariable {
  const [, match, label] = /^label_values\((.*), (\w+)\)$/s.exec(definition) ?? []
  if (match === undefined || label === undefined) throw new Error(`${name}: ${definition} is not understood`)
  return {
    name,
    label,
    match,
    isEscaped: multi === true || includeAll === true,
    allValue: includeAll === true ? allValue : undefined,
  }
}

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  m: 60,
  h: 3600,
  d: 86_400,
  w: 7 * 86_400,
  M: 30 * 86_400,
}

/** Of `now-24h`, `30d` or, as the longest that it can be, `now/M`. */
function secondsOf(from: string): number {
  const [, count = '1', unit = ''] = /^(?:now)?[-/]?(\d+)?([mhdwM])(?:\/[dwM])?$/.exec(from) ?? []
  const seconds = Number(count) * (UNIT_SECONDS[unit] ?? NaN)
  if (Number.isNaN(seconds)) throw new Error(`${from} is not understood`)
  return seconds
}

/** How often the data source says that it scrapes: as the history of the demo has it. */
const SCRAPE_SECONDS = 60
const POINTS = 300

/** https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/ */
export const stepOf = (lookBack: number): number =>
  Math.max(SCRAPE_SECONDS, Math.ceil(lookBack / POINTS / SCRAPE_SECONDS) * SCRAPE_SECONDS)

/**
 * @param values of the variables, as they stand in the query
 * @param lookBack seconds
 */
export function filledIn(expr: string, values: Readonly<Record<string, string>>, lookBack: number): string {
  const step = stepOf(lookBack)
  const own: Readonly<Record<string, string>> = {
    __range: `${lookBack}s`,
    __range_s: String(lookBack),
    __range_ms: String(lookBack * 1000),
    __interval: `${step}s`,
    __interval_ms: String(step * 1000),
    __rate_interval: `${Math.max(step + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS)}s`,
    ...values,
  }
  return expr.replace(
    /\$(?:(\w+)|\{(\w+)(?::\w+)?\})/g,
    (whole, plain?: string, braced?: string) => own[plain ?? braced ?? ''] ?? whole,
  )
}

/** A chosen value inside of a regular expression; of one that cannot be several it stands as it is. */
export const chosen = ({ isEscaped }: ChoosableVariable, value: string): string =>
  isEscaped
    ? value.replaceAll('\\', '\\\\\\\\').replace(/[$^*{}[\]'+?.()|]/g, '\\\\$&')
    : value.replaceAll('\\', '\\\\').replaceAll("'", "\\\\'")
