import { describe, expect, test } from '@jest/globals'
import { overviewPage } from '../../exporter/src/exposition/overview.ts'
import { overviewOf, RecentPower } from '../../exporter/src/exposition/reports.ts'
import { energyToDate } from '../../exporter/src/exposition/to-date.ts'
import { seconds } from '../../exporter/src/units.ts'
import { Calendar } from '../../exporter/src/workloads/calendar.ts'
import { History } from '../../exporter/src/workloads/history.ts'
import { at, idle, used, workload } from '../workloads/books.ts'
import { BookedMachine } from './booked-machine.ts'

const history = new History(new Calendar('Europe/Berlin'))
const train = workload('train <b>', { namespace: 'ml' })
const second = (from: string) => ({ from: at(from), to: seconds(at(from) + 1) })

history.book([used(7e9, train)], second('2026-11-02T12:00:00Z'))
history.advance(at('2026-11-03T12:00:00Z'))
history.book([used(3.6e9), idle(9e9)], second('2026-11-24T09:00:00Z'))
history.advance(at('2026-11-24T10:00:00Z'))
history.book([used(3.6e9)], second('2026-11-24T11:00:00Z'))
const now = at('2026-11-24T11:30:00Z')

const page = (toDate = energyToDate(history, now)): string =>
  overviewPage(
    { host: 'node-1', version: '1.2.3', ...overviewOf(new BookedMachine().state, new RecentPower()), toDate },
    [],
  )

describe('today and this month on the start page', () => {
  test('per workload, who used most first, without what is nobody’s', () => {
    expect(energyToDate(history, now)).toEqual({
      timeZone: 'Europe/Berlin',
      workloads: [
        { workload: 'llama-chat', namespace: 'prod', todayJoules: 7200, monthJoules: 7200 },
        { workload: 'train <b>', namespace: 'ml', todayJoules: 0, monthJoules: 7000 },
      ],
    })
  })

  test('as a table that says whose days and months they are', () => {
    const html = page()
    expect(html).toContain('<h2 id="today-and-this-month">Today and this month</h2>')
    expect(html).toContain(
      '<td><bdi>llama-chat</bdi></td><td><bdi>prod</bdi></td><td class="number">2 Wh</td><td class="number">2 Wh</td>',
    )
    expect(html).toContain('<bdi>train &lt;b&gt;</bdi>')
    expect(html).toContain('<p class="quiet">Days and months of Europe/Berlin.</p>')
    expect(html).not.toContain('<script')
  })

  test('says when there is nothing yet, and nothing where no history is kept', () => {
    expect(page({ timeZone: 'UTC', workloads: [] })).toContain('No workload has used energy this month.')
    const without = overviewPage(
      { host: 'a', version: 'b', ...overviewOf(new BookedMachine().state, new RecentPower()) },
      [],
    )
    expect(without).not.toContain('This month')
  })
})
