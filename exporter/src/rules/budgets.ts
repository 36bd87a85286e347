/**
 * Budgets. A budget of scope `cluster` is used by all nodes and limited once: uses are added, limits are not. The
 * alerts do these sums themselves instead of reading the recorded ones, which are an evaluation older.
 */
import { burnRatesOf, percentText, shortOf, type BurnRate } from './burn-rate.ts'
import { alertRule, answerTo, VALUE, type AlertRule, type RecordingRule, type RuleGroup } from './rule.ts'

/** One result per budget: per cluster where the cluster shares it, per node where each node has its own. */
const perBudget = (
  aggregate: 'sum' | 'max',
  metric: string,
  { only = '', increaseOver = '' }: { readonly only?: string; readonly increaseOver?: string } = {},
): string => {
  const of = (scope: string): string => {
    const selector = `${metric}{${only}scope="${scope}"}`
    return increaseOver === '' ? selector : `increase(${selector}[${increaseOver}])`
  }
  return `(
  ${aggregate} by (cluster, budget, period, scope) (${of('cluster')})
  or
  ${aggregate} by (cluster, instance, budget, period, scope) (${of('node')})
)`
}

const USED = perBudget('sum', 'wattribute_budget_used_joules')
const PROJECTED = perBudget('sum', 'wattribute_budget_projected_joules')
const LIMIT = perBudget('max', 'wattribute_budget_limit_joules')
/** Nodes come into a new period one after the other: the newest counts. */
const START = perBudget('max', 'wattribute_budget_period_start_timestamp_seconds')
const END = perBudget('max', 'wattribute_budget_period_end_timestamp_seconds')
const ELAPSED = `(time() - ${START}) / (${END} - ${START})`

const SAME_BUDGET = 'cluster=%q,budget=%q,period=%q,instance=~%q'
const ITS_LABELS = ['$labels.cluster', '$labels.budget', '$labels.period', '(or $labels.instance ".*")']
const limitInKwh = answerTo(`max(wattribute_budget_limit_joules{${SAME_BUDGET}}) / 3.6e6`, ...ITS_LABELS)
const usedInKwh = answerTo(`sum(wattribute_budget_used_joules{${SAME_BUDGET}}) / 3.6e6`, ...ITS_LABELS)
const WHERE = '{{ with $labels.instance }} on {{ . }}{{ end }}'

export const budgetRecordings: RuleGroup = {
  name: 'wattribute-budget-sums',
  rules: (
    [
      ['budget:wattribute_budget_used_joules:sum', USED],
      ['budget:wattribute_budget_projected_joules:sum', PROJECTED],
      ['budget:wattribute_budget_limit_joules:max', LIMIT],
      ['budget:wattribute_budget_period_start_timestamp_seconds:max', START],
      ['budget:wattribute_budget_period_end_timestamp_seconds:max', END],
      ['budget:wattribute_budget_used:ratio', `${USED}\n/\n${LIMIT}`],
      ['budget:wattribute_budget_elapsed:ratio', ELAPSED],
    ] as const
  ).map(([record, expr]): RecordingRule => ({ record, expr })),
}

/** Not after the end: a budget for fixed dates is over then, and others begin anew. */
export const budgetOverrun = alertRule('WattributeBudgetOverrun', {
  severity: 'critical',
  expr: `(
${USED}
>
${LIMIT}
and
time() < ${END}
)
/ 3.6e6`,
  summary: `Energy budget {{ $labels.budget }} is overrun${WHERE}`,
  description: `It has used ${VALUE} kWh in this {{ $labels.period }}, and its limit is ${limitInKwh} kWh.`,
})

/** The first twentieth of a period says too little about the rest. */
export const budgetProjectedOverrun = alertRule('WattributeBudgetProjectedOverrun', {
  severity: 'warning',
  for: '15m',
  expr: `(
${PROJECTED}
>
${LIMIT}
and
${ELAPSED} > 0.05
unless
${USED}
>
${LIMIT}
)
/ 3.6e6`,
  summary: `Energy budget {{ $labels.budget }} will be overrun${WHERE}`,
  description: `It has used ${usedInKwh} kWh and will have used ${VALUE} kWh at the end of this {{ $labels.period }}, and its limit is ${limitInKwh} kWh.`,
})

/**
 * A share of the budget used within a window, and still being used at that pace in the last twelfth of it, so that
 * the alert ends soon after the cause. \`increase\` takes the fall to 0 at the start of a period for what it is.
 * @param only chooses budgets: label matchers, each followed by a comma
 */
export const burnRateAlert = (rate: BurnRate, only: string): AlertRule => {
  const burnt = (window: string): string =>
    perBudget('sum', 'wattribute_budget_used_joules', { only, increaseOver: window })
  const limit = perBudget('max', 'wattribute_budget_limit_joules', { only })
  return alertRule('WattributeBudgetBurnRate', {
    severity: 'warning',
    for: '2m',
    labels: { window: rate.window },
    expr: `(
${burnt(rate.window)}
> ${rate.fraction} *
${limit}
and
${burnt(shortOf(rate.window))}
> ${rate.fraction} / 12 *
${limit}
)
/ 3.6e6`,
    summary: `Energy budget {{ $labels.budget }} is used up too fast${WHERE}`,
    description: `It has used ${VALUE} kWh within ${rate.window}, more than ${percentText(rate.fraction)} of the ${limitInKwh} kWh of a {{ $labels.period }}.`,
  })
}

/** For budgets of every kind but fixed dates, whose length is not known without their configuration. */
export const budgetAlerts: RuleGroup = {
  name: 'wattribute-budgets',
  rules: [
    budgetOverrun,
    budgetProjectedOverrun,
    ...(['day', 'week', 'month'] as const).flatMap((period) =>
      burnRatesOf(period).map((rate) => burnRateAlert(rate, `period="${period}",`)),
    ),
  ],
}
