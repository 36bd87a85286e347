/** What the figures above do not tell. */
import { UNATTRIBUTED_COLOUR } from './colours.ts'
import { stackedSeries } from './core-panels.ts'
import { linkTo } from './dashboard.ts'
import { IN_CLUSTER, inKilowattHours, joulesOfRange } from './promql.ts'
import { table } from './table-panel.ts'
import { range } from './targets.ts'
import { UNIT } from './units.ts'
import { BOOKED, FIVE_MINUTES, ofEnergy, RECORDED } from './words.ts'
import { STATE_COLUMN } from './budget-state.ts'

const OF_NOBODY = `zone_reason_part:wattribute_unattributed_energy_joules:rate5m{${IN_CLUSTER}}`
const JOULES = `sum by (reason) (${joulesOfRange(OF_NOBODY)})`

export const nobodys = () => [
  stackedSeries({
    title: 'Power that belongs to no workload',
    description: ofEnergy(
      'Measured, and charged to nobody. `idle`: machines that nobody holds. `no_activity`: nobody was seen at work. `unresolved_pid`, `unreadable`: somebody was, and it is not known who. `gap`, `warming_up`, `exporter_down`: nobody looked.',
      BOOKED,
      FIVE_MINUTES,
    ),
    unit: UNIT.watts,
    width: 9,
    height: 8,
    targets: [range({ refId: 'reasons', expr: `sum by (reason) (${OF_NOBODY})`, legend: '{{reason}}' })],
  })
    .interval('1m')
    .overrideByName('idle', [{ id: 'color', value: { mode: 'fixed', fixedColor: UNATTRIBUTED_COLOUR } }]),
  table({
    title: 'Energy that belongs to no workload',
    description: ofEnergy('Over the time range of the dashboard, by reason.', BOOKED, RECORDED),
    unit: UNIT.number,
    width: 7,
    height: 8,
    rows: [{ label: 'reason', title: 'Reason' }],
    columns: [
      {
        refId: 'energy',
        title: 'Energy',
        unit: UNIT.kilowattHours,
        decimals: 2,
        expr: inKilowattHours(JOULES),
      },
      { refId: 'joules', title: 'In joules', unit: UNIT.joules, decimals: 1, expr: JOULES },
    ],
    order: 'Energy',
  }),
]

export const notMeasured = () => [
  table({
    title: 'What is not measured',
    description:
      'On how many machines a component is modelled instead of measured (`estimated`), not there (`absent`) or not readable. Energy of the last two is in no figure above. `wattribute doctor` on the machine says what to do.',
    unit: UNIT.count,
    width: 8,
    height: 8,
    rows: [
      { label: 'component', title: 'Component' },
      { label: 'state', title: 'State' },
    ],
    columns: [
      {
        refId: 'nodes',
        title: 'Machines',
        unit: UNIT.count,
        decimals: 0,
        expr: `count by (component, state) (wattribute_component_state{${IN_CLUSTER},state!="measured"} == 1)`,
      },
    ],
    order: 'Machines',
  }).overrideByName('Component', [linkTo('Machine by machine', 'node')]),
]

export const budgetsInShort = () => [
  table({
    title: 'Budgets',
    description: ofEnergy(
      'The fullest first. Click one for its course.',
      'what each budget is set up to count.',
      'counted by the exporters themselves, period by period.',
    ),
    unit: UNIT.number,
    width: 24,
    height: 6,
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
        refId: 'used_share',
        title: 'Used',
        unit: UNIT.share,
        decimals: 0,
        expr: `budget:wattribute_budget_used:ratio{${IN_CLUSTER}}`,
      },
      {
        refId: 'used',
        title: 'Used energy',
        unit: UNIT.kilowattHours,
        decimals: 1,
        expr: inKilowattHours(`budget:wattribute_budget_used_joules:sum{${IN_CLUSTER}}`),
      },
      {
        refId: 'joules',
        title: 'In joules',
        unit: UNIT.joules,
        decimals: 1,
        expr: `budget:wattribute_budget_used_joules:sum{${IN_CLUSTER}}`,
      },
      {
        refId: 'limit',
        title: 'Limit',
        unit: UNIT.kilowattHours,
        decimals: 1,
        expr: inKilowattHours(`budget:wattribute_budget_limit_joules:max{${IN_CLUSTER}}`),
      },
    ],
    order: 'Used',
  }).overrideByName('Budget', [linkTo('Its course', 'budgets')]),
]
