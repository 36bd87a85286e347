/** Pieces of PromQL about runs and their phases. */
import { OF_WORKLOAD, joulesOfRange } from './promql.ts'

export const WORKLOAD = 'cluster, namespace, workload'

const ENERGY = `workload_phase:wattribute_workload_energy_joules:rate5m{${OF_WORKLOAD}}`
const SECONDS = `workload_phase:wattribute_workload_phase_seconds:rate5m{${OF_WORKLOAD}}`
const STEPS = `workload_phase:wattribute_workload_phase_steps:rate5m{${OF_WORKLOAD}}`
const SAMPLES = `workload_phase:wattribute_workload_phase_samples:rate5m{${OF_WORKLOAD}}`

/** What is a run: whatever is of the kind training, and whatever has said a phase. */
const RUNS = `group by (${WORKLOAD}) (
  last_over_time(wattribute_workload_info{${OF_WORKLOAD},kind="training"}[$__range])
  or
  last_over_time(${SECONDS}[$__range])
)`

export const ofRuns = (expr: string): string => `((${expr})
and on (${WORKLOAD})
${RUNS})`

const sum = (expr: string, labels = WORKLOAD): string => `sum by (${labels}) (${expr})`

/** Joules of each run in the range of the dashboard. */
export const joulesOfRuns = ofRuns(sum(joulesOfRange(ENERGY)))

/** Joules of no phase, of each run. */
export const joulesWithoutPhase = ofRuns(sum(joulesOfRange(ENERGY.replace(/\}$/, ',phase=""}'))))

/** Watts of each run, over time. What is a run now. */
export const wattsOfRuns = `${sum(ENERGY)}
and on (${WORKLOAD})
group by (${WORKLOAD}) (wattribute_workload_info{${OF_WORKLOAD},kind="training"} or ${SECONDS})`

/**
 * With a label `coarse`: the part of a phase in front of the first slash. Steps are told in `train`, while the energy of
 * `train/forward` is in that and not in `train`.
 */
const coarse = (expr: string): string => `label_replace(${expr}, "coarse", "$1", "phase", "([^/]*).*")`

const RUN_PHASE = `${WORKLOAD}, coarse`

/** By run and coarse phase, over the range. */
export const joulesOfPhases = sum(coarse(joulesOfRange(ENERGY.replace(/\}$/, ',phase!=""}'))), RUN_PHASE)
/** Of the fine phases all together, if a coarse one has any: they are told apart from it. */
export const secondsOfPhases = sum(coarse(joulesOfRange(SECONDS)), RUN_PHASE)
const MOST = (expr: string): string => `max by (${RUN_PHASE}) (${coarse(expr)})`
export const stepsOfPhases = MOST(joulesOfRange(STEPS))
export const samplesOfPhases = sum(coarse(joulesOfRange(SAMPLES)), RUN_PHASE)

/** Fewer say nothing about the mean. */
const FEWEST_STEPS = 10

export const joulesPerStep = `${joulesOfPhases}
/
(${stepsOfPhases} >= ${FEWEST_STEPS})`

export const joulesPerSample = `${joulesOfPhases}
/
(${samplesOfPhases} > 0)`

/** Watts by phase, over time. */
export const wattsByPhase = sum(ENERGY.replace(/\}$/, ',phase!=""}'), 'phase')

const ofHour = (figure: string): string =>
  `workload_phase:wattribute_workload_${figure}:increase1h{${OF_WORKLOAD},phase!=""}`

/** Over the hour before each instant. */
export const joulesPerStepOfHour = `${sum(coarse(ofHour('energy_joules')), RUN_PHASE)}
/
(${MOST(ofHour('phase_steps'))} >= ${FEWEST_STEPS})`

export const joulesPerSampleOfHour = `${sum(coarse(ofHour('energy_joules')), RUN_PHASE)}
/
(${sum(coarse(ofHour('phase_samples')), RUN_PHASE)} > 0)`
