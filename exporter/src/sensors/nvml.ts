/**
 * Energy of NVIDIA GPUs, each board one domain, from the driver's library NVML: the counter of millijoules since the
 * driver was loaded (`nvmlDeviceGetTotalEnergyConsumption`, Volta and newer), or integrated power where there is no
 * counter or it stands still. MIG instances have no energy of their own: their board's is split.
 * https://docs.nvidia.com/deploy/nvml-api
 */
import type { Domain, Method, Reading } from '../model.ts'
import type { GpuLook, Nvml, Problem } from '../nvml.ts'
import { elapsed, seconds, watts, type Microjoules, type Seconds, type Watts } from '../units.ts'
import { Counter, type CounterLook, type CounterPosition } from './counter.ts'
import { PowerIntegral } from './power-integral.ts'
import type { About, Bookmarks, Outcome, Sensor, Trouble } from './sensor.ts'

/**
 * Of the power limit, until the idle power is configured or observed. Data-centre boards idle at about a tenth: 70 W
 * of 700 W for an H100.
 */
export const IDLE_RATIO_OF_LIMIT = 0.1

export const about: About = {
  name: 'nvml',
  measures: 'Energy of NVIDIA GPUs, each board one domain, also where MIG divides it.',
  components: ['accelerator'],
  method: 'counter',
  reads: 'nvmlDeviceGetTotalEnergyConsumption of libnvidia-ml.so.1',
  unit: 'millijoules since the driver was loaded, 64 bits, never wraps; a reset of the GPU or the driver starts it again',
  needs:
    'NVIDIA’s driver and the optional package koffi; in a container the driver’s libraries and devices (NVIDIA_DRIVER_CAPABILITIES=utility) and, to tell processes apart, the host’s PID namespace',
  source: 'https://docs.nvidia.com/deploy/nvml-api',
}

/** A counter that stands still for so long while power is drawn is broken; hardware updates it ten times a second. */
const FROZEN_AFTER_SECONDS = 10
/** Peaks are above the limit for milliseconds; twice the limit over a second is no peak. */
const MAXIMUM_PER_LIMIT = 2
/** Where the limit is not known: above any board of today. */
const MAXIMUM_WATTS = 3000

/** Less than this between two samples of power is the jitter of looks. */
const GAP_SECONDS = 1

const FROZEN: Problem = {
  why: 'its energy counter stands still while power is drawn',
  advice:
    'its power is integrated instead; restarting the machine or resetting the GPU brings some counters back',
}
const STILL: Problem = {
  why: 'its energy counter stands still, and there is no power to integrate instead',
  advice: 'restarting the machine or resetting the GPU brings some counters back',
}
const BLIND: Problem = {
  why: 'its power cannot be read',
  advice: 'the driver gives no usable figure: see the kernel log (dmesg)',
}
const PROCESSES_ADVICE =
  'its active energy stays unattributed: WSL and some virtual GPUs do not show who uses them'

/** @param door is shared with the activity room, and opened by the first look */
export function nvml(door: Nvml): Sensor {
  const meters = new Map<string, GpuMeter>()
  let isInUse = false

  const meterOf = (uuid: string): GpuMeter => {
    let meter = meters.get(uuid)
    if (meter === undefined) {
      meter = new GpuMeter()
      meters.set(uuid, meter)
    }
    return meter
  }

  const outcomeOf = (devices: readonly GpuLook[], at: Seconds): Outcome => {
    const troubles: Trouble[] = []
    const domains: Domain[] = []
    const readings: Reading[] = []
    for (const device of devices) {
      const complain = (why: string, advice: string): void => {
        troubles.push({ domain: device.uuid, component: 'accelerator', why, advice })
      }
      if (device.problem !== undefined) {
        complain(device.problem.why, device.problem.advice)
        continue
      }
      const meter = meterOf(device.uuid)
      const reading = meter.look(device, at)
      const domain = domainOf(device, meter.method)
      domains.push(domain)
      if (reading !== undefined) readings.push({ domain, ...reading, to: at })
      if (meter.complaint !== undefined) complain(meter.complaint.why, meter.complaint.advice)
      if (device.processesUnknown !== '') {
        complain(`its processes are not known: ${device.processesUnknown}`, PROCESSES_ADVICE)
      }
    }
    if (domains.length === 0) return nothingOf(devices, troubles)
    const bookmarks = bookmarksOf(meters)
    if (readings.length === 0) return { kind: 'warming-up', domains, troubles, bookmarks }
    return { kind: 'readings', readings, domains, troubles, bookmarks }
  }

  return {
    about,
    async read(at): Promise<Outcome> {
      isInUse = true
      const answer = await door.look(at)
      return answer.kind === 'look' ? outcomeOf(answer.look.devices, at) : answer
    },
    resume(former) {
      for (const [uuid, text] of Object.entries(former)) {
        const position = readBookmark(text)
        if (position !== undefined) meters.set(uuid, new GpuMeter(position))
      }
    },
    async close() {
      meters.clear()
      // A sensor that never asked has not opened it: another one may be using it.
      if (isInUse) await door.close()
      isInUse = false
    },
  }
}

const bookmarksOf = (meters: ReadonlyMap<string, GpuMeter>): Bookmarks =>
  Object.fromEntries(
    Array.from(meters).flatMap(([uuid, { position }]) =>
      position === undefined ? [] : [[uuid, `${position.raw} ${position.at}`]],
    ),
  )

/** `1234567000 98.25`: microjoules, instant. */
function readBookmark(text: string): CounterPosition | undefined {
  const [, raw, at] = /^(\d+) ([\d.]+)$/.exec(text) ?? []
  return raw === undefined ? undefined : { raw: BigInt(raw), at: seconds(Number(at)), range: undefined }
}

/** No device can be read: because none has a sensor, or because all are in trouble. */
function nothingOf(devices: readonly GpuLook[], troubles: readonly Trouble[]): Outcome {
  const [first] = troubles
  const why = first === undefined ? 'the driver finds no GPU' : `${first.domain}: ${first.why}`
  const advice = first?.advice ?? 'see nvidia-smi -L'
  return { kind: devices.some(({ problem }) => problem?.isFault === true) ? 'failed' : 'absent', why, advice }
}

function domainOf({ uuid, index, modelName, pciBusId, powerLimit }: GpuLook, method: Method): Domain {
  return {
    id: uuid,
    component: 'accelerator',
    within: '',
    booked: true,
    method,
    baseline: { watts: watts((powerLimit ?? 0) * IDLE_RATIO_OF_LIMIT), source: 'default' },
    accelerator: { uuid, index, modelName, pciBusId, vendor: 'nvidia' },
  }
}

interface Spent {
  readonly spent: Microjoules
  readonly from: Seconds
  readonly excess?: Microjoules
  readonly whileDown?: true
}

/**
 * One board. While its counter moves, that counts. A look at which it stands still although power is drawn gives no
 * reading: the next difference covers it. When it has stood still for long, the power that was integrated meanwhile
 * takes its place, from the end of the newest reading on, and until the counter moves again; nothing is counted twice.
 */
class GpuMeter {
  readonly #counter = new Counter()
  readonly #integral = new PowerIntegral()
  #millijoules: bigint | undefined
  #movedAt: Seconds | undefined
  #lookedAt: Seconds | undefined
  /** Where the energy begins that no reading has had yet. */
  #from: Seconds | undefined
  #isFrozen = false
  /** How its energy is known now. */
  method: Method = 'counter'
  /** What is wrong with it, and what to do about it. */
  complaint: Problem | undefined

  /** @param former where its counter stood in an earlier run of the exporter */
  constructor(former?: CounterPosition) {
    if (former !== undefined) this.#counter.resume(former)
  }

  /** Up to where its counter accounts for all energy; undefined while power is integrated instead. */
  get position(): CounterPosition | undefined {
    return this.#isFrozen ? undefined : this.#counter.position
  }

  /** @returns what it spent since the newest reading; undefined when that is not known yet */
  look(device: GpuLook, at: Seconds): Spent | undefined {
    const maximum = maximumOf(device.powerLimit)
    for (const point of device.power) if (point.watts <= maximum) this.#integral.add(point)
    this.complaint = undefined
    if (device.millijoules !== undefined) return this.#byCounter(device.millijoules, device, maximum, at)
    this.method = 'integrated'
    if (device.power.length === 0) this.complaint = BLIND
    return this.#byPower(at)
  }

  #byCounter(millijoules: bigint, device: GpuLook, maximum: Watts, at: Seconds): Spent | undefined {
    const isFirst = this.#movedAt === undefined || !(this.#counter.isCounting(at) || this.#isFrozen)
    const hasMoved = isFirst || millijoules !== this.#millijoules
    const limits = { range: undefined, maximum: this.#maximumSince(maximum, at) }
    const look = this.#counter.look(millijoules * 1000n, at, limits)
    this.#millijoules = millijoules
    this.#lookedAt = at
    const movedAt = hasMoved ? at : (this.#movedAt ?? at)
    this.#movedAt = movedAt
    if (this.#isFrozen && hasMoved) {
      // Up to this look the power counts, from here on the counter's next difference.
      this.#isFrozen = false
      return this.#byPower(at)
    }
    const isDrawing = (device.power.at(-1)?.watts ?? 0) > 0
    if (isDrawing && elapsed(movedAt, at) >= FROZEN_AFTER_SECONDS) this.#isFrozen = true
    if (this.#isFrozen) {
      this.method = 'integrated'
      this.complaint = FROZEN
      return this.#byPower(at)
    }
    this.method = 'counter'
    if (look.kind === 'spent' && (look.spent > 0 || look.excess > 0 || !isDrawing)) {
      return this.#counted(look, at)
    }
    if (look.kind === 'frozen') this.complaint = STILL
    if (hasMoved) this.#startFrom(at) // a first look, or one after a long silence
    return undefined
  }

  /** A counter that stood still shows the energy of several looks at the next. */
  #maximumSince(maximum: Watts, at: Seconds): Watts {
    if (this.#from === undefined || this.#lookedAt === undefined) return maximum
    const looks = elapsed(this.#from, at) / Math.max(elapsed(this.#lookedAt, at), 1)
    return watts(maximum * Math.max(1, looks))
  }

  #counted(look: Extract<CounterLook, { kind: 'spent' }>, at: Seconds): Spent {
    const from = this.#from ?? look.from
    this.#startFrom(at)
    return {
      spent: look.spent,
      from,
      ...(look.excess > 0 && { excess: look.excess }),
      ...(look.whileDown === true && { whileDown: true }),
    }
  }

  #byPower(at: Seconds): Spent | undefined {
    const taken = this.#integral.take()
    const since = this.#from
    this.#from = at
    if (taken === undefined) return undefined
    // The sample of a look comes a moment after its instant; a real gap is longer.
    const isGap = since === undefined || elapsed(since, taken.from) > GAP_SECONDS
    return { spent: taken.spent, from: isGap ? taken.from : since }
  }

  /** What was counted so far must not be integrated as well. */
  #startFrom(at: Seconds): void {
    this.#from = at
    this.#integral.take()
  }
}

const maximumOf = (limit: Watts | undefined): Watts =>
  limit === undefined ? watts(MAXIMUM_WATTS) : watts(limit * MAXIMUM_PER_LIMIT)
