/** A query that takes more energy than it did. */
import { alertRule, type RuleGroup } from './rule.ts'

const WORKLOAD = 'sum by (cluster, namespace, workload)'
const PER_QUERY = 'workload_boundary:wattribute_energy_per_query_joules:ratio_rate1h{boundary="provisioned"}'
const QUERIES = `${WORKLOAD} (workload_model:wattribute_workload_queries:rate1h)`
const TOKENS = `${WORKLOAD} (workload_model_direction:wattribute_workload_tokens:rate1h{direction="output"})`
const aWeekAgo = (sum: string): string => sum.replace(/\)$/, ' offset 1w)')

const likeAWeekAgo = (sum: string): string => `${sum} > 0.75 * ${aWeekAgo(sum)}
and on (cluster, namespace, workload)
${sum} < 1.25 * ${aWeekAgo(sum)}`

/**
 * Energy per query depends on load more than on anything else: only hours of the same load are compared, and of at least
 * 100 queries.
 */
const queryRegression = alertRule('WattributeEnergyPerQueryRegression', {
  severity: 'warning',
  for: '1h',
  expr: `(
${PER_QUERY} > 1.2 * (${PER_QUERY} offset 1w)
and on (cluster, namespace, workload)
${QUERIES} > 100 / 3600
and on (cluster, namespace, workload)
${likeAWeekAgo(QUERIES)}
and on (cluster, namespace, workload)
${likeAWeekAgo(TOKENS)}
)
/ 3600`,
  summary: 'A query to {{ $labels.workload }} takes more energy than a week ago',
  description:
    '1000 queries took {{ printf "%.3f" $value }} kWh in the last hour (boundary provisioned), a fifth more than a week ago at the same load.',
})

/** Off by default: a week of history is needed, and a new model is no fault. */
export const queryAlerts: RuleGroup = { name: 'wattribute-energy-per-query', rules: [queryRegression] }
