/** From a period as people write it to the instants of it in a time zone. */
import type { WallSpan } from '../model.ts'
import { Calendar, type LocalDate } from '../workloads/calendar.ts'
import { ReportError } from './options.ts'

/** A period that ends after it begins. */
export interface Period extends WallSpan {
  /** As it was asked for. */
  readonly text: string
  readonly zone: string
}

export const PERIOD_FORMS = '2026, 2026-10, 2026-W41, 2026-10-03 or 2026-10-01..2026-10-15'

/**
 * Whole years, months, ISO weeks or days, or from one day to another, both included.
 * @param zone an IANA name that is known here
 * @throws ReportError
 */
export function periodOf(text: string, zone: string): Period {
  const calendar = new Calendar(zone)
  const dates = datesOf(text)
  if (dates === undefined) throw new ReportError(`${text} is not a period: write ${PERIOD_FORMS}`)
  const from = calendar.startOfDay(dates.first)
  const to = calendar.startOfDay(dates.after)
  if (from >= to) throw new ReportError(`${text} is not a period: it has no time in ${zone}`)
  return { text, zone, from, to }
}

interface Dates {
  readonly first: LocalDate
  /** The day after the last one. */
  readonly after: LocalDate
}

const FORM =
  /^(?<year>\d{4})(?:-(?:W(?<week>\d\d)|(?<month>\d\d)(?:-(?<day>\d\d)(?:\.\.(?<endYear>\d{4})-(?<endMonth>\d\d)-(?<endDay>\d\d))?)?))?$/

/** @returns undefined for a text of another form, and for days that no calendar has */
function datesOf(text: string): Dates | undefined {
  const groups = FORM.exec(text)?.groups
  if (groups === undefined) return undefined
  const { week, month, day, endYear, endMonth, endDay } = groups
  const year = Number(groups['year'])
  if (week !== undefined) return weekOf(year, Number(week))
  if (month === undefined) return { first: date(year, 1, 1), after: date(year + 1, 1, 1) }
  if (Number(month) < 1 || Number(month) > 12) return undefined
  if (day === undefined)
    return { first: date(year, Number(month), 1), after: date(year, Number(month) + 1, 1) }
  const first = existing(year, Number(month), Number(day))
  const last = endYear === undefined ? first : existing(Number(endYear), Number(endMonth), Number(endDay))
  return first && last && { first, after: date(last.year, last.month, last.day + 1) }
}

/** ISO 8601: the first week of a year is the one that holds its 4 January. */
function weekOf(year: number, week: number): Dates | undefined {
  const sinceMonday = (new Date(timeOf(year, 1, 4)).getUTCDay() + 6) % 7
  const monday = 4 - sinceMonday + 7 * (week - 1)
  const thursday = date(year, 1, monday + 3)
  if (week < 1 || thursday.year !== year) return undefined
  return { first: date(year, 1, monday), after: date(year, 1, monday + 7) }
}

function existing(year: number, month: number, day: number): LocalDate | undefined {
  const found = date(year, month, day)
  return found.month === month && found.day === day ? found : undefined
}

/** @param month may be beyond 12 and `day` beyond the month, as Date counts on */
function date(year: number, month: number, day: number): LocalDate {
  const time = new Date(timeOf(year, month, day))
  return { year: time.getUTCFullYear(), month: time.getUTCMonth() + 1, day: time.getUTCDate() }
}

/** Unlike `Date.UTC`, which takes the years 0 to 99 for those of the 20th century. */
const timeOf = (year: number, month: number, day: number): number =>
  new Date(0).setUTCFullYear(year, month - 1, day)
