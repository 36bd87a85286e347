/** Energy that could be saved, or that nobody can be charged with. */
import { alertRule, VALUE, type RecordingRule, type RuleGroup } from './rule.ts'

const idleHolder = (part: string): string =>
  `sum by (cluster, instance, namespace, workload, uuid) (
  rate(wattribute_workload_accelerator_energy_joules_total{part="${part}"}[15m])
)`

/** Any quarter of an hour of work starts the hours anew. A tenth of its idle power is the noise of a baseline. */
const acceleratorIdle = alertRule('WattributeAcceleratorHeldIdle', {
  severity: 'warning',
  for: '3h',
  expr: `${idleHolder('idle')}
> 0
unless
${idleHolder('accelerator')}
> 0.1 *
${idleHolder('idle')}`,
  summary:
    'Workload {{ $labels.workload }} has held accelerator {{ $labels.uuid }} for hours without using it',
  description: `The accelerator on {{ $labels.instance }} draws ${VALUE} W for it and has done no work for more than 3 h.`,
})

/** A sum over a sum: machines and components count by their energy. */
const unattributedShare = alertRule('WattributeUnattributedShareHigh', {
  severity: 'warning',
  for: '30m',
  expr: `sum by (cluster, instance) (
  rate(wattribute_unattributed_energy_joules_total{reason!~"idle|exporter_down|warming_up"}[1h])
)
> 0.2 *
sum by (cluster, instance) (rate(wattribute_domain_energy_joules_total{leaf="true"}[1h]))`,
  summary: 'Much of the energy of {{ $labels.instance }} belongs to no workload',
  description: `${VALUE} W, more than a fifth of what this machine draws, belongs to nobody although it was not idle.`,
})

export const energyAlerts: RuleGroup = {
  name: 'wattribute-energy',
  rules: [acceleratorIdle, unattributedShare],
}

const WORKLOAD = 'sum by (cluster, namespace, workload)'
const ENERGY = 'workload:wattribute_workload_energy_joules:rate1h'
const QUERIES = 'workload:wattribute_workload_queries:rate1h'
const TOKENS = 'workload:wattribute_workload_output_tokens:rate1h'
const PER_QUERY = 'workload:wattribute_energy_per_query_joules:ratio1h'

/** Energy is added over all nodes of a workload before it is divided by its queries. */
export const queryRecordings: RuleGroup = {
  name: 'wattribute-energy-per-query-sums',
  rules: (
    [
      [ENERGY, `${WORKLOAD} (rate(wattribute_workload_energy_joules_total[1h]))`],
      [QUERIES, `${WORKLOAD} (rate(wattribute_workload_queries_total[1h]))`],
      [TOKENS, `${WORKLOAD} (rate(wattribute_workload_tokens_total{direction="output"}[1h]))`],
      // below 100 queries in the hour a ratio says nothing
      [PER_QUERY, `${ENERGY} / (${QUERIES} > 100 / 3600)`],
    ] as const
  ).map(([record, expr]): RecordingRule => ({ record, expr })),
}

const likeAWeekAgo = (record: string): string => `${record} > 0.75 * (${record} offset 1w)
and
${record} < 1.25 * (${record} offset 1w)`

/** Energy per query depends on load more than on anything else: only hours of the same load are compared. */
const queryRegression = alertRule('WattributeEnergyPerQueryRegression', {
  severity: 'warning',
  for: '1h',
  expr: `(
${PER_QUERY} > 1.2 * (${PER_QUERY} offset 1w)
and
${likeAWeekAgo(QUERIES)}
and
${likeAWeekAgo(TOKENS)}
)
/ 3600`,
  summary: 'A query to {{ $labels.workload }} takes more energy than a week ago',
  description:
    '1000 queries took {{ printf "%.3f" $value }} kWh in the last hour, a fifth more than a week ago at the same load.',
})

/** Off by default: a week of history is needed, and a new model is no fault. */
export const queryAlerts: RuleGroup = { name: 'wattribute-energy-per-query', rules: [queryRegression] }
