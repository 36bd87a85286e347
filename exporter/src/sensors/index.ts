/** Every sensor of the exporter, measured ones before models. A new sensor is one file and two lines here. */
import type { World } from '../world.ts'
import { about as acpiPowerMeterAbout, acpiPowerMeter } from './acpi-power-meter.ts'
import { about as graceAbout, grace } from './grace.ts'
import { about as hwmonAbout, hwmon, type HwmonInput } from './hwmon.ts'
import { about as jetsonAbout, jetson } from './jetson.ts'
import { about as nvmlAbout, nvml } from './nvml.ts'
import { about as powerModelAbout, powerModel, type PowerModelOptions } from './power-model.ts'
import { about as raplAbout, rapl } from './rapl.ts'
import type { About, Sensor } from './sensor.ts'

export interface SensorSettings {
  /** Empty: nobody asks for them. */
  readonly hwmon: readonly HwmonInput[]
  /** Whether NVIDIA's driver is asked. */
  readonly nvidia: boolean
  /** Undefined: the model is switched off. */
  readonly powerModel: PowerModelOptions | undefined
}

export function sensors(world: World, settings: SensorSettings): Sensor[] {
  return [
    rapl(world),
    acpiPowerMeter(world),
    grace(world),
    jetson(world),
    ...(settings.nvidia && world.nvml !== undefined ? [nvml(world.nvml)] : []),
    ...(settings.hwmon.length === 0 ? [] : [hwmon(world, settings.hwmon)]),
    ...(settings.powerModel === undefined ? [] : [powerModel(world, settings.powerModel)]),
  ]
}

/** In the same order. */
export const everyAbout: readonly About[] = [
  raplAbout,
  acpiPowerMeterAbout,
  graceAbout,
  jetsonAbout,
  nvmlAbout,
  hwmonAbout,
  powerModelAbout,
]
