/** The rule files that need no configuration, as they are checked in: `npm run docs` writes them. */
import { aiShareRecordings } from './ai-share.ts'
import { budgetRules } from './budgets.ts'
import { demandAlerts } from './demand.ts'
import { energyAlerts } from './energy.ts'
import { energyRecordings } from './energy-recordings.ts'
import { exporterAlerts } from './exporter.ts'
import { phaseRecordings } from './phases.ts'
import { offGridAlerts, powerAlerts } from './power-supply.ts'
import { queryAlerts } from './query-regression.ts'
import type { RuleGroup } from './rule.ts'

export interface RuleFile {
  /** Below `deploy/prometheus/`. */
  readonly path: string
  readonly groups: readonly RuleGroup[]
}

export const ruleFiles: readonly RuleFile[] = [
  { path: 'rules/ai-share.yaml', groups: [aiShareRecordings] },
  { path: 'rules/energy.yaml', groups: [energyRecordings] },
  { path: 'rules/phases.yaml', groups: [phaseRecordings] },
  { path: 'alerts/budgets.yaml', groups: [budgetRules] },
  { path: 'alerts/demand.yaml', groups: [demandAlerts] },
  { path: 'alerts/energy.yaml', groups: [energyAlerts] },
  { path: 'alerts/exporter.yaml', groups: [exporterAlerts] },
  { path: 'alerts/power.yaml', groups: [powerAlerts] },
  { path: 'alerts/optional/energy-per-query.yaml', groups: [queryAlerts] },
  { path: 'alerts/optional/off-grid.yaml', groups: [offGridAlerts] },
]
