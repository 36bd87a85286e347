/** Energy that could be saved, or that nobody can be charged with. */
import { alertRule, VALUE, type RuleGroup } from './rule.ts'

const idleHolder = (part: string): string =>
  `sum by (cluster, instance, namespace, workload, uuid) (
  rate(wattribute_workload_accelerator_energy_joules_total{part="${part}"}[15m])
)`

/** Any quarter of an hour of work starts the hours anew. A tenth of its idle power is the noise of a baseline. */
const acceleratorIdle = alertRule('WattributeAcceleratorHeldIdle', {
  severity: 'warning',
  for: '3h',
  expr: `${idleHolder('idle')}
> 0
unless
${idleHolder('accelerator')}
> 0.1 *
${idleHolder('idle')}`,
  summary:
    'Workload {{ $labels.workload }} has held accelerator {{ $labels.uuid }} for hours without using it',
  description: `The accelerator on {{ $labels.instance }} draws ${VALUE} W for it and has done no work for more than 3 h.`,
})

/** A sum over a sum: machines and components count by their energy. */
const unattributedShare = alertRule('WattributeUnattributedShareHigh', {
  severity: 'warning',
  for: '30m',
  expr: `sum by (cluster, instance) (
  rate(wattribute_unattributed_energy_joules_total{reason!~"idle|exporter_down|warming_up"}[1h])
)
> 0.2 *
sum by (cluster, instance) (rate(wattribute_domain_energy_joules_total{leaf="true"}[1h]))`,
  summary: 'Much of the energy of {{ $labels.instance }} belongs to no workload',
  description: `${VALUE} W, more than a fifth of what this machine draws, belongs to nobody although it was not idle.`,
})

export const energyAlerts: RuleGroup = {
  name: 'wattribute-energy',
  rules: [acceleratorIdle, unattributedShare],
}
