/** The HTTP API of a Prometheus: instant and range queries. https://prometheus.io/docs/prometheus/latest/querying/api/ */
import { getSystemErrorMap } from 'node:util'
import { ReportError } from './report/options.ts'
import type { PrometheusDoor, Sample, Series } from './report/prometheus-figures.ts'
import type { Seconds } from './units.ts'

export interface PrometheusAccess {
  /** With the path that it is served below, if any. */
  readonly url: URL
  readonly bearerToken: string | undefined
  /** For each question. */
  readonly timeout: Seconds
}

export function prometheusClient(access: PrometheusAccess): PrometheusDoor {
  return {
    query: async (query, at) => {
      const answer = await ask(access, 'query', { query, time: String(at) })
      return resultOf(answer, 'vector', access).map((one) => {
        const { metric = {}, value = [] } = one as { metric?: Record<string, string>; value?: unknown[] }
        return { labels: metric, value: Number(value[1]) } satisfies Sample
      })
    },
    queryRange: async (query, from, to, step) => {
      const range = { query, start: String(from), end: String(to), step: String(step) }
      const answer = await ask(access, 'query_range', range)
      return resultOf(answer, 'matrix', access).map((one) => {
        const { values = [] } = one as { values?: unknown[][] }
        return {
          points: values.map(([wall, value]) => [Number(wall), Number(value)] as const),
        } satisfies Series
      })
    },
  }
}

interface Answer {
  readonly status?: unknown
  readonly error?: unknown
  readonly data?: { readonly resultType?: unknown; readonly result?: unknown }
}

async function ask(
  access: PrometheusAccess,
  path: 'query' | 'query_range',
  parameters: Readonly<Record<string, string>>,
): Promise<Answer> {
  const { url, bearerToken, timeout } = access
  const target = `${url.href.replace(/\/$/, '')}/api/v1/${path}`
  let status: number
  let text: string
  try {
    const response = await fetch(target, {
      method: 'POST', // a long question does not fit into an address
      headers: {
        accept: 'application/json',
        ...(bearerToken !== undefined && { authorization: `Bearer ${bearerToken}` }),
      },
      body: new URLSearchParams(parameters),
      signal: AbortSignal.timeout(timeout * 1000),
    })
    status = response.status
    text = await response.text()
  } catch (cause) {
    throw new ReportError(`${url.href} cannot be asked: ${whyNot(cause, timeout)}`)
  }
  if (status === 401 || status === 403) {
    throw new ReportError(
      `${url.href} refuses with ${status}: give a token that it accepts with --prometheus.bearer-token-file`,
    )
  }
  const answer = answerIn(text)
  if (answer === undefined) {
    throw new ReportError(`${url.href} does not answer as a Prometheus does (status ${status})`)
  }
  if (answer.status !== 'success') {
    const why = typeof answer.error === 'string' ? answer.error : `status ${status}`
    throw new ReportError(`${url.href} cannot answer: ${why}`)
  }
  return answer
}

function answerIn(text: string): Answer | undefined {
  try {
    const content: unknown = JSON.parse(text)
    return typeof content === 'object' && content !== null && 'status' in content ? content : undefined
  } catch {
    return undefined
  }
}

function resultOf(
  { data }: Answer,
  type: 'vector' | 'matrix',
  { url }: PrometheusAccess,
): readonly unknown[] {
  const result: unknown = data?.result
  if (data?.resultType !== type || !Array.isArray(result)) {
    throw new ReportError(`${url.href} does not answer as a Prometheus does`)
  }
  return result
}

/** What fetch hides in the cause of its `fetch failed`. */
function whyNot(cause: unknown, timeout: Seconds): string {
  const { name, cause: inner } = cause as Error
  if (name === 'TimeoutError') return `no answer within ${timeout} s`
  const { code, errno, message } = (inner ?? cause) as NodeJS.ErrnoException
  const sentence = getSystemErrorMap().get(errno ?? 0)?.[1]
  return sentence === undefined ? (code ?? message) : `${sentence} (${code ?? ''})`
}
