/** Mean power over blocks of the clock, as utilities bill it. */
import { EARLIER_COLOUR, LIMIT_COLOUR, PLAIN_COLOUR } from './colours.ts'
import { colourOf, dashed, stat, timeSeries } from './core-panels.ts'
import { IN_CLUSTER } from './promql.ts'
import { instant, range } from './targets.ts'
import { UNIT } from './units.ts'
import { ofEnergy } from './words.ts'

const BOUNDARY = 'the meter that the configuration names, such as the whole machine.'
const METHOD = 'energy of a block by its length; what was not observed counts as nothing used.'

const FIGURES = [
  ['current', 'The running block so far', PLAIN_COLOUR],
  ['projected', 'The running block at its end', PLAIN_COLOUR],
  ['last_block', 'The block before', EARLIER_COLOUR],
  ['peak', 'The highest since the billing day', PLAIN_COLOUR],
  ['limit', 'The limit', LIMIT_COLOUR],
] as const

const EXPRESSIONS = {
  current: `wattribute_demand_current_watts{${IN_CLUSTER}}`,
  projected: `wattribute_demand_projected_watts{${IN_CLUSTER}}`,
  last_block: `wattribute_demand_last_block_watts{${IN_CLUSTER}}`,
  peak: `wattribute_demand_peak_watts{${IN_CLUSTER}}`,
  limit: `wattribute_demand_limit_watts{${IN_CLUSTER}}`,
} as const

export const demand = () => [
  ...FIGURES.map(([refId, title, colour], index) =>
    stat(
      {
        title,
        description: ofEnergy(
          'Mean power over a block of the clock, such as a quarter of an hour. Of each meter and machine.',
          BOUNDARY,
          METHOD,
        ),
        unit: UNIT.watts,
        decimals: 0,
        width: index === 0 ? 8 : 4,
        height: 5,
        targets: [instant({ refId, expr: EXPRESSIONS[refId], legend: '{{meter}} {{instance}}' })],
      },
      colour,
    ).noValue('no demand is set up'),
  ),
  timeSeries({
    title: 'Demand over time',
    description: ofEnergy(
      'Each block climbs from its begin to its end; its last value is what counts.',
      BOUNDARY,
      METHOD,
    ),
    unit: UNIT.watts,
    width: 24,
    height: 8,
    targets: FIGURES.map(([refId, title]) =>
      range({ refId, expr: EXPRESSIONS[refId], legend: `${title}: {{meter}} {{instance}}` }),
    ),
  })
    .overrideByRegexp('^The limit.*', [
      dashed,
      { id: 'custom.fillOpacity', value: 0 },
      colourOf(LIMIT_COLOUR),
    ])
    .overrideByRegexp('^The block before.*', [colourOf(EARLIER_COLOUR)]),
]
