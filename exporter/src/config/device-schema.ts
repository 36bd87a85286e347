/** The keys that every device has, whatever it speaks, and what it covers. */
import { z } from 'zod'
import { COMPONENTS, FACILITY_ROLES, type DomainComponent, type FacilityRole } from '../model.ts'
import { seconds, watts, type Seconds, type Watts } from '../units.ts'

/** More than any one machine draws, and more than the room of one meter. */
const MOST_NODE_WATTS = 100_000
const MOST_ZONE_WATTS = 10_000_000

const words = (): z.ZodString => z.string().min(1, 'must not be empty')
const range = (low: number, high: number): z.ZodNumber =>
  z.number().min(low, `must be from ${low} to ${high}`).max(high, `must be from ${low} to ${high}`)

/** As in the labels of metrics. */
const label = (): z.ZodString =>
  words().regex(/^[\w .:/-]{1,64}$/, 'must be at most 64 letters, digits, spaces or . _ : / -')

const coverageKeys = {
  covers: z
    .enum(['node', 'zone'])
    .optional()
    .describe(
      'What is measured. `node`: this machine or a part of it, booked to those who use it. `zone`: a room, closet or hall that other machines share; published as `wattribute_facility_*` and booked to nobody here.',
    ),
  component: z
    .enum(['node', ...COMPONENTS])
    .optional()
    .describe(
      'With `covers: node`: what of this machine. `node`, unless given: the whole machine, which contains what other sensors measure of it. `cooling`, `power` and `network` are beside the machine: its own air conditioner, the loss of its UPS, its switch.',
    ),
  within: z
    .string()
    .optional()
    .describe(
      'With `covers: node`: the domain that contains it. Without it, a meter of the whole machine, where there is one.',
    ),
  booked: z
    .boolean()
    .optional()
    .describe(
      'With `covers: node`: `false` shows it without booking it, because another meter sees the same.',
    ),
  zone: label()
    .optional()
    .describe("With `covers: zone`: the room's name. Without it, the key `zone` of this machine."),
  role: z
    .enum(FACILITY_ROLES)
    .optional()
    .describe(
      'With `covers: zone`: what the meter sees of the room. `it`, `cooling`, `power` (loss), `network`; or `total`: all that the room draws; or `solar`: what its inverter makes of the sun.',
    ),
  max_watts: z
    .number()
    .gt(0, 'must be above 0')
    .optional()
    .describe(
      'More than it can ever draw: what is above is not believed. Without it, 100,000 W for a machine and 10,000,000 W for a zone.',
    ),
}

const meterItem = z
  .strictObject({
    name: label().describe(
      'What it shall be called: the label `domain`, or `meter` of a zone. Each name once.',
    ),
    figures: z
      .array(words())
      .default([])
      .describe(
        'Names of the device’s own meters, which are added up (two feeds of a machine). Without it, its main meter. `wattribute doctor` lists them.',
      ),
    minus: z
      .array(words())
      .default([])
      .describe(
        'Names of its meters that are taken away from those: what goes into a UPS less what comes out is loss.',
      ),
    ...coverageKeys,
  })
  .superRefine((value, context) => complain(value, context, contradictionsIn(value)), { when: () => true })

/** @param defaults of what a device of its kind needs to answer */
export const deviceKeys = (defaults: { readonly period: number; readonly timeout: number }) => ({
  name: label().describe(
    'What it is called, in the label `sensor` behind its kind. Each name once in its list.',
  ),
  period_seconds: range(1, 3600).default(defaults.period).describe('How often it is asked.'),
  timeout_seconds: range(0.1, 300)
    .default(defaults.timeout)
    .describe('How long one answer, with all that belongs to it, may take.'),
  ...coverageKeys,
  meters: z
    .array(meterItem)
    .optional()
    .describe(
      'Instead of `covers`, where the device has several meters: what each covers. An empty list: it has none of interest, only temperatures and the like.',
    ),
})

export const credentialKeys = () => ({
  username: z.string().default('').describe('Who asks; empty: nobody has to say.'),
  password_file: z
    .string()
    .default('')
    .describe('File that holds the password; read anew when it is needed.'),
  password_env: z
    .string()
    .regex(/^([A-Za-z_]\w*)?$/, 'must be the name of an environment variable')
    .default('')
    .describe('Environment variable that holds the password, instead of `password_file`.'),
})

export const tlsKeys = () => ({
  ca_file: z
    .string()
    .default('')
    .describe(
      'Authority that has signed its certificate, or that certificate itself; PEM. Without it, those of the system.',
    ),
  tls_verify: z
    .boolean()
    .default(true)
    .describe(
      'Whether its certificate is verified. `false` believes any: whoever is in between can read the password and lie.',
    ),
})

export interface Credentials {
  readonly username: string
  readonly passwordFile: string
  readonly passwordEnv: string
}

export const credentialsOf = (content: {
  readonly username: string
  readonly password_file: string
  readonly password_env: string
}): Credentials => ({
  username: content.username,
  passwordFile: content.password_file,
  passwordEnv: content.password_env,
})

export type CoverageConfig =
  | {
      readonly covers: 'node'
      readonly component: DomainComponent
      readonly within: string
      readonly isBooked: boolean
    }
  | { readonly covers: 'zone'; readonly zone: string; readonly role: FacilityRole }

export type MeterConfig = CoverageConfig & {
  readonly name: string
  readonly figures: readonly string[]
  readonly minus: readonly string[]
  readonly maximum: Watts
}

export interface DeviceConfig {
  readonly name: string
  readonly period: Seconds
  readonly timeout: Seconds
  readonly meters: readonly MeterConfig[]
}

interface CoverageContent {
  readonly covers?: 'node' | 'zone' | undefined
  readonly component?: DomainComponent | undefined
  readonly within?: string | undefined
  readonly booked?: boolean | undefined
  readonly zone?: string | undefined
  readonly role?: FacilityRole | undefined
  readonly max_watts?: number | undefined
}

interface MeterContent extends CoverageContent {
  readonly name: string
  readonly figures: readonly string[]
  readonly minus: readonly string[]
}

export interface DeviceContent extends CoverageContent {
  readonly name: string
  readonly period_seconds: number
  readonly timeout_seconds: number
  readonly meters?: readonly MeterContent[] | undefined
}

/** @param ownZone the key `zone` */
export const deviceConfigOf = (content: DeviceContent, ownZone: string): DeviceConfig => ({
  name: content.name,
  period: seconds(content.period_seconds),
  timeout: seconds(content.timeout_seconds),
  meters: metersIn(content).map((meter) => meterConfigOf(meter, ownZone)),
})

/** A device without a list of meters is its main one. */
export const metersIn = (content: DeviceContent): readonly MeterContent[] =>
  content.meters ?? [{ ...content, figures: [], minus: [] }]

function meterConfigOf(meter: MeterContent, ownZone: string): MeterConfig {
  const { name, figures, minus, max_watts: most } = meter
  if (meter.covers === 'zone') {
    return {
      covers: 'zone',
      name,
      figures: [...figures],
      minus: [...minus],
      zone: meter.zone ?? ownZone,
      role: meter.role ?? 'total',
      maximum: watts(most ?? MOST_ZONE_WATTS),
    }
  }
  return {
    covers: 'node',
    name,
    figures: [...figures],
    minus: [...minus],
    component: meter.component ?? 'node',
    within: meter.within ?? '',
    isBooked: meter.booked ?? true,
    maximum: watts(most ?? MOST_NODE_WATTS),
  }
}

type Contradiction = readonly [path: readonly string[], message: string]

/** For the list of a kind: what one device says against itself. */
export const checkDevice = (value: DeviceContent, context: z.core.$RefinementCtx): void =>
  complain(value, context, deviceContradictions(value))

function complain(value: unknown, context: z.core.$RefinementCtx, all: readonly Contradiction[]): void {
  for (const [path, message] of all)
    context.addIssue({ code: 'custom', input: value, path: [...path], message })
}

function deviceContradictions(value: DeviceContent): readonly Contradiction[] {
  if (value.meters === undefined) return contradictionsIn(value)
  const beside = ['covers', 'component', 'within', 'booked', 'zone', 'role', 'max_watts'] as const
  return beside
    .filter((key) => value[key] !== undefined)
    .map((key) => [[key], 'cannot be beside `meters`: say it of each meter'])
}

function contradictionsIn(value: CoverageContent): readonly Contradiction[] {
  switch (value.covers) {
    case undefined:
      return [[['covers'], 'is missing: say `node` where it measures this machine, `zone` where a room']]
    case 'node':
      return (['zone', 'role'] as const)
        .filter((key) => value[key] !== undefined)
        .map((key) => [[key], 'goes with `covers: zone`'])
    case 'zone': {
      const others = (['component', 'within', 'booked'] as const)
        .filter((key) => value[key] !== undefined)
        .map((key): Contradiction => [[key], 'goes with `covers: node`'])
      return value.role === undefined
        ? [...others, [['role'], 'is missing: say what of the room it sees']]
        : others
    }
  }
}
