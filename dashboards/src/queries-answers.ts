/** The answer in one table: joules and watt-hours of a query, in the widest boundary that is known. */
import { OF_MODEL } from './promql.ts'
import { table } from './table-panel.ts'
import { UNIT } from './units.ts'
import { MONEY, ofEnergy } from './words.ts'

const BY_MODEL = 'on (cluster, namespace, workload, model, variant)'

/** Of each model the widest boundary that has a figure; its label says which. */
export const widest = (series: string, matchers = OF_MODEL): string =>
  ['facility', 'provisioned', 'host', 'accelerator']
    .map((boundary) => `${series}{${matchers},boundary="${boundary}"}`)
    .join(` or ${BY_MODEL} `)

const PER_QUERY = widest('workload_model_boundary:wattribute_energy_per_query_joules:ratio_rate1h')
const PER_TOKEN = widest(
  'workload_model_boundary:wattribute_energy_per_token_joules:ratio_rate1h',
  `${OF_MODEL},direction="output"`,
)

export const answers = () => [
  table({
    title: 'One query, over the last hour',
    description: ofEnergy(
      `Dearest first. Absent: fewer than ten queries in the hour, or nobody counts them. \`Shared by\` says how a process with several models was split: \`output_tokens\` is an estimate. ${MONEY}`,
      'in its own column, the widest that is known: `accelerator` is what accelerators draw beyond idle, `host` adds CPU, memory and board, `provisioned` the idle power of what is held, `facility` cooling, power conversion and network. Figures of different boundaries do not compare.',
      'energy and queries of the same hour, from counters and meters, or a model where nothing is measured: see the last row of this dashboard.',
    ),
    unit: UNIT.number,
    width: 24,
    height: 8,
    rows: [
      { label: 'cluster', title: 'Cluster' },
      { label: 'namespace', title: 'Namespace' },
      { label: 'workload', title: 'Workload' },
      { label: 'model', title: 'Model' },
      { label: 'variant', title: 'Variant' },
      { label: 'boundary', title: 'Boundary' },
      { label: 'basis', title: 'Shared by' },
    ],
    columns: [
      { refId: 'joules', title: 'A query in joules', unit: UNIT.joules, decimals: 1, expr: PER_QUERY },
      {
        refId: 'watt_hours',
        title: 'in Wh',
        unit: UNIT.wattHours,
        decimals: 3,
        expr: `(${PER_QUERY}) / 3600`,
      },
      {
        refId: 'token',
        title: 'An output token',
        unit: UNIT.joules,
        decimals: 2,
        expr: `sum by (cluster, namespace, workload, model, variant, boundary, basis) (${PER_TOKEN})`,
      },
      {
        refId: 'thousand',
        title: '1,000 queries in kWh',
        unit: UNIT.kilowattHours,
        decimals: 3,
        expr: `1000 * (${PER_QUERY}) / 3.6e6`,
      },
      {
        refId: 'cost',
        title: '1,000 queries in $currency',
        unit: UNIT.money,
        decimals: 3,
        expr: `1000 * (${PER_QUERY}) / 3.6e6 * $price_per_kwh`,
      },
      {
        refId: 'queries',
        title: 'Queries per second',
        unit: UNIT.queriesPerSecond,
        decimals: 2,
        expr: `workload_model:wattribute_workload_queries:rate1h{${OF_MODEL}}`,
      },
    ],
    order: 'A query in joules',
  }),
]
