/** How much of a domain's energy it would have drawn with nothing to do. */
import type { Baseline, Domain } from '../model.ts'
import {
  energyOf,
  microjoules,
  seconds,
  watts,
  type Microjoules,
  type Seconds,
  type Watts,
} from '../units.ts'
import type { LeafReading } from './nesting.ts'

/** Activity below this share of the machine counts as quiet. */
export const QUIET_BUSY_RATIO = 0.02

/** Powers are averaged over at least this long before they are compared: shorter ones hold the counter's own steps. */
const WINDOW: Seconds = seconds(1)
/** So many quiet windows must have been seen before they are believed, and so many are remembered. */
const WINDOWS_NEEDED = 30
const WINDOWS_KEPT = 300
/** The share of quiet windows below the envelope: robust against single low readings. */
const ENVELOPE_QUANTILE = 0.1

interface Observation {
  /** Quiet windows, oldest first. */
  readonly windows: Watts[]
  openEnergy: number
  openSeconds: number
  envelope: Watts | undefined
}

/**
 * The baseline of every domain, best source first: configured, by people or by calibration; observed in quiet times;
 * what the sensor itself knows. A better figure never rewrites what is already booked.
 */
export class Baselines {
  #configured: ReadonlyMap<string, Baseline>
  readonly #observations = new Map<string, Observation>()

  /** @param configured by domain id */
  constructor(configured: ReadonlyMap<string, Baseline>) {
    this.#configured = configured
  }

  reconfigure(configured: ReadonlyMap<string, Baseline>): void {
    this.#configured = configured
  }

  /** What was observed so far, by domain id; to be recalled after a restart. */
  get observed(): ReadonlyMap<string, Watts> {
    const observed = new Map<string, Watts>()
    for (const [id, { envelope }] of this.#observations)
      if (envelope !== undefined) observed.set(id, envelope)
    return observed
  }

  /** Takes over what an earlier run observed, until this one has seen enough itself. */
  recall(observed: ReadonlyMap<string, Watts>): void {
    for (const [id, envelope] of observed) this.#observation(id).envelope ??= envelope
  }

  of(domain: Pick<Domain, 'id' | 'baseline'>): Baseline {
    const configured = this.#configured.get(domain.id)
    if (configured !== undefined) return configured
    const envelope = this.#observations.get(domain.id)?.envelope
    if (envelope !== undefined) return { watts: envelope, source: 'observed' }
    return domain.baseline
  }

  /** The idle part of a reading: never more than was spent. */
  idleOf(reading: LeafReading): Microjoules {
    const idle = energyOf(this.of(reading.domain).watts, seconds(Math.max(0, reading.to - reading.from)))
    return microjoules(Math.min(reading.spent, idle))
  }

  /** Learns from a reading; `quiet` says that nothing went on during all of it. */
  observe(reading: LeafReading, quiet: boolean): void {
    if (reading.domain.method === 'estimated') return
    const observation = this.#observation(reading.domain.id)
    if (!quiet) {
      observation.openEnergy = 0
      observation.openSeconds = 0
      return
    }
    observation.openEnergy += reading.spent
    observation.openSeconds += reading.to - reading.from
    if (observation.openSeconds < WINDOW) return
    observation.windows.push(watts(observation.openEnergy / 1e6 / observation.openSeconds))
    observation.openEnergy = 0
    observation.openSeconds = 0
    if (observation.windows.length > WINDOWS_KEPT) observation.windows.shift()
    if (observation.windows.length >= WINDOWS_NEEDED) observation.envelope = envelopeOf(observation.windows)
  }

  #observation(id: string): Observation {
    let observation = this.#observations.get(id)
    if (observation === undefined) {
      observation = { windows: [], openEnergy: 0, openSeconds: 0, envelope: undefined }
      this.#observations.set(id, observation)
    }
    return observation
  }
}

function envelopeOf(windows: readonly Watts[]): Watts | undefined {
  const sorted = [...windows].sort((one, other) => one - other)
  return sorted[Math.floor((sorted.length - 1) * ENVELOPE_QUANTILE)]
}
