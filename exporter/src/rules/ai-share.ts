/**
 * How much of a node's energy is that of AI: workloads of the kinds training, inference and interactive (notebooks),
 * at all of their parts, by all that was booked on the node, idle energy that nobody holds included.
 */
import type { RuleGroup } from './rule.ts'
import { EVALUATION, rateOf, rateOver, WINDOWS, type Window } from './windows.ts'

const BY_KIND = 'instance_kind:wattribute_workload_energy_joules'
const ALL = 'instance:wattribute_domain_energy_joules'
const AI = 'kind=~"training|inference|interactive"'

const shareOf = (by: string, { name }: Window): string => {
  const all = `sum by (${by}) (${ALL}:rate${name})`
  return `(
  sum by (${by}) (${BY_KIND}:rate${name}{${AI}})
  or
  0 * ${all}
)
/
(${all} > 0)`
}

export const aiShareRecordings: RuleGroup = {
  name: 'wattribute-ai-share',
  interval: EVALUATION.name,
  rules: WINDOWS.flatMap((window) => [
    rateOver(
      BY_KIND,
      `sum by (cluster, instance, kind) (${rateOf('wattribute_workload_energy_joules_total')})`,
      window,
    ),
    rateOver(
      ALL,
      `sum by (cluster, instance) (${rateOf('wattribute_domain_energy_joules_total{leaf="true"}')})`,
      window,
    ),
    {
      record: `instance:wattribute_ai_energy:ratio_rate${window.name}`,
      expr: shareOf('cluster, instance', window),
    },
    { record: `cluster:wattribute_ai_energy:ratio_rate${window.name}`, expr: shareOf('cluster', window) },
  ]),
}
