/**
 * What was booked, by the hour and by the day of the local clock, and the month to date. Each tick adds to the open
 * hour; an hour that ends is added to its day and month and handed out. No I/O, no clock.
 *
 * Σ all buckets that were handed out + Σ those still open = Σ all that was booked, exactly, for hours and days alike,
 * whatever the wall clock does:
 * - An hour that was handed out is never opened again. What comes with an earlier time (a clock set back) goes to
 *   the hour that is open.
 * - A clock set back by more than two hours was wrong before: hours begin anew at the time it shows now, in a new
 *   generation, so that an hour that comes twice is kept twice and counts twice.
 * - Before 2020 the clock is not set. What is booked then goes to the first hour after it is.
 */
import type { Booking, Component, WallSpan, WorkloadFacts } from '../model.ts'
import { seconds, type EnergyTotal, type Microjoules, type Seconds } from '../units.ts'
import { Calendar } from './calendar.ts'
import {
  Bucket,
  bucketOf,
  isAmount,
  keyOfLabels,
  kindIndexOf,
  microjoulesText,
  MOST_ROWS,
  recordOf,
  totalOf,
  type BucketRecord,
  type ClosedBucket,
  type HistoryRow,
} from './history-bucket.ts'

/** What a workload used so far. */
export interface WorkloadSum {
  readonly workload: string
  readonly namespace: string
  readonly joules: number
}

/** Plain JSON. */
export interface HistoryState {
  readonly version: 1
  readonly zone: string
  readonly closed_to: number
  readonly days_closed_to: number
  readonly generation: number
  readonly hours: readonly BucketRecord[]
  readonly days: readonly BucketRecord[]
  /** Ended, and not yet handed out. */
  readonly ended: readonly BucketRecord[]
  readonly month: MonthRecord | null
}

interface MonthRecord {
  readonly from: number
  readonly to: number
  /** workload, namespace, microjoules */
  readonly sums: readonly (readonly string[])[]
}

interface Month {
  readonly span: WallSpan
  readonly sums: WorkloadSums
}

/** The part of a span that lies in one hour, as running fractions of the whole. */
interface Piece {
  readonly hour: Bucket
  readonly after: number
  readonly upTo: number
  readonly duration: number
}

/** The rows of one workload in one hour, by kind index. */
interface CachedRows {
  readonly key: string
  hour: Bucket
  rows: (HistoryRow | undefined)[]
}

const DAY = 86_400

/** 2020-01-01: no machine that shows an earlier time has set its clock. */
const CLOCK_IS_SET = 1_577_836_800

/** Where energy waits until the clock is set; not 0, which is before 1970 in some zones. */
const NOT_SET = seconds(DAY)

/** A clock that goes back further was wrong before. */
const MOST_SET_BACK = 7200

/** A longer span is a clock that was set, not time that went by. */
const LONGEST_SPAN = 40 * DAY

export class History {
  readonly #calendar: Calendar
  /** Those not yet handed out, the earliest first. Mostly one; the others are added when a span covers several. */
  #hours: Bucket[] = []
  #days: Bucket[] = []
  #ended: ClosedBucket[] = []
  #month: Month | undefined
  /** The end of the last hour that was handed out. */
  #closedTo = 0
  /** The end of the last day that was handed out in this generation. */
  #daysClosedTo = 0
  #generation = 0
  #downSpan: WallSpan | undefined
  readonly #rowsOf = new WeakMap<WorkloadFacts, CachedRows>()

  constructor(calendar: Calendar) {
    this.#calendar = calendar
  }

  /** In which its hours and days are counted. */
  get zone(): string {
    return this.#calendar.zone
  }

  /**
   * Books what a tick brought. A span over the edge of an hour is split by time, to the microjoule. It is time that
   * was observed, unless `down` was told of the same span before or all of it is booked `exporter_down`. Cheap as long
   * as a workload keeps its facts object.
   */
  book(bookings: readonly Booking[], span: WallSpan): void {
    const wasDown = span.from === this.#downSpan?.from && span.to === this.#downSpan.to
    const isDown =
      wasDown || (bookings.length > 0 && bookings.every(({ reason }) => reason === 'exporter_down'))
    for (const { hour, after, upTo, duration } of this.#pieces(span)) {
      if (!isDown) hour.observed += duration
      for (const booking of bookings) {
        const amount =
          after === 0 && upTo === 1
            ? booking.amount
            : Math.round(booking.amount * upTo) - Math.round(booking.amount * after)
        this.#rowOf(booking, hour).energy.add(amount as Microjoules)
      }
    }
  }

  /** Counts time in which nothing is known of a component, within a span of wall time. */
  unknown(component: Component, duration: Seconds, span: WallSpan): void {
    for (const { hour, after, upTo } of this.#pieces(span)) {
      hour.addUnknown(component, duration * (upTo - after))
    }
  }

  /** Counts time in which the exporter did not run. */
  down(span: WallSpan): void {
    this.#downSpan = span
    for (const { hour, duration } of this.#pieces(span)) hour.down += duration
  }

  /**
   * Goes on to the time that the clock shows now.
   * @returns the hours and days that ended, each once: they are to be kept
   */
  advance(wall: Seconds): ClosedBucket[] {
    if (wall >= CLOCK_IS_SET) {
      if (wall < this.#closedTo - MOST_SET_BACK) {
        this.#closedTo = this.#calendar.hourOf(wall).from
        this.#beginGeneration()
      }
      this.#gatherStrays(this.#shown(wall))
      while (this.#hours[0] !== undefined && this.#hours[0].span.to <= wall) this.#endHour(this.#hours[0])
      this.#endDays(this.#shown(wall))
    }
    return this.#ended.splice(0)
  }

  /** What each workload used since midnight. */
  today(wall: Seconds): WorkloadSum[] {
    const span = this.#calendar.dayOf(this.#shown(wall))
    const sums = new WorkloadSums()
    for (const day of this.#days) if (day.span.from === span.from) sums.addBucket(day)
    this.#addOpenHours(sums, span)
    return sums.list()
  }

  /** What each workload used since the first of the month. */
  month(wall: Seconds): WorkloadSum[] {
    const span = this.#calendar.monthOf(this.#shown(wall))
    const sums = new WorkloadSums()
    if (this.#month?.span.from === span.from) sums.addSums(this.#month.sums)
    this.#addOpenHours(sums, span)
    return sums.list()
  }

  state(): HistoryState {
    const { zone } = this.#calendar
    return {
      version: 1,
      zone,
      closed_to: this.#closedTo,
      days_closed_to: this.#daysClosedTo,
      generation: this.#generation,
      hours: this.#hours.map((hour) => recordOf(hour.close('hour', zone, this.#generation))),
      days: this.#days.map((day) => recordOf(day.close('day', zone, this.#generation))),
      ended: this.#ended.map(recordOf),
      month: this.#month === undefined ? null : { ...this.#month.span, sums: this.#month.sums.records() },
    }
  }

  /**
   * Goes on where another one stood; what this one held is forgotten. When that one counted in another time zone, its
   * hours and days end as they are and new ones begin.
   * @throws RangeError when the state is not what `state` gives; then nothing has changed
   */
  restore(state: unknown): void {
    const { zone, closedTo, daysClosedTo, generation, hours, days, ended, month } = contentOf(state)
    if (zone !== this.#calendar.zone) {
      this.#takeOver(state, zone)
      return
    }
    this.#closedTo = closedTo
    this.#daysClosedTo = daysClosedTo
    this.#generation = generation
    this.#hours = hours.map((hour) => Bucket.reopen(hour))
    this.#days = days.map((day) => Bucket.reopen(day))
    this.#ended = [...ended]
    this.#month = month
  }

  /** Ends what another one counted on the clock of its own zone; only the month goes on. */
  #takeOver(state: unknown, zone: string): void {
    const other = new History(new Calendar(zone))
    other.restore(state)
    for (const hour of other.#hours.filter(isTimed)) other.#endHour(hour)
    other.#endDays(seconds(Infinity))
    this.#closedTo = 0
    this.#daysClosedTo = 0
    this.#generation = other.#generation + 1
    this.#hours = other.#hours
    this.#days = []
    this.#ended = other.#ended
    this.#month = other.#month && {
      ...other.#month,
      span: this.#calendar.monthOf(middleOf(other.#month.span)),
    }
  }

  #rowOf(booking: Booking, hour: Bucket): HistoryRow {
    const { workload } = booking
    if (workload === undefined) return hour.reasonRow(booking.reason, booking)
    let cached = this.#rowsOf.get(workload)
    if (cached === undefined) {
      cached = { key: keyOfLabels(workload), hour, rows: [] }
      this.#rowsOf.set(workload, cached)
    } else if (cached.hour !== hour) {
      cached.hour = hour
      cached.rows = []
    }
    const index = kindIndexOf(booking)
    return (cached.rows[index] ??= hour.workloadRow(workload, cached.key, booking))
  }

  /** Where the clock is taken to be: an hour that was handed out is over, whatever the clock shows. */
  #shown(wall: number): Seconds {
    return seconds(Math.max(wall, this.#closedTo))
  }

  /** Time before the end of the last hour that was handed out counts to the hour after it. */
  #pieces({ from, to }: WallSpan): Piece[] {
    const isTime = to > from && to - from <= LONGEST_SPAN
    const duration = isTime ? to - from : 0
    if (!isTime || from < CLOCK_IS_SET || to <= this.#closedTo) {
      return [{ hour: this.#hourNow(to), after: 0, upTo: 1, duration }]
    }
    const pieces: Piece[] = []
    let [begin, after] = [from, 0]
    while (begin < to) {
      const hour = this.#hourAt(this.#shown(begin))
      const end = seconds(Math.min(hour.span.to, to))
      const upTo = end === to ? 1 : (end - from) / duration
      pieces.push({ hour, after, upTo, duration: end - begin })
      ;[begin, after] = [end, upTo]
    }
    return pieces
  }

  #hourNow(wall: Seconds): Bucket {
    if (wall >= CLOCK_IS_SET) return this.#hourAt(this.#shown(wall))
    return this.#hours.at(-1) ?? this.#hourAt(NOT_SET)
  }

  #hourAt(at: Seconds): Bucket {
    const known = this.#hours.findLast(({ span }) => span.from <= at && at < span.to)
    return known ?? opened(this.#hours, this.#calendar.hourOf(at))
  }

  /** Hours of a clock that was not set, or wrong, become part of the hour that is now. */
  #gatherStrays(now: Seconds): void {
    const isStray = (hour: Bucket): boolean => !isTimed(hour) || hour.span.from > now + DAY
    if (!this.#hours.some(isStray)) return
    const strays = this.#hours.filter(isStray)
    this.#hours = this.#hours.filter((hour) => !isStray(hour))
    const hour = this.#hourAt(now)
    for (const stray of strays) hour.merge(stray)
  }

  #endHour(hour: Bucket): void {
    const { from, to } = hour.span
    this.#hours = this.#hours.filter((one) => one !== hour)
    this.#closedTo = to
    this.#dayAt(from).merge(hour)
    if (this.#month === undefined || from < this.#month.span.from || from >= this.#month.span.to) {
      this.#month = { span: this.#calendar.monthOf(from), sums: new WorkloadSums() }
    }
    this.#month.sums.addBucket(hour)
    this.#ended.push(hour.close('hour', this.#calendar.zone, this.#generation))
  }

  /** A day that was handed out, because the clock was ahead for a while, comes again in a generation of its own. */
  #dayAt(at: Seconds): Bucket {
    const known = this.#days.find(({ span }) => span.from <= at && at < span.to)
    if (known !== undefined) return known
    const span = this.#calendar.dayOf(at)
    if (span.from < this.#daysClosedTo) this.#beginGeneration()
    return opened(this.#days, span)
  }

  #beginGeneration(): void {
    this.#generation += 1
    this.#daysClosedTo = 0
  }

  /** Days that are over, and those of a clock that was wrong. */
  #endDays(now: Seconds): void {
    const isOver = ({ span }: Bucket): boolean => span.to <= now || span.from > now + DAY
    for (const day of this.#days.filter(isOver)) {
      this.#daysClosedTo = Math.max(this.#daysClosedTo, day.span.to)
      this.#ended.push(day.close('day', this.#calendar.zone, this.#generation))
    }
    this.#days = this.#days.filter((day) => !isOver(day))
  }

  #addOpenHours(sums: WorkloadSums, { from, to }: WallSpan): void {
    for (const hour of this.#hours) {
      if (!isTimed(hour) || (hour.span.from >= from && hour.span.from < to)) sums.addBucket(hour)
    }
  }
}

const isTimed = ({ span }: Bucket): boolean => span.from >= CLOCK_IS_SET

const middleOf = ({ from, to }: WallSpan): Seconds => seconds((from + to) / 2)

function opened(buckets: Bucket[], span: WallSpan): Bucket {
  const bucket = new Bucket(span)
  buckets.push(bucket)
  buckets.sort((one, other) => one.span.from - other.span.from)
  return bucket
}

/** Energy per workload and namespace. */
class WorkloadSums {
  readonly #sums = new Map<string, { workload: string; namespace: string; energy: EnergyTotal }>()

  addBucket(bucket: Bucket): void {
    for (const row of bucket.rows()) if (row.reason === '') this.add(row.workload, row.namespace, row.energy)
  }

  addSums(other: WorkloadSums): void {
    for (const { workload, namespace, energy } of other.#sums.values()) this.add(workload, namespace, energy)
  }

  add(workload: string, namespace: string, energy: EnergyTotal): void {
    const key = JSON.stringify([workload, namespace])
    const known = this.#sums.get(key)
    if (known !== undefined) known.energy.addTotal(energy)
    else if (this.#sums.size >= MOST_ROWS && key !== OTHER_SUM) this.add('other', '', energy)
    else this.#sums.set(key, { workload, namespace, energy: energy.copy() })
  }

  list(): WorkloadSum[] {
    return Array.from(this.#sums.values(), ({ workload, namespace, energy }) => ({
      workload,
      namespace,
      joules: energy.toJoules(),
    }))
  }

  records(): string[][] {
    return Array.from(this.#sums.values(), ({ workload, namespace, energy }) => [
      workload,
      namespace,
      microjoulesText(energy),
    ])
  }
}

const OTHER_SUM = JSON.stringify(['other', ''])

/** @throws RangeError */
function contentOf(state: unknown) {
  const content = (state ?? {}) as Record<string, unknown>
  const { version, zone, closed_to: closedTo, days_closed_to: daysClosedTo, generation } = content
  const hours = bucketsOf(content['hours'])
  const days = bucketsOf(content['days'])
  const ended = bucketsOf(content['ended'])
  const month = monthOf(content['month'])
  const isWhole = hours !== undefined && days !== undefined && ended !== undefined && month !== undefined
  const isPlaced = isAmount(closedTo) && isAmount(daysClosedTo) && isAmount(generation)
  if (version !== 1 || typeof zone !== 'string' || !isPlaced || !isWhole) {
    throw new RangeError('the state of the history is damaged or of another version')
  }
  return { zone, closedTo, daysClosedTo, generation, hours, days, ended, month: month ?? undefined }
}

/** @returns undefined when one of them is no bucket */
function bucketsOf(records: unknown): readonly ClosedBucket[] | undefined {
  if (!Array.isArray(records)) return undefined
  const buckets = records.map(bucketOf)
  return buckets.every((bucket) => bucket !== undefined) ? buckets : undefined
}

/** @returns null when there is none, undefined when it does not fit */
function monthOf(record: unknown): Month | null | undefined {
  if (record === null) return null
  const { from, to, sums: records } = (record ?? {}) as Record<string, unknown>
  if (!isAmount(from) || !isAmount(to) || !Array.isArray(records)) return undefined
  const sums = new WorkloadSums()
  for (const one of records as readonly unknown[]) {
    const [workload, namespace, text] = Array.isArray(one) ? (one as readonly unknown[]) : []
    const energy = totalOf(text)
    if (typeof workload !== 'string' || typeof namespace !== 'string' || energy === undefined)
      return undefined
    sums.add(workload, namespace, energy)
  }
  return { span: { from: seconds(from), to: seconds(to) }, sums }
}
