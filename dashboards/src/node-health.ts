/** What of a machine is not known, why, and what watching it costs. */
import { LIMIT_COLOUR } from './colours.ts'
import { byThresholds, heatmap, stackedSeries, stat, thresholds, timeSeries } from './core-panels.ts'
import { collapsedSection, section } from './layout.ts'
import { joules, ofMachine, ofThose, watts } from './node-energy.ts'
import { inKilowattHours, ON_NODE } from './promql.ts'
import { table } from './table-panel.ts'
import { instant, range, rangeHeatmap } from './targets.ts'
import { UNIT } from './units.ts'

const NOBODY = 'wattribute_unattributed_energy_joules_total'
const WORKLOADS = 'wattribute_workload_energy_joules_total'
const PROCESSES = 'wattribute_process_energy_joules_total'

export const nobody = section(
  'What belongs to nobody, and what is not measured',
  stackedSeries({
    title: 'Power that belongs to no workload, by reason',
    description: ofMachine(
      'idle: nobody holds what is idle. no_activity: nobody was busy. unresolved_pid, unreadable: somebody was, and the exporter may not see who. gap, warming_up, exporter_down: nobody watched.',
      'what is left when all workloads have theirs.',
    ),
    unit: UNIT.watts,
    width: 9,
    height: 9,
    targets: [range({ refId: 'power', expr: `sum by (reason) (${watts(NOBODY)})`, legend: '{{reason}}' })],
  }),
  table({
    title: 'By reason, part and method',
    description: ofMachine(
      'Energy of this machine that belongs to no workload, in the time that is looked at.',
      'as the column says.',
    ),
    unit: UNIT.kilowattHours,
    width: 9,
    height: 9,
    rows: [
      { label: 'reason', title: 'Reason' },
      { label: 'component', title: 'Component' },
      { label: 'part', title: 'Part' },
      { label: 'method', title: 'Method' },
    ],
    order: 'Energy',
    columns: [
      {
        refId: 'kwh',
        title: 'Energy',
        unit: UNIT.kilowattHours,
        expr: inKilowattHours(`sum by (reason, component, part, method) (${joules(NOBODY)})`),
      },
      {
        refId: 'joules',
        title: 'In joules',
        unit: UNIT.joules,
        expr: `sum by (reason, component, part, method) (${joules(NOBODY)})`,
      },
    ],
  }),
  table({
    title: 'Components',
    description:
      'How well each component is known. measured: by a sensor. estimated: by a model. absent: not known at all, and in no figure here. unreadable: there is a sensor that may not be read; the sensors below say why.',
    unit: UNIT.count,
    width: 6,
    height: 9,
    rows: [
      { label: 'component', title: 'Component' },
      { label: 'state', title: 'State' },
    ],
    order: 'State',
    columns: [
      {
        refId: 'state',
        title: 'Is so',
        unit: UNIT.count,
        expr: `max by (component, state) (wattribute_component_state{${ON_NODE}} == 1)`,
      },
    ],
  }),
)

export const sensors = section(
  "Sensors' health",
  table({
    title: 'Sensors',
    description:
      'Every sensor with its state and, where it gives nothing, the reason; `wattribute doctor` says what to do about each. Up: 1 if it answers; empty if it is neither configured nor was ever seen.',
    unit: UNIT.count,
    width: 16,
    height: 10,
    rows: [
      { label: 'sensor', title: 'Sensor' },
      { label: 'state', title: 'State' },
      { label: 'reason', title: 'Reason' },
    ],
    order: 'Failures',
    columns: [
      {
        refId: 'info',
        title: 'Seen',
        unit: UNIT.count,
        expr: `max by (sensor, state, reason) (wattribute_sensor_info{${ON_NODE}})`,
      },
      {
        refId: 'up',
        title: 'Up',
        unit: UNIT.count,
        expr: `min by (sensor) (wattribute_sensor_up{${ON_NODE}})`,
      },
      {
        refId: 'age',
        title: 'Newest reading ago',
        unit: UNIT.seconds,
        expr: `max by (sensor) (time() - wattribute_sensor_last_reading_timestamp_seconds{${ON_NODE}})`,
      },
      {
        refId: 'failures',
        title: 'Failures',
        unit: UNIT.count,
        expr: `sum by (sensor) (${joules('wattribute_sensor_failures_total')})`,
      },
      {
        refId: 'duration',
        title: 'Newest look took',
        unit: UNIT.seconds,
        expr: `max by (sensor) (wattribute_sensor_read_duration_seconds{${ON_NODE}})`,
      },
    ],
  }),
  table({
    title: 'Meters of devices',
    description:
      'What each meter covers (this machine, or a zone in a role), how its energy is known, and where in its device it is found. Only with meters that are set up.',
    unit: UNIT.count,
    width: 8,
    height: 10,
    rows: [
      { label: 'meter', title: 'Meter' },
      { label: 'covers', title: 'Covers' },
      { label: 'component', title: 'Component' },
      { label: 'role', title: 'Role' },
      { label: 'method', title: 'Method' },
      { label: 'source', title: 'Source' },
    ],
    order: 'Meter',
    columns: [
      {
        refId: 'info',
        title: 'Set up',
        unit: UNIT.count,
        expr: `max by (meter, covers, component, role, method, source) (wattribute_meter_info{${ON_NODE}})`,
      },
    ],
  }),
)

const OF_DEVICE = 'sensor, name'

export const climate = collapsedSection(
  'Temperatures and fans',
  timeSeries({
    title: 'Temperatures',
    description: 'As devices of this machine say. Nothing is shown where no device does.',
    unit: UNIT.celsius,
    width: 12,
    height: 8,
    targets: [
      range({
        refId: 'temperature',
        expr: `max by (${OF_DEVICE}) (wattribute_temperature_celsius{${ON_NODE}})`,
        legend: '{{sensor}} {{name}}',
      }),
    ],
  }),
  timeSeries({
    title: 'Fans and pumps',
    description:
      'Revolutions per minute, as devices of this machine say. Nothing is shown where no device does.',
    unit: UNIT.revolutionsPerMinute,
    width: 12,
    height: 8,
    targets: [
      range({
        refId: 'fans',
        expr: `max by (${OF_DEVICE}) (wattribute_fan_speed_rpm{${ON_NODE}})`,
        legend: '{{sensor}} {{name}}',
      }),
      range({
        refId: 'pumps',
        expr: `max by (${OF_DEVICE}) (wattribute_pump_speed_rpm{${ON_NODE}})`,
        legend: '{{sensor}} {{name}}',
      }),
    ],
  }),
)

const ofProcess = 'pid, comm, namespace, workload'

export const processes = collapsedSection(
  'Processes and containers',
  table({
    title: 'Processes',
    description: ofThose(
      'The fifty with the most energy in the time that is looked at; "other" are the rest, "exited" those that ended. Only where the process view is on.',
    ),
    unit: UNIT.kilowattHours,
    width: 12,
    height: 10,
    rows: [
      { label: 'comm', title: 'Process' },
      { label: 'pid', title: 'PID' },
      { label: 'namespace', title: 'Namespace' },
      { label: 'workload', title: 'Workload' },
    ],
    order: 'Energy',
    columns: [
      {
        refId: 'kwh',
        title: 'Energy',
        unit: UNIT.kilowattHours,
        expr: `topk(50, ${inKilowattHours(`sum by (${ofProcess}) (${joules(PROCESSES)})`)})`,
      },
      {
        refId: 'joules',
        title: 'In joules',
        unit: UNIT.joules,
        expr: `topk(50, sum by (${ofProcess}) (${joules(PROCESSES)}))`,
      },
    ],
  }),
  table({
    title: 'Containers',
    description: ofThose(
      'The fifty with the most energy in the time that is looked at; runtime "host" is what runs outside of containers.',
    ),
    unit: UNIT.kilowattHours,
    width: 12,
    height: 10,
    rows: [
      { label: 'runtime', title: 'Runtime' },
      { label: 'pod', title: 'Pod' },
      { label: 'container', title: 'Container' },
      { label: 'workload', title: 'Workload' },
    ],
    order: 'Energy',
    columns: [
      {
        refId: 'kwh',
        title: 'Energy',
        unit: UNIT.kilowattHours,
        expr: `topk(50, ${inKilowattHours(`sum by (runtime, pod, container, workload) (${joules('wattribute_container_energy_joules_total')})`)})`,
      },
      {
        refId: 'joules',
        title: 'In joules',
        unit: UNIT.joules,
        expr: `topk(50, sum by (runtime, pod, container, workload) (${joules('wattribute_container_energy_joules_total')}))`,
      },
    ],
  }),
  stackedSeries({
    title: 'Power by workload',
    description: ofThose('Of the ten workloads that have the most at each instant.'),
    unit: UNIT.watts,
    width: 24,
    height: 8,
    targets: [
      range({
        refId: 'power',
        expr: `topk(10, sum by (namespace, workload) (${watts(WORKLOADS)}))`,
        legend: '{{namespace}} {{workload}}',
      }),
    ],
  }),
)

/** Others on the same machine have metrics of these names, too. */
const ownOnly = (expr: string): string =>
  `${expr} and on (cluster, job, instance) wattribute_build_info{${ON_NODE}}`
const quantileOfTicks = (quantile: number): string =>
  `histogram_quantile(${quantile}, sum by (le) (rate(wattribute_tick_duration_seconds_bucket{${ON_NODE}}[$__rate_interval])))`

export const ownCost = collapsedSection(
  'What watching costs',
  timeSeries({
    title: 'How long a tick takes',
    description: 'Read, attribute, book and render, as the exporter counts it.',
    unit: UNIT.seconds,
    width: 8,
    height: 8,
    targets: [
      range({ refId: 'median', expr: quantileOfTicks(0.5), legend: 'median' }),
      range({ refId: 'p99', expr: quantileOfTicks(0.99), legend: '99th percentile' }),
      range({
        refId: 'mean',
        expr: `sum(${watts('wattribute_tick_duration_seconds_sum')}) / sum(${watts('wattribute_tick_duration_seconds_count')})`,
        legend: 'mean',
      }),
    ],
  }),
  timeSeries({
    title: 'CPU of the exporter',
    description: 'Seconds of CPU time a second: 1 % is a hundredth of one logical CPU.',
    unit: UNIT.share,
    width: 8,
    height: 8,
    targets: [
      range({
        refId: 'cpu',
        expr: `sum(${ownOnly(watts('process_cpu_seconds_total'))})`,
        legend: 'CPU',
      }),
    ],
  }),
  timeSeries({
    title: 'Memory of the exporter',
    description: 'Resident memory.',
    unit: UNIT.bytes,
    width: 8,
    height: 8,
    targets: [
      range({
        refId: 'memory',
        expr: `sum(${ownOnly(`process_resident_memory_bytes{${ON_NODE}}`)})`,
        legend: 'resident',
      }),
    ],
  }),
  stat({
    title: 'Age of the page',
    description:
      'Time since the tick that the page shows, at the end of the time that is looked at, the time since the newest scrape included.',
    unit: UNIT.seconds,
    width: 4,
    height: 6,
    targets: [
      instant({ refId: 'age', expr: `max(time() - wattribute_last_tick_timestamp_seconds{${ON_NODE}})` }),
    ],
  }),
  stat({
    title: 'Processes seen',
    description: 'In the newest tick.',
    unit: UNIT.count,
    width: 4,
    height: 6,
    targets: [instant({ refId: 'seen', expr: `sum(wattribute_processes{${ON_NODE}})` })],
  }),
  stat({
    title: 'Processes unreadable',
    description:
      'Processes that are there and may not be read; their CPU time stays with their control group or belongs to nobody.',
    unit: UNIT.count,
    width: 4,
    height: 6,
    targets: [instant({ refId: 'unreadable', expr: `sum(wattribute_processes_unreadable{${ON_NODE}})` })],
  })
    .thresholds(thresholds({ value: null, color: 'green' }, { value: 1, color: LIMIT_COLOUR }))
    .colorScheme(byThresholds()),
  stat({
    title: 'Series dropped',
    description:
      'Series that the limit on series kept from being opened in the time that is looked at; what belongs to them is in the series other.',
    unit: UNIT.count,
    width: 4,
    height: 6,
    targets: [instant({ refId: 'dropped', expr: `sum(${joules('wattribute_series_dropped_total')})` })],
  })
    .thresholds(thresholds({ value: null, color: 'green' }, { value: 1, color: LIMIT_COLOUR }))
    .colorScheme(byThresholds()),
  stat({
    title: 'Engine restarts',
    description:
      'How often the engine was started anew because it gave no page in time, in the time that is looked at.',
    unit: UNIT.count,
    width: 4,
    height: 6,
    targets: [instant({ refId: 'restarts', expr: `sum(${joules('wattribute_engine_restarts_total')})` })],
  })
    .thresholds(thresholds({ value: null, color: 'green' }, { value: 1, color: LIMIT_COLOUR }))
    .colorScheme(byThresholds()),
  stat({
    title: 'Configuration in force',
    description:
      '1: the newest attempt to load the configuration succeeded. 0: it was refused, and the one before is in force.',
    unit: UNIT.number,
    width: 4,
    height: 6,
    targets: [
      instant({ refId: 'config', expr: `min(wattribute_config_last_reload_successful{${ON_NODE}})` }),
    ],
  })
    .thresholds(thresholds({ value: null, color: LIMIT_COLOUR }, { value: 1, color: 'green' }))
    .colorScheme(byThresholds()),
  heatmap({
    title: 'Ticks by duration',
    description: 'How many ticks took how long, in the classes of the histogram.',
    unit: UNIT.seconds,
    width: 24,
    height: 8,
    targets: [
      rangeHeatmap({
        refId: 'ticks',
        expr: `sum by (le) (increase(wattribute_tick_duration_seconds_bucket{${ON_NODE}}[$__rate_interval]))`,
        legend: '{{le}}',
      }),
    ],
  }),
)
