/**
 * Figures from the hours and days that were kept. A day that the period cuts is made of its hours; a period that
 * cuts what is kept only as a whole is refused, since no figure would be true.
 */
import type { Component, WallSpan } from '../model.ts'
import { EnergyTotal, seconds } from '../units.ts'
import { Calendar } from '../workloads/calendar.ts'
import type { ClosedBucket } from '../workloads/history-bucket.ts'
import type { Figures } from './figures.ts'
import { ReportError } from './options.ts'
import type { Period } from './period.ts'

/** All that is kept of one local day. */
interface KeptDay extends WallSpan {
  readonly zone: string
  readonly hours: ClosedBucket[]
  readonly days: ClosedBucket[]
}

/**
 * @param buckets all that overlap the period
 * @throws ReportError when the period cuts an hour, or a day of which no hours are kept
 */
export function figuresOfHistory(buckets: readonly ClosedBucket[], period: Period): Figures {
  const chosen = keptDays(buckets).flatMap((day) => chosenOf(day, period))
  const unknown = new Map<Component, number>()
  for (const bucket of chosen) {
    for (const [component, duration] of bucket.unknown) {
      unknown.set(component, (unknown.get(component) ?? 0) + duration)
    }
  }
  return {
    rows: chosen.flatMap(({ rows }) => rows),
    coverage: {
      observed: seconds(sum(chosen.map(({ observed }) => observed))),
      down: seconds(sum(chosen.map(({ down }) => down))),
      unknown: new Map(Array.from(unknown, ([component, duration]) => [component, seconds(duration)])),
      until: seconds(Math.max(period.from, ...chosen.map(({ to }) => to))),
      folded: EnergyTotal.of(...chosen.map(({ folded }) => folded)),
    },
    notes: [],
  }
}

function keptDays(buckets: readonly ClosedBucket[]): KeptDay[] {
  const calendars = new Map<string, Calendar>()
  const days = new Map<string, KeptDay>()
  for (const bucket of buckets) {
    const calendar = calendars.get(bucket.zone) ?? calendarOf(bucket.zone)
    calendars.set(bucket.zone, calendar)
    const span = calendar.dayOf(bucket.from)
    const key = `${bucket.zone} ${span.from}`
    const day = days.get(key) ?? { ...span, zone: bucket.zone, hours: [], days: [] }
    days.set(key, day)
    ;(bucket.unit === 'hour' ? day.hours : day.days).push(bucket)
  }
  return [...days.values()]
}

/** Another version of Node may have known more zones. */
function calendarOf(zone: string): Calendar {
  try {
    return new Calendar(zone)
  } catch {
    throw new ReportError(`the history is kept in ${zone}, a time zone that is not known to this Node`)
  }
}

function chosenOf(day: KeptDay, period: Period): readonly ClosedBucket[] {
  if (isWithin(day, period)) {
    const isDayWhole = day.days.length > 0 && knownTime(day.days) >= knownTime(day.hours) - 1
    return isDayWhole ? day.days : day.hours
  }
  const touched = day.hours.filter((hour) => hour.from < period.to && period.from < hour.to)
  if (day.hours.length === 0) throw cutDay(day, period)
  if (!touched.every((hour) => isWithin(hour, period))) throw cutHour(day, period)
  return touched
}

const isWithin = ({ from, to }: WallSpan, period: WallSpan): boolean => from >= period.from && to <= period.to

/** The hours and the day of the same time differ only when some of them were lost: more is truer. */
const knownTime = (buckets: readonly ClosedBucket[]): number =>
  sum(buckets.map(({ observed, down }) => observed + down))

const sum = (amounts: readonly number[]): number => amounts.reduce((total, one) => total + one, 0)

const cutDay = ({ zone, from }: KeptDay, period: Period): ReportError =>
  new ReportError(
    `the period in ${period.zone} cuts the day ${new Calendar(zone).textOf(from).slice(0, 10)} of ${zone}, of which no hours are kept: ask with --time-zone=${zone}`,
  )

const cutHour = ({ zone }: KeptDay, period: Period): ReportError =>
  new ReportError(
    `the period in ${period.zone} cuts hours of ${zone}, in which the history is kept: ask with --time-zone=${zone}, or ask a Prometheus`,
  )
