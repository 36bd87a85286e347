/**
 * Power of the whole machine from its ACPI power meter, which the firmware reads from the power supplies or the BMC.
 * Microwatts, a mean over `power1_average_interval` milliseconds; integrated.
 * https://docs.kernel.org/hwmon/acpi_power_meter.html
 */
import type { Domain, DomainComponent } from '../model.ts'
import { seconds, watts, type Watts } from '../units.ts'
import { Unreadable, type World } from '../world.ts'
import { HwmonChips, type Chip } from './hwmon-chips.ts'
import { PowerSampler, type PowerMeter } from './power-sampler.ts'
import type { About, Sensor } from './sensor.ts'

export const about: About = {
  name: 'acpi-power-meter',
  measures:
    'Power of the whole machine as its firmware knows it (ACPI 4.0 power meter). It encloses all that other sensors measure of this machine; what it sees beyond them is its rest.',
  components: ['node'],
  method: 'integrated',
  reads: '/sys/class/hwmon/hwmon*/{device/,}power1_average of chips called power_meter',
  unit: 'microwatts, a mean over power1_average_interval; integrated, asked for once per tick and without holding it up; never wraps',
  needs: 'the module acpi_power_meter and firmware that has such a meter (most servers; no desktop)',
  source: 'https://docs.kernel.org/hwmon/acpi_power_meter.html',
}

/** What the driver calls its chips. */
export const CHIP_NAME = 'power_meter'

/** What a meter of a whole machine sees: not its air conditioner, its UPS or its switch. */
export const PARTS_OF_A_MACHINE: readonly DomainComponent[] = [
  'node',
  'accelerator',
  'cpu',
  'memory',
  'board',
]

/** Above any machine of today; firmware that does not know answers 4294967295 mW. */
const MAXIMUM: Watts = watts(100_000)

export const ABSENT_ADVICE =
  'load the driver with "modprobe acpi_power_meter"; without a meter in its firmware the machine has none: use its BMC'

/** For every sensor below /sys/class/hwmon. */
export const MOUNT_ADVICE = 'in a container mount the host’s /sys and name it with --path.sysfs'

const REFUSED_ADVICE = `power1_average is readable by all unless somebody has restricted it: run as root; ${MOUNT_ADVICE}`

const BROKEN_ADVICE = 'the firmware gives no usable figure: see the kernel log (dmesg)'

export function adviceFor(kind: Unreadable['kind']): string {
  switch (kind) {
    case 'refused':
      return REFUSED_ADVICE
    case 'missing':
      return `the meter went away while it was read: ${ABSENT_ADVICE}`
    case 'broken':
      return BROKEN_ADVICE
  }
}

export function acpiPowerMeter(world: World): Sensor {
  const chips = new HwmonChips(world)
  const sampler = new PowerSampler(world, { adviceFor, samplesPerSecond: 0 }) // the firmware averages itself
  return {
    about,
    async read(at) {
      const listed = chips.look(at)
      if (listed instanceof Unreadable && listed.kind !== 'missing') {
        return { kind: 'failed', why: String(listed), advice: adviceFor(listed.kind) }
      }
      const meters = (listed instanceof Unreadable ? [] : listed)
        .filter((chip) => isMachineMeter(chips, chip))
        .map((chip, index) => meterOf(world, chips, chip, index))
      if (meters.length === 0) {
        return { kind: 'absent', why: `no power meter below ${chips.root}`, advice: ABSENT_ADVICE }
      }
      return sampler.look(at, meters)
    },
    async close() {
      sampler.close()
    },
  }
}

/** NVIDIA's Grace has four meters of this kind on each socket, which are another sensor's. */
const isMachineMeter = (chips: HwmonChips, chip: Chip): boolean =>
  chip.name === CHIP_NAME &&
  chips.pathOf(chip, 'power1_average') !== undefined &&
  !/ Power Socket \d+$/.test(chips.labelIn(chip, 'power1_oem_info')) &&
  chips.labelIn(chip, 'power1_is_battery') !== '1'

/** The first is the machine's; which part of it another one sees is not known, so that one is only shown. */
function meterOf(world: World, chips: HwmonChips, chip: Chip, index: number): PowerMeter {
  const shared = {
    id: `acpi-meter-${index}`,
    component: 'node',
    method: 'integrated',
    baseline: { watts: watts(0), source: 'default' },
  } as const
  const domain: Domain =
    index === 0
      ? { ...shared, within: '', booked: true, encloses: PARTS_OF_A_MACHINE }
      : { ...shared, within: 'acpi-meter-0', booked: false }
  return averageMeter(world, chips.pathOf(chip, 'power1_average') ?? '', domain, MAXIMUM)
}

/** A meter on a file such as `power1_average`, with its `_interval` beside it. */
export function averageMeter({ files }: World, path: string, domain: Domain, maximum: Watts): PowerMeter {
  return {
    domain,
    files: [path],
    figureIn: ([text = '']) => {
      const power = microwattsIn(text, maximum)
      if (power === undefined) return undefined
      const interval = files.readText(`${path}_interval`) // the driver remembers it
      return { watts: power, averagedOver: seconds(millisecondsIn(interval) / 1000) }
    },
  }
}

/** @returns undefined for anything but a whole number of microwatts up to the maximum */
export function microwattsIn(text: string, maximum: Watts): Watts | undefined {
  if (!/^\d{1,15}$/.test(text.trim())) return undefined
  const power = Number(text) / 1e6
  return power <= maximum ? watts(power) : undefined
}

const millisecondsIn = (text: string | Unreadable): number =>
  typeof text === 'string' && /^\d{1,9}$/.test(text.trim()) ? Number(text) : 0
