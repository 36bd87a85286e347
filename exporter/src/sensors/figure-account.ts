/**
 * The energy of one figure of a device, poll by poll: its counter where that is fine enough, else its power
 * integrated. What cannot be true is not believed:
 *
 * - Power that is no number, below 0 or above the maximum is passed over, and said.
 * - A counter's step beyond what the maximum allows (another unit, a spike) counts with what the power says for that
 *   time, else with the maximum; the rest is excess. A fall is a wrap, where the range is known, else a new beginning.
 * - A counter that stands still while power is drawn is left for the power, until it moves again.
 * - A counter that moves in steps is only told of when it has moved, over all the time since it moved before.
 */
import type { MeterFigure } from '../devices/device.ts'
import type { Method } from '../model.ts'
import { elapsed, microjoules, seconds, watts, type Microjoules, type Seconds, type Watts } from '../units.ts'
import { Counter, FROZEN_AFTER_SECONDS, type CounterLimits } from './counter.ts'
import { PowerIntegral } from './power-integral.ts'
import { LOST_AFTER_SECONDS } from './sensor.ts'

export interface Spent {
  readonly spent: Microjoules
  readonly from: Seconds
  readonly to: Seconds
  readonly excess: Microjoules
  readonly method: Method
  readonly whileDown?: true
}

export interface AccountLook {
  readonly spent?: Spent
  /** What was not believed, in words. */
  readonly complaint?: string
}

export interface AccountLimits {
  /** More than it can ever draw. */
  readonly maximum: Watts
  /** Between two polls. */
  readonly period: Seconds
}

/** A counter whose step is a larger part than this of what is drawn in one period is too coarse beside a power. */
const COARSEST_STEP = 0.05
/** No counter of this planet shows more joules. */
const LARGEST_JOULES = 1e15

export class FigureAccount {
  readonly #limits: AccountLimits
  #counter = new Counter({ mayStandStill: true, lostAfter: Infinity })
  #integral: PowerIntegral
  /** Decided at the first figure that says enough. `stuck`: the counter stands still under power. */
  #by: 'counter' | 'power' | 'stuck' | undefined
  /** What the counter showed, and since when. */
  #shown: { readonly raw: bigint; readonly since: Seconds } | undefined
  /** What the power came to since the counter was last told of, in microjoules; undefined where that is not known. */
  #alongside: number | undefined
  #former: { readonly raw: bigint; readonly at: Seconds } | undefined

  constructor(limits: AccountLimits) {
    this.#limits = limits
    this.#integral = this.#newIntegral()
  }

  /** Before the first figure: what an earlier run of the exporter has accounted for. */
  resume(bookmark: string): void {
    const [, raw, at] = /^(\d{1,30})@(\d+(?:\.\d+)?)$/.exec(bookmark) ?? []
    if (raw !== undefined) this.#former = { raw: BigInt(raw), at: seconds(Number(at)) }
  }

  /** Up to where its counter is accounted for. */
  get bookmark(): string | undefined {
    const position = this.#by === 'counter' ? this.#counter.position : undefined
    return position && `${position.raw}@${position.at}`
  }

  /** What lies between the newest figure and the next one belongs to nobody. */
  startOver(): void {
    this.#counter = new Counter({ mayStandStill: true, lostAfter: Infinity })
    this.#integral = this.#newIntegral()
    this.#by = undefined
    this.#shown = undefined
    this.#alongside = undefined
  }

  /** @param at when it was asked for, later than all before */
  add(figure: MeterFigure, at: Seconds): AccountLook {
    const power = this.#powerIn(figure)
    const energy = energyIn(figure)
    const untrue =
      power.untrue ?? energy.untrue ?? (saysNothing(figure) ? 'it gives no figure this time' : undefined)
    const drawn = this.#integrate(power.watts, at, figure)
    this.#by ??= this.#choose(figure, power.watts, energy.raw)
    if (
      this.#by === 'power' &&
      this.#choose(figure, power.watts, energy.raw) === 'counter' &&
      energy.raw !== undefined
    ) {
      this.#by = 'counter' // its step has turned out to be finer
      this.#first(energy.raw, at, figure)
      return this.#byPower(drawn, figure)
    }
    const look =
      this.#by === 'power' || this.#by === undefined
        ? this.#byPower(drawn, figure)
        : energy.raw === undefined
          ? { complaint: 'its energy counter is not there this time' }
          : this.#byCounter(energy.raw, at, figure, drawn, power.watts)
    const complaint = untrue ?? look.complaint
    return { ...look, ...(complaint !== undefined && { complaint }) }
  }

  #choose(
    figure: MeterFigure,
    power: Watts | undefined,
    raw: bigint | undefined,
  ): 'counter' | 'power' | undefined {
    if (this.#former !== undefined && raw !== undefined) return 'counter'
    if (raw === undefined) return power === undefined ? undefined : 'power'
    if (figure.watts === undefined) return 'counter'
    if (power === undefined) return undefined
    const coarsest = COARSEST_STEP * power * this.#limits.period
    return (figure.stepJoules ?? 1) <= coarsest ? 'counter' : 'power'
  }

  #powerIn({ watts: power }: MeterFigure): { readonly watts?: Watts; readonly untrue?: string } {
    if (power === undefined) return {}
    const { maximum } = this.#limits
    if (!Number.isFinite(power)) return { untrue: 'its power is no number' }
    if (power < 0) return { untrue: `its power is ${power} W: what is used cannot be negative` }
    if (power > maximum) return { untrue: `its power is ${power} W, more than its maximum of ${maximum} W` }
    return { watts: watts(power) }
  }

  /** @returns what the power came to since the poll before */
  #integrate(power: Watts | undefined, at: Seconds, { averagedOverSeconds }: MeterFigure): Drawn | undefined {
    if (power === undefined) return undefined
    this.#integral.add({
      at,
      watts: power,
      ...(averagedOverSeconds !== undefined && { averagedOver: seconds(averagedOverSeconds) }),
    })
    const taken = this.#integral.take()
    return taken && { ...taken, to: at }
  }

  #byPower(drawn: Drawn | undefined, { isEstimated }: MeterFigure): AccountLook {
    if (drawn === undefined) return {}
    return {
      spent: { ...drawn, excess: microjoules(0), method: isEstimated === true ? 'estimated' : 'integrated' },
    }
  }

  #byCounter(
    raw: bigint,
    at: Seconds,
    figure: MeterFigure,
    drawn: Drawn | undefined,
    power: Watts | undefined,
  ): AccountLook {
    const before = this.#shown
    if (before === undefined) return this.#first(raw, at, figure)
    if (raw === before.raw) return this.#standStill(before.since, at, figure, drawn, power)
    this.#shown = { raw, since: at }
    const alongside = this.#sum(drawn)
    this.#alongside = 0
    if (this.#by === 'stuck') {
      this.#by = 'counter'
      this.#counter = new Counter({ mayStandStill: true, lostAfter: Infinity })
      this.#counter.look(raw, at, this.#counterLimits(figure))
      return this.#byPower(drawn, figure)
    }
    const since = this.#counter.position?.at ?? before.since
    const look = this.#counter.look(raw, at, this.#counterLimits(figure))
    if (look.kind !== 'spent') return this.#instead(alongside, since, at)
    const { from, spent, excess } = look
    const method = figure.isEstimated === true ? 'estimated' : 'counter'
    if (excess === 0 || alongside === undefined) {
      const complaint =
        excess === 0 ? undefined : `its energy counter went up by more than its maximum allows`
      return { spent: { spent, excess, from, to: at, method }, ...(complaint !== undefined && { complaint }) }
    }
    const believed = microjoules(Math.min(spent, alongside))
    return {
      spent: { spent: believed, excess: atMost(spent - believed + excess), from, to: at, method },
      complaint: 'its energy counter went up by more than its maximum allows: its power counts instead',
    }
  }

  /** A fall that is neither a wrap nor a reset. */
  #instead(alongside: number | undefined, from: Seconds, to: Seconds): AccountLook {
    const complaint = 'its energy counter fell to a figure that cannot be'
    if (alongside === undefined) return { complaint }
    const spent = microjoules(alongside)
    return { spent: { spent, from, to, excess: microjoules(0), method: 'integrated' }, complaint }
  }

  #first(raw: bigint, at: Seconds, figure: MeterFigure): AccountLook {
    this.#shown = { raw, since: at }
    this.#alongside = 0
    const limits = this.#counterLimits(figure)
    const former = this.#former
    this.#former = undefined
    if (former !== undefined) this.#counter.resume({ ...former, range: limits.range })
    const look = this.#counter.look(raw, at, limits)
    if (look.kind !== 'spent') return {}
    const { from, spent, excess } = look
    const method = figure.isEstimated === true ? 'estimated' : 'counter'
    return { spent: { from, spent, excess, to: at, method, whileDown: true } }
  }

  #standStill(
    since: Seconds,
    at: Seconds,
    figure: MeterFigure,
    drawn: Drawn | undefined,
    power: Watts | undefined,
  ): AccountLook {
    if (this.#by === 'stuck') return { ...this.#byPower(drawn, figure), complaint: STUCK }
    const alongside = this.#sum(drawn)
    this.#alongside = alongside
    if (power === 0 && alongside === 0) return this.#nothing(at, figure)
    const step = Math.max(figure.stepJoules ?? 1, 1) * 1e6
    const isStuck =
      elapsed(since, at) >= FROZEN_AFTER_SECONDS && alongside !== undefined && alongside > 2 * step
    if (!isStuck) return {}
    const from = this.#counter.position?.at ?? since
    this.#by = 'stuck'
    this.#alongside = 0
    const spent = microjoules(alongside)
    return { spent: { spent, from, to: at, excess: microjoules(0), method: 'integrated' }, complaint: STUCK }
  }

  /** It draws nothing, and its counter agrees. */
  #nothing(at: Seconds, figure: MeterFigure): AccountLook {
    const raw = this.#shown?.raw ?? 0n
    const look = this.#counter.look(raw, at, this.#counterLimits(figure))
    if (look.kind !== 'spent') return {}
    const { from, spent, excess } = look
    this.#shown = { raw, since: at }
    return {
      spent: { from, spent, excess, to: at, method: figure.isEstimated === true ? 'estimated' : 'counter' },
    }
  }

  #sum(drawn: Drawn | undefined): number | undefined {
    return this.#alongside === undefined || drawn === undefined ? undefined : this.#alongside + drawn.spent
  }

  #counterLimits({ wrapsAtJoules }: MeterFigure): CounterLimits {
    return {
      maximum: this.#limits.maximum,
      range: wrapsAtJoules === undefined ? undefined : BigInt(Math.round(wrapsAtJoules * 1e6)),
    }
  }

  #newIntegral(): PowerIntegral {
    return new PowerIntegral(seconds(LOST_AFTER_SECONDS + 2 * this.#limits.period))
  }
}

/** A leap may be of any size; what is beyond the largest energy is not told apart. */
const atMost = (amount: number): Microjoules => microjoules(Math.min(amount, Number.MAX_SAFE_INTEGER))

interface Drawn {
  readonly spent: Microjoules
  readonly from: Seconds
  readonly to: Seconds
}

const saysNothing = ({ watts: power, joules }: MeterFigure): boolean =>
  power === undefined && joules === undefined

const STUCK = 'its energy counter stands still while power is drawn: its power counts instead'

function energyIn({ joules }: MeterFigure): { readonly raw?: bigint; readonly untrue?: string } {
  if (joules === undefined) return {}
  if (!Number.isFinite(joules) || joules < 0 || joules > LARGEST_JOULES)
    return { untrue: `its energy is ${joules} J: no counter shows that` }
  return { raw: BigInt(Math.round(joules * 1e6)) }
}
