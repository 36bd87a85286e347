/** A table: rows by labels, a column for each query. */
import { TableSortByFieldStateBuilder } from '@grafana/grafana-foundation-sdk/common'
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table'
import { withWords, type PanelWords } from './core-panels.ts'
import { instantTable } from './targets.ts'
import type { Unit } from './units.ts'

export interface LabelColumn {
  readonly label: string
  readonly title: string
}

export interface FigureColumn {
  readonly refId: string
  readonly title: string
  readonly unit: Unit
  /** PromQL; its labels are those of the table's rows. */
  readonly expr: string
  readonly decimals?: number
  /** Further field properties by their Grafana names, such as `custom.cellOptions`, `mappings`, `links`. */
  readonly properties?: readonly { readonly id: string; readonly value: unknown }[]
}

export interface TableWords extends Omit<PanelWords, 'targets'> {
  readonly rows: readonly LabelColumn[]
  readonly columns: readonly FigureColumn[]
  /** Title of the column that orders, greatest first. */
  readonly order: string
}

/** Labels that are not a row's name are left out; the queries sum them away already. */
export function table(words: TableWords): TablePanel {
  const { rows, columns, order } = words
  const targets = columns.map(({ refId, expr }) => instantTable({ refId, expr }))
  const valueOf = (refId: string): string => (columns.length === 1 ? 'Value' : `Value #${refId}`)
  const names = [...rows.map(({ label }) => label), ...columns.map(({ refId }) => valueOf(refId))]
  const titles = [...rows.map(({ title }) => title), ...columns.map(({ title }) => title)]
  const panel = withWords(new TablePanel(), { ...words, targets })
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: { Time: true },
        indexByName: Object.fromEntries(names.map((name, index) => [name, index])),
        renameByName: Object.fromEntries(rows.map(({ label, title }) => [label, title])),
      },
    })
    .sortBy([new TableSortByFieldStateBuilder().displayName(order).desc(true)])
  if (!titles.includes(order)) throw new Error(`${words.title}: no column ${order}`)
  return columns.reduce(
    (builder, { refId, title, unit, decimals, properties = [] }) =>
      builder.overrideByName(valueOf(refId), [
        // a display name, and not a rename of the transformation: Grafana puts variables into it
        { id: 'displayName', value: title },
        { id: 'unit', value: unit },
        ...(decimals === undefined ? [] : [{ id: 'decimals', value: decimals }]),
        ...properties,
      ]),
    panel,
  )
}
