/** The keys of inverters, plugs and other meters: Modbus TCP, JSON over HTTP, metrics pages. */
import { z } from 'zod'
import { HTTP_KINDS, HTTP_SCHEMES } from '../devices/choices.ts'
import type { Mapping } from '../devices/quantity.ts'
import { REGISTER_TYPES, type RegisterType } from '../devices/registers.ts'
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

export interface ModbusConfig extends DeviceConfig {
  readonly host: string
  readonly port: number
  readonly unit: number
  readonly sunspec: boolean
  readonly registers: readonly (Mapping & {
    readonly kind: 'holding' | 'input'
    readonly address: number
    readonly type: RegisterType
    readonly wordOrder: 'big' | 'little'
  })[]
  readonly supply: SupplyConfig
}

interface Reached {
  /** Without a path. */
  readonly url: string
  /** With the query. */
  readonly path: string
  readonly login: Credentials & { readonly scheme: (typeof HTTP_SCHEMES)[number] }
  /** Empty: the authorities of the system. */
  readonly caFile: string
  readonly tlsVerify: boolean
}

export interface HttpConfig extends DeviceConfig, Reached {
  readonly kind: (typeof HTTP_KINDS)[number]
  readonly values: readonly (Mapping & { readonly path: string })[]
  readonly supply: SupplyConfig
}

export interface PrometheusConfig extends DeviceConfig, Reached {
  readonly series: readonly (Mapping & {
    readonly metric: string
    readonly labels: Readonly<Record<string, string>>
    readonly each: string
  })[]
  readonly supply: SupplyConfig
}

const register = z
  .strictObject({
    ...mappingKeys,
    kind: z
      .enum(['holding', 'input'])
      .default('holding')
      .describe('Holding registers (function 3) or input registers (function 4).'),
    address: z
      .int()
      .min(0, 'must be from 0 to 65535')
      .max(65_535, 'must be from 0 to 65535')
      .describe(
        'From 0, as on the wire: register 40001 of a manual is holding register 0, 30001 input register 0.',
      ),
    type: z.enum(REGISTER_TYPES).describe('What its registers hold together.'),
    word_order: z
      .enum(['big', 'little'])
      .default('big')
      .describe('Of numbers in several registers: `big` has the high bits in the first one.'),
  })
  .superRefine(checkMapping, { when: () => true })

const modbusItem = z
  .strictObject({
    ...deviceKeys({ period: 10, timeout: 10 }),
    host: host().describe('Name or address of the device or of its gateway.'),
    port: port(502, 'TCP'),
    unit: z
      .int()
      .min(0, 'must be from 0 to 255')
      .max(255, 'must be from 0 to 255')
      .default(1)
      .describe(
        'Unit identifier: which device behind a gateway. SunSpec inverters often have 1 or 126, meters 240.',
      ),
    sunspec: z
      .boolean()
      .optional()
      .describe('Whether its SunSpec models are looked for. Without it, where no `registers` are named.'),
    registers: z
      .array(register)
      .default([])
      .describe('Numbers of a device that does not speak SunSpec, by its manual.'),
    ...supplyKeys,
  })
  .superRefine(checkDevice, { when: () => true })

export const modbus = z
  .array(modbusItem)
  .default([])
  .describe('Inverters, meters, batteries, chillers and coolant units that speak Modbus TCP.')

const url = (): z.ZodType<string> =>
  z
    .url({ protocol: /^https?$/, error: 'must be an URL such as http://plug-1.example.org' })
    .refine((text) => !/^\w+:\/\/[^/]*@/.test(text), {
      error: 'must not hold a user or a password: use `username` and `password_file`',
    })

const auth = () =>
  z
    .enum(HTTP_SCHEMES)
    .default('digest')
    .describe(
      'How it is said who asks. `digest` never sends the password; `basic` does; `bearer`: the password is a token.',
    )

const value = z
  .strictObject({
    ...mappingKeys,
    path: words().describe(
      'Where the number is: names and places of lists (from 0), separated by points, such as `emeters.0.power`.',
    ),
  })
  .superRefine(checkMapping, { when: () => true })

const httpItem = z
  .strictObject({
    ...deviceKeys({ period: 10, timeout: 5 }),
    kind: z
      .enum(HTTP_KINDS)
      .describe('What it is. `shelly`: Gen2 and later; `tasmota`; `json`: any document, by `values`.'),
    url: url().describe('Where it answers; with `kind: json` with the path of the document.'),
    ...credentialKeys(),
    auth: auth(),
    ...tlsKeys(),
    values: z.array(value).default([]).describe('With `kind: json`: its numbers.'),
    ...supplyKeys,
  })
  .superRefine(
    (content, context) => {
      checkDevice(content, context)
      const complain = (key: string, message: string): void =>
        context.addIssue({ code: 'custom', input: content, path: [key], message })
      if (content.kind === 'json' && content.values.length === 0)
        complain('values', 'is missing: say where in the document the numbers are')
      if (content.kind !== 'json' && content.values.length > 0) complain('values', 'goes with `kind: json`')
    },
    { when: () => true },
  )

export const http = z
  .array(httpItem)
  .default([])
  .describe('Smart plugs and meters that answer in JSON over HTTP.')

const series = z
  .strictObject({
    ...mappingKeys,
    metric: z
      .string()
      .regex(/^[a-zA-Z_:][\w:]*$/, 'must be the name of a metric')
      .describe('Name of the metric, as on the page.'),
    labels: z
      .record(z.string(), z.string())
      .default({})
      .describe('Labels that choose the series, all of them.'),
    each: z
      .string()
      .default('')
      .describe(
        'Label that tells several series apart: each is a meter of its own, `name` with its value behind.',
      ),
  })
  .superRefine(checkMapping, { when: () => true })

const prometheusItem = z
  .strictObject({
    ...deviceKeys({ period: 15, timeout: 10 }),
    url: url().describe('The metrics page, such as `http://127.0.0.1:9100/metrics`.'),
    ...credentialKeys(),
    auth: auth(),
    ...tlsKeys(),
    series: z.array(series).min(1, 'must name a series').describe('What of the page is measured here.'),
    ...supplyKeys,
  })
  .superRefine(checkDevice, { when: () => true })

export const prometheus = z
  .array(prometheusItem)
  .default([])
  .describe('Metrics pages of other exporters that measure already.')

export const modbusConfigsOf = (content: z.output<typeof modbus>, ownZone: string): ModbusConfig[] =>
  content.map((one) => ({
    ...deviceConfigOf(one, ownZone),
    host: one.host,
    port: one.port,
    unit: one.unit,
    sunspec: one.sunspec ?? one.registers.length === 0,
    registers: one.registers.map((mapping) => ({
      ...mappingOf(mapping),
      kind: mapping.kind,
      address: mapping.address,
      type: mapping.type,
      wordOrder: mapping.word_order,
    })),
    supply: supplyOf(one),
  }))

function reachedAt(
  one: Parameters<typeof credentialsOf>[0] & {
    readonly url: string
    readonly auth: (typeof HTTP_SCHEMES)[number]
    readonly ca_file: string
    readonly tls_verify: boolean
  },
): Reached {
  const { origin, pathname, search } = new URL(one.url)
  return {
    url: origin,
    path: pathname + search,
    login: { ...credentialsOf(one), scheme: one.auth },
    caFile: one.ca_file,
    tlsVerify: one.tls_verify,
  }
}

export const httpConfigsOf = (content: z.output<typeof http>, ownZone: string): HttpConfig[] =>
  content.map((one) => ({
    ...deviceConfigOf(one, ownZone),
    ...reachedAt(one),
    kind: one.kind,
    values: one.values.map((mapping) => ({ ...mappingOf(mapping), path: mapping.path })),
    supply: supplyOf(one),
  }))

export const prometheusConfigsOf = (
  content: z.output<typeof prometheus>,
  ownZone: string,
): PrometheusConfig[] =>
  content.map((one) => ({
    ...deviceConfigOf(one, ownZone),
    ...reachedAt(one),
    series: one.series.map((mapping) => ({
      ...mappingOf(mapping),
      metric: mapping.metric,
      labels: mapping.labels,
      each: mapping.each,
    })),
    supply: supplyOf(one),
  }))
