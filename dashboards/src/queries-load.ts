/** Joules per token against load. */
import { XYShowMode, SeriesMapping, PanelBuilder as XYChart } from '@grafana/grafana-foundation-sdk/xychart'
import { text, timeSeries, withWords } from './core-panels.ts'
import { OF_MODEL } from './promql.ts'
import { widest } from './queries-answers.ts'
import { range, rangeTable } from './targets.ts'
import { UNIT } from './units.ts'
import { ofEnergy } from './words.ts'

const TOKENS = `sum by (cluster, namespace, workload, model, variant) (workload_model_direction:wattribute_workload_tokens:rate5m{${OF_MODEL},direction="output"})`
const PER_TOKEN = `sum by (cluster, namespace, workload, model, variant) (${widest('workload_model_boundary:wattribute_energy_per_token_joules:ratio_rate5m', `${OF_MODEL},direction="output"`)})`

/** Columns as Grafana names them: by the query. */
const X = 'Value #tokens_per_second'
const Y = 'Value #joules_per_token'

const scatter = () =>
  withWords(new XYChart(), {
    title: 'An output token against load',
    description: ofEnergy(
      'One point for every five minutes or so, one colour for each model: to the right more load, upwards dearer. Points that fall to the right are the usual picture.',
      'the widest that is known of each model, as in the table above.',
      'energy and tokens of the same five minutes.',
    ),
    unit: UNIT.joules,
    width: 12,
    height: 10,
    targets: [
      rangeTable({ refId: 'tokens_per_second', expr: TOKENS }).interval('5m'),
      rangeTable({ refId: 'joules_per_token', expr: PER_TOKEN }).interval('5m'),
    ],
  })
    .mapping(SeriesMapping.Auto)
    .show(XYShowMode.Points)
    .series([
      {
        build: () => ({
          x: { matcher: { id: 'byName', options: X } },
          y: { matcher: { id: 'byName', options: Y } },
        }),
      },
    ])
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: { Time: true, cluster: true, namespace: true },
        indexByName: { [X]: 0, [Y]: 1 },
        renameByName: {},
      },
    })
    .withTransformation({
      id: 'partitionByValues',
      options: {
        fields: ['workload', 'model', 'variant'],
        keepFields: false,
        naming: { asLabels: true },
      },
    })
    .overrideByName(X, [
      { id: 'displayName', value: 'Output tokens per second' },
      { id: 'unit', value: UNIT.tokensPerSecond },
    ])
    .overrideByName(Y, [
      {
        id: 'displayName',
        value: '${__field.labels.workload} ${__field.labels.model} ${__field.labels.variant}',
      },
      { id: 'custom.axisLabel', value: 'Joules per output token' },
    ])

export const againstLoad = () => [
  scatter(),
  timeSeries({
    title: 'An output token over time',
    description: ofEnergy(
      'All energy of the model by its output tokens.',
      'the widest that is known of each model.',
      'energy and tokens of the same five minutes; absent below ten queries or tokens in them.',
    ),
    unit: UNIT.joules,
    width: 12,
    height: 10,
    targets: [range({ refId: 'token', expr: PER_TOKEN, legend: '{{workload}} {{model}} {{variant}}' })],
  }).interval('1m'),
  timeSeries({
    title: 'The same in Wh per 1,000 tokens',
    description: ofEnergy('1 Wh is 3600 J.', 'as above.', 'as above.'),
    unit: UNIT.wattHours,
    width: 12,
    height: 7,
    targets: [
      range({
        refId: 'token',
        expr: `1000 * ${PER_TOKEN} / 3600`,
        legend: '{{workload}} {{model}} {{variant}}',
      }),
    ],
  }).interval('1m'),
  text(
    'How to read it',
    'A GPU that answers one request at a time loads all weights of the model for each single token. With thirty requests in one batch it loads them once for thirty tokens, at little more power. So **how many requests are answered at once moves the energy of a token by several times**; another number format (`fp8` instead of `bf16`) by some tens of percent.\n\nCompare models and variants only at the same load: at the same place from left to right. And a server that waits most of the time pays its idle power with few tokens: there, fewer machines help more than a better model.',
    12,
    7,
  ),
]
