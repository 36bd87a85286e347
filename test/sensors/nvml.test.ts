import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { GpuLook, Nvml, NvmlAnswer, PowerSample } from '../../exporter/src/nvml.ts'
import { nvml } from '../../exporter/src/sensors/nvml.ts'
import type { Outcome } from '../../exporter/src/sensors/sensor.ts'
import { seconds, watts, type Seconds } from '../../exporter/src/units.ts'
import { gpuLook, UUID } from '../nvml/gpu-look.ts'
import { sensorContract, type ScriptedDevice } from './contract.ts'

const NONE: NvmlAnswer = { kind: 'absent', why: 'the driver finds no GPU', advice: 'load the driver' }
const REFUSED: NvmlAnswer = { kind: 'failed', why: 'NVML: no permission', advice: 'run as root' }

/** One board with a counter, an hour after its driver was loaded. */
class Board {
  now = 1000
  millijoules = 3_600_000n
  watts = 70
  /** The counter shows this, whatever is spent. */
  frozenAt: bigint | undefined
  instead: NvmlAnswer | undefined
  more: Partial<GpuLook> = {}
  closed = 0
  readonly #between: PowerSample[] = []

  readonly door: Nvml = {
    newest: undefined,
    look: async (at) => this.instead ?? { kind: 'look', look: { at, devices: [this.#look(at)] } },
    close: async () => void (this.closed += 1),
  }
  readonly sensor = nvml(this.door)

  spend(joules: number, duration: number): void {
    this.now += duration
    this.millijoules += BigInt(Math.round(joules * 1000))
  }

  /** A constant power, which both the counter and the samples show. */
  draw(power: number, duration: number): void {
    this.watts = power
    this.spend(power * duration, duration)
  }

  sample(power: number, after: number): void {
    this.draw(power, after)
    this.#between.push({ at: seconds(this.now), watts: watts(power) })
  }

  async look(): Promise<Outcome> {
    return this.sensor.read(seconds(this.now))
  }

  /** @returns joules, and since when, in seconds; undefined without a reading */
  async read(): Promise<{ joules: number; method: string; lasted: number } | undefined> {
    const outcome = await this.look()
    const [reading] = outcome.kind === 'readings' ? outcome.readings : []
    return (
      reading && {
        joules: reading.spent / 1e6,
        method: reading.domain.method,
        lasted: reading.to - reading.from,
      }
    )
  }

  #look(at: Seconds): GpuLook {
    return gpuLook({
      millijoules: this.frozenAt ?? this.millijoules,
      power: [...this.#between.splice(0), { at, watts: watts(this.watts) }],
      ...this.more,
    })
  }
}

const WITHOUT_COUNTER: Partial<GpuLook> = { millijoules: undefined, hasCounter: false }

function device(): ScriptedDevice {
  const board = new Board()
  return {
    sensor: board.sensor,
    domain: UUID,
    now: () => seconds(board.now),
    spend: (joules, duration) => board.spend(joules, duration),
    remove: () => void (board.instead = NONE),
    restore: () => void (board.instead = undefined),
    refuse: () => void (board.instead = REFUSED),
    allow: () => void (board.instead = undefined),
    reset: () => void (board.millijoules = 0n),
  }
}

sensorContract({
  device,
  notApplicable: {
    wrap: 'millijoules are counted in 64 bits',
    frozen: 'power is integrated instead of a counter that stands still',
  },
})

describe('a board', () => {
  test('is one domain under its UUID, with its identity and a tenth of its limit as idle power', async () => {
    const board = new Board()
    expect(await board.look()).toEqual({
      kind: 'warming-up',
      bookmarks: { [UUID]: '3600000000 1000' },
      domains: [
        {
          id: UUID,
          component: 'accelerator',
          within: '',
          booked: true,
          method: 'counter',
          baseline: { watts: 70, source: 'default' },
          accelerator: {
            uuid: UUID,
            index: 0,
            modelName: 'NVIDIA H100 80GB HBM3',
            pciBusId: '0000:10:00.0',
            vendor: 'nvidia',
          },
        },
      ],
      troubles: [],
    })
  })

  test('that claims more than twice its limit is not believed', async () => {
    const board = new Board()
    await board.look()
    board.spend(1500, 1)
    expect(await board.look()).toMatchObject({ readings: [{ spent: 1_400_000_000, excess: 100_000_000 }] })
  })

  test('whose processes are not known says so, and is measured all the same', async () => {
    const board = new Board()
    board.more = { processesUnknown: 'not supported by this device' }
    await board.look()
    board.draw(100, 1)
    expect(await board.look()).toMatchObject({
      readings: [{ spent: 100_000_000 }],
      troubles: [{ why: 'its processes are not known: not supported by this device' }],
    })
  })

  test('in trouble is named, and others are read', async () => {
    const board = new Board()
    const problem = { why: 'the GPU has fallen off the bus', advice: 'see dmesg', isFault: true }
    const lost = gpuLook({ uuid: 'GPU-1', problem })
    const door: Nvml = {
      ...board.door,
      look: async (at) => ({
        kind: 'look',
        look: { at, devices: [lost, gpuLook({ millijoules: BigInt(at) * 100_000n })] },
      }),
    }
    const sensor = nvml(door)
    await sensor.read(seconds(1))
    expect(await sensor.read(seconds(2))).toMatchObject({
      readings: [{ spent: 100_000_000 }],
      domains: [{ id: UUID }],
      troubles: [{ domain: 'GPU-1', component: 'accelerator', ...{ why: problem.why } }],
    })
  })

  test('alone and lost has failed; alone and without a sensor is absent', async () => {
    const board = new Board()
    board.more = { problem: { why: 'lost', advice: 'see dmesg', isFault: true } }
    expect(await board.look()).toEqual({ kind: 'failed', why: `${UUID}: lost`, advice: 'see dmesg' })
    board.more = { problem: { why: 'virtual', advice: 'the host', isFault: false } }
    expect(await board.look()).toEqual({ kind: 'absent', why: `${UUID}: virtual`, advice: 'the host' })
  })
})

describe('a counter', () => {
  test('that has not moved since the look before gives no zero: its next difference covers both', async () => {
    const board = new Board()
    await board.look()
    board.draw(200, 1)
    expect(await board.read()).toEqual({ joules: 200, method: 'counter', lasted: 1 })
    board.frozenAt = board.millijoules
    board.draw(200, 0.1)
    expect(await board.read()).toBeUndefined()
    board.frozenAt = undefined
    board.draw(200, 0.1)
    expect(await board.read()).toMatchObject({ joules: 40, method: 'counter', lasted: expect.closeTo(0.2) })
  })

  test('that jumps after some seconds is believed for all of them', async () => {
    const board = new Board()
    await board.look()
    board.draw(600, 1)
    await board.look()
    board.frozenAt = board.millijoules
    for (let second = 0; second < 8; second += 1) {
      board.draw(600, 1)
      expect(await board.read()).toBeUndefined()
    }
    board.frozenAt = undefined
    board.draw(600, 1)
    expect(await board.read()).toEqual({ joules: 9 * 600, method: 'counter', lasted: 9 })
  })

  test('that stands still while nothing is drawn has counted nothing', async () => {
    const board = new Board()
    await board.look()
    board.draw(200, 1)
    await board.look()
    board.draw(0, 1)
    expect(await board.read()).toEqual({ joules: 0, method: 'counter', lasted: 1 })
  })

  test('that stands still for ten seconds under power is replaced by the power of all that time', async () => {
    const board = new Board()
    await board.look()
    board.draw(200, 1)
    await board.look()
    board.frozenAt = board.millijoules
    for (let second = 1; second < 10; second += 1) {
      board.draw(200, 1)
      expect(await board.read()).toBeUndefined()
    }
    board.draw(200, 1)
    expect(await board.read()).toEqual({ joules: 2000, method: 'integrated', lasted: 10 })
    expect(await board.look()).toMatchObject({
      troubles: [{ domain: UUID, why: 'its energy counter stands still while power is drawn' }],
    })
    board.draw(300, 2)
    expect(await board.read()).toEqual({ joules: 500, method: 'integrated', lasted: 2 }) // 200 W to 300 W
  })

  test('that moves again counts from that look on, and nothing twice', async () => {
    const board = new Board()
    await board.look()
    board.frozenAt = board.millijoules
    for (let second = 0; second < 12; second += 1) {
      board.draw(100, 1)
      await board.look()
    }
    board.frozenAt = undefined // it shows all that was spent meanwhile at once
    board.draw(100, 1)
    expect(await board.read()).toEqual({ joules: 100, method: 'integrated', lasted: 1 })
    board.draw(100, 1)
    expect(await board.read()).toEqual({ joules: 100, method: 'counter', lasted: 1 })
    expect(await board.look()).toMatchObject({ troubles: [] })
  })

  test('that never moved is replaced from the first look on', async () => {
    const board = new Board()
    board.frozenAt = 0n
    board.watts = 100
    await board.look()
    for (let second = 1; second < 10; second += 1) {
      board.draw(100, 1)
      expect(await board.read()).toBeUndefined()
    }
    board.draw(100, 1)
    expect(await board.read()).toEqual({ joules: 1000, method: 'integrated', lasted: 10 })
  })

  test('that stands still without any power to integrate is reported after a minute', async () => {
    const board = new Board()
    board.more = { power: [] }
    await board.look()
    board.spend(100, 1)
    await board.look()
    board.frozenAt = board.millijoules
    board.spend(100, 59)
    await board.look()
    board.spend(100, 1)
    expect(await board.look()).toMatchObject({
      kind: 'warming-up',
      troubles: [{ why: 'its energy counter stands still, and there is no power to integrate instead' }],
    })
  })

  /** Whatever the counter does, and however often it is looked at, the books have what was drawn, once. */
  test('frozen or not, the sum of all readings is what was drawn', async () => {
    const stretch = fc.record({
      power: fc.integer({ min: 50, max: 700 }),
      looks: fc.integer({ min: 1, max: 30 }),
      period: fc.constantFrom(0.125, 0.5, 1, 4),
      frozen: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(stretch, { minLength: 1, maxLength: 6 }), async (stretches) => {
        const board = new Board()
        await board.look()
        const start = board.millijoules
        let booked = 0
        let until = board.now
        const look = async (): Promise<void> => {
          const outcome = await board.look()
          for (const reading of outcome.kind === 'readings' ? outcome.readings : []) {
            expect(reading.from).toBeCloseTo(until, 9)
            expect(reading.excess).toBeUndefined()
            until = reading.to
            booked += reading.spent
          }
        }
        for (const { power, looks, period, frozen } of [...stretches, THAWED]) {
          board.frozenAt = frozen ? (board.frozenAt ?? board.millijoules) : undefined
          board.sample(power, 0.0000001) // a step: the trapezoid is exact on each side of it
          for (let count = 0; count < looks; count += 1) {
            board.draw(power, period)
            await look()
          }
        }
        expect(until).toBe(board.now)
        // whole millijoules of the counter, a microjoule of the integral, the flanks of the steps
        expect(Math.abs(booked / 1e6 - Number(board.millijoules - start) / 1000)).toBeLessThan(0.02)
      }),
      { numRuns: 200 },
    )
  })
})

const THAWED = { power: 100, looks: 3, period: 1, frozen: false }

describe('after a restart of the exporter', () => {
  /** Another sensor over the same board, with the bookmarks of the first. */
  const takenUp = async (board: Board, meanwhile: () => void): Promise<Outcome> => {
    await board.look()
    board.draw(100, 1)
    const outcome = await board.look()
    if (!('bookmarks' in outcome)) throw new Error('no bookmarks')
    meanwhile()
    const next = nvml(board.door)
    next.resume?.(outcome.bookmarks)
    return next.read(seconds(board.now))
  }

  test('what was drawn meanwhile is known, and said to be of a time without it', async () => {
    const board = new Board()
    const outcome = await takenUp(board, () => board.draw(300, 3600))
    expect(outcome).toMatchObject({
      kind: 'readings',
      readings: [{ spent: 300 * 3600 * 1e6, from: 1001, to: 4601, whileDown: true }],
    })
  })

  test('a driver that was loaded again proves nothing', async () => {
    const board = new Board()
    const outcome = await takenUp(board, () => {
      board.draw(300, 60)
      board.millijoules = 5n
    })
    expect(outcome.kind).toBe('warming-up')
  })

  test('more than the board can draw is not believed', async () => {
    const board = new Board()
    const outcome = await takenUp(board, () => board.spend(1e9, 60))
    expect(outcome.kind).toBe('warming-up')
  })
})

describe('without a counter', () => {
  test('power is integrated by trapezoids between the samples, wherever they lie', async () => {
    const board = new Board()
    board.more = WITHOUT_COUNTER
    board.watts = 100
    await board.look()
    board.sample(100, 0.25)
    board.sample(300, 0.25)
    board.draw(300, 0.5)
    // 25 J, then half a rise from 100 W to 300 W over a quarter: 50 J, then 150 J
    expect(await board.read()).toEqual({ joules: 225, method: 'integrated', lasted: 1 })
  })

  test('over a silence of more than ten seconds nothing is integrated', async () => {
    const board = new Board()
    board.more = WITHOUT_COUNTER
    await board.look()
    board.draw(100, 1)
    await board.look()
    board.draw(100, 11)
    expect(await board.read()).toBeUndefined()
    board.draw(100, 2)
    expect(await board.read()).toEqual({ joules: 200, method: 'integrated', lasted: 2 })
  })

  test('a sample that no board can draw is passed over', async () => {
    const board = new Board()
    board.more = WITHOUT_COUNTER
    board.watts = 100
    await board.look()
    board.sample(4_000_000_000, 0.5)
    board.draw(100, 0.5)
    expect(await board.read()).toEqual({ joules: 100, method: 'integrated', lasted: 1 })
  })

  test('power that cannot be read any more is said', async () => {
    const board = new Board()
    board.more = WITHOUT_COUNTER
    await board.look()
    board.more = { ...WITHOUT_COUNTER, power: [] }
    board.draw(100, 1)
    expect(await board.look()).toMatchObject({
      kind: 'warming-up',
      troubles: [{ why: 'its power cannot be read' }],
    })
  })

  test('samples that come a moment after their look leave no gap', async () => {
    const board = new Board()
    let at = 0
    board.more = WITHOUT_COUNTER
    const sensor = nvml({
      ...board.door,
      look: async (now) => ({
        kind: 'look',
        look: {
          at: now,
          devices: [
            gpuLook({
              ...WITHOUT_COUNTER,
              power: [{ at: seconds(now + 0.002 * (at += 1)), watts: watts(50) }],
            }),
          ],
        },
      }),
    })
    await sensor.read(seconds(1))
    await sensor.read(seconds(2))
    expect(await sensor.read(seconds(3))).toMatchObject({ readings: [{ from: 2, to: 3 }] })
  })
})

describe('the door', () => {
  test('is closed by the sensor that opened it, and by no other', async () => {
    const board = new Board()
    await nvml(board.door).close()
    expect(board.closed).toBe(0)
    await board.look()
    await board.sensor.close()
    await board.sensor.close()
    expect(board.closed).toBe(1)
  })
})
