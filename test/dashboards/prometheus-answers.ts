/** Questions as Grafana's data source puts them to a Prometheus. */

/** Times are Unix seconds. */
export interface Question {
  readonly expr: string
  readonly start: number
  readonly end: number
  readonly step: number
}

export type Point = readonly [seconds: number, value: string]

export interface Course {
  readonly metric: Readonly<Record<string, string>>
  readonly values: readonly Point[]
}

/** A course over a range. */
export const ask = async (url: string, { expr, start, end, step }: Question): Promise<readonly Course[]> =>
  resultOf<Course>(url, 'query_range', {
    query: expr,
    start: String(start),
    end: String(end),
    step: String(step),
  })

/** Figures at an instant. */
export const askOnce = async (url: string, expr: string, time: number): Promise<readonly Course[]> => {
  const answer = await resultOf<{ metric: Course['metric']; value: Point }>(url, 'query', {
    query: expr,
    time: String(time),
  })
  return answer.map(({ metric, value }) => ({ metric, values: [value] }))
}

/** Values of a label of the series that fit. */
export async function labelValues(
  url: string,
  label: string,
  match: string,
  start: number,
  end: number,
): Promise<readonly string[]> {
  const words = new URLSearchParams({ 'match[]': match, start: String(start), end: String(end) })
  const response = await fetch(`${url}/api/v1/label/${label}/values?${words.toString()}`)
  const answer = (await response.json()) as { status: string; error?: string; data: string[] }
  if (answer.status !== 'success') throw new Error(`${match}: ${answer.error}`)
  return answer.data
}

async function resultOf<T>(url: string, kind: string, words: Record<string, string>): Promise<readonly T[]> {
  const response = await fetch(`${url}/api/v1/${kind}`, { method: 'POST', body: new URLSearchParams(words) })
  const answer = (await response.json()) as { status: string; error?: string; data: { result: T[] } }
  if (answer.status !== 'success') throw new Error(`${words['query']}: ${answer.error}`)
  return answer.data.result
}
