/** Queries and tokens on the metrics page, and who reports them. What a source does not count has no series. */
import type { Seconds } from '../units.ts'
import type { QueryCounts, QueryRow } from '../workloads/query-counts.ts'
import type { AmountName } from '../workloads/query-report.ts'
import { catalogue } from './catalogue.ts'
import type { PageWriter, Row } from './page.ts'

/** An inference server whose metrics are read. */
export interface QueryServerRow {
  readonly url: string
  readonly server: string
  readonly workload: string
  readonly namespace: string
  readonly state: 'waiting' | 'counting' | 'silent'
  readonly reason: string
}

const DIRECTIONS = {
  input: 'inputTokens',
  cached_input: 'cachedInputTokens',
  output: 'outputTokens',
} as const satisfies Record<string, AmountName>

export function renderQueries(
  writer: PageWriter,
  state: {
    readonly at: Seconds
    readonly queries: Pick<QueryCounts, 'rows' | 'sources'>
    readonly queryServers: readonly QueryServerRow[]
  },
): void {
  const rows = state.queries.rows(state.at)
  writer.table(
    catalogue.workloadQueries,
    rows.flatMap((row) => rowOf(row, 'queries', [])),
  )
  writer.table(
    catalogue.workloadTokens,
    rows.flatMap((row) =>
      Object.entries(DIRECTIONS).flatMap(([direction, amount]) => rowOf(row, amount, [direction])),
    ),
  )
  writer.table(
    catalogue.workloadQuerySource,
    state.queries.sources(state.at).map(({ labels, counts }) => ({
      labels: [
        labels.workload,
        labels.namespace,
        labels.model,
        labels.variant,
        labels.server,
        labels.source,
        counts ? 'counted' : 'not_counted',
      ],
      value: 1,
    })),
  )
  const servers = state.queryServers.map(({ url, server, workload, namespace, state: doing, reason }) => [
    url,
    server,
    workload,
    namespace,
    doing,
    reason,
  ])
  const once = new Map(servers.map((labels) => [labels.join('\0'), labels]))
  writer.table(
    catalogue.queryServer,
    Array.from(once.values(), (labels) => ({ labels, value: 1 })),
  )
}

function rowOf(
  { labels, method, amounts, createdWall }: QueryRow,
  name: AmountName,
  more: readonly string[],
): Row[] {
  const value = amounts[name]
  if (value === undefined) return []
  const { workload, namespace, model, variant, server, source } = labels
  return [
    { labels: [workload, namespace, model, variant, server, source, method, ...more], value, createdWall },
  ]
}
