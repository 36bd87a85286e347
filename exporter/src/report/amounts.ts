/** Energy as people and contracts write it, and what it costs. */
import type { EnergyTotal } from '../units.ts'
import type { Factors } from './report.ts'

const MICROJOULES_PER_KWH = 3_600_000_000_000
const KWH_DIGITS = 6

/** Kilowatt hours with six digits, rounded once from the exact energy. */
export function kwhText(energy: EnergyTotal): string {
  const perUnit = BigInt(MICROJOULES_PER_KWH) / 10n ** BigInt(KWH_DIGITS)
  const units = (energy.toBigInt() + perUnit / 2n) / perUnit
  const text = units.toString().padStart(KWH_DIGITS + 1, '0')
  return `${text.slice(0, -KWH_DIGITS)}.${text.slice(-KWH_DIGITS)}`
}

const kwhOf = (energy: EnergyTotal): number => Number(energy.toBigInt()) / MICROJOULES_PER_KWH

/** An amount that comes from energy by a factor that somebody gave. */
export interface Multiplied {
  /** Of a column for people, `cost in EUR`. */
  readonly title: string
  /** Of a column for programs, `cost`. */
  readonly key: string
  readonly textOf: (energy: EnergyTotal) => string
  /** Where the factor is from and of when. */
  readonly basis: string
}

export function multipliedBy({ price, emissions }: Factors): readonly Multiplied[] {
  return [
    ...(price === undefined
      ? []
      : [
          {
            title: `cost in ${price.currency}`,
            key: 'cost',
            textOf: (energy: EnergyTotal) => (kwhOf(energy) * price.perKwh).toFixed(4),
            basis: `${price.perKwh} ${price.currency}/kWh: ${price.source}, ${price.date}`,
          },
        ]),
    ...(emissions === undefined
      ? []
      : [
          {
            title: 'emissions in g',
            key: 'emissions_grams',
            textOf: (energy: EnergyTotal) => (kwhOf(energy) * emissions.gramsPerKwh).toFixed(3),
            basis: `${emissions.gramsPerKwh} g/kWh: ${emissions.source}, ${emissions.date}`,
          },
        ]),
  ]
}
