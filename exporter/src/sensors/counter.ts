/**
 * The arithmetic of a hardware energy counter: raw figures in microjoules in, the energy of each interval out.
 *
 * A counter wraps after its documented range (for RAPL `max_energy_range_uj`,
 * https://docs.kernel.org/power/powercap/powercap.html). The Linux driver computes that range from the highest
 * value of a 32-bit register (`get_max_energy_counter` in drivers/powercap/intel_rapl_common.c), so the register
 * comes round one hardware unit later than documented. The documented range is used all the same, because the unit
 * is not published: each wrap loses at most one hardware unit, 15 to 61 µJ on most machines, and never adds one.
 */
import { LOST_AFTER_SECONDS } from './sensor.ts'
import { elapsed, microjoules, noEnergy, type Microjoules, type Seconds, type Watts } from '../units.ts'

/** A counter that shows the same figure for this long is believed to be broken: hardware under power always moves. */
export const FROZEN_AFTER_SECONDS = 60

/** A short interval may show the energy of a longer one, because the counter's own updates and the looks jitter. */
const SHORTEST_JUDGED_SECONDS = 1

export interface CounterLimits {
  /** The highest figure before it comes round to 0; undefined where it is not known and a fall is always a reset. */
  readonly range: bigint | undefined
  /** More than the hardware can ever draw. */
  readonly maximum: Watts
}

/**
 * `waiting`: nothing is known yet, this look is where the next difference starts (a first look, a counter that has
 * not moved so far, one that was lost, frozen or reset). `spent`: the energy since the look at `from`; `excess` is
 * what the counter claimed beyond the maximum. `frozen`: it stands still, and did or did not move before.
 */
export type CounterLook =
  | { readonly kind: 'waiting' }
  | {
      readonly kind: 'spent'
      readonly from: Seconds
      readonly spent: Microjoules
      readonly excess: Microjoules
      readonly whileDown?: true
    }
  | { readonly kind: 'frozen'; readonly hadMoved: boolean }

/** Where a counter stood, to be taken up by the next run of the exporter in the same boot. */
export interface CounterPosition {
  readonly raw: bigint
  readonly at: Seconds
  readonly range: bigint | undefined
}

/** What is known since a first look. */
interface Run {
  /** The newest look. */
  raw: bigint
  at: Seconds
  /** From here on no energy is missing: the reports add up to all that was spent. */
  accountsFrom: Seconds
  /** The newest instant at which the figure was another than before, or the first look. */
  movedAt: Seconds
  hasMoved: boolean
  isFrozen: boolean
  range: bigint | undefined
}

export class Counter {
  readonly #mayStandStill: boolean
  readonly #lostAfter: number
  #run: Run | undefined
  #everMoved = false
  #former: CounterPosition | undefined

  /**
   * @param options.mayStandStill whether 0 µJ for minutes is an honest figure, as for an unused graphics unit
   * @param options.lostAfter seconds without a look after which its next difference is believed no more
   */
  constructor(options: { readonly mayStandStill?: boolean; readonly lostAfter?: number } = {}) {
    this.#mayStandStill = options.mayStandStill === true
    this.#lostAfter = options.lostAfter ?? LOST_AFTER_SECONDS
  }

  /** Before the first look: what an earlier run of the exporter has accounted for. */
  resume(position: CounterPosition): void {
    this.#former = position
  }

  /** Up to where all energy is accounted for; undefined while it is not counting. */
  get position(): CounterPosition | undefined {
    const run = this.#run
    return run === undefined || run.isFrozen ? undefined : { raw: run.raw, at: run.at, range: run.range }
  }

  /** @param raw what the counter shows, in microjoules, from 0 to `limits.range` */
  look(raw: bigint, at: Seconds, limits: CounterLimits): CounterLook {
    const run = this.#run
    const former = this.#former
    this.#former = undefined
    if (run === undefined && former !== undefined) return this.#takeUp(former, raw, at, limits)
    if (run === undefined || this.#isLost(run.at, at)) return this.#startOver(raw, at, limits)
    if (raw === run.raw) return this.#standStill(run, at)
    if (run.isFrozen) return this.#startOver(raw, at, limits)
    const limit = energyLimit(limits.maximum, elapsed(run.at, at))
    const claimed = raw > run.raw ? raw - run.raw : afterFall(run.raw, raw, limits.range, limit)
    if (claimed === undefined) return this.#startOver(raw, at, limits)
    const believed = claimed > limit ? limit : claimed
    this.#run = { ...run, raw, at, movedAt: at, hasMoved: true, range: limits.range }
    this.#everMoved = true
    return { kind: 'spent', from: run.at, spent: exact(believed), excess: exact(claimed - believed) }
  }

  /** Whether it accounts for what is spent from now on: it was looked at, is not lost and does not stand still. */
  isCounting(at: Seconds): boolean {
    return this.#run !== undefined && !this.#run.isFrozen && !this.#isLost(this.#run.at, at)
  }

  /**
   * Whether it accounts for the interval that ends at `at`: it has just reported it, or it was not asked and its
   * next difference will still cover it.
   */
  covers(at: Seconds): boolean {
    return this.#run !== undefined && this.isCounting(at) && this.#run.accountsFrom < at
  }

  /** Over such a silence the range could have wrapped more than once, and a model may have taken over. */
  #isLost(from: Seconds, to: Seconds): boolean {
    return elapsed(from, to) > this.#lostAfter
  }

  #startOver(raw: bigint, at: Seconds, { range }: CounterLimits): CounterLook {
    this.#run = { raw, at, accountsFrom: at, movedAt: at, hasMoved: false, isFrozen: false, range }
    return { kind: 'waiting' }
  }

  /**
   * What was spent while nobody looked is only believed where it is certain: the same counter, a time too short for
   * it to wrap even at the physical maximum, and no more than that maximum allows.
   */
  #takeUp(former: CounterPosition, raw: bigint, at: Seconds, limits: CounterLimits): CounterLook {
    const { range, maximum } = limits
    const duration = elapsed(former.at, at)
    const limit = energyLimit(maximum, duration)
    const isSure = duration >= 0 && former.range === range && (range === undefined || limit < range)
    const spent = raw >= former.raw || range === undefined ? raw - former.raw : raw + range - former.raw
    if (!isSure || spent < 0n || spent > limit) return this.#startOver(raw, at, limits)
    const hasMoved = spent > 0n
    const movedAt = hasMoved ? at : former.at
    this.#run = { raw, at, accountsFrom: former.at, movedAt, hasMoved, isFrozen: false, range }
    this.#everMoved = true
    return { kind: 'spent', from: former.at, spent: exact(spent), excess: noEnergy, whileDown: true }
  }

  #standStill(run: Run, at: Seconds): CounterLook {
    const from = run.at
    run.at = at
    const nothing = { kind: 'spent', from, spent: noEnergy, excess: noEnergy } as const
    if (this.#mayStandStill) return nothing
    if (elapsed(run.movedAt, at) >= FROZEN_AFTER_SECONDS) {
      run.isFrozen = true
      return { kind: 'frozen', hadMoved: this.#everMoved }
    }
    if (run.hasMoved) return nothing
    // A counter that never moved has measured nothing yet, not even 0 µJ.
    run.accountsFrom = at
    return { kind: 'waiting' }
  }
}

const energyLimit = (maximum: Watts, duration: Seconds): bigint =>
  BigInt(Math.ceil(maximum * Math.max(duration, SHORTEST_JUDGED_SECONDS) * 1e6))

/**
 * A fall is a wrap if that is physically possible, else a reset, after which the figure itself is what was spent
 * since; undefined when neither is possible.
 */
function afterFall(
  before: bigint,
  now: bigint,
  range: bigint | undefined,
  limit: bigint,
): bigint | undefined {
  if (range !== undefined && before <= range) {
    const wrapped = now + range - before
    if (wrapped <= limit) return wrapped
  }
  return now <= limit ? now : undefined
}

const LARGEST = BigInt(Number.MAX_SAFE_INTEGER)

const exact = (amount: bigint): Microjoules => microjoules(Number(amount > LARGEST ? LARGEST : amount))
