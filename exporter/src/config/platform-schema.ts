/** The keys of a machine's management controllers, and of what speaks Redfish beside it. */
import { z } from 'zod'
import {
  checkDevice,
  credentialKeys,
  credentialsOf,
  deviceConfigOf,
  deviceKeys,
  tlsKeys,
  type Credentials,
  type DeviceConfig,
} from './device-schema.ts'

export interface IpmiConfig extends DeviceConfig {
  /** Empty: this machine's own controller, through its driver. */
  readonly host: string
  readonly port: number
  readonly credentials: Credentials
  readonly privilege: 'user' | 'operator' | 'administrator'
  /** Undefined: as ipmitool chooses. */
  readonly cipherSuite: number | undefined
}

export interface RedfishConfig extends DeviceConfig {
  readonly url: string
  readonly credentials: Credentials
  readonly auth: 'session' | 'basic'
  /** Empty: the authorities of the system. */
  readonly caFile: string
  readonly tlsVerify: boolean
}

const ipmiItem = z
  .strictObject({
    ...deviceKeys({ period: 10, timeout: 10 }),
    host: z
      .string()
      .regex(/^[\w.:-]*$/, 'must be a host name or address')
      .default('')
      .describe(
        "Name or address of the controller. Without it, this machine's own one through `/dev/ipmi0`.",
      ),
    port: z
      .int()
      .min(1, 'must be from 1 to 65535')
      .max(65_535, 'must be from 1 to 65535')
      .default(623)
      .describe('UDP port of the controller.'),
    ...credentialKeys(),
    privilege: z
      .enum(['user', 'operator', 'administrator'])
      .default('user')
      .describe('What the user is allowed to; reading takes no more than `user`.'),
    cipher_suite: z
      .int()
      .min(0, 'must be from 0 to 17')
      .max(17, 'must be from 0 to 17')
      .optional()
      .describe('Cipher suite of RMCP+; old controllers need 3. Without it, what ipmitool chooses.'),
  })
  .superRefine(checkDevice, { when: () => true })

export const ipmi = z
  .array(ipmiItem)
  .default([])
  .describe(
    'Controllers that are asked through the program `ipmitool`: power (DCMI, sensors in watts), fans, temperatures.',
  )

const redfishItem = z
  .strictObject({
    ...deviceKeys({ period: 10, timeout: 20 }),
    url: z
      .url({ protocol: /^https?$/, error: 'must be an URL such as https://bmc-1.example.org' })
      .refine((url) => !/^\w+:\/\/[^/]*@/.test(url), {
        error: 'must not hold a user or a password: use `username` and `password_file`',
      })
      .describe('Where the service answers, without a path.'),
    ...credentialKeys(),
    auth: z
      .enum(['session', 'basic'])
      .default('session')
      .describe(
        'How it says who asks. `session`: logs in once and out at the end. `basic`: the password goes along with each question, for services without sessions.',
      ),
    ...tlsKeys(),
  })
  .superRefine(checkDevice, { when: () => true })

export const redfish = z
  .array(redfishItem)
  .default([])
  .describe('Services that speak Redfish: management controllers, rack PDUs, coolant distribution units.')

export const ipmiConfigsOf = (content: z.output<typeof ipmi>, ownZone: string): IpmiConfig[] =>
  content.map((one) => ({
    ...deviceConfigOf(one, ownZone),
    host: one.host,
    port: one.port,
    credentials: credentialsOf(one),
    privilege: one.privilege,
    cipherSuite: one.cipher_suite,
  }))

export const redfishConfigsOf = (content: z.output<typeof redfish>, ownZone: string): RedfishConfig[] =>
  content.map((one) => ({
    ...deviceConfigOf(one, ownZone),
    url: one.url.replace(/\/+$/, ''),
    credentials: credentialsOf(one),
    auth: one.auth,
    caFile: one.ca_file,
    tlsVerify: one.tls_verify,
  }))
