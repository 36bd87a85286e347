import { describe, expect, test } from '@jest/globals'
import { grace } from '../../exporter/src/sensors/grace.ts'
import type { Outcome } from '../../exporter/src/sensors/sensor.ts'
import { Machine } from '../machine.ts'
import { sensorContract } from './contract.ts'
import { NO_COUNTER, powerDevice } from './power-script.ts'

const HWMON = 'sys/class/hwmon'
const averageOf = (chip: number): string => `${HWMON}/hwmon${chip}/device/power1_average`

const LAYERS = ['Module', 'Grace', 'CPU', 'SysIO'] as const

/** Four meters for each socket, in the order of the layers. */
function superchips(sockets: number, layers: readonly string[] = LAYERS): Machine {
  const machine = Machine.fromFile('grace-hopper')
  machine.remove(HWMON)
  let chip = 0
  for (let socket = 0; socket < sockets; socket += 1) {
    for (const layer of layers) {
      machine.write(`${HWMON}/hwmon${chip}/name`, 'power_meter')
      machine.write(`${HWMON}/hwmon${chip}/device/power1_average`, 1_000_000)
      machine.write(`${HWMON}/hwmon${chip}/device/power1_average_interval`, 1000)
      machine.write(`${HWMON}/hwmon${chip}/device/power1_oem_info`, `${layer} Power Socket ${socket}`)
      chip += 1
    }
  }
  return machine
}

const placesIn = (outcome: Outcome): readonly string[] =>
  'domains' in outcome ? outcome.domains.map(({ id, within }) => `${id} in ${within || 'nothing'}`) : []

sensorContract({
  device: () => {
    const machine = Machine.fromFile('grace-hopper')
    machine.write(`${averageOf(3)}_interval`, 60_000)
    return powerDevice({
      machine,
      sensor: grace(machine.world),
      domain: 'cpu-0',
      gone: [HWMON],
      refused: [1, 2, 3, 4].map(averageOf),
      show: (watts) => machine.write(averageOf(3), Math.round(watts * 1e6)),
      averagedOver: 60,
      step: 1e-6,
    })
  },
  notApplicable: NO_COUNTER,
})

describe('the layers of a superchip', () => {
  test('are nested on each socket', async () => {
    const machine = superchips(2)
    expect(placesIn(await grace(machine.world).read(machine.now))).toEqual([
      'module-0 in nothing',
      'grace-0 in module-0',
      'cpu-0 in grace-0',
      'sysio-0 in grace-0',
      'module-1 in nothing',
      'grace-1 in module-1',
      'cpu-1 in grace-1',
      'sysio-1 in grace-1',
    ])
  })

  test.each([
    [
      ['Grace', 'CPU'],
      ['grace-0 in nothing', 'cpu-0 in grace-0'],
    ],
    [
      ['Module', 'CPU'],
      ['module-0 in nothing', 'cpu-0 in module-0'],
    ],
    [['CPU'], ['cpu-0 in nothing']],
  ])('%j are nested without those that the firmware lacks', async (layers, places) => {
    const machine = superchips(1, layers)
    expect(placesIn(await grace(machine.world).read(machine.now))).toEqual(places)
  })

  test('share the idle watts of the CPUs between the sockets', async () => {
    const machine = superchips(2)
    const outcome = await grace(machine.world).read(machine.now)
    const cpus = 'domains' in outcome ? outcome.domains.filter(({ component }) => component === 'cpu') : []
    expect(cpus.map(({ baseline }) => baseline.watts)).toEqual([1.48, 1.48])
  })

  test('a label given twice counts once', async () => {
    const machine = superchips(1)
    machine.write(`${HWMON}/hwmon1/device/power1_oem_info`, 'Module Power Socket 0')
    expect(placesIn(await grace(machine.world).read(machine.now))).toEqual([
      'module-0 in nothing',
      'cpu-0 in module-0',
      'sysio-0 in module-0',
    ])
  })

  test('one that cannot be read is named, and the others count', async () => {
    const machine = superchips(1)
    machine.refuse(averageOf(1))
    const outcome = await grace(machine.world).read(machine.now)
    expect(outcome).toMatchObject({
      kind: 'warming-up',
      troubles: [{ domain: 'grace-0', component: 'node', why: `/${averageOf(1)}: EACCES` }],
    })
  })
})

test('the meters of other machines are not its own', async () => {
  const machine = Machine.fromFile('acpi-meter-server')
  expect(await grace(machine.world).read(machine.now)).toMatchObject({ kind: 'absent' })
})
