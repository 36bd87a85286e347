/** Every dashboard. */
import { budgets } from './budgets.ts'
import { energyPerQuery } from './energy-per-query.ts'
import type { DashboardName } from './names.ts'
import { overview } from './overview.ts'

export const dashboards: Readonly<Partial<Record<DashboardName, () => object>>> = {
  budgets,
  energyPerQuery,
  overview,
}
