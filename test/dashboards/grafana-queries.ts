/** What Grafana makes of the queries of a dashboard: variables filled in, with a range and a step. */
import {
  dashboardFiles,
  panelsOf,
  type DashboardJson,
  type PanelJson,
  type TargetJson,
} from './dashboard-json.ts'
import { timesOf, type LookingAt, type Times } from './grafana-times.ts'

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
  readonly lookingAt: LookingAt
  /** At most, in a course. */
  readonly points: number
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
    const { title, targets = [], timeFrom, timeShift } = panel as Panel
    return targets.map((target) => ({
      dashboard: json.uid,
      panel: title,
      refId: target.refId,
      expr: target.expr,
      isInstant: (target as Target).instant === true,
      lookingAt: { from: time.from, timeFrom, timeShift },
      points: POINTS,
    }))
  })
  const annotations = json.annotations.list.map(({ name, expr }) => ({
    dashboard: json.uid,
    panel: name,
    refId: 'annotation',
    expr,
    isInstant: false,
    lookingAt: { from: time.from, timeFrom: undefined, timeShift: undefined },
    points: MOST_POINTS,
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

/** How often the data source says that it scrapes: as the history of the demo has it. */
const SCRAPE_SECONDS = 60
/** As many as a panel has pixels, or fewer. */
const POINTS = 300
/** Prometheus gives no more. Annotations ask as often as they say, which is how often ours are scraped here. */
const MOST_POINTS = 11_000

/** A query as it goes to Prometheus. */
export interface FilledIn {
  readonly expr: string
  readonly times: Times
  /** Seconds. */
  readonly step: number
}

/**
 * https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/
 * @param values of the variables, as they stand in the query
 * @param now Unix seconds
 */
export function filledIn(
  { expr, lookingAt, points }: Pick<DashboardQuery, 'expr' | 'lookingAt' | 'points'>,
  values: Readonly<Record<string, string>>,
  now: number,
): FilledIn {
  const times = timesOf(lookingAt, now)
  const length = times.end - times.start
  const step = SCRAPE_SECONDS * Math.ceil(length / points / SCRAPE_SECONDS)
  const own = {
    __range: `${length}s`,
    __range_s: String(length),
    __range_ms: String(length * 1000),
    __interval: `${step}s`,
    __interval_ms: String(step * 1000),
    __rate_interval: `${Math.max(step + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS)}s`,
  }
  return { expr: withVariables(expr, { ...own, ...values }), times, step }
}

/** Unknown ones stay as they are: `$1` is none. */
export const withVariables = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(
    /\$(?:(\w+)|\{(\w+)(?::\w+)?\})/g,
    (whole, plain?: string, braced?: string) => values[plain ?? braced ?? ''] ?? whole,
  )

/** A chosen value inside of a regular expression; of one that cannot be several it stands as it is. */
export const chosen = ({ isEscaped }: ChoosableVariable, value: string): string =>
  isEscaped
    ? value.replaceAll('\\', '\\\\\\\\').replace(/[$^*{}[\]'+?.()|]/g, '\\\\$&')
    : value.replaceAll('\\', '\\\\').replaceAll("'", "\\\\'")
