/** Every sensor of the exporter, measured ones before models. A new sensor is one file and two lines here. */
import type { World } from '../world.ts'
import { about as nvmlAbout, nvml } from './nvml.ts'
import { about as powerModelAbout, powerModel, type PowerModelOptions } from './power-model.ts'
import { about as raplAbout, rapl } from './rapl.ts'
import type { About, Sensor } from './sensor.ts'

export interface SensorSettings {
  /** Whether NVIDIA's driver is asked. */
  readonly nvidia: boolean
  /** Undefined: the model is switched off. */
  readonly powerModel: PowerModelOptions | undefined
}

export function sensors(world: World, settings: SensorSettings): Sensor[] {
  return [
    rapl(world),
    ...(settings.nvidia && world.nvml !== undefined ? [nvml(world.nvml)] : []),
    ...(settings.powerModel === undefined ? [] : [powerModel(world, settings.powerModel)]),
  ]
}

/** In the same order. */
export const everyAbout: readonly About[] = [raplAbout, nvmlAbout, powerModelAbout]
