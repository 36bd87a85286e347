/** Budgets and demand on the metrics page. What is not known has no series. */
import type { BudgetStatus } from '../workloads/budgets.ts'
import type { DemandStatus } from '../workloads/demand.ts'
import { catalogue, type Metric } from './catalogue.ts'
import type { PageWriter, Row } from './page.ts'

export function renderBudgets(
  writer: PageWriter,
  budgets: readonly BudgetStatus[],
  demand: readonly DemandStatus[],
): void {
  const budgetTable = (metric: Metric, valueOf: (status: BudgetStatus) => Row['value'] | undefined): void =>
    writer.table(
      metric,
      rowsOf(budgets, ({ rule }) => [rule.name, rule.period.kind, rule.scope], valueOf),
    )
  budgetTable(catalogue.budgetLimit, ({ rule }) => rule.limitJoules)
  budgetTable(catalogue.budgetUsed, ({ used }) => used)
  budgetTable(catalogue.budgetProjected, ({ projectedJoules }) => projectedJoules)
  budgetTable(catalogue.budgetPeriodStart, ({ period }) => period.from)
  budgetTable(catalogue.budgetPeriodEnd, ({ period }) => period.to)

  const demandTable = (metric: Metric, valueOf: (status: DemandStatus) => Row['value'] | undefined): void =>
    writer.table(
      metric,
      rowsOf(demand, ({ rule }) => [rule.meter], valueOf),
    )
  demandTable(catalogue.demandCurrent, ({ currentWatts }) => currentWatts)
  demandTable(catalogue.demandLastBlock, ({ last }) => last?.watts)
  demandTable(catalogue.demandProjected, ({ projectedWatts }) => projectedWatts)
  demandTable(catalogue.demandPeak, ({ peak }) => peak?.watts)
  demandTable(catalogue.demandLimit, ({ rule }) => rule.limit)
  demandTable(catalogue.demandBlockStart, ({ block }) => block.from)
  demandTable(catalogue.demandBlockEnd, ({ block }) => block.to)
}

const rowsOf = <Status>(
  statuses: readonly Status[],
  labelsOf: (status: Status) => readonly string[],
  valueOf: (status: Status) => Row['value'] | undefined,
): readonly Row[] =>
  statuses.flatMap((status) => {
    const value = valueOf(status)
    return value === undefined ? [] : [{ labels: labelsOf(status), value }]
  })
