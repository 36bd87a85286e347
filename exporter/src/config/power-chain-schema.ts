/** The keys of PDUs and UPSs: SNMP and Network UPS Tools. */
import { z } from 'zod'
import { AUTH_PROTOCOLS, PRIVACY_PROTOCOLS } from '../devices/choices.ts'
import type { Mapping } from '../devices/quantity.ts'
import { SNMP_PRESET_NAMES, type SnmpPresetName } from '../devices/snmp-presets.ts'
import {
  checkDevice,
  credentialKeys,
  credentialsOf,
  deviceConfigOf,
  deviceKeys,
  type Credentials,
  type DeviceConfig,
} from './device-schema.ts'
import {
  checkMapping,
  host,
  mappingKeys,
  mappingOf,
  port,
  supplyKeys,
  supplyOf,
  words,
  type SupplyConfig,
} from './mapping-schema.ts'

export interface SnmpConfig extends DeviceConfig {
  readonly host: string
  readonly port: number
  readonly security:
    | { readonly version: '2c'; readonly community: Credentials }
    | {
        readonly version: '3'
        readonly authProtocol: (typeof AUTH_PROTOCOLS)[number]
        readonly authentication: Credentials
        readonly privacyProtocol: (typeof PRIVACY_PROTOCOLS)[number]
        readonly privacy: Credentials
      }
  readonly preset: SnmpPresetName | undefined
  readonly objects: readonly (Mapping & { readonly oid: string })[]
  readonly supply: SupplyConfig
}

export interface NutConfig extends DeviceConfig {
  readonly host: string
  readonly port: number
  readonly ups: string
  readonly credentials: Credentials
  readonly supply: SupplyConfig
}

const environment = (): z.ZodString =>
  z.string().regex(/^([A-Za-z_]\w*)?$/, 'must be the name of an environment variable')

const object = z
  .strictObject({
    ...mappingKeys,
    oid: z
      .string()
      .regex(
        /^\d+(\.\d+){2,63}$/,
        'must be numbers with points between, such as 1.3.6.1.4.1.318.1.1.12.1.16.0',
      )
      .describe('Which object, with the index at its end (`.0` for a single one).'),
  })
  .superRefine(checkMapping, { when: () => true })

const snmpItem = z
  .strictObject({
    ...deviceKeys({ period: 10, timeout: 10 }),
    host: host().describe('Name or address of the device.'),
    port: port(161, 'UDP'),
    version: z
      .enum(['2c', '3'])
      .default('2c')
      .describe('Version of SNMP; `3` with authentication and privacy.'),
    community_file: z
      .string()
      .default('')
      .describe('Version 2c: file that holds the community. Without it and `community_env`, `public`.'),
    community_env: environment()
      .default('')
      .describe('Version 2c: environment variable that holds the community.'),
    ...credentialKeys(),
    auth_protocol: z
      .enum(AUTH_PROTOCOLS)
      .default('sha')
      .describe('Version 3: how the user is authenticated.'),
    privacy_protocol: z
      .enum(PRIVACY_PROTOCOLS)
      .default('aes')
      .describe(
        'Version 3: how messages are encrypted; `aes256b` as by Blumenthal, `aes256r` as by Reeder (Cisco).',
      ),
    privacy_password_file: z
      .string()
      .default('')
      .describe('Version 3: file that holds the password of privacy.'),
    privacy_password_env: environment()
      .default('')
      .describe('Version 3: environment variable that holds the password of privacy.'),
    preset: z
      .enum(SNMP_PRESET_NAMES as [SnmpPresetName, ...SnmpPresetName[]])
      .optional()
      .describe(
        'What kind of device it is: `apc-rpdu2` and `apc-rpdu` (APC), `raritan-pdu2` (Raritan, Legrand, Server Technology), `ups-mib` (RFC 1628), `entity-sensor` (RFC 3433). This, `objects` or both.',
      ),
    objects: z.array(object).default([]).describe('Single numbers of a device that no preset is for.'),
    ...supplyKeys,
  })
  .superRefine(
    (value, context) => {
      checkDevice(value, context)
      const complain = (key: string, message: string): void =>
        context.addIssue({ code: 'custom', input: value, path: [key], message })
      if (value.preset === undefined && value.objects.length === 0)
        complain('preset', 'is missing; `objects` would do as well')
      if (value.version === '3') {
        if (value.username === '') complain('username', 'is missing: version 3 has users')
        if (value.password_file + value.password_env === '')
          complain('password_file', 'is missing: version 3 authenticates its user')
        if (value.privacy_password_file + value.privacy_password_env === '')
          complain('privacy_password_file', 'is missing: version 3 is only used with privacy')
      } else if (value.username !== '') complain('username', 'goes with `version: "3"`')
    },
    { when: () => true },
  )

export const snmp = z.array(snmpItem).default([]).describe('PDUs, UPSs and other devices that speak SNMP.')

const nutItem = z
  .strictObject({
    ...deviceKeys({ period: 10, timeout: 5 }),
    host: host().default('127.0.0.1').describe('Where upsd runs.'),
    port: port(3493, 'TCP'),
    ups: words()
      .regex(/^[^\s"\\]*$/, 'must not hold spaces or quotes')
      .describe('What upsd calls the UPS; `upsc -l` lists the names.'),
    ...credentialKeys(),
    ...supplyKeys,
  })
  .superRefine(checkDevice, { when: () => true })

export const nut = z.array(nutItem).default([]).describe('UPSs of Network UPS Tools servers.')

export const snmpConfigsOf = (content: z.output<typeof snmp>, ownZone: string): SnmpConfig[] =>
  content.map((one) => ({
    ...deviceConfigOf(one, ownZone),
    host: one.host,
    port: one.port,
    security:
      one.version === '2c'
        ? {
            version: '2c',
            community: { username: '', passwordFile: one.community_file, passwordEnv: one.community_env },
          }
        : {
            version: '3',
            authProtocol: one.auth_protocol,
            authentication: credentialsOf(one),
            privacyProtocol: one.privacy_protocol,
            privacy: {
              username: one.username,
              passwordFile: one.privacy_password_file,
              passwordEnv: one.privacy_password_env,
            },
          },
    preset: one.preset,
    objects: one.objects.map((mapping) => ({ ...mappingOf(mapping), oid: mapping.oid })),
    supply: supplyOf(one),
  }))

export const nutConfigsOf = (content: z.output<typeof nut>, ownZone: string): NutConfig[] =>
  content.map((one) => ({
    ...deviceConfigOf(one, ownZone),
    host: one.host,
    port: one.port,
    ups: one.ups,
    credentials: credentialsOf(one),
    supply: supplyOf(one),
  }))
