/** The frame around slow devices: what it asks when, and what it makes of the answers. */
import { describe, expect, test } from '@jest/globals'
import type { MeterUse } from '../../exporter/src/sensors/coverage.ts'
import type { PolledSensor } from '../../exporter/src/sensors/polled.ts'
import type { Outcome } from '../../exporter/src/sensors/sensor.ts'
import { Machine } from '../machine.ts'
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
