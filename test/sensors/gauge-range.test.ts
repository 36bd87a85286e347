/** Figures beside energy that cannot be meant are not shown. */
import { expect, test } from '@jest/globals'
import type { GaugeQuantity } from '../../exporter/src/model.ts'
import { Machine } from '../machine.ts'
import { scripted, ScriptedClient } from './scripted-client.ts'

async function shown(quantity: GaugeQuantity, value: number): Promise<readonly number[]> {
  const machine = new Machine()
  const client = new ScriptedClient()
  client.answer([], { gauges: [{ id: 'one', quantity, value }] })
  const sensor = scripted(machine, client, [])
  await sensor.poll()
  const outcome = await sensor.read(machine.now)
  await sensor.close()
  if (outcome.kind !== 'readings' || outcome.surroundings === undefined) throw new Error(outcome.kind)
  return outcome.surroundings.gauges.map((gauge) => gauge.value)
}

test.each<readonly [GaugeQuantity, number]>([
  ['battery_charge_ratio', 0],
  ['battery_charge_ratio', 1],
  ['ups_load_ratio', 1.3],
  ['temperature_celsius', -40],
  ['battery_runtime_seconds', 0],
])('%s of %p is shown', async (quantity, value) => {
  expect(await shown(quantity, value)).toEqual([value])
})

test.each<readonly [GaugeQuantity, number]>([
  ['battery_charge_ratio', 2.55],
  ['battery_charge_ratio', -0.01],
  ['ups_on_battery', 7],
  ['temperature_celsius', -32_768],
  ['fan_speed_rpm', -1],
  ['battery_runtime_seconds', Infinity],
  ['ups_load_ratio', NaN],
])('%s of %p is not', async (quantity, value) => {
  expect(await shown(quantity, value)).toEqual([])
})
