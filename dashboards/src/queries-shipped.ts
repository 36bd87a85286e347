/** The queries that the panel plugin knows by refId, for what is chosen at the head of the dashboard. */
import { rangeQueries } from '../../exporter/src/rules/range-queries.ts'
import { OF_MODEL, OF_WORKLOAD } from './promql.ts'
import { table, type LabelColumn } from './table-panel.ts'
import type { Query } from './targets.ts'
import { UNIT, type Unit } from './units.ts'
import { ofEnergy, RECORDED } from './words.ts'

/** With matchers in each selector of a recorded series. */
const chosen = (expr: string): string =>
  expr.replaceAll(
    /(:rate5m)(?:\{([^}]*)\})?/g,
    (_, name: string, matchers: string | undefined) =>
      `${name}{${[OF_MODEL, matchers].filter(Boolean).join(',')}}`,
  )

const shipped: readonly Query[] = rangeQueries.map(({ refId, expr }) => ({ refId, expr: chosen(expr) }))

/**
 * Which components a part has and how they are known. Of whole workloads: where several models share a process, its
 * energy is booked under the model `multiple`.
 */
const QUALITY: Query = {
  refId: 'quality',
  expr: `sum by (cluster, namespace, workload, model, variant, component, part, method) (increase(wattribute_workload_energy_joules_total{${OF_WORKLOAD}}[$__range]))`,
}

const quantile = (refId: string, share: number): Query => ({
  refId,
  expr: `histogram_quantile(${share}, sum by (cluster, namespace, workload, model, le) (rate(wattribute_workload_request_energy_joules_bucket{${OF_MODEL}}[$__range])))`,
})

export const allQueries: readonly Query[] = [...shipped, QUALITY, quantile('p50', 0.5), quantile('p95', 0.95)]

const exprOf = (refId: string): string => allQueries.find((query) => query.refId === refId)?.expr ?? ''

const NAMES: readonly LabelColumn[] = [
  { label: 'cluster', title: 'Cluster' },
  { label: 'namespace', title: 'Namespace' },
  { label: 'workload', title: 'Workload' },
  { label: 'model', title: 'Model' },
  { label: 'variant', title: 'Variant' },
]

const column = (refId: string, title: string, unit: Unit) => ({
  refId,
  title,
  unit,
  decimals: unit === UNIT.joules ? 1 : 0,
  expr: exprOf(refId),
})
const parts = (prefix = '') =>
  (['accelerator', 'host', 'idle', 'overhead'] as const).map((part) =>
    column(`${prefix}${part}`, `J per query: ${part}`, UNIT.joules),
  )

const PER_QUERY =
  'each part for itself: accelerators at work, host at work, idle power of what is held, overhead. An empty cell is not measured.'

export const coreTables = () => [
  table({
    title: 'Joules per query by part',
    description: ofEnergy(
      'Over the time range of the dashboard.',
      PER_QUERY,
      `${RECORDED} Absent below ten queries.`,
    ),
    unit: UNIT.joules,
    width: 24,
    height: 8,
    rows: NAMES,
    columns: [
      ...parts(),
      column('queries', 'Queries', UNIT.count),
      column('tokens', 'Output tokens', UNIT.count),
      column('p50', 'Median request', UNIT.joules),
      column('p95', '95th percentile', UNIT.joules),
    ],
    order: 'Queries',
  }),
  table({
    title: 'A week before',
    description: ofEnergy('The same, seven days earlier.', PER_QUERY, RECORDED),
    unit: UNIT.joules,
    width: 12,
    height: 8,
    rows: NAMES,
    columns: [
      ...parts('baseline_'),
      column('baseline_queries', 'Queries', UNIT.count),
      column('baseline_tokens', 'Output tokens', UNIT.count),
    ],
    order: 'Queries',
  }),
  table({
    title: 'Components of the parts, and how they are known',
    description: ofEnergy(
      'Energy of the workloads over the time range.',
      'component by component, as booked on their machines; overhead that a hall shares is not in it.',
      'in its own column: `counter` and `integrated` are measured, `estimated` is modelled.',
    ),
    unit: UNIT.kilowattHours,
    width: 12,
    height: 8,
    rows: [
      ...NAMES,
      { label: 'component', title: 'Component' },
      { label: 'part', title: 'Part' },
      { label: 'method', title: 'Method' },
    ],
    columns: [
      column('quality', 'In joules', UNIT.joules),
      {
        refId: 'energy',
        title: 'Energy',
        unit: UNIT.kilowattHours,
        decimals: 2,
        expr: `${exprOf('quality')} / 3.6e6`,
      },
    ],
    order: 'Energy',
  }),
]
