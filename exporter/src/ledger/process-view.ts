/**
 * The view by process: a series for those that use the most, one `other` for the rest. A process's first energy
 * waits until the next ranking says where it belongs, so that what gets a series is counted in it from the start.
 * Nothing ever moves from one series to another: a process that loses its place keeps its total, and `other` takes
 * only what comes after.
 */
import type { Component, Consumer } from '../model.ts'
import { microjoules, type EnergyTotal, type Microjoules, type Seconds } from '../units.ts'
import { classRecord, type EnergyClass, type EnergyClasses } from './classes.ts'
import type { WaitingRecord } from './record.ts'
import { OPENING, type Holder, type View } from './view.ts'

/** Between two rankings, in seconds. Also the longest that a process's first energy waits. */
const RANKING_PERIOD = 10
/** Energy counts half as much for the ranking after this many seconds. */
const HALF_LIFE = 60
/** A newcomer takes a place only from a process that uses this much less … */
const ADVANTAGE = 1.2
/** … and has had it for this many seconds. */
const MINIMUM_STAY = 60
/** Those that lost their place are still shown for a while: at most so many series holders per place in all. */
const SHOWN_PER_PLACE = 4

type Standing =
  /** Not ranked yet: its energy waits. */
  | { readonly kind: 'candidate' }
  | { readonly kind: 'member'; readonly holder: Holder; readonly since: Seconds }
  /** Its energy goes to `other`. */
  | { readonly kind: 'other' }

interface Entry {
  readonly consumer: Consumer
  standing: Standing
  /** Decaying energy, in microjoules. */
  score: number
  /** By class index; only while a candidate. */
  readonly waiting: { energyClass: EnergyClass; amount: number }[]
}

export class ProcessView {
  readonly view: View
  readonly #labelsOf: (consumer: Consumer) => readonly string[]
  readonly #otherLabels: readonly string[]
  readonly #startedAt: Seconds
  #places: number
  #entries = new Map<Consumer, Entry>()
  #rankedAt: Seconds

  /** @param places how many processes may have a series of their own; 0 switches the view to `other` alone */
  constructor(
    view: View,
    options: {
      places: number
      startedAt: Seconds
      otherLabels: readonly string[]
      labelsOf: (consumer: Consumer) => readonly string[]
    },
  ) {
    this.view = view
    this.#places = options.places
    this.#labelsOf = options.labelsOf
    this.#otherLabels = options.otherLabels
    this.#startedAt = options.startedAt
    this.#rankedAt = options.startedAt
  }

  reconfigure(places: number): void {
    this.#places = places
  }

  book(consumer: Consumer, energyClass: EnergyClass, amount: Microjoules, at: Seconds, wall: Seconds): void {
    if (consumer.kind !== 'process') {
      this.view.book(this.view.holder(this.#labelsOf(consumer), at), energyClass, amount, at, wall)
      return
    }
    const entry = this.#entry(consumer)
    entry.score += amount
    switch (entry.standing.kind) {
      case 'candidate':
        wait(entry, energyClass, amount)
        break
      case 'member':
        this.view.book(entry.standing.holder, energyClass, amount, at, wall)
        break
      case 'other':
        this.view.book(this.#other(at), energyClass, amount, at, wall)
        break
    }
  }

  /** It belongs to another workload from now on: its series so far stands still, and another begins. */
  rename(consumer: Consumer, at: Seconds): void {
    const entry = this.#entries.get(consumer)
    if (entry?.standing.kind !== 'member') return
    const { since } = entry.standing
    entry.standing = { kind: 'member', since, holder: this.view.holder(this.#labelsOf(consumer), at) }
  }

  /** Ranks when it is time to; every tick in the opening, so that the first pages have figures. */
  rank(at: Seconds, wall: Seconds): void {
    const since = at - this.#rankedAt
    if (since < RANKING_PERIOD && at - this.#startedAt > OPENING) return
    this.#rankedAt = at
    const entries = Array.from(this.#entries.values()).sort((one, other) => other.score - one.score)
    const members = entries.filter(({ standing }) => standing.kind === 'member')
    // After a reload there may be fewer places than members.
    for (const entry of members.splice(this.#places)) entry.standing = { kind: 'other' }
    for (const entry of entries) {
      if (entry.standing.kind === 'member') continue
      if (this.#admits(entry, members, at)) this.#join(entry, members, at, wall)
      else this.#decline(entry, at, wall)
    }
    this.#decay(since)
  }

  /** Energy that waits for the next ranking. */
  pending(component: Component): EnergyTotal {
    const sum: EnergyTotal = this.view.pending(component)
    for (const { waiting } of this.#entries.values()) {
      for (const { energyClass, amount } of waiting) {
        if (energyClass.component === component) sum.add(microjoules(amount))
      }
    }
    return sum
  }

  /** The same by kind of energy, for the journal. */
  waiting(): WaitingRecord {
    const sums = new Map<EnergyClass, number>()
    for (const { waiting } of this.#entries.values()) {
      for (const { energyClass, amount } of waiting) {
        sums.set(energyClass, (sums.get(energyClass) ?? 0) + amount)
      }
    }
    return Array.from(sums, ([energyClass, amount]) => [classRecord(energyClass), amount])
  }

  /** What waited when an earlier run ended can no longer be ranked. */
  takeUp(waiting: WaitingRecord, classes: EnergyClasses, at: Seconds, wall: Seconds): void {
    for (const [record, amount] of waiting) {
      this.view.book(this.#other(at), classes.fromRecord(record), microjoules(amount), at, wall)
    }
  }

  #entry(consumer: Consumer): Entry {
    let entry = this.#entries.get(consumer)
    if (entry === undefined) {
      entry = { consumer, standing: { kind: 'candidate' }, score: 0, waiting: [] }
      this.#entries.set(consumer, entry)
    }
    return entry
  }

  #other(at: Seconds): Holder {
    return this.view.holder(this.#otherLabels, at)
  }

  #admits(entry: Entry, members: Entry[], at: Seconds): boolean {
    if (entry.score <= 0 || this.view.holders >= this.#places * SHOWN_PER_PLACE) return false
    if (members.length < this.#places) return true
    const last = members.at(-1)
    if (last?.standing.kind !== 'member') return false
    if (at - last.standing.since < MINIMUM_STAY || entry.score <= last.score * ADVANTAGE) return false
    last.standing = { kind: 'other' }
    members.pop()
    return true
  }

  #join(entry: Entry, members: Entry[], at: Seconds, wall: Seconds): void {
    const holder = this.view.holder(this.#labelsOf(entry.consumer), at)
    entry.standing = { kind: 'member', holder, since: at }
    this.#settle(entry, holder, at, wall)
    members.push(entry)
    members.sort((one, other) => other.score - one.score)
  }

  #decline(entry: Entry, at: Seconds, wall: Seconds): void {
    if (entry.standing.kind === 'candidate') this.#settle(entry, this.#other(at), at, wall)
    entry.standing = { kind: 'other' }
  }

  #settle(entry: Entry, holder: Holder, at: Seconds, wall: Seconds): void {
    for (const { energyClass, amount } of entry.waiting.splice(0)) {
      this.view.book(holder, energyClass, microjoules(amount), at, wall)
    }
  }

  /** Ages the scores and forgets who has neither a place nor recent energy, and members whose series retired. */
  #decay(since: number): void {
    const factor = 0.5 ** (since / HALF_LIFE)
    for (const [consumer, entry] of this.#entries) {
      entry.score *= factor
      const isGone = entry.standing.kind === 'member' ? entry.standing.holder.isRetired : entry.score < 1
      if (isGone) this.#entries.delete(consumer)
    }
  }
}

function wait(entry: Entry, energyClass: EnergyClass, amount: Microjoules): void {
  const found = entry.waiting.find((one) => one.energyClass === energyClass)
  if (found === undefined) entry.waiting.push({ energyClass, amount })
  else found.amount += amount
}
