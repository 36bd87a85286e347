/** Energy of single requests, where a counting proxy sees them. */
import {
  CellValuesBuilder,
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  HeatmapColorScale,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap'
import { heatmap, timeSeries } from './core-panels.ts'
import { OF_MODEL } from './promql.ts'
import { range, rangeHeatmap } from './targets.ts'
import { UNIT } from './units.ts'
import { ofEnergy } from './words.ts'

const BUCKETS = `wattribute_workload_request_energy_joules_bucket{${OF_MODEL}}[$__rate_interval]`
const BOUNDARY =
  '`host`: accelerators and host beyond their idle power. Idle power and overhead are not in it.'
const METHOD =
  'energy while a request was in flight, split among those in flight by their tokens (`basis="tokens"`) or, where an answer came as a whole, by time. Only for what passes through a counting proxy.'

const quantile = (share: number, divisor = ''): string =>
  `histogram_quantile(${share}, sum by (cluster, namespace, workload, model, le) (rate(${BUCKETS})))${divisor}`

const courses = (divisor = '') => [
  range({ refId: 'p50', expr: quantile(0.5, divisor), legend: '{{workload}} {{model}}: half are below' }),
  range({ refId: 'p95', expr: quantile(0.95, divisor), legend: '{{workload}} {{model}}: 95 % are below' }),
]

export const singleRequests = () => [
  heatmap({
    title: 'How many requests took how much energy',
    description: ofEnergy('Brighter: more requests per second.', BOUNDARY, METHOD),
    unit: UNIT.queriesPerSecond,
    width: 12,
    height: 9,
    targets: [rangeHeatmap({ refId: 'buckets', expr: `sum by (le) (rate(${BUCKETS}))`, legend: '{{le}}' })],
  })
    .yAxis(new YAxisConfigBuilder().unit(UNIT.joules))
    .cellValues(new CellValuesBuilder().unit(UNIT.queriesPerSecond).decimals(2))
    .color(
      new HeatmapColorOptionsBuilder()
        .mode(HeatmapColorMode.Scheme)
        .scheme('Blues')
        .scale(HeatmapColorScale.Exponential)
        .exponent(0.5)
        .steps(64)
        .reverse(true)
        .fill('semi-dark-blue'),
    ),
  timeSeries({
    title: 'Median and 95th percentile of a request',
    description: ofEnergy('Within the width of a bucket.', BOUNDARY, METHOD),
    unit: UNIT.joules,
    width: 6,
    height: 9,
    targets: courses(),
  }),
  timeSeries({
    title: 'The same in Wh',
    description: ofEnergy('1 Wh is 3600 J.', BOUNDARY, METHOD),
    unit: UNIT.wattHours,
    width: 6,
    height: 9,
    targets: courses(' / 3600'),
  }),
]
