/** Energy from samples of power: the trapezoid between two of them, in whole microjoules whose sum is right to one. */
import { microjoules, seconds, type Microjoules, type Seconds, type Watts } from '../units.ts'

/** Over a longer silence two samples say nothing of what lies between them, unless the sensor says otherwise. */
const LONGEST_GAP_SECONDS = 10

/** Of a microjoule: what floating point may lose, so that a whole microjoule is not left for the next time. */
const ROUNDING = 1e-3

export interface PowerPoint {
  /** On the monotonic clock. */
  readonly at: Seconds
  readonly watts: Watts
  /** The figure is the mean over this long before `at`, so that so much of the time counts with it in full. */
  readonly averagedOver?: Seconds
}

export class PowerIntegral {
  readonly #longestGap: Seconds
  #newest: PowerPoint | undefined
  /** Not yet taken, in microjoules; the rest below one stays for the next time. */
  #energy = 0
  /** Where the energy that was not taken begins; undefined before two samples. */
  #from: Seconds | undefined

  constructor(longestGap: Seconds = seconds(LONGEST_GAP_SECONDS)) {
    this.#longestGap = longestGap
  }

  /** @param point later than all before; an earlier one, or no number of watts, is passed over */
  add(point: PowerPoint): void {
    const { at, watts, averagedOver = 0 } = point
    if (!(watts >= 0) || !Number.isFinite(watts)) return
    const before = this.#newest
    if (before !== undefined && at <= before.at) return
    this.#newest = point
    if (before === undefined) return
    const duration = at - before.at
    if (duration > this.#longestGap) {
      if (this.#energy < 1) this.#from = undefined // nothing was integrated yet: it begins behind the gap
      return
    }
    this.#from ??= before.at
    const averaged = Math.min(averagedOver, duration)
    this.#energy += (watts * averaged + ((before.watts + watts) / 2) * (duration - averaged)) * 1e6
  }

  /** @returns what was spent since the time before, and where that began; undefined where nothing is known */
  take(): { readonly spent: Microjoules; readonly from: Seconds } | undefined {
    if (this.#from === undefined) return undefined
    const spent = microjoules(Math.max(0, Math.floor(this.#energy + ROUNDING)))
    const taken = { spent, from: this.#from }
    this.#energy -= spent
    this.#from = undefined
    return taken
  }

  get newest(): PowerPoint | undefined {
    return this.#newest
  }
}
