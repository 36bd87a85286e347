/** Every series that dashboards and rules can ask for: of the catalogue, recorded by our rules, or of Prometheus itself. */
import { catalogue } from '../../exporter/src/exposition/catalogue.ts'
import { isAlert, type RecordingRule } from '../../exporter/src/rules/rule.ts'
import { ruleFiles } from '../../exporter/src/rules/rule-files.ts'
import { parsePromql } from './promql.ts'

/** What a scrape adds; `cluster` where the scrape configuration sets it. */
const TARGET_LABELS = ['cluster', 'job', 'instance']

interface Known {
  readonly type: 'counter' | 'gauge' | 'recorded'
  readonly labels: readonly string[]
}

const exported = new Map<string, Known>()
for (const { name, type, labels } of Object.values(catalogue)) {
  const all = [...TARGET_LABELS, ...labels]
  if (type === 'histogram') {
    exported.set(`${name}_bucket`, { type: 'counter', labels: [...all, 'le'] })
    exported.set(`${name}_sum`, { type: 'counter', labels: all })
    exported.set(`${name}_count`, { type: 'counter', labels: all })
  } else exported.set(name, { type, labels: all })
}
/** Of the exporter's own process, by prom-client. */
for (const name of ['process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds'])
  exported.set(name, { type: 'gauge', labels: TARGET_LABELS })
exported.set('process_cpu_seconds_total', { type: 'counter', labels: TARGET_LABELS })
/** By Prometheus. */
exported.set('up', { type: 'gauge', labels: TARGET_LABELS })
exported.set('ALERTS', {
  type: 'gauge',
  labels: ['cluster', 'alertname', 'alertstate', 'severity', 'budget', 'meter', 'sensor'],
})

const recordings = new Map<string, RecordingRule[]>()
for (const rule of ruleFiles.flatMap(({ groups }) => groups.flatMap(({ rules }) => rules))) {
  if (!isAlert(rule)) recordings.set(rule.record, [...(recordings.get(rule.record) ?? []), rule])
}

const recorded = new Map<string, Known>()

/** A recorded series has the labels that its expression leaves, and those of the rule. */
export function known(metric: string): Known | undefined {
  const found = exported.get(metric) ?? recorded.get(metric)
  const rules = recordings.get(metric)
  if (found !== undefined || rules === undefined) return found
  // a rule may ask for what it recorded itself
  recorded.set(metric, { type: 'recorded', labels: [] })
  const labels = rules.flatMap(({ expr, labels: own = {} }) => [
    ...(parsePromql(expr, (name) => known(name)?.labels).labels ?? []),
    ...Object.keys(own),
  ])
  const result: Known = { type: 'recorded', labels: [...new Set(labels)] }
  recorded.set(metric, result)
  return result
}

export const labelsOf = (metric: string): readonly string[] | undefined => known(metric)?.labels
