/** Series over time, and the input of this view, out of the answers to the shipped queries or out of tables. */
import { type DataFrame, type Field, FieldType } from '@grafana/data'
import { type Cell, instantCells, isFigure, type Labels, rowLabels } from '../model/cells'
import type { Input } from '../model/input'

export interface Series {
  readonly labels: Labels
  /** Unix milliseconds, ascending. */
  readonly times: readonly number[]
  readonly values: ReadonlyArray<number | null>
  readonly field: Field
}

export interface PhaseInput {
  /** Fraction of the time that a workload spent in a phase. */
  readonly timeline: readonly Series[]
  /** Watts. */
  readonly power: readonly Series[]
  /** Unix seconds at which the run began that goes on at that time. */
  readonly runs: readonly Series[]
  readonly energy: readonly Cell[]
  readonly seconds: readonly Cell[]
  readonly steps: readonly Cell[]
  readonly samples: readonly Cell[]
  /** What a rate looks back over, in milliseconds; 0: the time since the point before; nothing when it is not told. */
  readonly windowMs: number | undefined
}

export function readPhaseQueries(input: Input): PhaseInput {
  const cells = (refId: string) => instantCells(input.frames(refId))
  return {
    timeline: seriesOf(input.frames('timeline')),
    power: seriesOf(input.frames('power')),
    runs: seriesOf(input.frames('runs')),
    energy: cells('energy'),
    seconds: cells('seconds'),
    steps: cells('steps'),
    samples: cells('samples'),
    windowMs: windowOf(input.frames('timeline')),
  }
}

/** A frame per series, or a wide frame: every number beside a time. */
export function seriesOf(frames: readonly DataFrame[]): readonly Series[] {
  return frames.flatMap((frame) => {
    const time = frame.fields.find((field) => field.type === FieldType.time)
    if (time === undefined) return []
    return frame.fields
      .filter((field) => field.type === FieldType.number)
      .map((field) => ({ labels: field.labels ?? {}, times: time.values, values: field.values, field }))
  })
}

/** The window of the rate in an executed query: `rate(x[1m30s])` gives 90,000. */
export function windowOf(frames: readonly DataFrame[]): number | undefined {
  for (const frame of frames) {
    const found = /\[((?:\d+(?:ms|[smhdw]))+)\]/.exec(frame.meta?.executedQueryString ?? '')
    if (found?.[1] !== undefined) return durationMs(found[1])
  }
  return undefined
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

function durationMs(text: string): number {
  let total = 0
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[smhdw])/g)) {
    total += Number(count) * (UNIT_MS[unit ?? ''] ?? 0)
  }
  return total
}

/** What a column of a table can be. */
export const PHASE_ROLES = [
  'phase',
  'fraction',
  'watts',
  'run_start',
  'energy',
  'seconds',
  'steps',
  'samples',
] as const

type Mapping = Readonly<Record<string, string | undefined>>

const column = (frame: DataFrame, mapping: Mapping, role: string): Field | undefined =>
  frame.fields.find((field) => field.name === (mapping[role] ?? role))

const timeColumn = (frame: DataFrame): Field | undefined =>
  frame.fields.find((field) => field.type === FieldType.time)

/** A table over time with a phase and a fraction in each row; a second one, of totals, may stand beside it. */
export function findPhaseTables(
  frames: readonly DataFrame[],
  mapping: Mapping,
): { readonly timeline: DataFrame; readonly totals: DataFrame | undefined } | undefined {
  const has = (frame: DataFrame, role: string) => column(frame, mapping, role) !== undefined
  const timeline = frames.find((frame) => timeColumn(frame) && has(frame, 'phase') && has(frame, 'fraction'))
  if (timeline === undefined) return undefined
  const totals = frames.find(
    (frame) => frame !== timeline && has(frame, 'phase') && (has(frame, 'energy') || has(frame, 'seconds')),
  )
  return { timeline, totals }
}

export function readPhaseTables(
  { timeline, totals }: { readonly timeline: DataFrame; readonly totals: DataFrame | undefined },
  mapping: Mapping,
): PhaseInput {
  const cells = (role: string): readonly Cell[] => {
    const field = totals && column(totals, mapping, role)
    if (totals === undefined || field === undefined) return []
    return Array.from({ length: totals.length }, (_, row): Cell[] => {
      const value: unknown = field.values[row]
      return isFigure(value) ? [{ labels: tableLabels(totals, mapping, row, true), value, field, row }] : []
    }).flat()
  }
  return {
    timeline: longSeries(timeline, mapping, 'fraction', true),
    power: longSeries(timeline, mapping, 'watts', false),
    runs: longSeries(timeline, mapping, 'run_start', false),
    energy: cells('energy'),
    seconds: cells('seconds'),
    steps: cells('steps'),
    samples: cells('samples'),
    windowMs: 0,
  }
}

function tableLabels(frame: DataFrame, mapping: Mapping, row: number, withPhase: boolean): Labels {
  const phase = column(frame, mapping, 'phase')
  const texts = frame.fields.filter((field) => field.type === FieldType.string && field !== phase)
  const value: unknown = phase?.values[row]
  const own = rowLabels(texts, row)
  const mapped = ['workload', 'namespace', 'cluster'].flatMap((role): [string, string][] => {
    const text = own[mapping[role] ?? role]
    return text === undefined ? [] : [[role, text]]
  })
  return {
    ...own,
    ...Object.fromEntries(mapped),
    ...(withPhase && typeof value === 'string' && value !== '' ? { phase: value } : {}),
  }
}

/** Rows with a time, split by their labels. */
function longSeries(frame: DataFrame, mapping: Mapping, role: string, withPhase: boolean): readonly Series[] {
  const time = timeColumn(frame)
  const field = column(frame, mapping, role)
  if (time === undefined || field === undefined) return []
  const found = new Map<string, { labels: Labels; points: Map<number, number> }>()
  for (let row = 0; row < frame.length; row++) {
    const value: unknown = field.values[row]
    const at: unknown = time.values[row]
    if (!isFigure(value) || !isFigure(at)) continue
    const labels = tableLabels(frame, mapping, row, withPhase)
    const key = JSON.stringify(Object.entries(labels).sort())
    const one = found.get(key) ?? { labels, points: new Map<number, number>() }
    one.points.set(at, value)
    found.set(key, one)
  }
  return [...found.values()].map(({ labels, points }) => {
    const times = [...points.keys()].sort((a, b) => a - b)
    return { labels, times, values: times.map((at) => points.get(at) ?? null), field }
  })
}
