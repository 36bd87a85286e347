/** The periods of a budget on the clock of its time zone. */
import type { BudgetPeriod, WallSpan } from '../model.ts'
import { seconds, type Seconds } from '../units.ts'
import { remembering, type Calendar, type LocalDate } from './calendar.ts'

/** What a budget does at an instant. One of fixed dates counts nothing before and after them. */
export type PeriodPhase = 'running' | 'not-begun' | 'over'

export interface BudgetClock {
  /** The period around an instant; of fixed dates always the same. */
  readonly periodAt: (wall: Seconds) => WallSpan
  /** The period, or the endless time before or after fixed dates. */
  readonly stretchAt: (wall: Seconds) => WallSpan & { readonly phase: PeriodPhase }
}

export function budgetClock(period: BudgetPeriod, calendar: Calendar): BudgetClock {
  if (period.kind === 'dates') {
    return fixedClock(calendar.startOfDay(dateOf(period.from)), calendar.startOfDay(dateOf(period.to, 1)))
  }
  const periodAt = remembering(spanOf(period, calendar))
  return { periodAt, stretchAt: (wall) => ({ ...periodAt(wall), phase: 'running' }) }
}

function fixedClock(from: Seconds, to: Seconds): BudgetClock {
  return {
    periodAt: () => ({ from, to }),
    stretchAt: (wall) => {
      if (wall < from) return { from: seconds(-Infinity), to: from, phase: 'not-begun' }
      if (wall < to) return { from, to, phase: 'running' }
      return { from: to, to: seconds(Infinity), phase: 'over' }
    },
  }
}

function spanOf(
  period: Exclude<BudgetPeriod, { kind: 'dates' }>,
  calendar: Calendar,
): (wall: Seconds) => WallSpan {
  switch (period.kind) {
    case 'day':
      return (wall) => calendar.dayOf(wall)
    case 'week':
      return (wall) => calendar.weekOf(wall)
    case 'month':
      return (wall) => calendar.monthOf(wall, period.billingDay)
  }
}

/** @param text as in `2026-10-01` */
function dateOf(text: string, daysLater = 0): LocalDate {
  const date = new Date(`${text}T00:00:00Z`)
  date.setUTCDate(date.getUTCDate() + daysLater)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}
