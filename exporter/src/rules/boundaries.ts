/**
 * Energy of workloads by part and by boundary. A part that is not measured has no series. A boundary is the running sum
 * of the parts that are booked, and absent where one of them is known to be missing: see docs/guides/rules.md.
 */
import { MODEL, sumOver, WORKLOAD } from './energy-sums.ts'
import { overheadOf, withoutOverhead } from './facility.ts'
import type { RecordingRule } from './rule.ts'
import type { Window } from './windows.ts'

export const PARTS = ['accelerator', 'host', 'idle', 'overhead'] as const
export const BOUNDARIES = ['accelerator', 'host', 'provisioned', 'facility'] as const

const UNMEASURED = 'workload_component:wattribute_unmeasured_nodes:count'

/** A machine without accelerators is not one that cannot read them; one without a processor does not exist. */
const UNMEASURED_STATES = {
  accelerator: 'unreadable',
  cpu: 'absent|unreadable',
  memory: 'absent|unreadable',
  board: 'absent|unreadable',
}

/** On how many of a workload's nodes a component is not known. */
export const unmeasuredNodes: readonly RecordingRule[] = Object.entries(UNMEASURED_STATES).map(
  ([component, states]) => ({
    record: UNMEASURED,
    labels: { component },
    expr: `count by (${WORKLOAD}) (
  group by (cluster, job, instance, namespace, workload) (wattribute_workload_info)
  and on (cluster, job, instance)
  wattribute_component_state{component="${component}",state=~"${states}"} == 1
)`,
  }),
)

export const energyByPart = ({ name }: Window): string =>
  `workload_model_part:wattribute_workload_energy_joules:rate${name}`
export const energyByBoundary = ({ name }: Window): string =>
  `workload_model_boundary:wattribute_workload_energy_joules:rate${name}`

const partRules = (window: Window): readonly RecordingRule[] => {
  const energy = sumOver('energy', window)
  return [
    {
      record: energyByPart(window),
      expr: `sum by (${MODEL}, part) (${energy}{part!="overhead"})`,
    },
    { record: energyByPart(window), labels: { part: 'overhead' }, expr: overheadOf(energy, window) },
    {
      record: `workload_model_part:wattribute_energy_estimated:ratio_rate${window.name}`,
      expr: `(
  sum by (${MODEL}, part) (${energy}{method="estimated"})
  or
  0 * sum by (${MODEL}, part) (${energy})
)
/
(sum by (${MODEL}, part) (${energy}) > 0)`,
    },
  ]
}

const boundaryRules = (window: Window): readonly RecordingRule[] => {
  const parts = energyByPart(window)
  const isMeasured = (part: string): string => `\nand on (${WORKLOAD})\n${parts}{part="${part}"}`
  const isReadable = (...components: readonly string[]): string =>
    `\nunless on (${WORKLOAD})\n${UNMEASURED}{component=~"${components.join('|')}"}`
  const isWhole = isMeasured('host') + isReadable('accelerator', 'cpu')
  const isSo: Readonly<Record<(typeof BOUNDARIES)[number], string>> = {
    accelerator: isReadable('accelerator'),
    host: isWhole,
    provisioned: isWhole,
    facility: `${isWhole}${isMeasured('overhead')}
unless on (${WORKLOAD})
${withoutOverhead(sumOver('energy', window), window)}`,
  }
  return BOUNDARIES.map((boundary, index) => ({
    record: energyByBoundary(window),
    labels: { boundary },
    expr: `sum by (${MODEL}) (${parts}{part=~"${PARTS.slice(0, index + 1).join('|')}"})${isSo[boundary]}`,
  }))
}

export const boundaries = (window: Window): readonly RecordingRule[] => [
  ...partRules(window),
  ...boundaryRules(window),
]
