/** Splitting an energy into whole microjoules that add up to it exactly. */
import { microjoules, type Microjoules } from '../units.ts'

/**
 * Cumulative rounding: share i = round(E·Wᵢ/W) − round(E·Wᵢ₋₁/W) over the running weights Wᵢ. The sum telescopes to
 * E whatever the rounding does, because the last running weight is W itself; no share is negative, because division,
 * product and rounding are monotone; and no share is off by more than one microjoule.
 *
 * @param weights finite and not negative, any unit; those of one call are compared with each other only
 * @returns one share per weight, or undefined when no weight is above zero and nobody can be charged
 */
export function apportion(energy: Microjoules, weights: ArrayLike<number>): Microjoules[] | undefined {
  let total = 0
  for (let index = 0; index < weights.length; index += 1) {
    const weight = weights[index] ?? 0
    if (!(weight >= 0))
      throw new RangeError(`weight ${index} is ${weight}: weights are finite and not negative`)
    total += weight
  }
  if (!Number.isFinite(total)) throw new RangeError('weights are finite and not negative')
  if (total === 0) return undefined
  const shares = new Array<Microjoules>(weights.length)
  let running = 0
  let given = 0
  for (let index = 0; index < weights.length; index += 1) {
    running += weights[index] ?? 0
    const upTo = Math.round(energy * (running / total))
    shares[index] = microjoules(upTo - given)
    given = upTo
  }
  return shares
}
