/**
 * Energy budgets: how much of a limit was used in the running period, and what it will be at its end. Energies are
 * sums of microjoules, exact at any size; what a factor multiplies is multiplied when it is shown.
 */
import {
  BOUNDARIES,
  type Booking,
  type BudgetMatch,
  type BudgetRule,
  type Part,
  type WallSpan,
  type WorkloadFacts,
} from '../model.ts'
import { EnergyTotal, seconds, type Microjoules, type Seconds } from '../units.ts'
import { fitsNode, workloadTestOf } from './budget-match.ts'
import type { PeriodPhase } from './budget-period.ts'
import { BudgetUse, keyOf, type BudgetIdentity, type BudgetUseState } from './budget-use.ts'
import { energyTotal } from './exact-energy.ts'
import { Retained } from './retained.ts'
import { listIn, recordIn, StateError } from './saved-state.ts'
import { isOneTick, withoutJumps } from './time-split.ts'

export { StateError } from './saved-state.ts'

export interface BudgetStatus {
  readonly rule: BudgetRule
  /** Of fixed dates, whether they have come; nothing is counted before and after them. */
  readonly phase: PeriodPhase
  readonly period: WallSpan
  /** Of the period, 0 to 1. */
  readonly elapsedRatio: number
  /** From when on this period's use is known; undefined when none of it is. */
  readonly observedSince: Seconds | undefined
  readonly used: EnergyTotal
  /**
   * Use at the end of the period in joules: what is used, and the mean power of the last 24 hours for the rest of it.
   * Those hours may reach back before the period, so that it begins with the power of the day before and not with a
   * guess. Only in the first day of a budget there are fewer, and the figure is as unsteady as the power is. Hours in
   * which the exporter was down count with what was booked for them, or not at all. Undefined before fixed dates and
   * while nothing is known of the last 24 hours.
   */
  readonly projectedJoules: number | undefined
}

/** Plain JSON. */
export interface BudgetsState {
  readonly version: 1
  readonly budgets: readonly BudgetUseState[]
}

export class Budgets {
  readonly #uses = new Retained<BudgetIdentity, BudgetUse>(keyOf, (identity) => new BudgetUse(identity))
  #inForce: readonly Budget[] = []
  /** They count the whole node, with what belongs to nobody. */
  #ofAll: readonly Budget[] = []
  #ofSome: readonly Budget[] = []
  #counting = new WeakMap<WorkloadFacts, readonly Budget[]>()
  #rules: readonly BudgetRule[]
  #node: string

  /** @param node the name of this machine; budgets of others are left alone */
  constructor(rules: readonly BudgetRule[], node: string) {
    this.#rules = rules
    this.#node = node
    this.#apply()
  }

  /**
   * A budget keeps its use as long as its name stays and what it counts: matcher, boundary, meter, period and zone.
   * One that was taken out and comes back goes on where it was. A new factor holds for all of the running period.
   */
  reconfigure(rules: readonly BudgetRule[], node: string): void {
    this.#rules = rules
    this.#node = node
    this.#apply()
  }

  /**
   * Counts what a tick has booked. Where the span crosses the edge of a period, each gets its part by time.
   * @param bookings their `workload` is best one object for as long as nothing of it changes: it is matched once
   * @param meters what was spent by each domain that was read, and by `node`: all that was measured
   * @param span may end before it begins, or be years long, where the clock was set: all is counted at its end then
   */
  book(bookings: readonly Booking[], meters: ReadonlyMap<string, Microjoules>, span: WallSpan): void {
    if (this.#inForce.length === 0) return
    for (const { part, amount, workload } of bookings) {
      const rank = PART_RANK[part]
      for (const budget of this.#ofAll) budget.collect(rank, amount)
      if (workload === undefined || this.#ofSome.length === 0) continue
      for (const budget of this.#countingOf(workload)) budget.collect(rank, amount)
    }
    const lasted = withoutJumps(span)
    const isDownKnown = bookings.some(({ reason }) => reason === 'exporter_down')
    for (const budget of this.#inForce) budget.book(meters, spentIn(lasted, isDownKnown && !budget.isOfSome))
  }

  /** In the order of the configuration, without the budgets of other machines. */
  statuses(wall: Seconds): readonly BudgetStatus[] {
    return this.#inForce.map((budget) => budget.status(wall))
  }

  state(): BudgetsState {
    return { version: 1, budgets: Array.from(this.#uses.values(), (use) => use.state()) }
  }

  /**
   * Takes over what an earlier run has saved, in place of all that was counted.
   * @param state of `state()`, through JSON
   * @throws StateError when it does not fit; nothing is changed then
   */
  restore(state: unknown): void {
    const { version, budgets } = recordIn(state, 'budgets')
    if (version !== 1) throw new StateError('the saved budgets are of another version')
    this.#uses.replace(listIn(budgets, 'budgets').map((one) => BudgetUse.restored(one)))
    this.#apply()
  }

  #apply(): void {
    this.#inForce = this.#rules
      .filter(({ match }) => fitsNode(match, this.#node))
      .map((rule) => new Budget(rule, this.#uses.claim(identityOf(rule))))
    this.#uses.forget(this.#inForce.length)
    const booked = this.#inForce.filter(({ rule }) => rule.meter === undefined)
    this.#ofAll = booked.filter(({ isOfSome }) => !isOfSome)
    this.#ofSome = booked.filter(({ isOfSome }) => isOfSome)
    this.#counting = new WeakMap()
  }

  #countingOf(facts: WorkloadFacts): readonly Budget[] {
    let budgets = this.#counting.get(facts)
    if (budgets === undefined) {
      budgets = this.#ofSome.filter((budget) => budget.counts(facts))
      this.#counting.set(facts, budgets)
    }
    return budgets
  }
}

/**
 * What was spent while the exporter did not run is booked as such, and to nobody. Where it is not known, what was booked
 * is of the first tick after it.
 */
const spentIn = (span: WallSpan, isDownKnown: boolean): WallSpan =>
  isOneTick(span) || isDownKnown ? span : { from: span.to, to: span.to }

/** Boundaries are running sums of the parts in this order. */
const PART_RANK: Readonly<Record<Part, number>> = { accelerator: 0, host: 1, idle: 2, overhead: 3 }

/** What decides whether the use goes on after a change of the configuration. */
const identityOf = ({ name, match, boundary, meter, period, timeZone }: BudgetRule): BudgetIdentity => ({
  name,
  counts: JSON.stringify([...conditionsOf(match), boundary, meter ?? null]),
  period,
  timeZone,
})

function conditionsOf(match: BudgetMatch): readonly unknown[] {
  const { workload, namespace, kind, user, account, node, podLabels } = match
  const labels = podLabels && Object.entries(podLabels).sort(([one], [other]) => (one < other ? -1 : 1))
  return [workload, namespace, kind, user, account, node, labels].map((condition) => condition ?? null)
}

/** Factors count to the sixth digit. */
const FACTOR_UNIT = 1_000_000

/** A rule in force, and what it has used. */
class Budget {
  readonly rule: BudgetRule
  readonly use: BudgetUse
  /** Whether it counts single workloads only, and nothing of what belongs to nobody. */
  readonly isOfSome: boolean
  readonly counts: (facts: WorkloadFacts) => boolean
  readonly #rank: number
  readonly #factor: number
  readonly #it = new EnergyTotal()
  readonly #overhead = new EnergyTotal()

  constructor(rule: BudgetRule, use: BudgetUse) {
    this.rule = rule
    this.use = use
    const test = workloadTestOf(rule.match)
    this.isOfSome = test !== undefined
    this.counts = test ?? (() => true)
    this.#rank = BOUNDARIES.indexOf(rule.boundary)
    this.#factor = Math.max(1, rule.facilityFactor ?? 1)
  }

  /** @param rank of the part; those beyond the boundary do not count */
  collect(rank: number, amount: Microjoules): void {
    if (rank > this.#rank) return
    if (rank === PART_RANK.overhead) this.#overhead.add(amount)
    else this.#it.add(amount)
  }

  /** Counts what was collected; or what the meter gave, if it gave something. */
  book(meters: ReadonlyMap<string, Microjoules>, span: WallSpan): void {
    const { meter } = this.rule
    if (meter === undefined) this.use.add({ it: take(this.#it), overhead: take(this.#overhead) }, span)
    else this.use.read(meters.get(meter), span)
  }

  status(wall: Seconds): BudgetStatus {
    const { phase } = this.use.clock.stretchAt(wall)
    const period = this.use.clock.periodAt(wall)
    const use = this.use.inPeriod(period.from)
    const used = energyTotal(use === undefined ? 0n : use.overhead + this.#withFactor(use.it))
    return {
      rule: this.rule,
      phase,
      period,
      elapsedRatio: clamped((wall - period.from) / (period.to - period.from)),
      observedSince: use?.since,
      used,
      projectedJoules: this.#projected(phase, used.toJoules(), seconds(period.to - wall), wall),
    }
  }

  #withFactor(it: bigint): bigint {
    return (it * BigInt(Math.round(this.#factor * FACTOR_UNIT))) / BigInt(FACTOR_UNIT)
  }

  #projected(phase: PeriodPhase, used: number, left: Seconds, wall: Seconds): number | undefined {
    if (phase === 'over') return used
    const recent = phase === 'running' ? this.use.recentWatts(wall) : undefined
    return recent && used + (recent.overhead + recent.it * this.#factor) * left
  }
}

function take(collected: EnergyTotal): bigint {
  const energy = collected.toBigInt()
  collected.joules = 0
  collected.microjoules = 0
  return energy
}

const clamped = (ratio: number): number => Math.min(1, Math.max(0, ratio))
