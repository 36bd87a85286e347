import { describe, expect, test } from '@jest/globals'
import { figuresOfHistory } from '../../exporter/src/report/history-figures.ts'
import { ReportError } from '../../exporter/src/report/options.ts'
import { periodOf } from '../../exporter/src/report/period.ts'
import { EnergyTotal, seconds } from '../../exporter/src/units.ts'
import { Calendar } from '../../exporter/src/workloads/calendar.ts'
import type { ClosedBucket } from '../../exporter/src/workloads/history-bucket.ts'
import { History } from '../../exporter/src/workloads/history.ts'
import { at, down, ofUnit, used } from '../workloads/books.ts'

const HOUR = 3600

/** 1 µJ for each second of the hours from a local midnight on, in one zone. */
function kept(zone: string, midnight: string, hours: number): ClosedBucket[] {
  const history = new History(new Calendar(zone))
  for (let hour = 0; hour < hours; hour += 1) {
    const from = seconds(at(midnight) + hour * HOUR)
    history.book([used(HOUR)], { from, to: seconds(from + HOUR) })
  }
  return history.advance(seconds(at(midnight) + hours * HOUR))
}

function figures(buckets: readonly ClosedBucket[], text: string, zone: string) {
  const period = periodOf(text, zone)
  const overlapping = buckets.filter(({ from, to }) => from < period.to && period.from < to)
  const { rows, coverage } = figuresOfHistory(overlapping, period)
  return { microjoules: Number(EnergyTotal.of(...rows.map(({ energy }) => energy)).toBigInt()), ...coverage }
}

const BERLIN = 'Europe/Berlin'
const week = kept(BERLIN, '2026-09-27T22:00:00Z', 7 * 24)

describe('figures of the history', () => {
  test('each hour once, though its day is kept as well', () => {
    expect(figures(week, '2026-09-30', BERLIN)).toMatchObject({
      microjoules: 86_400,
      observed: 86_400,
      down: 0,
    })
    expect(figures(week, '2026-W40', BERLIN).microjoules).toBe(7 * 86_400)
    expect(figures(week, '2026-09', BERLIN).microjoules).toBe(3 * 86_400)
  })

  test('days when their hours are gone', () => {
    expect(figures(ofUnit(week, 'day'), '2026-W40', BERLIN).microjoules).toBe(7 * 86_400)
  })

  test('what knows more, when hours were lost or the day began late', () => {
    const [first, ...rest] = ofUnit(week, 'hour')
    if (first === undefined) throw new Error('no hour')
    const day = ofUnit(week, 'day').filter(({ from }) => from === first.from)
    expect(figures([...day, ...rest], '2026-09-28', BERLIN).microjoules).toBe(86_400)
    const late = day.map((bucket) => ({ ...bucket, observed: seconds(HOUR), rows: [] }))
    expect(figures([...late, first, ...rest], '2026-09-28', BERLIN).microjoules).toBe(86_400)
  })

  test('a day of 25 hours, and a day that still goes on', () => {
    const october = kept(BERLIN, '2026-10-24T22:00:00Z', 30)
    expect(figures(october, '2026-10-25', BERLIN)).toMatchObject({ microjoules: 25 * HOUR })
    expect(figures(october, '2026-10-26', BERLIN)).toMatchObject({
      microjoules: 5 * HOUR,
      observed: 5 * HOUR,
      until: at('2026-10-26T04:00:00Z'),
    })
  })

  test('a day that goes on and has hardly begun', () => {
    const history = new History(new Calendar(BERLIN))
    const midnight = at('2026-11-23T23:00:00Z')
    history.book([used(7)], { from: seconds(midnight + 5), to: seconds(midnight + 5) }) // no time, but energy
    expect(figures(history.advance(seconds(midnight + HOUR)), '2026-11-24', BERLIN).microjoules).toBe(7)
  })

  test('in another zone, from hours', () => {
    expect(figures(week, '2026-09-30', 'America/New_York').microjoules).toBe(86_400)
    expect(figures(week, '2026-09-29..2026-10-01', 'UTC').microjoules).toBe(3 * 86_400)
  })

  test('in another zone, from days that lie wholly in the period', () => {
    const days = ofUnit(week, 'day').slice(1, 3)
    expect(figures(days, '2026-W40', 'America/New_York').microjoules).toBe(2 * 86_400)
  })

  test('in another zone whose edges cut hours: refused, with what to do', () => {
    expect(() => figures(week, '2026-09-30', 'Asia/Kathmandu')).toThrow(
      new ReportError(
        'the period in Asia/Kathmandu cuts hours of Europe/Berlin, in which the history is kept: ask with --time-zone=Europe/Berlin, or ask a Prometheus',
      ),
    )
  })

  test('in another zone of which only days are kept: refused, with what to do', () => {
    expect(() => figures(ofUnit(week, 'day'), '2026-09-30', 'America/New_York')).toThrow(
      new ReportError(
        'the period in America/New_York cuts the day 2026-09-30 of Europe/Berlin, of which no hours are kept: ask with --time-zone=Europe/Berlin',
      ),
    )
  })

  test('over a change of the zone in which it is kept', () => {
    const before = kept(BERLIN, '2026-09-27T22:00:00Z', 30)
    const after = kept('Asia/Kathmandu', '2026-09-29T18:15:00Z', 24)
    const utc = figures([...before, ...after], '2026-W40', 'UTC')
    expect(utc.microjoules).toBe(30 * HOUR + 86_400 - 2 * HOUR) // the week of UTC begins two hours later
  })

  test('in a zone that is not known here', () => {
    const strange = week.map((bucket) => ({ ...bucket, zone: 'Mars/Olympus' }))
    expect(() => figures(strange, '2026-09-30', BERLIN)).toThrow(
      new ReportError('the history is kept in Mars/Olympus, a time zone that is not known to this Node'),
    )
  })

  test('with the time that is not known', () => {
    const history = new History(new Calendar('UTC'))
    const gap = { from: at('2026-05-01T10:00:00Z'), to: at('2026-05-01T12:00:00Z') }
    history.down(gap)
    history.book([down(5)], gap)
    const rest = { from: gap.to, to: seconds(gap.to + 600) }
    history.book([used(1)], rest)
    history.unknown('board', seconds(300), rest)
    const coverage = figures(history.advance(at('2026-05-01T13:00:00Z')), '2026-05-01', 'UTC')
    expect(coverage).toMatchObject({
      down: 2 * HOUR,
      observed: 600,
      unknown: new Map([['board', 300]]),
      until: at('2026-05-01T13:00:00Z'),
    })
  })
})
