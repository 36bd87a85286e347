/**
 * How busy each GPU instance of a MIG device was, from GPU performance monitoring (GPM, "for Hopper or newer"): SM
 * utilisation between two samples that lie more than 100 ms apart. Asked only while two instances or more are held,
 * since otherwise there is nothing to split and the counters may as well rest.
 */
import type { MigInstance } from '../nvml.ts'
import type { Seconds } from '../units.ts'
import type { Clock } from '../world.ts'
import { CODES, type Handle, type NvmlLibrary } from './library.ts'

/** nvmlGpmMetricsGet_t: version, numMetrics u32; sample1, sample2 at 8 and 16; metrics at 24, 40 bytes each, 333 of them. */
const METRICS_BYTES = 24 + 40 * 333
const METRICS_VERSION = 1
/** NVML_GPM_METRIC_SM_UTIL: percent of the time. */
const METRIC_SM_UTIL = 2
const SHORTEST_SECONDS = 0.1
/** Older samples say nothing of the interval that is split. */
const LONGEST_SECONDS = 120

interface Track {
  /** The older sample, and the one that is taken next. */
  samples: [Handle, Handle]
  takenAt: Seconds | undefined
  activity: number | undefined
}

export class MigActivity {
  readonly #library: NvmlLibrary
  readonly #device: Handle
  readonly #clock: Pick<Clock, 'now'>
  readonly #tracks = new Map<number, Track>()
  readonly #memory = Buffer.alloc(METRICS_BYTES)

  /** @returns undefined where the hardware or the driver has no GPM */
  static of(library: NvmlLibrary, device: Handle, clock: Pick<Clock, 'now'>): MigActivity | undefined {
    const support = Buffer.alloc(8) // nvmlGpmSupport_t: version, isSupportedDevice
    support.writeUInt32LE(1, 0)
    const isSupported = library.gpmSupport(device, support) === CODES.success && support.readUInt32LE(4) !== 0
    return isSupported ? new MigActivity(library, device, clock) : undefined
  }

  private constructor(library: NvmlLibrary, device: Handle, clock: Pick<Clock, 'now'>) {
    this.#library = library
    this.#device = device
    this.#clock = clock
  }

  /** The same instances, with their activity since the look before. */
  measure(instances: readonly MigInstance[]): readonly MigInstance[] {
    const held = new Set(instances.filter(({ pids }) => pids.length > 0).map((one) => one.gpuInstance))
    if (held.size < 2) {
      this.forget()
      return instances
    }
    for (const id of this.#tracks.keys()) if (!held.has(id)) this.#drop(id)
    const activities = new Map<number, number | undefined>()
    for (const id of held) activities.set(id, this.#measure(id))
    return instances.map((one) => ({ ...one, activity: activities.get(one.gpuInstance) }))
  }

  /** Instances were made anew, or nothing is to be split: older samples would be another's. */
  forget(): void {
    for (const id of this.#tracks.keys()) this.#drop(id)
  }

  close(): void {
    this.forget()
  }

  #measure(id: number): number | undefined {
    const track = this.#tracks.get(id) ?? this.#track(id)
    if (track === undefined) return undefined
    const now = this.#clock.now()
    const since = track.takenAt === undefined ? Infinity : now - track.takenAt
    if (since <= SHORTEST_SECONDS) return track.activity
    const [older, newer] = track.samples
    if (this.#library.gpmMigSample(this.#device, id, newer) !== CODES.success) {
      this.#drop(id)
      return undefined
    }
    track.activity = since <= LONGEST_SECONDS ? this.#between(older, newer) : undefined
    track.samples = [newer, older]
    track.takenAt = now
    return track.activity
  }

  /** nvmlGpmMetric_t: metricId u32 at 0, nvmlReturn at 4, value double at 8. */
  #between(older: Handle, newer: Handle): number | undefined {
    const memory = this.#memory.fill(0, 0, 64)
    memory.writeUInt32LE(METRICS_VERSION, 0)
    memory.writeUInt32LE(1, 4)
    memory.writeBigUInt64LE(older, 8)
    memory.writeBigUInt64LE(newer, 16)
    memory.writeUInt32LE(METRIC_SM_UTIL, 24)
    if (this.#library.gpmMetrics(memory) !== CODES.success) return undefined
    const percent = memory.readDoubleLE(24 + 8)
    const isGiven = memory.readUInt32LE(24 + 4) === CODES.success && Number.isFinite(percent)
    return isGiven ? Math.min(1, Math.max(0, percent / 100)) : undefined
  }

  #track(id: number): Track | undefined {
    const older = this.#alloc()
    const newer = this.#alloc()
    if (older === undefined || newer === undefined) {
      for (const sample of [older, newer]) if (sample !== undefined) this.#library.gpmSampleFree(sample)
      return undefined
    }
    const track: Track = { samples: [older, newer], takenAt: undefined, activity: undefined }
    this.#tracks.set(id, track)
    return track
  }

  #alloc(): Handle | undefined {
    const out = Buffer.alloc(8)
    return this.#library.gpmSampleAlloc(out) === CODES.success ? out.readBigUInt64LE(0) : undefined
  }

  #drop(id: number): void {
    for (const sample of this.#tracks.get(id)?.samples ?? []) this.#library.gpmSampleFree(sample)
    this.#tracks.delete(id)
  }
}
