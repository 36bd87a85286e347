import { describe, expect, test } from '@jest/globals'
import { rapl } from '../../exporter/src/sensors/rapl.ts'
import type { Outcome, Sensor, Trouble } from '../../exporter/src/sensors/sensor.ts'
import { Machine } from '../machine.ts'
import { sensorContract, type ScriptedDevice } from './contract.ts'

const POWERCAP = 'sys/class/powercap'
const energyOf = (zone: string): string => `${POWERCAP}/${zone}/energy_uj`

const AMD_RANGE = 65_532_610_987n

function amdDevice(): ScriptedDevice {
  const machine = Machine.fromFile('amd-epyc')
  const zones = ['intel-rapl:0', 'intel-rapl:0:0']
  let raw = 41_000_000_000n
  let isFrozen = false
  const show = (figure: bigint): void => {
    raw = figure % AMD_RANGE
    machine.write(energyOf('intel-rapl:0'), raw)
  }
  return {
    sensor: rapl(machine.world),
    domain: 'package-0',
    now: () => machine.now,
    spend(joules, duration) {
      machine.wait(duration)
      if (!isFrozen) show(raw + BigInt(joules) * 1_000_000n)
    },
    remove: () => machine.refuse(POWERCAP, 'ENOENT'),
    restore: () => machine.allow(POWERCAP),
    refuse: () => {
      for (const zone of zones) machine.refuse(energyOf(zone))
    },
    allow: () => {
      for (const zone of zones) machine.allow(energyOf(zone))
    },
    wrapAfter: (joules) => show(AMD_RANGE - BigInt(joules) * 1_000_000n),
    reset: () => show(0n),
    freeze: () => {
      isFrozen = true
    },
    thaw: () => {
      isFrozen = false
    },
  }
}

sensorContract({ device: amdDevice })

/** A machine with a sensor that looks at it once a second. */
class Watched {
  readonly machine: Machine
  readonly sensor: Sensor

  constructor(machine: Machine) {
    this.machine = machine
    this.sensor = rapl(machine.world)
  }

  static async warm(machine: Machine): Promise<Watched> {
    const watched = new Watched(machine)
    await watched.look()
    return watched
  }

  look(): Promise<Outcome> {
    return this.sensor.read(this.machine.now)
  }

  /** @param spent microjoules by zone */
  async tick(spent: Readonly<Record<string, number>> = {}, wait = 1): Promise<Outcome> {
    this.machine.wait(wait)
    for (const [zone, amount] of Object.entries(spent)) this.machine.advance(energyOf(zone), amount)
    return this.look()
  }
}

const ALL_INTEL = {
  'intel-rapl:0': 100_000_000,
  'intel-rapl:0:0': 10_000_000,
  'intel-rapl:1': 90_000_000,
  'intel-rapl:1:0': 9_000_000,
  'intel-rapl:2': 300_000_000,
}

const intel = (): Machine => Machine.fromFile('intel-2-socket')

/** What a look spent, by domain. */
const spentIn = (outcome: Outcome): Record<string, number> =>
  outcome.kind === 'readings'
    ? Object.fromEntries(outcome.readings.map(({ domain, spent }) => [domain.id, spent]))
    : {}

const withinIn = (outcome: Outcome): Record<string, string> =>
  'domains' in outcome ? Object.fromEntries(outcome.domains.map(({ id, within }) => [id, within])) : {}

const troublesIn = (outcome: Outcome): readonly Trouble[] => ('troubles' in outcome ? outcome.troubles : [])

const complaintsIn = (outcome: Outcome): string[] =>
  troublesIn(outcome).map(({ domain, why }) => `${domain}: ${why}`)

describe('two Intel sockets with DRAM and a platform zone', () => {
  test('give five domains, each counted once', async () => {
    const watched = await Watched.warm(intel())
    const outcome = await watched.tick(ALL_INTEL)
    expect(spentIn(outcome)).toEqual({
      'package-0': 100_000_000,
      'package-1': 90_000_000,
      psys: 300_000_000,
      'dram-0': 10_000_000,
      'dram-1': 9_000_000,
    })
    expect(complaintsIn(outcome)).toEqual([])
  })

  test('nest packages and DRAM in the platform zone, which is the node', async () => {
    const watched = await Watched.warm(intel())
    const outcome = await watched.tick(ALL_INTEL)
    const domains = 'domains' in outcome ? outcome.domains : []
    const common = { booked: true, method: 'counter' }
    // 0.74 W for each of the 8 logical CPUs, on two packages
    const cpu = { ...common, component: 'cpu', within: 'psys', baseline: { watts: 2.96, source: 'default' } }
    const memory = {
      ...common,
      component: 'memory',
      within: 'psys',
      baseline: { watts: 0, source: 'default' },
    }
    expect(domains).toEqual([
      { id: 'package-0', ...cpu },
      { id: 'package-1', ...cpu },
      {
        id: 'psys',
        ...common,
        component: 'node',
        within: '',
        baseline: { watts: 0, source: 'default' },
        encloses: ['cpu', 'memory'],
      },
      { id: 'dram-0', ...memory },
      { id: 'dram-1', ...memory },
    ])
  })

  test('do not count the memory-mapped duplicate of package 0', async () => {
    const watched = await Watched.warm(intel())
    watched.machine.advance(energyOf('intel-rapl-mmio:0'), 555)
    expect(spentIn(await watched.tick(ALL_INTEL))).toMatchObject({ 'package-0': 100_000_000 })
  })

  test('clamp a package at twice its highest published power, and say what was too much', async () => {
    const watched = await Watched.warm(intel())
    const outcome = await watched.tick({ ...ALL_INTEL, 'intel-rapl:0': 492_000_001 })
    const readings = outcome.kind === 'readings' ? outcome.readings : []
    expect(readings.filter(({ excess }) => excess !== undefined)).toEqual([
      expect.objectContaining({ spent: 492_000_000, excess: 1 }),
    ])
  })

  test('read the published limits again, because they change while a machine runs', async () => {
    const watched = await Watched.warm(intel())
    watched.machine.write(`${POWERCAP}/intel-rapl:0/constraint_1_power_limit_uw`, 400_000_000)
    for (let second = 0; second < 60; second += 1) await watched.tick(ALL_INTEL)
    const outcome = await watched.tick({ ...ALL_INTEL, 'intel-rapl:0': 800_000_000 })
    expect(spentIn(outcome)).toMatchObject({ 'package-0': 800_000_000 })
  })
})

describe('the platform zone', () => {
  const inPsys = { 'package-0': 'psys', 'package-1': 'psys', 'dram-0': 'psys', 'dram-1': 'psys' }
  const roots = { 'package-0': '', 'package-1': '', 'dram-0': '', 'dram-1': '' }
  const withoutPsys = { ...ALL_INTEL, 'intel-rapl:2': 0 }

  test('encloses from the first look on what has no reading yet, so that no series moves at the second', async () => {
    expect(withinIn(await new Watched(intel()).look())).toEqual({ psys: '', ...inPsys })
  })

  test('that is silent for a while still encloses, and its next difference covers the silence', async () => {
    const watched = await Watched.warm(intel())
    await watched.tick(ALL_INTEL)
    watched.machine.refuse(energyOf('intel-rapl:2'), 'EIO')
    const silent = await watched.tick(ALL_INTEL, 30)
    expect(withinIn(silent)).toEqual(inPsys)
    expect(complaintsIn(silent)).toEqual(['psys: /sys/class/powercap/intel-rapl:2/energy_uj: EIO'])
    watched.machine.allow(energyOf('intel-rapl:2'))
    const back = await watched.tick(ALL_INTEL, 30)
    expect(spentIn(back)).toMatchObject({ psys: 600_000_000 })
    expect(withinIn(back)).toEqual({ psys: '', ...inPsys })
  })

  test('that is gone for more than a minute leaves packages and DRAM as roots until it measures again', async () => {
    const watched = await Watched.warm(intel())
    await watched.tick(ALL_INTEL)
    watched.machine.refuse(`${POWERCAP}/intel-rapl:2`, 'ENOENT')
    expect(withinIn(await watched.tick(ALL_INTEL, 60))).toEqual(inPsys)
    expect(withinIn(await watched.tick(ALL_INTEL))).toEqual(roots)
    watched.machine.allow(`${POWERCAP}/intel-rapl:2`)
    const first = await watched.tick(ALL_INTEL)
    expect(withinIn(first)).toEqual({ psys: '', ...roots })
    expect(spentIn(first)).not.toHaveProperty('psys')
    const second = await watched.tick(ALL_INTEL)
    expect(withinIn(second)).toEqual({ psys: '', ...inPsys })
    expect(spentIn(second)).toMatchObject({ psys: 300_000_000 })
  })

  test('that the firmware leaves dead never encloses, and is reported after a minute', async () => {
    const watched = await Watched.warm(intel())
    for (let second = 1; second < 60; second += 1) {
      const outcome = await watched.tick(withoutPsys)
      expect(withinIn(outcome)).toEqual({ psys: '', ...roots })
      expect(spentIn(outcome)).not.toHaveProperty('psys')
      expect(complaintsIn(outcome)).toEqual([])
    }
    expect(complaintsIn(await watched.tick(withoutPsys))).toEqual([
      'psys: its counter has not moved since the exporter started',
    ])
  })

  test('that freezes is reported, keeps its domain and lets its parts go', async () => {
    const watched = await Watched.warm(intel())
    await watched.tick(ALL_INTEL)
    for (let second = 1; second < 60; second += 1) {
      const outcome = await watched.tick(withoutPsys)
      expect(spentIn(outcome)).toMatchObject({ psys: 0 })
      expect(withinIn(outcome)).toEqual({ psys: '', ...inPsys })
    }
    const frozen = await watched.tick(withoutPsys)
    expect(complaintsIn(frozen)).toEqual(['psys: its counter stands still'])
    expect(spentIn(frozen)).not.toHaveProperty('psys')
    expect(withinIn(frozen)).toEqual({ psys: '', ...roots })
  })

  test('of a second package encloses that package', async () => {
    const machine = intel()
    machine.write(`${POWERCAP}/intel-rapl:3/name`, 'psys-1')
    machine.write(energyOf('intel-rapl:3'), 5)
    const watched = await Watched.warm(machine)
    expect(withinIn(await watched.tick({ ...ALL_INTEL, 'intel-rapl:3': 7 }))).toEqual({
      psys: '',
      'psys-1': '',
      'package-0': 'psys',
      'dram-0': 'psys',
      'package-1': 'psys-1',
      'dram-1': 'psys-1',
    })
  })
})

describe('an AMD package', () => {
  test('shows its cores beside it, unbooked', async () => {
    const watched = await Watched.warm(Machine.fromFile('amd-epyc'))
    const outcome = await watched.tick({ 'intel-rapl:0': 200_000_000, 'intel-rapl:0:0': 80_000_000 })
    expect(spentIn(outcome)).toEqual({ 'package-0': 200_000_000, 'package-0-core': 80_000_000 })
    expect('domains' in outcome ? outcome.domains : []).toEqual([
      {
        id: 'package-0',
        component: 'cpu',
        within: '',
        booked: true,
        method: 'counter',
        // 16 x 0.74 W
        baseline: { watts: 11.84, source: 'default' },
      },
      {
        id: 'package-0-core',
        component: 'cpu',
        within: 'package-0',
        booked: false,
        method: 'counter',
        baseline: { watts: 0, source: 'default' },
      },
    ])
  })

  test('that cannot be read leaves its cores visible, still unbooked and in the package', async () => {
    const watched = await Watched.warm(Machine.fromFile('amd-epyc'))
    watched.machine.refuse(energyOf('intel-rapl:0'), 'EIO')
    const outcome = await watched.tick({ 'intel-rapl:0:0': 5 })
    expect(spentIn(outcome)).toEqual({ 'package-0-core': 5 })
    expect(withinIn(outcome)).toEqual({ 'package-0-core': 'package-0' })
    expect(troublesIn(outcome)).toEqual([
      expect.objectContaining({ domain: 'package-0', component: 'cpu', why: expect.stringContaining('EIO') }),
    ])
  })

  test('whose counters all stand still has failed', async () => {
    const machine = Machine.fromFile('amd-epyc')
    machine.remove(`${POWERCAP}/intel-rapl:0:0`)
    const watched = await Watched.warm(machine)
    for (let second = 1; second < 60; second += 1)
      expect(await watched.tick()).toMatchObject({ kind: 'warming-up' })
    expect(await watched.tick()).toMatchObject({
      kind: 'failed',
      why: 'package-0: its counter has not moved since the exporter started',
    })
  })
})

describe('a zone that may stand at 0', () => {
  test('such as the uncore of an unused graphics unit raises no trouble, and loses nothing when it wakes', async () => {
    const machine = Machine.fromFile('amd-epyc')
    machine.write(`${POWERCAP}/intel-rapl:0:1/name`, 'uncore')
    machine.write(energyOf('intel-rapl:0:1'), 0)
    const watched = await Watched.warm(machine)
    for (let second = 1; second <= 100; second += 1) {
      const outcome = await watched.tick({ 'intel-rapl:0': 50_000_000, 'intel-rapl:0:0': 1 })
      expect(complaintsIn(outcome)).toEqual([])
      expect(spentIn(outcome)).toMatchObject({ 'package-0-uncore': 0 })
    }
    expect(spentIn(await watched.tick({ 'intel-rapl:0:1': 33 }))).toMatchObject({ 'package-0-uncore': 33 })
  })
})

describe('the names of zones', () => {
  test('of several dies in a package', async () => {
    const machine = new Machine()
    machine.write(`${POWERCAP}/intel-rapl:0/name`, 'package-0-die-1')
    machine.write(energyOf('intel-rapl:0'), 1)
    machine.write(`${POWERCAP}/intel-rapl:0:0/name`, 'dram')
    machine.write(energyOf('intel-rapl:0:0'), 1)
    expect(withinIn(await new Watched(machine).look())).toEqual({ 'package-0-die-1': '', 'dram-0-die-1': '' })
  })

  test('that occur twice make one domain, and it is said', async () => {
    const machine = intel()
    machine.write(`${POWERCAP}/intel-rapl:1/name`, 'package-0')
    const watched = await Watched.warm(machine)
    const outcome = await watched.tick(ALL_INTEL)
    expect(spentIn(outcome)).toEqual({ 'package-0': 100_000_000, 'dram-0': 10_000_000, psys: 300_000_000 })
    expect(complaintsIn(outcome)).toEqual([
      'package-0: intel-rapl:0 and intel-rapl:1 have the same name',
      'dram-0: intel-rapl:0:0 and intel-rapl:1:0 have the same name',
    ])
  })

  test.each([
    ['empty', ''],
    ['unknown', 'gpu-7'],
  ])('that are %s are reported, and the others go on', async (_, name) => {
    const machine = intel()
    machine.write(`${POWERCAP}/intel-rapl:1/name`, name)
    const watched = await Watched.warm(machine)
    const outcome = await watched.tick(ALL_INTEL)
    expect(spentIn(outcome)).toEqual({ 'package-0': 100_000_000, 'dram-0': 10_000_000, psys: 300_000_000 })
    expect(complaintsIn(outcome)).toEqual([
      'intel-rapl:1: /sys/class/powercap/intel-rapl:1/name holds no name of a zone',
      'intel-rapl:1:0: /sys/class/powercap/intel-rapl:1:0/name holds no name of a zone',
    ])
  })

  test('move with the driver: another folder of the same name goes on counting', async () => {
    const watched = await Watched.warm(Machine.fromFile('amd-epyc'))
    watched.machine.remove(`${POWERCAP}/intel-rapl:0`)
    watched.machine.remove(`${POWERCAP}/intel-rapl:0:0`)
    watched.machine.write(`${POWERCAP}/intel-rapl:4/name`, 'package-0')
    watched.machine.write(energyOf('intel-rapl:4'), 41_000_000_009n)
    expect(spentIn(await watched.tick())).toEqual({ 'package-0': 9 })
  })
})

describe('the memory-mapped interface', () => {
  test('fills in for a zone that the registers lack, and starts with a first look', async () => {
    const watched = await Watched.warm(intel())
    for (const zone of ['intel-rapl:0', 'intel-rapl:0:0']) watched.machine.remove(`${POWERCAP}/${zone}`)
    const others = { 'intel-rapl:1': 1, 'intel-rapl:2': 1 }
    const first = await watched.tick(others)
    expect(withinIn(first)).toHaveProperty('package-0')
    expect(spentIn(first)).not.toHaveProperty('package-0')
    expect(spentIn(await watched.tick({ ...others, 'intel-rapl-mmio:0': 41 }))).toMatchObject({
      'package-0': 41,
    })
  })
})

describe('a broken file', () => {
  const path = energyOf('intel-rapl:1')

  test.each([
    ['empty', ''],
    ['of text', 'n/a'],
    ['negative', '-5'],
    ['above its range', '262143328851'],
    ['beyond 64 bits', '999999999999999999999999999'],
    ['a fraction', '1.5'],
  ])('that is %s is trouble for its domain only', async (_, content) => {
    const watched = await Watched.warm(intel())
    watched.machine.write(path, content)
    const outcome = await watched.tick({
      'intel-rapl:0': 1,
      'intel-rapl:0:0': 1,
      'intel-rapl:1:0': 1,
      'intel-rapl:2': 1,
    })
    expect(Object.keys(spentIn(outcome))).toEqual(['package-0', 'psys', 'dram-0', 'dram-1'])
    expect(troublesIn(outcome)).toEqual([
      {
        domain: 'package-1',
        component: 'cpu',
        why: `/${path} holds no number from 0 to its range`,
        advice: 'the driver or the firmware gives no usable figure: see the kernel log (dmesg)',
      },
    ])
  })

  test.each([
    ['EIO', 'see the kernel log'],
    ['ENODEV', 'the zone went away while it was read'],
    ['EACCES', 'run as root or with CAP_DAC_READ_SEARCH'],
  ])(
    'that gives %s is trouble with advice, and its next difference covers the time',
    async (code, advice) => {
      const watched = await Watched.warm(intel())
      watched.machine.refuse(path, code)
      const outcome = await watched.tick(ALL_INTEL)
      expect(Object.keys(spentIn(outcome))).toEqual(['package-0', 'psys', 'dram-0', 'dram-1'])
      expect(troublesIn(outcome)).toEqual([
        {
          domain: 'package-1',
          component: 'cpu',
          why: `/${path}: ${code}`,
          advice: expect.stringContaining(advice),
        },
      ])
      watched.machine.allow(path)
      expect(spentIn(await watched.tick(ALL_INTEL))).toMatchObject({ 'package-1': 180_000_000 })
    },
  )

  test('of the range leaves the domain counting', async () => {
    const machine = intel()
    machine.write(`${POWERCAP}/intel-rapl:1/max_energy_range_uj`, 'unknown')
    const watched = await Watched.warm(machine)
    expect(spentIn(await watched.tick(ALL_INTEL))).toMatchObject({ 'package-1': 90_000_000 })
  })

  test('of the limits leaves the documented default: 1,000 W for a package', async () => {
    const machine = intel()
    for (const limit of ['0_max_power', '0_power_limit', '1_max_power', '1_power_limit']) {
      machine.write(`${POWERCAP}/intel-rapl:1/constraint_${limit}_uw`, 'none')
    }
    const watched = await Watched.warm(machine)
    expect(spentIn(await watched.tick({ 'intel-rapl:1': 1_000_000_000 }))).toMatchObject({
      'package-1': 1_000_000_000,
    })
    expect(spentIn(await watched.tick({ 'intel-rapl:1': 1_000_000_001 }))).toMatchObject({
      'package-1': 1_000_000_000,
    })
  })

  test('of the CPU times leaves a baseline of 0 W until they can be read', async () => {
    const machine = intel()
    machine.refuse('proc/stat')
    const watched = await Watched.warm(machine)
    const baselineIn = (outcome: Outcome): number | undefined =>
      'domains' in outcome ? outcome.domains.find(({ id }) => id === 'package-0')?.baseline.watts : undefined
    expect(baselineIn(await watched.tick(ALL_INTEL))).toBe(0)
    machine.allow('proc/stat')
    expect(baselineIn(await watched.tick(ALL_INTEL))).toBe(2.96)
  })
})

describe('a machine that shows nothing', () => {
  test('has no powercap tree: a virtual machine', async () => {
    expect(await new Watched(Machine.fromFile('vm')).look()).toEqual({
      kind: 'absent',
      why: '/sys/class/powercap is missing',
      advice: expect.stringContaining('modprobe intel_rapl_msr'),
    })
  })

  test('has a powercap tree without zones', async () => {
    const machine = new Machine('sys/class/powercap/intel-rapl/enabled: 1')
    expect(await new Watched(machine).look()).toMatchObject({
      kind: 'absent',
      why: 'no zone below /sys/class/powercap',
    })
  })

  test('refuses every counter: permission is what to ask for', async () => {
    const machine = intel()
    machine.refuse(POWERCAP)
    expect(await new Watched(machine).look()).toMatchObject({
      kind: 'failed',
      why: '/sys/class/powercap: EACCES',
    })
    machine.allow(POWERCAP)
    for (const zone of Object.keys(ALL_INTEL)) machine.refuse(energyOf(zone))
    expect(await new Watched(machine).look()).toEqual({
      kind: 'failed',
      why: 'package-0: /sys/class/powercap/intel-rapl:0/energy_uj: EACCES (and 4 more)',
      advice: expect.stringContaining('CVE-2020-8694'),
    })
  })

  test('lists zones whose files a container runtime hides: the mount is what to ask for', async () => {
    const machine = Machine.fromFile('amd-epyc')
    for (const zone of ['intel-rapl:0', 'intel-rapl:0:0']) machine.refuse(`${POWERCAP}/${zone}`, 'ENOENT')
    expect(await new Watched(machine).look()).toEqual({
      kind: 'failed',
      why: 'intel-rapl:0: /sys/class/powercap/intel-rapl:0/name: ENOENT (and 1 more)',
      advice: expect.stringContaining('--path.sysfs'),
    })
  })
})
