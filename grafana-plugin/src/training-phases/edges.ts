/**
 * Between which times a change of phase was, out of shares of time that overlap.
 *
 * A rate looks at the scrapes within its window, and does not say when those were: the newest is up to one scrape
 * interval old. Where a phase has no share at all, it was not there from the first to the newest of these scrapes. So
 * one that begins does so after the newest scrape of the last window without it, and one that ends does so before the
 * first scrape of the next window without it.
 */

/** A time in Unix milliseconds, known to this much on either side. */
export interface Edge {
  readonly at: number
  readonly uncertaintyMs: number
  /** No edge of the phase but of what is looked at. */
  readonly cut: boolean
}

/** Shares of time within a window that ends at a time. */
export interface Look {
  /** Unix milliseconds. */
  readonly time: number
  /** Of phases, each with its finer ones; one that is not in it has no figure yet. */
  readonly shares: ReadonlyMap<string, number>
  /** Of time in no phase: at least, and at most. */
  readonly untracked: number
  readonly perhapsUntracked: number
  /** How much of the window is after figures began, at most. */
  readonly known: number
}

/** In milliseconds. */
export interface Rhythm {
  /** Between looks. */
  readonly stepMs: number
  /** What a look spans. */
  readonly windowMs: number
  /** Between scrapes; 0 where a look spans its window exactly. */
  readonly scrapeMs: number
}

/** Looks that follow each other without a gap. */
export interface Stretch {
  readonly looks: readonly Look[]
  /** Something was before them that is not looked at. */
  readonly goesOnBefore: boolean
}

export interface Between {
  readonly from: number
  readonly to: number
}

/** Below this, a part of the time is in no phase. Rates of neighbouring scrapes wobble by some percent. */
export const TRACKED = 0.95
/** A rate of nothing is 0; what tables hold can be rounded. */
const NOTHING = 1e-6

/**
 * @param windowMs of a rate; 0 where looks tell all of the time between them, as tables do; nothing where it is not
 * told, and then as for $__rate_interval with a step of one scrape
 */
export function rhythmOf(stepMs: number, windowMs = 4 * stepMs): Rhythm {
  if (windowMs === 0) return { stepMs, windowMs: stepMs, scrapeMs: 0 }
  // $__rate_interval is a step and a scrape, and at least four scrapes
  const scrapeMs = windowMs > stepMs ? Math.min(windowMs / 4, windowMs - stepMs) : windowMs / 4
  return { stepMs, windowMs, scrapeMs }
}

/**
 * From one phase to another; undefined is none.
 * @param last the newest look at which the former is seen; at the next one it is the latter
 */
export function change(
  stretch: Stretch,
  last: number,
  former: string | undefined,
  latter: string | undefined,
  rhythm: Rhythm,
): Between {
  const { looks } = stretch
  const { windowMs, scrapeMs } = rhythm
  const without = lastWithout(looks, last, latter)
  const again = nextWithout(looks, last + 1, former)
  // What was in neither can have been between them; what a phase has not told yet is its own.
  const others = looks.slice(Math.max(0, without), again + 1).map((look) => {
    const untold = shareOf(look, latter) === undefined ? scrapeMs / windowMs : 0
    return look.known - (shareOf(look, former) ?? 0) - (shareOf(look, latter) ?? 0) - untold
  })
  const slackMs = Math.max(0, ...others, ...[former, latter].map(wobble)) * windowMs
  return {
    from: Math.max(timeOf(looks, last) - windowMs, earliest(stretch, without, latter, rhythm) - slackMs),
    to: Math.min(timeOf(looks, last + 1), latest(looks, again, rhythm) + slackMs),
  }
}

/** Where figures begin, of which none were there before. */
export function beginning({ looks }: Stretch, { stepMs, scrapeMs }: Rhythm): Between {
  const time = timeOf(looks, 0)
  // a rate needs two scrapes, and a phase has its first one at most one scrape after it began
  return scrapeMs === 0
    ? { from: time - stepMs, to: time - stepMs }
    : { from: time - stepMs - 2 * scrapeMs, to: time - scrapeMs }
}

/** Where figures end. */
export function ending({ looks }: Stretch, { stepMs, windowMs, scrapeMs }: Rhythm): Between {
  const time = timeOf(looks, looks.length - 1)
  // a rate goes on as long as two scrapes are in its window
  return scrapeMs === 0
    ? { from: time, to: time }
    : { from: time - windowMs + scrapeMs, to: time - windowMs + scrapeMs + stepMs }
}

/** An edge in the middle of where it can be, and not before another one. */
export function edgeWithin({ from, to }: Between, notBefore: number): Edge {
  const at = Math.max(notBefore, Math.round((from + to) / 2))
  const uncertaintyMs = Math.round(Math.max(Math.abs(at - from), Math.abs(to - at)))
  return { at, uncertaintyMs, cut: false }
}

function earliest(
  { looks, goesOnBefore }: Stretch,
  without: number,
  phase: string | undefined,
  { stepMs, scrapeMs }: Rhythm,
): number {
  const look = looks[without]
  if (look === undefined) return goesOnBefore ? -Infinity : timeOf(looks, 0) - stepMs - 2 * scrapeMs
  // one without any figure can have been scraped once
  return look.time - (shareOf(look, phase) === undefined ? 2 : 1) * scrapeMs
}

function latest(looks: readonly Look[], again: number, { stepMs, windowMs, scrapeMs }: Rhythm): number {
  const time = looks[again]?.time ?? timeOf(looks, looks.length - 1) + stepMs
  return time - windowMs + scrapeMs
}

function lastWithout(looks: readonly Look[], from: number, phase: string | undefined): number {
  let index = from
  while (index >= 0 && isIn(looks[index], phase)) index--
  return index
}

function nextWithout(looks: readonly Look[], from: number, phase: string | undefined): number {
  let index = from
  while (index < looks.length && isIn(looks[index], phase)) index++
  return index
}

const isIn = (look: Look | undefined, phase: string | undefined): boolean =>
  look !== undefined &&
  (phase === undefined ? look.perhapsUntracked : (look.shares.get(phase) ?? 0)) > NOTHING

/** Time in no phase is known as well as the sum of all others. */
const wobble = (phase: string | undefined): number => (phase === undefined ? 1 - TRACKED : 0)

const shareOf = ({ shares, untracked }: Look, phase: string | undefined): number | undefined =>
  phase === undefined ? untracked : shares.get(phase)

const timeOf = (looks: readonly Look[], index: number): number => looks[index]?.time ?? NaN
