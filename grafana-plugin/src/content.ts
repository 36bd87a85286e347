/** Which view the data are for, what it is given, and what is amiss with the queries. */
import type { PanelData } from '@grafana/data'
import { type Input, inputOf, isWaiting } from './model/input'
import { PARTS } from './model/parts'
import { QUERY_ENERGY_QUERIES, type ShippedQuery, TRAINING_PHASES_QUERIES } from './model/queries'
import { NEEDS } from './model/quantity'
import type { PanelOptions, ViewName } from './options'
import { readQueries } from './query-energy/read-queries'
import { findTable, readTable } from './query-energy/read-table'
import type { Row } from './query-energy/row'
import { findPhaseTables, type PhaseInput, readPhaseQueries, readPhaseTables } from './training-phases/series'

/** A query that is missing or failed, and the one to use. */
export interface Problem {
  readonly refId: string
  readonly kind: 'missing' | 'failed'
  readonly text: string
  readonly query: ShippedQuery | undefined
}

export type Content =
  | { readonly kind: 'waiting' }
  /** Nothing that the panel knows was asked. */
  | { readonly kind: 'unknown-data'; readonly view: ViewName; readonly problems: readonly Problem[] }
  | { readonly kind: 'query-energy'; readonly rows: readonly Row[]; readonly problems: readonly Problem[] }
  | { readonly kind: 'training-phases'; readonly input: PhaseInput; readonly problems: readonly Problem[] }

type Settings = Pick<PanelOptions, 'view' | 'quantity' | 'compareWith'> & {
  readonly mapping: NonNullable<PanelOptions['mapping']>
}

const QUERIES: Record<ViewName, readonly ShippedQuery[]> = {
  'query-energy': QUERY_ENERGY_QUERIES,
  'training-phases': TRAINING_PHASES_QUERIES,
}

export function contentOf(data: PanelData, settings: Settings): Content {
  if (isWaiting(data)) return { kind: 'waiting' }
  const input = inputOf(data)
  const view = settings.view === 'auto' ? viewFor(data, input, settings) : settings.view
  const asked = QUERIES[view].some(({ refId }) => input.asked(refId))
  if (asked) {
    const problems = [...problemsOf(view, input, settings), ...strangers(view, data)]
    return view === 'query-energy'
      ? { kind: view, rows: readQueries(input), problems }
      : { kind: view, input: readPhaseQueries(input), problems }
  }
  if (view === 'query-energy') {
    const table = findTable(data.series, settings.mapping)
    if (table !== undefined)
      return { kind: view, rows: readTable(table, settings.mapping), problems: failures(data) }
  } else {
    const tables = findPhaseTables(data.series, settings.mapping)
    if (tables !== undefined)
      return { kind: view, input: readPhaseTables(tables, settings.mapping), problems: failures(data) }
  }
  return {
    kind: 'unknown-data',
    view,
    problems: [...failures(data), ...problemsOf(view, input, settings)],
  }
}

/** The view that the data fit. */
export function viewFor(data: PanelData, input: Input, { mapping }: Pick<Settings, 'mapping'>): ViewName {
  if (input.asked('timeline')) return 'training-phases'
  const parts = PARTS.some((part) => input.asked(part))
  return !parts && findPhaseTables(data.series, mapping) !== undefined ? 'training-phases' : 'query-energy'
}

function problemsOf(view: ViewName, input: Input, settings: Settings): readonly Problem[] {
  return QUERIES[view].flatMap((query): Problem[] => {
    const failure = input.failure(query.refId)
    if (failure !== undefined) {
      return [{ refId: query.refId, kind: 'failed', text: `Query ${query.refId} failed: ${failure}`, query }]
    }
    if (input.asked(query.refId) || !isNeeded(query, settings)) return []
    return [
      {
        refId: query.refId,
        kind: 'missing',
        text: `There is no query ${query.refId}: ${query.purpose} cannot be shown.`,
        query,
      },
    ]
  })
}

/** Optional queries are missed only where an option asks for what they tell. */
function isNeeded({ refId, optional }: ShippedQuery, { quantity, compareWith }: Settings): boolean {
  if (refId === 'tokens') return quantity === 'per-token'
  if (!optional) return true
  if (compareWith !== 'earlier' || !refId.startsWith('baseline_')) return false
  const needs: readonly string[] = NEEDS[quantity]
  const count = refId.slice('baseline_'.length)
  return count === 'queries' || count === 'tokens' ? needs.includes(count) : true
}

/** Failures of queries that are none of the shipped ones. */
function strangers(view: ViewName, data: PanelData): readonly Problem[] {
  const known = new Set(QUERIES[view].map(({ refId }) => refId))
  return failures(data).filter(({ refId }) => !known.has(refId))
}

function failures(data: PanelData): readonly Problem[] {
  return (data.errors ?? []).map((error) => ({
    refId: error.refId ?? '',
    kind: 'failed',
    text: `${error.refId === undefined ? 'A query' : `Query ${error.refId}`} failed: ${
      error.message ?? error.data?.message ?? 'no reason was given'
    }`,
    query: undefined,
  }))
}
