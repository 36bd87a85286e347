import { describe, expect, test } from '@jest/globals'
import { PowerSampler, type PowerMeter } from '../../exporter/src/sensors/power-sampler.ts'
import { seconds, watts } from '../../exporter/src/units.ts'
import { Machine } from '../machine.ts'

const meterOf = (id: string): PowerMeter => ({
  domain: {
    id,
    component: 'board',
    within: '',
    booked: true,
    method: 'integrated',
    baseline: { watts: watts(0), source: 'default' },
  },
  files: [`/${id}`],
  figureIn: ([text = '']) => ({ watts: watts(Number(text)), averagedOver: seconds(0) }),
})

class Bench {
  readonly machine = new Machine('a: 100\nb: 10')
  readonly meters = [meterOf('a'), meterOf('b')]
  readonly sampler: PowerSampler
  #answer: () => void = () => undefined

  constructor(samplesPerSecond = 0) {
    this.sampler = new PowerSampler(this.machine.world, { adviceFor: () => 'do something', samplesPerSecond })
  }

  look = (): ReturnType<PowerSampler['look']> => this.sampler.look(this.machine.now, this.meters)

  /** The driver makes everybody wait from now on. */
  hang(): void {
    this.machine.delaySlowFiles(
      new Promise((resolve) => {
        this.#answer = resolve
      }),
    )
  }

  async answer(): Promise<void> {
    this.#answer()
    await new Promise(setImmediate)
  }
}

describe('a driver that makes one wait', () => {
  test('holds nobody up, and its answer counts from when it was asked', async () => {
    const bench = new Bench()
    await bench.look()
    bench.machine.wait(1)
    expect(await bench.look()).toMatchObject({
      kind: 'readings',
      readings: [{ spent: 100e6 }, { spent: 10e6 }],
    })
    bench.hang()
    bench.machine.wait(1)
    const at = bench.machine.now
    expect(await bench.look()).toMatchObject({ kind: 'readings', readings: [], troubles: [] })
    bench.machine.wait(1)
    expect(await bench.look()).toMatchObject({ kind: 'readings', readings: [] })
    await bench.answer()
    bench.machine.wait(1)
    bench.machine.delaySlowFiles(Promise.resolve())
    expect(await bench.look()).toMatchObject({
      readings: [
        { spent: 300e6, from: at - 1, to: at + 2 },
        { spent: 30e6, from: at - 1, to: at + 2 },
      ],
    })
  })

  test('is asked by nobody else meanwhile', async () => {
    const bench = new Bench()
    let asked = 0
    const { files } = bench.machine.world
    const read = files.readSlowText.bind(files)
    files.readSlowText = (path) => {
      asked += 1
      return read(path)
    }
    bench.hang()
    for (let look = 0; look < 3; look += 1) {
      await bench.look()
      bench.machine.wait(1)
    }
    expect(asked).toBe(2)
  })

  test('is reported after some seconds, and forgiven when it answers', async () => {
    const bench = new Bench()
    await bench.look()
    bench.hang()
    bench.machine.wait(1)
    await bench.look()
    bench.machine.wait(5)
    expect(await bench.look()).toEqual({
      kind: 'failed',
      why: 'a: the driver does not answer for /a (and 1 more)',
      advice: 'do something',
    })
    await bench.answer()
    bench.machine.wait(1)
    bench.machine.delaySlowFiles(Promise.resolve())
    expect(await bench.look()).toMatchObject({
      kind: 'readings',
      readings: [{ spent: 700e6 }, { spent: 70e6 }],
    })
  })
})

describe('samples between the looks', () => {
  test('come about as often as they are asked for, at other instants each time', async () => {
    const bench = new Bench(4)
    const instants: number[] = []
    const { files } = bench.machine.world
    const read = files.readSlowText.bind(files)
    files.readSlowText = (path) => {
      if (path === '/a') instants.push(bench.machine.now)
      return read(path)
    }
    await bench.look()
    for (let step = 0; step < 2000; step += 1) {
      bench.machine.wait(0.05)
      await new Promise(setImmediate)
    }
    expect(instants.length).toBeGreaterThan(330)
    expect(instants.length).toBeLessThan(470)
    const gaps = instants.slice(1).map((at, index) => at - (instants[index] ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThan(0.12)
    expect(Math.max(...gaps)).toBeLessThan(0.38)
    expect(new Set(gaps.map((gap) => gap.toFixed(3))).size).toBeGreaterThan(100)
  })

  test('end when it rests, and when it is closed', async () => {
    for (const end of ['rest', 'close'] as const) {
      const bench = new Bench(4)
      await bench.look()
      bench.sampler[end]()
      bench.machine.remove('a')
      bench.machine.wait(10)
      bench.machine.write('a', 100)
      expect(await bench.look()).toMatchObject({ troubles: [] })
    }
  })
})
