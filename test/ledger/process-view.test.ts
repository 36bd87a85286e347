import { describe, expect, test } from '@jest/globals'
import { EnergyClasses } from '../../exporter/src/ledger/classes.ts'
import { ProcessView } from '../../exporter/src/ledger/process-view.ts'
import { View } from '../../exporter/src/ledger/view.ts'
import type { Consumer } from '../../exporter/src/model.ts'
import { seconds } from '../../exporter/src/units.ts'
import { figures, group, joules, processOf } from './small-machine.ts'

const START = 0
const EXPIRE = 600

const active = new EnergyClasses().of('cpu', 'host', '')
const where = group('jobs.service')
const one = processOf(where, 1, 'one')
const two = processOf(where, 2, 'two')
const three = processOf(where, 3, 'three')

/** A view without a birth hold, so that what is not shown waits for a ranking. */
class Play {
  readonly processes: ProcessView

  constructor(places: number) {
    const startedAt = seconds(START)
    this.processes = new ProcessView(
      new View({
        overflow: ['', 'other'],
        startedAt,
        classes: new EnergyClasses(),
        lifetimes: { birthHold: seconds(0), expireAfter: seconds(EXPIRE) },
        seriesLimit: 1000,
      }),
      {
        places,
        startedAt,
        otherLabels: ['', 'other'],
        labelsOf: (consumer) =>
          consumer.kind === 'process'
            ? [String(consumer.process.pid), consumer.process.comm]
            : ['', consumer.kind],
      },
    )
  }

  /** What each has used, in joules. */
  tick(at: number, ...used: readonly (readonly [Consumer, number])[]): this {
    const wall = seconds(at + 1e9)
    for (const [consumer, spent] of used)
      this.processes.book(consumer, active, joules(spent), seconds(at), wall)
    this.processes.rank(seconds(at), wall)
    this.processes.view.sweep(seconds(at))
    return this
  }

  /** In joules, without the labels that are the same everywhere. */
  get shown(): Record<string, number> {
    return Object.fromEntries(
      Object.entries(figures(this.processes.view.accounts())).map(([labels, figure]) => [
        labels.replace(' cpu host', ''),
        Number(figure),
      ]),
    )
  }

  get pending(): string {
    return String(this.processes.pending('cpu'))
  }
}

/** The one has the only place from the first second on; both use so much every ten seconds. */
function contest(until: number, first: number, second: number): Play {
  const play = new Play(1).tick(1, [one, 10])
  for (let at = 11; at <= until; at += 10) play.tick(at, [one, first], [two, second])
  return play
}

describe('places', () => {
  test('go to those that use the most', () => {
    const play = new Play(2).tick(1, [one, 5], [two, 20], [three, 10])
    expect(play.shown).toEqual({ '2 two': 20, '3 three': 10, other: 5 })
  })

  test('that are free are taken by whoever uses anything', () => {
    const play = new Play(2).tick(1, [one, 5]).tick(2, [two, 1])
    expect(play.shown).toEqual({ '1 one': 5, '2 two': 1 })
  })

  test('are needed by processes only: what has exited has a series of its own', () => {
    const play = new Play(1).tick(1, [one, 5], [{ kind: 'exited', group: where }, 50])
    expect(play.shown).toEqual({ '1 one': 5, exited: 50 })
  })

  test('none: everything is other', () => {
    const play = new Play(0).tick(1, [one, 5], [two, 20]).tick(2, [one, 5])
    expect(play.shown).toEqual({ other: 30 })
    expect(play.pending).toBe('0.000000')
  })

  test('fewer of them after a reload: the smallest lose theirs at the next ranking', () => {
    const play = new Play(3).tick(1, [one, 5], [two, 20], [three, 10])
    play.processes.reconfigure(1)
    play.tick(11).tick(12, [one, 1], [two, 1], [three, 1])
    expect(play.shown).toEqual({ '1 one': 5, '2 two': 21, '3 three': 10, other: 2 })
    play.processes.reconfigure(0)
    play.tick(22).tick(23, [two, 1])
    expect(play.shown).toEqual({ '1 one': 5, '2 two': 21, '3 three': 10, other: 3 })
  })

  test('more of them after a reload are taken at the next ranking', () => {
    const play = new Play(1).tick(1, [one, 5], [two, 1])
    play.processes.reconfigure(2)
    play.tick(11, [two, 2]).tick(12, [two, 4])
    expect(play.shown).toEqual({ '1 one': 5, other: 1 + 2, '2 two': 4 })
  })
})

describe('a place is lost', () => {
  test('not before it was held for 60 s, however much the other uses', () => {
    expect(contest(51, 10, 30).shown).toEqual({ '1 one': 60, other: 150 })
    // At 61 s what the two used until then is other's; from then on it has a series.
    expect(contest(61, 10, 30).tick(62, [two, 1]).shown).toEqual({ '1 one': 70, other: 180, '2 two': 1 })
  })

  test('never to a process that uses 1.19 times as much', () => {
    expect(contest(1201, 10, 11.9).shown).toEqual({ '1 one': 1210, other: 1428 })
  })

  test('in the end to a process that uses 1.25 times as much', () => {
    // The one's head start has faded by the twelfth ranking, at 121 s.
    expect(contest(121, 10, 12.5).shown).toEqual({ '1 one': 130, other: 150 })
    expect(contest(301, 10, 12.5).shown).toEqual({ '1 one': 130, other: 150 + 180, '2 two': 225 })
  })

  test('to a process that uses it now, although the other has used more in its time', () => {
    const play = new Play(1).tick(1, [one, 1000])
    // Without new energy the score halves every minute: 1000 J are 31 J after five of them.
    for (let at = 11; at <= 301; at += 10) play.tick(at)
    play.tick(311, [two, 50]).tick(312, [two, 1])
    expect(play.shown).toEqual({ '1 one': 1000, '2 two': 51 })
  })

  test('and the process keeps its total; other takes only what comes after', () => {
    const play = contest(61, 10, 30).tick(71, [one, 10], [two, 30])
    expect(play.shown).toEqual({ '1 one': 70, other: 180 + 10, '2 two': 30 })
  })

  test('and won again: the process goes on with its own series', () => {
    const play = contest(61, 10, 30)
    for (let at = 71; at <= 121; at += 10) play.tick(at, [one, 100], [two, 30])
    expect(play.shown).toEqual({ '1 one': 70, other: 180 + 600, '2 two': 180 })
    play.tick(131, [one, 100], [two, 30])
    expect(play.shown).toEqual({ '1 one': 170, other: 780 + 30, '2 two': 180 })
  })
})

describe('the first energy of a process', () => {
  test('waits for the next ranking, at most 10 s, and is counted in its series in full', () => {
    const play = new Play(2).tick(5, [one, 1])
    play.tick(6, [two, 7])
    expect(play.shown).toEqual({ '1 one': 1 })
    expect(play.pending).toBe('7.000000')
    play.tick(14, [two, 3])
    expect(play.pending).toBe('10.000000')
    play.tick(15, [two, 2])
    expect(play.shown).toEqual({ '1 one': 1, '2 two': 12 })
    expect(play.pending).toBe('0.000000')
  })

  test('goes to other in full where there is no place', () => {
    const play = new Play(1).tick(5, [one, 1000]).tick(6, [two, 7])
    expect(play.pending).toBe('7.000000')
    play.tick(15, [two, 3])
    expect(play.shown).toEqual({ '1 one': 1000, other: 10 })
    expect(play.pending).toBe('0.000000')
  })

  test('does not wait in the first five seconds', () => {
    const play = new Play(2).tick(1, [one, 1]).tick(2, [two, 7])
    expect(play.shown).toEqual({ '1 one': 1, '2 two': 7 })
  })

  test('waits apart by component', () => {
    const play = new Play(1).tick(5, [one, 1]).tick(6, [two, 7])
    expect(String(play.processes.pending('memory'))).toBe('0.000000')
  })
})

describe('a pid that is used again', () => {
  test('by a process of the same name goes on with the series, because the labels are the same', () => {
    const play = new Play(5).tick(1, [processOf(where, 7, 'train', 100), 10])
    play.tick(2, [processOf(where, 7, 'train', 200), 5])
    expect(play.shown).toEqual({ '7 train': 15 })
  })

  test('by a process of another name starts another', () => {
    const play = new Play(5).tick(1, [processOf(where, 7, 'train', 100), 10])
    play.tick(2, [processOf(where, 7, 'serve', 200), 5])
    expect(play.shown).toEqual({ '7 train': 10, '7 serve': 5 })
  })
})

describe('a process that is gone', () => {
  test('gives its place back when its series retires', () => {
    const play = new Play(1).tick(1, [one, 1000])
    for (let at = 11; at <= 611; at += 10) play.tick(at)
    expect(play.shown).toEqual({})
    expect(String(play.processes.view.retired('cpu'))).toBe('1000.000000')
    play.tick(621, [two, 1]).tick(631, [two, 1])
    expect(play.shown).toEqual({ '2 two': 2 })
  })

  test('that was only asleep goes on with its series', () => {
    const play = new Play(1).tick(1, [one, 1000])
    for (let at = 11; at <= 621; at += 10) play.tick(at)
    play.tick(625, [one, 5]).tick(631)
    expect(play.shown).toEqual({ '1 one': 1005 })
    expect(String(play.processes.view.retired('cpu'))).toBe('0.000000')
  })
})

test('those that lost their place are shown on, but with the member never more than four per place', () => {
  const play = new Play(1)
  const all = Array.from({ length: 6 }, (_, index) => processOf(where, index + 1, `job-${index + 1}`))
  // Each uses ten times as much as the one before and long enough to take its place.
  let at = 1
  let spent = 1
  for (const process of all) {
    for (let ranking = 0; ranking < 7; ranking += 1) {
      play.tick(at, [process, spent])
      at += 10
    }
    spent *= 10
  }
  expect(Object.keys(play.shown)).toEqual(['1 job-1', '2 job-2', '3 job-3', '4 job-4', 'other'])
})
