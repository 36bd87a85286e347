/**
 * Budgets. One of scope `cluster` is used by all nodes and limited once: uses are added, limits are not. These sums
 * are recorded in the group of the alerts, before them: from a group of their own they would come an evaluation later.
 */
import { burnRatesOf, percentText, shortOf, type BurnRate } from './burn-rate.ts'
import { alertRule, answerTo, VALUE, type AlertRule, type RecordingRule, type RuleGroup } from './rule.ts'

/** One result per budget: per cluster where the cluster shares it, per node where each node has its own. */
const perBudget = (aggregate: 'sum' | 'max', of: (scope: string) => string): string =>
  `${aggregate} by (cluster, budget, period, scope) (${of('scope="cluster"')})
or
${aggregate} by (cluster, instance, budget, period, scope) (${of('scope="node"')})`

const USED = 'budget:wattribute_budget_used_joules:sum'
const PROJECTED = 'budget:wattribute_budget_projected_joules:sum'
const LIMIT = 'budget:wattribute_budget_limit_joules:max'
/** Nodes come into a new period one after the other: the newest counts. */
const START = 'budget:wattribute_budget_period_start_timestamp_seconds:max'
const END = 'budget:wattribute_budget_period_end_timestamp_seconds:max'
const USED_RATIO = 'budget:wattribute_budget_used:ratio'
const ELAPSED_RATIO = 'budget:wattribute_budget_elapsed:ratio'

const sumOf = (metric: string): string => perBudget('sum', (scope) => `${metric}{${scope}}`)
/** Those of an exporter that restarts are the same before and after. */
const maxOf = (metric: string): string =>
  perBudget('max', (scope) => `last_over_time(${metric}{${scope}}[5m])`)

/**
 * An exporter that restarts is missing for some scrapes, and an alert must not end and begin anew for that. Use does not
 * go down within a period, so the highest of the last minutes is the use; but not in the first minutes of a period.
 */
const heldOver = (record: string): string => `max_over_time(${record}[5m])`
const IS_OVERRUN = `${heldOver(USED)} > ${LIMIT}`

const recordings: readonly RecordingRule[] = [
  { record: USED, expr: sumOf('wattribute_budget_used_joules') },
  { record: PROJECTED, expr: sumOf('wattribute_budget_projected_joules') },
  { record: LIMIT, expr: maxOf('wattribute_budget_limit_joules') },
  { record: START, expr: maxOf('wattribute_budget_period_start_timestamp_seconds') },
  { record: END, expr: maxOf('wattribute_budget_period_end_timestamp_seconds') },
  { record: USED_RATIO, expr: `${USED} / ${LIMIT}` },
  { record: ELAPSED_RATIO, expr: `(time() - ${START}) / (${END} - ${START})` },
]

/** Of the alert's own budget. */
const inKwh = (seriesOf: (selector: string) => string): string =>
  answerTo(
    `${seriesOf('{cluster=%q,instance=%q,budget=%q}')} / 3.6e6`,
    '$labels.cluster',
    '$labels.instance',
    '$labels.budget',
  )
const USED_KWH = inKwh((selector) => heldOver(`${USED}${selector}`))
const LIMIT_KWH = inKwh((selector) => `${LIMIT}${selector}`)
const WHERE = '{{ with $labels.instance }} on {{ . }}{{ end }}'

/** Not after the end: a budget for fixed dates is over then, and others begin anew. */
const overrun = alertRule('WattributeBudgetOverrun', {
  severity: 'critical',
  expr: `(
  (
    ${IS_OVERRUN}
    and
    time() - ${START} > 600
    or
    ${USED} > ${LIMIT}
  )
  and
  ${ELAPSED_RATIO} < 1
) / 3.6e6`,
  summary: `Energy budget {{ $labels.budget }} is overrun${WHERE}`,
  description: `It has used ${VALUE} kWh in its period ({{ $labels.period }}), and its limit is ${LIMIT_KWH} kWh.`,
})

/** The first twentieth of a period says too little about the rest. */
const projectedOverrun = alertRule('WattributeBudgetProjectedOverrun', {
  severity: 'warning',
  for: '15m',
  expr: `(
  ${heldOver(PROJECTED)} > ${LIMIT}
  and
  ${ELAPSED_RATIO} > 0.05
  unless
  ${IS_OVERRUN}
) / 3.6e6`,
  summary: `Energy budget {{ $labels.budget }} will be overrun${WHERE}`,
  description: `It has used ${USED_KWH} kWh, will have used ${VALUE} kWh at the end of its period ({{ $labels.period }}), and its limit is ${LIMIT_KWH} kWh.`,
})

/**
 * A share of the budget used within a window, and still being used at that pace in the last twelfth of it, so that the
 * alert ends soon after its cause. `increase` takes the fall to 0 at the start of a period for what it is.
 */
const burnRateAlert = (
  { fraction, window }: BurnRate,
  matcher: string,
  labels: Readonly<Record<string, string>> = {},
): AlertRule => {
  const usedWithin = (duration: string): string =>
    perBudget('sum', (scope) => `increase(wattribute_budget_used_joules{${matcher},${scope}}[${duration}])`)
  const indented = (text: string): string => text.replace(/^/gm, '    ')
  return alertRule('WattributeBudgetBurnRate', {
    severity: 'warning',
    for: '2m',
    labels: { ...labels, window },
    expr: `(
  (
${indented(usedWithin(window))}
  ) > ${fraction} * ${LIMIT}
  and
  (
${indented(usedWithin(shortOf(window)))}
  ) > ${fraction} / 12 * ${LIMIT}
) / 3.6e6`,
    summary: `Energy budget {{ $labels.budget }} is used up too fast${WHERE}`,
    description: `It has used ${VALUE} kWh within ${window}, more than ${percentText(fraction)} of its limit of ${LIMIT_KWH} kWh.`,
  })
}

const groupWith = (burnRateAlerts: readonly AlertRule[]): RuleGroup => ({
  name: 'wattribute-budgets',
  rules: [...recordings, overrun, projectedOverrun, ...burnRateAlerts],
})

/** Burn rates for periods of every kind but fixed dates, whose length is not known without their configuration. */
export const budgetRules: RuleGroup = groupWith(
  (['day', 'week', 'month'] as const).flatMap((period) =>
    burnRatesOf(period).map((rate) => burnRateAlert(rate, `period="${period}"`)),
  ),
)

export interface WatchedRate {
  readonly budget: string
  readonly rate: BurnRate
}

export const budgetRulesFor = (watched: readonly WatchedRate[]): RuleGroup =>
  // The label that the result has anyway tells the rules of two budgets apart. Labels are templates of Prometheus.
  groupWith(
    watched.map(({ budget, rate }) =>
      burnRateAlert(rate, `budget=${JSON.stringify(budget)}`, {
        budget: budget.replaceAll('{{', '{{ "{{" }}'),
      }),
    ),
  )
