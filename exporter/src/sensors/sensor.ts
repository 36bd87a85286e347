/** The contract of every sensor: ask it, and it answers with a value, never with an exception. */
import type {
  DeviceSeen,
  Domain,
  DomainComponent,
  Gauge,
  Method,
  Reading,
  Tls,
  ZoneMeter,
  ZoneReading,
} from '../model.ts'
import type { Seconds } from '../units.ts'

/** What `docs/sensors.md` and `wattribute_sensor_info` say of a sensor. */
export interface About {
  /** Lower case, stable: the value of the label `sensor`. */
  readonly name: string
  /** One sentence for people: what is measured. */
  readonly measures: string
  readonly components: readonly DomainComponent[]
  readonly method: Method
  /** Where it reads from. */
  readonly reads: string
  /** The unit and width of the raw figure, and when it wraps. */
  readonly unit: string
  /** Permission, module, mount or setting that it needs. */
  readonly needs: string
  /** Kernel document, vendor page or paper behind it. */
  readonly source: string
}

/** A domain that the sensor knows but could not read this time, while others could be. */
export interface Trouble {
  readonly domain: string
  readonly component: DomainComponent
  readonly why: string
  readonly advice: string
}

/**
 * Where the counters of a sensor stood when the energy of an outcome ends, by domain id: text that the sensor itself
 * can take up again after a restart of the exporter.
 */
export type Bookmarks = Readonly<Record<string, string>>

/** What a device says of the rooms around this machine, and besides energy. */
export interface Surroundings {
  /** All that are present, with a reading this time or not. */
  readonly zoneMeters: readonly ZoneMeter[]
  readonly zoneReadings: readonly ZoneReading[]
  readonly gauges: readonly Gauge[]
  readonly devices: readonly DeviceSeen[]
}

/** Of a source that is asked on a period of its own: what a look tells was learnt before. */
export interface Polling {
  /** How long the newest question took. */
  readonly took: Seconds
  /** No look before has told of it. */
  readonly isNews: boolean
}

/**
 * `readings`: energy since the last look. `warming-up`: a counter needs two looks. `absent`: this machine has no
 * such thing. `failed`: it is there and cannot be read; the next tick tries again. `domains` are all that are
 * present, with a reading this time or not, so that their series stand at 0 before they count.
 */
export type Outcome =
  | {
      readonly kind: 'readings'
      readonly readings: readonly Reading[]
      readonly domains: readonly Domain[]
      readonly troubles: readonly Trouble[]
      readonly bookmarks?: Bookmarks
      readonly surroundings?: Surroundings
      readonly polling?: Polling
    }
  | {
      readonly kind: 'warming-up'
      readonly domains: readonly Domain[]
      readonly troubles: readonly Trouble[]
      readonly bookmarks?: Bookmarks
      readonly surroundings?: Surroundings
      readonly polling?: Polling
    }
  | { readonly kind: 'absent'; readonly why: string; readonly advice: string }
  | { readonly kind: 'failed'; readonly why: string; readonly advice: string; readonly polling?: Polling }

export interface Sensor {
  readonly about: About
  /** Somebody has asked for it by name: while it gives nothing it is down, seen before or not. */
  readonly isConfigured?: true
  readonly tls?: Tls | undefined
  /** @param at the instant of this look, on the monotonic clock */
  read(at: Seconds): Promise<Outcome>
  /**
   * Before the first look of a run in the same boot: the energy since the bookmarks is reported as `whileDown` where
   * it is certain how much it was. A sensor without counters has nothing to take up.
   */
  resume?(bookmarks: Bookmarks): void
  /** May be called more than once. */
  close(): Promise<void>
}

/**
 * A domain that gave no reading for this long is lost: its sensor starts over with a first look, and a model may
 * take its place. Shorter silences are covered by the counter's next difference, and nothing is modelled twice.
 */
export const LOST_AFTER_SECONDS = 60
