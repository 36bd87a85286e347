/** Budgets and demand as data: for `/api/v1/budgets` and the start page. */
import type { Boundary, WallSpan } from '../model.ts'
import type { BudgetStatus } from '../workloads/budgets.ts'
import { Calendar } from '../workloads/calendar.ts'
import type { ClosedBlock, DemandStatus } from '../workloads/demand.ts'

/** From one instant to another, in Unix time and on the clock of a time zone. */
export interface LocalSpan {
  readonly start: number
  readonly end: number
  /** `2026-10-01 00:00:00` */
  readonly localStart: string
  readonly localEnd: string
  readonly timeZone: string
}

export interface BudgetRow {
  readonly budget: string
  readonly scope: 'node' | 'cluster'
  readonly boundary: Boundary
  /** The domain that is counted; null where bookings are. */
  readonly meter: string | null
  readonly facilityFactor: number | null
  readonly limitJoules: number
  /** Decimal text with six digits: a JSON number would round it. */
  readonly usedJoules: string
  readonly usedRatio: number
  /** At the end of the period; null while it cannot be known. */
  readonly projectedJoules: number | null
  readonly phase: BudgetStatus['phase']
  readonly elapsedRatio: number
  readonly period: LocalSpan & { readonly kind: 'day' | 'week' | 'month' | 'dates' }
  /** Unix time from when on the use of the period is known; null when none of it is. */
  readonly observedSince: number | null
  /** As `localStart`. */
  readonly localObservedSince: string | null
}

export interface DemandRow {
  readonly meter: string
  readonly block: LocalSpan
  readonly billingPeriod: LocalSpan
  readonly limitWatts: number | null
  readonly currentWatts: number | null
  /** Part of the running block’s time so far in which the meter was read. */
  readonly observedRatio: number
  readonly projectedWatts: number | null
  readonly last: ClosedBlockRow | null
  readonly peak: ClosedBlockRow | null
}

export interface ClosedBlockRow extends LocalSpan {
  readonly watts: number
  readonly observedRatio: number
}

export interface BudgetRows {
  readonly budgets: readonly BudgetRow[]
  readonly demand: readonly DemandRow[]
}

export const noBudgets: BudgetRows = { budgets: [], demand: [] }

/** Plain data: it goes from thread to thread, and out as JSON. */
export const budgetRows = (
  budgets: readonly BudgetStatus[],
  demand: readonly DemandStatus[],
): BudgetRows => ({ budgets: budgets.map(budgetRow), demand: demand.map(demandRow) })

function budgetRow(status: BudgetStatus): BudgetRow {
  const { rule, used, projectedJoules = null, phase, elapsedRatio, period, observedSince } = status
  const calendar = new Calendar(rule.timeZone)
  return {
    budget: rule.name,
    scope: rule.scope,
    boundary: rule.boundary,
    meter: rule.meter ?? null,
    facilityFactor: rule.facilityFactor ?? null,
    limitJoules: rule.limitJoules,
    usedJoules: used.toString(),
    usedRatio: used.toJoules() / rule.limitJoules,
    projectedJoules,
    phase,
    elapsedRatio,
    period: { kind: rule.period.kind, ...localSpan(period, calendar, rule.timeZone) },
    observedSince: observedSince ?? null,
    localObservedSince: observedSince === undefined ? null : calendar.textOf(observedSince),
  }
}

function demandRow({ rule, block, period, last, peak, ...status }: DemandStatus): DemandRow {
  const calendar = new Calendar(rule.timeZone)
  const closed = (one: ClosedBlock): ClosedBlockRow => ({
    ...localSpan(one.block, calendar, rule.timeZone),
    watts: one.watts,
    observedRatio: one.observedRatio,
  })
  return {
    meter: rule.meter,
    block: localSpan(block, calendar, rule.timeZone),
    billingPeriod: localSpan(period, calendar, rule.timeZone),
    limitWatts: rule.limit ?? null,
    currentWatts: status.currentWatts ?? null,
    observedRatio: status.observedRatio,
    projectedWatts: status.projectedWatts ?? null,
    last: last === undefined ? null : closed(last),
    peak: peak === undefined ? null : closed(peak),
  }
}

const localSpan = ({ from, to }: WallSpan, calendar: Calendar, timeZone: string): LocalSpan => ({
  start: from,
  end: to,
  localStart: calendar.textOf(from),
  localEnd: calendar.textOf(to),
  timeZone,
})
