/** Bookings for tests, and what all buckets of a history hold together. */
import type { Booking, WorkloadFacts } from '../../exporter/src/model.ts'
import { EnergyTotal, microjoules, seconds, type Seconds } from '../../exporter/src/units.ts'
import { bucketOf, type ClosedBucket } from '../../exporter/src/workloads/history-bucket.ts'
import type { History } from '../../exporter/src/workloads/history.ts'

export const at = (text: string): Seconds => seconds(Date.parse(text) / 1000)

export const workload = (name: string, more: Partial<WorkloadFacts> = {}): WorkloadFacts => ({
  workload: name,
  namespace: '',
  kind: 'inference',
  model: '',
  variant: '',
  phase: '',
  user: '',
  account: '',
  podLabels: {},
  ...more,
})

export const LLAMA = workload('llama-chat', { namespace: 'prod', model: 'llama-3.1-8b', variant: 'fp8' })

export const used = (amount: number, who: WorkloadFacts = LLAMA): Booking => ({
  component: 'accelerator',
  part: 'accelerator',
  method: 'counter',
  amount: microjoules(amount),
  workload: who,
})

export const idle = (amount: number): Booking => ({
  component: 'cpu',
  part: 'idle',
  method: 'integrated',
  amount: microjoules(amount),
  reason: 'idle',
})

export const down = (amount: number): Booking => ({
  component: 'cpu',
  part: 'idle',
  method: 'counter',
  amount: microjoules(amount),
  reason: 'exporter_down',
})

export const sumOf = (buckets: readonly ClosedBucket[]): bigint =>
  EnergyTotal.of(...buckets.flatMap(({ rows }) => rows.map(({ energy }) => energy))).toBigInt()

export const ofUnit = (buckets: readonly ClosedBucket[], unit: ClosedBucket['unit']): ClosedBucket[] =>
  buckets.filter((bucket) => bucket.unit === unit)

/** Those that a history has not handed out yet. */
export function openBuckets(history: History): {
  readonly hours: readonly ClosedBucket[]
  readonly days: readonly ClosedBucket[]
  readonly ended: readonly ClosedBucket[]
} {
  const { hours, days, ended } = history.state()
  const buckets = (records: readonly unknown[]): ClosedBucket[] =>
    records.map((record) => {
      const bucket = bucketOf(record)
      if (bucket === undefined) throw new Error('not a bucket')
      return bucket
    })
  return { hours: buckets(hours), days: buckets(days), ended: buckets(ended) }
}
