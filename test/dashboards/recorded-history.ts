/** What the shipped recording rules say of each minute of a history, put into the Prometheus that has it. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { isAlert, type AlertRule, type RecordingRule, type RuleGroup } from '../../exporter/src/rules/rule.ts'
import { HISTORY_SECONDS, STEP_SECONDS, type Copy, type DemoPrometheus } from './demo-prometheus.ts'
import { ask, type Course } from './prometheus-answers.ts'
import { remoteWrite, type TimeSeries } from './remote-write.ts'

export type Rule = AlertRule | RecordingRule

/** Every rule that is shipped: file by file, in the order in which Prometheus evaluates them. */
export async function shippedRules(): Promise<readonly Rule[]> {
  const folder = fileURLToPath(new URL('../../deploy/prometheus/', import.meta.url))
  const paths = (await readdir(folder, { recursive: true })).filter((path) =>
    /^(rules|alerts)\/.*\.yaml$/.test(path),
  )
  const files = await Promise.all(
    paths
      .sort()
      .map(async (path) => parse(await readFile(join(folder, path), 'utf8')) as { groups: RuleGroup[] }),
  )
  return files.flatMap(({ groups }) => groups.flatMap(({ rules }) => rules))
}

/**
 * Evaluates rules in their order, each with what those before it have recorded.
 * @returns how many samples each has given
 */
export async function recordHistory(
  { server, end, copies }: DemoPrometheus,
  rules: readonly Rule[],
): Promise<ReadonlyMap<Rule, number>> {
  const start = end - HISTORY_SECONDS
  const counts = new Map<Rule, number>()
  for (const rule of rules) {
    const courses = await ask(server.url, { expr: rule.expr, start, end, step: STEP_SECONDS })
    const series = courses.map((course) => recordedBy(rule, course, end))
    await remoteWrite(
      server.url,
      series.flatMap((one) => copies.map((copy) => copyOf(one, copy))),
    )
    counts.set(
      rule,
      courses.reduce((sum, { values }) => sum + values.length, 0),
    )
  }
  return counts
}

function recordedBy(rule: Rule, { metric, values }: Course, end: number): TimeSeries {
  const times = new Set(values.map(([seconds]) => seconds))
  return {
    labels: { ...metric, ...rule.labels, ...nameOf(rule) },
    samples: values.map(([seconds, value]) => ({ seconds, value: isAlert(rule) ? 1 : Number(value) })),
    staleAt: Array.from(times, (seconds) => seconds + STEP_SECONDS).filter(
      (seconds) => seconds <= end && !times.has(seconds),
    ),
  }
}

/** Of an alert what Prometheus itself records: two hours are shorter than some have to hold, so that those only wait. */
const nameOf = (rule: Rule): Record<string, string> =>
  isAlert(rule)
    ? { __name__: 'ALERTS', alertname: rule.alert, alertstate: rule.for === undefined ? 'firing' : 'pending' }
    : { __name__: rule.record }

const copyOf = (
  { labels: { cluster = '', ...labels }, samples, staleAt }: TimeSeries,
  { shift, hasCluster }: Copy,
): TimeSeries => ({
  labels: hasCluster && cluster !== '' ? { cluster, ...labels } : labels,
  samples: samples.map(({ seconds, value }) => ({ seconds: seconds + shift, value })),
  staleAt: staleAt.map((seconds) => seconds + shift),
})
