/** What all shipped rules say of each minute of the history and of its copies, in the Prometheus that has them. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { recordHistory } from '../../exporter/src/demo/recorded-history.ts'
import { remoteWrite, type TimeSeries } from '../../exporter/src/demo/remote-write.ts'
import { isAlert, type AlertRule, type RecordingRule, type RuleGroup } from '../../exporter/src/rules/rule.ts'
import { HISTORY_SECONDS, type Copy, type DemoPrometheus } from './demo-prometheus.ts'

/** Every rule that is shipped: file by file, in the order in which Prometheus evaluates them. */
async function shippedRules(): Promise<readonly RecordingRule[]> {
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
    groups.flatMap(({ rules }) => rules.map((rule) => (isAlert(rule) ? asRecorded(rule) : rule))),
  )
}

/** What Prometheus itself records of an alert. Two hours are shorter than some have to hold, so that those only wait. */
const asRecorded = ({ alert, expr, labels, for: duration }: AlertRule): RecordingRule => ({
  record: 'ALERTS',
  expr: `0 * (${expr}) + 1`,
  labels: { ...labels, alertname: alert, alertstate: duration === undefined ? 'firing' : 'pending' },
})

/** @returns how many samples each rule has given */
export const recordAll = async ({
  server: { url },
  end,
  copies,
}: DemoPrometheus): Promise<ReadonlyMap<RecordingRule, number>> =>
  recordHistory({ url, start: end - HISTORY_SECONDS, end }, await shippedRules(), (series) =>
    remoteWrite(
      url,
      series.flatMap((one) => copies.map((copy) => copyOf(one, copy))),
    ),
  )

const copyOf = (
  { labels: { cluster = '', ...labels }, samples, staleAt }: TimeSeries,
  { shift, hasCluster }: Copy,
): TimeSeries => ({
  labels: hasCluster && cluster !== '' ? { cluster, ...labels } : labels,
  samples: samples.map(({ seconds, value }) => ({ seconds: seconds + shift, value })),
  staleAt: staleAt.map((seconds) => seconds + shift),
})
