/** Frames for tests, in the forms in which Grafana's data source for Prometheus sends them. */
import {
  type DataFrame,
  type FieldConfig,
  FieldType,
  LoadingState,
  type PanelData,
  toDataFrame,
} from '@grafana/data'

type Labels = Readonly<Record<string, string>>
export type Sample = readonly [labels: Labels, value: number | null]

/** An instant query in the format Table. */
export function table(refId: string, samples: readonly Sample[], config: FieldConfig = {}): DataFrame {
  const names = [...new Set(samples.flatMap(([labels]) => Object.keys(labels)))].sort()
  if (samples.length === 0) return toDataFrame({ refId, fields: [] })
  return toDataFrame({
    refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: samples.map(() => 0) },
      ...names.map((name) => ({
        name,
        type: FieldType.string,
        values: samples.map(([labels]) => labels[name] ?? null),
      })),
      { name: `Value #${refId}`, type: FieldType.number, values: samples.map(([, value]) => value), config },
    ],
  })
}

/** A query in the format Time series: a frame for each series. */
export function series(
  refId: string,
  lines: readonly (readonly [Labels, Readonly<Record<number, number | null>>])[],
): DataFrame[] {
  return lines.map(([labels, points]) =>
    toDataFrame({
      refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: Object.keys(points).map(Number) },
        { name: 'Value', type: FieldType.number, labels, values: Object.values(points) },
      ],
    }),
  )
}

/** Any table: a column for each key. */
export function columns(
  fields: Readonly<Record<string, readonly (string | number | null)[]>>,
  refId = 'A',
): DataFrame {
  return toDataFrame({
    refId,
    fields: Object.entries(fields).map(([name, values]) => ({
      name,
      type:
        name === 'time'
          ? FieldType.time
          : values.some((value) => typeof value === 'string')
            ? FieldType.string
            : FieldType.number,
      values: [...values],
    })),
  })
}

export function panelData(frames: readonly DataFrame[], changes: Partial<PanelData> = {}): PanelData {
  return {
    series: [...frames],
    state: LoadingState.Done,
    timeRange: {} as PanelData['timeRange'],
    ...changes,
  }
}
