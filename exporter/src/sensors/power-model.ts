/**
 * A model of CPU and memory power for machines without sensors, above all virtual machines. Estimated joules:
 * CPU watts rise linearly with utilisation from idle to maximum, memory draws a constant power per byte. Expect
 * errors of tens of percent unless the watts are configured.
 */
import type { Domain, Reading } from '../model.ts'
import { elapsed, microjoules, watts } from '../units.ts'
import type { Microjoules, Seconds, Watts } from '../units.ts'
import { readCpuTimes, type CpuTimes } from '../cpu-times.ts'
import { Unreadable, type World } from '../world.ts'
import { LOST_AFTER_SECONDS, type About, type Outcome, type Sensor, type Trouble } from './sensor.ts'

/**
 * Mean of the least and the greatest watts per logical CPU over the processors of Amazon EC2, from SPECpower_ssj2008
 * results: MIN_WATTS_AVG and MAX_WATTS_AVG of AwsFootprintEstimationConstants in Cloud Carbon Footprint,
 * https://www.cloudcarbonfootprint.org/docs/methodology
 */
export const CPU_IDLE_WATTS = 0.74
export const CPU_MAX_WATTS = 3.5

/** Watts per 10^9 bytes: MEMORY_COEFFICIENT, 0.000392 kWh per GB and hour, of the same source. */
export const MEMORY_WATTS_PER_GB = 0.392

export const about: About = {
  name: 'power-model',
  measures: 'An estimate of CPU and memory power, for machines that measure neither.',
  components: ['cpu', 'memory'],
  method: 'estimated',
  reads: '/proc/stat and MemTotal of /proc/meminfo',
  unit: `watts: ${CPU_IDLE_WATTS} (idle) to ${CPU_MAX_WATTS} (busy) per logical CPU, ${MEMORY_WATTS_PER_GB} per GB of memory, unless configured; never wraps`,
  needs: 'nothing; the machine’s own idle and maximum watts in the configuration make it better',
  source: 'https://www.cloudcarbonfootprint.org/docs/methodology (coefficients from SPECpower_ssj2008)',
}

/** Watts of the whole machine. */
export interface PowerModelOptions {
  readonly cpuIdleWatts?: number | undefined
  readonly cpuMaxWatts?: number | undefined
  readonly memoryWatts?: number | undefined
}

const ADVICE = 'the power model needs /proc: in a container mount the host’s and name it with --path.procfs'

/** @returns a sensor that shows what it was made from, so that a reload keeps it where that is unchanged */
export function powerModel(world: World, options: PowerModelOptions): Sensor & { readonly settings: string } {
  const cpu = new Energy()
  const memory = new Energy()
  let timesBefore: CpuTimes | undefined

  const lookAtCpu = (at: Seconds): Estimate | Unreadable => {
    const times = readCpuTimes(world)
    if (times instanceof Unreadable) return times
    const idle = watts(options.cpuIdleWatts ?? CPU_IDLE_WATTS * times.logicalCpus)
    const most = Math.max(idle, options.cpuMaxWatts ?? CPU_MAX_WATTS * times.logicalCpus)
    const power = watts(idle + utilisation(timesBefore, times) * (most - idle))
    timesBefore = times
    const domain = estimatedDomain('model-cpu', 'cpu', idle, options.cpuIdleWatts !== undefined)
    return { domain, reading: cpu.advance(power, at) }
  }

  const lookAtMemory = (at: Seconds): Estimate | Unreadable => {
    const power = options.memoryWatts === undefined ? defaultMemoryWatts(world) : watts(options.memoryWatts)
    if (power instanceof Unreadable) return power
    const domain = estimatedDomain('model-memory', 'memory', power, options.memoryWatts !== undefined)
    return { domain, reading: memory.advance(power, at) }
  }

  return {
    about,
    settings: JSON.stringify([options.cpuIdleWatts, options.cpuMaxWatts, options.memoryWatts]),
    async read(at): Promise<Outcome> {
      const looks = { cpu: lookAtCpu(at), memory: lookAtMemory(at) }
      if (looks.cpu instanceof Unreadable && looks.memory instanceof Unreadable) {
        const kind = looks.cpu.kind === 'missing' ? 'absent' : 'failed'
        return { kind, why: String(looks.cpu), advice: ADVICE }
      }
      const troubles: Trouble[] = []
      const domains: Domain[] = []
      const readings: Reading[] = []
      for (const component of ['cpu', 'memory'] as const) {
        const look = looks[component]
        if (look instanceof Unreadable) {
          troubles.push({ domain: `model-${component}`, component, why: String(look), advice: ADVICE })
          continue
        }
        domains.push(look.domain)
        if (look.reading !== undefined) readings.push({ domain: look.domain, ...look.reading, to: at })
      }
      if (readings.length === 0) return { kind: 'warming-up', domains, troubles }
      return { kind: 'readings', readings, domains, troubles }
    },
    async close() {
      timesBefore = undefined
    },
  }
}

interface Estimate {
  readonly domain: Domain
  /** Undefined at a first look. */
  readonly reading: Interval | undefined
}

interface Interval {
  readonly spent: Microjoules
  readonly from: Seconds
}

/** Power summed up over time. What rounding takes from one interval the next one gets, so the sum is right to 1 µJ. */
class Energy {
  #lookedAt: Seconds | undefined
  /** Between -0.5 and 0.5 µJ. */
  #rounding = 0

  /** @param power the mean power since the look before */
  advance(power: Watts, at: Seconds): Interval | undefined {
    const from = this.#lookedAt
    this.#lookedAt = at
    if (from === undefined || elapsed(from, at) > LOST_AFTER_SECONDS) {
      this.#rounding = 0
      return undefined
    }
    const exact = power * Math.max(0, elapsed(from, at)) * 1e6 + this.#rounding
    const spent = microjoules(Math.max(0, Math.round(exact)))
    this.#rounding = exact - spent
    return { spent, from }
  }
}

/** Busy share of all logical CPUs, 0 to 1. The kernel's count of waiting time may fall a little between two looks. */
function utilisation(before: CpuTimes | undefined, now: CpuTimes): number {
  if (before === undefined) return 0
  const busy = Math.max(0, now.busyTicks - before.busyTicks)
  const total = Math.max(busy, now.totalTicks - before.totalTicks)
  return total === 0 ? 0 : busy / total
}

function defaultMemoryWatts({ files, procfs }: World): Watts | Unreadable {
  const path = `${procfs}/meminfo`
  const text = files.readText(path)
  if (text instanceof Unreadable) return text
  const kibibytes = /^MemTotal: +(\d+) kB$/m.exec(text)?.[1]
  if (kibibytes === undefined) return new Unreadable(path, 'no line "MemTotal"')
  return watts((Number(kibibytes) * 1024 * MEMORY_WATTS_PER_GB) / 1e9)
}

const estimatedDomain = (
  id: string,
  component: 'cpu' | 'memory',
  idle: Watts,
  isConfigured: boolean,
): Domain => ({
  id,
  component,
  within: '',
  booked: true,
  method: 'estimated',
  baseline: { watts: idle, source: isConfigured ? 'configured' : 'default' },
  standIn: true,
})
