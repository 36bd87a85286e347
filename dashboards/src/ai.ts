/** Which workloads are AI. */
import { IN_CLUSTER, IN_NAMESPACE } from './promql.ts'

/** Kinds that count as AI; `unknown` does not. */
export const AI_KINDS = 'kind=~"training|inference|interactive"'

/** Each AI workload that is there now, once. */
export const AI_WORKLOADS = `group by (cluster, namespace, workload) (wattribute_workload_info{${IN_NAMESPACE},${AI_KINDS}})`

/** Each that was there in the range; looked for every five minutes, since `_info` is on every node at every scrape. */
export const AI_WORKLOADS_OF_RANGE = `max_over_time((${AI_WORKLOADS})[$__range:5m])`

/** Watts of AI and of all that was booked, per node; cheap for a fleet. */
export const watts = (window: '5m' | '1h') => ({
  ai: `sum(instance_kind:wattribute_workload_energy_joules:rate${window}{${IN_CLUSTER},${AI_KINDS}})`,
  all: `sum(instance:wattribute_domain_energy_joules:rate${window}{${IN_CLUSTER}})`,
})
