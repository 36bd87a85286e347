/** What the shipped recording rules say of each minute of a history, put into the Prometheus that has it. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { isAlert, type RecordingRule, type RuleGroup } from '../../exporter/src/rules/rule.ts'
import { COPIES, HISTORY_SECONDS, STEP_SECONDS, type DemoPrometheus } from './demo-prometheus.ts'
import { ask, type Course } from './prometheus-answers.ts'
import { remoteWrite, type TimeSeries } from './remote-write.ts'

/** Every recording rule that is shipped: file by file, in the order in which Prometheus evaluates them. */
export async function recordingRules(): Promise<readonly RecordingRule[]> {
  const folder = fileURLToPath(new URL('../../deploy/prometheus/', import.meta.url))
  const paths = (await readdir(folder, { recursive: true })).filter((path) =>
    /^(rules|alerts)\/.*\.yaml$/.test(path),
  )
  const files = await Promise.all(
    paths
      .sort()
      .map(async (path) => parse(await readFile(join(folder, path), 'utf8')) as { groups: RuleGroup[] }),
  )
  return files.flatMap(({ groups }) =>
    groups.flatMap(({ rules }) => rules.flatMap((rule) => (isAlert(rule) ? [] : rule))),
  )
}

/**
 * Evaluates rules in their order, each with what those before it have recorded.
 * @returns how many samples each has given
 */
export async function recordHistory(
  { server, end }: DemoPrometheus,
  rules: readonly RecordingRule[],
): Promise<ReadonlyMap<RecordingRule, number>> {
  const start = end - HISTORY_SECONDS
  const counts = new Map<RecordingRule, number>()
  for (const rule of rules) {
    const courses = await ask(server.url, { expr: rule.expr, start, end, step: STEP_SECONDS })
    const series = courses.map((course) => recordedBy(rule, course, end))
    await remoteWrite(
      server.url,
      series.flatMap((one) => COPIES.map((copy) => copyOf(one, copy))),
    )
    counts.set(
      rule,
      courses.reduce((sum, { values }) => sum + values.length, 0),
    )
  }
  return counts
}

function recordedBy(
  { record, labels = {} }: RecordingRule,
  { metric, values }: Course,
  end: number,
): TimeSeries {
  const { __name__: _, ...own } = metric
  const times = new Set(values.map(([seconds]) => seconds))
  return {
    labels: { ...own, ...labels, __name__: record },
    samples: values.map(([seconds, value]) => ({ seconds, value: Number(value) })),
    staleAt: Array.from(times, (seconds) => seconds + STEP_SECONDS).filter(
      (seconds) => seconds <= end && !times.has(seconds),
    ),
  }
}

const copyOf = (
  { labels: { cluster = '', ...labels }, samples, staleAt }: TimeSeries,
  { shift, hasCluster }: (typeof COPIES)[number],
): TimeSeries => ({
  labels: hasCluster && cluster !== '' ? { cluster, ...labels } : labels,
  samples: samples.map(({ seconds, value }) => ({ seconds: seconds + shift, value })),
  staleAt: staleAt.map((seconds) => seconds + shift),
})
