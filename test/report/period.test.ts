import { describe, expect, test } from '@jest/globals'
import { ReportError } from '../../exporter/src/report/options.ts'
import { periodOf } from '../../exporter/src/report/period.ts'

const spanOf = (text: string, zone: string): readonly string[] => {
  const { from, to } = periodOf(text, zone)
  return [from, to].map((wall) => new Date(wall * 1000).toISOString().slice(0, 16))
}

describe('a period', () => {
  test.each([
    ['2026', 'UTC', '2026-01-01T00:00', '2027-01-01T00:00'],
    ['2026-10', 'Europe/Berlin', '2026-09-30T22:00', '2026-10-31T23:00'],
    ['2026-12', 'America/New_York', '2026-12-01T05:00', '2027-01-01T05:00'],
    ['2028-02-29', 'Asia/Kathmandu', '2028-02-28T18:15', '2028-02-29T18:15'],
    ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00', '2026-03-29T22:00'],
    ['2026-W01', 'UTC', '2025-12-29T00:00', '2026-01-05T00:00'],
    ['2026-W41', 'UTC', '2026-10-05T00:00', '2026-10-12T00:00'],
    ['2026-W53', 'UTC', '2026-12-28T00:00', '2027-01-04T00:00'],
    ['2026-10-01..2026-10-15', 'UTC', '2026-10-01T00:00', '2026-10-16T00:00'],
    ['2026-10-25..2026-10-25', 'Europe/Berlin', '2026-10-24T22:00', '2026-10-25T23:00'],
  ])('%s in %s', (text, zone, from, to) => {
    expect(spanOf(text, zone)).toEqual([from, to])
    expect(periodOf(text, zone)).toMatchObject({ text, zone })
  })

  test.each([
    '',
    'yesterday',
    '2026-13',
    '2026-00',
    '2026-02-29',
    '2026-10-32',
    '2026-W00',
    '2025-W53',
    '2026-W54',
    '26-10',
    '2026-10-01..',
    '2026-10-01..2026-10-00',
    '2026-10..2026-11',
    ' 2026',
  ])('%j is refused with what can be written', (text) => {
    expect(() => periodOf(text, 'UTC')).toThrow(
      new ReportError(
        `${text} is not a period: write 2026, 2026-10, 2026-W41, 2026-10-03 or 2026-10-01..2026-10-15`,
      ),
    )
  })

  test.each([
    ['2026-10-15..2026-10-01', 'UTC'],
    ['2011-12-30', 'Pacific/Apia'], // the day that was skipped
  ])('%s in %s has no time', (text, zone) => {
    expect(() => periodOf(text, zone)).toThrow(
      new ReportError(`${text} is not a period: it has no time in ${zone}`),
    )
  })
})
