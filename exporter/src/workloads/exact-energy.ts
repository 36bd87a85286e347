/** Sums of microjoules as bigint: exact at any size, also where they are split or multiplied. */
import { EnergyTotal } from '../units.ts'

const MICRO = 1_000_000n

/** Decimal joules with exactly six digits. */
export const joulesText = (microjoules: bigint): string => energyTotal(microjoules).toString()

/** @param microjoules not negative */
export function energyTotal(microjoules: bigint): EnergyTotal {
  const total = new EnergyTotal()
  total.joules = Number(microjoules / MICRO)
  total.microjoules = Number(microjoules % MICRO)
  return total
}

/** For figures that are means or guesses. */
export const joulesIn = (microjoules: bigint): number => energyTotal(microjoules).toJoules()
