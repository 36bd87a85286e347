/**
 * Inputs of hwmon chips that the configuration names: power of the moment or averaged in microwatts, integrated, or
 * energy in microjoules, counted. https://docs.kernel.org/hwmon/sysfs-interface.html
 */
import type { Domain, DomainComponent, Reading } from '../model.ts'
import { noEnergy, seconds, watts, type Seconds } from '../units.ts'
import { Unreadable, type World } from '../world.ts'
import { averageMeter, microwattsIn, MOUNT_ADVICE, PARTS_OF_A_MACHINE } from './acpi-power-meter.ts'
import { Counter } from './counter.ts'
import { HwmonChips, type Chip } from './hwmon-chips.ts'
import { PowerSampler, type PowerMeter } from './power-sampler.ts'
import type { About, Outcome, Sensor, Trouble } from './sensor.ts'

export const about: About = {
  name: 'hwmon',
  measures:
    'Power or energy of whatever the kernel has a hwmon driver for (power supplies, shunts, boards), as configured: which input is which domain.',
  components: ['node', 'accelerator', 'cpu', 'memory', 'board', 'cooling', 'power', 'network'],
  method: 'integrated',
  reads: '/sys/class/hwmon/hwmon*/{device/,}power*_average, power*_input and energy*_input',
  unit: 'power in microwatts, integrated (power*_input is of the moment: sampled about four times a second at random instants); energy in microjoules, counted (method counter), 64 bits, starts again with the driver',
  needs: 'the key hwmon in the configuration, and the driver’s module',
  source: 'https://docs.kernel.org/hwmon/sysfs-interface.html',
}

/** One input and what it measures. */
export interface HwmonInput {
  /** Name of the chip, or its folder where several have the same name. */
  readonly chip: string
  /** `power1` or `energy2`; or the text of its label. */
  readonly input?: string
  readonly label?: string
  readonly domain: string
  readonly component: DomainComponent
  /** The enclosing domain's id; empty: a root, unless a meter of the whole machine encloses it. */
  readonly within: string
}

const MAXIMUM = watts(100_000)
const SAMPLES_PER_SECOND = 4

const BROKEN_ADVICE = 'the driver gives no usable figure: see the kernel log (dmesg)'
const FROZEN_ADVICE =
  'the driver updates it no more: see the kernel log (dmesg), or name a power input instead'
const PLURAL_ADVICE = 'name one of them: its folder as chip, and its input'

const adviceFor = (kind: Unreadable['kind']): string => {
  switch (kind) {
    case 'refused':
      return `its driver lets only root read it: run as root or with CAP_DAC_READ_SEARCH; ${MOUNT_ADVICE}`
    case 'missing':
      return `load the module of the chip's driver, or correct hwmon in the configuration; ${MOUNT_ADVICE}`
    case 'broken':
      return BROKEN_ADVICE
  }
}

interface Found {
  readonly input: HwmonInput
  readonly chip: Chip
  /** `power1` */
  readonly name: string
}

/** @returns a sensor that shows what it was made from, so that a reload keeps it where that is unchanged */
export function hwmon(
  world: World,
  inputs: readonly HwmonInput[],
  samplesPerSecond = SAMPLES_PER_SECOND,
): Sensor & { readonly settings: string } {
  const chips = new HwmonChips(world)
  const sampler = new PowerSampler(world, { adviceFor, samplesPerSecond })
  const counters = new Map<string, Counter>()

  const readEnergy = async (found: readonly Found[], at: Seconds): Promise<Outcome> => {
    const looks = await Promise.all(found.map((one) => readCounter(world, chips, one, counters, at)))
    const troubles = looks.flatMap(({ trouble }) => trouble ?? [])
    const domains = looks.flatMap(({ domain }) => domain ?? [])
    const readings = looks.flatMap(({ reading }) => reading ?? [])
    return readings.length > 0
      ? { kind: 'readings', readings, domains, troubles }
      : { kind: 'warming-up', domains, troubles }
  }

  const readPower = (found: readonly Found[], at: Seconds): Promise<Outcome> =>
    sampler.look(
      at,
      found.map((one) => powerMeter(world, chips, one)),
    )

  return {
    about,
    settings: JSON.stringify(inputs),
    async read(at) {
      const listed = chips.look(at)
      if (listed instanceof Unreadable) {
        sampler.rest()
        return listed.kind === 'missing'
          ? { kind: 'absent', why: `${chips.root} is missing`, advice: adviceFor('missing') }
          : { kind: 'failed', why: String(listed), advice: adviceFor(listed.kind) }
      }
      const searches = inputs.map((input) => search(chips, listed, input))
      const found = searches.flatMap((one) => ('name' in one ? [one] : []))
      const missing = searches.flatMap((one) => ('why' in one ? [one] : []))
      if (found.length === 0 && missing[0] !== undefined) {
        sampler.rest()
        return { kind: 'absent', why: missing[0].why, advice: missing[0].advice }
      }
      const power = found.filter(({ name }) => name.startsWith('power'))
      const energy = found.filter(({ name }) => name.startsWith('energy'))
      const outcomes = await Promise.all([
        ...(power.length === 0 ? [] : [readPower(power, at)]),
        ...(energy.length === 0 ? [] : [readEnergy(energy, at)]),
      ])
      return together(outcomes, missing)
    },
    async close() {
      sampler.close()
      counters.clear()
    },
  }
}

function search(chips: HwmonChips, listed: readonly Chip[], input: HwmonInput): Found | Trouble {
  const { chip: wanted, input: name, label, domain, component } = input
  const found = listed
    .filter((chip) => chip.name === wanted || chip.folder === wanted)
    .flatMap((chip) =>
      inputsOf(chip)
        .filter(
          (one) =>
            (name === undefined || one === name) &&
            (label === undefined || chips.labelIn(chip, `${one}_label`) === label),
        )
        .map((one) => ({ input, chip, name: one })),
    )
  const [first, ...others] = found
  const what = `${label === undefined ? (name ?? '') : `label "${label}"`} of chip ${wanted}`
  if (first === undefined) {
    return { domain, component, why: `no ${what} below ${chips.root}`, advice: adviceFor('missing') }
  }
  if (others.length > 0) {
    const places = found.map(({ chip, name: one }) => `${chip.folder}/${one}`).join(', ')
    return { domain, component, why: `several inputs are ${what}: ${places}`, advice: PLURAL_ADVICE }
  }
  return first
}

const inputsOf = ({ places }: Chip): string[] =>
  Array.from(
    new Set(
      places
        .flatMap(({ attributes }) => attributes)
        .flatMap(
          (attribute) => /^(power\d+(?=_(?:average|input)$)|energy\d+(?=_input$))/.exec(attribute)?.[0] ?? [],
        ),
    ),
  )

function domainOf({ domain, component, within }: HwmonInput, method: Domain['method']): Domain {
  return {
    id: domain,
    component,
    within,
    booked: true,
    method,
    baseline: { watts: watts(0), source: 'default' },
    ...(component === 'node' && { encloses: PARTS_OF_A_MACHINE }),
  }
}

function powerMeter(world: World, chips: HwmonChips, { input, chip, name }: Found): PowerMeter {
  const domain = domainOf(input, 'integrated')
  const average = chips.pathOf(chip, `${name}_average`)
  if (average !== undefined) return averageMeter(world, average, domain, MAXIMUM)
  return {
    domain,
    files: [chips.pathOf(chip, `${name}_input`) ?? ''],
    figureIn: ([text = '']) => {
      const power = microwattsIn(text, MAXIMUM)
      return power === undefined ? undefined : { watts: power, averagedOver: seconds(0) }
    },
  }
}

interface CounterOutcome {
  readonly trouble?: Trouble
  readonly domain?: Domain
  readonly reading?: Reading
}

async function readCounter(
  { files }: World,
  chips: HwmonChips,
  { input, chip, name }: Found,
  counters: Map<string, Counter>,
  at: Seconds,
): Promise<CounterOutcome> {
  const { domain: id, component } = input
  const complain = (why: string, advice: string): CounterOutcome => ({
    trouble: { domain: id, component, why, advice },
  })
  const path = chips.pathOf(chip, `${name}_input`) ?? ''
  const text = await files.readSlowText(path)
  if (text instanceof Unreadable) return complain(String(text), adviceFor(text.kind))
  if (!/^\d{1,20}$/.test(text.trim())) return complain(`no usable energy in ${path}`, BROKEN_ADVICE)
  const counter = counters.get(id) ?? new Counter()
  counters.set(id, counter)
  const look = counter.look(BigInt(text.trim()), at, { range: undefined, maximum: MAXIMUM })
  const domain = domainOf(input, 'counter')
  switch (look.kind) {
    case 'frozen':
      return { domain, ...complain('its counter stands still', FROZEN_ADVICE) }
    case 'waiting':
      return { domain }
    case 'spent': {
      const { from, spent, excess } = look
      return { domain, reading: { domain, spent, from, to: at, ...(excess !== noEnergy && { excess }) } }
    }
  }
}

/** Power and energy inputs are one sensor. */
function together(outcomes: readonly Outcome[], missing: readonly Trouble[]): Outcome {
  const failed = outcomes.find((outcome) => outcome.kind === 'failed')
  const answered = outcomes.flatMap((outcome) => ('domains' in outcome ? [outcome] : []))
  const domains = answered.flatMap((outcome) => outcome.domains)
  const troubles = [...answered.flatMap((outcome) => outcome.troubles), ...missing]
  const [first] = troubles
  if (domains.length === 0) {
    if (failed !== undefined) return failed
    if (first !== undefined)
      return { kind: 'failed', why: `${first.domain}: ${first.why}`, advice: first.advice }
  }
  const readings = answered.flatMap((outcome) => (outcome.kind === 'readings' ? outcome.readings : []))
  return answered.some(({ kind }) => kind === 'readings')
    ? { kind: 'readings', readings, domains, troubles }
    : { kind: 'warming-up', domains, troubles }
}
