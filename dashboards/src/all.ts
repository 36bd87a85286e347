/** Every dashboard. */
import { budgets } from './budgets.ts'
import { energyPerQuery } from './energy-per-query.ts'
import { facility } from './facility.ts'
import type { DashboardName } from './names.ts'
import { node } from './node.ts'
import { overview } from './overview.ts'
import { trainingRuns } from './training-runs.ts'

export const dashboards: Readonly<Record<DashboardName, () => object>> = {
  overview,
  energyPerQuery,
  trainingRuns,
  node,
  facility,
  budgets,
}
