/** Every dashboard. */
import type { DashboardName } from './names.ts'
import { overview } from './overview.ts'

export const dashboards: Readonly<Partial<Record<DashboardName, () => object>>> = { overview }
