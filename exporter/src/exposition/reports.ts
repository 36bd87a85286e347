/** What people and programs read beside `/metrics`: the start page, the sensors and the ledger as data. */
import { VIEW_LABELS, VIEWS, type Ledger, type ViewName } from '../ledger/ledger.ts'
import type { Account, Holder } from '../ledger/view.ts'
import { COMPONENTS, METHODS, type Component } from '../model.ts'
import { elapsed, type Seconds } from '../units.ts'
import { noBudgets, type BudgetRows } from './budget-reports.ts'
import { facilityOverview } from './facility-page.ts'
import { stateOf, type MachineState } from './machine-page.ts'
import type { Overview } from './overview.ts'

/** What the engine knows of the start page. */
export type EngineOverview = Omit<Overview, 'host' | 'version'>

/** Watts of workloads are a mean over at least this long. */
const WATTS_OVER_SECONDS = 5

interface Snapshot {
  readonly at: Seconds
  readonly joules: ReadonlyMap<Holder, number>
}

/** Remembers where the workloads stood a few seconds ago, so that the start page can say what they draw now. */
export class RecentPower {
  #older: Snapshot | undefined
  #newer: Snapshot | undefined

  see(ledger: Ledger, at: Seconds): void {
    if (this.#newer !== undefined && elapsed(this.#newer.at, at) < WATTS_OVER_SECONDS) return
    this.#older = this.#newer
    this.#newer = { at, joules: totalsOf(ledger) }
  }

  wattsOf(holder: Holder, joules: number, { at, wall }: Pick<MachineState, 'at' | 'wall'>): number {
    const before = this.#older ?? this.#newer
    if (before === undefined || at <= before.at) return 0
    const duration = elapsed(before.at, at)
    const stood = before.joules.get(holder) ?? (isOlderThan(holder, elapsed(duration, wall)) ? joules : 0)
    return (joules - stood) / duration
  }
}

/** A workload that was gone comes back with what it used long ago. */
const isOlderThan = ({ accounts }: Holder, wall: Seconds): boolean =>
  accounts.some((account) => account !== undefined && account.createdWall < wall)

export function overviewOf(
  state: MachineState,
  recent: RecentPower,
  { budgets, demand }: BudgetRows = noBudgets,
): EngineOverview {
  const { ledger, sensors, census, at, startedWall } = state
  return {
    since: startedWall,
    watts: COMPONENTS.flatMap((component) => wattsNow(ledger, component, at)),
    workloads: workloadsIn(state, recent),
    unattributed: Array.from(ledger.unattributed.accounts(), (account) => ({
      component: account.energyClass.component,
      reason: account.holder.labels[0] ?? '',
      joules: account.total.toJoules(),
    })).sort((one, other) => other.joules - one.joules),
    budgets,
    demand,
    ...facilityOverview(state.facility),
    sensors,
    limitation: census?.limitation ?? '',
  }
}

/** With all models and phases; those that used most first. */
function workloadsIn(state: MachineState, recent: RecentPower): EngineOverview['workloads'] {
  const rows = new Map<string, { -readonly [Key in keyof WorkloadRow]: WorkloadRow[Key] }>()
  for (const [holder, joules] of totalsOf(state.ledger)) {
    const [workload = '', namespace = '', kind = ''] = holder.labels
    const key = `${workload}\0${namespace}\0${kind}`
    const row = rows.get(key) ?? { workload, namespace, kind, joules: 0, watts: 0 }
    row.joules += joules
    row.watts += recent.wattsOf(holder, joules, state)
    rows.set(key, row)
  }
  return Array.from(rows.values()).sort((one, other) => other.joules - one.joules)
}

type WorkloadRow = EngineOverview['workloads'][number]

/** Joules as decimal text with six digits: JSON numbers would round them. */
export function ledgerReport({ ledger, at, wall }: MachineState): unknown {
  return {
    wall,
    domains: Array.from(ledger.nesting.accounts.values(), (account) => ({
      domain: account.domain,
      component: account.component,
      within: account.within,
      leaf: account.leaf,
      method: account.method,
      joules: account.total.toString(),
      watts: ledger.nesting.isCurrent(account, at) ? account.power : null,
    })),
    views: Object.fromEntries(VIEWS.map((view) => [view, viewReport(ledger, view)])),
    unattributed: Array.from(ledger.unattributed.accounts(), (account) => ({
      reason: account.holder.labels[0],
      ...classAndJoules(account),
    })),
  }
}

/** What was counted, by whom, and how the servers are doing that are asked. */
export function queriesReport({ queries, queryServers, at }: MachineState): unknown {
  return {
    servers: queryServers,
    sources: queries.sources(at).map(({ labels, counts }) => ({ ...labels, isCounted: counts })),
    counts: queries.rows(at).map(({ labels, method, amounts }) => ({ ...labels, method, ...amounts })),
  }
}

export function sensorsReport({ ledger, sensors, census, at }: MachineState): unknown {
  const leaves = ledger.nesting.leaves(at)
  return {
    sensors,
    components: Object.fromEntries(
      COMPONENTS.map((component) => [component, stateOf(component, leaves, sensors)]),
    ),
    activity: census ?? null,
  }
}

function viewReport(ledger: Ledger, view: ViewName): unknown {
  const sum = (amountOf: (component: Component) => string): Record<string, string> =>
    Object.fromEntries(ledger.components().map((component) => [component, amountOf(component)]))
  return {
    accounts: Array.from(ledger.views[view].accounts(), (account) => ({
      ...Object.fromEntries(
        VIEW_LABELS[view].map((name, index) => [name, account.holder.labels[index] ?? '']),
      ),
      ...classAndJoules(account),
    })),
    pendingJoules: sum((component) => ledger.pending(view, component).toString()),
    retiredJoules: sum((component) => ledger.retired(view, component).toString()),
  }
}

const classAndJoules = ({
  energyClass: { component, part, method },
  shown,
}: Account): Record<string, string> => ({
  component,
  part,
  ...(method !== '' && { method }),
  joules: shown.toString(),
})

function totalsOf(ledger: Ledger): Map<Holder, number> {
  const totals = new Map<Holder, number>()
  for (const { holder, total } of ledger.views.workload.accounts()) {
    totals.set(holder, (totals.get(holder) ?? 0) + total.toJoules())
  }
  return totals
}

/** A component is known as well as the worst of its leaves. */
function wattsNow(ledger: Ledger, component: Component, at: Seconds): EngineOverview['watts'] {
  const accounts = Array.from(ledger.nesting.accounts.values()).filter(
    (account) => account.leaf && account.component === component && ledger.nesting.isCurrent(account, at),
  )
  if (accounts.length === 0) return []
  const worst = Math.max(...accounts.map(({ method }) => METHODS.indexOf(method)))
  return [
    {
      component,
      watts: accounts.reduce((sum, { power }) => sum + power, 0),
      method: METHODS[worst] ?? 'estimated',
    },
  ]
}
