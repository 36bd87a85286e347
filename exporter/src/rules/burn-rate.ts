/**
 * How fast a budget may be used. A fraction f of it used within a window w, of a period T, is a burn rate of f·T/w: 1
 * uses it up exactly at the end. Energy has a ceiling that errors do not have. A budget of 60 % of what a machine can
 * draw can burn at 1.67 at most, so the 14.4 that service objectives are watched with would never be reached.
 */
import type { BudgetPeriod } from '../model.ts'
import type { Watts } from '../units.ts'

export interface BurnRate {
  /** Of the limit. */
  readonly fraction: number
  /** A duration as PromQL writes it, of one unit: `6h`. */
  readonly window: string
}

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const UNITS: Readonly<Record<string, number>> = { m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY }

/** Two of each period: burn rates of about 1.5 and 1.2. */
const RATES: Readonly<Record<Exclude<BudgetPeriod['kind'], 'dates'>, readonly BurnRate[]>> = {
  day: [
    { fraction: 0.06, window: '1h' },
    { fraction: 0.15, window: '3h' },
  ],
  week: [
    { fraction: 0.05, window: '6h' },
    { fraction: 0.13, window: '18h' },
  ],
  month: [
    { fraction: 0.05, window: '1d' },
    { fraction: 0.12, window: '3d' },
  ],
}

export const burnRatesOf = (period: keyof typeof RATES): readonly BurnRate[] => RATES[period]

/** What a window in seconds would be in PromQL, in its largest whole unit. */
function windowText(seconds: number): string {
  const whole = Object.entries(UNITS).filter(([, size]) => seconds % size === 0)
  const [unit, size] = whole.findLast(([name]) => name !== 'w') ?? ['m', MINUTE]
  return `${Math.round(seconds / size)}${unit}`
}

export function secondsOf(window: string): number {
  const [, count, unit = ''] = /^(\d+)([mhdw])$/.exec(window) ?? []
  return Number(count) * (UNITS[unit] ?? Number.NaN)
}

/** A twelfth. */
export const shortOf = (window: string): string => windowText(secondsOf(window) / 12)

/** `5 %` */
export const percentText = (fraction: number): string => `${Number((fraction * 100).toPrecision(3))} %`

/** The burn rates that are watched by default over a period of so many seconds. */
export function defaultRates(period: BudgetPeriod, periodSeconds: number): readonly BurnRate[] {
  if (period.kind !== 'dates') return RATES[period.kind]
  // about a thirtieth and a tenth, in whole multiples of 12 minutes so that a twelfth is whole, too
  return [
    { share: 30, burn: 1.5 },
    { share: 10, burn: 1.2 },
  ].map(({ share, burn }) => {
    const window = Math.max(1, Math.round(periodSeconds / share / (12 * MINUTE))) * 12 * MINUTE
    return { fraction: rounded((burn * window) / periodSeconds), window: windowText(window) }
  })
}

/**
 * A rate that this power can reach: the given one, or else one half way from the budget's own pace to the highest.
 * @param most the highest power, above the budget's own
 */
export function reachable(rate: BurnRate, limitJoules: number, most: Watts, periodSeconds: number): BurnRate {
  const highest = (most * periodSeconds) / limitJoules
  const burn = Math.min((rate.fraction * periodSeconds) / secondsOf(rate.window), (1 + highest) / 2)
  return { ...rate, fraction: rounded((burn * secondsOf(rate.window)) / periodSeconds) }
}

/** Three digits are enough for people; rounded down, so that what can be reached still can. */
function rounded(fraction: number): number {
  const digits = 2 - Math.floor(Math.log10(fraction))
  return Number(
    (Math.floor(Number((fraction * 10 ** digits).toPrecision(12))) / 10 ** digits).toFixed(digits),
  )
}
