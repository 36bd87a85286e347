/** What the dashboards are called, and where they are found: `uid` is the address in Grafana, `file` that in `dashboards/`. */

export const DASHBOARDS = {
  overview: { uid: 'wattribute-overview', file: 'overview', title: 'Wattribute / Overview' },
  energyPerQuery: {
    uid: 'wattribute-energy-per-query',
    file: 'energy-per-query',
    title: 'Wattribute / Energy per query',
  },
  trainingRuns: {
    uid: 'wattribute-training-runs',
    file: 'training-runs',
    title: 'Wattribute / Training runs',
  },
  node: { uid: 'wattribute-node', file: 'node', title: 'Wattribute / Node' },
  facility: { uid: 'wattribute-facility', file: 'facility', title: 'Wattribute / Facility' },
  budgets: { uid: 'wattribute-budgets', file: 'budgets', title: 'Wattribute / Budgets' },
} as const

export type DashboardName = keyof typeof DASHBOARDS

/** On each dashboard; the links between them go by it. */
export const TAG = 'wattribute'

/** Where the documents are published. */
export const DOCUMENTS = 'https://github.com/wattribute/wattribute/blob/main/docs'
