/** The session against a real shared library with NVML's ABI. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { Machine } from '../machine.ts'
import { requireProgram } from '../programs.ts'
import type { GpuLook } from '../../exporter/src/nvml.ts'
import type { SessionAnswer } from '../../exporter/src/nvml/session.ts'
import { seconds } from '../../exporter/src/units.ts'
import { FakeNvml, SessionDoor, type Driver } from './fake-nvml.ts'

/** A machine's driver, the session that asks it, and the time. */
class Bench {
  readonly nvml: FakeNvml
  readonly machine = new Machine()
  #door: SessionDoor | undefined

  constructor(driver: Driver = 'current') {
    this.nvml = new FakeNvml(driver)
    benches.push(this)
  }

  async look(wait = 1): Promise<SessionAnswer> {
    this.#door ??= await SessionDoor.open(this.nvml.path, this.machine.world.clock)
    return this.#door.session.look(this.machine.wait(wait))
  }

  async devices(wait = 1): Promise<readonly GpuLook[]> {
    const answer = await this.look(wait)
    if (answer.kind !== 'look') throw new Error(JSON.stringify(answer))
    return answer.look.devices
  }

  async device(wait = 1): Promise<GpuLook> {
    const [device] = await this.devices(wait)
    if (device === undefined) throw new Error('no device')
    return device
  }

  get door(): SessionDoor {
    if (this.#door === undefined) throw new Error('not looked at yet')
    return this.#door
  }

  async end(): Promise<void> {
    await this.#door?.close()
    this.nvml.close()
  }
}

const benches: Bench[] = []

afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.end()
})

requireProgram('cc', 'NVML’s interface in a shared library', () => {
  describe('a driver of today', () => {
    test('gives each device with its identity, energy, power and limit', async () => {
      const bench = new Bench()
      const gpu = bench.nvml.add({ millijoules: 123_456_789, milliwatts: 312_500 })
      expect(await bench.devices()).toEqual([
        {
          uuid: gpu.uuid,
          index: 0,
          modelName: 'NVIDIA H100 80GB HBM3',
          pciBusId: '0000:10:00.0',
          problem: undefined,
          millijoules: 123_456_789n,
          hasCounter: true,
          power: [{ at: bench.machine.now, watts: 312.5 }],
          powerLimit: 700,
          mig: undefined,
          processes: [],
          processesUnknown: '',
          rows: [],
          rowsSince: 0,
        },
      ])
    })

    test('a PCI domain of its own keeps it', async () => {
      const bench = new Bench()
      bench.nvml.add().called('NVIDIA A10', '00000000:C1:00.0')
      bench.nvml.add().called('NVIDIA A10', '00010000:65:00.0')
      expect((await bench.devices()).map(({ modelName, pciBusId }) => [modelName, pciBusId])).toEqual([
        ['NVIDIA A10', '0000:c1:00.0'],
        ['NVIDIA A10', '00010000:65:00.0'],
      ])
    })

    test('its limit is what may be set, not what is set now; where that is not known, what is set', async () => {
      const bench = new Bench()
      bench.nvml.add({ limitMilliwatts: 350_000, mostMilliwatts: 700_000 })
      bench.nvml.add({ limitMilliwatts: 350_000 })
      bench.nvml.add({ limitMilliwatts: 0 })
      expect((await bench.devices()).map(({ powerLimit }) => powerLimit)).toEqual([700, 350, undefined])
    })

    test('counters above 2^53 mJ are read exactly', async () => {
      const bench = new Bench()
      bench.nvml.add({ millijoules: 2 ** 60 })
      expect((await bench.device()).millijoules).toBe(2n ** 60n)
    })

    test('lists who computes, who only draws, and the clients of MPS, each once', async () => {
      const bench = new Bench()
      bench.nvml.add().compute(10, 11).graphics(11, 12).mps(11, 13)
      expect((await bench.device()).processes).toEqual([
        { pid: 10, kind: 'compute' },
        { pid: 11, kind: 'compute' },
        { pid: 13, kind: 'compute' },
        { pid: 12, kind: 'graphics' },
      ])
    })

    test('rows of before the first look are passed over, later ones are given once', async () => {
      const bench = new Bench()
      const gpu = bench.nvml.add().rows([10, 1_000_000, 80])
      expect(await bench.device()).toMatchObject({ rows: [], rowsSince: 0 })
      gpu.rows([10, 1_000_000, 80], [10, 1_500_000, 40], [11, 2_000_000, 20])
      expect(await bench.device()).toMatchObject({
        rows: [
          { pid: 10, timeStamp: 1_500_000, sm: 40 },
          { pid: 11, timeStamp: 2_000_000, sm: 20 },
        ],
        rowsSince: 1_000_000,
      })
      expect(await bench.device()).toMatchObject({ rows: [], rowsSince: 2_000_000 })
    })

    test('lists of any length are read whole', async () => {
      const bench = new Bench()
      const pids = Array.from({ length: 150 }, (_, index) => index + 1)
      const gpu = bench.nvml.add().compute(...pids)
      await bench.device()
      gpu.rows(...Array.from({ length: 500 }, (_, index) => [index % 150, index + 1, 1] as const))
      const { processes, rows } = await bench.device()
      expect(processes.map(({ pid }) => pid)).toEqual(pids)
      expect(rows).toHaveLength(500)
    })

    test('holds one session open, whatever the number of looks', async () => {
      const bench = new Bench()
      bench.nvml.add()
      for (let look = 0; look < 50; look += 1) await bench.device(10)
      expect([bench.nvml.get('inits'), bench.nvml.get('shutdowns')]).toEqual([1, 0])
      await bench.door.close()
      expect([bench.nvml.get('inits'), bench.nvml.get('shutdowns')]).toEqual([1, 1])
    })
  })

  describe('MIG', () => {
    const instances = [
      { gpuInstance: 1, gpuSlices: 3, busy: 90, pids: [10] },
      { gpuInstance: 2, gpuSlices: 2, busy: 45, pids: [11, 12] },
      { gpuInstance: 9, gpuSlices: 1, busy: 5, pids: [] },
    ]

    test('gives the instances with their slices and processes, and no utilisation rows', async () => {
      const bench = new Bench()
      bench.nvml
        .add()
        .mig(...instances)
        .compute(10, 11, 12)
      expect(await bench.device()).toMatchObject({
        mig: {
          slices: 7,
          instances: [
            {
              uuid: expect.stringMatching(/^MIG-.*-1-0$/),
              gpuInstance: 1,
              computeInstance: 0,
              gpuSlices: 3,
              computeSlices: 3,
              pids: [10],
            },
            { gpuInstance: 2, computeInstance: 0, gpuSlices: 2, computeSlices: 2, pids: [11, 12] },
            { gpuInstance: 9, computeInstance: 0, gpuSlices: 1, computeSlices: 1, pids: [] },
          ],
        },
        processes: [],
        rows: [],
      })
    })

    test('whose processes may not be listed says why', async () => {
      const bench = new Bench()
      bench.nvml.add({ listsError: 4 }).mig(...instances)
      expect((await bench.device()).processesUnknown).toBe('no permission')
    })

    const activities = async (bench: Bench, wait?: number): Promise<(number | undefined)[]> =>
      (await bench.device(wait)).mig?.instances.map(({ activity }) => activity) ?? []

    test('without performance monitoring nothing is known of their activity', async () => {
      const bench = new Bench()
      bench.nvml.add().mig(...instances)
      await bench.device()
      expect(await activities(bench)).toEqual([undefined, undefined, undefined])
    })

    test('with it, the activity of those that are held, from the second look on', async () => {
      const bench = new Bench()
      bench.nvml.add({ hasGpm: 1 }).mig(...instances)
      expect(await activities(bench)).toEqual([undefined, undefined, undefined])
      expect(await activities(bench)).toEqual([0.9, 0.45, undefined])
      // two samples have to be more than 100 ms apart
      expect(await activities(bench, 0.05)).toEqual([0.9, 0.45, undefined])
    })

    test('is not monitored while one instance alone is held: there is nothing to split', async () => {
      const bench = new Bench()
      const gpu = bench.nvml.add({ hasGpm: 1 }).mig(...instances)
      await bench.device()
      expect(bench.nvml.get('gpmSamples')).toBe(4)
      gpu.mig({ gpuInstance: 1, gpuSlices: 3, busy: 90, pids: [10] })
      expect(await activities(bench)).toEqual([undefined])
      expect(bench.nvml.get('gpmSamples')).toBe(0)
    })

    test('may be divided anew between two looks', async () => {
      const bench = new Bench()
      const gpu = bench.nvml.add({ hasGpm: 1 }).mig(...instances)
      await bench.device()
      gpu.mig({ gpuInstance: 3, gpuSlices: 4, pids: [10] }, { gpuInstance: 2, gpuSlices: 3, pids: [13] })
      await bench.device()
      expect(await activities(bench)).toEqual([0, 0])
      gpu.set({ migEnabled: 0 })
      expect((await bench.device()).mig).toBeUndefined()
      expect(bench.nvml.get('gpmSamples')).toBe(0)
    })
  })

  describe('what a driver or a device lacks', () => {
    test('a driver from before 460 has neither fields nor MIG nor the newer lists, and is asked in the older way', async () => {
      const bench = new Bench('old')
      bench.nvml.add({ milliwatts: 90_000 }).compute(10, 11).graphics(12)
      expect(await bench.device()).toMatchObject({
        millijoules: 5_000_000n,
        power: [{ watts: 90 }],
        processes: [
          { pid: 10, kind: 'compute' },
          { pid: 11, kind: 'compute' },
          { pid: 12, kind: 'graphics' },
        ],
        mig: undefined,
      })
    })

    test('a device without a counter has power', async () => {
      const bench = new Bench('pascal')
      bench.nvml.add({ milliwatts: 250_000 })
      expect(await bench.device()).toMatchObject({
        millijoules: undefined,
        hasCounter: false,
        power: [{ watts: 250 }],
        problem: undefined,
      })
    })

    test.each([
      ['the mean of a second', { hasAverage: 1, hasInstant: 1, hasUsage: 1 }],
      ['the power of the instant', { hasAverage: 0, hasInstant: 1, hasUsage: 1 }],
      ['what nvmlDeviceGetPowerUsage gives', { hasAverage: 0, hasInstant: 0, hasUsage: 1 }],
      ['the field alone', { hasAverage: 0, hasInstant: 1, hasUsage: 0 }],
    ])('its power is %s, where it has that', async (_, has) => {
      const bench = new Bench()
      bench.nvml.add({ ...has, milliwatts: 33_000 })
      expect((await bench.device()).power.map(({ watts }) => watts)).toEqual([33])
    })

    test('a virtual GPU has neither, and says so', async () => {
      const bench = new Bench()
      bench.nvml.add({
        hasCounter: 0,
        hasAverage: 0,
        hasInstant: 0,
        hasUsage: 0,
        virtualizationMode: 2,
      })
      expect((await bench.device()).problem).toEqual({
        why: 'a virtual GPU without a power sensor',
        advice: expect.stringContaining('on the host'),
        isFault: false,
      })
    })

    test('a driver that lists no processes says why', async () => {
      const bench = new Bench()
      bench.nvml.add({ listsError: 3 })
      expect(await bench.device()).toMatchObject({
        processes: [],
        processesUnknown: 'not supported by this device',
      })
    })
  })

  describe('power between the looks', () => {
    test('is sampled where there is no counter, and only there', async () => {
      const bench = new Bench()
      const [counted, uncounted] = [bench.nvml.add(), bench.nvml.add({ hasCounter: 0, milliwatts: 10_000 })]
      await bench.devices()
      counted.spend(1)
      await bench.devices()
      for (const watts of [20, 30]) {
        bench.machine.wait(0.1)
        uncounted.set({ milliwatts: watts * 1000 })
        bench.door.session.samplePower()
      }
      const devices = await bench.devices(0.1)
      expect(devices.map(({ power }) => power.map(({ watts }) => watts))).toEqual([[70], [20, 30, 30]])
      expect((await bench.devices()).map(({ power }) => power.length)).toEqual([1, 1])
    })

    test('is sampled as well while a counter stands still', async () => {
      const bench = new Bench()
      bench.nvml.add()
      await bench.device()
      bench.machine.wait(1)
      bench.door.session.samplePower()
      expect((await bench.device()).power).toHaveLength(2)
    })
  })

  describe('trouble', () => {
    test('a device that is lost does not blind the others, and is looked for again, ever more rarely', async () => {
      const bench = new Bench()
      bench.nvml.add()
      const lost = bench.nvml.add()
      await bench.devices()
      lost.set({ error: 15 })
      const problems = async (wait: number): Promise<(string | undefined)[]> =>
        (await bench.devices(wait)).map(({ problem }) => problem?.why)
      expect(await problems(1)).toEqual([undefined, 'the GPU has fallen off the bus'])
      expect(await problems(9)).toEqual([undefined, 'the GPU has fallen off the bus'])
      expect(bench.nvml.get('inits')).toBe(1)
      // found no more: it has no UUID to give
      expect(await problems(1)).toEqual([undefined])
      expect(bench.nvml.get('inits')).toBe(2)
      expect(await problems(19)).toEqual([undefined])
      expect(bench.nvml.get('inits')).toBe(2)
      lost.set({ error: 0 })
      expect(await problems(1)).toEqual([undefined, undefined])
      expect(bench.nvml.get('inits')).toBe(3)
      expect(await problems(1000)).toEqual([undefined, undefined])
      expect(bench.nvml.get('inits')).toBe(3)
    })

    test('a session that was opened again gives the rows since the look before', async () => {
      const bench = new Bench()
      const gpu = bench.nvml.add().rows([10, 1_000_000, 50])
      const lost = bench.nvml.add({ error: 0 })
      await bench.devices()
      lost.set({ error: 15 })
      await bench.devices()
      gpu.rows([10, 1_000_000, 50], [10, 9_000_000, 60])
      const [device] = await bench.devices(10)
      expect(bench.nvml.get('inits')).toBe(2)
      expect(device).toMatchObject({
        rows: [{ pid: 10, timeStamp: 9_000_000, sm: 60 }],
        rowsSince: 1_000_000,
      })
    })

    test('a driver that is replaced underneath makes the library useless', async () => {
      const bench = new Bench()
      bench.nvml.add()
      await bench.device()
      bench.nvml.set('callsError', 18)
      expect(await bench.look()).toEqual({
        kind: 'outdated',
        why: 'NVML: the library and the kernel driver are of different versions',
      })
    })

    test('a mismatch at the start is for the operator to mend: starting again would not', async () => {
      const bench = new Bench()
      bench.nvml.set('initError', 18)
      expect(await bench.look()).toMatchObject({
        kind: 'failed',
        advice: expect.stringContaining('restart the machine'),
      })
      bench.nvml.add()
      bench.nvml.set('initError', 0)
      expect(await bench.look(29)).toMatchObject({ kind: 'failed' })
      expect(await bench.look(1)).toMatchObject({ kind: 'look' })
    })

    test.each([
      ['driver that is not loaded', 9, 'absent', 'modprobe nvidia'],
      ['lack of permission', 4, 'failed', '/dev/nvidiactl'],
      ['unknown error', 999, 'failed', 'dmesg'],
      ['code of a future driver', 4242, 'failed', 'dmesg'],
    ])('a %s is told with what to do', async (_, code, kind, advice) => {
      const bench = new Bench()
      bench.nvml.set('initError', code)
      expect(await bench.look()).toMatchObject({ kind, advice: expect.stringContaining(advice) })
    })

    test('no GPU at all is absent', async () => {
      expect(await new Bench().look()).toMatchObject({ kind: 'absent', why: 'the driver finds no GPU' })
    })

    test('no library is absent, and neither is a library that is none', async () => {
      const { clock } = new Machine().world
      for (const path of ['/nowhere/libnvidia-ml.so.1', 'libm.so.6']) {
        const door = await SessionDoor.open(path, clock)
        expect(door.session.look(seconds(1))).toEqual({
          kind: 'absent',
          why: `${path} cannot be loaded`,
          advice: expect.stringContaining('NVIDIA_DRIVER_CAPABILITIES=utility'),
        })
      }
    })
  })
})
