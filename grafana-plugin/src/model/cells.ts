/** Figures with their labels, out of the forms in which data sources send them. */
import { type DataFrame, type Field, FieldType } from '@grafana/data'

export type Labels = Readonly<Record<string, string>>

/** One figure, and the field and row where it stands: its configuration and links are there. */
export interface Cell {
  readonly labels: Labels
  readonly value: number
  readonly field: Field
  readonly row: number
}

const isNumber = (field: Field) => field.type === FieldType.number
const isText = (field: Field) => field.type === FieldType.string

/** The label of every column of text in a row; empty ones are left out, as Prometheus does. */
export function rowLabels(columns: readonly Field[], row: number): Labels {
  const labels: Record<string, string> = {}
  for (const column of columns) {
    const value: unknown = column.values[row]
    if (typeof value === 'string' && value !== '') labels[column.name] = value
  }
  return labels
}

/**
 * The figures of instant frames: a table (a row each, columns of text are its labels), one frame per series or a wide
 * frame (the labels stand at the field, the newest figure counts).
 */
export function instantCells(frames: readonly DataFrame[]): readonly Cell[] {
  return frames.flatMap((frame) => {
    const numbers = frame.fields.filter(isNumber)
    const columns = frame.fields.filter(isText)
    return columns.length > 0 ? tableCells(frame, numbers, columns) : seriesCells(numbers)
  })
}

function tableCells(frame: DataFrame, numbers: readonly Field[], columns: readonly Field[]): readonly Cell[] {
  const field = numbers.find((one) => one.name.startsWith('Value')) ?? numbers[numbers.length - 1]
  if (field === undefined) return []
  const cells: Cell[] = []
  for (let row = 0; row < frame.length; row++) {
    const value: unknown = field.values[row]
    if (isFigure(value)) cells.push({ labels: rowLabels(columns, row), value, field, row })
  }
  return cells
}

function seriesCells(numbers: readonly Field[]): readonly Cell[] {
  return numbers.flatMap((field) => {
    for (let row = field.values.length - 1; row >= 0; row--) {
      const value: unknown = field.values[row]
      if (isFigure(value)) return [{ labels: field.labels ?? {}, value, field, row }]
    }
    return []
  })
}

/** Neither null nor NaN nor infinite: a ratio by nothing is no figure. */
export const isFigure = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value)

export const sum = (figures: readonly number[]): number =>
  figures.reduce((total, figure) => total + figure, 0)
