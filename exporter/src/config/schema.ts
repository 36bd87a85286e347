/** Every key of the configuration file. `docs/configuration.md` is generated from the sentences here. */
import { z } from 'zod'
import { IDLE_POLICIES, type IdlePolicy } from '../ledger/idle-policy.ts'
import type { BudgetRule, DemandRule, WorkloadRule } from '../model.ts'
import type { Seconds, Watts } from '../units.ts'
import { budgets, demand, timeZone } from './budget-schema.ts'
import { checkCoverage } from './coverage-check.ts'
import {
  http,
  modbus,
  prometheus,
  type HttpConfig,
  type ModbusConfig,
  type PrometheusConfig,
} from './metering-schema.ts'
import { ipmi, redfish, type IpmiConfig, type RedfishConfig } from './platform-schema.ts'
import { nut, snmp, type NutConfig, type SnmpConfig } from './power-chain-schema.ts'
import { proxies, type ProxyConfig } from './proxy-schema.ts'
import { queries, type QueriesConfig } from './query-schema.ts'
import { report, type ReportConfig } from './report-schema.ts'
import { hwmon, nesting, type HwmonConfig, type NestingConfig } from './sensor-schema.ts'
import { tokens, type TokenConfig } from './token-schema.ts'
import { workloads } from './workload-schema.ts'

const range = (low: number, high: number): string => `must be from ${low} to ${high}`

const amount = (low: number, high: number): z.ZodNumber =>
  z.number().min(low, range(low, high)).max(high, range(low, high))

const count = (low: number, high: number): z.ZodInt =>
  z.int().min(low, range(low, high)).max(high, range(low, high))

const power = (): z.ZodNumber => z.number().min(0, 'must be 0 or more')

const baseline = z.strictObject({
  domain: z
    .string()
    .min(1)
    .describe('The domain, as in the label `domain` of its metrics, such as `package-0`.'),
  watts: power().describe('What it draws when nothing uses it.'),
  source: z
    .enum(['configured', 'calibrated'])
    .default('configured')
    .describe(
      'Where the figure is from, as it is shown: `calibrated` is what `wattribute doctor --calibrate` has measured.',
    ),
})

const baselines = z
  .array(baseline)
  .check(({ value, issues }) => {
    const seen = new Set<string>()
    value.forEach(({ domain }, index) => {
      if (seen.has(domain)) {
        issues.push({
          code: 'custom',
          input: value,
          path: [index, 'domain'],
          message: 'names a domain that has a baseline already',
        })
      }
      seen.add(domain)
    })
  })
  .default([])
  .describe('Idle power of single domains. What is given here is never replaced by an observed figure.')

const powerModel = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe('Whether a component without a sensor is estimated from how busy it is.'),
    cpu_idle_watts: power()
      .optional()
      .describe('Power of all processors together when idle. Without it, a default for the number of cores.'),
    cpu_max_watts: power()
      .optional()
      .describe('Power of all processors together when fully busy; at least `cpu_idle_watts`.'),
    memory_watts: power().optional().describe('Power of all memory. Without it, a default for its size.'),
  })
  .refine((model) => !(Number(model.cpu_max_watts) < Number(model.cpu_idle_watts)), {
    path: ['cpu_max_watts'],
    error: 'must be at least `cpu_idle_watts`',
    when: () => true, // also beside other problems, so that all are listed at once
  })
  .prefault({})
  .describe('The model that stands in where no sensor measures; its figures have `method="estimated"`.')

const nvidia = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe('Whether the library of NVIDIA’s driver is asked, where there is one.'),
  })
  .prefault({})
  .describe('NVIDIA GPUs.')

const processes = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Whether single processes have series of their own.'),
    top: count(1, 1000)
      .default(50)
      .describe('How many processes are shown; the energy of the others goes to one series `other`.'),
  })
  .prefault({})
  .describe('The view of single processes.')

const kubelet = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'must be an URL such as https://127.0.0.1:10250' })
      .default('https://127.0.0.1:10250')
      .describe(
        'Where the kubelet of this node answers. With `http` it is asked without a token, as its read-only port allows.',
      ),
    token_file: z
      .string()
      .default('/var/run/secrets/kubernetes.io/serviceaccount/token')
      .describe(
        'Token of a service account that may get `nodes/pods` or `nodes/proxy`. Where there is no such file, the kubelet is not asked.',
      ),
    ca_file: z
      .string()
      .default('')
      .describe(
        "Authority that has signed the kubelet's certificate. Without it, a kubelet at a loopback address is not verified, and one elsewhere by the `ca.crt` beside the token.",
      ),
  })
  .prefault({})
  .describe('Whom to ask for the names and owners of pods; the API server is never asked.')

const settings = z.strictObject({
  tick_seconds: amount(0.1, 60).default(1).describe('How often sensors are read and energy is booked.'),
  birth_hold_seconds: amount(0, 600)
    .default(30)
    .describe(
      'How long a new series stands at 0 before it shows its total, because Prometheus cannot see a first value above 0. At least two scrape intervals.',
    ),
  expire_after_seconds: amount(60, 86_400)
    .default(600)
    .describe('How long the series of something that ended stays on the page.'),
  idle_policy: z
    .enum(IDLE_POLICIES)
    .default('holders')
    .describe(
      'Who is charged for idle energy. `holders`: those who hold an accelerator; `proportional`: each like its active energy; `equal`: all that were active, in equal parts; `none`: nobody.',
    ),
  baselines,
  nvidia,
  power_model: powerModel,
  hwmon,
  nesting,
  processes,
  series_limit: count(100, 1_000_000)
    .default(20_000)
    .describe('The most series that one metric family may have; the energy beyond goes to one series.'),
  time_zone: timeZone()
    .optional()
    .describe(
      "IANA time zone in which days, weeks and months are counted, such as `Europe/Berlin`. Without it, the machine's own (`TZ`, `/etc/localtime`).",
    ),
  node: z
    .string()
    .default('')
    .describe('Name of this machine, which budgets can choose by. Without it, its host name.'),
  zone: z
    .string()
    .default('')
    .describe(
      'Room or closet of this machine, for `wattribute_node_info`: what shares meters shares a zone.',
    ),
  pue: amount(1, 10)
    .optional()
    .describe(
      'Energy of the whole zone per energy of its IT, where no meter measures it; shown with `basis="configured"`.',
    ),
  ipmi,
  redfish,
  snmp,
  nut,
  modbus,
  http,
  prometheus,
  kubelet,
  workloads,
  queries,
  proxies,
  tokens,
  budgets,
  demand,
  report,
})

/** Kinds of devices, by the key of their list. */
const DEVICE_KINDS = ['ipmi', 'redfish', 'snmp', 'nut', 'modbus', 'http', 'prometheus'] as const

export const configSchema = settings.superRefine((content, context) => {
  const kinds = Object.fromEntries(DEVICE_KINDS.map((kind) => [kind, content[kind]]))
  checkCoverage(
    kinds,
    {
      others: content.hwmon.map(({ domain }) => domain),
      ownZone: content.zone,
      hasPue: content.pue !== undefined,
    },
    context,
  )
})

/** Each name of a meter or domain once, nothing covered twice. */
export interface DevicesConfig {
  readonly ipmi: readonly IpmiConfig[]
  readonly redfish: readonly RedfishConfig[]
  readonly snmp: readonly SnmpConfig[]
  readonly nut: readonly NutConfig[]
  readonly modbus: readonly ModbusConfig[]
  readonly http: readonly HttpConfig[]
  readonly prometheus: readonly PrometheusConfig[]
}

/** The settings as the rooms know them, frozen. */
export interface Config {
  readonly tickSeconds: Seconds
  readonly birthHoldSeconds: Seconds
  readonly expireAfterSeconds: Seconds
  readonly idlePolicy: IdlePolicy
  /** No domain is named twice. */
  readonly baselines: readonly {
    readonly domain: string
    readonly watts: Watts
    readonly source: 'configured' | 'calibrated'
  }[]
  readonly nvidia: { readonly enabled: boolean }
  readonly powerModel: {
    readonly enabled: boolean
    readonly cpuIdleWatts?: Watts
    /** Not below the idle power, where both are given. */
    readonly cpuMaxWatts?: Watts
    readonly memoryWatts?: Watts
  }
  readonly hwmon: readonly HwmonConfig[]
  /** No domain is named twice. */
  readonly nesting: readonly NestingConfig[]
  readonly processes: { readonly enabled: boolean; readonly top: number }
  /** Per metric family. */
  readonly seriesLimit: number
  /** IANA name. */
  readonly timeZone: string
  /** Empty: the name of the host. */
  readonly node: string
  /** Empty where nothing is said. */
  readonly zone: string
  /** Undefined where nothing is said. */
  readonly pue: number | undefined
  readonly devices: DevicesConfig
  readonly kubelet: { readonly url: string; readonly tokenFile: string; readonly caFile: string }
  /** Of those who may write over HTTP; each name once. */
  readonly tokens: readonly TokenConfig[]
  /** The first that fits counts. */
  readonly workloads: readonly WorkloadRule[]
  readonly queries: QueriesConfig
  /** Each address once. */
  readonly proxies: readonly ProxyConfig[]
  /** Each name once. */
  readonly budgets: readonly BudgetRule[]
  /** Each meter once. */
  readonly demand: readonly DemandRule[]
  readonly report: ReportConfig
}

export interface KeyDescription {
  /** `power_model.cpu_idle_watts`; `baselines[].domain` within the items of a list. */
  readonly key: string
  /** `number from 0.1 to 60`, `list of mappings`, ... */
  readonly type: string
  /** As it would be written in the file; `required`, or empty when the key has no value unless given. */
  readonly default: string
  readonly description: string
}

/** Every key in the order of the schema, a mapping before its keys. */
export const describeConfig = (): readonly KeyDescription[] =>
  describeKeys(z.toJSONSchema(configSchema, { io: 'input' }), '')

type JsonSchema = z.core.JSONSchema.BaseSchema

function describeKeys(schema: JsonSchema, prefix: string): KeyDescription[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    if (typeof property !== 'object') return []
    const key = `${prefix}${name}`
    return [
      {
        key,
        type: typeText(property),
        default: defaultText(property, schema, name),
        description: property.description ?? '',
      },
      ...describeKeys(property, `${key}.`),
      ...describeKeys(itemOf(property), `${key}[].`),
    ]
  })
}

const itemOf = ({ items }: JsonSchema): JsonSchema =>
  typeof items === 'object' && !Array.isArray(items) ? items : {}

function typeText(schema: JsonSchema): string {
  if (schema.enum !== undefined) return `one of ${schema.enum.map((one) => `\`${String(one)}\``).join(', ')}`
  switch (schema.type) {
    case 'number':
      return `number ${limitsText(schema)}`
    case 'integer':
      return `whole number ${limitsText(schema)}`
    case 'boolean':
      return '`true` or `false`'
    case 'array': {
      const item = itemOf(schema)
      if (item.enum !== undefined) return typeText(item).replace('one of', 'list of')
      return item.type === 'string' ? 'list of texts' : 'list of mappings'
    }
    case 'object':
      return 'mapping'
    case 'string':
      return 'text'
    case 'null':
    case undefined:
    default:
      return '' // no key has another type
  }
}

function limitsText({ minimum = 0, exclusiveMinimum, maximum }: JsonSchema): string {
  const least = exclusiveMinimum === undefined ? `from ${minimum}` : `above ${exclusiveMinimum}`
  return maximum === undefined ? least : `${least} to ${maximum}`
}

function defaultText(property: JsonSchema, parent: JsonSchema, name: string): string {
  if (property.default !== undefined && property.type !== 'object') {
    return typeof property.default === 'string' ? property.default : JSON.stringify(property.default)
  }
  return parent.required?.includes(name) === true ? 'required' : ''
}
