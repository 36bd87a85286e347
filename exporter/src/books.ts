/**
 * All that must survive the exporter: the ledger, what the sensors need to go on counting where they stood, and those
 * who count along: history, budgets, demand. A run that follows in the same boot goes on with the very figures that
 * were shown last. After another boot the figures on the page begin at 0, as those of the kernel's own counters do,
 * while history, budgets and demand keep their totals.
 */
import { Ledger, type LedgerPolicy, type NameOf, type Tick, type TickOfBooks } from './ledger/ledger.ts'
import type { LedgerChanges, LedgerState } from './ledger/record.ts'
import { OPENING } from './ledger/view.ts'
import type { BudgetRule, DemandRule, WallSpan } from './model.ts'
import { Facility, type FacilityChanges, type FacilityState } from './workloads/facility.ts'
import { LOST_AFTER_SECONDS, type Bookmarks, type Surroundings } from './sensors/sensor.ts'
import { seconds, watts, type Seconds, type Watts } from './units.ts'
import { Budgets, type BudgetsState } from './workloads/budgets.ts'
import { Calendar } from './workloads/calendar.ts'
import { Demand, type DemandState } from './workloads/demand.ts'
import type { ClosedBucket } from './workloads/history-bucket.ts'
import { History, type HistoryState } from './workloads/history.ts'
import { namingByPath } from './workloads/naming.ts'
import type { CountsPolicy } from './workloads/phase-counts.ts'
import { Phases, type PhasesRecords } from './workloads/phases.ts'
import {
  EnergyHistograms,
  type HistogramChanges,
  type HistogramLimits,
  type HistogramsState,
} from './workloads/energy-histogram.ts'
import {
  QueryCounts,
  type QueryChanges,
  type QueryCountsState,
  type QueryLimits,
} from './workloads/query-counts.ts'
import { RequestEnergy } from './workloads/request-energy.ts'

export interface BooksPolicy {
  readonly ledger: LedgerPolicy
  /** Of the history's hours and days; an IANA name. */
  readonly timeZone: string
  /** What budgets call this machine. */
  readonly node: string
  readonly budgets: readonly BudgetRule[]
  readonly demand: readonly DemandRule[]
  readonly queries: QueryLimits
}

/** Where the sensors stand, by their names. */
export interface SensorsStand {
  readonly bookmarks: Readonly<Record<string, Bookmarks>>
  /** Looks that failed. */
  readonly failures: Readonly<Record<string, number>>
}

export interface BooksState {
  /** Unix time up to which all is booked. */
  readonly wall: number
  readonly startedWall: number
  readonly ledger: LedgerState
  readonly sensors: SensorsStand
  /** Watts by domain, observed in quiet times. */
  readonly baselines: Readonly<Record<string, number>>
  readonly history: HistoryState
  readonly budgets: BudgetsState
  readonly demand: DemandState
  /** Absent: an earlier version has kept it. */
  readonly phases?: PhasesRecords
  readonly facility?: FacilityState
  /** Absent in the books of versions that counted none. */
  readonly queries?: QueryCountsState
  /** Absent in the books of versions that had no proxy. */
  readonly requestEnergy?: HistogramsState
}

/** What one tick has added. */
export interface BooksChanges {
  readonly wall: number
  readonly ledger: LedgerChanges
  readonly sensors: SensorsStand
  /** Of zones' meters; left out where nothing has changed. */
  readonly facility?: FacilityChanges
  /** The first tick of a run: the exporter did not run since the tick before. */
  readonly wasDown?: true
  /** Where something has changed. */
  readonly phases?: PhasesRecords
  /** Absent where nothing was answered. */
  readonly queries?: QueryChanges
  /** Absent where no request ended whose energy is known. */
  readonly requestEnergy?: HistogramChanges
  /** The zone of the history, where it is another than that of the tick before. */
  readonly timeZone?: string
}

/** What an earlier run has left. */
export interface FormerBooks {
  readonly state: BooksState
  readonly changes: readonly BooksChanges[]
  /** They are the newest figures that were shown in this boot. */
  readonly isCurrent: boolean
}

export class Books {
  readonly ledger: Ledger
  readonly startedWall: Seconds
  /** How sensors go on where an earlier run stood; undefined where they begin anew. */
  readonly resumed: SensorsStand | undefined
  readonly budgets: Budgets
  readonly demand: Demand
  readonly phases: Phases
  readonly facility = new Facility()
  readonly queries: QueryCounts
  /** Requests on their way: those of an earlier run are lost with it. */
  readonly requests = new RequestEnergy()
  readonly requestEnergy: EnergyHistograms
  history: History
  /** What of the former books could not be used, in sentences. */
  readonly problems: string[] = []
  #policy: BooksPolicy
  #bookedTo: Seconds
  #wasDown = false
  /** How long it was down the last time: the gaps that domains tell of afterwards hold it once more. */
  #downFor = 0
  /** The zone of the history as far as state and changes tell it. */
  #toldZone: string
  #closed: ClosedBucket[] = []

  /** @throws RangeError when the former ledger does not fit together */
  constructor(
    policy: BooksPolicy,
    now: { readonly at: Seconds; readonly wall: Seconds },
    former: FormerBooks | undefined,
    nameOf: NameOf = namingByPath(),
  ) {
    this.#policy = policy
    // The earlier run is done again in its own zone: the hours that it has handed out must come out alike.
    this.history = new History(new Calendar(former?.state.history.zone ?? policy.timeZone))
    this.#toldZone = this.history.zone
    this.budgets = new Budgets(policy.budgets, policy.node)
    this.demand = new Demand(policy.demand)
    this.queries = new QueryCounts(policy.queries)
    this.requestEnergy = new EnergyHistograms(histogramLimits(policy))
    this.#bookedTo = now.wall
    if (former === undefined) {
      this.ledger = newLedger(policy.ledger, now.at, nameOf)
      this.phases = newPhases(policy.ledger, now.at, seconds(now.at + OPENING))
      this.startedWall = now.wall
      return
    }
    const { state, changes, isCurrent } = former
    const restored = this.#restore(former, now.wall, nameOf)
    const goesOn = isCurrent && state.ledger.at <= now.at
    this.ledger = goesOn ? restored : newLedger(policy.ledger, now.at, nameOf)
    if (!goesOn) this.#countAlong(restored.endNaming(namingByPath(), this.#bookedTo), this.#bookedTo, false)
    if (goesOn) this.#restoreQueries(former)
    this.#countHoursIn(policy.timeZone)
    this.phases = newPhases(policy.ledger, now.at, seconds(now.at + (goesOn ? 0 : OPENING)))
    if (goesOn) this.#attempt('phases', () => this.#restorePhases(former, now.at))
    if (goesOn) this.#restoreFacility(former)
    this.startedWall = goesOn ? seconds(state.startedWall) : now.wall
    this.resumed = goesOn ? (changes.at(-1) ?? state).sensors : undefined
    this.#wasDown = true
    const observed = Object.entries(state.baselines).map(([domain, power]) => [domain, watts(power)] as const)
    this.ledger.baselines.recall(new Map(observed))
  }

  /** Limits and policies change at once; what is booked stays booked. */
  reconfigure(policy: BooksPolicy): void {
    this.ledger.reconfigure(policy.ledger)
    this.phases.counts.reconfigure(countsPolicyOf(policy.ledger))
    this.budgets.reconfigure(policy.budgets, policy.node)
    this.demand.reconfigure(policy.demand)
    this.queries.reconfigure(policy.queries)
    this.requestEnergy.reconfigure(histogramLimits(policy))
    this.#countHoursIn(policy.timeZone)
    this.#policy = policy
  }

  book(
    tick: Tick,
    sensors: SensorsStand,
    around?: Pick<Surroundings, 'zoneMeters' | 'zoneReadings'>,
  ): BooksChanges {
    const wasDown = this.#wasDown
    this.#wasDown = false
    this.ledger.book(tick)
    const { changes, ...booked } = this.ledger.changes()
    this.#countAlong(booked, tick.wall, wasDown)
    const phases = this.phases.changes()
    const queries = this.queries.book(tick)
    const { costs } = this.requests.book(booked.bookings, tick.at)
    const requestEnergy = this.requestEnergy.observe(costs, tick)
    const { zone } = this.history
    const hasMoved = zone !== this.#toldZone
    this.#toldZone = zone
    const facility = this.facility.see(around?.zoneMeters ?? [], around?.zoneReadings ?? [], tick.wall)
    return {
      wall: tick.wall,
      ledger: changes,
      sensors,
      ...(facility.length > 0 && { facility }),
      ...(wasDown && { wasDown }),
      ...(phases !== undefined && { phases }),
      ...(queries.added.length > 0 && { queries }),
      ...(requestEnergy.added.length > 0 && { requestEnergy }),
      ...(hasMoved && { timeZone: zone }),
    }
  }

  /** Hours and days that ended since this was last asked: they are to be kept. */
  takeClosed(): readonly ClosedBucket[] {
    return this.#closed.splice(0)
  }

  state(sensors: SensorsStand): BooksState {
    return {
      wall: this.#bookedTo,
      startedWall: this.startedWall,
      ledger: this.ledger.state(),
      sensors,
      baselines: Object.fromEntries<Watts>(this.ledger.baselines.observed),
      history: this.history.state(),
      budgets: this.budgets.state(),
      demand: this.demand.state(),
      phases: this.phases.state(),
      facility: this.facility.state(),
      queries: this.queries.state(),
      requestEnergy: this.requestEnergy.state(),
    }
  }

  /** Does all again that the earlier run has told, so that those who count along stand where they stood. */
  #restore({ state, changes }: FormerBooks, wall: Seconds, nameOf: NameOf): Ledger {
    this.#attempt('history', () => this.history.restore(state.history))
    this.#attempt('budgets', () => this.budgets.restore(state.budgets))
    this.#attempt('demand', () => this.demand.restore(state.demand))
    this.#bookedTo = seconds(state.wall)
    const ledger = newLedger(this.#policy.ledger, seconds(state.ledger.at), nameOf)
    const ticks = changes.values()
    const later = changes.map((change) => change.ledger)
    ledger.restore(state.ledger, later, wall, (booked) => {
      const { value: change } = ticks.next()
      if (change === undefined) return
      if (change.timeZone !== undefined) this.#countHoursIn(change.timeZone)
      this.#countAlong(booked, seconds(change.wall), change.wasDown === true)
    })
    return ledger
  }

  /** Phases that were open go on: their processes need not know that somebody else counts now. */
  #restorePhases({ state, changes }: FormerBooks, at: Seconds): void {
    for (const { phases } of [state, ...changes]) {
      if (phases !== undefined) this.phases.restore(phases, at)
    }
  }

  /** Published figures only: after another boot they begin at 0. */
  #restoreFacility({ state, changes }: FormerBooks): void {
    this.#attempt('facility', () => {
      if (state.facility !== undefined) this.facility.restore(state.facility)
      for (const { facility, wall } of changes) this.facility.apply(facility ?? [], seconds(wall))
    })
  }

  /** Their series begin at 0 after another boot, as all that were on the page do. */
  #restoreQueries({ state, changes }: FormerBooks): void {
    this.#attempt('queries', () => {
      if (state.queries !== undefined) this.queries.restore(state.queries)
      for (const { queries } of changes) if (queries !== undefined) this.queries.redo(queries)
    })
    this.#attempt('energy of requests', () => {
      if (state.requestEnergy !== undefined) this.requestEnergy.restore(state.requestEnergy)
      for (const { requestEnergy } of changes) {
        if (requestEnergy !== undefined) this.requestEnergy.redo(requestEnergy)
      }
    })
  }

  #countHoursIn(timeZone: string): void {
    const calendar = new Calendar(timeZone)
    if (calendar.zone === this.history.zone) return
    const history = new History(calendar)
    history.restore(this.history.state())
    this.history = history
  }

  /** One that does not fit begins anew; the others need not suffer for it. */
  #attempt(what: string, restore: () => void): void {
    try {
      restore()
    } catch (cause) {
      this.problems.push(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`)
    }
  }

  #countAlong(
    { bookings, meters, gaps }: Omit<TickOfBooks, 'changes'>,
    wall: Seconds,
    wasDown: boolean,
  ): void {
    const span: WallSpan = { from: this.#bookedTo, to: wall }
    const { history } = this
    if (wasDown) {
      history.down(span)
      this.#downFor = Math.max(0, span.to - span.from)
    } else {
      for (const { component, duration } of gaps) {
        const more = duration >= this.#downFor ? duration - this.#downFor : duration
        if (more > 0) history.unknown(component, seconds(more), span)
      }
    }
    history.book(bookings, span)
    this.budgets.book(bookings, meters, span)
    this.demand.see(meters, span)
    this.#closed.push(...history.advance(wall))
    this.#bookedTo = wall
  }
}

const countsPolicyOf = ({ lifetimes, seriesLimit }: LedgerPolicy): CountsPolicy => ({
  ...lifetimes,
  seriesLimit,
})

const newPhases = (policy: LedgerPolicy, at: Seconds, openingEnds: Seconds): Phases =>
  new Phases(countsPolicyOf(policy), at, openingEnds)

const newLedger = (policy: LedgerPolicy, startedAt: Seconds, nameOf: NameOf): Ledger =>
  new Ledger(policy, { nameOf, startedAt, lostAfter: seconds(LOST_AFTER_SECONDS) })

/** Each series of a histogram is twenty on the page. */
const histogramLimits = ({ queries }: BooksPolicy): HistogramLimits => ({
  mostSeries: Math.max(1, Math.floor(queries.mostAccounts / 8)),
  birthHold: queries.birthHold,
  expireAfter: queries.expireAfter,
})
