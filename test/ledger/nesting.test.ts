import { describe, expect, test } from '@jest/globals'
import { Nesting, type Settled } from '../../exporter/src/ledger/nesting.ts'
import type { Domain, Reading } from '../../exporter/src/model.ts'
import { seconds } from '../../exporter/src/units.ts'
import { domain, joules, reading } from './small-machine.ts'

const LOST_AFTER = 60

const psys = domain('psys', 'node')
const pack = domain('package-0', 'cpu', 'psys')
const core = domain('core-0', 'cpu', 'package-0', { booked: false })
const dram = domain('dram-0', 'memory', 'psys')
const estimatedDram = domain('dram-0', 'memory', 'psys', { method: 'estimated' })
const model = domain('model-cpu', 'cpu', '', { method: 'estimated', standIn: true })

/** A tree, and what is read of it. */
class Play {
  readonly nesting = new Nesting(seconds(LOST_AFTER))

  settle(at: number, present: readonly Domain[], readings: readonly Reading[] = []): Settled {
    const settled = this.nesting.settle(seconds(at), seconds(at + 1e9), present, readings)
    expect(this.nesting.imbalance()).toBe(0n)
    return settled
  }

  /** One second in which every domain that has a figure was read; the others are present. */
  second(to: number, figures: readonly (readonly [Domain, number?])[]): Settled {
    const present = figures.map(([one]) => one)
    const readings = figures.flatMap(([one, spent]) =>
      spent === undefined ? [] : [reading(one, spent, to - 1, to)],
    )
    return this.settle(to, present, readings)
  }

  /** The totals of all accounts in decimal joules; leaves are marked with a star. */
  get totals(): Record<string, string> {
    return Object.fromEntries(
      Array.from(this.nesting.accounts.values(), ({ domain: id, within, leaf, total }) => [
        `${id}${leaf ? '*' : ''}${within === '' ? '' : ` in ${within}`}`,
        String(total),
      ]),
    )
  }

  state(id: string): { deficit: number; excess: string; gapSeconds: number } | undefined {
    for (const { domain: one, deficit, excess, gapSeconds } of this.nesting.states())
      if (one === id) return { deficit: deficit / 1e6, excess: String(excess), gapSeconds }
    return undefined
  }
}

/** What is booked, in joules by leaf and interval. */
const booked = ({ readings }: Settled): string[] =>
  readings.map(({ domain: { id, component }, spent, from, to }) => {
    return `${id} ${component}: ${spent / 1e6} J from ${from} to ${to}`
  })

const waiting = ({ unread }: Settled): string[] => unread.map(({ id }) => id)

describe('what encloses', () => {
  test('a domain keeps what its parts do not explain; a part that is only shown is not booked', () => {
    const play = new Play()
    const settled = play.second(1, [
      [psys, 100],
      [pack, 60],
      [core, 40],
      [dram, 10],
    ])
    expect(booked(settled).sort()).toEqual([
      'dram-0 memory: 10 J from 0 to 1',
      'package-0 cpu: 60 J from 0 to 1',
      'psys-rest board: 30 J from 0 to 1',
    ])
    expect(waiting(settled)).toEqual([])
    expect(play.totals).toEqual({
      psys: '100.000000',
      'package-0* in psys': '60.000000',
      'core-0 in package-0': '40.000000',
      'dram-0* in psys': '10.000000',
      'psys-rest* in psys': '30.000000',
    })
  })

  test('a part that is only shown takes nothing from the rest', () => {
    const play = new Play()
    play.second(1, [
      [psys, 100],
      [pack, 60],
      [domain('graphics', 'cpu', 'psys', { booked: false }), 15],
    ])
    expect(play.totals).toMatchObject({ 'graphics in psys': '15.000000', 'psys-rest* in psys': '40.000000' })
  })

  test('a node meter without parts is all rest, and has no leaf of its own', () => {
    const play = new Play()
    expect(booked(play.second(1, [[psys, 100]]))).toEqual(['psys-rest board: 100 J from 0 to 1'])
    expect(play.totals).toEqual({ psys: '100.000000', 'psys-rest* in psys': '100.000000' })
  })

  test('a part that is only shown does not become a root when its whole is gone', () => {
    const play = new Play()
    expect(booked(play.second(1, [[core, 40]]))).toEqual([])
    expect(play.totals).toEqual({ 'core-0 in package-0': '40.000000' })
  })

  test('three levels: each rest is taken from the nearest meter', () => {
    const meter = domain('meter', 'node')
    const inner = domain('psys', 'node', 'meter')
    const gpu = domain('gpu-0', 'accelerator', 'meter')
    const play = new Play()
    play.second(1, [
      [meter, 500],
      [inner, 100],
      [pack, 60],
      [gpu, 300],
    ])
    expect(play.totals).toMatchObject({
      meter: '500.000000',
      'psys in meter': '100.000000',
      'psys-rest* in psys': '40.000000',
      'gpu-0* in meter': '300.000000',
      'meter-rest* in meter': '100.000000',
    })
  })

  test('the rest is known no better than the whole and its parts', () => {
    const play = new Play()
    const methodOfRest = (parts: readonly (readonly [Domain, number])[]): string | undefined =>
      play.second(1, [[psys, 100], ...parts]).readings.find(({ domain: { id } }) => id === 'psys-rest')
        ?.domain.method
    expect(methodOfRest([[pack, 60]])).toBe('counter')
    expect(methodOfRest([[{ ...pack, method: 'integrated' }, 60]])).toBe('integrated')
    expect(methodOfRest([[estimatedDram, 10]])).toBe('estimated')
  })
})

describe('the deficit', () => {
  test('is carried forward and made good later; the rest is never negative', () => {
    const play = new Play()
    play.second(1, [
      [psys, 50],
      [pack, 60],
    ])
    expect(play.totals).toMatchObject({ psys: '50.000000', 'psys-rest* in psys': '0.000000' })
    expect(play.state('psys')?.deficit).toBe(10)

    // 65 J less the 60 J of the package leave 5 J, which pay half of the debt.
    play.second(2, [
      [psys, 65],
      [pack, 60],
    ])
    expect(play.totals).toMatchObject({ 'psys-rest* in psys': '0.000000' })
    expect(play.state('psys')?.deficit).toBe(5)

    play.second(3, [
      [psys, 100],
      [pack, 60],
    ])
    expect(play.totals).toMatchObject({ psys: '215.000000', 'psys-rest* in psys': '35.000000' })
    expect(play.state('psys')?.deficit).toBe(0)
  })

  test('holds what fast parts have spent until the slow whole is read', () => {
    const play = new Play()
    const first = play.second(1, [[psys], [pack, 60]])
    expect(booked(first)).toEqual(['package-0 cpu: 60 J from 0 to 1'])
    expect(waiting(first)).toEqual(['psys-rest'])
    expect(play.state('psys')?.deficit).toBe(60)
    play.second(2, [[psys], [pack, 60]])
    expect(play.state('psys')?.deficit).toBe(120)

    const third = play.settle(3, [psys, pack], [reading(psys, 300, 0, 3), reading(pack, 60, 2, 3)])
    expect(booked(third)).toEqual(['package-0 cpu: 60 J from 2 to 3', 'psys-rest board: 120 J from 0 to 3'])
    expect(waiting(third)).toEqual([])
    expect(play.state('psys')?.deficit).toBe(0)
  })
})

describe('an estimate inside a measured whole', () => {
  test('waits for the whole and is booked over all of its time', () => {
    const play = new Play()
    for (const to of [1, 2]) {
      const settled = play.second(to, [[psys], [pack, 80], [estimatedDram, 10]])
      expect(booked(settled)).toEqual([`package-0 cpu: 80 J from ${to - 1} to ${to}`])
      expect(waiting(settled)).toEqual(['psys-rest', 'dram-0'])
      expect(play.totals).toMatchObject({ 'dram-0* in psys': '0.000000' })
    }
    const readings = [reading(psys, 300, 0, 3), reading(pack, 80, 2, 3), reading(estimatedDram, 10, 2, 3)]
    expect(booked(play.settle(3, [psys, pack, estimatedDram], readings))).toEqual([
      'package-0 cpu: 80 J from 2 to 3',
      'dram-0 memory: 30 J from 0 to 3',
      'psys-rest board: 30 J from 0 to 3',
    ])
  })

  test('is booked from where its own readings began', () => {
    const play = new Play()
    play.second(1, [[psys]])
    play.second(2, [[psys], [estimatedDram, 10]])
    const settled = play.settle(3, [psys, estimatedDram], [reading(psys, 300, 0, 3)])
    expect(booked(settled)).toEqual(['dram-0 memory: 10 J from 1 to 3', 'psys-rest board: 290 J from 0 to 3'])
  })

  test('gets no more than the whole leaves, and what it did not get is not owed', () => {
    const play = new Play()
    play.second(1, [
      [psys, 67],
      [pack, 60],
      [estimatedDram, 10],
    ])
    expect(play.totals).toMatchObject({
      'dram-0* in psys': '7.000000',
      'psys-rest* in psys': '0.000000',
    })
    expect(play.state('psys')?.deficit).toBe(0)
    play.second(2, [
      [psys, 100],
      [pack, 60],
      [estimatedDram, 10],
    ])
    expect(play.totals).toMatchObject({
      'dram-0* in psys': '17.000000',
      'psys-rest* in psys': '30.000000',
    })
  })

  test('gets nothing while there is a deficit', () => {
    const play = new Play()
    play.second(1, [
      [psys, 50],
      [pack, 60],
      [estimatedDram, 10],
    ])
    expect(play.totals).toMatchObject({ 'dram-0* in psys': '0.000000' })
    expect(play.state('psys')?.deficit).toBe(10)
  })

  test('shares what is left in proportion to what each claims', () => {
    const other = domain('dram-1', 'memory', 'psys', { method: 'estimated' })
    const play = new Play()
    play.second(1, [
      [psys, 80],
      [pack, 60],
      [estimatedDram, 30],
      [other, 10],
    ])
    expect(play.totals).toMatchObject({
      'dram-0* in psys': '15.000000',
      'dram-1* in psys': '5.000000',
      'psys-rest* in psys': '0.000000',
    })
  })

  test('does not wait where the whole is an estimate, too, or where there is none', () => {
    const play = new Play()
    play.second(1, [[{ ...psys, method: 'estimated' }], [estimatedDram, 10]])
    expect(play.totals).toMatchObject({ 'dram-0* in psys': '10.000000' })

    const alone = new Play()
    alone.second(1, [[estimatedDram, 10]])
    expect(alone.totals).toEqual({ 'dram-0*': '10.000000' })
  })

  test('is booked on its own when the whole it waited for is gone', () => {
    const play = new Play()
    play.second(1, [[psys], [estimatedDram, 10]])
    const settled = play.settle(62, [estimatedDram], [reading(estimatedDram, 5, 1, 62)])
    expect(booked(settled)).toEqual(['dram-0 memory: 15 J from 0 to 62'])
  })
})

describe('a stand-in model', () => {
  test('is silent while a measured domain of its component is present, and for a while after', () => {
    const play = new Play()
    play.second(1, [[model, 20]])
    expect(play.totals).toEqual({ 'model-cpu*': '20.000000' })

    // The package has not been read yet: its first figure covers this tick.
    const second = play.second(2, [[model, 20], [pack]])
    expect(booked(second)).toEqual([])
    expect(waiting(second)).toEqual(['package-0'])
    play.second(3, [
      [model, 20],
      [pack, 30],
    ])

    const last = 3 + LOST_AFTER
    expect(booked(play.second(last, [[model, 20]]))).toEqual([])
    expect(booked(play.second(last + 1, [[model, 20]]))).toEqual(['model-cpu cpu: 20 J from 63 to 64'])
    expect(play.totals).toEqual({ 'model-cpu*': '40.000000', 'package-0*': '30.000000' })
  })

  test('speaks beside measured domains of other components and beside those that are only shown', () => {
    const play = new Play()
    play.second(1, [
      [model, 20],
      [core, 10],
      [dram, 5],
    ])
    expect(play.totals).toMatchObject({ 'model-cpu*': '20.000000', 'dram-0*': '5.000000' })
  })
})

describe('an account', () => {
  test('stands at 0 as soon as its domain is known', () => {
    const play = new Play()
    play.second(1, [[psys], [pack]])
    expect(play.totals).toEqual({ psys: '0.000000', 'package-0* in psys': '0.000000' })
  })

  test('stands still when its domain moves in the tree, and another one starts', () => {
    const play = new Play()
    play.second(1, [[pack, 10]])
    play.second(2, [
      [psys, 50],
      [pack, 30],
    ])
    expect(play.totals).toMatchObject({ 'package-0*': '10.000000', 'package-0* in psys': '30.000000' })

    // Without the meter it is a root again, and its old account goes on.
    play.settle(2 + LOST_AFTER, [pack], [reading(pack, 1, 2, 62)])
    play.settle(3 + LOST_AFTER, [pack], [reading(pack, 5, 62, 63)])
    expect(play.totals).toMatchObject({
      psys: '50.000000',
      'package-0*': '15.000000',
      'package-0* in psys': '31.000000',
      'psys-rest* in psys': '20.000000',
    })
  })

  test('of another method is another account', () => {
    const play = new Play()
    play.second(1, [[pack, 10]])
    play.second(2, [[{ ...pack, method: 'integrated' }, 30]])
    const totals = Array.from(play.nesting.accounts.values(), ({ method, total }) => [method, String(total)])
    expect(totals).toEqual([
      ['counter', '10.000000'],
      ['integrated', '30.000000'],
    ])
  })

  test('has the mean power of its newest reading, until that is too old', () => {
    const play = new Play()
    play.settle(4, [pack], [reading(pack, 50, 0, 4)])
    const [account] = play.nesting.accounts.values()
    if (account === undefined) throw new Error('there is no account')
    expect(account.power).toBe(12.5)
    expect(play.nesting.isCurrent(account, seconds(4 + LOST_AFTER))).toBe(true)
    expect(play.nesting.isCurrent(account, seconds(5 + LOST_AFTER))).toBe(false)
  })
})

describe('what is missing', () => {
  test('seconds between two readings are counted as a gap', () => {
    const play = new Play()
    play.second(1, [[pack, 10]])
    play.second(2, [[pack, 10]])
    expect(play.state('package-0')?.gapSeconds).toBe(0)
    play.second(5, [[pack, 10]])
    play.second(10, [[pack, 10]])
    expect(play.state('package-0')?.gapSeconds).toBe(2 + 4)
  })

  test('a reading that reaches back over the one before does not make the gap smaller', () => {
    const play = new Play()
    play.second(1, [[pack, 10]])
    play.second(4, [[pack, 10]])
    play.settle(5, [pack], [reading(pack, 10, 3.5, 5)])
    expect(play.state('package-0')?.gapSeconds).toBe(2)
  })

  test('what a counter claimed and was not believed is counted and not booked', () => {
    const play = new Play()
    for (const to of [1, 2])
      play.settle(to, [pack], [{ ...reading(pack, 10, to - 1, to), excess: joules(7) }])
    expect(play.state('package-0')?.excess).toBe('14.000000')
    expect(play.totals).toEqual({ 'package-0*': '20.000000' })
  })

  test('a reading of a domain that nobody announced is not booked', () => {
    const play = new Play()
    expect(booked(play.settle(1, [], [reading(pack, 10, 0, 1)]))).toEqual([])
    expect(play.totals).toEqual({})
  })
})
