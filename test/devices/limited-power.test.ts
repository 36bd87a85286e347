/** Run time and load of a supply, by arithmetic. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { DeviceAnswer } from '../../exporter/src/devices/device.ts'
import { loadRatio, runtimeSeconds, supplied } from '../../exporter/src/devices/limited-power.ts'

const BATTERY: DeviceAnswer = {
  meters: [
    { id: 'inverter', watts: 300 },
    { id: 'meter', watts: 500 },
  ],
  gauges: [{ id: 'battery', quantity: 'battery_charge_ratio', value: 0.8 }],
}

test('a battery of 15 kWh that is charged to 80 % lasts a day at 500 W', () => {
  expect(runtimeSeconds(15_000, 0.8, 500)).toBe(24 * 3600)
  expect(loadRatio(500, 3000)).toBeCloseTo(1 / 6, 15)
})

test('half the load lasts twice as long', () => {
  const above = fc.double({ min: 1, max: 1e6, noNaN: true })
  fc.assert(
    fc.property(above, fc.integer({ min: 1, max: 100 }), above, (capacity, charge, load) => {
      expect(runtimeSeconds(capacity, charge, load / 2)).toBe(
        2 * (runtimeSeconds(capacity, charge, load) ?? NaN),
      )
    }),
  )
})

test('without a load it has no end', () => {
  expect(runtimeSeconds(15_000, 0.8, 0)).toBeUndefined()
  expect(
    supplied({ ...BATTERY, meters: [{ id: 'inverter', watts: 0 }] }, { capacityWattHours: 1, loadFigure: '' })
      .gauges,
  ).toEqual(BATTERY.gauges)
})

test('is added to what a device says, by the meter that is its load', () => {
  const supply = { capacityWattHours: 15_000, limitWatts: 2000, loadFigure: 'meter' }
  expect(supplied(BATTERY, supply).gauges).toEqual([
    ...BATTERY.gauges,
    { id: 'battery', quantity: 'battery_runtime_seconds', value: 86_400 },
    { id: 'meter', quantity: 'ups_load_ratio', value: 0.25 },
  ])
  expect(supplied(BATTERY, { limitWatts: 1200, loadFigure: '' }).gauges[1]).toEqual({
    id: 'inverter',
    quantity: 'ups_load_ratio',
    value: 0.25,
  })
})

test('never replaces what the device says itself', () => {
  const said: DeviceAnswer = {
    ...BATTERY,
    gauges: [
      ...BATTERY.gauges,
      { id: 'battery', quantity: 'battery_runtime_seconds', value: 60 },
      { id: 'ups', quantity: 'ups_load_ratio', value: 0.5 },
    ],
  }
  expect(supplied(said, { capacityWattHours: 15_000, limitWatts: 2000, loadFigure: '' })).toEqual(said)
})

test('says nothing where the load is not known', () => {
  expect(supplied(BATTERY, { capacityWattHours: 1, limitWatts: 1, loadFigure: 'other' })).toEqual(BATTERY)
})
