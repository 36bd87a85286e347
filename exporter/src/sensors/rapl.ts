/**
 * Energy of CPU packages, their parts, DRAM and the platform from the Linux powercap tree (Intel RAPL; AMD family
 * 17h and later report package and core through the same driver). Counters in microjoules that wrap at
 * `max_energy_range_uj`: https://docs.kernel.org/power/powercap/powercap.html
 */
import type { Domain, DomainComponent, Reading } from '../model.ts'
import { noEnergy, seconds, watts, type Seconds, type Watts } from '../units.ts'
import { Unreadable, type World } from '../world.ts'
import { readCpuTimes } from '../cpu-times.ts'
import { Counter, type CounterLimits, type CounterLook, type CounterPosition } from './counter.ts'
import { CPU_IDLE_WATTS } from './power-model.ts'
import type { About, Bookmarks, Outcome, Sensor, Trouble } from './sensor.ts'

export const about: About = {
  name: 'rapl',
  measures: 'Energy of CPU packages, DRAM and the platform as counted by the processor (RAPL).',
  components: ['cpu', 'memory', 'node'],
  method: 'counter',
  reads: '/sys/class/powercap/intel-rapl*/energy_uj',
  unit: 'microjoules, a 32-bit register that wraps at max_energy_range_uj (minutes to hours of full load)',
  needs: 'root or CAP_DAC_READ_SEARCH; in a container the host’s /sys at another path and --path.sysfs',
  source: 'https://docs.kernel.org/power/powercap/powercap.html',
}

const CONTAINER_ADVICE =
  'in a container mount the host’s /sys at another path and name it with --path.sysfs, because container runtimes mask powercap'

const PERMISSION_ADVICE = `energy_uj is readable by root only since Linux 5.10 (CVE-2020-8694): run as root or with CAP_DAC_READ_SEARCH; ${CONTAINER_ADVICE}`

const ABSENT_ADVICE = `on bare metal load the driver with "modprobe intel_rapl_msr"; a virtual machine has no such counters, because hypervisors hide them; ${CONTAINER_ADVICE}`

const MISSING_ADVICE = `the zone went away while it was read, or its files are hidden: ${CONTAINER_ADVICE}`

const BROKEN_ADVICE = 'the driver or the firmware gives no usable figure: see the kernel log (dmesg)'

const DUPLICATE_ADVICE = 'only the first is counted, so that no energy is counted twice'

/** What the kernel calls its zones: `rapl_domain_names` in drivers/powercap/intel_rapl_common.c. */
const KINDS = {
  psys: { component: 'node', booked: true, maximum: watts(20_000) },
  package: { component: 'cpu', booked: true, maximum: watts(1_000) },
  core: { component: 'cpu', booked: false, maximum: watts(1_000) },
  uncore: { component: 'cpu', booked: false, maximum: watts(1_000) },
  dram: { component: 'memory', booked: true, maximum: watts(500) },
} as const satisfies Record<string, Kind>

/** Not discrete GPUs, unless configured. */
const ENCLOSED_BY_PSYS: readonly DomainComponent[] = ['cpu', 'memory']

interface Kind {
  readonly component: DomainComponent
  /** False for a part of a package, which is shown beside it; it may honestly stand at 0 (an unused graphics unit). */
  readonly booked: boolean
  /** Used where the zone does not publish its limits; far above any processor, module or server of today. */
  readonly maximum: Watts
}

/** The folder of a zone, such as `intel-rapl:0:1`. */
interface Place {
  readonly folder: string
  readonly control: string
  readonly indices: readonly number[]
  /** Empty for a zone at the top. */
  readonly parent: string
}

interface Zone {
  readonly id: string
  readonly kind: keyof typeof KINDS
  /** The package's name that it belongs to; empty for psys. */
  readonly package: string
  readonly place: Place
}

/** What is remembered of a zone from look to look, by its domain's id. */
interface Memory {
  readonly folder: string
  readonly control: string
  readonly counter: Counter
  readonly limits: CounterLimits
  readonly limitsReadAt: Seconds
}

/** Power limits are set anew while a machine runs, for example when a laptop leaves its dock. */
const LIMITS_AGE_SECONDS = 60

interface Answer {
  readonly zone: Zone
  readonly look: CounterLook
}

export function rapl(world: World): Sensor {
  const { files } = world
  const root = `${world.sysfs}/class/powercap`
  const memories = new Map<string, Memory>()
  let formerly = new Map<string, { readonly control: string; readonly position: CounterPosition }>()
  let logicalCpus = 0

  const newCounter = (id: string, kind: Zone['kind'], control: string): Counter => {
    const counter = new Counter({ mayStandStill: !KINDS[kind].booked })
    const former = formerly.get(id)
    formerly.delete(id)
    if (former?.control === control) counter.resume(former.position)
    return counter
  }

  const bookmarks = (): Bookmarks =>
    Object.fromEntries(
      Array.from(memories).flatMap(
        ([
          id,
          {
            control,
            counter: { position },
          },
        ]) => (position === undefined ? [] : [[id, bookmarkOf(control, position)]]),
      ),
    )

  const recall = ({ id, kind, place }: Zone, at: Seconds): Memory => {
    const known = memories.get(id)
    const isSame = known?.folder === place.folder && known.control === place.control
    if (isSame && at - known.limitsReadAt < LIMITS_AGE_SECONDS) return known
    const memory: Memory = {
      folder: place.folder,
      control: place.control,
      // Another control type counts apart; another folder of the same one is the same hardware after a reload.
      counter: known?.control === place.control ? known.counter : newCounter(id, kind, place.control),
      limits: readLimits(world, `${root}/${place.folder}`, KINDS[kind].maximum),
      limitsReadAt: at,
    }
    memories.set(id, memory)
    return memory
  }

  const ask = (zone: Zone, at: Seconds): CounterLook | Trouble => {
    const { component } = KINDS[zone.kind]
    const path = `${root}/${zone.place.folder}/energy_uj`
    const text = files.readText(path)
    if (text instanceof Unreadable) return troubleOf(zone.id, component, text)
    const { counter, limits } = recall(zone, at)
    const raw = wholeNumber(text)
    if (raw === undefined || (limits.range !== undefined && raw > limits.range)) {
      const why = `${path} holds no number from 0 to its range`
      return { domain: zone.id, component, why, advice: BROKEN_ADVICE }
    }
    return counter.look(raw, at, limits)
  }

  const enclosing = ({ zone, look }: Answer, at: Seconds): string => {
    if (zone.kind === 'psys') return ''
    if (!KINDS[zone.kind].booked) return zone.package
    // The platform zone of the first package is called psys, that of package 1 psys-1; often only one of them counts.
    const number = /\d+/.exec(zone.package)?.[0] ?? ''
    const psys = [`psys-${number}`, 'psys'].find((id) => {
      const counter = memories.get(id)?.counter
      return look.kind === 'spent' ? counter?.covers(at) : counter?.isCounting(at)
    })
    return psys ?? ''
  }

  const idleWattsOf = (kind: Zone['kind'], packages: number): Watts => {
    if (kind !== 'package') return watts(0)
    if (logicalCpus === 0) {
      const times = readCpuTimes(world)
      if (!(times instanceof Unreadable)) logicalCpus = times.logicalCpus
    }
    return watts((CPU_IDLE_WATTS * logicalCpus) / packages)
  }

  const domainOf = (answer: Answer, at: Seconds, packages: number): Domain => {
    const { id, kind } = answer.zone
    const { component, booked } = KINDS[kind]
    const baseline = { watts: idleWattsOf(kind, packages), source: 'default' } as const
    // What no zone of its own counts of the processor and its memory is in what the platform counts.
    const encloses = kind === 'psys' && memories.get(id)?.counter.isCounting(at) === true && ENCLOSED_BY_PSYS
    return {
      id,
      component,
      within: enclosing(answer, at),
      booked,
      method: 'counter',
      baseline,
      ...(encloses !== false && { encloses }),
    }
  }

  return {
    about,
    async read(at): Promise<Outcome> {
      const listed = files.list(root)
      if (listed instanceof Unreadable) {
        return listed.kind === 'missing'
          ? { kind: 'absent', why: `${root} is missing`, advice: ABSENT_ADVICE }
          : { kind: 'failed', why: String(listed), advice: adviceFor(listed) }
      }
      const places = placesIn(listed)
      if (places.length === 0) return { kind: 'absent', why: `no zone below ${root}`, advice: ABSENT_ADVICE }
      const { zones, troubles } = identify(world, root, places)
      const answers: Answer[] = []
      for (const zone of zones) {
        const look = ask(zone, at)
        if ('why' in look) {
          troubles.push(look)
          continue
        }
        answers.push({ zone, look })
        if (look.kind === 'frozen') troubles.push(frozenTrouble(zone, look.hadMoved))
      }
      if (!answers.some(({ look }) => look.kind !== 'frozen')) return failureOf(troubles, root)
      const packages = zones.filter(({ kind }) => kind === 'package').length
      const seen = answers.map((answer) => ({ look: answer.look, domain: domainOf(answer, at, packages) }))
      const domains = seen.map(({ domain }) => domain)
      const readings = seen.flatMap(({ domain, look }) => readingOf(domain, look, at))
      if (readings.length === 0) return { kind: 'warming-up', domains, troubles, bookmarks: bookmarks() }
      return { kind: 'readings', readings, domains, troubles, bookmarks: bookmarks() }
    },
    resume(former) {
      formerly = new Map(
        Object.entries(former).flatMap(([id, text]) => {
          const bookmark = readBookmark(text)
          return bookmark === undefined ? [] : [[id, bookmark]]
        }),
      )
    },
    async close() {
      memories.clear()
    },
  }
}

/** Every zone of the tree; `intel-rapl` before `intel-rapl-mmio`, parents before their parts. */
function placesIn(listed: readonly string[]): Place[] {
  const places: Place[] = []
  for (const folder of listed) {
    const match = /^(intel-rapl(?:-mmio)?):(\d+)(?::(\d+))?$/.exec(folder)
    if (match === null) continue
    const [, control = '', top = '', part] = match
    const indices = [Number(top), ...(part === undefined ? [] : [Number(part)])]
    places.push({ folder, control, indices, parent: part === undefined ? '' : `${control}:${top}` })
  }
  return places.sort(
    (one, other) =>
      one.control.length - other.control.length ||
      one.indices.length - other.indices.length ||
      (one.indices[0] ?? 0) - (other.indices[0] ?? 0) ||
      (one.indices[1] ?? 0) - (other.indices[1] ?? 0),
  )
}

/** Gives each zone its name. The memory-mapped interface repeats zones of the registers: it fills in where they lack one. */
function identify(
  { files }: World,
  root: string,
  places: readonly Place[],
): { zones: Zone[]; troubles: Trouble[] } {
  const names = new Map<string, string>()
  const zones = new Map<string, Zone>()
  const troubles: Trouble[] = []
  for (const place of places) {
    const path = `${root}/${place.folder}/name`
    const text = files.readText(path)
    if (text instanceof Unreadable) {
      troubles.push(troubleOf(place.folder, 'cpu', text))
      continue
    }
    const name = text.trim()
    names.set(place.folder, name)
    const zone = zoneOf(place, name, names.get(place.parent) ?? '')
    if (zone === undefined) {
      const why = `${path} holds no name of a zone`
      troubles.push({ domain: place.folder, component: 'cpu', why, advice: BROKEN_ADVICE })
      continue
    }
    const other = zones.get(zone.id)
    if (other === undefined) zones.set(zone.id, zone)
    else if (other.place.control === place.control) {
      const why = `${other.place.folder} and ${place.folder} have the same name`
      troubles.push({ domain: zone.id, component: KINDS[zone.kind].component, why, advice: DUPLICATE_ADVICE })
    }
  }
  return { zones: Array.from(zones.values()), troubles }
}

function zoneOf(place: Place, name: string, parentName: string): Zone | undefined {
  if (place.parent === '') {
    if (PACKAGE.test(name)) return { id: name, kind: 'package', package: name, place }
    return /^psys(-\d+)?$/.test(name) ? { id: name, kind: 'psys', package: '', place } : undefined
  }
  if (!PACKAGE.test(parentName)) return undefined
  switch (name) {
    case 'core':
    case 'uncore':
      return { id: `${parentName}-${name}`, kind: name, package: parentName, place }
    case 'dram':
      return { id: parentName.replace('package', 'dram'), kind: 'dram', package: parentName, place }
    default:
      return undefined
  }
}

const PACKAGE = /^package-\d+(-die-\d+)?$/

/**
 * The physical maximum is twice the highest power that the zone publishes. Its limits count besides its maximum:
 * many processors are allowed to draw several times the maximum that they were rated for.
 */
function readLimits({ files }: World, folder: string, fallback: Watts): CounterLimits {
  const numberIn = (name: string): bigint | undefined => {
    const text = files.readText(`${folder}/${name}`)
    return text instanceof Unreadable ? undefined : wholeNumber(text)
  }
  const range = numberIn('max_energy_range_uj')
  const listed = files.list(folder)
  const names = listed instanceof Unreadable ? [] : listed
  const published = names
    .filter((name) => /^constraint_\d+_(max_power|power_limit)_uw$/.test(name))
    .map((name) => Number(numberIn(name) ?? 0n))
  const highest = Math.max(0, ...published)
  return {
    range: range === 0n ? undefined : range,
    maximum: highest > 0 ? watts((2 * highest) / 1e6) : fallback,
  }
}

/** A figure of the kernel's 64 bits; undefined for anything else, a negative number included. */
const wholeNumber = (text: string): bigint | undefined =>
  /^\d{1,20}$/.test(text.trim()) ? BigInt(text.trim()) : undefined

function readingOf(domain: Domain, look: CounterLook, at: Seconds): Reading[] {
  if (look.kind !== 'spent') return []
  const { from, spent, excess, whileDown } = look
  return [
    {
      domain,
      spent,
      from,
      to: at,
      ...(excess === noEnergy ? {} : { excess }),
      ...(whileDown === true && { whileDown }),
    },
  ]
}

/** `intel-rapl 262143328850 1234567 98.25`: control type, range, figure, instant. */
const bookmarkOf = (control: string, { range, raw, at }: CounterPosition): string =>
  `${control} ${range ?? 'none'} ${raw} ${at}`

function readBookmark(text: string): { control: string; position: CounterPosition } | undefined {
  const [, control, range, raw, at] = /^(\S+) (\d+|none) (\d+) ([\d.]+)$/.exec(text) ?? []
  if (control === undefined || raw === undefined) return undefined
  const position = {
    raw: BigInt(raw),
    at: seconds(Number(at)),
    range: range === undefined || range === 'none' ? undefined : BigInt(range),
  }
  return { control, position }
}

const troubleOf = (domain: string, component: DomainComponent, file: Unreadable): Trouble => ({
  domain,
  component,
  why: String(file),
  advice: adviceFor(file),
})

function adviceFor({ kind }: Unreadable): string {
  switch (kind) {
    case 'refused':
      return PERMISSION_ADVICE
    case 'missing':
      return MISSING_ADVICE
    case 'broken':
      return BROKEN_ADVICE
  }
}

const frozenTrouble = ({ id, kind }: Zone, hadMoved: boolean): Trouble => ({
  domain: id,
  component: KINDS[kind].component,
  why: hadMoved ? 'its counter stands still' : 'its counter has not moved since the exporter started',
  advice: BROKEN_ADVICE,
})

function failureOf([first, ...others]: readonly Trouble[], root: string): Outcome {
  if (first === undefined)
    return { kind: 'failed', why: `no zone below ${root} answers`, advice: BROKEN_ADVICE }
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`
  return { kind: 'failed', why: `${first.domain}: ${first.why}${more}`, advice: first.advice }
}
