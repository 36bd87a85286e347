/** From the configuration file to the settings that the rooms are given: checked, complete and frozen. */
import type { z } from 'zod'
import { seconds, watts } from '../units.ts'
import { budgetRuleOf, demandRuleOf } from './budget-schema.ts'
import { httpConfigsOf, modbusConfigsOf, prometheusConfigsOf } from './metering-schema.ts'
import { ipmiConfigsOf, redfishConfigsOf } from './platform-schema.ts'
import { nutConfigsOf, snmpConfigsOf } from './power-chain-schema.ts'
import { proxiesConfigOf } from './proxy-schema.ts'
import { queriesConfigOf } from './query-schema.ts'
import { reportConfigOf } from './report-schema.ts'
import { configSchema, type Config } from './schema.ts'
import { hwmonConfigOf } from './sensor-schema.ts'
import { tokenConfigOf } from './token-schema.ts'
import { ConfigError, parseLocatedYaml, readLocatedYaml, type Located } from './strict-yaml.ts'
import { machineTimeZone } from './time-zone.ts'
import { workloadRuleOf } from './workload-schema.ts'

export { ConfigError } from './strict-yaml.ts'
export { describeConfig, type Config, type KeyDescription } from './schema.ts'

/**
 * @param file absent: every default
 * @param ownZone gives the time zone that this machine is set to; undefined when it is not known
 * @throws ConfigError which lists all that is wrong with the file, or says that no time zone is known
 */
export function loadConfig(
  file: string | undefined,
  ownZone: () => string | undefined = machineTimeZone,
): Config {
  return configFrom(file === undefined ? DEFAULTS : readLocatedYaml(file, configSchema), ownZone)
}

/**
 * @param text what a configuration file would hold
 * @param name what the text is called in errors
 * @throws ConfigError
 */
export const parseConfig = (text: string, name: string): Config =>
  configFrom(parseLocatedYaml(text, name, configSchema), machineTimeZone)

function configFrom(
  { content, lineOf }: Located<z.output<typeof configSchema>>,
  ownZone: () => string | undefined,
): Config {
  const timeZone = content.time_zone ?? ownZone()
  if (timeZone === undefined) throw new ConfigError('TZ', [NO_ZONE])
  return frozen({
    ...configOf(content, timeZone),
    workloads: content.workloads.map((rule, index) => workloadRuleOf(rule, lineOf(['workloads', index]))),
  })
}

const DEFAULTS: Located<z.output<typeof configSchema>> = { content: configSchema.parse({}), lineOf: () => 0 }

const NO_ZONE =
  "the machine's time zone is not known here: set TZ, or `time_zone` in the configuration, to an IANA name such as Europe/Berlin"

const configOf = (content: z.output<typeof configSchema>, timeZone: string): Omit<Config, 'workloads'> => ({
  tickSeconds: seconds(content.tick_seconds),
  birthHoldSeconds: seconds(content.birth_hold_seconds),
  expireAfterSeconds: seconds(content.expire_after_seconds),
  idlePolicy: content.idle_policy,
  baselines: content.baselines.map((baseline) => ({ ...baseline, watts: watts(baseline.watts) })),
  nvidia: { enabled: content.nvidia.enabled },
  powerModel: powerModelOf(content.power_model),
  hwmon: hwmonConfigOf(content.hwmon),
  nesting: content.nesting.map(({ domain, within }) => ({ domain, within })),
  processes: { enabled: content.processes.enabled, top: content.processes.top },
  seriesLimit: content.series_limit,
  timeZone,
  node: content.node,
  zone: content.zone,
  pue: content.pue,
  devices: {
    ipmi: ipmiConfigsOf(content.ipmi, content.zone),
    redfish: redfishConfigsOf(content.redfish, content.zone),
    snmp: snmpConfigsOf(content.snmp, content.zone),
    nut: nutConfigsOf(content.nut, content.zone),
    modbus: modbusConfigsOf(content.modbus, content.zone),
    http: httpConfigsOf(content.http, content.zone),
    prometheus: prometheusConfigsOf(content.prometheus, content.zone),
  },
  kubelet: {
    url: content.kubelet.url,
    tokenFile: content.kubelet.token_file,
    caFile: content.kubelet.ca_file,
  },
  tokens: tokenConfigOf(content.tokens),
  queries: queriesConfigOf(content.queries),
  proxies: proxiesConfigOf(content.proxies),
  budgets: content.budgets.map((budget) => budgetRuleOf(budget, timeZone)),
  demand: content.demand.map((rule) => demandRuleOf(rule, timeZone)),
  report: reportConfigOf(content.report),
})

function powerModelOf(model: z.output<typeof configSchema>['power_model']): Config['powerModel'] {
  const { enabled, cpu_idle_watts: idle, cpu_max_watts: most, memory_watts: memory } = model
  return {
    enabled,
    ...(idle !== undefined && { cpuIdleWatts: watts(idle) }),
    ...(most !== undefined && { cpuMaxWatts: watts(most) }),
    ...(memory !== undefined && { memoryWatts: watts(memory) }),
  }
}

function frozen<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) frozen(inner as object)
  }
  return Object.freeze(value)
}
