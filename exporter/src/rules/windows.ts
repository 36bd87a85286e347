/**
 * The windows of recorded series. Only the shortest looks at raw counters. Longer ones are means of it, minute by minute:
 * a day of 500 nodes would be more samples than Prometheus lets a query load. Both sides of a ratio are known in the same
 * minutes, so that a time without Prometheus is missing from both.
 */
import type { RecordingRule } from './rule.ts'

export interface Window {
  /** As it stands in names: `rate5m`. */
  readonly name: string
  readonly seconds: number
}

const SHORTEST: Window = { name: '5m', seconds: 300 }
export const WINDOWS: readonly Window[] = [
  SHORTEST,
  { name: '1h', seconds: 3600 },
  { name: '1d', seconds: 86_400 },
]

/** Groups whose means stand on it must be evaluated so often. */
export const EVALUATION = { name: '1m', seconds: 60 }

export const rateOf = (counter: string): string => `rate(${counter}[${SHORTEST.name}])`

/** Half an evaluation short: exactly so many samples, whether Prometheus counts the one at the far end or not. */
const RANGES: Readonly<Record<string, string>> = { '1h': '59m30s', '1d': '23h59m30s' }

/** Sum of the recorded minutes of a window. A minute in which there was no such series counts as 0. */
export const minutesIn = (record: string, { name }: Window): string =>
  `sum_over_time(${record}[${RANGES[name] ?? name}])`

/** A series per second: from its counters over the shortest window, as the mean of that over a longer one. */
export function rateOver(series: string, shortest: string, window: Window): RecordingRule {
  const record = `${series}:rate${window.name}`
  if (window === SHORTEST) return { record, expr: shortest }
  return {
    record,
    expr: `${minutesIn(`${series}:rate${SHORTEST.name}`, window)} / ${window.seconds / EVALUATION.seconds}`,
  }
}

/** The next longer window, for what a shorter one says nothing about. */
export const longerThan = (window: Window): Window | undefined => WINDOWS[WINDOWS.indexOf(window) + 1]
