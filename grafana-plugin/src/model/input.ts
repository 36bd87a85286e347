/** What the panel was given: frames by query, and how each query fared. */
import { type DataFrame, LoadingState, type PanelData } from '@grafana/data'

export interface Input {
  /** Frames of a query; none when it answered with nothing. */
  readonly frames: (refId: string) => readonly DataFrame[]
  /** Whether there is such a query, with or without an answer. */
  readonly asked: (refId: string) => boolean
  /** Why a query failed. */
  readonly failure: (refId: string) => string | undefined
}

export function inputOf(data: PanelData): Input {
  const byRefId = new Map<string, DataFrame[]>()
  for (const frame of data.series) {
    const refId = frame.refId ?? ''
    byRefId.set(refId, [...(byRefId.get(refId) ?? []), frame])
  }
  const failures = new Map<string, string>()
  for (const error of data.errors ?? []) {
    failures.set(error.refId ?? '', error.message ?? error.data?.message ?? 'the query failed')
  }
  const asked = new Set([
    ...byRefId.keys(),
    ...failures.keys(),
    ...(data.request?.targets ?? []).filter((target) => target.hide !== true).map((target) => target.refId),
  ])
  return {
    frames: (refId) => byRefId.get(refId) ?? [],
    asked: (refId) => asked.has(refId),
    failure: (refId) => failures.get(refId),
  }
}

/** Nothing has arrived yet, and something is on its way. */
export const isWaiting = (data: PanelData): boolean =>
  data.series.length === 0 && (data.state === LoadingState.Loading || data.state === LoadingState.NotStarted)
