/** Queries of panels. */
import {
  DataqueryBuilder,
  PromQueryFormat,
  QueryEditorMode,
} from '@grafana/grafana-foundation-sdk/prometheus'

/** Whichever Prometheus is chosen at the head of the dashboard. */
export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' } as const

export interface Query {
  readonly refId: string
  /** PromQL. */
  readonly expr: string
  /** What a series is called, such as `{{workload}}`. */
  readonly legend?: string
}

export type Target = DataqueryBuilder

const target = ({ refId, expr, legend }: Query): Target => {
  const query = new DataqueryBuilder()
    .refId(refId)
    .datasource(DATASOURCE)
    .editorMode(QueryEditorMode.Code)
    .expr(expr)
  return legend === undefined ? query : query.legendFormat(legend)
}

/** One figure for each series, at the end of the range. */
export const instant = (query: Query): Target => target(query).instant().format(PromQueryFormat.TimeSeries)

/** The same as rows of a table. */
export const instantTable = (query: Query): Target => target(query).instant().format(PromQueryFormat.Table)

/** A course over the range. */
export const range = (query: Query): Target => target(query).range().format(PromQueryFormat.TimeSeries)

/** A course as rows of a table, each with its time. */
export const rangeTable = (query: Query): Target => target(query).range().format(PromQueryFormat.Table)

/** A course of the buckets of a histogram. */
export const rangeHeatmap = (query: Query): Target => target(query).range().format(PromQueryFormat.Heatmap)
