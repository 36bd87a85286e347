import type { Seconds } from '../units.ts'

export interface Span {
  readonly from: Seconds
  readonly to: Seconds
}

/** Seconds that at least one of the spans covers. */
export function lengthOfUnion(spans: readonly Span[]): number {
  let length = 0
  let end = -Infinity
  for (const { from, to } of [...spans].sort((one, other) => one.from - other.from)) {
    if (to <= end) continue
    length += to - Math.max(from, end)
    end = to
  }
  return length
}
