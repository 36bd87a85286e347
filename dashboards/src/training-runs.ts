/** Which training run used how much, and for what? */
import { stackedSeries, stat, timeSeries } from './core-panels.ts'
import { dashboard, linkTo } from './dashboard.ts'
import { energyPanel, WITHOUT_PLUGIN } from './energy-panel.ts'
import { collapsedSection, section } from './layout.ts'
import {
  joulesOfPhases,
  joulesOfRuns,
  joulesPerSample,
  joulesPerSampleOfHour,
  joulesPerStep,
  joulesPerStepOfHour,
  joulesWithoutPhase,
  ofRuns,
  samplesOfPhases,
  secondsOfPhases,
  stepsOfPhases,
  wattsByPhase,
  wattsOfRuns,
  WORKLOAD,
} from './phases-of-runs.ts'
import { IN_CLUSTER, inKilowattHours, joulesOfRange, OF_WORKLOAD, priceOf } from './promql.ts'
import { table, type LabelColumn } from './table-panel.ts'
import { instant, range } from './targets.ts'
import { COURSES, TOTALS, trainingPhasesTargets } from './training-phases-queries.ts'
import { UNIT } from './units.ts'
import { ofEnergy } from './words.ts'

const BOUNDARY =
  'provisioned: accelerators, processors, memory and board of the nodes, with the idle energy of what the run holds; of the room only what is booked to it directly.'
const METHOD =
  'counters and meters where there are any, else a model; the table of runs says how much is estimated. From the recording rules, minute by minute.'
const RAW =
  'counters and meters where there are any, else a model. From raw counters, so that it needs no recording rules.'
const RUN = 'A run is a workload of the kind training, or one that says its phases.'
const ofRun = (what: string, method: string = METHOD): string => ofEnergy(what, BOUNDARY, method)

const RUN_ROWS: readonly LabelColumn[] = [
  { label: 'cluster', title: 'Cluster' },
  { label: 'namespace', title: 'Namespace' },
  { label: 'workload', title: 'Run' },
]
const PHASE_ROWS: readonly LabelColumn[] = [...RUN_ROWS, { label: 'coarse', title: 'Phase' }]

const PARTS = 'zone_workload_part:wattribute_workload_energy_joules:rate5m'
const joulesOf = (matcher: string): string =>
  `sum by (${WORKLOAD}) (${joulesOfRange(`${PARTS}{${OF_WORKLOAD},${matcher}}`)})`
const shareOf = (matcher: string): string =>
  ofRuns(`${joulesOf(matcher)} / (${joulesOf('part!="overhead"')} > 0)`)

const HELD = 'wattribute_workload_accelerator_energy_joules_total'
const PER_ACCELERATOR = `${WORKLOAD}, instance, uuid`
/** Watts that are booked to who holds an accelerator for its holding alone. */
const heldNow = `sum by (${PER_ACCELERATOR}) (rate(${HELD}{${OF_WORKLOAD},part="idle"}[$__rate_interval])) > 0`
const heldByRuns = (expr: string): string => `(${expr})
and on (${WORKLOAD})
group by (${WORKLOAD}) (wattribute_workload_info{${OF_WORKLOAD},kind="training"} or workload_phase:wattribute_workload_phase_seconds:rate5m{${OF_WORKLOAD}})`

/** The accelerators that the tables are about: of thousands those with the most idle energy. */
const MOST_ACCELERATORS = 100
const energyOfAccelerators = (part: string): string =>
  `sum by (${PER_ACCELERATOR}) (increase(${HELD}{${OF_WORKLOAD},part=~"${part}"}[$__range]))`
const amongMostIdle = (expr: string): string =>
  `((${expr}) and on (${PER_ACCELERATOR}) topk(${MOST_ACCELERATORS}, ${ofRuns(energyOfAccelerators('idle'))}))`

const legend = '{{workload}} {{phase}}'

const runs = section(
  'Which run used how much?',
  stat({
    title: 'Energy of training',
    description: ofRun(`Energy of all runs in the time that is looked at. ${RUN}`),
    unit: UNIT.kilowattHours,
    width: 6,
    height: 6,
    targets: [
      instant({ refId: 'kwh', expr: `sum(${inKilowattHours(joulesOfRuns)})`, legend: 'energy' }),
      instant({ refId: 'joules', expr: `sum(${joulesOfRuns})`, legend: 'in joules' }),
    ],
  }).overrideByName('in joules', [{ id: 'unit', value: UNIT.joules }]),
  stat({
    title: 'Power now',
    description: ofRun('Mean power of all runs over the last five minutes.'),
    unit: UNIT.watts,
    width: 4,
    height: 6,
    targets: [instant({ refId: 'power', expr: `sum(${wattsOfRuns})` })],
  }),
  stat({
    title: 'Cost in $currency',
    description: ofRun(
      'Energy of all runs times $price_per_kwh $currency a kWh, the price at the head of this dashboard.',
    ),
    unit: UNIT.money,
    decimals: 2,
    width: 4,
    height: 6,
    targets: [instant({ refId: 'cost', expr: `sum(${priceOf(joulesOfRuns)})` })],
  }),
  stat({
    title: 'Accelerators held now',
    description:
      'Accelerators whose idle energy is booked to a run, because it has an allocation or a context on them. One that several hold counts once. Whether they work is in the section below.',
    unit: UNIT.count,
    width: 5,
    height: 6,
    targets: [
      instant({
        refId: 'held',
        expr: `count(group by (cluster, instance, uuid) (${heldByRuns(heldNow)}))`,
      }),
    ],
  }),
  stat({
    title: 'Energy of no phase',
    description: ofRun(
      'Share of the energy of all runs that was spent while they said no phase: before the first mark, after the last, or by a run that never marks.',
    ),
    unit: UNIT.share,
    decimals: 1,
    width: 5,
    height: 6,
    targets: [
      instant({
        refId: 'unmarked',
        expr: `(sum(${joulesWithoutPhase}) or 0 * sum(${joulesOfRuns})) / (sum(${joulesOfRuns}) > 0)`,
      }),
    ],
  }),
  table({
    title: 'Runs',
    description: ofRun(
      `Each run, with its energy in the time that is looked at. Idle: what it is charged with for holding accelerators and hosts that wait. Estimated: modelled rather than measured. ${RUN}`,
    ),
    unit: UNIT.count,
    width: 24,
    height: 9,
    rows: RUN_ROWS,
    order: 'Energy',
    columns: [
      { refId: 'kwh', title: 'Energy', unit: UNIT.kilowattHours, expr: inKilowattHours(joulesOfRuns) },
      { refId: 'joules', title: 'In joules', unit: UNIT.joules, expr: joulesOfRuns },
      {
        refId: 'cost',
        title: 'Cost ($currency)',
        unit: UNIT.money,
        decimals: 2,
        expr: priceOf(joulesOfRuns),
      },
      { refId: 'power', title: 'Power now', unit: UNIT.watts, expr: wattsOfRuns },
      { refId: 'idle', title: 'Idle', unit: UNIT.share, decimals: 1, expr: shareOf('part="idle"') },
      {
        refId: 'estimated',
        title: 'Estimated',
        unit: UNIT.share,
        decimals: 1,
        expr: ofRuns(
          `(${joulesOf('method="estimated",part!="overhead"')} or 0 * ${joulesOf('part!="overhead"')}) / (${joulesOf('part!="overhead"')} > 0)`,
        ),
      },
      {
        refId: 'unmarked',
        title: 'No phase',
        unit: UNIT.share,
        decimals: 1,
        expr: `(${joulesWithoutPhase} or 0 * ${joulesOfRuns}) / (${joulesOfRuns} > 0)`,
      },
      {
        refId: 'held',
        title: 'Accelerators now',
        unit: UNIT.count,
        expr: `count by (${WORKLOAD}) (${heldByRuns(heldNow)})`,
      },
      {
        refId: 'began',
        title: 'Began',
        unit: UNIT.date,
        expr: `1000 * max by (${WORKLOAD}) (last_over_time(wattribute_workload_run_start_timestamp_seconds{${OF_WORKLOAD}}[$__range]))`,
      },
    ],
  }).overrideByName('Run', [linkTo('This run alone', 'trainingRuns', 'var-workload=${__value.text}')]),
)

const withPlugin = section(
  'What for: phases of each run',
  energyPanel({
    view: 'training-phases',
    title: 'Phases of each run',
    description: ofRun(
      'A lane for each run, a block for each phase, mean power below, exact totals in the table: a phase with its fine phases. Hatched: in no phase.',
      RAW,
    ),
    unit: UNIT.joules,
    width: 24,
    height: 14,
    targets: trainingPhasesTargets(),
  }),
  table({
    title: 'Phases',
    description: ofRun(
      'Energy, duration and mean power of each phase in the time that is looked at, a phase with its fine phases: train/forward counts for train. Per step only from ten steps on.',
    ),
    unit: UNIT.count,
    width: 24,
    height: 9,
    rows: PHASE_ROWS,
    order: 'Energy',
    columns: [
      { refId: 'kwh', title: 'Energy', unit: UNIT.kilowattHours, expr: inKilowattHours(joulesOfPhases) },
      { refId: 'joules', title: 'In joules', unit: UNIT.joules, expr: joulesOfPhases },
      { refId: 'seconds', title: 'Duration', unit: UNIT.seconds, expr: secondsOfPhases },
      {
        refId: 'power',
        title: 'Mean power',
        unit: UNIT.watts,
        expr: `${joulesOfPhases} / (${secondsOfPhases} > 0)`,
      },
      { refId: 'steps', title: 'Steps', unit: UNIT.count, expr: stepsOfPhases },
      { refId: 'per_step', title: 'Per step', unit: UNIT.joules, expr: joulesPerStep },
      { refId: 'samples', title: 'Samples', unit: UNIT.count, expr: samplesOfPhases },
      { refId: 'per_sample', title: 'Per sample', unit: UNIT.joules, expr: joulesPerSample },
    ],
  }),
  stackedSeries({
    title: 'Power by phase',
    description: ofRun('Mean power over five minutes, by innermost phase, of all chosen runs together.'),
    unit: UNIT.watts,
    width: 8,
    height: 9,
    targets: [range({ refId: 'phases', expr: wattsByPhase, legend: '{{phase}}' })],
  }),
  timeSeries({
    title: 'Energy per step',
    description: ofRun('Energy of the hour before each instant by the steps in it; ten steps at least.'),
    unit: UNIT.joules,
    width: 8,
    height: 9,
    targets: [range({ refId: 'per_step', expr: joulesPerStepOfHour, legend: '{{workload}} {{coarse}}' })],
  }),
  timeSeries({
    title: 'Energy per sample',
    description: ofRun('Energy of the hour before each instant by the samples in it.'),
    unit: UNIT.joules,
    width: 8,
    height: 9,
    targets: [range({ refId: 'per_sample', expr: joulesPerSampleOfHour, legend: '{{workload}} {{coarse}}' })],
  }),
)

const withoutPlugin = collapsedSection(
  WITHOUT_PLUGIN,
  stackedSeries({
    title: 'Share of the time in each phase',
    description:
      'How much of each interval a run has spent in a phase: 100 % together while it is in some phase. Of several nodes the one that has most. Method: times that the run says itself.',
    unit: UNIT.share,
    width: 12,
    height: 9,
    targets: [range({ refId: 'timeline', expr: COURSES.timeline, legend })],
  }).max(1),
  timeSeries({
    title: 'Mean power',
    description: ofRun('Of each workload that is chosen, a run or not.', RAW),
    unit: UNIT.watts,
    width: 8,
    height: 9,
    targets: [range({ refId: 'power', expr: COURSES.power, legend: '{{workload}}' })],
  }),
  stat({
    title: 'The newest run began',
    description: 'As the run says itself, in seconds of Unix time; the table above has it as a date.',
    unit: UNIT.number,
    decimals: 0,
    width: 4,
    height: 9,
    targets: [range({ refId: 'runs', expr: COURSES.runs, legend: '{{workload}}' })],
  }),
  table({
    title: 'Energy by phase, part and method',
    description: ofRun('Each joule is in one row, that of its innermost phase.', RAW),
    unit: UNIT.joules,
    width: 12,
    height: 9,
    rows: [
      ...RUN_ROWS,
      { label: 'phase', title: 'Phase' },
      { label: 'part', title: 'Part' },
      { label: 'method', title: 'Method' },
    ],
    order: 'Energy',
    columns: [
      { refId: 'energy', title: 'Energy', unit: UNIT.joules, expr: TOTALS.energy },
      { refId: 'kwh', title: 'In kWh', unit: UNIT.kilowattHours, expr: inKilowattHours(TOTALS.energy) },
    ],
  }),
  table({
    title: 'Duration, steps and samples by phase',
    description:
      'Over several nodes, seconds and steps are those of the node that has most, as are samples here. Method: as the run says itself.',
    unit: UNIT.count,
    width: 12,
    height: 9,
    rows: [...RUN_ROWS, { label: 'phase', title: 'Phase' }],
    order: 'Duration',
    columns: [
      { refId: 'seconds', title: 'Duration', unit: UNIT.seconds, expr: TOTALS.seconds },
      { refId: 'steps', title: 'Steps', unit: UNIT.count, expr: TOTALS.steps },
      { refId: 'samples', title: 'Samples', unit: UNIT.count, expr: TOTALS.samples },
    ],
  }),
)

const held = section(
  'Who holds accelerators',
  table({
    title: 'Accelerators of runs',
    description: ofEnergy(
      `The ${MOST_ACCELERATORS} with the most idle energy booked to a run. Idle energy goes to whoever holds an accelerator, used or not.`,
      'the accelerator alone.',
      'its own energy counter, or its power over time.',
    ),
    unit: UNIT.count,
    width: 16,
    height: 9,
    rows: [...RUN_ROWS, { label: 'instance', title: 'Node' }, { label: 'uuid', title: 'Accelerator' }],
    order: 'Idle',
    columns: [
      {
        refId: 'idle',
        title: 'Idle',
        unit: UNIT.kilowattHours,
        expr: inKilowattHours(amongMostIdle(energyOfAccelerators('idle'))),
      },
      {
        refId: 'active',
        title: 'Active',
        unit: UNIT.kilowattHours,
        expr: inKilowattHours(amongMostIdle(energyOfAccelerators('accelerator'))),
      },
      {
        refId: 'joules',
        title: 'Both in joules',
        unit: UNIT.joules,
        expr: amongMostIdle(energyOfAccelerators('accelerator|idle')),
      },
      {
        refId: 'power',
        title: 'Power now',
        unit: UNIT.watts,
        expr: `sum by (${PER_ACCELERATOR}) (rate(${HELD}{${OF_WORKLOAD}}[$__rate_interval])) and on (${PER_ACCELERATOR}) topk(${MOST_ACCELERATORS}, ${ofRuns(energyOfAccelerators('idle'))})`,
      },
    ],
  }).overrideByName('Node', [linkTo('This node', 'node', 'var-node=${__value.text}')]),
  timeSeries({
    title: 'Accelerators held',
    description: 'How many accelerators each run holds: those whose idle energy is booked to it.',
    unit: UNIT.count,
    width: 8,
    height: 9,
    targets: [
      range({
        refId: 'held',
        expr: `count by (${WORKLOAD}) (${heldByRuns(heldNow)})`,
        legend: '{{workload}}',
      }),
    ],
  }),
)

const marks = collapsedSection(
  'What was not marked, or refused',
  table({
    title: 'Energy of no phase, by run',
    description: ofRun(
      'The energy of each run while it said no phase. Runs that never mark have all of theirs here: docs/guides/phases.md says how to.',
    ),
    unit: UNIT.kilowattHours,
    width: 8,
    height: 8,
    rows: RUN_ROWS,
    order: 'Energy',
    columns: [
      {
        refId: 'kwh',
        title: 'Energy',
        unit: UNIT.kilowattHours,
        expr: inKilowattHours(`(${joulesWithoutPhase} or 0 * ${joulesOfRuns})`),
      },
      {
        refId: 'joules',
        title: 'In joules',
        unit: UNIT.joules,
        expr: `(${joulesWithoutPhase} or 0 * ${joulesOfRuns})`,
      },
    ],
  }),
  timeSeries({
    title: 'Senders with an open phase',
    description:
      'Processes that have said a phase and are in it, on all nodes of the cluster. Method: counted by the exporters.',
    unit: UNIT.count,
    width: 8,
    height: 8,
    targets: [
      range({
        refId: 'open',
        expr: `sum by (cluster) (wattribute_open_marks{${IN_CLUSTER}})`,
        legend: 'open {{cluster}}',
      }),
    ],
  }),
  timeSeries({
    title: 'Lines refused',
    description:
      'Lines about phases and queries that exporters did not take, by reason, and marks whose phase is beyond the custom names that a workload may have (dropped: they count as phase other).',
    unit: UNIT.perSecond,
    width: 8,
    height: 8,
    targets: [
      range({
        refId: 'refused',
        expr: `sum by (reason) (rate(wattribute_intake_lines_refused_total{${IN_CLUSTER}}[$__rate_interval]))`,
        legend: '{{reason}}',
      }),
      range({
        refId: 'dropped',
        expr: `sum(rate(wattribute_workload_phases_dropped_total{${IN_CLUSTER}}[$__rate_interval]))`,
        legend: 'dropped',
      }),
    ],
  }),
)

export const trainingRuns = () =>
  dashboard({
    name: 'trainingRuns',
    question: 'Which training run used how much energy, in which phase, and what does a step take?',
    variables: ['cluster', 'namespace', 'workload', 'pricePerKwh', 'currency'],
    from: 'now-24h',
    sections: [runs, withPlugin, withoutPlugin, held, marks],
  })
