/** Every dashboard. */
import type { DashboardName } from './names.ts'
import { facility } from './facility.ts'
import { node } from './node.ts'
import { overview } from './overview.ts'
import { trainingRuns } from './training-runs.ts'

export const dashboards: Readonly<Partial<Record<DashboardName, () => object>>> = {
  facility,
  node,
  overview,
  trainingRuns,
}
