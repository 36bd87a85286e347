/**
 * The door to NVIDIA devices: what the driver's library NVML says of them, one look for each tick, shared by the
 * sensor (their energy) and by the activity room (who used them). What tests replace.
 * https://docs.nvidia.com/deploy/nvml-api
 */
import type { Seconds, Watts } from './units.ts'

export interface PowerSample {
  /** On the monotonic clock. */
  readonly at: Seconds
  readonly watts: Watts
}

/** A row of nvmlDeviceGetProcessUtilization: how busy one process kept the multiprocessors until a time stamp. */
export interface UtilisationRow {
  readonly pid: number
  /** Microseconds on the driver's clock. */
  readonly timeStamp: number
  /** Percent of the time, 0 to 100. Those of processes that share a device overlap: weights, not parts of a whole. */
  readonly sm: number
}

/** A process that has a context on a device. Pids are the host's, whatever namespace the exporter is in. */
export interface GpuProcess {
  readonly pid: number
  /** `compute` also for clients of the Multi-Process Service; `graphics` where it has no other context. */
  readonly kind: 'compute' | 'graphics'
}

/** A MIG device: a compute instance in a GPU instance. */
export interface MigInstance {
  /** `MIG-…`; empty where the driver does not say. */
  readonly uuid: string
  readonly gpuInstance: number
  readonly computeInstance: number
  /** Slices of its GPU instance, and how many of them are its own. */
  readonly gpuSlices: number
  readonly computeSlices: number
  /**
   * How busy the multiprocessors of the GPU instance were since the look before, 0 to 1, from GPU performance
   * monitoring; undefined where the hardware has none (before Hopper) or nothing had to be split.
   */
  readonly activity: number | undefined
  readonly pids: readonly number[]
  /** Why its processes are not known; empty when they are. */
  readonly processesUnknown: string
}

export interface Mig {
  /** Slices of the whole device: as many as it can have MIG devices. */
  readonly slices: number
  readonly instances: readonly MigInstance[]
}

/** One physical device at one look. */
export interface GpuLook {
  /** `GPU-…`, the same for as long as the board lives. */
  readonly uuid: string
  readonly index: number
  readonly modelName: string
  /** As sysfs writes it: `0000:65:00.0`. */
  readonly pciBusId: string
  /** Why it could not be read, and what to do about it; undefined when it could. */
  readonly problem: DeviceProblem | undefined
  /** Millijoules since the driver was loaded; undefined where it has no counter or this time gave no figure. */
  readonly millijoules: bigint | undefined
  readonly hasCounter: boolean
  /** Oldest first: those between the looks, at jittered instants, where there is no counter to trust; then this look's. */
  readonly power: readonly PowerSample[]
  /** The most that it can be allowed to draw; undefined where the driver does not say. */
  readonly powerLimit: Watts | undefined
  /** Undefined: MIG is off. */
  readonly mig: Mig | undefined
  /** With MIG off. */
  readonly processes: readonly GpuProcess[]
  /** Why its processes are not known; empty when they are. */
  readonly processesUnknown: string
  /** Newer than `rowsSince`. */
  readonly rows: readonly UtilisationRow[]
  /** Where the look before ended, on the driver's clock; 0: unknown. */
  readonly rowsSince: number
}

export interface Problem {
  readonly why: string
  readonly advice: string
}

export interface DeviceProblem extends Problem {
  /** False: it is well, and has no sensor. */
  readonly isFault: boolean
}

export interface NvmlLook {
  readonly at: Seconds
  readonly devices: readonly GpuLook[]
}

export type NvmlAnswer =
  | { readonly kind: 'look'; readonly look: NvmlLook }
  /** This machine has no such device, or no library to ask. */
  | ({ readonly kind: 'absent' } & Problem)
  /** There is one, and it cannot be asked now. */
  | ({ readonly kind: 'failed' } & Problem)

export interface Nvml {
  /** Never rejects, and waits no longer than a second for the driver. */
  look(at: Seconds): Promise<NvmlAnswer>
  /** What the newest look that succeeded saw. */
  readonly newest: NvmlLook | undefined
  /** Ends the session; the next look opens another. */
  close(): Promise<void>
}
