/** The rules for one configuration: burn rates for each of its budgets, and nothing that could never fire. */
import type { BudgetPeriod } from '../model.ts'
import type { Seconds, Watts } from '../units.ts'
import { budgetClock } from '../workloads/budget-period.ts'
import { Calendar } from '../workloads/calendar.ts'
import { budgetRulesFor, type WatchedRate } from './budgets.ts'
import { defaultRates, percentText, reachable, secondsOf, type BurnRate } from './burn-rate.ts'
import { demandAlerts } from './demand.ts'
import { energyAlerts } from './energy.ts'
import { exporterAlerts } from './exporter.ts'
import { powerAlerts } from './power-supply.ts'
import type { RuleGroup } from './rule.ts'

/** What rules need to know of a budget. */
export interface WatchedBudget {
  readonly name: string
  readonly limitJoules: number
  readonly period: BudgetPeriod
  readonly timeZone: string
  /** The highest power of all that it counts, on all nodes that share it; undefined: not known. */
  readonly maxWatts?: Watts | undefined
}

/** What rules need to know of a demand charge. */
export interface WatchedDemand {
  readonly meter: string
  readonly limit: Watts | undefined
  readonly maxWatts?: Watts | undefined
}

export interface WatchedConfig {
  readonly budgets: readonly WatchedBudget[]
  readonly demand: readonly WatchedDemand[]
}

export interface RulesForConfig {
  readonly groups: readonly RuleGroup[]
  /** Rules that cannot fire, a line each: which, why, what to do. With any of them the groups should not be used. */
  readonly refusals: readonly string[]
  /** What could not be checked, a line each. */
  readonly notes: readonly string[]
}

/**
 * @param rates burn rates that were asked for; undefined: fitting ones for each budget
 * @param now Unix time
 */
export function rulesFor(
  { budgets, demand }: WatchedConfig,
  rates: readonly BurnRate[] | undefined,
  now: Seconds,
): RulesForConfig {
  const watched = budgets.map((budget) => watch(budget, rates, now))
  const limited = demand.filter(({ limit }) => limit !== undefined)
  return {
    groups: [
      ...(budgets.length > 0 ? [budgetRulesFor(watched.flatMap(({ rates: its }) => its))] : []),
      ...(limited.length > 0 ? [demandAlerts] : []),
      energyAlerts,
      exporterAlerts,
      powerAlerts,
    ],
    refusals: [...watched.flatMap(({ refusals }) => refusals), ...limited.flatMap(demandRefusals)],
    notes: [...unbounded('budget', 'name', budgets), ...unbounded('demand block of', 'meter', limited)],
  }
}

interface Watched {
  readonly rates: readonly WatchedRate[]
  readonly refusals: readonly string[]
}

function watch(budget: WatchedBudget, asked: readonly BurnRate[] | undefined, now: Seconds): Watched {
  const span = spanOf(budget, now)
  const impossible = overrunRefusal(budget, span, now)
  if (impossible !== undefined) return { rates: [], refusals: [impossible] }
  const rates = asked ?? fitting(budget, span)
  return {
    rates: rates.map((rate) => ({ budget: budget.name, rate })),
    refusals: rates.flatMap((rate) => rateRefusals(budget, rate, span)),
  }
}

interface Span {
  /** Of an ordinary period. */
  readonly usualSeconds: number
  /** Of the longest there is: a month of 31 days, with an hour more where clocks are put back. */
  readonly longestSeconds: number
  /** Unix time; undefined where another period follows. */
  readonly end: Seconds | undefined
}

const HOUR = 3600
const DAY = 24 * HOUR

function spanOf({ period, timeZone }: WatchedBudget, now: Seconds): Span {
  switch (period.kind) {
    case 'dates': {
      const { from, to } = budgetClock(period, new Calendar(timeZone)).periodAt(now)
      return { usualSeconds: to - from, longestSeconds: to - from, end: to }
    }
    case 'day':
      return recurring(DAY, DAY, timeZone, now)
    case 'week':
      return recurring(7 * DAY, 7 * DAY, timeZone, now)
    case 'month':
      return recurring(30 * DAY, 31 * DAY, timeZone, now)
  }
}

function recurring(usualSeconds: number, longestDays: number, timeZone: string, now: Seconds): Span {
  return {
    usualSeconds,
    longestSeconds: longestDays + (hasDaylightSaving(timeZone, now) ? HOUR : 0),
    end: undefined,
  }
}

/** Some day of the year from now on is longer than others. */
function hasDaylightSaving(timeZone: string, now: Seconds): boolean {
  const calendar = new Calendar(timeZone)
  let day = calendar.dayOf(now)
  for (let count = 0; count < 366; count += 1) {
    if (day.to - day.from > DAY) return true
    day = calendar.dayOf(day.to)
  }
  return false
}

function overrunRefusal(
  { name, limitJoules, maxWatts, period }: WatchedBudget,
  { longestSeconds, end }: Span,
  now: Seconds,
): string | undefined {
  if (end !== undefined && end <= now && period.kind === 'dates') {
    return `budget \`${name}\`: none of its alerts can fire: it ended on ${period.to}; take it out or move its dates`
  }
  if (maxWatts === undefined || maxWatts * longestSeconds > limitJoules) return undefined
  return (
    `budget \`${name}\`: it can never be overrun, so none of its alerts can fire: at most ${maxWatts} W ` +
    `for ${number(longestSeconds / HOUR)} h are ${kwh(maxWatts * longestSeconds)}, and its limit is ` +
    `${kwh(limitJoules)}; lower the limit or correct \`max_watts\``
  )
}

function fitting(
  { period, limitJoules, maxWatts }: WatchedBudget,
  { usualSeconds }: Span,
): readonly BurnRate[] {
  const rates = defaultRates(period, usualSeconds)
  // a budget that only the longest month can overrun leaves no pace between its own and the highest
  if (maxWatts === undefined || maxWatts * usualSeconds <= limitJoules)
    return maxWatts === undefined ? rates : []
  return rates.map((rate) => reachable(rate, limitJoules, maxWatts, usualSeconds))
}

function rateRefusals(
  { name, limitJoules, maxWatts }: WatchedBudget,
  { fraction, window }: BurnRate,
  { usualSeconds }: Span,
): readonly string[] {
  const seconds = secondsOf(window)
  const rule = `budget \`${name}\`: the burn rate of ${percentText(fraction)} in ${window} cannot fire`
  if (seconds > usualSeconds) {
    return [`${rule}: the period has only ${number(usualSeconds / HOUR)} h; use a shorter window`]
  }
  if (maxWatts === undefined) return []
  const needed = (fraction * limitJoules) / seconds
  if (needed < maxWatts) return []
  const burn = (fraction * usualSeconds) / seconds
  const most = (maxWatts * usualSeconds) / limitJoules
  return [
    `${rule}: that is ${number(burn)} times the pace of the budget (${number(needed)} W), and ` +
      `${maxWatts} W at most are ${number(most)} times; use less than ` +
      `${percentText((maxWatts * seconds) / limitJoules)} in ${window}, or a longer window`,
  ]
}

function demandRefusals({ meter, limit = 0 as Watts, maxWatts }: WatchedDemand): readonly string[] {
  if (maxWatts === undefined || maxWatts > limit) return []
  return [
    `demand block of \`${meter}\`: its alert cannot fire: at most ${maxWatts} W are drawn, and its limit is ` +
      `${limit} W; lower the limit or correct \`max_watts\``,
  ]
}

function unbounded<Key extends string>(
  what: string,
  key: Key,
  rules: readonly ({ readonly [name in Key]: string } & { readonly maxWatts?: Watts | undefined })[],
): readonly string[] {
  const names = rules.filter(({ maxWatts }) => maxWatts === undefined).map((rule) => `\`${rule[key]}\``)
  if (names.length === 0) return []
  return [`${what} ${names.join(', ')}: whether the alerts can fire is not checked without \`max_watts\``]
}

const number = (value: number): string => String(Number(value.toPrecision(3)))

const kwh = (joules: number): string => `${number(joules / 3.6e6)} kWh`
