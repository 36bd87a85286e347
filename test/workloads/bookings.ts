/** Bookings, rules and instants for tests of budgets and demand. */
import type {
  Booking,
  BudgetRule,
  DemandRule,
  Part,
  Reason,
  WallSpan,
  WorkloadFacts,
} from '../../exporter/src/model.ts'
import { microjoules, seconds, type Microjoules, type Seconds } from '../../exporter/src/units.ts'

/** Unix time of an ISO text. */
export const at = (text: string): Seconds => seconds(Date.parse(text) / 1000)

export const span = (from: number | string, to: number | string): WallSpan => ({
  from: typeof from === 'string' ? at(from) : seconds(from),
  to: typeof to === 'string' ? at(to) : seconds(to),
})

export const facts = (some: Partial<WorkloadFacts> = {}): WorkloadFacts => ({
  workload: 'train-resnet',
  namespace: 'ml',
  kind: 'training',
  model: '',
  variant: '',
  phase: '',
  user: 'alice',
  account: 'physics',
  podLabels: {},
  ...some,
})

const COMPONENTS = { accelerator: 'accelerator', host: 'cpu', idle: 'memory', overhead: 'cooling' } as const

export const toWorkload = (amount: number, part: Part = 'host', workload = facts()): Booking => ({
  component: COMPONENTS[part],
  part,
  method: 'counter',
  amount: microjoules(amount),
  workload,
})

export const toNobody = (amount: number, part: Part = 'idle', reason: Reason = 'idle'): Booking => ({
  component: COMPONENTS[part],
  part,
  method: 'counter',
  amount: microjoules(amount),
  reason,
})

/** Says that what was spent while the exporter did not run is known. */
export const wasDown = toNobody(0, 'idle', 'exporter_down')

export const noMeters: ReadonlyMap<string, Microjoules> = new Map()

export const meters = (readings: Readonly<Record<string, number>>): ReadonlyMap<string, Microjoules> =>
  new Map(Object.entries(readings).map(([meter, amount]) => [meter, microjoules(amount)]))

export const budgetRule = (some: Partial<BudgetRule> = {}): BudgetRule => ({
  name: 'b',
  match: {},
  limitJoules: 3.6e6,
  boundary: 'facility',
  facilityFactor: undefined,
  meter: undefined,
  scope: 'node',
  period: { kind: 'day' },
  timeZone: 'UTC',
  ...some,
})

export const demandRule = (some: Partial<DemandRule> = {}): DemandRule => ({
  meter: 'node',
  blockMinutes: 15,
  limit: undefined,
  billingDay: 1,
  timeZone: 'UTC',
  ...some,
})

/** What a file would give back. */
export const throughJson = (state: unknown): unknown => JSON.parse(JSON.stringify(state)) as unknown
