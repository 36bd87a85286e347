import { describe, expect, test } from '@jest/globals'
import { Baselines } from '../../exporter/src/ledger/baseline.ts'
import { Distribution } from '../../exporter/src/ledger/distribution.ts'
import { Ledger } from '../../exporter/src/ledger/ledger.ts'
import type { Leaf, LeafReading } from '../../exporter/src/ledger/nesting.ts'
import { seconds, watts } from '../../exporter/src/units.ts'
import { namingByPath } from '../../exporter/src/workloads/naming.ts'
import {
  activity,
  domain,
  figures,
  group,
  joules,
  policy,
  processOf,
  reading,
  type Done,
} from './small-machine.ts'

/** Its sensor says that it draws 3 W when idle. */
const pack: Leaf = {
  id: 'package-0',
  component: 'cpu',
  method: 'counter',
  baseline: { watts: watts(3), source: 'default' },
}

const spent = (amount: number, duration = 1, leaf = pack): LeafReading => ({
  domain: leaf,
  spent: joules(amount),
  from: seconds(100),
  to: seconds(100 + duration),
})

/** Quiet seconds with these joules each. */
const learn = (baselines: Baselines, ...amounts: readonly number[]): void => {
  for (const amount of amounts) baselines.observe(spent(amount), true)
}

const times = (count: number, amount: number): number[] => Array.from({ length: count }, () => amount)

const nothing = new Map()

const configured = (power: number) =>
  new Map([['package-0', { watts: watts(power), source: 'configured' as const }]])

describe('the source of a baseline', () => {
  test('configured before observed before what the sensor knows', () => {
    const baselines = new Baselines(nothing)
    expect(baselines.of(pack)).toEqual({ watts: 3, source: 'default' })
    learn(baselines, ...times(30, 10))
    expect(baselines.of(pack)).toEqual({ watts: 10, source: 'observed' })
    baselines.reconfigure(configured(7))
    expect(baselines.of(pack)).toEqual({ watts: 7, source: 'configured' })
    expect(baselines.of({ ...pack, id: 'package-1' })).toEqual({ watts: 3, source: 'default' })
    baselines.reconfigure(nothing)
    expect(baselines.of(pack)).toEqual({ watts: 10, source: 'observed' })
  })

  test('one that was measured on purpose is called calibrated', () => {
    const measured = { watts: watts(7), source: 'calibrated' } as const
    expect(new Baselines(new Map([['package-0', measured]])).of(pack)).toEqual(measured)
  })

  test('a configured 0 W counts', () => {
    const baselines = new Baselines(configured(0))
    expect(baselines.of(pack)).toEqual({ watts: 0, source: 'configured' })
  })
})

describe('what is observed', () => {
  test('is believed after thirty quiet seconds and not before', () => {
    const baselines = new Baselines(nothing)
    learn(baselines, ...times(29, 10))
    expect(baselines.of(pack).source).toBe('default')
    expect(baselines.observed.size).toBe(0)
    learn(baselines, 10)
    expect(baselines.of(pack)).toEqual({ watts: 10, source: 'observed' })
  })

  test('is the lower envelope: neither single low readings nor many high ones move it', () => {
    const baselines = new Baselines(nothing)
    learn(baselines, 1, ...times(10, 50), ...times(8, 10), 2, ...times(10, 50))
    expect(baselines.of(pack)).toEqual({ watts: 10, source: 'observed' })
  })

  test('is the power of the newest 300 quiet seconds', () => {
    const baselines = new Baselines(nothing)
    // Of 300 seconds the 30th lowest counts: as long as 30 of the lower ones are remembered it is one of them.
    learn(baselines, ...times(60, 10), ...times(270, 20))
    expect(baselines.of(pack).watts).toBe(10)
    learn(baselines, 20)
    expect(baselines.of(pack).watts).toBe(20)
  })

  test('is averaged over a second: short readings hold the steps of the counter', () => {
    const baselines = new Baselines(nothing)
    // 0 J and 5 J in turns, each over a quarter of a second: 10 W.
    for (let quarter = 0; quarter < 120; quarter += 1)
      baselines.observe(spent(quarter % 2 === 0 ? 0 : 5, 0.25), true)
    expect(baselines.of(pack)).toEqual({ watts: 10, source: 'observed' })
  })

  test('is a power, whatever the length of the readings', () => {
    const baselines = new Baselines(nothing)
    for (let count = 0; count < 30; count += 1) baselines.observe(spent(100, 10), true)
    expect(baselines.of(pack).watts).toBe(10)
  })

  test('is nothing while something goes on, which also ends a second that has begun', () => {
    const baselines = new Baselines(nothing)
    for (let count = 0; count < 100; count += 1) {
      baselines.observe(spent(5, 0.5), true)
      baselines.observe(spent(50, 0.5), false)
    }
    expect(baselines.of(pack).source).toBe('default')
    // Nothing of the half seconds is left: 30 whole ones are needed, and only they count.
    baselines.observe(spent(50, 0.5), true)
    baselines.observe(spent(50, 0.5), false)
    learn(baselines, ...times(30, 4))
    expect(baselines.of(pack)).toEqual({ watts: 4, source: 'observed' })
  })

  test('is nothing for an estimate, which would only hear itself', () => {
    const baselines = new Baselines(nothing)
    const estimated: Leaf = { ...pack, method: 'estimated' }
    for (let count = 0; count < 100; count += 1) baselines.observe(spent(10, 1, estimated), true)
    expect(baselines.of(estimated).source).toBe('default')
  })

  test('is kept apart by domain', () => {
    const baselines = new Baselines(nothing)
    learn(baselines, ...times(30, 10))
    const other: Leaf = { ...pack, id: 'package-1' }
    for (let count = 0; count < 30; count += 1) baselines.observe(spent(20, 1, other), true)
    expect(baselines.observed).toEqual(
      new Map([
        ['package-0', 10],
        ['package-1', 20],
      ]),
    )
  })

  test('is recalled after a restart, until the new run has seen enough itself', () => {
    const former = new Baselines(nothing)
    learn(former, ...times(30, 10))
    const baselines = new Baselines(nothing)
    baselines.recall(former.observed)
    expect(baselines.of(pack)).toEqual({ watts: 10, source: 'observed' })
    expect(baselines.observed).toEqual(new Map([['package-0', 10]]))
    learn(baselines, ...times(29, 20))
    expect(baselines.of(pack).watts).toBe(10)
    learn(baselines, 20)
    expect(baselines.of(pack).watts).toBe(20)
  })

  test('is not replaced by what is recalled late', () => {
    const baselines = new Baselines(nothing)
    learn(baselines, ...times(30, 20))
    baselines.recall(new Map([['package-0', watts(10)]]))
    expect(baselines.of(pack).watts).toBe(20)
  })
})

describe('idle energy', () => {
  test('is the idle power over the interval, never more than was spent', () => {
    const baselines = new Baselines(configured(10))
    expect(baselines.idleOf(spent(30, 2))).toBe(joules(20))
    expect(baselines.idleOf(spent(15, 2))).toBe(joules(15))
    expect(baselines.idleOf(spent(15, 0))).toBe(0)
  })

  test('that is booked stays booked when a better baseline comes', () => {
    const ledger = new Ledger(policy(), {
      nameOf: namingByPath(),
      startedAt: seconds(0),
      lostAfter: seconds(60),
    })
    const cpu = domain('package-0', 'cpu')
    const job = processOf(group('job.service'), 1, 'job')
    const second = (to: number): void =>
      ledger.book({
        at: seconds(to),
        wall: seconds(1e9 + to),
        domains: [cpu],
        readings: [reading(cpu, 30, to - 1, to)],
        activity: activity(to - 1, to, { cpu: [[job, 1]] }),
      })
    second(1)
    expect(figures(ledger.unattributed.accounts())).toEqual({ 'idle cpu idle': '3.000000' })
    ledger.reconfigure(policy({ baselines: configured(10) }))
    expect(figures(ledger.unattributed.accounts())).toEqual({ 'idle cpu idle': '3.000000' })
    second(2)
    expect(figures(ledger.unattributed.accounts())).toEqual({ 'idle cpu idle': '13.000000' })
    expect(figures(ledger.views.workload.accounts())).toEqual({
      'job.service system cpu host': '47.000000',
    })
  })
})

describe('when a domain teaches its baseline', () => {
  const gpu: Leaf = { ...pack, id: 'gpu-0', component: 'accelerator' }
  const job = processOf(group('job.service'), 1, 'job')

  /** Two ticks for each reading of 20 J in 2 s: in the first the leaf is not read. */
  const taught = (leaf: Leaf, unread: Done, read: Done): string => {
    const baselines = new Baselines(nothing)
    const distribution = new Distribution(baselines)
    for (let tick = 0; tick < 60; tick += 2) {
      const ignore = (): void => undefined
      distribution.split({ readings: [], unread: [leaf] }, activity(tick, tick + 1, unread), 'none', ignore)
      const whole = { domain: leaf, spent: joules(20), from: seconds(tick), to: seconds(tick + 2) }
      distribution.split(
        { readings: [whole], unread: [] },
        activity(tick + 1, tick + 2, read),
        'none',
        ignore,
      )
    }
    const { watts: power, source } = baselines.of(leaf)
    return `${power} W ${source}`
  }

  test('below 2 % activity', () => {
    expect(taught(pack, { busyRatio: 0.019 }, { busyRatio: 0.019 })).toBe('10 W observed')
    expect(taught(pack, { busyRatio: 0.019 }, { busyRatio: 0.02 })).toBe('3 W default')
  })

  test('not if something went on in any tick of its interval', () => {
    expect(taught(pack, { busyRatio: 0.02 }, { busyRatio: 0 })).toBe('3 W default')
  })

  test('for an accelerator while nobody holds it, in all of its interval', () => {
    const quiet = { busyRatio: 0, holders: { 'gpu-0': [] } }
    const held = { busyRatio: 0, holders: { 'gpu-0': [job] } }
    expect(taught(gpu, quiet, quiet)).toBe('10 W observed')
    expect(taught(gpu, quiet, held)).toBe('3 W default')
    expect(taught(gpu, held, quiet)).toBe('3 W default')
  })

  test('for a package whether or not an accelerator is held', () => {
    const held = { busyRatio: 0, holders: { 'gpu-0': [job] } }
    expect(taught(pack, held, held)).toBe('10 W observed')
  })
})
