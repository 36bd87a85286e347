/** The flags of `wattribute rules`. */
import { UsageError, type Setting } from './usage-error.ts'

export const RULES_FLAGS = [
  {
    name: 'output',
    value: 'FILE',
    default: '',
    sentence:
      'Where the rules, or the baselines of doctor --calibrate, are written; without it, to standard output.',
    only: ['doctor', 'rules'],
  },
  {
    name: 'burn-rate',
    value: 'SHARE/WINDOW',
    default: '',
    sentence:
      'Shares of a budget whose use within a window is an alert, such as 5%/1d,12%/3d; without it, two that fit each budget.',
    only: 'rules',
  },
] as const

type RulesFlagName = (typeof RULES_FLAGS)[number]['name']

export interface RulesFlags {
  /** Undefined: standard output. */
  readonly output: string | undefined
  /** Undefined: fitting ones for each budget. */
  readonly burnRates: readonly BurnRateFlag[] | undefined
}

/** A fraction of a budget, and the window within which it is used: a duration of PromQL, of one unit. */
export interface BurnRateFlag {
  readonly fraction: number
  readonly window: string
}

/** @throws UsageError */
export const rulesFlagsOf = (valueOf: (name: RulesFlagName) => Setting): RulesFlags => ({
  output: valueOf('output').text || undefined,
  burnRates: burnRatesOf(valueOf('burn-rate')),
})

const BURN_RATE = /^(?<percent>\d+(?:\.\d+)?)%\/(?<window>[1-9]\d{0,3}[mhdw])$/

function burnRatesOf({ text, from }: Setting): readonly BurnRateFlag[] | undefined {
  if (text === '') return undefined
  const rates = text.split(',').map((one) => {
    const { percent, window } = BURN_RATE.exec(one.trim())?.groups ?? {}
    const fraction = Number((Number(percent) / 100).toPrecision(12))
    if (window === undefined || !(fraction > 0 && fraction <= 1)) {
      throw new UsageError(`${from}: ${one} is not a share of a budget within a window, such as 5%/1d`)
    }
    return { fraction, window }
  })
  const windows = rates.map(({ window }) => window)
  const twice = windows.find((window, index) => windows.indexOf(window) !== index)
  if (twice !== undefined) throw new UsageError(`${from}: the window ${twice} is given twice`)
  return rates
}
