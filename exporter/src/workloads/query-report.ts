/** What somebody says about queries that were answered, in the one form in which all of them are counted. */

/** Who says it, best first: of a workload and model one source counts. */
export const QUERY_SOURCES = ['configured', 'server', 'gateway', 'client'] as const
export type QuerySource = (typeof QUERY_SOURCES)[number]

/** Labels of what was answered. Empty where it is not known. */
export interface QueryLabels {
  readonly workload: string
  readonly namespace: string
  readonly model: string
  readonly variant: string
  /** What answered: `vllm`, `llama.cpp`, ...; the name of the preset. */
  readonly server: string
  readonly source: QuerySource
}

/** Whole numbers from 0 on. */
export interface QueryAmounts {
  /** Requests that were answered. */
  readonly queries: number
  /** Prompt tokens that had to be worked on. */
  readonly inputTokens: number
  /** Prompt tokens that came out of a cache; not part of `inputTokens`. */
  readonly cachedInputTokens: number
  readonly outputTokens: number
}

/** What was answered since the report before; one of nothing says that its source is there and goes on counting. */
export interface QueryReport extends QueryLabels, QueryAmounts {
  /** Some of it is not counted but concluded from something else. */
  readonly isEstimated: boolean
}

export const noAmounts: QueryAmounts = {
  queries: 0,
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
}

export const addAmounts = (one: QueryAmounts, other: QueryAmounts): QueryAmounts => ({
  queries: one.queries + other.queries,
  inputTokens: one.inputTokens + other.inputTokens,
  cachedInputTokens: one.cachedInputTokens + other.cachedInputTokens,
  outputTokens: one.outputTokens + other.outputTokens,
})

export const isNothing = ({ queries, inputTokens, cachedInputTokens, outputTokens }: QueryAmounts): boolean =>
  queries + inputTokens + cachedInputTokens + outputTokens === 0
