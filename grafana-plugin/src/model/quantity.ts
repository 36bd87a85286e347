/** What a bar shows: joules by query, token or thousand queries, or all of them, and the unit that they are shown in. */

export const QUANTITIES = ['per-query', 'per-token', 'per-1000-queries', 'total'] as const
export type Quantity = (typeof QUANTITIES)[number]

export interface QuantityAbout {
  readonly label: string
  /** Behind a figure, after its unit. */
  readonly suffix: string
  /** Grafana's name of the unit that people expect. */
  readonly unit: string
}

export const QUANTITY: Record<Quantity, QuantityAbout> = {
  'per-query': { label: 'Energy per query', suffix: 'per query', unit: 'joule' },
  'per-token': { label: 'Energy per token', suffix: 'per token', unit: 'joule' },
  'per-1000-queries': { label: 'Energy per 1,000 queries', suffix: 'per 1,000 queries', unit: 'watth' },
  total: { label: 'Energy', suffix: '', unit: 'watth' },
}

/** Counts that turn joules per query into a quantity. */
export interface Counts {
  readonly queries: number | undefined
  readonly tokens: number | undefined
}

/** What has to be known for a quantity, besides joules per query. */
export const NEEDS: Record<Quantity, ReadonlyArray<keyof Counts>> = {
  'per-query': [],
  'per-token': ['queries', 'tokens'],
  'per-1000-queries': [],
  total: ['queries'],
}

/** What joules per query are multiplied with, to be joules of the quantity; nothing where a count is not known. */
export function factor(quantity: Quantity, { queries, tokens }: Counts): number | undefined {
  switch (quantity) {
    case 'per-query':
      return 1
    case 'per-1000-queries':
      return 1000
    case 'total':
      return queries
    case 'per-token':
      return queries === undefined || tokens === undefined || tokens <= 0 ? undefined : queries / tokens
  }
}

const JOULES: Readonly<Record<string, number>> = { joule: 1, watth: 3600, kwatth: 3.6e6, mwatth: 3.6e9 }

/** Joules as a figure in a unit of Grafana's; what is no unit of energy leaves them joules. */
export const inUnit = (joules: number, unit: string): number => joules / (JOULES[unit] ?? 1)
