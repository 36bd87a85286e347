/** Counters of time as they are scraped, and what Prometheus answers when it is asked for their rate. In seconds. */

/** Time in a phase. */
export interface Stay {
  readonly phase: string
  readonly from: number
  readonly to: number
}

export interface Sample {
  readonly at: number
  readonly value: number
}

/** A phase has no counter before it was first in it, and then counts from what it stood at. */
export function scrapesOf(
  stays: readonly Stay[],
  phase: string,
  scrapes: readonly number[],
  before = 0,
): readonly Sample[] {
  const own = stays.filter((stay) => stay.phase === phase)
  return scrapes.flatMap((at) => {
    const spent = own.reduce((sum, { from, to }) => sum + Math.max(0, Math.min(at, to) - from), 0)
    return before + spent > 0 ? [{ at, value: before + spent }] : []
  })
}

/**
 * As Prometheus computes it (promql/functions.go, extrapolatedRate): the increase between the first and the last sample
 * within the window, extended to its ends, or by half the distance of two samples where an end is farther away than
 * that, and not beyond where the counter would be 0.
 */
export function rate(
  samples: readonly Sample[],
  at: number,
  window: number,
  isClosed: boolean,
): number | undefined {
  const within = samples.filter(
    (sample) => (isClosed ? sample.at >= at - window : sample.at > at - window) && sample.at <= at,
  )
  const first = within[0]
  const last = within[within.length - 1]
  if (first === undefined || last === undefined || within.length < 2) return undefined
  const increase = last.value - first.value
  const sampled = last.at - first.at
  const distance = sampled / (within.length - 1)
  const reach = (duration: number) => (duration < 1.1 * distance ? duration : distance / 2)
  const toZero = increase > 0 ? (sampled * first.value) / increase : Infinity
  const toStart = Math.min(first.at - (at - window), toZero)
  return (increase * (sampled + reach(toStart) + reach(at - last.at))) / sampled / window
}
