/** What the devices that are set up cover, in words: this machine, zones, and what is missing, doubtful or left over. */
import { FACILITY_ROLES, type DeviceSeen, type FacilityRole, type MeterSeen } from '../model.ts'
import type { DomainSeen, Observation } from './observation.ts'
import type { Remedy } from './remedies.ts'

export interface DeviceFinding {
  /** The device's sensor, or `zone hall-2`, or `this machine`. */
  readonly subject: string
  /** `note`: it works, and something about it is worth a thought. */
  readonly level: 'ok' | 'note'
  readonly says: string
  readonly remedy: Remedy | undefined
}

export const devicesOf = (seen: Observation): DeviceFinding[] => [
  ...seen.devices.flatMap((device) => [coverageOf(device), ...leftOver(device)]),
  ...seen.sensors.filter(({ tls }) => tls === 'unverified').map(({ name }) => withoutTls(name)),
  ...doubleMeters(seen.domains),
  ...zonesOf(seen),
]

const ok = (subject: string, says: string): DeviceFinding => ({
  subject,
  level: 'ok',
  says,
  remedy: undefined,
})

const note = (subject: string, says: string, text: string): DeviceFinding => ({
  subject,
  level: 'note',
  says,
  remedy: { kind: 'setting', text },
})

const METHODS = { counter: 'counted', integrated: 'integrated power', estimated: 'estimated' } as const

function coverageOf({ sensor, meters }: DeviceSeen): DeviceFinding {
  if (meters.length === 0) return ok(sensor, 'measures no energy that is of interest here')
  return ok(sensor, meters.map(meterText).join('; '))
}

function meterText({ meter, covers, component, zone, role, method, booked, source }: MeterSeen): string {
  const what =
    covers === 'zone' ? `of zone ${zone}: ${ROLES[role || 'total']}` : NODE_PARTS[component || 'node']
  const how = source === '' ? METHODS[method] : `${METHODS[method]}, by ${source}`
  const books = covers === 'zone' ? 'published' : booked ? 'booked' : 'shown, not booked'
  return `${meter}: ${what} (${how}), ${books}`
}

const ROLES: Record<FacilityRole, string> = {
  it: 'its IT',
  cooling: 'its cooling',
  power: 'its power losses',
  network: 'its network',
  total: 'all of it',
  solar: 'what the sun gives it',
}

const NODE_PARTS: Record<Exclude<MeterSeen['component'], ''>, string> = {
  node: 'this machine as a whole',
  accelerator: "this machine's accelerators",
  cpu: "this machine's processors",
  memory: "this machine's memory",
  board: 'a part of this machine',
  cooling: "this machine's own cooling",
  power: "this machine's own power losses",
  network: "this machine's own network",
}

const MOST_NAMED = 12

function leftOver({ sensor, uncovered }: DeviceSeen): DeviceFinding[] {
  if (uncovered.length === 0) return []
  const more = uncovered.length > MOST_NAMED ? ` and ${uncovered.length - MOST_NAMED} more` : ''
  const named = uncovered.slice(0, MOST_NAMED).join(', ')
  return [ok(sensor, `has meters that cover nothing here: ${named}${more}`)]
}

const withoutTls = (sensor: string): DeviceFinding =>
  note(
    sensor,
    'its certificate is not verified: whoever is in between can read the password and lie',
    'name the authority that has signed it as ca_file, and leave out tls_verify: false',
  )

/** Two that see all of the machine: the inner one can only be booked as a part of the outer one. */
function doubleMeters(domains: readonly DomainSeen[]): DeviceFinding[] {
  return domains.flatMap(({ domain, component, within }) => {
    const outer = domains.find((one) => one.domain === within)
    if (component !== 'node' || outer?.component !== 'node') return []
    return [
      note(
        'this machine',
        `${outer.domain} and ${domain} both measure it as a whole: ${domain} is taken as inside, and the difference is booked as board`,
        `say which contains which with the key nesting, or show one only with booked: false`,
      ),
    ]
  })
}

function zonesOf({ devices, configuredPue }: Observation): DeviceFinding[] {
  const meters = devices.flatMap((device) => device.meters).filter(({ covers }) => covers === 'zone')
  const zones = Array.from(new Set(meters.map(({ zone }) => zone)))
  const findings = zones.map((zone) =>
    zoneFinding(
      zone,
      meters.filter((one) => one.zone === zone),
      configuredPue,
    ),
  )
  const isConstant = configuredPue !== undefined && !zones.includes(configuredPue.zone)
  const constant = isConstant ? [ok(`zone ${configuredPue.zone}`, constantText(configuredPue.ratio))] : []
  return [...findings, ...constant]
}

const constantText = (ratio: number): string => `no meter here; its PUE is configured as ${ratio}`

function zoneFinding(
  zone: string,
  meters: readonly MeterSeen[],
  pue: Observation['configuredPue'],
): DeviceFinding {
  const named = (role: FacilityRole): string => {
    const own = meters.filter((one) => one.role === role).map(({ meter }) => meter)
    return own.length === 0 ? '' : `${role} by ${own.join(' and ')}`
  }
  const says = FACILITY_ROLES.map(named).filter(Boolean).join(', ')
  const has = (role: FacilityRole): boolean => meters.some((one) => one.role === role)
  if (pue?.zone === zone) return ok(`zone ${zone}`, `${says}; its PUE is configured as ${pue.ratio}`)
  if (!has('it')) {
    return note(
      `zone ${zone}`,
      `${says}; no meter of its IT, so its PUE is not known from here`,
      'name a meter with role it, if no other exporter has one for this zone',
    )
  }
  if (has('total')) return ok(`zone ${zone}`, `${says}; PUE = total / it`)
  if (has('cooling') || has('power')) return ok(`zone ${zone}`, `${says}; no total: PUE = all roles / it`)
  return note(
    `zone ${zone}`,
    `${says}; nothing but its IT, so its PUE is not known from here`,
    'name a meter with role total, or those of cooling and power, if no other exporter has them',
  )
}
