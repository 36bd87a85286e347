/** Rows from one table of any data source: a row each, columns by the names in the README or as they are mapped. */
import { type DataFrame, type Field, FieldType } from '@grafana/data'
import { type Cell, isFigure, type Labels } from '../model/cells'
import { missingComponents, type Part, PARTS } from '../model/parts'
import type { PartFigure, Row } from './row'
import { KEY_LABELS, keyOf } from './read-queries'

/** What a column can be. */
export const TABLE_ROLES = [
  ...KEY_LABELS,
  ...PARTS,
  ...PARTS.map((part) => `${part}_method`),
  ...PARTS.map((part) => `${part}_components`),
  'queries',
  'tokens',
  'p50',
  'p95',
  ...PARTS.map((part) => `baseline_${part}`),
  'baseline_queries',
  'baseline_tokens',
] as const

/** By role, the name of the column that has it. */
export type Mapping = Readonly<Record<string, string | undefined>>

/** The frame that has a name and a part, if any. */
export function findTable(frames: readonly DataFrame[], mapping: Mapping): DataFrame | undefined {
  return frames.find((frame) => {
    const column = columnsOf(frame, mapping)
    const named = ['workload', 'model', 'variant'].some((role) => column(role) !== undefined)
    return named && PARTS.some((part) => column(part)?.type === FieldType.number)
  })
}

export function readTable(frame: DataFrame, mapping: Mapping): readonly Row[] {
  const column = columnsOf(frame, mapping)
  return Array.from({ length: frame.length }, (_, row) => readRow(column, row))
}

type Column = (role: string) => Field | undefined

function columnsOf(frame: DataFrame, mapping: Mapping): Column {
  const byName = new Map(frame.fields.map((field) => [field.name, field]))
  return (role) => byName.get(mapping[role] ?? role)
}

function readRow(column: Column, row: number): Row {
  const figure = (role: string) => {
    const value: unknown = column(role)?.values[row]
    return isFigure(value) ? value : undefined
  }
  const words = (role: string) => {
    const value: unknown = column(role)?.values[row]
    return typeof value === 'string' ? value.split(/[,\s]+/).filter(Boolean) : undefined
  }
  const labels: Record<string, string> = {}
  for (const name of KEY_LABELS) {
    const value: unknown = column(name)?.values[row]
    if (typeof value === 'number' || (typeof value === 'string' && value !== '')) labels[name] = String(value)
  }
  const cells: Partial<Record<Part, Cell>> = {}
  const parts = Object.fromEntries(
    PARTS.map((part): [Part, PartFigure] => {
      const field = column(part)
      if (field === undefined) return [part, { state: 'not-asked' }]
      const value = figure(part)
      if (value === undefined) {
        const anywhere = field.values.some((one: unknown) => isFigure(one))
        return [part, { state: anywhere ? 'no-figure' : 'not-measured' }]
      }
      cells[part] = { labels, value, field, row }
      const components = words(`${part}_components`)
      return [
        part,
        {
          state: 'measured',
          joulesPerQuery: value,
          methods: words(`${part}_method`) ?? [],
          missing:
            components === undefined
              ? []
              : missingComponents(part, new Set(components), figure('accelerator') !== undefined),
        },
      ]
    }),
  ) as Record<Part, PartFigure>
  const earlier = Object.fromEntries(
    PARTS.flatMap((part) => {
      const joules = figure(`baseline_${part}`)
      return joules === undefined ? [] : [[part, joules]]
    }),
  ) as Partial<Record<Part, number>>
  return {
    key: labelledKey(labels, row),
    labels: labels satisfies Labels,
    parts,
    queries: figure('queries'),
    tokens: figure('tokens'),
    median: figure('p50'),
    percentile95: figure('p95'),
    earlier:
      Object.keys(earlier).length === 0
        ? undefined
        : { joulesPerQuery: earlier, queries: figure('baseline_queries'), tokens: figure('baseline_tokens') },
    cells,
    members: 1,
  }
}

/** Tables can name a workload twice; each row stays a bar of its own. */
const labelledKey = (labels: Labels, row: number): string => `${keyOf(labels)}#${row}`
