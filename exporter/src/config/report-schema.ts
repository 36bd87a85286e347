/** The keys of what a report multiplies energy with: only with a source and a date is a factor worth printing. */
import { z } from 'zod'
import { date } from './budget-schema.ts'

const factor = (): z.ZodNumber => z.number().min(0, 'must be 0 or more')

const words = (): z.ZodString => z.string().min(1, 'must not be empty')

type ReportKeys = z.output<typeof reportKeys>

const reportKeys = z.strictObject({
  price_per_kwh: factor().optional().describe('Price of a kilowatt hour. Without it, no cost is shown.'),
  currency: words().optional().describe('Its currency, such as `EUR`.'),
  price_source: words().optional().describe('Where the price is from, such as the contract.'),
  price_date: date().optional().describe('Of when it is.'),
  emissions_grams_per_kwh: factor()
    .optional()
    .describe('Emissions of a kilowatt hour in grams of CO2 equivalent. Without it, none are shown.'),
  emissions_source: words().optional().describe('Where that figure is from.'),
  emissions_date: date().optional().describe('Of when it is.'),
})

/** A factor needs all of its own. */
const NEEDS = [
  ['price_per_kwh', ['currency', 'price_source', 'price_date']],
  ['emissions_grams_per_kwh', ['emissions_source', 'emissions_date']],
] as const satisfies readonly (readonly [keyof ReportKeys, readonly (keyof ReportKeys)[]])[]

export const report = reportKeys
  .check(({ value, issues }) => {
    for (const [key, others] of NEEDS) {
      for (const other of others) {
        if ((value[key] === undefined) === (value[other] === undefined)) continue
        const [missing, given] = value[key] === undefined ? [key, other] : [other, key]
        issues.push({
          code: 'custom',
          input: value,
          path: [missing],
          message: `is missing beside \`${given}\``,
        })
      }
    }
  })
  .prefault({})
  .describe('What `wattribute report` multiplies energy with. Nothing is booked in money or emissions.')

export interface ReportConfig {
  readonly price:
    | { readonly perKwh: number; readonly currency: string; readonly source: string; readonly date: string }
    | undefined
  readonly emissions:
    { readonly gramsPerKwh: number; readonly source: string; readonly date: string } | undefined
}

export function reportConfigOf(keys: ReportKeys): ReportConfig {
  const {
    price_per_kwh: perKwh,
    currency = '',
    price_source: priceSource = '',
    price_date: priceDate = '',
  } = keys
  const {
    emissions_grams_per_kwh: gramsPerKwh,
    emissions_source: source = '',
    emissions_date: day = '',
  } = keys
  return {
    price: perKwh === undefined ? undefined : { perKwh, currency, source: priceSource, date: priceDate },
    emissions: gramsPerKwh === undefined ? undefined : { gramsPerKwh, source, date: day },
  }
}
