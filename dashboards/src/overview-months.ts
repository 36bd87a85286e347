/** This month against last: the panels have ranges of their own, whatever is chosen above. */
import { watts } from './ai.ts'
import { stat } from './core-panels.ts'
import { inKilowattHours, joulesOfHours, priceOf } from './promql.ts'
import { EARLIER_COLOUR, PLAIN_COLOUR } from './colours.ts'
import { instant } from './targets.ts'
import { UNIT } from './units.ts'
import { BOOKED, MONEY, ofEnergy } from './words.ts'

const JOULES = joulesOfHours(watts('1h').ai)

const month = (title: string, what: string, colour: string) =>
  stat(
    {
      title,
      description: ofEnergy(
        `Energy of AI in all namespaces, in whole hours. ${what} ${MONEY}`,
        BOOKED,
        'counters and meters, summed each minute and added up by hours; hours in which Prometheus was away are missing.',
      ),
      unit: UNIT.kilowattHours,
      decimals: 1,
      width: 8,
      height: 5,
      targets: [
        instant({ refId: 'energy', expr: inKilowattHours(JOULES), legend: 'energy' }),
        instant({ refId: 'joules', expr: JOULES, legend: 'in joules' }),
        instant({ refId: 'cost', expr: priceOf(JOULES), legend: '$currency' }),
      ],
    },
    colour,
  )
    .timeFrom('now/M')
    .overrideByQuery('joules', [{ id: 'unit', value: UNIT.joules }])
    .overrideByQuery('cost', [
      { id: 'unit', value: UNIT.money },
      { id: 'decimals', value: 2 },
    ])

export const months = () => [
  month('This month so far', 'From the first day, in the time zone of the dashboard.', PLAIN_COLOUR),
  month('Last month until the same day', 'To compare with this month so far.', EARLIER_COLOUR).timeShift(
    '1M',
  ),
  month('All of last month', 'From its first day to its last.', EARLIER_COLOUR).timeShift('1M/M'),
]
