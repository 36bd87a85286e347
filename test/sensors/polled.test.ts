/** The frame around slow devices: what it asks when, and what it makes of the answers. */
import { describe, expect, test } from '@jest/globals'
import { DeviceError } from '../../exporter/src/devices/device.ts'
import type { MeterUse } from '../../exporter/src/sensors/coverage.ts'
import type { PolledSensor } from '../../exporter/src/sensors/polled.ts'
import type { Bookmarks, Outcome } from '../../exporter/src/sensors/sensor.ts'
import { seconds, watts } from '../../exporter/src/units.ts'
import { Machine } from '../machine.ts'
import { sensorContract } from './contract.ts'
import { ofNode, ofZone, scripted, ScriptedClient, settled } from './scripted-client.ts'

class Bench {
  readonly machine = new Machine()
  readonly client = new ScriptedClient()
  readonly sensor: PolledSensor

  constructor(meters: readonly MeterUse[] = [ofNode('bmc')], more: Parameters<typeof scripted>[3] = {}) {
    this.sensor = scripted(this.machine, this.client, meters, more)
  }

  /** Time passes in steps, with a look at the end. */
  async after(duration: number): Promise<Outcome> {
    for (let left = duration; left > 0; left -= 1) {
      this.machine.wait(Math.min(1, left))
      await settled()
    }
    return this.look()
  }

  async look(): Promise<Outcome> {
    const outcome = await this.sensor.read(this.machine.now)
    await settled()
    return outcome
  }
}

const readingsIn = (outcome: Outcome): readonly unknown[] =>
  outcome.kind === 'readings' ? outcome.readings.map(({ spent, from, to }) => [spent, from, to]) : []

describe('the frame', () => {
  test('a look never waits, and tells once of what was learnt before it', async () => {
    const bench = new Bench()
    bench.client.answer([{ id: 'chassis', watts: 300 }])
    expect(await bench.look()).toMatchObject({ kind: 'warming-up', domains: [] })
    expect(await bench.after(1)).toMatchObject({
      kind: 'warming-up',
      domains: [{ id: 'bmc', component: 'node' }],
    })
    bench.client.answer([{ id: 'chassis', watts: 500 }])
    expect(readingsIn(await bench.after(9))).toEqual([[4_000_000_000, 1000, 1010]])
    const again = await bench.look()
    expect(again).toMatchObject({ kind: 'readings', readings: [], domains: [{ id: 'bmc' }] })
  })

  test('a counter is preferred, and its readings have their own times', async () => {
    const bench = new Bench([ofZone('pdu', 'it')])
    bench.client.answer([{ id: 'inlet', watts: 300, joules: 1_000_000 }])
    await bench.look()
    bench.client.answer([{ id: 'inlet', watts: 300, joules: 1_002_999 }])
    expect(await bench.after(13)).toMatchObject({
      kind: 'readings',
      readings: [],
      domains: [],
      surroundings: {
        zoneMeters: [{ zone: 'closet', role: 'it', meter: 'pdu', sensor: 'scripted:one', method: 'counter' }],
        zoneReadings: [{ spent: 2_999_000_000, from: 1000, to: 1010 }],
      },
    })
  })

  test('questions never overlap, and one that is not answered in time is called off', async () => {
    const bench = new Bench()
    let signal: AbortSignal | undefined
    bench.client.does((one) => {
      signal = one
      return new Promise(() => undefined)
    })
    await bench.look()
    expect(await bench.after(4)).toMatchObject({ kind: 'warming-up' })
    expect(await bench.after(1)).toMatchObject({ kind: 'failed', why: 'did not answer within 5 s' })
    expect(signal?.aborted).toBe(true)
    await bench.after(600)
    expect([bench.client.asked, bench.client.mostOpen]).toEqual([1, 1]) // it still owes that answer
  })
})

describe('when it asks', () => {
  /** Instants of the questions within a time, counted from the first look. */
  const instants = async (bench: Bench, duration: number): Promise<number[]> => {
    const asked: number[] = []
    const start = bench.machine.now
    let known = bench.client.asked
    await bench.look()
    if (bench.client.asked > known) asked.push(0)
    known = bench.client.asked
    for (let second = 0; second < duration * 2; second += 1) {
      bench.machine.wait(0.5)
      await settled()
      if (bench.client.asked > known) asked.push(bench.machine.now - start)
      known = bench.client.asked
    }
    return asked
  }

  test('once a period, a tenth earlier or later by chance', async () => {
    const spread = [0, 1, 0.5]
    const bench = new Bench(undefined, { random: () => spread.shift() ?? 0.5 })
    bench.client.answer([{ id: 'a', watts: 1 }])
    expect(await instants(bench, 41)).toEqual([0, 9, 20, 30, 40])
  })

  test('less and less often while it fails, and as before once it answers', async () => {
    const bench = new Bench(undefined, { random: () => 1 })
    bench.client.fail()
    expect(await instants(bench, 900)).toEqual([0, 20, 60, 140, 300, 600, 900])
    bench.client.answer([{ id: 'a', watts: 1 }])
    await bench.after(300)
    const before = bench.client.asked
    await bench.after(110)
    expect(bench.client.asked - before).toBe(10)
  })

  test('at half of that pause by chance', async () => {
    const bench = new Bench(undefined, { random: () => 0 })
    bench.client.fail()
    expect(await instants(bench, 150)).toEqual([0, 10, 30, 70, 150])
  })

  test('not before the time that the device asks for, up to an hour', async () => {
    const bench = new Bench(undefined, { random: () => 0 })
    bench.client.fail('it is busy', 120)
    expect(await instants(bench, 130)).toEqual([0, 120])
    const other = new Bench(undefined, { random: () => 0 })
    other.client.fail('it is busy', 1e9)
    expect(await instants(other, 3700)).toEqual([0, 3600])
  })

  test('never again once it is closed, and the question under way is called off', async () => {
    const bench = new Bench()
    let signal: AbortSignal | undefined
    bench.client.does((one) => {
      signal = one
      return new Promise((resolve) =>
        one.addEventListener('abort', () => resolve({ meters: [], gauges: [] })),
      )
    })
    await bench.look()
    await bench.sensor.close()
    await bench.sensor.close()
    expect(signal?.aborted).toBe(true)
    await bench.after(100)
    expect([bench.client.asked, bench.client.closed]).toEqual([1, 2])
  })
})

describe('a device that fails', () => {
  test('is told of once for each question, with what to do', async () => {
    const bench = new Bench()
    bench.client.fail('it is busy')
    await bench.look()
    expect(await bench.look()).toMatchObject({
      kind: 'failed',
      why: 'it is busy',
      advice: 'look after it',
      polling: { isNews: true },
    })
    expect(await bench.look()).toMatchObject({ kind: 'failed', polling: { isNews: false } })
  })

  test('by a defect of its client shows no word of it: it may hold a password', async () => {
    const bench = new Bench()
    bench.client.does(() => {
      throw new TypeError('https://admin:s3cret@bmc is no URL')
    })
    await bench.look()
    expect(await bench.look()).toMatchObject({ kind: 'failed', why: 'its client broke down (TypeError)' })
  })

  test('for a short while: its next figures cover that while', async () => {
    const bench = new Bench()
    bench.client.answer([{ id: 'a', joules: 1000 }])
    await bench.look()
    bench.client.answer([{ id: 'a', joules: 2000 }])
    await bench.after(10)
    bench.client.fail()
    await bench.after(20)
    bench.client.answer([{ id: 'a', joules: 9000 }])
    expect(readingsIn(await bench.after(20))).toEqual([[7_000_000_000, 1010, 1035]])
  })

  test('for long: as a meter of this machine it begins anew, as a meter of a zone it has gone on counting', async () => {
    const bench = new Bench([
      ofNode('bmc', 'node', { figures: ['a'] }),
      ofZone('pdu', 'it', { figures: ['b'] }),
      ofZone('watts', 'cooling', { figures: ['c'] }),
    ])
    const say = (joules: number): void =>
      bench.client.answer([
        { id: 'a', joules },
        { id: 'b', joules },
        { id: 'c', watts: 100 },
      ])
    say(1000)
    await bench.look()
    say(2000)
    await bench.after(10)
    bench.client.fail()
    await bench.after(100)
    say(50_000)
    const back = await bench.after(300)
    expect(back.kind === 'readings' && back.readings).toEqual([])
    expect(back).toMatchObject({
      kind: 'readings',
      surroundings: {
        zoneReadings: [
          { meter: { meter: 'pdu' }, spent: 48_000_000_000 },
          { meter: { meter: 'watts' }, from: 1125, spent: 28_000_000_000 }, // a gap is nobody's to guess
        ],
      },
    })
  })
})

describe('a device that lies', () => {
  const LIMIT = { maximum: watts(1000) }

  test.each([
    ['a spike', 65_535, 'its power is 65535 W, more than its maximum of 1000 W'],
    ['a negative power', -5, 'its power is -5 W: what is used cannot be negative'],
    ['no number', NaN, 'its power is no number'],
    ['an infinite power', Infinity, 'its power is no number'],
  ])('%s is passed over, and said', async (_, lie, why) => {
    const bench = new Bench([ofNode('bmc', 'node', LIMIT)])
    bench.client.answer([{ id: 'a', watts: 300 }])
    await bench.look()
    bench.client.answer([{ id: 'a', watts: lie }])
    expect(await bench.after(10)).toMatchObject({ troubles: [{ domain: 'bmc', why }] })
    bench.client.answer([{ id: 'a', watts: 500 }])
    const after = await bench.after(10)
    expect(readingsIn(after)).toEqual([[8_000_000_000, 1000, 1020]]) // 400 W × 20 s
    expect(after).toMatchObject({ troubles: [] })
  })

  test.each([
    ['no number', NaN],
    ['a negative energy', -1],
    ['more than any counter shows', 1e300],
  ])('of energy: %s is passed over, and said', async (_, lie) => {
    const bench = new Bench()
    bench.client.answer([{ id: 'a', joules: 1000 }])
    await bench.look()
    bench.client.answer([{ id: 'a', joules: lie }])
    expect(await bench.after(10)).toMatchObject({
      troubles: [{ why: expect.stringContaining('no counter shows that') }],
    })
    bench.client.answer([{ id: 'a', joules: 5000 }])
    expect(readingsIn(await bench.after(10))).toEqual([[4_000_000_000, 1000, 1020]])
  })

  test('a counter that changes its unit counts with its power, there and back', async () => {
    const bench = new Bench([ofNode('bmc', 'node', LIMIT)])
    const step = async (joules: number): Promise<Outcome> => {
      bench.client.answer([{ id: 'a', watts: 300, joules }])
      return bench.after(10)
    }
    bench.client.answer([{ id: 'a', watts: 300, joules: 5_000_000 }])
    await bench.look()
    expect(readingsIn(await step(5_003_000))).toEqual([[3_000_000_000, 1000, 1010]])
    expect(readingsIn(await step(5_006_000_000))).toEqual([[3_000_000_000, 1010, 1020]]) // as if in mJ
    expect(readingsIn(await step(5_009_000_000))).toEqual([[3_000_000_000, 1020, 1030]])
    const back = await step(5_012_000)
    expect(readingsIn(back)).toEqual([[3_000_000_000, 1030, 1040]])
    expect(back).toMatchObject({ troubles: [{ why: 'its energy counter fell to a figure that cannot be' }] })
    expect(readingsIn(await step(5_015_000))).toEqual([[3_000_000_000, 1040, 1050]])
  })

  test('without a power a counter that leaps is cut to its maximum, and the excess is counted', async () => {
    const bench = new Bench([ofNode('bmc', 'node', LIMIT)])
    bench.client.answer([{ id: 'a', joules: 0 }])
    await bench.look()
    bench.client.answer([{ id: 'a', joules: 1_000_000 }])
    expect(await bench.after(10)).toMatchObject({
      readings: [{ spent: 10_000_000_000, excess: 990_000_000_000 }],
      troubles: [{ why: 'its energy counter went up by more than its maximum allows' }],
    })
  })

  test('a counter that is stuck under power is left for the power, until it moves', async () => {
    const bench = new Bench()
    const step = async (joules: number): Promise<Outcome> => {
      bench.client.answer([{ id: 'a', watts: 300, joules }])
      return bench.after(10)
    }
    bench.client.answer([{ id: 'a', watts: 300, joules: 1000 }])
    await bench.look()
    let last = await step(4000)
    for (let poll = 0; poll < 5; poll += 1) {
      last = await step(4000)
      expect(readingsIn(last)).toEqual([])
    }
    last = await step(4000)
    expect(readingsIn(last)).toEqual([[18_000_000_000, 1010, 1070]])
    expect(last).toMatchObject({ troubles: [{ why: expect.stringContaining('stands still') }] })
    expect(readingsIn(await step(4000))).toEqual([[3_000_000_000, 1070, 1080]])
    expect(readingsIn(await step(7000))).toEqual([[3_000_000_000, 1080, 1090]])
    last = await step(10_500)
    expect(readingsIn(last)).toEqual([[3_500_000_000, 1090, 1100]])
    expect(last).toMatchObject({ troubles: [], domains: [{ method: 'counter' }] })
  })

  test('that is restarted counts from 0 again', async () => {
    const bench = new Bench()
    bench.client.answer([{ id: 'a', watts: 300, joules: 9_000_000 }])
    await bench.look()
    bench.client.fail('it hung up in the middle of an answer')
    await bench.after(10)
    bench.client.answer([{ id: 'a', watts: 300, joules: 1200 }])
    expect(readingsIn(await bench.after(20))).toEqual([[1_200_000_000, 1000, 1025]])
  })

  test('that comes round to 0 loses nothing where its range is known', async () => {
    const bench = new Bench()
    bench.client.answer([{ id: 'a', joules: 990, wrapsAtJoules: 1000 }])
    await bench.look()
    bench.client.answer([{ id: 'a', joules: 20, wrapsAtJoules: 1000 }])
    expect(readingsIn(await bench.after(10))).toEqual([[30_000_000, 1000, 1010]])
  })

  test('that loses a meter says so, and another does not stand in for it', async () => {
    const bench = new Bench([ofNode('bmc'), ofZone('pdu', 'it', { figures: ['b'] })])
    bench.client.answer([
      { id: 'a', watts: 300 },
      { id: 'b', watts: 5000 },
    ])
    await bench.look()
    await bench.after(10)
    bench.client.answer([{ id: 'b', watts: 5000 }])
    expect(await bench.after(10)).toMatchObject({
      readings: [],
      troubles: [{ domain: 'bmc', why: 'it has no meter `a`; it has b' }],
      surroundings: { zoneReadings: [{ spent: 50_000_000_000 }] },
    })
    bench.client.answer([])
    expect(await bench.after(10)).toMatchObject({
      troubles: [{ why: 'it names no meter' }, { why: 'it names no meter' }],
    })
  })

  test('that thinks of new names all the time fills no page', async () => {
    const bench = new Bench()
    for (let poll = 0; poll < 10; poll += 1) {
      const gauges = Array.from({ length: 100 }, (_, index) => ({
        id: `fan ${poll} ${index} ${'x'.repeat(500)}`,
        quantity: 'fan_speed_rpm' as const,
        value: 1,
      }))
      bench.client.answer([{ id: 'a', watts: 1 }], { gauges })
      await bench.after(10)
    }
    bench.client.answer([{ id: 'a', watts: 1 }], {
      gauges: [
        { id: 'fan 0 0 '.padEnd(508, 'x'), quantity: 'fan_speed_rpm', value: 7 },
        { id: 'new', quantity: 'fan_speed_rpm', value: 7 },
        { id: 'odd', quantity: 'temperature_celsius', value: NaN },
      ],
    })
    const outcome = await bench.after(11)
    const gauges = outcome.kind === 'readings' ? outcome.surroundings?.gauges : undefined
    expect(gauges?.map(({ name, value }) => [name.length, value])).toEqual([[100, 7]])
  })
})

describe('which of power and energy counts', () => {
  test('a counter too coarse for the period leaves the shape to the power', async () => {
    const bench = new Bench()
    bench.client.answer([{ id: 'a', watts: 300, joules: 360_000, stepJoules: 360_000 }])
    await bench.look()
    bench.client.answer([{ id: 'a', watts: 300, joules: 360_000, stepJoules: 360_000 }])
    const outcome = await bench.after(10)
    expect(outcome).toMatchObject({ readings: [{ domain: { method: 'integrated' }, spent: 3_000_000_000 }] })
  })

  test('one that turns out to be finer takes over, and no joule is counted twice', async () => {
    const bench = new Bench()
    const step = async (joules: number, stepJoules: number): Promise<Outcome> => {
      bench.client.answer([{ id: 'a', watts: 10_000, joules, stepJoules }])
      return bench.after(10)
    }
    bench.client.answer([{ id: 'a', watts: 10_000, joules: 36_000, stepJoules: 36_000 }])
    await bench.look()
    expect(readingsIn(await step(136_800, 3600))).toEqual([[100_000_000_000, 1000, 1010]])
    const counted = await step(237_600, 3600)
    expect(counted).toMatchObject({ readings: [{ domain: { method: 'counter' }, spent: 100_800_000_000 }] })
  })

  test('a coarse counter alone is told of when it has moved, over all the time before', async () => {
    const bench = new Bench()
    bench.client.answer([{ id: 'a', joules: 360_000, stepJoules: 360_000 }])
    await bench.look()
    expect(readingsIn(await bench.after(600))).toEqual([])
    bench.client.answer([{ id: 'a', joules: 720_000, stepJoules: 360_000 }])
    expect(readingsIn(await bench.after(10))).toEqual([[360_000_000_000, 1000, 1610]])
  })

  test('nothing drawn is a reading of 0', async () => {
    const bench = new Bench()
    bench.client.answer([{ id: 'a', watts: 0, joules: 5, stepJoules: 0 }])
    await bench.look()
    expect(readingsIn(await bench.after(10))).toEqual([[0, 1000, 1010]])
  })

  test('what is computed is estimated', async () => {
    const bench = new Bench()
    bench.client.answer([{ id: 'a', watts: 100, isEstimated: true }])
    await bench.look()
    expect(await bench.after(10)).toMatchObject({ readings: [{ domain: { method: 'estimated' } }] })
  })
})

describe('a meter made of several figures', () => {
  const LOSS = ofNode('ups-loss', 'power', { figures: ['input'], minus: ['output'] })

  test('two feeds are added up', async () => {
    const bench = new Bench([ofNode('feeds', 'node', { figures: ['a', 'b'] })])
    bench.client.answer([
      { id: 'a', watts: 100 },
      { id: 'b', joules: 0 },
    ])
    await bench.look()
    bench.client.answer([
      { id: 'a', watts: 100 },
      { id: 'b', joules: 1500 },
    ])
    const outcome = await bench.after(10)
    expect(outcome).toMatchObject({ readings: [{ domain: { method: 'integrated' }, spent: 2_500_000_000 }] })
  })

  test('what goes in and does not come out is loss; what measures wrongly is made up for, not booked below 0', async () => {
    const bench = new Bench([LOSS])
    const say = (input: number, output: number): void =>
      bench.client.answer([
        { id: 'input', watts: input },
        { id: 'output', watts: output },
      ])
    say(500, 450)
    await bench.look()
    expect(readingsIn(await bench.after(10))).toEqual([[500_000_000, 1000, 1010]])
    say(500, 600) // the mean of 500 − 450 and 500 − 600 is −25 W
    expect(readingsIn(await bench.after(10))).toEqual([[0, 1010, 1020]])
    say(500, 450)
    expect(readingsIn(await bench.after(10))).toEqual([[0, 1020, 1030]])
    expect(readingsIn(await bench.after(11))).toEqual([[0, 1030, 1040]])
    expect(readingsIn(await bench.after(10))).toEqual([[500_000_000, 1040, 1050]])
  })

  test('without one of them nothing is known', async () => {
    const bench = new Bench([LOSS])
    bench.client.answer([{ id: 'input', watts: 500 }])
    await bench.look()
    expect(await bench.after(10)).toMatchObject({
      kind: 'warming-up',
      troubles: [{ why: 'it has no meter `output`; it has input' }],
    })
  })
})

describe('a run that follows', () => {
  const bookmarksIn = (outcome: Outcome): Bookmarks =>
    ('bookmarks' in outcome ? outcome.bookmarks : undefined) ?? {}

  test('goes on where the counter stood, and says that nobody saw it', async () => {
    const bench = new Bench([ofNode('bmc')])
    bench.client.answer([{ id: 'a', joules: 1000 }])
    await bench.look()
    bench.client.answer([{ id: 'a', joules: 3000 }])
    const bookmarks = bookmarksIn(await bench.after(10))
    const next = scripted(bench.machine, bench.client, [ofNode('bmc')])
    next.resume(bookmarks)
    bench.machine.wait(20)
    bench.client.answer([{ id: 'a', joules: 4500 }])
    await next.read(bench.machine.now)
    await settled()
    expect(await next.read(bench.machine.now)).toMatchObject({
      readings: [{ spent: 1_500_000_000, from: 1010, to: 1030, whileDown: true }],
    })
  })

  test.each(['', 'x', '5@', '-1@3', '5@NaN', '9'.repeat(50) + '@1'])(
    'takes up nothing from a bookmark of another version: %j',
    async (bookmark) => {
      const bench = new Bench([ofNode('bmc')])
      bench.sensor.resume({ bmc: bookmark })
      bench.client.answer([{ id: 'a', joules: 1000 }])
      await bench.look()
      expect(await bench.after(1)).toMatchObject({ kind: 'warming-up', domains: [{ id: 'bmc' }] })
    },
  )
})

describe('on the contract of all sensors', () => {
  const RANGE = 100_000

  sensorContract({
    notApplicable: {
      frozen: 'a counter that stands still is shown by its power, or is coarse',
      refused: 'a device that refuses fails like any other',
    },
    gone: 'failed',
    device: () => {
      const machine = new Machine()
      const client = new ScriptedClient()
      const sensor = scripted(machine, client, [ofNode('meter', 'node', { maximum: watts(100) })], {
        period: seconds(1e6),
      })
      let joules = 500
      let isThere = true
      client.does(() => {
        if (!isThere) throw new DeviceError('no connection', 'look after it')
        return { meters: [{ id: 'a', joules, wrapsAtJoules: RANGE }], gauges: [] }
      })
      return {
        sensor: {
          about: sensor.about,
          read: async (at) => {
            await sensor.poll()
            return sensor.read(at)
          },
          close: () => sensor.close(),
        },
        domain: 'meter',
        now: () => machine.now,
        spend(amount, duration) {
          machine.wait(duration)
          joules = (joules + amount) % RANGE
        },
        remove: () => (isThere = false),
        restore: () => (isThere = true),
        wrapAfter: (amount) => (joules = RANGE - amount),
        reset: () => (joules = 0),
      }
    },
  })
})
