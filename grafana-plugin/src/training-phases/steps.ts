/** From series to steps in time: which share each phase took, and which took most. */
import { isFigure, sum } from '../model/cells'
import type { Range } from './blocks'
import { type Between, type Look, type Rhythm, type Stretch, TRACKED } from './edges'
import type { Series } from './series'

/** Time is untracked where it is surely in no phase. */
export interface Step extends Look {
  /** The middle of what the rate looked at. */
  readonly at: number
  /** Nothing where the time is untracked. */
  readonly phase: string | undefined
  /** By path. */
  readonly fractions: ReadonlyMap<string, number>
}

export interface StepStretch extends Stretch {
  readonly looks: readonly Step[]
}

export const coarse = (phase: string): string => phase.split('/')[0] ?? phase

/** The smallest distance of two points, in milliseconds. */
export function stepOf(series: readonly Series[]): number {
  let step = Infinity
  for (const { times } of series) {
    for (let index = 1; index < times.length; index++) {
      const distance = (times[index] ?? 0) - (times[index - 1] ?? 0)
      if (distance > 0 && distance < step) step = distance
    }
  }
  return step === Infinity ? 15_000 : step
}

export function stretchesOf(series: readonly Series[], rhythm: Rhythm, range: Range): readonly StepStretch[] {
  const stretches: Told[][] = []
  let before = -Infinity
  for (const told of fractionsOf(series)) {
    if (told.time - before > 1.5 * rhythm.stepMs) stretches.push([])
    stretches[stretches.length - 1]?.push(told)
    before = told.time
  }
  return stretches.map((all, index) => {
    const first = all[0]?.time ?? 0
    const goesOnBefore = index === 0 && first - range.from < rhythm.stepMs
    const last = all[all.length - 1]?.time ?? 0
    const goesOnAfter = index === stretches.length - 1 && range.to - last < rhythm.stepMs
    const births = birthsOf(all)
    const told = {
      from: goesOnBefore ? -Infinity : first,
      to: goesOnAfter ? Infinity : last,
    }
    const looks: Step[] = []
    for (const one of all) {
      const look = lookAt(one, told, births, rhythm)
      const phase = phaseAt(look, looks[looks.length - 1], rhythm)
      looks.push({ ...look, at: look.time - rhythm.windowMs / 2, phase, fractions: one.fractions })
    }
    return { looks, goesOnBefore }
  })
}

/** Fractions of time by path. */
interface Told {
  readonly time: number
  readonly fractions: ReadonlyMap<string, number>
}

/** When phases have figures that had none at the look before. */
function birthsOf(all: readonly Told[]): readonly number[] {
  return all.flatMap(({ time, fractions }, index) => {
    const before = all[index - 1]?.fractions
    if (before === undefined) return []
    return [...fractions.keys()].filter((path) => !before.has(path)).map(() => time)
  })
}

/** By time, ascending, and path. */
function fractionsOf(series: readonly Series[]): readonly Told[] {
  const fractions = new Map<number, Map<string, number>>()
  for (const { labels, times, values } of series) {
    const phase = labels['phase'] ?? ''
    for (const [index, value] of values.entries()) {
      const at = times[index]
      if (!isFigure(value) || at === undefined) continue
      const own = fractions.get(at) ?? new Map<string, number>()
      if (phase !== '') own.set(phase, (own.get(phase) ?? 0) + value)
      fractions.set(at, own)
    }
  }
  return [...fractions].map(([time, own]) => ({ time, fractions: own })).sort((a, b) => a.time - b.time)
}

/** @param told when figures begin and end, of which there are none before and after */
function lookAt(
  { time, fractions }: Told,
  told: Between,
  births: readonly number[],
  { stepMs, windowMs, scrapeMs }: Rhythm,
): Look {
  const shares = new Map<string, number>()
  for (const [path, fraction] of fractions) {
    shares.set(coarse(path), (shares.get(coarse(path)) ?? 0) + fraction)
  }
  const tracked = sum([...shares.values()])
  // A window can reach back to when there was nothing yet, which is one to three scrapes before the first rate; and on
  // to when there was nothing any more, since two scrapes in it are enough.
  const within = (before: number, after: number) =>
    scrapeMs === 0
      ? 1
      : Math.min(1, (time - told.from + before) / windowMs, (told.to - time + after) / windowMs)
  const known = within(stepMs + 2 * scrapeMs, stepMs + scrapeMs)
  // A rate misses what a phase had at its first scrape, and reaches half a scrape less far: its share is too small,
  // and what is left for no phase too large.
  const born = births.filter((birth) => birth > time - windowMs && birth <= time + stepMs).length
  const visible = (share: number) => (share > 1 - TRACKED ? share : 0)
  return {
    time,
    shares,
    known,
    untracked: visible(within(scrapeMs, scrapeMs) - tracked - (born * 3 * scrapeMs) / windowMs),
    perhapsUntracked: visible(known - tracked),
  }
}

/**
 * The phase that takes most of the time; nothing where untracked time takes more. What becomes a smaller part of the
 * window does not begin. A rate reaches half a scrape further once a phase has been there for a whole window.
 */
function phaseAt(look: Look, before: Step | undefined, { windowMs, scrapeMs }: Rhythm): string | undefined {
  const stays = (phase: string | undefined) => before !== undefined && before.phase === phase
  const grows = (share: number, former = 0) => share > former * (1 + scrapeMs / 2 / windowMs)
  // what is left in the window was after what is gone from it
  const isGone = before?.phase !== undefined && (look.shares.get(before.phase) ?? 0) <= 0
  const isUntracked = isGone || stays(undefined) || grows(look.perhapsUntracked, before?.perhapsUntracked)
  let most = isUntracked ? look.untracked : 0
  let phase: string | undefined
  for (const [name, share] of look.shares) {
    if (share <= most || !(isGone || stays(name) || grows(share, before?.shares.get(name)))) continue
    most = share
    phase = name
  }
  return phase
}
