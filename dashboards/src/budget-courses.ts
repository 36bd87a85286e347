/** Budgets over time. */
import { LIMIT_COLOUR } from './colours.ts'
import { colourOf, dashed, timeSeries } from './core-panels.ts'
import { IN_CLUSTER, inKilowattHours } from './promql.ts'
import { range } from './targets.ts'
import { UNIT } from './units.ts'
import { ofEnergy } from './words.ts'

const USED = `budget:wattribute_budget_used_joules:sum{${IN_CLUSTER}}`
const LIMIT = `budget:wattribute_budget_limit_joules:max{${IN_CLUSTER}}`
const BOUNDARY = 'what each budget is set up to count.'
const METHOD = 'counted by the exporters; use falls to 0 where a period begins.'

export const courses = () => [
  timeSeries({
    title: 'Used, of the limit',
    description: ofEnergy(
      'All budgets on one scale: 100 % is the limit. The dashed lines are how much of the period has gone: above its dashed line, a budget is ahead of time.',
      BOUNDARY,
      METHOD,
    ),
    unit: UNIT.share,
    width: 24,
    height: 8,
    targets: [
      range({
        refId: 'used',
        expr: `budget:wattribute_budget_used:ratio{${IN_CLUSTER}}`,
        legend: '{{budget}} {{instance}}',
      }),
      range({
        refId: 'elapsed',
        expr: `budget:wattribute_budget_elapsed:ratio{${IN_CLUSTER}}`,
        legend: '{{budget}} {{instance}}: time',
      }),
    ],
  })
    .interval('1m')
    .overrideByRegexp('.*: time$', [dashed, { id: 'custom.fillOpacity', value: 0 }, colourOf('#9fa7b3')]),
  timeSeries({
    title: 'Used energy',
    description: ofEnergy('With the limit of each.', BOUNDARY, METHOD),
    unit: UNIT.kilowattHours,
    width: 12,
    height: 8,
    targets: [
      range({ refId: 'used', expr: inKilowattHours(USED), legend: '{{budget}} {{instance}}' }),
      range({ refId: 'limit', expr: inKilowattHours(LIMIT), legend: '{{budget}} {{instance}}: limit' }),
    ],
  })
    .interval('1m')
    .overrideByRegexp('.*: limit$', [dashed, { id: 'custom.fillOpacity', value: 0 }, colourOf(LIMIT_COLOUR)]),
  timeSeries({
    title: 'The same in joules',
    description: ofEnergy('1 kWh is 3.6 MJ.', BOUNDARY, METHOD),
    unit: UNIT.joules,
    width: 12,
    height: 8,
    targets: [range({ refId: 'used', expr: USED, legend: '{{budget}} {{instance}}' })],
  }).interval('1m'),
]
