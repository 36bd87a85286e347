/**
 * Power of the rails of an NVIDIA Jetson module from its INA3221 monitors: P = V · I, from millivolts and milliamperes
 * of each channel, which the monitors measure within milliseconds; sampled at random instants and integrated.
 * JetPack 4 has a driver of its own for them, in the industrial I/O subsystem.
 * https://docs.kernel.org/hwmon/ina3221.html
 * https://docs.nvidia.com/jetson/archives/r36.4/DeveloperGuide/SD/PlatformPowerAndPerformance.html
 */
import type { Domain } from '../model.ts'
import { seconds, watts, type Seconds } from '../units.ts'
import { Unreadable, type World } from '../world.ts'
import { MOUNT_ADVICE } from './acpi-power-meter.ts'
import { HwmonChips, type Chip, type ChipPlace } from './hwmon-chips.ts'
import { PowerSampler, type PowerMeter } from './power-sampler.ts'
import type { About, Sensor } from './sensor.ts'

export const about: About = {
  name: 'jetson',
  measures:
    'Power of NVIDIA Jetson modules, rail by rail. The input rail of the module contains the others; what it sees beyond them is its rest. On a rail that feeds the GPU together with the CPU, the CPU’s part is the power model’s estimate, never more than the rail; the rest is the accelerator’s and stays unattributed, because Tegra does not tell who uses the GPU.',
  components: ['node', 'accelerator', 'cpu', 'memory', 'board'],
  method: 'integrated',
  reads:
    '/sys/class/hwmon/hwmon*/in*_label, in*_input and curr*_input of chips called ina3221; with JetPack 4 /sys/bus/iio/devices/iio:device*/rail_name_*, in_voltage*_input and in_current*_input of ina3221x',
  unit: 'millivolts times milliamperes, of the moment; sampled about four times a second at random instants and integrated; never wraps',
  needs: 'the module ina3221 (part of JetPack)',
  source: 'https://docs.kernel.org/hwmon/ina3221.html',
}

/** A Jetson Thor module is rated at 130 W. */
const MAXIMUM = 500
const SAMPLES_PER_SECOND = 4

/** What the module draws in all, by its labels over the generations; AGX Xavier and AGX Orin measure no such rail. */
const INPUT_RAIL = /^(VDD_IN|VIN|POM_5V_IN)$/i
/** Channels that measure no power of their own. */
const NO_RAIL = /^(sum of shunt voltages|NC)$/i

const ABSENT_ADVICE = `nothing to do, unless this is an NVIDIA Jetson: then load the driver with "modprobe ina3221"; ${MOUNT_ADVICE}`
const BROKEN_ADVICE = 'the monitor gives no usable figure: see the kernel log (dmesg)'

const adviceFor = (kind: Unreadable['kind']): string => {
  switch (kind) {
    case 'refused':
      return `in*_input and curr*_input are readable by all unless somebody has restricted them: run as root; ${MOUNT_ADVICE}`
    case 'missing':
      return `the channel went away while it was read: ${MOUNT_ADVICE}`
    case 'broken':
      return BROKEN_ADVICE
  }
}

interface Rail {
  readonly label: string
  readonly voltage: string
  readonly current: string
}

export function jetson(world: World, samplesPerSecond = SAMPLES_PER_SECOND): Sensor {
  const chips = new HwmonChips(world)
  const iioChips = new HwmonChips(world, IIO)
  const iioRails = (at: Seconds): Rail[] => {
    const listed = iioChips.look(at)
    return listed instanceof Unreadable
      ? []
      : listed.filter(({ name }) => name === 'ina3221x').flatMap((chip) => railsOf(iioChips, chip, IIO_NAMES))
  }
  const sampler = new PowerSampler(world, { adviceFor, samplesPerSecond })
  return {
    about,
    async read(at) {
      const listed = chips.look(at)
      if (listed instanceof Unreadable && listed.kind !== 'missing') {
        sampler.rest()
        return { kind: 'failed', why: String(listed), advice: adviceFor(listed.kind) }
      }
      const hwmonRails = (listed instanceof Unreadable ? [] : listed)
        .filter(({ name }) => name === 'ina3221')
        .flatMap((chip) => railsOf(chips, chip, HWMON_NAMES))
      const rails = hwmonRails.length > 0 ? hwmonRails : iioRails(at)
      if (rails.length === 0) {
        sampler.rest()
        return { kind: 'absent', why: `no rail of an ina3221 below ${chips.root}`, advice: ABSENT_ADVICE }
      }
      return sampler.look(at, metersOf(rails))
    },
    async close() {
      sampler.close()
    },
  }
}

const IIO: ChipPlace = { root: 'bus/iio/devices', folder: /^iio:device\d+$/ }

/** What a driver calls label, millivolts and milliamperes of each channel. */
type ChannelNames = readonly (readonly [label: string, voltage: string, current: string])[]

/** in7 and curr4 are sums of all. */
const HWMON_NAMES: ChannelNames = [1, 2, 3].map((channel) => [
  `in${channel}_label`,
  `in${channel}_input`,
  `curr${channel}_input`,
])
const IIO_NAMES: ChannelNames = [0, 1, 2].map((channel) => [
  `rail_name_${channel}`,
  `in_voltage${channel}_input`,
  `in_current${channel}_input`,
])

/** Channels with a label. */
const railsOf = (chips: HwmonChips, chip: Chip, names: ChannelNames): Rail[] =>
  names.flatMap(([labelName, voltageName, currentName]) => {
    const label = chips.labelIn(chip, labelName)
    const voltage = chips.pathOf(chip, voltageName)
    const current = chips.pathOf(chip, currentName)
    const isRail = label !== '' && !NO_RAIL.test(label)
    return isRail && voltage !== undefined && current !== undefined ? [{ label, voltage, current }] : []
  })

/** Two monitors of one carrier board may use a label twice. */
function metersOf(rails: readonly Rail[]): PowerMeter[] {
  const input = rails.find(({ label }) => INPUT_RAIL.test(label))
  const seen = new Map<string, number>()
  return rails.map((rail) => {
    const count = (seen.get(rail.label) ?? 0) + 1
    seen.set(rail.label, count)
    const id = count === 1 ? rail.label : `${rail.label}-${count}`
    return {
      domain: domainOf(id, rail, input),
      files: [rail.voltage, rail.current],
      figureIn: ([voltage = '', current = '']) => {
        const power = (milli(voltage) * milli(current)) / 1e6
        return power >= 0 && power <= MAXIMUM ? { watts: watts(power), averagedOver: seconds(0) } : undefined
      },
    }
  })
}

function domainOf(id: string, rail: Rail, input: Rail | undefined): Domain {
  const isInput = rail === input
  return {
    id,
    component: isInput ? 'node' : componentOf(rail.label),
    within: isInput || input === undefined ? '' : input.label,
    booked: true,
    method: 'integrated',
    baseline: { watts: watts(0), source: 'default' },
    ...encloses(rail.label, isInput),
  }
}

/** What has no rail of its own is fed by these, so that a model of it stays within what they measure. */
function encloses(label: string, isInput: boolean): Pick<Domain, 'encloses'> {
  if (isInput) return { encloses: ['cpu', 'memory', 'accelerator', 'board'] }
  if (/^(VIN_SYS_5V0|SYS5V)$/i.test(label)) return { encloses: ['memory'] }
  const isShared = componentOf(label) === 'accelerator' && wordsOf(label).includes('CPU')
  return isShared ? { encloses: ['cpu'] } : {}
}

const wordsOf = (label: string): string[] => label.toUpperCase().split(/[_ ]/)

/** `VDD_CPU_GPU_CV`, `VDD_GPU_SOC`, `GPU`, `CV` (the vision and deep-learning accelerators), `VDDQ_VDD2_1V8AO`, ... */
function componentOf(label: string): Domain['component'] {
  const words = wordsOf(label)
  if (words.includes('GPU') || (words.includes('CV') && !words.includes('CPU'))) return 'accelerator'
  if (words.includes('CPU')) return 'cpu'
  return words.some((word) => /^(DDR|VDDRQ|VDDQ|MEM)$/.test(word)) ? 'memory' : 'board'
}

/** A small negative current is the monitor's offset at rest. */
const milli = (text: string): number =>
  /^-?\d{1,7}$/.test(text.trim()) ? Math.max(0, Number(text)) : Number.NaN
