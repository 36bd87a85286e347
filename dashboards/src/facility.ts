/** What does the room add to its machines, and how long does its power last? */
import { COMPONENT_COLOURS, LIMIT_COLOUR } from './colours.ts'
import {
  asLine,
  bars,
  byThresholds,
  colourOf,
  dashed,
  stackedSeries,
  stat,
  thresholds,
  timeSeries,
  withColours,
} from './core-panels.ts'
import { dashboard, linkTo } from './dashboard.ts'
import { collapsedSection, section } from './layout.ts'
import { IN_CLUSTER, inKilowattHours, joulesOfRange } from './promql.ts'
import { table } from './table-panel.ts'
import { instant, range } from './targets.ts'
import { UNIT } from './units.ts'
import { ofEnergy } from './words.ts'

const IN_ZONE = `${IN_CLUSTER},zone=~"$zone"`
const ZONE = 'cluster, zone'

const BOUNDARY = 'facility, as far as meters of the zone reach.'
const METERS = 'meters of the zone, read by one exporter of it.'
const RECORDED = `${METERS} From the recording rules, minute by minute.`
const ofZone = (what: string, method: string = RECORDED): string => ofEnergy(what, BOUNDARY, method)

const TOTAL = `zone:wattribute_facility_total_energy_joules:rate5m{${IN_ZONE}}`
const SOLAR = `zone:wattribute_facility_solar_energy_joules:rate5m{${IN_ZONE}}`
const ROLES = (matchers = ''): string =>
  `zone_role:wattribute_facility_energy_joules:rate5m{${IN_ZONE}${matchers}}`
const PUE = (window: string): string => `zone:wattribute_facility_pue:ratio_rate${window}{${IN_ZONE}}`
const FACTOR = `zone:wattribute_facility_allocation_factor:ratio_rate1h{${IN_ZONE}}`
const NODES_IT = `instance_component:wattribute_domain_energy_joules:rate5m{${IN_ZONE},component=~"accelerator|cpu|memory|board"}`
const AT_BOUNDARY = 'zone_reason:wattribute_facility_unattributed_energy_joules:rate5m'

/** Meters of devices have no zone of their own: that of the exporter that reads them. */
const inTheZone = (expr: string): string =>
  `(${expr})
* on (cluster, job, instance) group_left (zone)
topk by (cluster, job, instance) (1, wattribute_node_info{${IN_ZONE}})`

const device = (metric: string): string => inTheZone(`wattribute_${metric}{${IN_CLUSTER}}`)

const zoneLegend = '{{zone}}'
const deviceLegend = '{{sensor}} {{name}}'

const headline = section(
  'What does the room add to its machines?',
  stat({
    title: 'PUE',
    description: ofZone(
      'Energy of the whole zone by that of its IT, over the last hour (power usage effectiveness, ISO/IEC 30134-2, which over less than a year calls it interim). Behind the zone stands how it is known: measured by meters of both, configured as a constant, or from what its nodes measure.',
      'as it says behind the zone. From the recording rules.',
    ),
    unit: UNIT.number,
    decimals: 2,
    width: 6,
    height: 6,
    targets: [instant({ refId: 'pue', expr: PUE('1h'), legend: '{{zone}} ({{basis}})' })],
  }),
  stat({
    title: 'Energy of the zone',
    description: ofZone('In the time that is looked at, with all that it is used for.'),
    unit: UNIT.kilowattHours,
    width: 6,
    height: 6,
    targets: [
      instant({ refId: 'kwh', expr: `sum(${inKilowattHours(joulesOfRange(TOTAL))})`, legend: 'energy' }),
      instant({ refId: 'joules', expr: `sum(${joulesOfRange(TOTAL)})`, legend: 'in joules' }),
    ],
  }).overrideByName('in joules', [{ id: 'unit', value: UNIT.joules }]),
  stat({
    title: 'Cost in $currency',
    description: ofZone(
      'Energy of the zone times $price_per_kwh $currency a kWh, the price at the head of this dashboard. What the sun gives is not taken off.',
    ),
    unit: UNIT.money,
    decimals: 2,
    width: 4,
    height: 6,
    targets: [
      instant({
        refId: 'cost',
        expr: `sum(${inKilowattHours(joulesOfRange(TOTAL))} * $price_per_kwh)`,
      }),
    ],
  }),
  stat({
    title: 'Allocation factor',
    description: ofZone(
      'By what the energy of a node is multiplied to come to that of the facility, over the last hour: (total - what nodes have booked as overhead themselves) by the larger of metered IT and what nodes measure. Handing overhead on in proportion is a convention.',
    ),
    unit: UNIT.number,
    decimals: 3,
    width: 4,
    height: 6,
    targets: [instant({ refId: 'factor', expr: FACTOR, legend: '{{zone}} ({{basis}})' })],
  }),
  stat({
    title: 'Uncovered IT',
    description: ofZone(
      'Share of the metered IT that no exporter measures, now: machines without one. It is part of the energy of the zone, and of no workload.',
    ),
    unit: UNIT.share,
    decimals: 1,
    width: 4,
    height: 6,
    targets: [
      instant({
        refId: 'uncovered',
        expr: `clamp_min(1 - (sum by (${ZONE}) (${NODES_IT}) / on (${ZONE}) (sum by (${ZONE}) (${ROLES(',role="it"')}) > 0)), 0)`,
        legend: zoneLegend,
      }),
    ],
  }),
)

const ROLE_COLOURS = {
  it: COMPONENT_COLOURS.accelerator,
  cooling: COMPONENT_COLOURS.cooling,
  power: COMPONENT_COLOURS.power,
  network: COMPONENT_COLOURS.network,
}

const draws = section(
  'IT, cooling, losses and network',
  withColours(
    stackedSeries({
      title: 'Power by role',
      description: ofZone(
        'it: computers, with an exporter or not. cooling: chillers, coolant units, air handlers. power: what is lost on the way. network: switches. The line is the meter of the whole; a gap below it is what no meter has.',
      ),
      unit: UNIT.watts,
      width: 12,
      height: 9,
      targets: [
        range({ refId: 'roles', expr: `sum by (role) (${ROLES()})`, legend: '{{role}}' }),
        range({ refId: 'total', expr: `sum(${TOTAL})`, legend: 'total' }),
      ],
    }),
    ROLE_COLOURS,
  ).overrideByName('total', [...asLine, colourOf(LIMIT_COLOUR)]),
  table({
    title: 'Energy by role',
    description: ofZone('In the time that is looked at. A role without a row has no meter.'),
    unit: UNIT.kilowattHours,
    width: 6,
    height: 9,
    rows: [
      { label: 'zone', title: 'Zone' },
      { label: 'role', title: 'Role' },
    ],
    order: 'Energy',
    columns: [
      {
        refId: 'kwh',
        title: 'Energy',
        unit: UNIT.kilowattHours,
        expr: `sum by (zone, role) (${inKilowattHours(joulesOfRange(ROLES()))})`,
      },
      {
        refId: 'joules',
        title: 'In joules',
        unit: UNIT.joules,
        expr: `sum by (zone, role) (${joulesOfRange(ROLES())})`,
      },
    ],
  }),
  bars({
    title: 'Power by meter',
    description: ofZone(
      'Mean power of each meter over its newest reading; the twenty with the most. Meters of the whole and of the sun are among them: they do not add up.',
      METERS,
    ),
    unit: UNIT.watts,
    width: 6,
    height: 9,
    targets: [
      instant({
        refId: 'meters',
        expr: `topk(20, max by (zone, role, meter) (wattribute_facility_power_watts{${IN_ZONE}}))`,
        legend: '{{meter}} ({{role}})',
      }),
    ],
  }),
  timeSeries({
    title: 'PUE over time',
    description: ofZone(
      'Over five minutes, an hour and a day: cooling follows the weather, so a day says more than five minutes.',
    ),
    unit: UNIT.number,
    decimals: 2,
    width: 12,
    height: 8,
    targets: [
      range({ refId: 'minutes', expr: PUE('5m'), legend: '{{zone}} 5 min ({{basis}})' }),
      range({ refId: 'hour', expr: PUE('1h'), legend: '{{zone}} 1 h ({{basis}})' }),
      range({ refId: 'day', expr: PUE('1d'), legend: '{{zone}} 1 d ({{basis}})' }),
    ],
  }),
  timeSeries({
    title: 'IT as metered, and as nodes measure it',
    description: ofEnergy(
      'Where the meter of IT lies above, machines without an exporter stand there; where it lies below, nodes stand outside of the meter.',
      'information technology: accelerators, processors, memory and board.',
      RECORDED,
    ),
    unit: UNIT.watts,
    width: 12,
    height: 8,
    targets: [
      range({
        refId: 'metered',
        expr: `sum by (${ZONE}) (${ROLES(',role="it"')})`,
        legend: '{{zone}} metered',
      }),
      range({ refId: 'nodes', expr: `sum by (${ZONE}) (${NODES_IT})`, legend: '{{zone}} by nodes' }),
    ],
  }),
)

/** A device may say what it carries and let it be computed as well: once is enough. */
const HEAT = `wattribute_heat_removed_watts{${IN_CLUSTER},name!~".* computed"}
or on (cluster, job, instance, sensor)
wattribute_heat_removed_watts{${IN_CLUSTER},name=~".* computed"}`

const cooling = section(
  'Cooling',
  stat({
    title: 'Coefficient of performance',
    description: ofZone(
      'Heat that coolant carries away by the power of cooling, now: how many watts one watt of cooling removes. Only where both are measured. What a device says itself goes before what is computed of flow and temperatures.',
    ),
    unit: UNIT.number,
    decimals: 1,
    width: 6,
    height: 8,
    targets: [
      instant({
        refId: 'cop',
        expr: `sum by (${ZONE}) (${inTheZone(HEAT)})
/ on (${ZONE})
(sum by (${ZONE}) (${ROLES(',role="cooling"')}) > 0)`,
        legend: zoneLegend,
      }),
    ],
  }),
  timeSeries({
    title: 'Heat removed, and power of cooling',
    description: ofZone(
      'Heat as devices say or, with "computed" in the name, from flow, coolant and temperatures; beside it what all meters of cooling show.',
    ),
    unit: UNIT.watts,
    width: 9,
    height: 8,
    targets: [
      range({ refId: 'heat', expr: device('heat_removed_watts'), legend: `heat: ${deviceLegend}` }),
      range({
        refId: 'cooling',
        expr: `sum by (${ZONE}) (${ROLES(',role="cooling"')})`,
        legend: 'power of cooling: {{zone}}',
      }),
    ],
  }),
  timeSeries({
    title: 'Temperatures',
    description: 'Of devices that exporters of the zone read.',
    unit: UNIT.celsius,
    width: 9,
    height: 8,
    targets: [range({ refId: 'temperature', expr: device('temperature_celsius'), legend: deviceLegend })],
  }),
  timeSeries({
    title: 'Fans and pumps',
    description: 'Revolutions per minute of devices that exporters of the zone read.',
    unit: UNIT.revolutionsPerMinute,
    width: 12,
    height: 7,
    targets: [
      range({ refId: 'fans', expr: device('fan_speed_rpm'), legend: deviceLegend }),
      range({ refId: 'pumps', expr: device('pump_speed_rpm'), legend: deviceLegend }),
    ],
  }),
  timeSeries({
    title: 'Power at the boundary of the facility that belongs to no workload',
    description: ofZone(
      'By reason; uncovered_it: machines without an exporter.',
      'what is left when all workloads have theirs, with its part of what the zone uses beside its machines. From the recording rules.',
    ),
    unit: UNIT.watts,
    width: 12,
    height: 7,
    targets: [
      range({
        refId: 'nobody',
        expr: `sum by (reason) (${AT_BOUNDARY}{${IN_ZONE}})`,
        legend: '{{reason}}',
      }),
    ],
  }),
)

const demand = (figure: string): string => device(`demand_${figure}_watts`)

const demandSection = section(
  'Demand: what the utility bills by its highest block',
  timeSeries({
    title: 'Demand',
    description: ofEnergy(
      'Mean power of the running block so far, of the one before it, and what the running one will come to if the power of the last minutes goes on; the peak since the billing day, and the limit. For meters with a demand in the configuration.',
      'what the meter sees.',
      'mean power over blocks that are aligned to the clock.',
    ),
    unit: UNIT.watts,
    width: 16,
    height: 9,
    targets: [
      range({ refId: 'current', expr: demand('current'), legend: '{{instance}} {{meter}} so far' }),
      range({ refId: 'projected', expr: demand('projected'), legend: '{{instance}} {{meter}} projected' }),
      range({ refId: 'last', expr: demand('last_block'), legend: '{{instance}} {{meter}} block before' }),
      range({ refId: 'peak', expr: demand('peak'), legend: '{{instance}} {{meter}} peak' }),
      range({ refId: 'limit', expr: demand('limit'), legend: '{{instance}} {{meter}} limit' }),
    ],
  }).overrideByRegexp('.* limit$', [colourOf(LIMIT_COLOUR), dashed]),
  stat({
    title: 'Projected, of the limit',
    description: 'What the running block will come to, by its limit: above 100 % it will exceed it.',
    unit: UNIT.share,
    decimals: 0,
    width: 4,
    height: 9,
    targets: [
      instant({
        refId: 'of_limit',
        expr: `(${demand('projected')})
/ on (cluster, job, instance, meter)
((${demand('limit')}) > 0)`,
        legend: '{{instance}} {{meter}}',
      }),
    ],
  })
    .thresholds(
      thresholds(
        { value: null, color: 'green' },
        { value: 0.9, color: 'orange' },
        { value: 1, color: LIMIT_COLOUR },
      ),
    )
    .colorScheme(byThresholds()),
  stat({
    title: 'Peak',
    description: ofEnergy(
      'Highest mean power of a block since the billing day.',
      'what the meter sees.',
      'mean power over blocks that are aligned to the clock.',
    ),
    unit: UNIT.watts,
    width: 4,
    height: 9,
    targets: [instant({ refId: 'peak', expr: demand('peak'), legend: '{{instance}} {{meter}}' })],
  }),
)

const charge = thresholds(
  { value: null, color: LIMIT_COLOUR },
  { value: 0.2, color: 'orange' },
  { value: 0.5, color: 'green' },
)

const withoutSun = `60 * sum_over_time(clamp_min(${TOTAL} - on (${ZONE}) ${SOLAR}, 0)[$__range:1m])`

const power = section(
  'Battery and sun',
  stat({
    title: 'Charge',
    description: 'Charge of each battery, as its device says.',
    unit: UNIT.share,
    decimals: 0,
    width: 4,
    height: 6,
    targets: [instant({ refId: 'charge', expr: device('battery_charge_ratio'), legend: deviceLegend })],
  })
    .thresholds(charge)
    .colorScheme(byThresholds()),
  stat({
    title: 'Lasts for',
    description: 'How long a battery lasts at the present load, as its device says.',
    unit: UNIT.seconds,
    width: 4,
    height: 6,
    targets: [instant({ refId: 'runtime', expr: device('battery_runtime_seconds'), legend: deviceLegend })],
  }),
  stat({
    title: 'On battery',
    description:
      'Whether a UPS lives on its battery (1) or on its input (0). A site without a grid has no such figure: it lives on its battery always, and only the charge counts.',
    unit: UNIT.number,
    decimals: 0,
    width: 4,
    height: 6,
    targets: [instant({ refId: 'on_battery', expr: device('ups_on_battery'), legend: deviceLegend })],
  })
    .thresholds(thresholds({ value: null, color: 'green' }, { value: 1, color: LIMIT_COLOUR }))
    .colorScheme(byThresholds()),
  stat({
    title: 'Load of the UPS',
    description: 'Of what it can give, as it says.',
    unit: UNIT.share,
    decimals: 0,
    width: 4,
    height: 6,
    targets: [instant({ refId: 'load', expr: device('ups_load_ratio'), legend: deviceLegend })],
  })
    .thresholds(
      thresholds(
        { value: null, color: 'green' },
        { value: 0.8, color: 'orange' },
        { value: 1, color: LIMIT_COLOUR },
      ),
    )
    .colorScheme(byThresholds()),
  stat({
    title: "The sun's share",
    description: ofZone(
      'What the sun has given, of what the zone has used in the time that is looked at. Above 100 % the rest went into a battery or the grid.',
      'the meter of the inverter, and that of the whole. From the recording rules, minute by minute.',
    ),
    unit: UNIT.share,
    decimals: 0,
    width: 4,
    height: 6,
    targets: [
      instant({
        refId: 'solar',
        expr: `sum by (${ZONE}) (${joulesOfRange(SOLAR)}) / on (${ZONE}) (sum by (${ZONE}) (${joulesOfRange(TOTAL)}) > 0)`,
        legend: zoneLegend,
      }),
    ],
  }),
  stat({
    title: 'Without sun',
    description: ofZone(
      'Energy that came from a battery or the grid: in minutes in which the sun gave less than the zone used, the difference.',
    ),
    unit: UNIT.kilowattHours,
    width: 4,
    height: 6,
    targets: [
      instant({
        refId: 'kwh',
        expr: `sum(${inKilowattHours(withoutSun)})`,
        legend: 'energy',
      }),
      instant({ refId: 'joules', expr: `sum(${withoutSun})`, legend: 'in joules' }),
    ],
  }).overrideByName('in joules', [{ id: 'unit', value: UNIT.joules }]),
  timeSeries({
    title: 'Sun and use',
    description: ofZone(
      'What the sun gives, beside what the zone uses. Where the sun lies above, the rest goes into a battery or the grid.',
    ),
    unit: UNIT.watts,
    width: 12,
    height: 8,
    targets: [
      range({ refId: 'solar', expr: `sum by (${ZONE}) (${SOLAR})`, legend: '{{zone}} sun' }),
      range({ refId: 'total', expr: `sum by (${ZONE}) (${TOTAL})`, legend: '{{zone}} use' }),
    ],
  }),
  timeSeries({
    title: 'Charge of batteries, and load of UPSs',
    description:
      'As their devices say. A site without a grid keeps a reserve: 30 % is where its optional alert begins.',
    unit: UNIT.share,
    width: 12,
    height: 8,
    targets: [
      range({ refId: 'charge', expr: device('battery_charge_ratio'), legend: `charge: ${deviceLegend}` }),
      range({ refId: 'load', expr: device('ups_load_ratio'), legend: `load: ${deviceLegend}` }),
    ],
  }),
)

const nodes = collapsedSection(
  'Machines at the boundary of the facility',
  table({
    title: 'Machines',
    description: ofZone(
      'The hundred with the most: mean power over the last hour, their own and with their part of what the zone uses beside its machines.',
      'what nodes measure, times the allocation factor. From the recording rules.',
    ),
    unit: UNIT.watts,
    width: 24,
    height: 10,
    rows: [
      { label: 'cluster', title: 'Cluster' },
      { label: 'zone', title: 'Zone' },
      { label: 'instance', title: 'Node' },
    ],
    order: 'With the facility',
    columns: [
      {
        refId: 'facility',
        title: 'With the facility',
        unit: UNIT.watts,
        expr: `topk(100, sum by (cluster, zone, instance) (instance:wattribute_facility_energy_joules:rate1h{${IN_ZONE}}))`,
      },
      {
        refId: 'own',
        title: 'Its own',
        unit: UNIT.watts,
        expr: `topk(100, sum by (cluster, zone, instance) (instance_component:wattribute_domain_energy_joules:rate1h{${IN_ZONE}}))`,
      },
    ],
  }).overrideByName('Node', [linkTo('This node', 'node', 'var-node=${__value.text}')]),
)

export const facility = () =>
  dashboard({
    name: 'facility',
    question: 'What does the room add to its machines, and how long does its power last?',
    variables: ['cluster', 'zone', 'pricePerKwh', 'currency'],
    from: 'now-24h',
    sections: [headline, draws, cooling, demandSection, power, nodes],
  })
