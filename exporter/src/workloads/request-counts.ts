/** From answered requests to what is counted of queries. */
import { normaliseModel } from './model-names.ts'
import type { QueryReport } from './query-report.ts'
import type { AnswerCounts, RequestEvent } from './request-events.ts'

export interface CountedOwner {
  readonly workload: string
  readonly namespace: string
  /** Empty: as the answers look. */
  readonly server: string
}

export const queryReportsOf = (
  events: readonly RequestEvent[],
  ownerOf: (proxy: string) => CountedOwner,
): readonly QueryReport[] =>
  events.flatMap((event): QueryReport[] => {
    if (event.kind !== 'ended' || event.answer === undefined) return []
    const { workload, namespace, server } = ownerOf(event.proxy)
    return [
      {
        workload,
        namespace,
        ...normaliseModel(event.model),
        server: server === '' ? event.answer.server : server,
        source: 'gateway',
        isEstimated: event.answer.isEstimated,
        queries: 1,
        ...tokensOf(event.answer),
      },
    ]
  })

/** The part of the prompt that came out of a cache was no work. */
function tokensOf({
  promptTokens,
  cachedPromptTokens,
  outputTokens,
}: AnswerCounts): Pick<QueryReport, 'inputTokens' | 'cachedInputTokens' | 'outputTokens'> {
  return {
    ...(promptTokens !== undefined && {
      inputTokens: Math.max(0, promptTokens - (cachedPromptTokens ?? 0)),
    }),
    ...(cachedPromptTokens !== undefined && { cachedInputTokens: cachedPromptTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
  }
}
