/**
 * The frame around every device that is asked over a network or through a program: one question at a time, each with
 * a timeout, on a period of its own with jitter (regular sampling of a load with a period of its own is wrong by up to
 * 64 %, https://arxiv.org/abs/2312.02741), less and less often while it fails. A look only takes what was learnt
 * since the look before, and never waits.
 */
import { DeviceError, type DeviceAnswer, type DeviceClient } from '../devices/device.ts'
import type {
  DeviceSeen,
  Domain,
  Gauge,
  GaugeQuantity,
  Reading,
  Tls,
  ZoneMeter,
  ZoneReading,
} from '../model.ts'
import { elapsed, seconds, type Seconds } from '../units.ts'
import type { Clock } from '../world.ts'
import { CoveredMeter, domainOf, together, zoneMeterOf, type MeterUse } from './coverage.ts'
import type { Spent } from './figure-account.ts'
import {
  LOST_AFTER_SECONDS,
  type About,
  type Bookmarks,
  type Outcome,
  type Sensor,
  type Trouble,
} from './sensor.ts'

/** What is set up of every device, whatever it speaks. */
export interface DeviceSettings {
  /** Unique among the devices of its kind; the sensor is called `redfish:bmc-1`. */
  readonly name: string
  readonly period: Seconds
  readonly timeout: Seconds
  readonly meters: readonly MeterUse[]
}

export interface PolledOptions {
  /** Of its kind; `name` is the first part of the sensor's. */
  readonly about: About
  readonly device: DeviceSettings
  readonly client: DeviceClient
  /** Tells two sets of settings apart; holds no credential. */
  readonly settings: string
  readonly tls?: Tls | undefined
  /** From 0 up to 1. */
  readonly random?: () => number
}

/** The longest pause of a device that fails, unless its period is longer or it asks for more. */
const LONGEST_PAUSE = 300
/** No device is left alone for longer because it asks for it. */
const LONGEST_WISH = 3600
/** A period is shortened or lengthened by up to this part. */
const JITTER = 0.1
/** What is shown of one device at most, and how many names it may ever come up with. */
const MOST_GAUGES = 256
const LONGEST_NAME = 100

/** What a device can mean: 255 % of a battery or -32768 °C stands for something that it does not know. */
const POSSIBLE: Readonly<Record<GaugeQuantity, readonly [low: number, high: number]>> = {
  battery_charge_ratio: [0, 1],
  battery_runtime_seconds: [0, 1e9],
  ups_load_ratio: [0, 10],
  ups_on_battery: [0, 1],
  temperature_celsius: [-100, 1000],
  fan_speed_rpm: [0, 1e6],
  pump_speed_rpm: [0, 1e6],
  heat_removed_watts: [-1e9, 1e9],
}

function isPossible(quantity: GaugeQuantity, value: number): boolean {
  const [low, high] = POSSIBLE[quantity]
  return value >= low && value <= high
}

const DEFECT_ADVICE = 'this is a defect of Wattribute: please report it'

interface Failure {
  readonly why: string
  readonly advice: string
}

/** A meter, with the energy that no look has told of. */
interface Entry {
  readonly meter: CoveredMeter
  untold: Spent | undefined
  complaint: string | undefined
}

export class PolledSensor implements Sensor {
  readonly about: About
  readonly settings: string
  readonly isConfigured = true
  readonly tls: Tls | undefined
  readonly #clock: Clock
  readonly #client: DeviceClient
  readonly #device: DeviceSettings
  readonly #random: () => number
  readonly #entries: readonly Entry[]
  readonly #gaugeNames = new Set<string>()
  #isStarted = false
  #isClosed = false
  #answer: DeviceAnswer | undefined
  #gauges: readonly Gauge[] = []
  #failure: Failure | undefined
  /** In a row. */
  #failures = 0
  #isNews = false
  #everCounted = false
  #took = seconds(0)
  #askedAt: Seconds | undefined
  /** The newest look that named the domains. */
  #shownAt: Seconds | undefined
  #callOff: (() => void) | undefined
  #abort: AbortController | undefined

  constructor(clock: Clock, { about, device, client, settings, tls, random = Math.random }: PolledOptions) {
    this.about = {
      ...about,
      name: `${about.name}:${device.name}`,
      components: Array.from(
        new Set(device.meters.flatMap((use) => (use.covers === 'node' ? use.component : []))),
      ),
    }
    this.settings = settings
    this.tls = tls
    this.#clock = clock
    this.#client = client
    this.#device = device
    this.#random = random
    this.#entries = device.meters.map((use) => ({
      meter: new CoveredMeter(use, device.period),
      untold: undefined,
      complaint: undefined,
    }))
  }

  resume(bookmarks: Bookmarks): void {
    const all = new Map(Object.entries(bookmarks))
    for (const { meter } of this.#entries) meter.resume(all)
  }

  async read(at: Seconds): Promise<Outcome> {
    if (!this.#isStarted && !this.#isClosed) void this.poll()
    return this.#tell(at)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#callOff?.()
    this.#abort?.abort()
    await this.#client.close?.()
  }

  /** One question and what comes of it; the next one is put when this has settled. Never rejects. */
  async poll(): Promise<void> {
    this.#isStarted = true
    const asked = this.#clock.now()
    const abort = new AbortController()
    this.#abort = abort
    const { timeout } = this.#device
    const callOff = this.#clock.after(timeout, () => abort.abort())
    const timeIsOver = new Promise<'late'>((resolve) =>
      abort.signal.addEventListener('abort', () => resolve('late'), { once: true }),
    )
    const asking = this.#ask(abort.signal)
    const result = await Promise.race([asking, timeIsOver])
    callOff()
    if (!this.#isClosed) this.#takeOrFail(result === 'late' ? late(timeout) : result, asked)
    await asking // one that does not let go in time is not asked again before it has
    this.#schedule(asked, result instanceof DeviceError ? result.retryAfterSeconds : undefined)
  }

  async #ask(signal: AbortSignal): Promise<DeviceAnswer | Error> {
    try {
      return await this.#client.ask(signal)
    } catch (cause) {
      return cause instanceof Error ? cause : new Error(String(cause))
    }
  }

  /** A defect in counting is that of one answer: the device is asked again. */
  #takeOrFail(result: DeviceAnswer | Error, asked: Seconds): void {
    try {
      this.#take(result, asked)
    } catch (cause) {
      this.#take(cause instanceof Error ? cause : new Error(String(cause)), asked)
    }
  }

  #take(result: DeviceAnswer | Error, asked: Seconds): void {
    this.#took = elapsed(asked, this.#clock.now())
    this.#isNews = true
    if (result instanceof Error) {
      this.#failures += 1
      this.#failure = failureOf(result)
      this.#gauges = []
      return
    }
    this.#failures = 0
    this.#failure = undefined
    this.#answer = result
    this.#gauges = this.#gaugesIn(result)
    this.#count(result, asked)
  }

  #count({ meters }: DeviceAnswer, asked: Seconds): void {
    if (this.#askedAt !== undefined && asked <= this.#askedAt) return
    this.#askedAt = asked
    const wasLost = this.#shownAt !== undefined && elapsed(this.#shownAt, asked) > LOST_AFTER_SECONDS
    if (wasLost) this.#everCounted = false
    for (const entry of this.#entries) {
      const { meter } = entry
      // Meanwhile the ledger has booked its parts as roots; what a room has used stays its own.
      if (wasLost && meter.use.covers === 'node') {
        meter.startOver()
        entry.untold = undefined
      }
      const { spent, complaint } = meter.add(meters, asked)
      entry.complaint = complaint
      if (spent !== undefined)
        entry.untold = entry.untold === undefined ? spent : together(entry.untold, spent)
    }
  }

  /** Names beyond the limit are left out for good: each one is a series. */
  #gaugesIn({ gauges }: DeviceAnswer): readonly Gauge[] {
    const shown = new Map<string, Gauge>()
    for (const { id, quantity, value } of gauges) {
      const name = id.slice(0, LONGEST_NAME)
      const key = `${quantity}\0${name}`
      if (!isPossible(quantity, value)) continue
      if (!this.#gaugeNames.has(key) && this.#gaugeNames.size >= MOST_GAUGES) continue
      this.#gaugeNames.add(key)
      shown.set(key, { sensor: this.about.name, name, quantity, value })
    }
    return Array.from(shown.values())
  }

  #schedule(asked: Seconds, wish: number | undefined): void {
    if (this.#isClosed) return
    this.#callOff?.()
    const { period } = this.#device
    const spread = this.#random()
    const pause =
      this.#failures === 0
        ? period * (1 - JITTER + 2 * JITTER * spread)
        : Math.min(period * 2 ** this.#failures, Math.max(LONGEST_PAUSE, period)) * (0.5 + 0.5 * spread)
    const least = wish === undefined ? period / 4 : Math.min(wish, LONGEST_WISH)
    const delay = Math.max(pause - elapsed(asked, this.#clock.now()), least)
    this.#callOff = this.#clock.after(seconds(delay), () => void this.poll())
  }

  #tell(at: Seconds): Outcome {
    const polling = { took: this.#took, isNews: this.#isNews }
    this.#isNews = false
    const untold = this.#entries.some((entry) => entry.untold !== undefined)
    if (this.#failure !== undefined && !untold) return { kind: 'failed', ...this.#failure, polling }
    const domains: Domain[] = []
    const readings: Reading[] = []
    const troubles: Trouble[] = []
    const zoneMeters: ZoneMeter[] = []
    const zoneReadings: ZoneReading[] = []
    for (const entry of this.#answer === undefined ? [] : this.#entries) {
      const { meter, complaint } = entry
      const { use } = meter
      const spent = takeFrom(entry, at)
      if (complaint !== undefined) troubles.push(troubleOf(use, complaint))
      if (use.covers === 'node') {
        const domain = domainOf(use, meter.method)
        domains.push(domain)
        if (spent !== undefined) readings.push(readingOf(domain, spent))
      } else {
        const zoneMeter = zoneMeterOf(use, meter.method, this.about.name)
        zoneMeters.push(zoneMeter)
        if (spent !== undefined) zoneReadings.push({ meter: zoneMeter, ...intervalOf(spent) })
      }
    }
    for (const { why, advice } of this.#answer?.complaints ?? [])
      troubles.push({ domain: this.#device.name, component: this.about.components[0] ?? 'node', why, advice })
    if (this.#answer !== undefined) this.#shownAt = at
    const surroundings = {
      zoneMeters,
      zoneReadings,
      gauges: this.#gauges,
      devices: this.#answer === undefined ? [] : [this.#seen()],
    }
    const shared = { domains, troubles, bookmarks: this.#bookmarks(), surroundings, polling }
    return this.#hasCounted(readings.length + zoneReadings.length > 0)
      ? { kind: 'readings', readings, ...shared }
      : { kind: 'warming-up', ...shared }
  }

  #seen(): DeviceSeen {
    const covered = new Set(this.#entries.flatMap(({ meter }) => meter.figures))
    const uncovered = (this.#answer?.meters ?? []).map(({ id }) => id).filter((id) => !covered.has(id))
    return {
      sensor: this.about.name,
      meters: this.#entries.map(({ meter }) => meter.seen),
      uncovered: uncovered.slice(0, MOST_GAUGES),
    }
  }

  /** A device that is asked every minute has not gone back to warming up in between. */
  #hasCounted(now: boolean): boolean {
    this.#everCounted ||= now || (this.#answer !== undefined && this.#entries.length === 0)
    return this.#everCounted
  }

  #bookmarks(): Bookmarks {
    return Object.fromEntries(
      this.#entries.flatMap(({ meter }) =>
        meter.bookmark === undefined ? [] : [[meter.use.name, meter.bookmark]],
      ),
    )
  }
}

/** A question that was put after the look belongs to the next one. */
function takeFrom(entry: Entry, at: Seconds): Spent | undefined {
  const spent = entry.untold
  if (spent === undefined || spent.to > at) return undefined
  entry.untold = undefined
  return spent
}

const intervalOf = ({ spent, from, to }: Spent): Pick<Spent, 'spent' | 'from' | 'to'> => ({ spent, from, to })

const readingOf = (domain: Domain, { excess, whileDown, ...interval }: Spent): Reading => ({
  domain,
  ...intervalOf({ ...interval, excess }),
  ...(excess > 0 && { excess }),
  ...(whileDown !== undefined && { whileDown }),
})

const troubleOf = (use: MeterUse, why: string): Trouble => ({
  domain: use.name,
  component: use.covers === 'node' ? use.component : 'node',
  why,
  advice:
    'compare with what the device shows itself, and correct `figures` or `max_watts` in the configuration',
})

const late = (timeout: Seconds): DeviceError =>
  new DeviceError(
    `did not answer within ${timeout} s`,
    'see whether it is reachable from here and not overloaded; `timeout_seconds` may be longer',
  )

/** What another error says may hold what nobody should read: only its kind is shown. */
function failureOf(error: Error): Failure {
  if (error instanceof DeviceError) return { why: error.message, advice: error.advice }
  const { code } = error as NodeJS.ErrnoException
  return { why: `its client broke down (${code ?? error.name})`, advice: DEFECT_ADVICE }
}
