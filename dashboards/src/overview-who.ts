/** Who and what uses the energy. Tables have twenty rows, however many workloads there are. */
import { COMPONENT_COLOURS } from './colours.ts'
import { bars, stackedSeries, withColours } from './core-panels.ts'
import { linkTo } from './dashboard.ts'
import { IN_CLUSTER, IN_NAMESPACE, inKilowattHours, joulesOfRange, priceOf } from './promql.ts'
import { table, type FigureColumn } from './table-panel.ts'
import { instant, range } from './targets.ts'
import { UNIT } from './units.ts'
import { BOOKED, FIVE_MINUTES, MONEY, ofEnergy, RECORDED, WIDEST } from './words.ts'

const OF_WORKLOADS = `workload_model_part:wattribute_workload_energy_joules:rate5m{${IN_NAMESPACE}}`
const MOST = 20

/** Columns of power, energy and money of the accounts that used the most in the range. */
const columns = (by: string): readonly FigureColumn[] => {
  const most = `topk(${MOST}, sum by (${by}) (${joulesOfRange(OF_WORKLOADS)}))`
  return [
    {
      refId: 'power',
      title: 'Now',
      unit: UNIT.watts,
      decimals: 0,
      expr: `sum by (${by}) (${OF_WORKLOADS}) and on (${by}) ${most}`,
    },
    { refId: 'energy', title: 'Energy', unit: UNIT.kilowattHours, decimals: 2, expr: inKilowattHours(most) },
    { refId: 'joules', title: 'In joules', unit: UNIT.joules, decimals: 1, expr: most },
    { refId: 'cost', title: 'Cost in $currency', unit: UNIT.money, decimals: 2, expr: priceOf(most) },
  ]
}

export const workloads = () => [
  table({
    title: `The ${MOST} workloads that used most`,
    description: ofEnergy(
      `Of all kinds, over the time range of the dashboard. Click a workload for what its queries cost. ${MONEY}`,
      WIDEST,
      RECORDED,
    ),
    unit: UNIT.number,
    width: 14,
    height: 10,
    rows: [
      { label: 'cluster', title: 'Cluster' },
      { label: 'namespace', title: 'Namespace' },
      { label: 'workload', title: 'Workload' },
    ],
    columns: columns('cluster, namespace, workload'),
    order: 'Energy',
  }).overrideByName('Workload', [
    linkTo('What its queries cost', 'energyPerQuery', 'var-workload=${__value.raw:percentencode}'),
  ]),
]

export const namespaces = () => [
  table({
    title: `The ${MOST} namespaces that used most`,
    description: ofEnergy(
      `A namespace is that of Kubernetes, or an account of Slurm; workloads outside of both have none. ${MONEY}`,
      WIDEST,
      RECORDED,
    ),
    unit: UNIT.number,
    width: 10,
    height: 10,
    rows: [
      { label: 'cluster', title: 'Cluster' },
      { label: 'namespace', title: 'Namespace' },
    ],
    columns: columns('cluster, namespace'),
    order: 'Energy',
  }),
]

const OF_COMPONENTS = `instance_component:wattribute_domain_energy_joules:rate5m{${IN_CLUSTER}}`

export const byComponent = () => [
  withColours(
    stackedSeries({
      title: 'All power by component',
      description: ofEnergy(
        'All that the machines use, AI or not. `board` is fans, drives, network cards and losses of power supplies, where the whole machine is measured.',
        BOOKED,
        FIVE_MINUTES,
      ),
      unit: UNIT.watts,
      width: 14,
      height: 8,
      targets: [
        range({
          refId: 'components',
          expr: `sum by (component) (${OF_COMPONENTS})`,
          legend: '{{component}}',
        }),
      ],
    }).interval('1m'),
    COMPONENT_COLOURS,
  ),
]

/** From the narrowest boundary to the widest. */
const BOUNDARIES = ['accelerator', 'host', 'provisioned', 'facility'] as const
const OF_BOUNDARIES = (boundary: string): string =>
  `sum(${joulesOfRange(`workload_model_boundary:wattribute_workload_energy_joules:rate5m{${IN_NAMESPACE},boundary="${boundary}"}`)})`

export const byBoundary = () => [
  bars({
    title: 'Energy by boundary',
    description: ofEnergy(
      'The same workloads, with more and more of the world in the figure. A workload of which something is not measured is missing from the boundaries that would need it: a wider one can be smaller then.',
      '`accelerator`: what accelerators draw beyond idle. `host`: and CPU, memory and board. `provisioned`: and the idle power of what is held. `facility`: and cooling, power conversion and network.',
      RECORDED,
    ),
    unit: UNIT.kilowattHours,
    decimals: 1,
    width: 5,
    height: 8,
    targets: BOUNDARIES.map((boundary) =>
      instant({ refId: boundary, expr: inKilowattHours(OF_BOUNDARIES(boundary)), legend: boundary }),
    ),
  }),
  bars({
    title: 'The same in joules',
    description: ofEnergy('1 kWh is 3.6 MJ.', 'as beside.', RECORDED),
    unit: UNIT.joules,
    decimals: 1,
    width: 5,
    height: 8,
    targets: BOUNDARIES.map((boundary) =>
      instant({ refId: boundary, expr: OF_BOUNDARIES(boundary), legend: boundary }),
    ),
  }),
]
