import { describe, expect, test } from '@jest/globals'
import { hwmon, type HwmonInput } from '../../exporter/src/sensors/hwmon.ts'
import type { Outcome } from '../../exporter/src/sensors/sensor.ts'
import { Machine } from '../machine.ts'
import { sensorContract, type ScriptedDevice } from './contract.ts'
import { NO_COUNTER, powerDevice } from './power-script.ts'

const HWMON = 'sys/class/hwmon'

/** A power supply with two powers, and a board with a counter of energy. */
const TREE = `
sys/class/hwmon/hwmon0/name: corsairpsu
sys/class/hwmon/hwmon0/power1_label: power total
sys/class/hwmon/hwmon0/power1_input: 100000
sys/class/hwmon/hwmon0/power2_label: power +12v
sys/class/hwmon/hwmon0/power2_input: 90000000
sys/class/hwmon/hwmon1/name: board
sys/class/hwmon/hwmon1/energy1_input: 5000000
sys/class/hwmon/hwmon1/energy1_label: fans
sys/class/hwmon/hwmon2/name: board
sys/class/hwmon/hwmon2/power1_average: 40000000
sys/class/hwmon/hwmon2/power1_input: 99000000
`

const PSU = {
  chip: 'corsairpsu',
  label: 'power total',
  domain: 'psu',
  component: 'node',
  within: '',
} as const
const FANS = { chip: 'board', input: 'energy1', domain: 'fans', component: 'board', within: 'psu' } as const

const looks = (inputs: readonly HwmonInput[], machine = new Machine(TREE)) => {
  const sensor = hwmon(machine.world, inputs, 0)
  return { machine, look: (): Promise<Outcome> => sensor.read(machine.now) }
}

describe('an input of power', () => {
  sensorContract({
    device: () => {
      const machine = new Machine(TREE)
      return powerDevice({
        machine,
        sensor: hwmon(machine.world, [PSU], 0),
        domain: 'psu',
        gone: [HWMON],
        refused: [`${HWMON}/hwmon0/power1_input`],
        show: (watts) => machine.write(`${HWMON}/hwmon0/power1_input`, Math.round(watts * 1e6)),
        averagedOver: 0,
        step: 1e-6,
      })
    },
    notApplicable: NO_COUNTER,
  })
})

describe('an input of energy', () => {
  const device = (): ScriptedDevice => {
    const machine = new Machine(TREE)
    const path = `${HWMON}/hwmon1/energy1_input`
    let raw = 5_000_000
    let isFrozen = false
    return {
      sensor: hwmon(machine.world, [FANS], 0),
      domain: 'fans',
      now: () => machine.now,
      spend(joules, duration) {
        machine.wait(duration)
        if (!isFrozen) machine.write(path, (raw += joules * 1e6))
      },
      remove: () => machine.refuse(HWMON, 'ENOENT'),
      restore: () => machine.allow(HWMON),
      refuse: () => machine.refuse(path),
      allow: () => machine.allow(path),
      reset: () => machine.write(path, (raw = 0)),
      freeze: () => (isFrozen = true),
      thaw: () => (isFrozen = false),
    }
  }
  sensorContract({
    device,
    notApplicable: { wrap: 'a counter of 64 bits comes round after half a million years at 1 MW' },
  })
})

describe('which input is meant', () => {
  test('by label or by name; the mean before the moment', async () => {
    const board = { chip: 'board', input: 'power1', domain: 'x', component: 'board', within: '' } as const
    const { machine, look } = looks([PSU, { ...FANS, label: 'fans' }, board])
    expect(await look()).toMatchObject({ kind: 'warming-up', troubles: [] })
    machine.wait(1)
    machine.advance(`${HWMON}/hwmon1/energy1_input`, 7)
    expect(await look()).toMatchObject({
      kind: 'readings',
      readings: [
        { domain: { id: 'psu', method: 'integrated' }, spent: 100_000 },
        { domain: { id: 'x', method: 'integrated' }, spent: 40_000_000 },
        { domain: { id: 'fans', method: 'counter', within: 'psu' }, spent: 7 },
      ],
      troubles: [],
    })
  })

  test('two that fit: neither counts, and both are named', async () => {
    const machine = new Machine(TREE)
    machine.write(`${HWMON}/hwmon3/name`, 'corsairpsu')
    machine.write(`${HWMON}/hwmon3/power1_label`, 'power total')
    machine.write(`${HWMON}/hwmon3/power1_input`, 1)
    expect(await looks([PSU], machine).look()).toEqual({
      kind: 'absent',
      why: 'several inputs are label "power total" of chip corsairpsu: hwmon0/power1, hwmon3/power1',
      advice: expect.stringContaining('its folder as chip'),
    })
    expect(await looks([{ ...PSU, chip: 'hwmon0' }], machine).look()).toMatchObject({ kind: 'warming-up' })
  })

  test('one that is missing does not hold up the others', async () => {
    const missing = { ...PSU, label: 'power in', domain: 'other' }
    expect(await looks([PSU, missing]).look()).toMatchObject({
      domains: [{ id: 'psu' }],
      troubles: [{ domain: 'other', why: 'no label "power in" of chip corsairpsu below /sys/class/hwmon' }],
    })
  })

  test('no chips at all', async () => {
    expect(await looks([PSU], new Machine()).look()).toEqual({
      kind: 'absent',
      why: '/sys/class/hwmon is missing',
      advice: expect.stringContaining('--path.sysfs'),
    })
  })
})

describe('a figure that is none', () => {
  test.each(['', '-1', '1.5', 'N/A'])('%j', async (text) => {
    const { machine, look } = looks([PSU, FANS])
    await look()
    machine.wait(1)
    machine.write(`${HWMON}/hwmon1/energy1_input`, text)
    expect(await look()).toMatchObject({
      kind: 'readings',
      troubles: [{ domain: 'fans', component: 'board' }],
    })
  })
})

test('is kept by a reload where its settings are the same', () => {
  const { world } = new Machine()
  expect(hwmon(world, [PSU]).settings).toBe(hwmon(world, [{ ...PSU }]).settings)
  expect(hwmon(world, [PSU]).settings).not.toBe(hwmon(world, [{ ...PSU, within: 'x' }]).settings)
})
