import { describe, expect, test } from '@jest/globals'
import { Attendance, type Attended, type Looks } from '../../exporter/src/sensors/attendance.ts'
import { everyAbout, sensors } from '../../exporter/src/sensors/index.ts'
import type { Outcome } from '../../exporter/src/sensors/sensor.ts'
import type { Domain, Reading, SensorStatus } from '../../exporter/src/model.ts'
import { microjoules, seconds, watts, type Seconds } from '../../exporter/src/units.ts'
import { Machine } from '../machine.ts'

const domain = (id: string): Domain => ({
  id,
  component: 'cpu',
  within: '',
  booked: true,
  method: 'counter',
  baseline: { watts: watts(0), source: 'default' },
})

const reading = (id: string, spent: number): Reading => ({
  domain: domain(id),
  spent: microjoules(spent),
  from: seconds(0),
  to: seconds(1),
})

const readings = (...of: Reading[]): Outcome => ({
  kind: 'readings',
  readings: of,
  domains: of.map((one) => one.domain),
  troubles: [],
})

/** A sensor that answers as it is told. */
class Puppet implements Attended {
  readonly about
  readonly settings: string
  readonly asked: number[] = []
  closed = 0
  answer: () => Outcome | Promise<Outcome>

  constructor(name: string, answer: () => Outcome | Promise<Outcome>, settings = '') {
    this.answer = answer
    this.settings = settings
    this.about = {
      name,
      measures: '',
      components: ['cpu', 'memory'],
      method: 'counter',
      reads: '',
      unit: '',
      needs: '',
      source: '',
    } as const
  }

  // Not async, so that a throw is one at once.
  read(at: Seconds): Promise<Outcome> {
    this.asked.push(at)
    const answer = this.answer()
    return answer instanceof Promise ? answer : Promise.resolve(answer)
  }

  async close(): Promise<void> {
    this.closed += 1
  }
}

const quickly = seconds(0.02)

const statusOf = ({ statuses }: Pick<Looks, 'statuses'>, name: string): SensorStatus | undefined =>
  statuses.find((status) => status.name === name)

describe('a look', () => {
  test('gathers readings and domains of all sensors in their order', async () => {
    const machine = new Machine()
    const attendance = new Attendance(
      [
        new Puppet('one', () => readings(reading('a', 1), reading('b', 2))),
        new Puppet('two', () => ({ kind: 'warming-up', domains: [domain('c')], troubles: [] })),
        new Puppet('three', () => ({ kind: 'absent', why: 'no such thing', advice: 'buy one' })),
      ],
      machine.world.clock,
    )
    const looks = await attendance.look(machine.now)
    expect(looks.readings).toEqual([reading('a', 1), reading('b', 2)])
    expect(looks.domains).toEqual([domain('a'), domain('b'), domain('c')])
    const common = { components: ['cpu', 'memory'], unreadable: [], failures: 0, lastDuration: 0 }
    const never = { onceSeen: false, lastReadingWall: undefined }
    expect(looks.statuses).toEqual([
      {
        name: 'one',
        state: 'readings',
        reason: '',
        advice: '',
        ...common,
        onceSeen: true,
        lastReadingWall: 1_700_001_000,
      },
      { name: 'two', state: 'warming-up', reason: '', advice: '', ...common, ...never },
      { name: 'three', state: 'absent', reason: 'no such thing', advice: 'buy one', ...common, ...never },
    ])
    expect(attendance.statuses).toEqual(looks.statuses)
  })

  test('hands the instant on to every sensor', async () => {
    const machine = new Machine()
    const puppets = [new Puppet('one', () => readings()), new Puppet('two', () => readings())]
    await new Attendance(puppets, machine.world.clock).look(seconds(77))
    expect(puppets.map(({ asked }) => asked)).toEqual([[77], [77]])
  })

  test('times each sensor on the clock of the machine', async () => {
    const machine = new Machine()
    const slow = new Puppet('slow', () => {
      machine.wait(0.25)
      return readings()
    })
    const looks = await new Attendance([slow], machine.world.clock).look(machine.now)
    expect(statusOf(looks, 'slow')?.lastDuration).toBe(0.25)
  })

  test('that gave part of its domains names the trouble and what cannot be read', async () => {
    const trouble = { domain: 'dram-0', component: 'memory', why: 'EIO', advice: 'see dmesg' } as const
    const puppet = new Puppet('one', () => ({
      kind: 'readings',
      readings: [reading('a', 1)],
      domains: [domain('a')],
      troubles: [trouble, { ...trouble, domain: 'dram-1' }],
    }))
    const looks = await new Attendance([puppet], new Machine().world.clock).look(seconds(0))
    expect(looks.statuses).toMatchObject([
      {
        state: 'readings',
        reason: 'dram-0: EIO (and 1 more)',
        advice: 'see dmesg',
        unreadable: ['memory'],
        failures: 0,
      },
    ])
  })
})

describe('a defect', () => {
  const failing = new Error('undefined is not a function')

  test.each([
    [
      'at once',
      (): Outcome => {
        throw failing
      },
    ],
    ['later', (): Promise<Outcome> => Promise.reject(failing)],
  ])('%s is a failure of that sensor alone', async (_, answer) => {
    const attendance = new Attendance(
      [new Puppet('bad', answer), new Puppet('good', () => readings(reading('a', 1)))],
      new Machine().world.clock,
    )
    await attendance.look(seconds(0))
    const looks = await attendance.look(seconds(1))
    expect(looks.readings).toEqual([reading('a', 1)])
    expect(statusOf(looks, 'bad')).toMatchObject({
      state: 'failed',
      reason: 'undefined is not a function',
      advice: 'this is a defect of Wattribute: please report it',
      unreadable: ['cpu', 'memory'],
      onceSeen: false,
      failures: 2,
    })
  })
})

describe('a sensor that does not answer in time', () => {
  /** A read that is answered when the test says so. */
  const delayed = (): { answer: Promise<Outcome>; arrive: (outcome: Outcome) => void } => {
    let arrive: (outcome: Outcome) => void = () => undefined
    const answer = new Promise<Outcome>((resolve) => {
      arrive = resolve
    })
    return { answer, arrive: (outcome) => arrive(outcome) }
  }

  test('has failed, is not asked again while it is silent, and its late answer is used', async () => {
    const machine = new Machine()
    const { answer, arrive } = delayed()
    const puppet = new Puppet('slow', () => answer)
    const attendance = new Attendance([puppet], machine.world.clock, quickly)
    const first = await attendance.look(machine.now)
    expect(first.readings).toEqual([])
    expect(first.statuses).toMatchObject([
      { state: 'failed', reason: 'did not answer within 0.02 s', failures: 1, unreadable: ['cpu', 'memory'] },
    ])
    const second = await attendance.look(machine.wait(1))
    expect(second.statuses).toMatchObject([{ state: 'failed', failures: 2, lastDuration: 1 }])
    expect(second.changes).toEqual([])
    expect(puppet.asked).toEqual([1000])

    machine.wait(0.5)
    arrive(readings(reading('a', 5)))
    await new Promise(setImmediate)
    const third = await attendance.look(machine.wait(0.5))
    expect(third.readings).toEqual([reading('a', 5)])
    expect(third.statuses).toMatchObject([
      { state: 'readings', failures: 2, lastDuration: 1.5, onceSeen: true },
    ])
    expect(puppet.asked).toEqual([1000])

    puppet.answer = () => readings(reading('a', 6))
    expect((await attendance.look(machine.wait(1))).readings).toEqual([reading('a', 6)])
    expect(puppet.asked).toEqual([1000, 1003])
  })

  test('does not hold up the others', async () => {
    const attendance = new Attendance(
      [new Puppet('hung', () => delayed().answer), new Puppet('good', () => readings(reading('a', 1)))],
      new Machine().world.clock,
      quickly,
    )
    expect((await attendance.look(seconds(0))).readings).toEqual([reading('a', 1)])
  })

  test('does not hold up the end either', async () => {
    const puppet = new Puppet('hung', () => readings())
    puppet.close = () => new Promise<void>(() => undefined)
    const attendance = new Attendance([puppet], new Machine().world.clock, quickly)
    await expect(attendance.close()).resolves.toBeUndefined()
  })
})

describe('changes', () => {
  test('are told once: a new state, reason or advice', async () => {
    const puppet = new Puppet('one', () => readings(reading('a', 1)))
    const attendance = new Attendance([puppet], new Machine().world.clock)
    const changed = async (outcome: Outcome): Promise<string[]> => {
      puppet.answer = () => outcome
      return (await attendance.look(seconds(0))).changes.map(({ state, reason }) => `${state} ${reason}`)
    }
    expect(await changed(readings(reading('a', 1)))).toEqual(['readings '])
    expect(await changed(readings(reading('a', 2)))).toEqual([])
    expect(await changed({ kind: 'failed', why: 'EIO', advice: '' })).toEqual(['failed EIO'])
    expect(await changed({ kind: 'failed', why: 'EIO', advice: '' })).toEqual([])
    expect(await changed({ kind: 'failed', why: 'EACCES', advice: '' })).toEqual(['failed EACCES'])
    expect(await changed(readings(reading('a', 3)))).toEqual(['readings '])
  })

  test('do not take away what was seen once, nor the time of the last reading', async () => {
    const machine = new Machine()
    const puppet = new Puppet('one', () => readings(reading('a', 1)))
    const attendance = new Attendance([puppet], machine.world.clock)
    await attendance.look(machine.now)
    puppet.answer = () => ({ kind: 'absent', why: 'gone', advice: '' })
    const looks = await attendance.look(machine.wait(9))
    expect(looks.statuses).toMatchObject([
      { state: 'absent', onceSeen: true, lastReadingWall: 1_700_001_000, unreadable: [] },
    ])
  })
})

describe('a new list of sensors', () => {
  test('keeps those of the same settings with all that they remember, and closes the others', async () => {
    const puppets = {
      same: new Puppet('same', () => readings(reading('a', 1))),
      other: new Puppet('other', () => ({ kind: 'failed', why: 'EIO', advice: '' }), 'old'),
      gone: new Puppet('gone', () => readings()),
    }
    const attendance = new Attendance(Object.values(puppets), new Machine().world.clock)
    await attendance.look(seconds(0))
    const unused = new Puppet('same', () => readings(reading('z', 9)))
    const replacement = new Puppet('other', () => readings(reading('b', 2)), 'new')
    attendance.replace([unused, replacement])
    const looks = await attendance.look(seconds(1))
    expect(looks.readings).toEqual([reading('a', 1), reading('b', 2)])
    expect(looks.statuses.map(({ name, failures }) => [name, failures])).toEqual([
      ['same', 0],
      ['other', 1],
    ])
    expect(
      [puppets.same, puppets.other, puppets.gone, unused, replacement].map(({ closed }) => closed),
    ).toEqual([0, 1, 1, 1, 0])
  })

  test('of a reload without a change loses no energy', async () => {
    const machine = Machine.fromFile('amd-epyc')
    const list = (): Attended[] =>
      sensors(machine.world, { nvidia: true, powerModel: {}, hwmon: [], devices: {} })
    const attendance = new Attendance(list(), machine.world.clock)
    await attendance.look(machine.now)
    machine.advance('sys/class/powercap/intel-rapl:0/energy_uj', 5)
    attendance.replace(list())
    const { readings: after } = await attendance.look(machine.wait(1))
    expect(after.map((one) => one.domain.id)).toEqual([
      'package-0',
      'package-0-core',
      'model-cpu',
      'model-memory',
    ])
    expect(after[0]?.spent).toBe(5)
  })
})

/** Each of these is a sensor of its own where it is configured. */
const DEVICE_KINDS: ReadonlySet<string> = new Set([
  'ipmi',
  'redfish',
  'snmp',
  'nut',
  'modbus',
  'http',
  'prometheus',
])

describe('the list of all sensors', () => {
  test('has the measured ones before the model, and no model where it is switched off', () => {
    const look = async () => ({ kind: 'absent' as const, why: 'no GPU', advice: 'none' })
    const world = { ...new Machine().world, nvml: { look, newest: undefined, close: async () => undefined } }
    const names = (list: readonly { about: { name: string } }[]): string[] =>
      list.map(({ about }) => about.name)
    const input = { chip: 'x', input: 'power1', domain: 'x', component: 'board', within: '' } as const
    expect(names(sensors(world, { nvidia: true, powerModel: {}, hwmon: [input], devices: {} }))).toEqual(
      everyAbout.map(({ name }) => name).filter((name) => !DEVICE_KINDS.has(name)),
    )
    expect(names(sensors(world, { nvidia: false, powerModel: undefined, hwmon: [], devices: {} }))).toEqual([
      'rapl',
      'acpi-power-meter',
      'grace',
      'jetson',
    ])
  })

  test('closes twice', async () => {
    const attendance = new Attendance(
      sensors(new Machine().world, { nvidia: true, powerModel: {}, hwmon: [], devices: {} }),
      new Machine().world.clock,
    )
    await attendance.close()
    await expect(attendance.close()).resolves.toBeUndefined()
  })
})
