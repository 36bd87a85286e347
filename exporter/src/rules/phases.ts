/** Phases of training over all nodes: energies and samples are added, while ranks go through the same seconds and steps. */
import { WORKLOAD } from './energy-sums.ts'
import type { RecordingRule, RuleGroup } from './rule.ts'
import { EVALUATION, minutesIn, rateOf, WINDOWS } from './windows.ts'

const PHASE = `${WORKLOAD}, phase`
const LEVEL = 'workload_phase:wattribute'

const series = (figure: string): string => `${LEVEL}_workload_${figure}`
const FIGURES = [
  ['energy_joules', 'sum', 'wattribute_workload_energy_joules_total'],
  ['phase_seconds', 'max', 'wattribute_workload_phase_seconds_total'],
  ['phase_steps', 'max', 'wattribute_workload_phase_steps_total'],
  ['phase_samples', 'sum', 'wattribute_workload_phase_samples_total'],
] as const

const FEWEST_STEPS = 10

const totals = WINDOWS.filter(({ seconds }) => seconds > 300).flatMap((window): readonly RecordingRule[] => [
  ...FIGURES.map(([figure]) => ({
    record: `${series(figure)}:increase${window.name}`,
    expr: `${minutesIn(`${series(figure)}:rate5m`, window)} * ${EVALUATION.seconds}`,
  })),
  {
    record: `${LEVEL}_energy_per_step_joules:ratio_increase${window.name}`,
    expr: `${series('energy_joules')}:increase${window.name}
/
(${series('phase_steps')}:increase${window.name} >= ${FEWEST_STEPS})`,
  },
])

export const phaseRecordings: RuleGroup = {
  name: 'wattribute-phases',
  interval: EVALUATION.name,
  rules: [
    ...FIGURES.map(([figure, aggregate, counter]) => ({
      record: `${series(figure)}:rate5m`,
      expr: `${aggregate} by (${PHASE}) (${rateOf(counter)})`,
    })),
    ...totals,
  ],
}
