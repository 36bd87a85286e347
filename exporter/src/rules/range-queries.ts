/**
 * Energy per query over the range of a dashboard, on the recorded minutes: sums before ratios, and what a gateway, an
 * adapter or a shared meter takes is in them already. `$__range` is Grafana's.
 */
import { PARTS } from './boundaries.ts'
import { MODEL } from './energy-sums.ts'
import { FEWEST_QUERIES } from './per-query.ts'
import { EVALUATION } from './windows.ts'

export interface RangeQuery {
  /** As the panel knows it. */
  readonly refId: string
  readonly expr: string
}

const RANGE = '[$__range]'
const WEEK_AGO = ' offset 1w'

const over = (series: string, offset: string): string =>
  `sum by (${MODEL}) (sum_over_time(${series}${RANGE}${offset}))`
const energy = (part: string, offset: string): string =>
  over(`workload_model_part:wattribute_served_energy_joules:rate5m{part="${part}"}`, offset)
const queries = (offset: string): string => over('workload_model:wattribute_workload_queries:rate5m', offset)
const tokens = (offset: string): string =>
  over('workload_model_direction:wattribute_workload_tokens:rate5m{direction="output"}', offset)

const perQuery = (part: string, offset: string): string =>
  `${energy(part, offset)} / (${queries(offset)} >= ${FEWEST_QUERIES} / ${EVALUATION.seconds})`
const counted = (sum: string): string => `${EVALUATION.seconds} * ${sum}`

export const rangeQueries: readonly RangeQuery[] = [
  ...PARTS.map((part) => ({ refId: part, expr: perQuery(part, '') })),
  { refId: 'queries', expr: counted(queries('')) },
  { refId: 'tokens', expr: counted(tokens('')) },
  ...PARTS.map((part) => ({ refId: `baseline_${part}`, expr: perQuery(part, WEEK_AGO) })),
  { refId: 'baseline_queries', expr: counted(queries(WEEK_AGO)) },
  { refId: 'baseline_tokens', expr: counted(tokens(WEEK_AGO)) },
]
