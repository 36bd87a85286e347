import { describe, expect, test } from '@jest/globals'
import { acpiPowerMeter } from '../../exporter/src/sensors/acpi-power-meter.ts'
import type { Outcome } from '../../exporter/src/sensors/sensor.ts'
import { Machine } from '../machine.ts'
import { sensorContract } from './contract.ts'
import { NO_COUNTER, powerDevice } from './power-script.ts'

const METER = 'sys/class/hwmon/hwmon1/device'
const AVERAGE = `${METER}/power1_average`

const server = (): Machine => Machine.fromFile('acpi-meter-server')

sensorContract({
  device: () => {
    const machine = server()
    machine.write(`${AVERAGE}_interval`, 60_000)
    return powerDevice({
      machine,
      sensor: acpiPowerMeter(machine.world),
      domain: 'acpi-meter-0',
      gone: ['sys/class/hwmon'],
      refused: [AVERAGE],
      show: (watts) => machine.write(AVERAGE, Math.round(watts * 1e6)),
      averagedOver: 60,
      step: 1e-6,
    })
  },
  notApplicable: NO_COUNTER,
})

const spentIn = (outcome: Outcome): readonly number[] =>
  outcome.kind === 'readings' ? outcome.readings.map(({ spent }) => spent) : []

const looks = (machine: Machine) => {
  const sensor = acpiPowerMeter(machine.world)
  return { sensor, look: (): Promise<Outcome> => sensor.read(machine.now) }
}

describe('a mean over less time than lies between two looks', () => {
  test('counts in full over its own time, and the trapezoid over the rest', async () => {
    const machine = server()
    const { look } = looks(machine)
    await look()
    machine.wait(10)
    machine.write(AVERAGE, 300_000_000)
    expect(spentIn(await look())).toEqual([(9 * 250 + 1 * 300) * 1e6])
  })

  test('without its interval it counts as of the moment', async () => {
    const machine = server()
    machine.remove(`${AVERAGE}_interval`)
    const { look } = looks(machine)
    await look()
    machine.wait(10)
    machine.write(AVERAGE, 300_000_000)
    expect(spentIn(await look())).toEqual([10 * 250 * 1e6])
  })
})

describe('what firmware says instead of a power', () => {
  test.each(['4294967295000', '-5', '', 'n/a', '1e6', '100000000001'])(
    '%j is no power, and the next one goes on from the last good one',
    async (text) => {
      const machine = server()
      const { look } = looks(machine)
      await look()
      machine.wait(1)
      machine.write(AVERAGE, text)
      expect(await look()).toEqual({
        kind: 'failed',
        why: `acpi-meter-0: no usable power in /${AVERAGE}`,
        advice: 'the firmware gives no usable figure: see the kernel log (dmesg)',
      })
      machine.wait(1)
      machine.write(AVERAGE, 200_000_000)
      expect(spentIn(await look())).toEqual([400_000_000])
    },
  )

  test('an error of the driver is passed on', async () => {
    const machine = server()
    machine.refuse(AVERAGE, 'ENODATA')
    expect(await looks(machine).look()).toMatchObject({
      kind: 'failed',
      why: `acpi-meter-0: /${AVERAGE}: ENODATA`,
    })
  })
})

describe('which meter is the machine’s', () => {
  test('attributes may be in the folder of the chip itself, as in newer kernels', async () => {
    const machine = new Machine(
      'sys/class/hwmon/hwmon5/name: power_meter\nsys/class/hwmon/hwmon5/power1_average: 1000000',
    )
    expect(await looks(machine).look()).toMatchObject({ domains: [{ id: 'acpi-meter-0', booked: true }] })
  })

  test('the first; a second one is shown within it and not booked', async () => {
    const machine = server()
    machine.write('sys/class/hwmon/hwmon2/name', 'power_meter')
    machine.write('sys/class/hwmon/hwmon2/power1_average', 50_000_000)
    expect(await looks(machine).look()).toMatchObject({
      domains: [
        { id: 'acpi-meter-0', within: '', booked: true },
        { id: 'acpi-meter-1', within: 'acpi-meter-0', booked: false },
      ],
    })
  })

  test('none of a Grace socket, and none of a battery', async () => {
    const machine = Machine.fromFile('grace-hopper')
    machine.write('sys/class/hwmon/hwmon5/name', 'power_meter')
    machine.write('sys/class/hwmon/hwmon5/power1_average', 1)
    machine.write('sys/class/hwmon/hwmon5/power1_is_battery', 1)
    expect(await looks(machine).look()).toMatchObject({ kind: 'absent' })
  })

  test('no chips at all: absent, and the module is what to load', async () => {
    expect(await looks(new Machine()).look()).toEqual({
      kind: 'absent',
      why: 'no power meter below /sys/class/hwmon',
      advice: expect.stringContaining('modprobe acpi_power_meter'),
    })
  })

  test('a folder that may not be read: failed', async () => {
    const machine = server()
    machine.refuse('sys/class/hwmon')
    expect(await looks(machine).look()).toMatchObject({
      kind: 'failed',
      why: '/sys/class/hwmon: EACCES',
      advice: expect.stringContaining('root'),
    })
  })
})
