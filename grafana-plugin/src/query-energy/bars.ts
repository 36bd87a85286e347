/** Rows as bars: in one quantity, sorted, the small ones folded, compared with a baseline. All energies are joules. */
import { type Labels, sum } from '../model/cells'
import { BOUNDARIES, type Boundary, type Part, partsWithin, scopeWords } from '../model/parts'
import { factor, type Quantity } from '../model/quantity'
import { type Comparison, differenceOf, type Difference, referenceRow } from './difference'
import { type Grouping, groupRows, mergeRows } from './merge'
import { type PartFigure, type Row } from './row'

export type Order = 'most' | 'least' | 'name' | 'queries' | 'data'

export interface BarOptions {
  readonly quantity: Quantity
  readonly boundary: Boundary
  readonly grouping: Grouping
  readonly order: Order
  /** How many bars, with the rest as one more; 0 for all. */
  readonly top: number
  readonly comparison: Comparison
  /** Parts that are not shown and not counted. */
  readonly hidden: ReadonlySet<Part>
  readonly marks: boolean
}

export interface Segment {
  readonly part: Part
  readonly joules: number
  /** From 0 to 1 of the bar. */
  readonly share: number
  readonly methods: readonly string[]
  readonly estimated: boolean
  readonly missing: readonly string[]
}

/** A part that has no figure. */
export interface OpenPart {
  readonly part: Part
  readonly figure: Exclude<PartFigure, { state: 'measured' }>
}

export interface BoundaryTotal {
  readonly boundary: Boundary
  readonly joules: number
  /** Whether something within it is missing. */
  readonly partly: boolean
}

export interface Mark {
  readonly name: 'median' | '95th percentile'
  readonly joules: number
}

export interface Bar {
  readonly key: string
  readonly name: string
  readonly detail: string
  readonly row: Row
  readonly segments: readonly Segment[]
  readonly open: readonly OpenPart[]
  /** Of all segments; nothing where no part has a figure in this quantity. */
  readonly joules: number | undefined
  /** How much of the world the total includes, in words. */
  readonly scope: string
  readonly boundaries: readonly BoundaryTotal[]
  readonly marks: readonly Mark[]
  readonly difference: Difference | undefined
}

export interface Bars {
  readonly bars: readonly Bar[]
  /** The longest reach of a bar or mark, in joules; at least a little above 0. */
  readonly reach: number
  /** The parts that the boundary has and nobody hid. */
  readonly parts: readonly Part[]
}

export function barsOf(rows: readonly Row[], options: BarOptions): Bars {
  const grouped = groupRows(rows, options.grouping)
  const name = namesOf(grouped)
  const reference = referenceRow(grouped, options.comparison, (row) => name(row).name)
  const kept = partsWithin(options.boundary)
  const parts = kept.filter((part) => !options.hidden.has(part))
  const bar = (row: Row): Bar => ({ ...barOf(row, parts, kept, options, reference), ...name(row) })
  const sorted = grouped.map(bar).sort(comparing(options.order))
  const bars =
    options.top > 0 && sorted.length > options.top + 1
      ? [...sorted.slice(0, options.top), folded(sorted.slice(options.top), bar)]
      : sorted
  return { bars, reach: Math.max(1e-12, ...bars.map(reachOf)), parts }
}

function folded(rest: readonly Bar[], bar: (row: Row) => Bar): Bar {
  const rows = rest.map(({ row }) => row)
  return { ...bar(mergeRows(rows, {}, 'other')), name: 'other', detail: `${rows.length} more` }
}

function barOf(
  row: Row,
  parts: readonly Part[],
  kept: readonly Part[],
  { quantity, marks, comparison }: BarOptions,
  reference: Row | undefined,
): Omit<Bar, 'name' | 'detail'> {
  const times = factor(quantity, row)
  const measured = parts.flatMap((part) => {
    const figure = row.parts[part]
    return figure.state === 'measured' && times !== undefined
      ? [{ part, figure, joules: figure.joulesPerQuery * times }]
      : []
  })
  const joules = measured.length === 0 ? undefined : sum(measured.map((one) => one.joules))
  const segments = measured.map(({ part, figure, joules: own }): Segment => ({
    part,
    joules: own,
    share: joules === undefined || joules <= 0 ? 0 : own / joules,
    methods: figure.methods,
    estimated: figure.methods.includes('estimated'),
    missing: figure.missing,
  }))
  const open = parts.flatMap((part): OpenPart[] => {
    const figure = row.parts[part]
    return figure.state === 'measured' ? [] : [{ part, figure }]
  })
  return {
    key: row.key,
    row,
    segments,
    open,
    joules,
    scope: scopeOf(row, parts),
    boundaries: boundaryTotals(row, kept, times),
    marks: marks ? marksOf(row, quantity) : [],
    difference: differenceOf(row, parts, quantity, comparison, reference),
  }
}

/** The boundary of the total of a row, in words. */
export function scopeOf(row: Row, parts: readonly Part[]): string {
  const figures = parts.flatMap((part) => {
    const figure = row.parts[part]
    return figure.state === 'measured' ? [{ part, missing: figure.missing }] : []
  })
  return scopeWords(
    figures.map(({ part }) => part),
    figures.some(({ missing }) => missing.length > 0),
  )
}

function boundaryTotals(
  row: Row,
  kept: readonly Part[],
  times: number | undefined,
): readonly BoundaryTotal[] {
  const totals: BoundaryTotal[] = []
  let joules = 0
  let partly = false
  for (const [index, part] of kept.entries()) {
    const figure = row.parts[part]
    const boundary = BOUNDARIES[index]
    if (figure.state !== 'measured' || times === undefined || boundary === undefined) break
    joules += figure.joulesPerQuery * times
    partly ||= figure.missing.length > 0
    totals.push({ boundary, joules, partly })
  }
  return totals
}

/** Quantiles are of single requests: of their sum or of their tokens they say nothing. */
function marksOf(row: Row, quantity: Quantity): readonly Mark[] {
  const times = quantity === 'per-query' ? 1 : quantity === 'per-1000-queries' ? 1000 : undefined
  if (times === undefined) return []
  return [
    ...(row.median === undefined ? [] : [{ name: 'median' as const, joules: row.median * times }]),
    ...(row.percentile95 === undefined
      ? []
      : [{ name: '95th percentile' as const, joules: row.percentile95 * times }]),
  ]
}

const reachOf = (bar: Bar): number => Math.max(bar.joules ?? 0, ...bar.marks.map((mark) => mark.joules))

function comparing(order: Order): (a: Bar, b: Bar) => number {
  const figure = (bar: Bar) => bar.joules ?? -1
  switch (order) {
    case 'most':
      return (a, b) => figure(b) - figure(a)
    case 'least':
      return (a, b) => figure(a) - figure(b)
    case 'queries':
      return (a, b) => (b.row.queries ?? -1) - (a.row.queries ?? -1)
    case 'name':
      return (a, b) => a.name.localeCompare(b.name) || a.detail.localeCompare(b.detail)
    case 'data':
      return () => 0
  }
}

/** What tells rows apart: the workload and, where there are several, what else differs. */
function namesOf(rows: readonly Row[]): (row: Row) => { name: string; detail: string } {
  const varies = (label: string) => new Set(rows.map((row) => row.labels[label] ?? '')).size > 1
  const shown = ['model', 'variant', ...['namespace', 'cluster'].filter(varies)]
  return ({ labels }) => {
    const words = (['workload', ...shown] as const).flatMap((label) => labels[label] ?? [])
    const [name, ...rest] = words
    return { name: name ?? unnamed(labels), detail: rest.join(' · ') }
  }
}

const unnamed = (labels: Labels): string => Object.values(labels).join(' · ') || 'without a name'
