import { describe, expect, test } from '@jest/globals'
import { jetson } from '../../exporter/src/sensors/jetson.ts'
import type { Outcome } from '../../exporter/src/sensors/sensor.ts'
import { Machine } from '../machine.ts'
import { sensorContract } from './contract.ts'
import { NO_COUNTER, powerDevice } from './power-script.ts'

const MONITOR = 'sys/class/hwmon/hwmon1'

sensorContract({
  device: () => {
    const machine = Machine.fromFile('jetson-orin')
    machine.write(`${MONITOR}/in1_input`, 1000)
    return powerDevice({
      machine,
      sensor: jetson(machine.world, 0),
      domain: 'VDD_IN',
      gone: ['sys/class/hwmon'],
      refused: [1, 2, 3].map((channel) => `${MONITOR}/curr${channel}_input`),
      show: (watts) => machine.write(`${MONITOR}/curr1_input`, Math.round(watts * 1000)),
      averagedOver: 0,
      step: 1e-3,
    })
  },
  notApplicable: NO_COUNTER,
})

/** A machine with these rails, three to a monitor. */
function rails(...labels: readonly string[]): Machine {
  const machine = new Machine()
  labels.forEach((label, index) => {
    const folder = `sys/class/hwmon/hwmon${Math.floor(index / 3)}`
    const channel = (index % 3) + 1
    machine.write(`${folder}/name`, 'ina3221')
    machine.write(`${folder}/in${channel}_label`, label)
    machine.write(`${folder}/in${channel}_input`, 5000)
    machine.write(`${folder}/curr${channel}_input`, 200)
  })
  return machine
}

const look = (machine: Machine): Promise<Outcome> => jetson(machine.world, 0).read(machine.now)

const treeIn = (outcome: Outcome): readonly string[] =>
  'domains' in outcome
    ? outcome.domains.map(({ id, component, within }) => `${id} ${component}${within && ` in ${within}`}`)
    : []

describe('the rails of the generations', () => {
  test.each([
    [
      'Orin NX and Nano',
      ['VDD_IN', 'VDD_CPU_GPU_CV', 'VDD_SOC'],
      ['VDD_IN node', 'VDD_CPU_GPU_CV accelerator in VDD_IN', 'VDD_SOC board in VDD_IN'],
    ],
    [
      'AGX Orin, which measures no input',
      ['VDD_GPU_SOC', 'VDD_CPU_CV', 'VIN_SYS_5V0', 'NC', 'VDDQ_VDD2_1V8AO', 'NC'],
      ['VDD_GPU_SOC accelerator', 'VDD_CPU_CV cpu', 'VIN_SYS_5V0 board', 'VDDQ_VDD2_1V8AO memory'],
    ],
    [
      'AGX Xavier',
      ['GPU', 'CPU', 'SOC', 'CV', 'VDDRQ', 'SYS5V'],
      ['GPU accelerator', 'CPU cpu', 'SOC board', 'CV accelerator', 'VDDRQ memory', 'SYS5V board'],
    ],
    [
      'Nano',
      ['POM_5V_IN', 'POM_5V_GPU', 'POM_5V_CPU'],
      ['POM_5V_IN node', 'POM_5V_GPU accelerator in POM_5V_IN', 'POM_5V_CPU cpu in POM_5V_IN'],
    ],
    [
      'TX2',
      ['VDD_SYS_GPU', 'VDD_SYS_SOC', 'VDD_4V0_WIFI', 'VDD_IN', 'VDD_SYS_CPU', 'VDD_SYS_DDR'],
      [
        'VDD_SYS_GPU accelerator in VDD_IN',
        'VDD_SYS_SOC board in VDD_IN',
        'VDD_4V0_WIFI board in VDD_IN',
        'VDD_IN node',
        'VDD_SYS_CPU cpu in VDD_IN',
        'VDD_SYS_DDR memory in VDD_IN',
      ],
    ],
  ])('%s', async (_, labels, tree) => {
    expect(treeIn(await look(rails(...labels)))).toEqual(tree)
  })

  test('of JetPack 4, by a driver of its own', async () => {
    const machine = new Machine(`
sys/bus/iio/devices/iio:device0/name: ina3221x
sys/bus/iio/devices/iio:device0/rail_name_0: POM_5V_IN
sys/bus/iio/devices/iio:device0/in_voltage0_input: 5000
sys/bus/iio/devices/iio:device0/in_current0_input: 400
sys/bus/iio/devices/iio:device0/in_power0_input: 2000
sys/bus/iio/devices/iio:device0/rail_name_1: POM_5V_GPU
sys/bus/iio/devices/iio:device0/in_voltage1_input: 5000
sys/bus/iio/devices/iio:device0/in_current1_input: 100
`)
    const sensor = jetson(machine.world, 0)
    expect(treeIn(await sensor.read(machine.now))).toEqual([
      'POM_5V_IN node',
      'POM_5V_GPU accelerator in POM_5V_IN',
    ])
    expect(await sensor.read(machine.wait(3))).toMatchObject({ readings: [{ spent: 6e6 }, { spent: 1.5e6 }] })
  })

  test('two of the same label are told apart', async () => {
    expect(treeIn(await look(rails('VDD_IN', 'FAN', 'FAN')))).toEqual([
      'VDD_IN node',
      'FAN board in VDD_IN',
      'FAN-2 board in VDD_IN',
    ])
  })

  test('the sums of a monitor are no rail', async () => {
    const outcome = await look(Machine.fromFile('jetson-orin'))
    expect(treeIn(outcome)).toHaveLength(3)
  })
})

describe('figures of a monitor', () => {
  test('a small negative current at rest is none', async () => {
    const machine = rails('VDD_IN')
    machine.write('sys/class/hwmon/hwmon0/curr1_input', -8)
    const sensor = jetson(machine.world, 0)
    await sensor.read(machine.now)
    expect(await sensor.read(machine.wait(2))).toMatchObject({ readings: [{ spent: 0 }] })
  })

  test.each(['', 'n/a', '99999999', '1.5'])('%j is no figure', async (text) => {
    const machine = rails('VDD_IN', 'VDD_SOC')
    machine.write('sys/class/hwmon/hwmon0/curr1_input', text)
    expect(await look(machine)).toMatchObject({
      kind: 'warming-up',
      domains: [{ id: 'VDD_SOC' }],
      troubles: [
        {
          domain: 'VDD_IN',
          why: 'no usable power in /sys/class/hwmon/hwmon0/in1_input and /sys/class/hwmon/hwmon0/curr1_input',
        },
      ],
    })
  })

  test('a monitor without labels has no rails that are known', async () => {
    const machine = rails('VDD_IN')
    machine.remove('sys/class/hwmon/hwmon0/in1_label')
    expect(await look(machine)).toMatchObject({ kind: 'absent', advice: expect.stringContaining('ina3221') })
  })
})

describe('between two looks', () => {
  test('a pulse is seen, because it is sampled there as well', async () => {
    const machine = rails('VDD_IN')
    const draw = (watts: number): void => machine.write('sys/class/hwmon/hwmon0/curr1_input', watts * 200)
    const sensor = jetson(machine.world)
    draw(0)
    await sensor.read(machine.now)
    let joules = 0
    // 10 W in the middle third of every 3 seconds, looked at when nothing is drawn
    for (let look = 0; look < 200; look += 1) {
      for (let step = 0; step < 60; step += 1) {
        draw(step >= 20 && step < 40 ? 10 : 0)
        machine.wait(0.05)
        await Promise.resolve()
        await new Promise(setImmediate)
      }
      const outcome = await sensor.read(machine.now)
      if (outcome.kind === 'readings') for (const { spent } of outcome.readings) joules += spent / 1e6
    }
    expect(joules / 200).toBeGreaterThan(9)
    expect(joules / 200).toBeLessThan(11)
    await sensor.close()
  })
})
