/** Each budget: used, projected, limit, days left, and that in words. */
import { STATE, STATE_COLUMN, STATE_MAPPINGS } from './budget-state.ts'
import { byThresholds, stat, thresholds } from './core-panels.ts'
import { BigValueTextMode, VizOrientation } from '@grafana/grafana-foundation-sdk/common'
import { IN_CLUSTER, inKilowattHours, priceOf } from './promql.ts'
import { table } from './table-panel.ts'
import { instant } from './targets.ts'
import { UNIT } from './units.ts'
import { MONEY, ofEnergy } from './words.ts'

const USED = `budget:wattribute_budget_used_joules:sum{${IN_CLUSTER}}`
const PROJECTED = `budget:wattribute_budget_projected_joules:sum{${IN_CLUSTER}}`
const LIMIT = `budget:wattribute_budget_limit_joules:max{${IN_CLUSTER}}`
const END = `budget:wattribute_budget_period_end_timestamp_seconds:max{${IN_CLUSTER}}`

const BOUNDARY = 'what each budget is set up to count, its `boundary` or `meter` in the configuration.'
const METHOD =
  'counted by the exporters themselves, since a calendar month is no range of Prometheus; a budget of a cluster is the sum over its machines against one limit.'

export const standing = () => [
  stat({
    title: 'Budgets',
    description:
      'Each budget in words. It *will be overrun* if the mean power of the last 24 hours goes on until the end of its period.',
    unit: UNIT.number,
    width: 6,
    height: 9,
    targets: [instant({ refId: 'state', expr: STATE, legend: '{{budget}} {{instance}}' })],
  })
    .mappings(STATE_MAPPINGS as never)
    .colorScheme(byThresholds())
    .thresholds(
      thresholds({ value: null, color: 'green' }, { value: 1, color: 'orange' }, { value: 2, color: 'red' }),
    )
    .textMode(BigValueTextMode.ValueAndName)
    .orientation(VizOrientation.Horizontal)
    .noValue('no budget is set up'),
  table({
    title: 'Used, projected, limit',
    description: ofEnergy(
      `Of the running period. \`Elapsed\` beside \`Used\` shows who is ahead of time. ${MONEY}`,
      BOUNDARY,
      METHOD,
    ),
    unit: UNIT.number,
    width: 18,
    height: 9,
    rows: [
      { label: 'cluster', title: 'Cluster' },
      { label: 'instance', title: 'Node' },
      { label: 'budget', title: 'Budget' },
      { label: 'period', title: 'Period' },
      { label: 'scope', title: 'Scope' },
    ],
    columns: [
      STATE_COLUMN,
      {
        refId: 'share',
        title: 'Used',
        unit: UNIT.share,
        decimals: 0,
        expr: `budget:wattribute_budget_used:ratio{${IN_CLUSTER}}`,
      },
      {
        refId: 'elapsed',
        title: 'Elapsed',
        unit: UNIT.share,
        decimals: 0,
        expr: `budget:wattribute_budget_elapsed:ratio{${IN_CLUSTER}}`,
      },
      { refId: 'left', title: 'Time left', unit: UNIT.seconds, decimals: 0, expr: `${END} - time()` },
      {
        refId: 'used',
        title: 'Used energy',
        unit: UNIT.kilowattHours,
        decimals: 1,
        expr: inKilowattHours(USED),
      },
      {
        refId: 'projected',
        title: 'At the end',
        unit: UNIT.kilowattHours,
        decimals: 1,
        expr: inKilowattHours(PROJECTED),
      },
      { refId: 'limit', title: 'Limit', unit: UNIT.kilowattHours, decimals: 1, expr: inKilowattHours(LIMIT) },
      { refId: 'joules', title: 'Used in joules', unit: UNIT.joules, decimals: 1, expr: USED },
      { refId: 'cost', title: 'Cost in $currency', unit: UNIT.money, decimals: 2, expr: priceOf(USED) },
    ],
    order: 'Used',
  }),
]
