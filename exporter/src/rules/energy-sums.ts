/**
 * What ratios stand on: sums over all nodes of energy, queries and tokens per second. Nodes and zones are joined by the
 * target that both series come from; energy and queries never are, since they may come from different nodes.
 */
import type { RecordingRule } from './rule.ts'
import { rateOf, rateOver, type Window } from './windows.ts'

/** What a figure per query belongs to. */
export const MODEL = 'cluster, namespace, workload, model, variant'
export const WORKLOAD = 'cluster, namespace, workload'
export const ZONE = 'cluster, zone'
const TARGET = 'cluster, job, instance'

/** Components whose energy is that of information technology; the others are overhead. */
export const IT = 'component=~"accelerator|cpu|memory|board"'
export const OVERHEAD = 'component=~"cooling|power|network"'

/** One zone per target, also while it changes and while a scrape fails. */
const ZONE_OF_TARGET = `topk by (${TARGET}) (1, last_over_time(wattribute_node_info[5m]))`

const inItsZone = (counter: string, labels: string): string =>
  `sum by (${TARGET}, ${labels}) (${rateOf(counter)})
* on (${TARGET}) group_left (zone)
${ZONE_OF_TARGET}`

const indented = (text: string): string => text.replace(/^/gm, '  ')

const perZone = (counter: string, labels: string): string =>
  `sum by (${ZONE}, ${labels}) (
${indented(inItsZone(counter, labels))}
)`

/** Best first: how many queries there were is taken from one of them, per workload and over all nodes. */
const SOURCES = ['configured', 'server', 'gateway', 'client']

/** A gateway counts under other models what a server counts as well (adapters, aliases): so per workload, not per model. */
const bestSource = (metric: string, labels: string): string =>
  SOURCES.map((source) => `sum by (${labels}) (${rateOf(`${metric}{source="${source}"}`)})`).join(
    `\nor on (${WORKLOAD})\n`,
  )

const SUMS = {
  energy: [
    'zone_workload_part:wattribute_workload_energy_joules',
    perZone('wattribute_workload_energy_joules_total', 'namespace, workload, model, variant, part, method'),
  ],
  unattributed: [
    'zone_reason_part:wattribute_unattributed_energy_joules',
    perZone('wattribute_unattributed_energy_joules_total', 'reason, part'),
  ],
  nodes: [
    'instance_component:wattribute_domain_energy_joules',
    inItsZone('wattribute_domain_energy_joules_total{leaf="true"}', 'component'),
  ],
  meters: [
    'zone_role:wattribute_facility_energy_joules',
    `sum by (${ZONE}, role) (${rateOf('wattribute_facility_energy_joules_total')})`,
  ],
  total: [
    'zone:wattribute_facility_total_energy_joules',
    `sum by (${ZONE}) (${rateOf('wattribute_facility_total_energy_joules_total')})`,
  ],
  solar: [
    'zone:wattribute_facility_solar_energy_joules',
    `sum by (${ZONE}) (${rateOf('wattribute_facility_solar_energy_joules_total')})`,
  ],
  queries: [
    'workload_model:wattribute_workload_queries',
    bestSource('wattribute_workload_queries_total', MODEL),
  ],
  tokens: [
    'workload_model_direction:wattribute_workload_tokens',
    bestSource('wattribute_workload_tokens_total', `${MODEL}, direction`),
  ],
} as const

export type Sum = keyof typeof SUMS

/** The name of a sum over a window. */
export const sumOver = (sum: Sum, { name }: Window): string => `${SUMS[sum][0]}:rate${name}`

export const energySums = (window: Window): readonly RecordingRule[] =>
  Object.values(SUMS).map(([series, shortest]) => rateOver(series, shortest, window))
