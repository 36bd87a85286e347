import { seconds, type Seconds } from '../units.ts'

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

/** What is left of a span without others. */
export function without(span: Span, others: readonly Span[]): readonly Span[] {
  let left: readonly Span[] = [span]
  for (const other of others) {
    left = left.flatMap(({ from, to }) =>
      [
        { from, to: seconds(Math.min(to, other.from)) },
        { from: seconds(Math.max(from, other.to)), to },
      ].filter((part) => part.to > part.from),
    )
  }
  return left
}
