/** A report: who used how much in a period, how that is known, and what is not known. All sums are exact. */
import {
  BOUNDARIES,
  COMPONENTS,
  METHODS,
  REASONS,
  type Boundary,
  type Component,
  type Method,
  type Part,
} from '../model.ts'
import { EnergyTotal, seconds, type Seconds } from '../units.ts'
import { PARTS, type HistoryRow } from '../workloads/history-bucket.ts'
import type { Coverage, Figures } from './figures.ts'
import { COLUMNS, type Column } from './options.ts'
import type { Period } from './period.ts'

/** What energy is multiplied with at the very end. Nothing is ever booked in money or grams. */
export interface Factors {
  readonly price:
    | { readonly perKwh: number; readonly currency: string; readonly source: string; readonly date: string }
    | undefined
  readonly emissions:
    { readonly gramsPerKwh: number; readonly source: string; readonly date: string } | undefined
}

export interface ReportOptions {
  readonly period: Period
  /** Unix time at which it is made: a period that goes on is known up to here at most. */
  readonly now: Seconds
  /** This machine's name, or what it is a sum of. */
  readonly node: string
  /** Where the figures come from. */
  readonly source: string
  readonly boundary: Boundary
  readonly by: readonly Column[]
  readonly factors: Factors
}

export interface ReportLine {
  /** Of the columns asked for; the others are empty. */
  readonly labels: Readonly<Record<Column, string>>
  /** Empty for workloads. */
  readonly reason: string
  /** The narrowest that includes its part; that of the report where parts are not told apart. */
  readonly boundary: Boundary
  /** How it is known, `counter+estimated` where in several ways. */
  readonly method: string
  readonly energy: EnergyTotal
}

/** One boundary: its part and all before it. */
export interface BoundaryLine {
  readonly boundary: Boundary
  readonly part: Part
  /** Parts up to here of which there is no figure at all. */
  readonly notMeasured: readonly Part[]
  /** Empty where there is no figure, which is not the same as a measured zero. */
  readonly method: string
  readonly workloads: EnergyTotal
  readonly unattributed: EnergyTotal
  readonly together: EnergyTotal
}

export interface Report extends ReportOptions {
  readonly coverage: Coverage
  readonly notes: readonly string[]
  /** Components of which there is no figure in the period. */
  readonly notMeasured: readonly Component[]
  readonly workloads: readonly ReportLine[]
  readonly unattributed: readonly ReportLine[]
  readonly boundaries: readonly BoundaryLine[]
  readonly totals: {
    readonly workloads: EnergyTotal
    readonly unattributed: EnergyTotal
    readonly together: EnergyTotal
  }
}

export function reportOf({ rows, coverage, notes }: Figures, options: ReportOptions): Report {
  const parts = PARTS.slice(0, BOUNDARIES.indexOf(options.boundary) + 1)
  const within = rows.filter(({ part }) => parts.includes(part))
  const ofWorkloads = within.filter(({ reason }) => reason === '')
  const ofNobody = within.filter(({ reason }) => reason !== '')
  return {
    ...options,
    coverage: { ...coverage, until: seconds(Math.min(coverage.until, options.now)) }, // an hour can end early
    notes,
    notMeasured: COMPONENTS.filter((component) => !rows.some((row) => row.component === component)),
    workloads: largestFirst(linesOf(ofWorkloads, options.by, options.boundary), options.by),
    unattributed: linesOf(ofNobody, ['part'], options.boundary).sort(byReason),
    boundaries: boundariesOf(within, parts),
    totals: {
      workloads: totalOf(ofWorkloads),
      unattributed: totalOf(ofNobody),
      together: totalOf(within),
    },
  }
}

function linesOf(rows: readonly HistoryRow[], by: readonly Column[], widest: Boundary): ReportLine[] {
  const groups = new Map<string, HistoryRow[]>()
  for (const row of rows) {
    const key = JSON.stringify([row.reason, ...by.map((column) => row[column])])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [row])
    else group.push(row)
  }
  return Array.from(groups.values(), (group) => lineOf(group, by, widest))
}

function lineOf(rows: readonly HistoryRow[], by: readonly Column[], widest: Boundary): ReportLine {
  const [first] = rows
  const labels = Object.fromEntries(
    COLUMNS.map((column) => [column, by.includes(column) ? (first?.[column] ?? '') : '']),
  ) as Record<Column, string>
  return {
    labels,
    reason: first?.reason ?? '',
    boundary: first !== undefined && by.includes('part') ? boundaryOf(first.part) : widest,
    method: methodText(rows),
    energy: totalOf(rows),
  }
}

const boundaryOf = (part: Part): Boundary => BOUNDARIES[PARTS.indexOf(part)] ?? 'facility'

const methodText = (rows: readonly { readonly method: Method }[]): string =>
  METHODS.filter((method) => rows.some((row) => row.method === method)).join('+')

function totalOf(rows: readonly { readonly energy: EnergyTotal }[]): EnergyTotal {
  const total = new EnergyTotal()
  for (const { energy } of rows) total.addTotal(energy) // too many for the arguments of a call
  return total
}

/** The largest workload first with all its lines; within it the parts in the order of the boundaries. */
function largestFirst(lines: readonly ReportLine[], by: readonly Column[]): ReportLine[] {
  const names = by.filter((column) => column !== 'part' && column !== 'component' && column !== 'method')
  const nameOf = ({ labels }: ReportLine): string => JSON.stringify(names.map((column) => labels[column]))
  const sums = new Map<string, EnergyTotal>()
  for (const line of lines) {
    const name = nameOf(line)
    const sum = sums.get(name) ?? new EnergyTotal()
    sum.addTotal(line.energy)
    sums.set(name, sum)
  }
  return lines
    .map((line) => ({ line, name: nameOf(line), sum: sums.get(nameOf(line))?.toBigInt() ?? 0n }))
    .sort(
      (one, other) =>
        compare(other.sum, one.sum) ||
        compare(one.name, other.name) ||
        compare(rankOf(one.line), rankOf(other.line)),
    )
    .map(({ line }) => line)
}

const compare = <Value extends bigint | string | number>(one: Value, other: Value): number =>
  one < other ? -1 : one > other ? 1 : 0

const rankOf = ({ labels: { part, component, method } }: ReportLine): number =>
  (PARTS as readonly string[]).indexOf(part) * 100 +
  (COMPONENTS as readonly string[]).indexOf(component) * 10 +
  (METHODS as readonly string[]).indexOf(method)

const byReason = (one: ReportLine, other: ReportLine): number =>
  compare(
    (REASONS as readonly string[]).indexOf(one.reason),
    (REASONS as readonly string[]).indexOf(other.reason),
  ) || compare(rankOf(one), rankOf(other))

function boundariesOf(rows: readonly HistoryRow[], parts: readonly Part[]): BoundaryLine[] {
  return parts.map((part, index) => {
    const included = parts.slice(0, index + 1)
    const within = rows.filter((row) => included.includes(row.part))
    return {
      boundary: boundaryOf(part),
      part,
      notMeasured: included.filter((one) => !rows.some((row) => row.part === one)),
      method: methodText(within),
      workloads: totalOf(within.filter(({ reason }) => reason === '')),
      unattributed: totalOf(within.filter(({ reason }) => reason !== '')),
      together: totalOf(within),
    }
  })
}
