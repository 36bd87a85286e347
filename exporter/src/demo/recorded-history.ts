/** What recording rules would have said of each minute of a history, put into the Prometheus that has it. */
import type { RecordingRule } from '../rules/rule.ts'
import type { TimeSeries } from './remote-write.ts'

/** Times are Unix seconds. */
export interface Past {
  /** Of a Prometheus, such as `http://localhost:9090`. */
  readonly url: string
  readonly start: number
  readonly end: number
}

const STEP_SECONDS = 60
/** Prometheus gives 11,000 at most. */
const STEPS_AT_ONCE = 10_000

/**
 * Evaluates rules in their order, each with what those before it have recorded.
 * @param write takes what is recorded; the next rule asks when it is there
 * @returns how many samples each rule has given
 * @throws Error when Prometheus does not answer, or with an error
 */
export async function recordHistory(
  { url, start, end }: Past,
  rules: readonly RecordingRule[],
  write: (series: readonly TimeSeries[]) => Promise<void>,
): Promise<ReadonlyMap<RecordingRule, number>> {
  const counts = new Map<RecordingRule, number>()
  for (const rule of rules) {
    let samples = 0
    for (let from = start; from <= end; from += STEPS_AT_ONCE * STEP_SECONDS) {
      const to = Math.min(end, from + (STEPS_AT_ONCE - 1) * STEP_SECONDS)
      const courses = await courseOf(url, rule.expr, from, to)
      await write(courses.map((course) => recordedBy(rule, course, end)))
      samples += courses.reduce((sum, { values }) => sum + values.length, 0)
    }
    counts.set(rule, samples)
  }
  return counts
}

interface Course {
  readonly metric: Readonly<Record<string, string>>
  readonly values: readonly (readonly [seconds: number, value: string])[]
}

async function courseOf(url: string, query: string, start: number, end: number): Promise<readonly Course[]> {
  const words = { query, start: String(start), end: String(end), step: String(STEP_SECONDS) }
  const response = await fetch(`${url}/api/v1/query_range`, {
    method: 'POST',
    body: new URLSearchParams(words),
  })
  const answer = (await response.json()) as { status: string; error?: string; data: { result: Course[] } }
  if (answer.status !== 'success') throw new Error(`${url} does not answer ${query}: ${answer.error}`)
  return answer.data.result
}

/** As Prometheus does it: a series that has no sample any more is marked so, and does not linger for five minutes. */
function recordedBy({ record, labels }: RecordingRule, { metric, values }: Course, end: number): TimeSeries {
  const times = new Set(values.map(([seconds]) => seconds))
  return {
    labels: { ...metric, ...labels, __name__: record },
    samples: values.map(([seconds, value]) => ({ seconds, value: Number(value.replace('Inf', 'Infinity')) })),
    staleAt: Array.from(times, (seconds) => seconds + STEP_SECONDS).filter(
      (seconds) => seconds <= end && !times.has(seconds),
    ),
  }
}
