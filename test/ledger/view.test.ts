import { describe, expect, test } from '@jest/globals'
import { EnergyClasses } from '../../exporter/src/ledger/classes.ts'
import { View, type Holder, type ViewLimits } from '../../exporter/src/ledger/view.ts'
import { seconds } from '../../exporter/src/units.ts'
import { figures, joules } from './small-machine.ts'

const START = 1000
const HOLD = 30
const EXPIRE = 600

const classes = new EnergyClasses()
const active = classes.of('cpu', 'host', 'counter')
const idle = classes.of('cpu', 'idle', 'counter')
const memory = classes.of('memory', 'host', 'counter')

/** A view of one label; a scrape sees it after `show`. */
class Play {
  readonly view: View

  constructor(limits: Partial<ViewLimits> & { readonly hold?: number } = {}) {
    this.view = new View({
      overflow: ['other'],
      startedAt: seconds(START),
      classes,
      lifetimes: { birthHold: seconds(limits.hold ?? HOLD), expireAfter: seconds(EXPIRE) },
      seriesLimit: limits.seriesLimit ?? 100,
    })
  }

  /** Asks for the holder of the label again, as an owner does that has just appeared. */
  book(label: string, spent: number, at: number, energyClass = active): Holder {
    const holder = this.view.holder([label], seconds(at))
    this.view.book(holder, energyClass, joules(spent), seconds(at), seconds(at + 1e9))
    return holder
  }

  show(at: number): Record<string, string> {
    this.view.sweep(seconds(at))
    return figures(this.view.accounts())
  }

  get pending(): string {
    return String(this.view.pending('cpu'))
  }

  get retired(): string {
    return String(this.view.retired('cpu'))
  }
}

describe('birth', () => {
  test('a new series stands at 0 for the hold, then shows all that was booked', () => {
    const play = new Play()
    play.book('llama', 10, 1010)
    expect(play.show(1010)).toEqual({ 'llama cpu host': '0.000000' })
    expect(play.pending).toBe('10.000000')
    play.book('llama', 5, 1039)
    expect(play.show(1039)).toEqual({ 'llama cpu host': '0.000000' })
    expect(play.pending).toBe('15.000000')
    expect(play.show(1040)).toEqual({ 'llama cpu host': '15.000000' })
    expect(play.pending).toBe('0.000000')
    play.book('llama', 1, 1041)
    expect(play.show(1041)).toEqual({ 'llama cpu host': '16.000000' })
  })

  test('a series of the first five seconds is shown at once', () => {
    const play = new Play()
    play.book('early', 10, START + 5)
    play.book('late', 10, START + 5.1)
    expect(play.show(START + 5.1)).toEqual({ 'early cpu host': '10.000000', 'late cpu host': '0.000000' })
    expect(play.pending).toBe('10.000000')
  })

  test('without a hold every series is shown at once', () => {
    const play = new Play({ hold: 0 })
    play.book('llama', 10, 2000)
    expect(play.show(2000)).toEqual({ 'llama cpu host': '10.000000' })
  })

  test('each kind of energy is a series with a birth of its own', () => {
    const play = new Play()
    play.book('llama', 10, 1010)
    play.book('llama', 3, 1030, idle)
    expect(play.show(1045)).toEqual({ 'llama cpu host': '10.000000', 'llama cpu idle': '0.000000' })
    expect(play.show(1060)).toEqual({ 'llama cpu host': '10.000000', 'llama cpu idle': '3.000000' })
  })

  test('what is pending is kept apart by component', () => {
    const play = new Play()
    play.book('llama', 10, 1010)
    play.book('llama', 4, 1010, memory)
    expect(play.pending).toBe('10.000000')
    expect(String(play.view.pending('memory'))).toBe('4.000000')
    expect(String(play.view.pending('board'))).toBe('0.000000')
  })

  test('knows when it was, whatever is booked later', () => {
    const play = new Play()
    play.book('llama', 10, 1010)
    play.book('llama', 10, 1500)
    expect(Array.from(play.view.accounts(), ({ createdWall }) => createdWall)).toEqual([1e9 + 1010])
  })
})

describe('retirement', () => {
  test('a series whose owner is gone stays for a while, then its total is retired', () => {
    const play = new Play()
    play.book('llama', 10, 1002)
    play.book('llama', 2, 1010)
    expect(play.show(1609)).toEqual({ 'llama cpu host': '12.000000' })
    expect(play.retired).toBe('0.000000')
    expect(play.show(1610)).toEqual({})
    expect(play.retired).toBe('12.000000')
    expect(play.view.holders).toBe(0)
  })

  test('a series whose owner was seen stays, with or without energy', () => {
    const play = new Play()
    const holder = play.book('llama', 10, 1002)
    holder.lastSeen = seconds(1500)
    expect(play.show(2099)).toEqual({ 'llama cpu host': '10.000000' })
    expect(play.show(2100)).toEqual({})
  })

  test('what was pending is retired with it and pending no more', () => {
    const play = new Play({ hold: 1000 })
    play.book('llama', 10, 1010)
    expect(play.show(1610)).toEqual({})
    expect(play.pending).toBe('0.000000')
    expect(play.retired).toBe('10.000000')
  })
})

describe('return', () => {
  const returned = (): Play => {
    const play = new Play()
    play.book('llama', 10, 1002)
    play.show(1602)
    expect(play.retired).toBe('10.000000')
    play.book('llama', 5, 2000)
    return play
  }

  test('the same labels go on from their total, which is no longer retired', () => {
    const play = returned()
    expect(play.show(2000)).toEqual({ 'llama cpu host': '10.000000' })
    expect(play.retired).toBe('0.000000')
    expect(play.pending).toBe('5.000000')
    expect(play.show(2030)).toEqual({ 'llama cpu host': '15.000000' })
  })

  test('keeps the time of birth and can retire again', () => {
    const play = returned()
    expect(Array.from(play.view.accounts(), ({ createdWall }) => createdWall)).toEqual([1e9 + 1002])
    expect(play.show(2600)).toEqual({})
    expect(play.retired).toBe('15.000000')
  })

  test('brings all kinds of energy back, also those that nothing is booked to', () => {
    const play = new Play()
    play.book('llama', 10, 1002)
    play.book('llama', 3, 1002, idle)
    play.show(1602)
    expect(play.retired).toBe('13.000000')
    play.book('llama', 5, 2000)
    expect(play.show(2030)).toEqual({ 'llama cpu host': '15.000000', 'llama cpu idle': '3.000000' })
    expect(play.retired).toBe('0.000000')
  })

  test('whoever still has the retired holder books to the living one', () => {
    const play = new Play()
    const former = play.book('llama', 10, 1002)
    play.show(1602)
    for (const spent of [5, 2])
      play.view.book(former, active, joules(spent), seconds(2000), seconds(1e9 + 2000))
    expect(former.isRetired).toBe(true)
    expect(play.show(2030)).toEqual({ 'llama cpu host': '17.000000' })
    expect(play.retired).toBe('0.000000')
  })

  test('other labels start at 0, and the retired stay retired', () => {
    const play = new Play()
    play.book('llama', 10, 1002)
    play.show(1602)
    play.book('mistral', 5, 2000)
    expect(play.show(2030)).toEqual({ 'mistral cpu host': '5.000000' })
    expect(play.retired).toBe('10.000000')
  })
})

describe('an account is its labels', () => {
  test('two owners with the same labels have one', () => {
    const play = new Play()
    expect(play.book('llama', 10, 1002)).toBe(play.book('llama', 5, 1003))
    expect(play.show(1003)).toEqual({ 'llama cpu host': '15.000000' })
  })

  test('an owner whose labels change starts another at 0, and the old stands still', () => {
    const play = new Play()
    play.book('llama', 10, 1002)
    play.book('llama-v2', 5, 1010)
    expect(play.show(1010)).toEqual({ 'llama cpu host': '10.000000', 'llama-v2 cpu host': '0.000000' })
    expect(play.show(1040)).toEqual({ 'llama cpu host': '10.000000', 'llama-v2 cpu host': '5.000000' })
  })

  test('labels that only look alike when joined are different', () => {
    const { view } = new Play()
    expect(view.holder(['a', 'bc'], seconds(START))).not.toBe(view.holder(['ab', 'c'], seconds(START)))
  })
})

describe('the limit on series', () => {
  test('what is beyond goes to the overflow, and each series that is not there is counted once', () => {
    const play = new Play({ seriesLimit: 2 })
    play.book('a', 1, 1001)
    play.book('b', 2, 1001)
    play.book('c', 4, 1001)
    play.book('c', 4, 1002)
    expect(play.view.dropped).toBe(1)
    expect(play.show(1002)).toEqual({
      'a cpu host': '1.000000',
      'b cpu host': '2.000000',
      'other cpu host': '8.000000',
    })
    play.book('a', 16, 1003, idle)
    expect(play.view.dropped).toBe(2)
    expect(play.show(1003)).toEqual({
      'a cpu host': '1.000000',
      'b cpu host': '2.000000',
      'other cpu host': '8.000000',
      'other cpu idle': '16.000000',
    })
  })

  test('whoever lives on beyond it is not counted anew', () => {
    const play = new Play({ seriesLimit: 1 })
    play.book('a', 1, 1001)
    const beyond = play.book('b', 2, 1001)
    for (const at of [1500, 2000, 2500]) {
      play.view.book(beyond, active, joules(2), seconds(at), seconds(at + 1e9))
      play.show(at + 10)
    }
    expect(beyond.isRetired).toBe(false)
    expect(play.view.dropped).toBe(1)
    expect(play.show(2510)).toEqual({ 'other cpu host': '8.000000' })
  })

  test('does not touch those that are there', () => {
    const play = new Play({ seriesLimit: 1 })
    play.book('a', 1, 1001)
    play.book('b', 2, 1001)
    play.book('a', 4, 1002)
    expect(play.show(1002)).toEqual({ 'a cpu host': '5.000000', 'other cpu host': '2.000000' })
  })

  test('a retired series makes room for the next newcomer', () => {
    const play = new Play({ seriesLimit: 1 })
    play.book('a', 1, 1001)
    play.show(1601)
    play.book('b', 2, 1601)
    expect(play.view.dropped).toBe(0)
    expect(play.show(1631)).toEqual({ 'b cpu host': '2.000000' })
  })

  test('who returns to a full view goes to the overflow; its total stays retired', () => {
    const play = new Play({ seriesLimit: 1 })
    play.book('a', 1, 1001)
    play.show(1601)
    play.book('b', 2, 1601)
    play.book('a', 4, 1602)
    expect(play.show(1632)).toEqual({ 'b cpu host': '2.000000', 'other cpu host': '4.000000' })
    expect(play.retired).toBe('1.000000')
  })

  test('what found no room when its owner returned goes on once there is some', () => {
    const play = new Play({ seriesLimit: 2 })
    play.book('a', 1, 1001)
    play.book('a', 2, 1001, idle)
    play.show(1601)
    play.book('b', 4, 1601)
    play.book('a', 8, 1602)
    expect(play.show(1632)).toEqual({ 'b cpu host': '4.000000', 'a cpu host': '9.000000' })
    expect(play.retired).toBe('2.000000')
    play.book('a', 16, 2000)
    play.show(2201)
    play.book('a', 32, 2202, idle)
    expect(play.show(2202)).toEqual({ 'a cpu host': '25.000000', 'a cpu idle': '2.000000' })
    expect(play.show(2232)).toEqual({ 'a cpu host': '25.000000', 'a cpu idle': '34.000000' })
    expect(play.retired).toBe('4.000000')
    const births = Array.from(play.view.accounts(), ({ createdWall }) => createdWall)
    expect(births).toEqual([1e9 + 1001, 1e9 + 1001])
  })

  test('a smaller one after a reload counts for newcomers only', () => {
    const play = new Play()
    play.book('a', 1, 1001)
    play.book('b', 2, 1001)
    play.view.reconfigure({
      lifetimes: { birthHold: seconds(HOLD), expireAfter: seconds(EXPIRE) },
      seriesLimit: 1,
    })
    play.book('b', 2, 1002)
    play.book('c', 4, 1002)
    expect(play.show(1002)).toEqual({
      'a cpu host': '1.000000',
      'b cpu host': '4.000000',
      'other cpu host': '4.000000',
    })
  })
})
