/**
 * Hours, days, weeks and months as people and utilities count them, in one IANA time zone. Instants are Unix time in
 * seconds. The zone's rules come from ICU (`Intl.DateTimeFormat`), so that daylight saving, half-hour zones and
 * changes of law are right without a table of our own.
 */
import type { WallSpan } from '../model.ts'
import { seconds, type Seconds } from '../units.ts'

/** A day of the Gregorian calendar; `month` from 1 to 12. */
export interface LocalDate {
  readonly year: number
  readonly month: number
  readonly day: number
}

const HOUR = 3600
const DAY = 24 * HOUR
/** Clocks change at instants that are whole quarters of an hour of Unix time. */
const QUARTER = 900

export class Calendar {
  /** As the IANA database spells it, for example `Europe/Berlin`. */
  readonly zone: string
  readonly #format: Intl.DateTimeFormat
  #known: { quarter: number; offset: number } | undefined

  /** @throws RangeError when ICU does not know the zone */
  constructor(zone: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    this.zone = this.#format.resolvedOptions().timeZone
  }

  /** The zone that this machine is set to. */
  static ofThisMachine(): Calendar {
    return new Calendar(new Intl.DateTimeFormat().resolvedOptions().timeZone)
  }

  dateOf(wall: Seconds): LocalDate {
    const date = new Date((wall + this.#offset(wall)) * 1000)
    return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
  }

  /** The first instant of a day: midnight, or the end of the gap where clocks are put forward over it. */
  startOfDay(date: LocalDate): Seconds {
    const midnight = asIfUtc(date)
    let [before, after] = [midnight - 2 * DAY, midnight + 2 * DAY]
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2)
      if (middle + this.#offset(middle) >= midnight) after = middle
      else before = middle
    }
    return seconds(after)
  }

  /** The hour of the local clock; shorter where clocks change within it. */
  hourOf(wall: Seconds): WallSpan {
    return this.blockOf(wall, seconds(HOUR))
  }

  /** The block of a divisor of one hour that the local clock is in, such as the quarter hours that utilities bill. */
  blockOf(wall: Seconds, duration: Seconds): WallSpan {
    const offset = this.#offset(wall)
    const from = Math.floor((wall + offset) / duration) * duration - offset
    return {
      from: seconds(this.#offset(from) === offset ? from : this.#changeBetween(from, wall)),
      to: seconds(
        this.#offset(from + duration - 1) === offset
          ? from + duration
          : this.#changeBetween(wall, from + duration - 1),
      ),
    }
  }

  dayOf(wall: Seconds): WallSpan {
    return this.#spanOf(wall, this.dateOf(wall), (date, days) => dayAfter(date, days))
  }

  /** From Monday, as ISO 8601 has it. */
  weekOf(wall: Seconds): WallSpan {
    const date = this.dateOf(wall)
    const sinceMonday = (new Date(asIfUtc(date) * 1000).getUTCDay() + 6) % 7
    return this.#spanOf(wall, dayAfter(date, -sinceMonday), (monday, weeks) => dayAfter(monday, 7 * weeks))
  }

  /**
   * The month, or the billing month from a day of it on. A month that is too short for that day bills from its last
   * one.
   */
  monthOf(wall: Seconds, billingDay = 1): WallSpan {
    const date = this.dateOf(wall)
    const isBefore = date.day < billingStart(date.year, date.month, billingDay).day
    const first = billingStart(date.year, date.month - (isBefore ? 1 : 0), billingDay)
    return this.#spanOf(wall, first, (start, months) =>
      billingStart(start.year, start.month + months, billingDay),
    )
  }

  /** `2026-11-24 13:05:00` on the local clock. */
  textOf(wall: Seconds): string {
    return new Date((wall + this.#offset(wall)) * 1000).toISOString().slice(0, 19).replace('T', ' ')
  }

  /**
   * The span that starts on `first`, or its neighbour: where clocks are put back over midnight, an instant can be
   * outside the day that its local date names.
   */
  #spanOf(wall: Seconds, first: LocalDate, next: (date: LocalDate, steps: number) => LocalDate): WallSpan {
    const from = this.startOfDay(first)
    if (wall < from) return { from: this.startOfDay(next(first, -1)), to: from }
    const to = this.startOfDay(next(first, 1))
    return wall < to ? { from, to } : { from: to, to: this.startOfDay(next(first, 2)) }
  }

  /** The first instant with the later offset. */
  #changeBetween(before: number, after: number): number {
    const later = this.#offset(after)
    let [low, high] = [Math.floor(before), Math.floor(after)]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (this.#offset(middle) === later) high = middle
      else low = middle
    }
    return high
  }

  /** Local time minus Unix time, in seconds. */
  #offset(wall: number): number {
    const quarter = Math.floor(wall / QUARTER)
    if (this.#known?.quarter !== quarter) {
      const start = quarter * QUARTER
      this.#known = { quarter, offset: this.#localAsIfUtc(start) - start }
    }
    return this.#known.offset
  }

  #localAsIfUtc(wall: number): number {
    const parts = new Map(this.#format.formatToParts(wall * 1000).map(({ type, value }) => [type, value]))
    const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type))
    return (
      Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second')) /
      1000
    )
  }
}

/** Looks a span up again only when an instant is outside the one before: the rules of a zone take long to ask for. */
export function remembering(spanAt: (wall: Seconds) => WallSpan): (wall: Seconds) => WallSpan {
  let known: WallSpan | undefined
  return (wall) => {
    if (known === undefined || wall < known.from || wall >= known.to) known = spanAt(wall)
    return known
  }
}

/** UTC stands in for a zone that only an earlier run knew: what it counted is kept, and not shown. */
export function calendarOf(zone: string): Calendar {
  try {
    return new Calendar(zone)
  } catch {
    return new Calendar('UTC')
  }
}

/** One name for all names of a zone. Which one ICU prefers differs from release to release: not to be kept. */
export function preferredName(zone: string): string {
  try {
    return new Calendar(zone).zone
  } catch {
    return zone // not known here
  }
}

const asIfUtc = ({ year, month, day }: LocalDate): number => Date.UTC(year, month - 1, day) / 1000

const dateAsIfUtc = (wall: number): LocalDate => {
  const date = new Date(wall * 1000)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}

const dayAfter = (date: LocalDate, days: number): LocalDate => dateAsIfUtc(asIfUtc(date) + days * DAY)

/** @param month may be outside 1 to 12 */
function billingStart(year: number, month: number, billingDay: number): LocalDate {
  const lastDay = new Date(Date.UTC(year, month, 0)).getUTCDate()
  return dateAsIfUtc(Date.UTC(year, month - 1, Math.min(billingDay, lastDay)) / 1000)
}
