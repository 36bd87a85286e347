/** The shipped queries, by refId: what the panel asks a Prometheus for. The README shows the same. */

export interface ShippedQuery {
  readonly refId: string
  readonly expr: string
  /** Over the range of the dashboard as one figure per series, or as series over time. */
  readonly kind: 'instant' | 'range'
  readonly purpose: string
  readonly optional: boolean
}

const ENERGY = 'wattribute_workload_energy_joules_total'
const QUERIES = 'wattribute_workload_queries_total'
const TOKENS = 'wattribute_workload_tokens_total'
const PHASE_SECONDS = 'wattribute_workload_phase_seconds_total'
/** The same time, shown at once: newborn counters stand at 0 for a while. */
const PHASE_TIMELINE = 'wattribute_workload_phase_timeline_seconds_total'
/** The same energy, in series that are not born anew with each phase. */
const CONTAINER_ENERGY = 'wattribute_container_energy_joules_total'
const KEY = 'cluster, namespace, workload, model, variant'
const RUN_KEY = 'cluster, namespace, workload'

const instant = (refId: string, expr: string, purpose: string, optional = false): ShippedQuery => ({
  refId,
  expr,
  kind: 'instant',
  purpose,
  optional,
})
const range = (refId: string, expr: string, purpose: string, optional = false): ShippedQuery => ({
  ...instant(refId, expr, purpose, optional),
  kind: 'range',
})

/** Sums before the ratio, both over the same range; nothing where less than one query was answered. */
const perQuery = (part: string, offset = '') =>
  `sum by (${KEY}) (increase(${ENERGY}{part="${part}"}[$__range]${offset})) / ` +
  `(sum by (${KEY}) (increase(${QUERIES}[$__range]${offset})) >= 1)`

const quantile = (q: number) =>
  `histogram_quantile(${q}, sum by (cluster, namespace, workload, model, le) ` +
  `(rate(wattribute_workload_request_energy_joules_bucket[$__range])))`

const LAST_WEEK = ' offset 1w'

export const QUERY_ENERGY_QUERIES: readonly ShippedQuery[] = [
  instant('accelerator', perQuery('accelerator'), 'joules of accelerators per query'),
  instant('host', perQuery('host'), 'joules of CPU, memory and board per query'),
  instant('idle', perQuery('idle'), 'idle joules per query'),
  instant('overhead', perQuery('overhead'), 'joules of cooling, power conversion and network per query'),
  instant('queries', `sum by (${KEY}) (increase(${QUERIES}[$__range]))`, 'how many queries'),
  instant(
    'tokens',
    `sum by (${KEY}) (increase(${TOKENS}{direction="output"}[$__range]))`,
    'how many output tokens',
  ),
  instant(
    'quality',
    `sum by (${KEY}, component, part, method) (increase(${ENERGY}[$__range]))`,
    'which components each part has, and how they are known',
  ),
  instant('p50', quantile(0.5), 'median joules of a request', true),
  instant('p95', quantile(0.95), '95th percentile joules of a request', true),
  ...['accelerator', 'host', 'idle', 'overhead'].map((part) =>
    instant(`baseline_${part}`, perQuery(part, LAST_WEEK), `${part} of the week before`, true),
  ),
  instant(
    'baseline_queries',
    `sum by (${KEY}) (increase(${QUERIES}[$__range]${LAST_WEEK}))`,
    'queries of the week before',
    true,
  ),
  instant(
    'baseline_tokens',
    `sum by (${KEY}) (increase(${TOKENS}{direction="output"}[$__range]${LAST_WEEK}))`,
    'output tokens of the week before',
    true,
  ),
]

export const TRAINING_PHASES_QUERIES: readonly ShippedQuery[] = [
  range(
    'timeline',
    `max by (${RUN_KEY}, phase) (rate(${PHASE_TIMELINE}[$__rate_interval]))`,
    'which share of the time each phase takes',
  ),
  range('power', `sum by (${RUN_KEY}) (rate(${CONTAINER_ENERGY}[$__rate_interval]))`, 'mean power'),
  range(
    'runs',
    `max by (${RUN_KEY}) (wattribute_workload_run_start_timestamp_seconds)`,
    'when a run began',
    true,
  ),
  instant(
    'energy',
    `sum by (${RUN_KEY}, phase, part, method) (increase(${ENERGY}[$__range]))`,
    'joules by phase and part',
  ),
  instant('seconds', `max by (${RUN_KEY}, phase) (increase(${PHASE_SECONDS}[$__range]))`, 'seconds by phase'),
  instant(
    'steps',
    `max by (${RUN_KEY}, phase) (increase(wattribute_workload_phase_steps_total[$__range]))`,
    'steps by phase',
    true,
  ),
  instant(
    'samples',
    `max by (${RUN_KEY}, phase) (increase(wattribute_workload_phase_samples_total[$__range]))`,
    'samples by phase',
    true,
  ),
]

export function shippedQuery(refId: string): ShippedQuery {
  const query = [...QUERY_ENERGY_QUERIES, ...TRAINING_PHASES_QUERIES].find((one) => one.refId === refId)
  if (query === undefined) throw new Error(`no query is shipped as ${refId}`)
  return query
}
