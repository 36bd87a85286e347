/** The first look: power, energy and money of AI. */
import { AI_KINDS, AI_WORKLOADS, AI_WORKLOADS_OF_RANGE, watts } from './ai.ts'
import { PART_COLOURS, PLAIN_COLOUR } from './colours.ts'
import { stackedSeries, stat, withColours } from './core-panels.ts'
import { IN_CLUSTER, IN_NAMESPACE, inKilowattHours, joulesOfRange, priceOf } from './promql.ts'
import { instant, range } from './targets.ts'
import { UNIT } from './units.ts'
import { BOOKED, FIVE_MINUTES, MONEY, ofEnergy, RECORDED, WIDEST } from './words.ts'

const OF_WORKLOADS = `workload_model_part:wattribute_workload_energy_joules:rate5m{${IN_NAMESPACE}}`
const NOW = `sum(${OF_WORKLOADS} and on (cluster, namespace, workload) ${AI_WORKLOADS})`
const JOULES = `sum((${joulesOfRange(OF_WORKLOADS)}) and on (cluster, namespace, workload) ${AI_WORKLOADS_OF_RANGE})`

export const aiNow = () => [
  stat({
    title: 'AI draws now',
    description: ofEnergy(
      'Power of all training, inference and interactive workloads.',
      WIDEST,
      FIVE_MINUTES,
    ),
    unit: UNIT.watts,
    width: 6,
    height: 5,
    targets: [instant({ refId: 'power', expr: NOW })],
  }),
  stat({
    title: 'An hour of this costs ($currency)',
    description: ofEnergy(`An hour at the power of now. ${MONEY}`, WIDEST, FIVE_MINUTES),
    unit: UNIT.money,
    decimals: 2,
    width: 4,
    height: 5,
    targets: [instant({ refId: 'cost', expr: `${NOW} / 1000 * $price_per_kwh` })],
  }),
  stat({
    title: 'AI energy in this time range',
    description: ofEnergy('Choose the range at the upper right.', WIDEST, RECORDED),
    unit: UNIT.kilowattHours,
    decimals: 1,
    width: 4,
    height: 5,
    targets: [instant({ refId: 'energy', expr: inKilowattHours(JOULES) })],
  }),
  stat({
    title: 'The same in joules',
    description: ofEnergy('1 kWh is 3.6 MJ.', WIDEST, RECORDED),
    unit: UNIT.joules,
    decimals: 1,
    width: 3,
    height: 5,
    targets: [instant({ refId: 'energy', expr: JOULES })],
  }),
  stat({
    title: 'It cost ($currency)',
    description: ofEnergy(MONEY, WIDEST, RECORDED),
    unit: UNIT.money,
    decimals: 2,
    width: 4,
    height: 5,
    targets: [instant({ refId: 'cost', expr: priceOf(JOULES) })],
  }),
  stat({
    title: 'Share of AI',
    description: ofEnergy(
      'Energy of AI by all energy of the machines, of all namespaces. What nobody can be charged with counts as not AI.',
      BOOKED,
      FIVE_MINUTES,
    ),
    unit: UNIT.share,
    decimals: 0,
    width: 3,
    height: 5,
    targets: [instant({ refId: 'share', expr: `${watts('5m').ai} / (${watts('5m').all} > 0)` })],
  }),
]

export const aiOverTime = () => [
  withColours(
    stackedSeries({
      title: 'AI power by part',
      description: ofEnergy(
        '`accelerator` and `host` are at work; `idle` is what held machines draw while nothing is done; `overhead` is cooling, power conversion and network.',
        WIDEST,
        FIVE_MINUTES,
      ),
      unit: UNIT.watts,
      width: 12,
      height: 8,
      targets: [
        range({
          refId: 'parts',
          expr: `sum by (part) (${OF_WORKLOADS} and on (cluster, namespace, workload) ${AI_WORKLOADS})`,
          legend: '{{part}}',
        }),
      ],
    }).interval('1m'),
    PART_COLOURS,
  ),
  withColours(
    stackedSeries({
      title: 'Power by kind of workload',
      description: ofEnergy(
        'All namespaces. `training`, `inference` and `interactive` are AI; `unknown` might be, and does not count as AI.',
        BOOKED,
        FIVE_MINUTES,
      ),
      unit: UNIT.watts,
      width: 12,
      height: 8,
      targets: [
        range({
          refId: 'ai',
          expr: `sum by (kind) (instance_kind:wattribute_workload_energy_joules:rate5m{${IN_CLUSTER},${AI_KINDS}})`,
          legend: '{{kind}}',
        }),
        range({
          refId: 'others',
          expr: `sum by (kind) (instance_kind:wattribute_workload_energy_joules:rate5m{${IN_CLUSTER},kind!~"training|inference|interactive"})`,
          legend: '{{kind}}',
        }),
      ],
    }).interval('1m'),
    {
      training: PLAIN_COLOUR,
      inference: 'light-blue',
      interactive: 'super-light-blue',
      unknown: '#b7bcc4',
      other: '#9fa7b3',
      system: '#7b8087',
    },
  ),
]
