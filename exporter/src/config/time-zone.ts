/** IANA time zones: which are known here, and which one this machine is set to. */
import { realpathSync } from 'node:fs'
import { Calendar } from '../workloads/calendar.ts'
import { nearest } from './nearest.ts'

/** Offsets such as `+01:00`, which newer releases of ICU take for zones, have no daylight saving and are refused. */
export function isTimeZone(name: string): boolean {
  if (!/^[a-z]/i.test(name)) return false
  try {
    return new Calendar(name).zone !== ''
  } catch {
    return false
  }
}

const EXAMPLE = 'Europe/Berlin'

/** What to do about a zone that is not known; follows the name of its key. */
export function whyNoTimeZone(name: unknown): string {
  const meant =
    typeof name === 'string' && name.includes('/')
      ? nearest(name, Intl.supportedValuesOf('timeZone'))
      : undefined
  return `is not a time zone that is known here: ${
    meant === undefined ? `give an IANA name such as ${EXAMPLE}` : `did you mean ${meant}?`
  }`
}

/** What the C library and ICU are told of this machine's zone. */
export interface MachineZone {
  readonly tz: string | undefined
  /** By ICU, which leaves it out when it finds no name. */
  readonly named: string | undefined
}

const thisMachine = (): MachineZone => ({
  tz: process.env['TZ'],
  named: new Intl.DateTimeFormat().resolvedOptions().timeZone,
})

/**
 * The zone of `TZ` or `/etc/localtime`; UTC where neither is set.
 * @returns undefined when it has no name by which its rules could be found
 */
export function machineTimeZone({ tz, named = '' }: MachineZone = thisMachine()): string | undefined {
  if (tz === '') return 'UTC' // POSIX
  const zone = isTimeZone(named) ? named : zoneOf((tz ?? '').replace(/^:/, ''))
  return isTimeZone(zone) ? zone : undefined
}

/** ICU leaves out forms that the C library takes: the path of a zone's file, and that of a link to it. */
function zoneOf(place: string): string {
  if (!place.startsWith('/')) return place
  try {
    return realpathSync(place).replace(/^.*\/zoneinfo\/(?:posix\/)?/, '')
  } catch {
    return ''
  }
}
