/** The rule files that need no configuration, as they are checked in: `npm run docs` writes them. */
import { budgetRules } from './budgets.ts'
import { demandAlerts } from './demand.ts'
import { energyAlerts, queryAlerts, queryRecordings } from './energy.ts'
import { exporterAlerts } from './exporter.ts'
import type { RuleGroup } from './rule.ts'

export interface RuleFile {
  /** Below `deploy/prometheus/`. */
  readonly path: string
  readonly groups: readonly RuleGroup[]
}

export const ruleFiles: readonly RuleFile[] = [
  { path: 'rules/energy-per-query.yaml', groups: [queryRecordings] },
  { path: 'alerts/budgets.yaml', groups: [budgetRules] },
  { path: 'alerts/demand.yaml', groups: [demandAlerts] },
  { path: 'alerts/energy.yaml', groups: [energyAlerts] },
  { path: 'alerts/exporter.yaml', groups: [exporterAlerts] },
  { path: 'alerts/optional/energy-per-query.yaml', groups: [queryAlerts] },
]
