/** How much more or less than a baseline: another row, or the same one of the week before. */
import { sum } from '../model/cells'
import type { Part } from '../model/parts'
import { factor, type Quantity } from '../model/quantity'
import { joulesOf, type Row } from './row'

export type Comparison =
  | { readonly with: 'nothing' }
  | { readonly with: 'row'; readonly name: string }
  | { readonly with: 'earlier' }

export interface Difference {
  /** Joules more than the baseline; negative for less. */
  readonly joules: number
  /** Of the baseline; nothing where that is 0. */
  readonly ratio: number | undefined
  /** What the baseline is, in words. */
  readonly against: string
  /** The parts that both have a figure of: only these are compared. */
  readonly parts: readonly Part[]
}

/** The row that the others are compared with. */
export function referenceRow(
  rows: readonly Row[],
  comparison: Comparison,
  name: (row: Row) => string,
): Row | undefined {
  if (comparison.with !== 'row') return undefined
  const wanted = comparison.name
  return (
    rows.find((row) => name(row) === wanted) ?? rows.find((row) => Object.values(row.labels).includes(wanted))
  )
}

export function differenceOf(
  row: Row,
  parts: readonly Part[],
  quantity: Quantity,
  comparison: Comparison,
  reference: Row | undefined,
): Difference | undefined {
  if (comparison.with === 'nothing' || row === reference) return undefined
  const baseline =
    comparison.with === 'row'
      ? reference && {
          joules: (part: Part) => joulesOf(reference.parts[part]),
          counts: reference,
          against: comparison.name,
        }
      : row.earlier && {
          joules: (part: Part) => row.earlier?.joulesPerQuery[part],
          counts: row.earlier,
          against: 'the week before',
        }
  if (baseline === undefined) return undefined
  const times = factor(quantity, row)
  const timesBefore = factor(quantity, baseline.counts)
  const common = parts.flatMap((part) => {
    const now = joulesOf(row.parts[part])
    const before = baseline.joules(part)
    return now === undefined || before === undefined ? [] : [{ part, now, before }]
  })
  if (times === undefined || timesBefore === undefined || common.length === 0) return undefined
  const before = sum(common.map((one) => one.before)) * timesBefore
  const joules = sum(common.map((one) => one.now)) * times - before
  return {
    joules,
    ratio: before > 0 ? joules / before : undefined,
    against: baseline.against,
    parts: common.map((one) => one.part),
  }
}
