import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { powerModel, type PowerModelOptions } from '../../exporter/src/sensors/power-model.ts'
import type { Outcome, Sensor } from '../../exporter/src/sensors/sensor.ts'
import { Machine } from '../machine.ts'
import { sensorContract, type ScriptedDevice } from './contract.ts'

/** The CPUs of a machine with 2 of them: busy and idle time in clock ticks of 10 ms. */
class CpuTime {
  readonly machine: Machine
  #busy = 1000
  #idle = 1000

  constructor(machine: Machine) {
    this.machine = machine
    this.pass(0, 0)
  }

  pass(busy: number, idle: number): void {
    this.#busy += busy
    this.#idle += idle
    const half = `${this.#busy / 2} 0 0 ${this.#idle / 2} 0 0 0`
    this.machine.write('proc/stat', `cpu  ${this.#busy} 0 0 ${this.#idle} 0 0 0\ncpu0 ${half}\ncpu1 ${half}`)
  }
}

/** 0 to 100 W over 2 CPUs: each tick of 10 ms on one of them is half a joule. */
function device(): ScriptedDevice {
  const machine = Machine.fromFile('vm')
  const time = new CpuTime(machine)
  const paths = ['proc/stat', 'proc/meminfo']
  return {
    sensor: powerModel(machine.world, { cpuIdleWatts: 0, cpuMaxWatts: 100 }),
    domain: 'model-cpu',
    now: () => machine.now,
    spend(joules, duration) {
      machine.wait(duration)
      time.pass(2 * joules, 200 * duration - 2 * joules)
    },
    remove: () => paths.forEach((path) => machine.refuse(path, 'ENOENT')),
    restore: () => paths.forEach((path) => machine.allow(path)),
    refuse: () => paths.forEach((path) => machine.refuse(path)),
    allow: () => paths.forEach((path) => machine.allow(path)),
  }
}

sensorContract({
  device,
  notApplicable: {
    wrap: 'CPU time is counted in 64 bits',
    reset: 'CPU time starts again only when the machine does',
    frozen: 'an idle machine draws its idle watts',
  },
})

const spentIn = (outcome: Outcome): Record<string, number> =>
  outcome.kind === 'readings'
    ? Object.fromEntries(outcome.readings.map(({ domain, spent }) => [domain.id, spent]))
    : {}

class Modelled {
  readonly machine = Machine.fromFile('vm')
  readonly time = new CpuTime(this.machine)
  readonly sensor: Sensor

  constructor(options: PowerModelOptions = {}) {
    this.sensor = powerModel(this.machine.world, options)
  }

  static async warm(options: PowerModelOptions = {}): Promise<Modelled> {
    const modelled = new Modelled(options)
    await modelled.look()
    return modelled
  }

  look(): Promise<Outcome> {
    return this.sensor.read(this.machine.now)
  }

  tick(busy: number, idle: number, wait = 1): Promise<Outcome> {
    this.machine.wait(wait)
    this.time.pass(busy, idle)
    return this.look()
  }
}

describe('without configuration', () => {
  test('an idle machine draws the default idle watts of its CPUs and memory', async () => {
    const modelled = await Modelled.warm()
    // 2 CPUs x 0.74 W; 4 GB x 0.392 W
    expect(spentIn(await modelled.tick(0, 200))).toEqual({
      'model-cpu': 1_480_000,
      'model-memory': 1_568_000,
    })
  })

  test('a busy machine draws the default maximum, and half of the way at half the load', async () => {
    const modelled = await Modelled.warm()
    expect(spentIn(await modelled.tick(200, 0))).toMatchObject({ 'model-cpu': 7_000_000 })
    expect(spentIn(await modelled.tick(100, 100))).toMatchObject({ 'model-cpu': 4_240_000 })
  })

  test('the domains are roots that stand in for sensors, with the idle watts as baseline', async () => {
    const outcome = await new Modelled().look()
    const common = { within: '', booked: true, method: 'estimated', standIn: true }
    expect(outcome).toEqual({
      kind: 'warming-up',
      domains: [
        { id: 'model-cpu', component: 'cpu', ...common, baseline: { watts: 1.48, source: 'default' } },
        { id: 'model-memory', component: 'memory', ...common, baseline: { watts: 1.568, source: 'default' } },
      ],
      troubles: [],
    })
  })
})

describe('with configured watts', () => {
  test('these are the watts of the whole machine', async () => {
    const modelled = await Modelled.warm({ cpuIdleWatts: 10, cpuMaxWatts: 50, memoryWatts: 5 })
    const outcome = await modelled.tick(50, 150)
    expect(spentIn(outcome)).toEqual({ 'model-cpu': 20_000_000, 'model-memory': 5_000_000 })
    expect('domains' in outcome ? outcome.domains.map(({ baseline }) => baseline) : []).toEqual([
      { watts: 10, source: 'configured' },
      { watts: 5, source: 'configured' },
    ])
  })

  test('memory needs no file', async () => {
    const modelled = await Modelled.warm({ memoryWatts: 5 })
    modelled.machine.refuse('proc/meminfo')
    expect(spentIn(await modelled.tick(0, 200))).toMatchObject({ 'model-memory': 5_000_000 })
  })

  test('an idle power above the maximum is the power at any load', async () => {
    const modelled = await Modelled.warm({ cpuIdleWatts: 30 })
    expect(spentIn(await modelled.tick(200, 0))).toMatchObject({ 'model-cpu': 30_000_000 })
  })

  test('a sensor made from the same watts says so, whatever the order of the keys', () => {
    const settingsOf = (options: PowerModelOptions): string =>
      powerModel(new Machine().world, options).settings
    expect(settingsOf({ cpuIdleWatts: 1, memoryWatts: 2 })).toBe(
      settingsOf({ memoryWatts: 2, cpuIdleWatts: 1 }),
    )
    expect(settingsOf({ cpuIdleWatts: 1 })).not.toBe(settingsOf({ cpuMaxWatts: 1 }))
  })
})

describe('the kernel’s CPU time', () => {
  test('may fall a little, which is never negative energy', async () => {
    const modelled = await Modelled.warm({ cpuIdleWatts: 10, cpuMaxWatts: 50 })
    expect(spentIn(await modelled.tick(0, -4))).toMatchObject({ 'model-cpu': 10_000_000 })
    expect(spentIn(await modelled.tick(-4, 0))).toMatchObject({ 'model-cpu': 10_000_000 })
    expect(spentIn(await modelled.tick(20, -40))).toMatchObject({ 'model-cpu': 50_000_000 })
  })

  test('may stand still between two looks that are close together', async () => {
    const modelled = await Modelled.warm({ cpuIdleWatts: 10, cpuMaxWatts: 50 })
    expect(spentIn(await modelled.tick(0, 0, 0.5))).toMatchObject({ 'model-cpu': 5_000_000 })
  })
})

describe('a file that cannot be read', () => {
  test('of CPU times leaves memory going on', async () => {
    const modelled = await Modelled.warm()
    modelled.machine.refuse('proc/stat', 'EIO')
    const outcome = await modelled.tick(0, 200)
    expect(spentIn(outcome)).toEqual({ 'model-memory': 1_568_000 })
    expect(outcome).toMatchObject({
      troubles: [{ domain: 'model-cpu', component: 'cpu', why: '/proc/stat: EIO' }],
    })
  })

  test('of memory leaves the CPU going on', async () => {
    const modelled = await Modelled.warm()
    modelled.machine.write('proc/meminfo', 'MemFree: 5 kB')
    const outcome = await modelled.tick(0, 200)
    expect(spentIn(outcome)).toEqual({ 'model-cpu': 1_480_000 })
    expect(outcome).toMatchObject({
      troubles: [{ domain: 'model-memory', component: 'memory', why: '/proc/meminfo: no line "MemTotal"' }],
    })
  })
})

test('rounding never adds up to more than one microjoule', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 59_999 }), { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 1, max: 3_000_000 }),
      async (millisecondSteps, memoryMicrowatts) => {
        const modelled = await Modelled.warm({ memoryWatts: memoryMicrowatts / 1e6 })
        const start = modelled.machine.now
        let booked = 0
        for (const milliseconds of millisecondSteps) {
          booked += spentIn(await modelled.tick(0, 200, milliseconds / 1000))['model-memory'] ?? 0
        }
        expect(Math.abs(booked - memoryMicrowatts * (modelled.machine.now - start))).toBeLessThanOrEqual(1)
      },
    ),
    { numRuns: 30 },
  )
})
