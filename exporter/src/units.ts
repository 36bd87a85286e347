/** The physical units of the books and the only conversions between them. Imports nothing. */

declare const unit: unique symbol
type Quantity<Unit extends string> = number & { readonly [unit]: Unit }

/** Energy of one interval: a whole, non-negative number of microjoules below 2^53 (9 GJ). */
export type Microjoules = Quantity<'µJ'>
export type Watts = Quantity<'W'>
/** An instant on the monotonic clock or a duration, as the name says. Unix time is called `wall`. */
export type Seconds = Quantity<'s'>
/** CPU time. */
export type Nanoseconds = Quantity<'ns'>

const MICRO = 1_000_000

/** @throws RangeError when the amount is not a whole, non-negative number that a double holds exactly */
export function microjoules(amount: number): Microjoules {
  if (!Number.isSafeInteger(amount) || amount < 0) {
    throw new RangeError(`${amount} µJ: an energy is a whole number of microjoules from 0 to 2^53 - 1`)
  }
  return amount as Microjoules
}

export const watts = (amount: number): Watts => amount as Watts
export const seconds = (amount: number): Seconds => amount as Seconds
export const nanoseconds = (amount: number): Nanoseconds => amount as Nanoseconds

export const noEnergy = microjoules(0)

/** The energy of a constant power over a duration, rounded to whole microjoules. */
export const energyOf = (power: Watts, duration: Seconds): Microjoules =>
  microjoules(Math.round(power * duration * MICRO))

/** Mean power of an energy over a duration above zero. */
export const powerOf = (energy: Microjoules, duration: Seconds): Watts => watts(energy / MICRO / duration)

export const elapsed = (from: Seconds, to: Seconds): Seconds => seconds(to - from)

/**
 * A cumulative energy. Whole joules and the microjoules below one joule are kept apart, so that a total stays
 * exact to 9e15 J while each step costs two additions: one double would be exact for only 10 days at 10 kW.
 */
export class EnergyTotal {
  joules = 0
  microjoules = 0

  static of(...parts: readonly EnergyTotal[]): EnergyTotal {
    const sum = new EnergyTotal()
    for (const part of parts) sum.addTotal(part)
    return sum
  }

  static from(amount: Microjoules): EnergyTotal {
    const total = new EnergyTotal()
    total.add(amount)
    return total
  }

  /**
   * Reads back what `toString` wrote.
   * @throws RangeError for any other text
   */
  static parse(text: string): EnergyTotal {
    const [, joules, microjoules] = /^(\d{1,15})\.(\d{6})$/.exec(text) ?? []
    if (joules === undefined) throw new RangeError(`${text} is not joules with six decimals`)
    const total = new EnergyTotal()
    total.joules = Number(joules)
    total.microjoules = Number(microjoules)
    return total
  }

  add(amount: Microjoules): void {
    const belowOneJoule = amount % MICRO
    this.joules += (amount - belowOneJoule) / MICRO
    this.#carry(this.microjoules + belowOneJoule)
  }

  addTotal(other: EnergyTotal): void {
    this.joules += other.joules
    this.#carry(this.microjoules + other.microjoules)
  }

  /** Takes an earlier or smaller total away; below zero it stays exact, as a whole negative number of joules plus a remainder. */
  subtractTotal(other: EnergyTotal): void {
    this.joules -= other.joules
    this.#carry(this.microjoules - other.microjoules)
  }

  copy(): EnergyTotal {
    return EnergyTotal.of(this)
  }

  get isZero(): boolean {
    return this.joules === 0 && this.microjoules === 0
  }

  /** For arithmetic that needs no exactness, such as ranking or watts on a page for people. */
  toJoules(): number {
    return this.joules + this.microjoules / MICRO
  }

  toBigInt(): bigint {
    return BigInt(this.joules) * 1_000_000n + BigInt(this.microjoules)
  }

  /** Decimal joules with exactly six digits: turned back into microjoules, nothing is lost. */
  toString(): string {
    const total = this.toBigInt()
    const size = total < 0n ? -total : total
    return `${total < 0n ? '-' : ''}${size / 1_000_000n}.${String(size % 1_000_000n).padStart(6, '0')}`
  }

  /** @param remainder between -10^6 and 2·10^6 */
  #carry(remainder: number): void {
    const whole = Math.floor(remainder / MICRO)
    this.joules += whole
    this.microjoules = remainder - whole * MICRO
  }
}
