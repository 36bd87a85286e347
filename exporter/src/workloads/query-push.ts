/** What a client says that it has counted itself, as a report of the workload that it runs in. */
import type { WorkloadFacts } from '../model.ts'
import { normaliseModel } from './model-names.ts'
import type { QueryReport } from './query-report.ts'

/** Whole numbers from 0 on. */
export interface CountedByClient {
  /** Empty: that of the workload. */
  readonly model: string
  readonly queries: number
  /** With those that came out of a cache. */
  readonly inputTokens: number
  /** Not more than `inputTokens`. */
  readonly cachedInputTokens: number
  readonly outputTokens: number
}

export function pushedReport(counted: CountedByClient, facts: WorkloadFacts): QueryReport {
  const said = normaliseModel(counted.model)
  return {
    workload: facts.workload,
    namespace: facts.namespace,
    model: said.model || facts.model,
    variant: said.variant || (said.model === '' || said.model === facts.model ? facts.variant : ''),
    server: '',
    source: 'client',
    isEstimated: false,
    queries: counted.queries,
    inputTokens: Math.max(0, counted.inputTokens - counted.cachedInputTokens),
    cachedInputTokens: counted.cachedInputTokens,
    outputTokens: counted.outputTokens,
  }
}
