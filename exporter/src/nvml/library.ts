/**
 * libnvidia-ml through koffi: each function by the name that the driver exports, arguments as plain memory, results
 * as NVML's return codes. Handles are pointers that we only pass on, so they are 64-bit numbers here. A function
 * that an older driver lacks answers `FUNCTION_NOT_FOUND`, as NVML itself would.
 * https://docs.nvidia.com/deploy/nvml-api
 */
import type Koffi from 'koffi'

/** nvmlReturn_t, as far as anything depends on it. */
export const CODES = {
  success: 0,
  uninitialized: 1,
  notSupported: 3,
  noPermission: 4,
  notFound: 6,
  insufficientSize: 7,
  driverNotLoaded: 9,
  functionNotFound: 13,
  gpuIsLost: 15,
  resetRequired: 16,
  libraryMismatch: 18,
} as const

const CODE_TEXT = new Map<number, string>([
  [1, 'the library is not initialised'],
  [2, 'invalid argument'],
  [3, 'not supported by this device'],
  [4, 'no permission'],
  [6, 'not found'],
  [9, 'the kernel driver is not loaded'],
  [12, 'a library of the driver is missing'],
  [13, 'the driver has no such function'],
  [15, 'the GPU has fallen off the bus'],
  [16, 'the GPU needs a reset'],
  [18, 'the library and the kernel driver are of different versions'],
  [20, 'out of memory'],
  [21, 'no data'],
  [27, 'not ready'],
  [999, 'unknown error of the driver'],
])

export const codeText = (code: number): string => CODE_TEXT.get(code) ?? `error ${code} of NVML`

/** Out arguments; what they hold after the call is read by offset. */
type Memory = Uint8Array
export type Handle = bigint

/** The functions that are called. Sizes and offsets of their structures are at those who call them. */
export interface NvmlLibrary {
  init(): number
  shutdown(): number
  deviceCount(count: Memory): number
  deviceByIndex(index: number, device: Memory): number
  uuid(device: Handle, text: Memory, length: number): number
  name(device: Handle, text: Memory, length: number): number
  pciInfo(device: Handle, info: Memory): number
  totalEnergy(device: Handle, millijoules: Memory): number
  powerUsage(device: Handle, milliwatts: Memory): number
  fieldValues(device: Handle, count: number, values: Memory): number
  powerLimits(device: Handle, least: Memory, most: Memory): number
  enforcedPowerLimit(device: Handle, milliwatts: Memory): number
  virtualizationMode(device: Handle, mode: Memory): number
  computeProcesses(device: Handle, count: Memory, infos: Memory): number
  graphicsProcesses(device: Handle, count: Memory, infos: Memory): number
  mpsProcesses(device: Handle, count: Memory, infos: Memory): number
  processUtilization(device: Handle, rows: Memory, count: Memory, since: number): number
  migMode(device: Handle, current: Memory, pending: Memory): number
  maxMigDevices(device: Handle, count: Memory): number
  migDeviceByIndex(device: Handle, index: number, migDevice: Memory): number
  gpuInstanceId(migDevice: Handle, id: Memory): number
  computeInstanceId(migDevice: Handle, id: Memory): number
  attributes(migDevice: Handle, attributes: Memory): number
  gpmSupport(device: Handle, support: Memory): number
  gpmSampleAlloc(sample: Memory): number
  gpmSampleFree(sample: Handle): number
  gpmMigSample(device: Handle, gpuInstance: number, sample: Handle): number
  gpmMetrics(metrics: Memory): number
  /** How large one row of a process list is: 16 bytes before version 2 of its function, 24 since. */
  readonly processInfoBytes: Readonly<Record<ProcessList, 16 | 24>>
}

const LISTS = ['computeProcesses', 'graphicsProcesses', 'mpsProcesses'] as const
export type ProcessList = (typeof LISTS)[number]

const DEVICE = 'uint64_t device'
const OUT = 'void *out'
const LIST = `(${DEVICE}, void *count, void *infos)`

/** By our name: the arguments, and what drivers call it, newest first. */
const FUNCTIONS = {
  init: ['()', 'nvmlInit_v2', 'nvmlInit'],
  shutdown: ['()', 'nvmlShutdown'],
  deviceCount: [`(${OUT})`, 'nvmlDeviceGetCount_v2', 'nvmlDeviceGetCount'],
  deviceByIndex: [`(uint32_t index, ${OUT})`, 'nvmlDeviceGetHandleByIndex_v2', 'nvmlDeviceGetHandleByIndex'],
  uuid: [`(${DEVICE}, ${OUT}, uint32_t length)`, 'nvmlDeviceGetUUID'],
  name: [`(${DEVICE}, ${OUT}, uint32_t length)`, 'nvmlDeviceGetName'],
  pciInfo: [`(${DEVICE}, ${OUT})`, 'nvmlDeviceGetPciInfo_v3'],
  totalEnergy: [`(${DEVICE}, ${OUT})`, 'nvmlDeviceGetTotalEnergyConsumption'],
  powerUsage: [`(${DEVICE}, ${OUT})`, 'nvmlDeviceGetPowerUsage'],
  fieldValues: [`(${DEVICE}, int count, ${OUT})`, 'nvmlDeviceGetFieldValues'],
  powerLimits: [`(${DEVICE}, void *least, void *most)`, 'nvmlDeviceGetPowerManagementLimitConstraints'],
  enforcedPowerLimit: [`(${DEVICE}, ${OUT})`, 'nvmlDeviceGetEnforcedPowerLimit'],
  virtualizationMode: [`(${DEVICE}, ${OUT})`, 'nvmlDeviceGetVirtualizationMode'],
  computeProcesses: [
    LIST,
    'nvmlDeviceGetComputeRunningProcesses_v3',
    'nvmlDeviceGetComputeRunningProcesses_v2',
    'nvmlDeviceGetComputeRunningProcesses',
  ],
  graphicsProcesses: [
    LIST,
    'nvmlDeviceGetGraphicsRunningProcesses_v3',
    'nvmlDeviceGetGraphicsRunningProcesses_v2',
    'nvmlDeviceGetGraphicsRunningProcesses',
  ],
  mpsProcesses: [
    LIST,
    'nvmlDeviceGetMPSComputeRunningProcesses_v3',
    'nvmlDeviceGetMPSComputeRunningProcesses_v2',
    'nvmlDeviceGetMPSComputeRunningProcesses',
  ],
  processUtilization: [
    `(${DEVICE}, void *rows, void *count, uint64_t since)`,
    'nvmlDeviceGetProcessUtilization',
  ],
  migMode: [`(${DEVICE}, void *current, void *pending)`, 'nvmlDeviceGetMigMode'],
  maxMigDevices: [`(${DEVICE}, ${OUT})`, 'nvmlDeviceGetMaxMigDeviceCount'],
  migDeviceByIndex: [`(${DEVICE}, uint32_t index, ${OUT})`, 'nvmlDeviceGetMigDeviceHandleByIndex'],
  gpuInstanceId: [`(${DEVICE}, ${OUT})`, 'nvmlDeviceGetGpuInstanceId'],
  computeInstanceId: [`(${DEVICE}, ${OUT})`, 'nvmlDeviceGetComputeInstanceId'],
  attributes: [`(${DEVICE}, ${OUT})`, 'nvmlDeviceGetAttributes_v2'],
  gpmSupport: [`(${DEVICE}, ${OUT})`, 'nvmlGpmQueryDeviceSupport'],
  gpmSampleAlloc: [`(${OUT})`, 'nvmlGpmSampleAlloc'],
  gpmSampleFree: ['(uint64_t sample)', 'nvmlGpmSampleFree'],
  gpmMigSample: [`(${DEVICE}, uint32_t gpuInstance, uint64_t sample)`, 'nvmlGpmMigSampleGet'],
  gpmMetrics: [`(${OUT})`, 'nvmlGpmMetricsGet'],
} as const satisfies Record<keyof Calls, readonly [string, string, ...string[]]>

type Calls = Omit<NvmlLibrary, 'processInfoBytes'>
type Call = (...values: unknown[]) => number

/** Without these there is nothing to ask. */
const NEEDED: readonly (keyof Calls)[] = ['init', 'shutdown', 'deviceCount', 'deviceByIndex', 'uuid']

/** Where the driver's packages put it, by the loader's search path; then where WSL does. */
const PLACES = ['libnvidia-ml.so.1', '/usr/lib/wsl/lib/libnvidia-ml.so.1']

/** Why NVML cannot be called. */
export class NoNvml {
  readonly why: string
  readonly advice: string

  constructor(why: string, advice: string) {
    this.why = why
    this.advice = advice
  }
}

const NO_LIBRARY_ADVICE =
  "if this machine has an NVIDIA GPU, install its driver; a container needs the driver's libraries (NVIDIA_DRIVER_CAPABILITIES=utility), or name the file with --path.nvml"

/** What remains to be done once koffi is there: the library may come later than the exporter. */
export type OpenLibrary = () => NvmlLibrary | NoNvml

/** @param path of the library; undefined: where drivers put it */
export async function nvmlOpener(path: string | undefined): Promise<OpenLibrary> {
  let koffi: typeof Koffi
  try {
    koffi = (await import('koffi')).default
  } catch {
    const why = 'the optional package koffi is not installed or does not load on this machine'
    return () => new NoNvml(why, 'install the exporter with its optional dependencies')
  }
  return () => {
    for (const place of path === undefined ? PLACES : [path]) {
      try {
        return bind(koffi.load(place))
      } catch {
        continue
      }
    }
    return new NoNvml(`${path ?? PLACES[0] ?? ''} cannot be loaded`, NO_LIBRARY_ADVICE)
  }
}

/** @throws when it is no NVML */
function bind(library: ReturnType<typeof Koffi.load>): NvmlLibrary {
  const calls: Partial<Record<keyof Calls, Call>> = {}
  const processInfoBytes = { computeProcesses: 24, graphicsProcesses: 24, mpsProcesses: 24 } as Record<
    ProcessList,
    16 | 24
  >
  for (const [name, [parameters, ...symbols]] of Object.entries(FUNCTIONS)) {
    const found = firstOf(library, symbols, parameters)
    if (found === undefined && NEEDED.some((needed) => needed === name)) {
      throw new Error(`${symbols[0]} is missing`)
    }
    const list = LISTS.find((one) => one === name)
    if (list !== undefined && found?.symbol.endsWith('Processes') === true) processInfoBytes[list] = 16
    calls[name as keyof Calls] = found?.call ?? (() => CODES.functionNotFound)
  }
  return { ...(calls as unknown as Calls), processInfoBytes }
}

function firstOf(
  library: ReturnType<typeof Koffi.load>,
  symbols: readonly string[],
  parameters: string,
): { readonly symbol: string; readonly call: Call } | undefined {
  for (const symbol of symbols) {
    try {
      return { symbol, call: library.func(`int ${symbol}${parameters}`) as Call }
    } catch {
      continue
    }
  }
  return undefined
}
