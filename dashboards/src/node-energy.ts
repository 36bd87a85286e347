/** Where the energy of a machine goes: by component, by domain, and to whom. */
import { COMPONENT_COLOURS, LIMIT_COLOUR } from './colours.ts'
import {
  bars,
  byThresholds,
  stackedSeries,
  stat,
  thresholds,
  timeSeries,
  withColours,
} from './core-panels.ts'
import { linkTo } from './dashboard.ts'
import { section } from './layout.ts'
import { inKilowattHours, ON_NODE, priceOf } from './promql.ts'
import { table } from './table-panel.ts'
import { instant, range } from './targets.ts'
import { UNIT } from './units.ts'
import { ofEnergy } from './words.ts'

export const METHOD =
  'energy counters where there are any, else power over time, else a model; the table of domains says which.'
const MACHINE = 'all that is measured or modelled of this machine, each joule once.'
const ACCELERATOR = ['the accelerator alone.', 'its own energy counter, or its power over time.'] as const
export const ofMachine = (what: string, method: string = METHOD): string => ofEnergy(what, MACHINE, method)
/** With what those who run there hold. */
export const ofThose = (what: string): string =>
  ofEnergy(what, 'this machine, with the idle energy of what they hold.', METHOD)

const DOMAINS = 'wattribute_domain_energy_joules_total'
const WORKLOADS = 'wattribute_workload_energy_joules_total'
const HELD = 'wattribute_workload_accelerator_energy_joules_total'

export const joules = (counter: string, matchers = ''): string =>
  `increase(${counter}{${ON_NODE}${matchers}}[$__range])`
export const watts = (counter: string, matchers = ''): string =>
  `rate(${counter}{${ON_NODE}${matchers}}[$__rate_interval])`

const LEAVES = ',leaf="true"'
const ROOTS = ',within=""'
const machine = `sum(${joules(DOMAINS, LEAVES)})`

export const overall = section(
  "Where does this machine's energy go?",
  stat({
    title: 'Energy of this machine',
    description: ofMachine('In the time that is looked at.'),
    unit: UNIT.kilowattHours,
    width: 6,
    height: 6,
    targets: [
      instant({ refId: 'kwh', expr: inKilowattHours(machine), legend: 'energy' }),
      instant({ refId: 'joules', expr: machine, legend: 'in joules' }),
    ],
  }).overrideByName('in joules', [{ id: 'unit', value: UNIT.joules }]),
  stat({
    title: 'Power now',
    description: ofMachine('Sum of the leaf domains over their newest readings.'),
    unit: UNIT.watts,
    width: 4,
    height: 6,
    targets: [instant({ refId: 'power', expr: `sum(wattribute_domain_power_watts{${ON_NODE}${LEAVES}})` })],
  }),
  stat({
    title: 'Cost in $currency',
    description: ofMachine(
      'Energy of this machine times $price_per_kwh $currency a kWh, the price at the head of this dashboard.',
    ),
    unit: UNIT.money,
    decimals: 2,
    width: 4,
    height: 6,
    targets: [instant({ refId: 'cost', expr: priceOf(machine) })],
  }),
  stat({
    title: 'Belongs to a workload',
    description: ofMachine(
      'Share of the energy of this machine that is booked to workloads. The rest is shown by reason below: most of it is idle energy that nobody holds.',
    ),
    unit: UNIT.share,
    decimals: 1,
    width: 4,
    height: 6,
    targets: [instant({ refId: 'share', expr: `sum(${joules(WORKLOADS)}) / (${machine} > 0)` })],
  }),
  stat({
    title: 'Error of the books',
    description: ofMachine(
      'Difference between what was read and what the page shows, of the component with the largest. It must be 0: each joule is booked exactly once.',
      'computed by the exporter on each page, to the microjoule.',
    ),
    unit: UNIT.joules,
    width: 3,
    height: 6,
    targets: [
      instant({ refId: 'error', expr: `max(abs(wattribute_conservation_error_joules{${ON_NODE}}))` }),
    ],
  })
    .thresholds(thresholds({ value: null, color: 'green' }, { value: 1e-6, color: LIMIT_COLOUR }))
    .colorScheme(byThresholds()),
  stat({
    title: 'Sensors down',
    description:
      'Sensors that are configured or were seen once and do not answer. Which, and why, stands below.',
    unit: UNIT.count,
    width: 3,
    height: 6,
    targets: [instant({ refId: 'down', expr: `sum(1 - wattribute_sensor_up{${ON_NODE}})` })],
  })
    .thresholds(thresholds({ value: null, color: 'green' }, { value: 1, color: LIMIT_COLOUR }))
    .colorScheme(byThresholds()),
  withColours(
    stackedSeries({
      title: 'Power by component',
      description: ofMachine(
        'What a meter of the whole machine sees beyond its parts is the component board.',
      ),
      unit: UNIT.watts,
      width: 12,
      height: 9,
      targets: [
        range({
          refId: 'power',
          expr: `sum by (component) (${watts(DOMAINS, LEAVES)})`,
          legend: '{{component}}',
        }),
      ],
    }),
    COMPONENT_COLOURS,
  ),
  withColours(
    bars({
      title: 'Energy by component',
      description: ofMachine('In the time that is looked at. A component without a bar is not measured.'),
      unit: UNIT.kilowattHours,
      width: 5,
      height: 9,
      targets: [
        instant({
          refId: 'energy',
          expr: `sort_desc(${inKilowattHours(`sum by (component) (${joules(DOMAINS, LEAVES)})`)})`,
          legend: '{{component}}',
        }),
      ],
    }),
    COMPONENT_COLOURS,
  ),
  table({
    title: 'Workloads',
    description: ofThose('The twenty with the most energy of this machine in the time that is looked at.'),
    unit: UNIT.kilowattHours,
    width: 7,
    height: 9,
    rows: [
      { label: 'namespace', title: 'Namespace' },
      { label: 'workload', title: 'Workload' },
    ],
    order: 'Energy',
    columns: [
      {
        refId: 'kwh',
        title: 'Energy',
        unit: UNIT.kilowattHours,
        expr: `topk(20, ${inKilowattHours(`sum by (namespace, workload) (${joules(WORKLOADS)})`)})`,
      },
      {
        refId: 'joules',
        title: 'In joules',
        unit: UNIT.joules,
        expr: `topk(20, sum by (namespace, workload) (${joules(WORKLOADS)}))`,
      },
    ],
  }),
)

const DOMAIN = 'domain, component'

export const domains = section(
  'Domains: what is measured, within what',
  table({
    title: 'Domains',
    description: ofMachine(
      'Domains nest: a leaf is booked, a domain with others inside is only compared with them. Baseline: what a domain draws with nothing to do, and where that figure is from (configured, calibrated, observed, or a default until one is known). Deficit: how much more its parts were booked than it has seen. Excess: what a counter claimed beyond what is possible, not booked. Gap: time in which nothing is known of it.',
      'as the column says.',
    ),
    unit: UNIT.joules,
    width: 24,
    height: 10,
    rows: [
      { label: 'domain', title: 'Domain' },
      { label: 'component', title: 'Component' },
      { label: 'within', title: 'Within' },
      { label: 'leaf', title: 'Leaf' },
      { label: 'method', title: 'Method' },
      { label: 'source', title: 'Baseline from' },
    ],
    order: 'Energy',
    columns: [
      {
        refId: 'kwh',
        title: 'Energy',
        unit: UNIT.kilowattHours,
        expr: inKilowattHours(`sum by (${DOMAIN}, within, leaf, method) (${joules(DOMAINS)})`),
      },
      {
        refId: 'joules',
        title: 'In joules',
        unit: UNIT.joules,
        expr: `sum by (${DOMAIN}, within, leaf, method) (${joules(DOMAINS)})`,
      },
      {
        refId: 'power',
        title: 'Power now',
        unit: UNIT.watts,
        expr: `sum by (${DOMAIN}, within, leaf, method) (wattribute_domain_power_watts{${ON_NODE}})`,
      },
      {
        refId: 'baseline',
        title: 'Baseline',
        unit: UNIT.watts,
        expr: `sum by (${DOMAIN}, source) (wattribute_domain_baseline_watts{${ON_NODE}})`,
      },
      {
        refId: 'deficit',
        title: 'Deficit',
        unit: UNIT.joules,
        expr: `sum by (${DOMAIN}) (wattribute_domain_deficit_joules{${ON_NODE}})`,
      },
      {
        refId: 'excess',
        title: 'Excess',
        unit: UNIT.joules,
        expr: `sum by (${DOMAIN}) (${joules('wattribute_domain_excess_joules_total')})`,
      },
      {
        refId: 'gap',
        title: 'Gap',
        unit: UNIT.seconds,
        expr: `sum by (${DOMAIN}) (${joules('wattribute_domain_gap_seconds_total')})`,
      },
    ],
  }),
  timeSeries({
    title: 'Roots and leaves',
    description: ofMachine(
      'Roots are what was measured, leaves what was booked. They lie on each other: roots + deficits = leaves.',
    ),
    unit: UNIT.watts,
    width: 12,
    height: 8,
    targets: [
      range({ refId: 'roots', expr: `sum(${watts(DOMAINS, ROOTS)})`, legend: 'roots' }),
      range({ refId: 'leaves', expr: `sum(${watts(DOMAINS, LEAVES)})`, legend: 'leaves' }),
    ],
  }),
  timeSeries({
    title: 'Booked and not shown yet, or no longer shown',
    description: ofMachine(
      'Pending: energy of newborn series, which stand at 0 until two scrapes have seen them, and of what waits for a name. Retired: what expired series held. Deficits: what parts were booked beyond their meter. With these the books of each view are even.',
    ),
    unit: UNIT.joules,
    width: 12,
    height: 8,
    targets: [
      range({
        refId: 'pending',
        expr: `sum by (view) (wattribute_ledger_pending_joules{${ON_NODE}})`,
        legend: 'pending, {{view}}',
      }),
      range({
        refId: 'retired',
        expr: `sum by (view) (wattribute_ledger_retired_joules{${ON_NODE}})`,
        legend: 'retired, {{view}}',
      }),
      range({
        refId: 'deficits',
        expr: `sum(wattribute_domain_deficit_joules{${ON_NODE}})`,
        legend: 'deficits',
      }),
    ],
  }),
)

const HOLDER = 'namespace, workload, uuid'
const ofAccelerators = (part: string): string => `sum by (${HOLDER}) (${joules(HELD, `,part=~"${part}"`)})`

export const accelerators = section(
  'Who holds accelerators, and who leaves them idle',
  table({
    title: 'Accelerators by workload',
    description: ofEnergy(
      'Idle: what an accelerator draws with nothing to do, booked in equal parts to those who hold it. Active: what it draws beyond. A workload with much idle and little active energy holds an accelerator that it does not use.',
      ...ACCELERATOR,
    ),
    unit: UNIT.count,
    width: 16,
    height: 9,
    rows: [
      { label: 'uuid', title: 'Accelerator' },
      { label: 'namespace', title: 'Namespace' },
      { label: 'workload', title: 'Workload' },
    ],
    order: 'Idle share',
    columns: [
      {
        refId: 'share',
        title: 'Idle share',
        unit: UNIT.share,
        decimals: 0,
        expr: `${ofAccelerators('idle')} / (${ofAccelerators('accelerator|idle')} > 0)`,
      },
      {
        refId: 'idle',
        title: 'Idle',
        unit: UNIT.kilowattHours,
        expr: inKilowattHours(ofAccelerators('idle')),
      },
      {
        refId: 'active',
        title: 'Active',
        unit: UNIT.kilowattHours,
        expr: inKilowattHours(ofAccelerators('accelerator')),
      },
      {
        refId: 'joules',
        title: 'Both in joules',
        unit: UNIT.joules,
        expr: ofAccelerators('accelerator|idle'),
      },
      {
        refId: 'power',
        title: 'Power now',
        unit: UNIT.watts,
        expr: `sum by (${HOLDER}) (${watts(HELD)})`,
      },
    ],
  }).overrideByName('Workload', [
    linkTo('Its phases, if it is a run', 'trainingRuns', 'var-workload=${__value.text}'),
  ]),
  table({
    title: 'Accelerators of this machine',
    description: ofEnergy(
      'Which accelerators there are now. The id is that of other exporters, such as dcgm-exporter of NVIDIA.',
      ...ACCELERATOR,
    ),
    unit: UNIT.watts,
    width: 8,
    height: 9,
    rows: [
      { label: 'index', title: 'Index' },
      { label: 'model_name', title: 'Model' },
      { label: 'uuid', title: 'Accelerator' },
    ],
    order: 'Power now',
    columns: [
      {
        refId: 'power',
        title: 'Power now',
        unit: UNIT.watts,
        expr: `sum by (cluster, instance, domain) (wattribute_domain_power_watts{${ON_NODE},component="accelerator"}) * on (cluster, instance, domain) group_right () max by (cluster, instance, domain, index, model_name, uuid) (wattribute_accelerator_info{${ON_NODE}})`,
      },
    ],
  }),
)
