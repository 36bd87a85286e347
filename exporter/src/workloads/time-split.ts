/** Cuts a stretch of time at the edges of a calendar, and energy with it: the pieces add up to the whole exactly. */
import type { WallSpan } from '../model.ts'
import { seconds, type Seconds } from '../units.ts'

export interface Piece<Within extends WallSpan> {
  /** The period or block that the piece lies in. */
  readonly within: Within
  readonly start: Seconds
  readonly duration: Seconds
  /** The piece's part of an energy that was spent evenly over the whole stretch, in microjoules. */
  readonly shareOf: (energy: bigint) => bigint
}

/** No exporter looks back longer: such a span is no time that passed but a clock that was set. */
const LONGEST_SECONDS = 400 * 86_400

/** A board without a clock of its own begins in 1970. What was spent while the clock jumped is taken to be of its end. */
export const withoutJumps = ({ from, to }: WallSpan): WallSpan =>
  to > from && to - from <= LONGEST_SECONDS ? { from, to } : { from: to, to }

/** More than any tick takes: the exporter did not run, or the machine slept. */
const LONGEST_TICK_SECONDS = 300

export const isOneTick = ({ from, to }: WallSpan): boolean => to - from <= LONGEST_TICK_SECONDS

/**
 * In the order of time. A stretch without length, as where the clock was set back meanwhile, is one piece at its end.
 * @param withinAt the period around an instant; its end is above that instant
 * @param since what lies before is left out, and its energy with it
 */
export function* piecesOf<Within extends WallSpan>(
  span: WallSpan,
  withinAt: (wall: Seconds) => Within,
  since = -Infinity,
): Generator<Piece<Within>> {
  const whole = ticksBetween(span.from, span.to)
  if (whole <= 0n) {
    yield { within: withinAt(span.to), start: span.to, duration: seconds(0), shareOf: (energy) => energy }
    return
  }
  let from: number = Math.max(span.from, since)
  while (from < span.to) {
    const within = withinAt(seconds(from))
    const to = Math.min(within.to, span.to)
    const [before, after] = [ticksBetween(span.from, from), ticksBetween(span.from, to)]
    yield {
      within,
      start: seconds(from),
      duration: seconds(to - from),
      shareOf: (energy) => (energy * after) / whole - (energy * before) / whole,
    }
    from = to
  }
}

/** Microseconds: finer than a double tells Unix times apart. */
const ticksBetween = (from: number, to: number): bigint => BigInt(Math.round((to - from) * 1e6))
