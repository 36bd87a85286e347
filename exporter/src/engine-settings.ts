/** From the configuration to what each room of the engine wants to know. */
import type { BooksPolicy } from './books.ts'
import type { Config } from './config/schema.ts'
import type { ConfiguredPue } from './exposition/facility-page.ts'
import type { LedgerPolicy } from './ledger/ledger.ts'
import type { NamesSettings } from './names/names.ts'
import type { QueriesSettings } from './queries/queries.ts'
import type { SensorSettings } from './sensors/index.ts'
import type { QueryLimits } from './workloads/query-counts.ts'

export const booksPolicyOf = (config: Config): BooksPolicy => ({
  ledger: policyOf(config),
  timeZone: config.timeZone,
  node: config.node,
  budgets: config.budgets,
  demand: config.demand,
  queries: queryLimits(config),
})

export const policyOf = (config: Config): LedgerPolicy => ({
  lifetimes: { birthHold: config.birthHoldSeconds, expireAfter: config.expireAfterSeconds },
  idlePolicy: config.idlePolicy,
  baselines: new Map(config.baselines.map(({ domain, watts, source }) => [domain, { watts, source }])),
  processes: config.processes.enabled ? config.processes.top : 0,
  seriesLimit: config.seriesLimit,
})

export const pueOf = ({ pue, zone }: Config): ConfiguredPue | undefined =>
  pue === undefined ? undefined : { zone, ratio: pue }

/** Each account has three series of tokens. */
const queryLimits = (config: Config): QueryLimits => ({
  mostAccounts: Math.floor(config.seriesLimit / 3),
  birthHold: config.birthHoldSeconds,
  expireAfter: config.expireAfterSeconds,
})

export const queriesSettings = ({ queries }: Config): QueriesSettings => ({
  ...queries,
  servers: queries.servers.map(({ tokenFile, headersFile, caFile, isVerified, ...server }) => ({
    ...server,
    access: { tokenFile, headersFile, caFile, isVerified },
  })),
})

export const namesSettings = ({ kubelet }: Config): NamesSettings => ({ kubelet })

export const sensorSettings = ({ nvidia, powerModel, hwmon, devices }: Config): SensorSettings => ({
  devices,
  nvidia: nvidia.enabled,
  hwmon,
  powerModel: powerModel.enabled ? powerModel : undefined,
})

export const placementOf = ({ nesting }: Config): ReadonlyMap<string, string> =>
  new Map(nesting.map(({ domain, within }) => [domain, within]))
