/** Every metric: its name, type, unit, help and labels. The one source of the pages and of `docs/metrics.md`. */
import { ACCELERATOR_VIEW_LABELS, VIEW_LABELS } from '../ledger/ledger.ts'

export interface Metric {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** As OpenMetrics spells it; empty where the value has none. */
  readonly unit: 'joules' | 'watts' | 'seconds' | 'ratio' | 'celsius' | ''
  readonly help: string
  readonly labels: readonly string[]
}

const PREFIX = 'wattribute_'

const metric =
  (type: Metric['type']) =>
  (name: string, unit: Metric['unit'], labels: readonly string[], help: string): Metric => ({
    name: PREFIX + name,
    type,
    unit,
    help,
    labels,
  })
const counter = metric('counter')
const gauge = metric('gauge')
const histogram = metric('histogram')

const DOMAIN_LABELS = ['domain', 'component', 'within', 'leaf', 'method']
const BUDGET_LABELS = ['budget', 'period', 'scope']
const PHASE_LABELS = ['workload', 'namespace', 'phase']
const FACILITY_LABELS = ['zone', 'role', 'meter']
const THING_LABELS = ['sensor', 'name']
const QUERY_LABELS = ['workload', 'namespace', 'model', 'variant', 'server', 'source', 'method']
const CLASS_LABELS = ['component', 'part', 'method']

export const catalogue = {
  domainEnergy: counter(
    'domain_energy_joules_total',
    'joules',
    DOMAIN_LABELS,
    'Energy of a domain. Domains nest: sum those with within empty for all that was measured, or those with leaf true for all that was booked.',
  ),
  domainPower: gauge(
    'domain_power_watts',
    'watts',
    DOMAIN_LABELS,
    'Mean power of a domain over its newest reading.',
  ),
  domainBaseline: gauge(
    'domain_baseline_watts',
    'watts',
    ['domain', 'component', 'source'],
    'Power that a domain draws with nothing to do, and where that figure comes from.',
  ),
  domainDeficit: gauge(
    'domain_deficit_joules',
    'joules',
    ['domain', 'component'],
    'How much more the parts of an enclosing domain were booked than it has seen itself so far.',
  ),
  domainExcess: counter(
    'domain_excess_joules_total',
    'joules',
    ['domain', 'component'],
    'Energy that a counter claimed beyond the physical maximum of its domain; not booked.',
  ),
  domainGap: counter(
    'domain_gap_seconds_total',
    'seconds',
    ['domain', 'component'],
    'Time in which nothing is known of a domain between two of its readings.',
  ),
  sensorUp: gauge(
    'sensor_up',
    '',
    ['sensor'],
    'Whether a sensor that is configured or was seen once answers (1) or not (0).',
  ),
  sensorInfo: gauge(
    'sensor_info',
    '',
    ['sensor', 'state', 'reason'],
    'Every sensor with its state and, where it gives nothing, the reason. Always 1.',
  ),
  sensorReadDuration: gauge(
    'sensor_read_duration_seconds',
    'seconds',
    ['sensor'],
    'How long the newest look at a sensor took.',
  ),
  sensorLastReading: gauge(
    'sensor_last_reading_timestamp_seconds',
    'seconds',
    ['sensor'],
    'Unix time of the newest reading of a sensor.',
  ),
  sensorFailures: counter('sensor_failures_total', '', ['sensor'], 'Looks at a sensor that failed.'),
  sensorTls: gauge(
    'sensor_tls_verified',
    '',
    ['sensor'],
    'Whether the certificate of a device is verified (1) or any is believed, as configured (0).',
  ),
  meterInfo: gauge(
    'meter_info',
    '',
    ['sensor', 'meter', 'covers', 'component', 'zone', 'role', 'method', 'source'],
    'A meter of a device: what it covers, how its energy is known and where in the device it is found. Always 1.',
  ),
  componentState: gauge(
    'component_state',
    '',
    ['component', 'state'],
    'How well a component is known on this machine: 1 for its state, 0 for the others.',
  ),
  workloadEnergy: counter(
    'workload_energy_joules_total',
    'joules',
    [...VIEW_LABELS.workload, ...CLASS_LABELS],
    'Energy booked to a workload.',
  ),
  containerEnergy: counter(
    'container_energy_joules_total',
    'joules',
    [...VIEW_LABELS.container, ...CLASS_LABELS],
    'Energy booked to a container, or to what runs on the host outside containers (runtime host).',
  ),
  processEnergy: counter(
    'process_energy_joules_total',
    'joules',
    [...VIEW_LABELS.process, 'component', 'part'],
    'Energy booked to a process: the ones that use the most, the others as one, and what processes used before they exited.',
  ),
  workloadAcceleratorEnergy: counter(
    'workload_accelerator_energy_joules_total',
    'joules',
    [...ACCELERATOR_VIEW_LABELS, 'part'],
    'Energy of single accelerators booked to a workload: what the family by workload has for component accelerator, board by board.',
  ),
  unattributedEnergy: counter(
    'unattributed_energy_joules_total',
    'joules',
    ['component', 'part', 'method', 'reason'],
    'Energy that was measured and belongs to no consumer, with the reason.',
  ),
  containerInfo: gauge(
    'container_info',
    '',
    ['container_id', 'container', 'pod', 'namespace', 'pod_uid', 'image', 'runtime'],
    'What is known of a container that is there now. Always 1.',
  ),
  acceleratorInfo: gauge(
    'accelerator_info',
    '',
    ['domain', 'uuid', 'index', 'model_name', 'pci_bus_id', 'vendor'],
    'What is known of an accelerator that is there now. Always 1.',
  ),
  workloadInfo: gauge(
    'workload_info',
    '',
    ['workload', 'namespace', 'kind', 'manager', 'user', 'account'],
    'What is known of a workload that is there now. Always 1.',
  ),
  ledgerPending: gauge(
    'ledger_pending_joules',
    'joules',
    ['view', 'component'],
    'Energy that is booked and not shown yet: newborn series stand at 0 until two scrapes have seen them.',
  ),
  ledgerRetired: gauge(
    'ledger_retired_joules',
    'joules',
    ['view', 'component'],
    'Energy of series that are no longer shown.',
  ),
  conservationError: gauge(
    'conservation_error_joules',
    'joules',
    ['component'],
    'Difference between the readings and this page. Must be 0.',
  ),
  facilityEnergy: counter(
    'facility_energy_joules_total',
    'joules',
    FACILITY_LABELS,
    'Energy that a meter of a zone has counted, for what the zone uses it. It is booked to nobody.',
  ),
  facilityTotalEnergy: counter(
    'facility_total_energy_joules_total',
    'joules',
    ['zone', 'meter'],
    'Energy of a whole zone, with all that it is used for.',
  ),
  facilitySolarEnergy: counter(
    'facility_solar_energy_joules_total',
    'joules',
    ['zone', 'meter'],
    'Energy that the sun has given a zone, measured at its inverter. Over the energy of the zone it is the renewable share.',
  ),
  facilityPower: gauge(
    'facility_power_watts',
    'watts',
    FACILITY_LABELS,
    'Mean power of a meter of a zone over its newest reading.',
  ),
  facilityPue: gauge(
    'facility_pue_ratio',
    'ratio',
    ['zone', 'basis'],
    'Energy of a whole zone per energy of its IT (power usage effectiveness, ISO/IEC 30134-2), as configured.',
  ),
  batteryCharge: gauge('battery_charge_ratio', 'ratio', THING_LABELS, 'Charge of a battery, 0 to 1.'),
  batteryRuntime: gauge(
    'battery_runtime_seconds',
    'seconds',
    THING_LABELS,
    'How long a battery lasts at the present load.',
  ),
  upsLoad: gauge('ups_load_ratio', 'ratio', THING_LABELS, 'Load of a UPS or inverter, of what it can give.'),
  upsOnBattery: gauge(
    'ups_on_battery',
    '',
    THING_LABELS,
    'Whether a UPS lives on its battery (1) or on its input (0).',
  ),
  temperature: gauge('temperature_celsius', 'celsius', THING_LABELS, 'Temperature that a device measures.'),
  fanSpeed: gauge('fan_speed_rpm', '', THING_LABELS, 'Revolutions per minute of a fan.'),
  pumpSpeed: gauge('pump_speed_rpm', '', THING_LABELS, 'Revolutions per minute of a coolant pump.'),
  heatRemoved: gauge(
    'heat_removed_watts',
    'watts',
    THING_LABELS,
    'Heat that coolant carries away: as the device says, or computed from its flow and temperatures.',
  ),
  workloadQueries: counter(
    'workload_queries_total',
    '',
    QUERY_LABELS,
    'Queries that a workload has answered, from the one source that counts for it; with method estimated where the server counts none.',
  ),
  workloadTokens: counter(
    'workload_tokens_total',
    '',
    [...QUERY_LABELS, 'direction'],
    'Tokens of the queries of a workload: of prompts that were worked on (input), of prompts out of a cache (cached_input), and generated (output).',
  ),
  workloadQuerySource: gauge(
    'workload_query_source_info',
    '',
    ['workload', 'namespace', 'model', 'variant', 'server', 'source', 'state'],
    'Who reports on the queries of a workload, and whether it is counted or a better source is (not_counted). Always 1.',
  ),
  queryServer: gauge(
    'query_server_info',
    '',
    ['url', 'server', 'workload', 'namespace', 'state', 'reason'],
    'Every inference server whose metrics are read, with its state and, where it gives nothing, the reason. Always 1.',
  ),
  workloadRequestEnergy: histogram(
    'workload_request_energy_joules',
    'joules',
    ['workload', 'namespace', 'model', 'basis'],
    'Active energy of single requests that passed a counting proxy: of accelerators and host, while they were in flight, split among those in flight by their tokens (basis tokens) or, where an answer came as a whole, by time (basis time).',
  ),
  budgetLimit: gauge(
    'budget_limit_joules',
    'joules',
    BUDGET_LABELS,
    'Limit of an energy budget. All nodes that have a budget with scope cluster share one limit: do not sum it.',
  ),
  budgetUsed: gauge(
    'budget_used_joules',
    'joules',
    BUDGET_LABELS,
    'Energy of this node that a budget has counted in its running period. Does not go down before the period ends.',
  ),
  budgetProjected: gauge(
    'budget_projected_joules',
    'joules',
    BUDGET_LABELS,
    'Energy that will be used at the end of the period if the mean power of the last 24 hours goes on.',
  ),
  budgetPeriodStart: gauge(
    'budget_period_start_timestamp_seconds',
    'seconds',
    BUDGET_LABELS,
    'Unix time at which the period of a budget begins.',
  ),
  budgetPeriodEnd: gauge(
    'budget_period_end_timestamp_seconds',
    'seconds',
    BUDGET_LABELS,
    'Unix time at which the period of a budget ends.',
  ),
  demandCurrent: gauge(
    'demand_current_watts',
    'watts',
    ['meter'],
    'Mean power of the running demand block so far.',
  ),
  demandLastBlock: gauge(
    'demand_last_block_watts',
    'watts',
    ['meter'],
    'Mean power of the demand block before the running one.',
  ),
  demandProjected: gauge(
    'demand_projected_watts',
    'watts',
    ['meter'],
    'Mean power of the running demand block at its end if the power of the last minutes goes on.',
  ),
  demandPeak: gauge(
    'demand_peak_watts',
    'watts',
    ['meter'],
    'Highest mean power of a demand block since the billing day.',
  ),
  demandLimit: gauge(
    'demand_limit_watts',
    'watts',
    ['meter'],
    'Mean power that no demand block should exceed.',
  ),
  demandBlockStart: gauge(
    'demand_block_start_timestamp_seconds',
    'seconds',
    ['meter'],
    'Unix time at which the running demand block began.',
  ),
  demandBlockEnd: gauge(
    'demand_block_end_timestamp_seconds',
    'seconds',
    ['meter'],
    'Unix time at which the running demand block ends.',
  ),
  phaseSeconds: counter(
    'workload_phase_seconds_total',
    'seconds',
    [...PHASE_LABELS, 'basis'],
    'Wall time that a workload has spent in a phase on this machine, however many of its processes were in it; basis says whether it was marked or reported.',
  ),
  phaseTimeline: counter(
    'workload_phase_timeline_seconds_total',
    'seconds',
    [...PHASE_LABELS, 'basis'],
    'The same time, to draw when it was: it counts at once where workload_phase_seconds_total stands at 0 first. For totals over a range take that one, which loses no first value.',
  ),
  phaseSteps: counter(
    'workload_phase_steps_total',
    '',
    PHASE_LABELS,
    'Steps that a workload has done in a phase, as it says itself; of several processes the one that has done the most.',
  ),
  phaseSamples: counter(
    'workload_phase_samples_total',
    '',
    PHASE_LABELS,
    'Samples that a workload has worked on in a phase, as its processes say themselves, all together.',
  ),
  runStart: gauge(
    'workload_run_start_timestamp_seconds',
    'seconds',
    ['workload', 'namespace'],
    'Unix time at which the newest run of a workload began, as it says itself.',
  ),
  phasesDropped: counter(
    'workload_phases_dropped_total',
    '',
    [],
    'Marks with a phase beyond the custom ones that a workload may have; they count as phase other.',
  ),
  openMarks: gauge('open_marks', '', [], 'Senders that have a phase open.'),
  intakeLines: counter(
    'intake_lines_total',
    '',
    ['transport'],
    'Lines about phases and queries that were taken from the socket, over HTTP and from job files.',
  ),
  intakeLinesRefused: counter(
    'intake_lines_refused_total',
    '',
    ['transport', 'reason'],
    'Such lines that were not taken, or not as they were meant: syntax, permission, rate (too many at a time), limit (too many names or connections), engine (it does not keep up).',
  ),
  lastTick: gauge(
    'last_tick_timestamp_seconds',
    'seconds',
    [],
    'Unix time of the tick that this page shows.',
  ),
  processes: gauge('processes', '', [], 'Processes seen in the newest tick.'),
  processesUnreadable: gauge(
    'processes_unreadable',
    '',
    [],
    'Processes that are there and may not be read; their CPU time stays with their cgroup or is unattributed.',
  ),
  seriesDropped: counter(
    'series_dropped_total',
    '',
    ['view'],
    'Series that the limit on series kept from being opened; what belongs to them is in the series other.',
  ),
  nodeInfo: gauge(
    'node_info',
    '',
    ['zone', 'version'],
    'Where this machine is, and the version of its exporter. Always 1.',
  ),
  buildInfo: gauge('build_info', '', ['version', 'node_version'], 'Version of the exporter. Always 1.'),
  configReload: gauge(
    'config_last_reload_successful',
    '',
    [],
    'Whether the newest attempt to load the configuration succeeded (1) or the one before is still in force (0).',
  ),
  configReloadTime: gauge(
    'config_last_reload_success_timestamp_seconds',
    'seconds',
    [],
    'Unix time at which the configuration in force was loaded.',
  ),
  tickDuration: histogram(
    'tick_duration_seconds',
    'seconds',
    [],
    'How long a tick took: read, attribute, book, render.',
  ),
  engineRestarts: counter(
    'engine_restarts_total',
    '',
    [],
    'How often the engine was restarted because it gave no page in time.',
  ),
} as const satisfies Record<string, Metric>
