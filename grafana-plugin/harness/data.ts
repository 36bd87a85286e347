/** Answers of a Prometheus as Grafana's data source makes frames of them. */
import type { FieldData, FrameData } from './scene'

export type Labels = Readonly<Record<string, string>>
export interface Sample {
  readonly labels: Labels
  readonly value: number
}

/** An instant query in the format Table: one frame, a column for each label. */
export function tableFrame(refId: string, samples: readonly Sample[], at: number): FrameData {
  if (samples.length === 0) return { refId, fields: [] }
  const names = [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))].sort()
  return {
    refId,
    meta: { preferredVisualisationType: 'table' },
    fields: [
      { name: 'Time', type: 'time', values: samples.map(() => at) },
      ...names.map((name): FieldData => ({
        name,
        type: 'string',
        values: samples.map(({ labels }) => labels[name] ?? null),
        config: { filterable: true },
      })),
      { name: `Value #${refId}`, type: 'number', values: samples.map(({ value }) => value) },
    ],
  }
}

export interface Line {
  readonly labels: Labels
  readonly times: readonly number[]
  readonly values: ReadonlyArray<number | null>
}

/** A range query in the format Time series: a frame per series. */
export function seriesFrames(refId: string, lines: readonly Line[], executed?: string): readonly FrameData[] {
  return lines.map(({ labels, times, values }) => ({
    refId,
    ...(executed === undefined ? {} : { meta: { executedQueryString: executed } }),
    fields: [
      { name: 'Time', type: 'time', values: times },
      { name: 'Value', type: 'number', values, labels },
    ],
  }))
}

/** Any table: a column for each key. */
export function columnsFrame(
  fields: Readonly<Record<string, ReadonlyArray<string | number | null>>>,
): FrameData {
  return {
    refId: 'A',
    fields: Object.entries(fields).map(([name, values]) => ({
      name,
      type: values.some((value) => typeof value === 'string') ? 'string' : 'number',
      values,
    })),
  }
}
