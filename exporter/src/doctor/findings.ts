/** What the doctor finds: from what was seen of a machine to what can be known of it, and what to do about the rest. */
import type { Component, ComponentState, SensorStatus, Vantage } from '../model.ts'
import { attributionOf, type Check } from './attribution.ts'
import { devicesOf, type DeviceFinding } from './devices.ts'
import type { DomainSeen, Observation, ProxySeen, QueryServerSeen } from './observation.ts'
import { remedyFor, type Remedy } from './remedies.ts'

export interface SensorFinding {
  readonly sensor: string
  /** `partly`: of what is there, not all can be read. `standby`: a model of what is measured. */
  readonly state: 'reading' | 'partly' | 'waiting' | 'standby' | 'absent' | 'unreadable'
  readonly domains: readonly string[]
  /** Empty when all is well. */
  readonly reason: string
  readonly remedy: Remedy | undefined
}

export interface ComponentFinding {
  readonly component: Component
  readonly state: ComponentState
  /** Of its leaves. */
  readonly watts: number | undefined
  readonly domains: readonly string[]
}

export interface Findings {
  readonly version: string
  readonly host: string
  readonly seconds: number
  readonly place: Vantage['place']
  readonly isVirtual: boolean
  readonly uid: number
  readonly sensors: readonly SensorFinding[]
  readonly components: readonly ComponentFinding[]
  readonly domains: readonly DomainSeen[]
  readonly devices: readonly DeviceFinding[]
  readonly attribution: readonly Check[]
  /** Whether queries are counted says nothing of what can be measured: it is told, and no problem of the machine. */
  readonly queryServers: readonly QueryServerSeen[]
  /** As with those. */
  readonly proxies: readonly ProxySeen[]
  /** What is there and cannot be read, worst first, each thing once. */
  readonly todo: readonly Remedy[]
  /** What could be known besides. */
  readonly optional: readonly Remedy[]
  /** 0: all that is there is read. 1: something is not. */
  readonly exitCode: 0 | 1
}

export function findingsOf(seen: Observation): Findings {
  const { version, host, seconds, vantage, domains } = seen
  const sensors = seen.sensors.map((status) => sensorFinding(status, seen))
  const attribution = attributionOf(seen)
  const devices = devicesOf(seen)
  const isProblem = ({ state }: SensorFinding): boolean => state === 'unreadable' || state === 'partly'
  const todo = unique([
    ...sensors.filter(isProblem).map(({ remedy }) => remedy),
    ...attribution.filter(({ level }) => level === 'problem').map(({ remedy }) => remedy),
  ])
  const optional = unique([
    ...sensors.filter((one) => !isProblem(one)).map(({ remedy }) => remedy),
    ...attribution.filter(({ level }) => level === 'note').map(({ remedy }) => remedy),
    ...devices.map(({ remedy }) => remedy),
  ]).filter(({ text }) => !todo.some((one) => one.text === text))
  const hasProblem = sensors.some(isProblem) || attribution.some(({ level }) => level === 'problem')
  return {
    version,
    host,
    seconds,
    place: vantage.place,
    isVirtual: vantage.isVirtual,
    uid: vantage.uid,
    sensors,
    components: (Object.keys(seen.components) as Component[]).map((component) =>
      componentFinding(component, seen),
    ),
    domains,
    devices,
    attribution,
    queryServers: seen.queryServers,
    proxies: seen.proxies,
    todo,
    optional,
    exitCode: hasProblem ? 1 : 0,
  }
}

function sensorFinding(
  status: SensorStatus,
  { vantage, domainsBySensor, domains: shown, seconds, devices }: Observation,
): SensorFinding {
  const { name, reason } = status
  const known = domainsBySensor[name] ?? []
  const domains = known.filter((id) => shown.some(({ domain }) => domain === id))
  const hasAnswered = devices.some(({ sensor }) => sensor === name)
  const isSilent = status.state === 'warming-up' && known.length === 0 && !hasAnswered
  const isBlind = isBlindTo(status, vantage)
  const isStandby = status.state === 'readings' && known.length > 0 && domains.length === 0
  return {
    sensor: name,
    state: isStandby ? 'standby' : isSilent || isBlind ? 'unreadable' : sensorState(status),
    domains,
    reason: isStandby
      ? 'not needed: what it models is measured'
      : isSilent
        ? `no answer in ${seconds.toFixed(1)} s: its driver is slow or hangs`
        : isBlind
          ? `${vantage.nvidiaGpus} on the PCI bus: ${reason}`
          : reason,
    remedy: isSilent ? HANGS : remedyFor(status, vantage),
  }
}

/** GPUs are on the bus, and their driver is not to be had. */
const isBlindTo = ({ name, state }: SensorStatus, { nvidiaGpus }: Vantage): boolean =>
  name === 'nvml' && state === 'absent' && nvidiaGpus > 0

const HANGS: Remedy = {
  kind: 'module',
  text: 'look into the kernel log (dmesg) for its driver, and load that anew',
}

function sensorState({ state, unreadable }: SensorStatus): SensorFinding['state'] {
  switch (state) {
    case 'readings':
      return unreadable.length > 0 ? 'partly' : 'reading'
    case 'warming-up':
      return unreadable.length > 0 ? 'partly' : 'waiting'
    case 'absent':
      return 'absent'
    case 'failed':
      return 'unreadable'
  }
}

function componentFinding(component: Component, seen: Observation): ComponentFinding {
  const { domains, components } = seen
  const isBlind =
    component === 'accelerator' && seen.sensors.some((status) => isBlindTo(status, seen.vantage))
  const leaves = domains.filter((one) => one.leaf && one.component === component)
  const read = leaves.flatMap(({ watts }) => watts ?? [])
  return {
    component,
    state: isBlind ? 'unreadable' : components[component],
    watts: read.length === 0 ? undefined : read.reduce((sum, one) => sum + one, 0),
    domains: leaves.map(({ domain }) => domain),
  }
}

function unique(remedies: readonly (Remedy | undefined)[]): Remedy[] {
  const seen = new Map<string, Remedy>()
  for (const remedy of remedies) if (remedy !== undefined) seen.set(remedy.text, remedy)
  return Array.from(seen.values())
}
