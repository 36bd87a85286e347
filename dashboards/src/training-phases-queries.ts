/** The queries of the panel plugin's view "training phases", of what is chosen; its README ships the same without matchers. */
import { OF_WORKLOAD } from './promql.ts'
import { instantTable, range, type Target } from './targets.ts'

const RUN = 'cluster, namespace, workload'
const counter = (name: string): string => `wattribute_${name}{${OF_WORKLOAD}}`
const rate = (name: string): string => `rate(${counter(name)}[$__rate_interval])`
const increase = (name: string): string => `increase(${counter(name)}[$__range])`

/** Over time. */
export const COURSES = {
  timeline: `max by (${RUN}, phase) (${rate('workload_phase_timeline_seconds_total')})`,
  power: `sum by (${RUN}) (${rate('container_energy_joules_total')})`,
  runs: `max by (${RUN}) (${counter('workload_run_start_timestamp_seconds')})`,
} as const

/** Over the range as one figure. */
export const TOTALS = {
  energy: `sum by (${RUN}, phase, part, method) (${increase('workload_energy_joules_total')})`,
  seconds: `max by (${RUN}, phase) (${increase('workload_phase_seconds_total')})`,
  steps: `max by (${RUN}, phase) (${increase('workload_phase_steps_total')})`,
  samples: `max by (${RUN}, phase) (${increase('workload_phase_samples_total')})`,
} as const

export const trainingPhasesTargets = (): Target[] => [
  ...Object.entries(COURSES).map(([refId, expr]) => range({ refId, expr })),
  ...Object.entries(TOTALS).map(([refId, expr]) => instantTable({ refId, expr })),
]
