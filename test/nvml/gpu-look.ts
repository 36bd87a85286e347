/** What a look at one board saw, for tests that need no driver. */
import type { GpuLook } from '../../exporter/src/nvml.ts'
import { watts } from '../../exporter/src/units.ts'

export const UUID = 'GPU-00000000-0000-4000-8000-000000000000'

/** A well board of 700 W on which nobody is. */
export const gpuLook = (more: Partial<GpuLook> = {}): GpuLook => ({
  uuid: UUID,
  index: 0,
  modelName: 'NVIDIA H100 80GB HBM3',
  pciBusId: '0000:10:00.0',
  problem: undefined,
  millijoules: undefined,
  hasCounter: more.millijoules !== undefined,
  power: [],
  powerLimit: watts(700),
  mig: undefined,
  processes: [],
  processesUnknown: '',
  rows: [],
  rowsSince: 0,
  ...more,
})
