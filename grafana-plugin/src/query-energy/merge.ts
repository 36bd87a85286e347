/** Several rows as one: energy and counts are summed first, and divided then. */
import { type Labels, sum } from '../model/cells'
import { type Part, PARTS } from '../model/parts'
import type { Earlier, PartFigure, Row } from './row'

export function mergeRows(rows: readonly Row[], labels: Labels, key: string): Row {
  const [first] = rows
  if (first === undefined) throw new Error('nothing to merge')
  if (rows.length === 1) return { ...first, key, labels }
  const parts = Object.fromEntries(PARTS.map((part) => [part, mergePart(rows, part)])) as Record<
    Part,
    PartFigure
  >
  return {
    key,
    labels,
    parts,
    queries: total(rows.map((row) => row.queries)),
    tokens: total(rows.map((row) => row.tokens)),
    // a quantile of a group is not to be had from the quantiles of its members
    median: undefined,
    percentile95: undefined,
    earlier: mergeEarlier(rows),
    cells: {},
    members: sum(rows.map((row) => row.members)),
  }
}

function mergePart(rows: readonly Row[], part: Part): PartFigure {
  const figures = rows.map((row) => row.parts[part])
  const measured = rows.flatMap((row) => {
    const figure = row.parts[part]
    return figure.state === 'measured' ? [{ figure, queries: row.queries }] : []
  })
  const [one] = measured
  if (one === undefined)
    return figures.find((figure) => figure.state !== 'no-figure') ?? { state: 'no-figure' }
  const queries = total(rows.map((row) => row.queries))
  if (queries === undefined || queries <= 0) {
    return { state: 'failed', why: 'energy per query of several needs the number of queries of each' }
  }
  const joules = sum(measured.map(({ figure, queries: own }) => figure.joulesPerQuery * (own ?? 0)))
  const without = rows.length - measured.length
  return {
    state: 'measured',
    joulesPerQuery: joules / queries,
    methods: unique(measured.flatMap(({ figure }) => figure.methods)),
    missing: [
      ...unique(measured.flatMap(({ figure }) => figure.missing)),
      ...(without > 0 ? [`${without} of ${rows.length} members`] : []),
    ],
  }
}

function mergeEarlier(rows: readonly Row[]): Earlier | undefined {
  const earlier = rows.map((row) => row.earlier)
  if (earlier.some((one) => one?.queries === undefined)) return undefined
  const known = earlier as readonly (Earlier & { queries: number })[]
  const queries = sum(known.map((one) => one.queries))
  if (queries <= 0) return undefined
  const joulesPerQuery: Partial<Record<Part, number>> = {}
  for (const part of PARTS) {
    const joules = total(
      known.map((one) => {
        const perQuery = one.joulesPerQuery[part]
        return perQuery === undefined ? undefined : perQuery * one.queries
      }),
    )
    if (joules !== undefined) joulesPerQuery[part] = joules / queries
  }
  return { joulesPerQuery, queries, tokens: total(known.map((one) => one.tokens)) }
}

/** A sum in which nothing may be missing. */
function total(figures: ReadonlyArray<number | undefined>): number | undefined {
  return figures.every((figure) => figure !== undefined) ? sum(figures) : undefined
}

const unique = (words: readonly string[]): readonly string[] => [...new Set(words)].sort()

export type Grouping = 'row' | 'workload' | 'model' | 'variant'

const GROUP_LABELS: Record<Grouping, readonly string[]> = {
  row: ['cluster', 'namespace', 'workload', 'model', 'variant'],
  workload: ['cluster', 'namespace', 'workload'],
  model: ['model'],
  variant: ['model', 'variant'],
}

/** One row for each workload, model or variant. */
export function groupRows(rows: readonly Row[], grouping: Grouping): readonly Row[] {
  if (grouping === 'row') return rows
  const groups = new Map<string, { labels: Labels; rows: Row[] }>()
  for (const row of rows) {
    const labels = Object.fromEntries(
      GROUP_LABELS[grouping].flatMap((name) => (row.labels[name] ? [[name, row.labels[name]]] : [])),
    )
    const key = JSON.stringify(GROUP_LABELS[grouping].map((name) => labels[name] ?? ''))
    const group = groups.get(key) ?? { labels, rows: [] }
    group.rows.push(row)
    groups.set(key, group)
  }
  return [...groups].map(([key, group]) => mergeRows(group.rows, group.labels, key))
}
