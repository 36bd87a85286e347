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

/** What is counted of answers. */
export const AMOUNTS = ['queries', 'inputTokens', 'cachedInputTokens', 'outputTokens'] as const
export type AmountName = (typeof AMOUNTS)[number]

/** Whole numbers from 0 on. What a source does not count is absent, and has no series. */
export interface QueryAmounts {
  /** Requests that were answered. */
  readonly queries?: number
  /** Prompt tokens that had to be worked on. */
  readonly inputTokens?: number
  /** Prompt tokens that came out of a cache; not part of `inputTokens`. */
  readonly cachedInputTokens?: number
  readonly outputTokens?: number
}

/** What was answered since the report before; one of nothing says that its source is there and goes on counting. */
export interface QueryReport extends QueryLabels, QueryAmounts {
  /** Some of it is not counted but concluded from something else. */
  readonly isEstimated: boolean
}

export function addAmounts(one: QueryAmounts, other: QueryAmounts): QueryAmounts {
  const sum: Partial<Record<AmountName, number>> = { ...one }
  for (const name of AMOUNTS) {
    const more = other[name]
    if (more !== undefined) sum[name] = (one[name] ?? 0) + more
  }
  return sum
}

export const mapAmounts = (amounts: QueryAmounts, map: (amount: number) => number): QueryAmounts =>
  Object.fromEntries(
    AMOUNTS.flatMap((name) => {
      const amount = amounts[name]
      return amount === undefined ? [] : [[name, map(amount)]]
    }),
  )

export const isNothing = (amounts: QueryAmounts): boolean => AMOUNTS.every((name) => !amounts[name])
