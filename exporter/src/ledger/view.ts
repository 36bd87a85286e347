/**
 * One way to look at the books: cumulative energy per account, from its birth to its retirement. For each view the
 * joules of all leaves equal what its series show, plus unattributed, pending and retired energy.
 */
import type { Component } from '../model.ts'
import { EnergyTotal, type Microjoules, type Seconds } from '../units.ts'
import type { EnergyClass } from './classes.ts'

/** The accounts of one set of labels, one for each kind of energy. */
export interface Holder {
  /** In the order of the family's labels. The holder *is* these labels and never changes them. */
  readonly labels: readonly string[]
  /** By class index. Beyond the limit on series, the overflow's account stands here. */
  readonly accounts: (Account | undefined)[]
  /** Its owner was last seen then; a holder without an owner retires some time later. */
  lastSeen: Seconds
  /** No longer shown: whoever books to these labels again has to ask for their holder again. */
  isRetired: boolean
}

export interface Account {
  readonly holder: Holder
  readonly energyClass: EnergyClass
  readonly createdWall: Seconds
  /** All that was booked. */
  readonly total: EnergyTotal
  /** What a page may show: the total, or where it stood when the account was born, as long as that is held back. */
  shown: EnergyTotal
}

export interface Lifetimes {
  /**
   * A newborn series stands still for so long before it shows its total: Prometheus cannot see the first value of a
   * counter that appears above zero. At least two scrape intervals.
   */
  readonly birthHold: Seconds
  /** A series whose owner is gone stays for so long. */
  readonly expireAfter: Seconds
}

export interface ViewLimits {
  readonly lifetimes: Lifetimes
  readonly seriesLimit: number
}

/** Labels of retired holders are remembered, so that their totals go on when they come back; the oldest are forgotten. */
const REMEMBERED = 10_000

/** Series that appear so soon after the start are shown at once: nobody scraped before, and newcomers want to see figures. */
export const OPENING: Seconds = 5 as Seconds

export class View {
  readonly #holders = new Map<string, Holder>()
  readonly #held = new Map<Account, Seconds>()
  readonly #remembered = new Map<string, readonly Account[]>()
  readonly #retired = new Map<Component, EnergyTotal>()
  readonly #overflow: readonly string[]
  readonly #startedAt: Seconds
  #lifetimes: Lifetimes
  #seriesLimit: number
  #series = 0
  #dropped = 0

  /**
   * @param options.overflow labels of the holder that takes what exceeds the limit
   * @param options.seriesLimit hard cap on the series of this view, the overflow's own apart
   */
  constructor(options: ViewLimits & { readonly overflow: readonly string[]; readonly startedAt: Seconds }) {
    this.#overflow = options.overflow
    this.#startedAt = options.startedAt
    this.#lifetimes = options.lifetimes
    this.#seriesLimit = options.seriesLimit
  }

  reconfigure({ lifetimes, seriesLimit }: ViewLimits): void {
    this.#lifetimes = lifetimes
    this.#seriesLimit = seriesLimit
  }

  /** The holder of these labels: the living one, one that comes back with its totals, or a new one. */
  holder(labels: readonly string[], at: Seconds): Holder {
    const key = keyOf(labels)
    let holder = this.#holders.get(key)
    if (holder === undefined) {
      holder = { labels, accounts: [], lastSeen: at, isRetired: false }
      this.#holders.set(key, holder)
      this.#resume(holder, at)
    }
    holder.lastSeen = at
    return holder
  }

  book(holder: Holder, energyClass: EnergyClass, amount: Microjoules, at: Seconds, wall: Seconds): void {
    const living = holder.isRetired ? this.holder(holder.labels, at) : holder
    const account = this.#account(living, energyClass, at, wall)
    account.total.add(amount)
    account.holder.lastSeen = at
    living.lastSeen = at
  }

  /** Shows what has been held long enough and retires what has been gone long enough. */
  sweep(at: Seconds): void {
    for (const [account, until] of this.#held) {
      if (at < until) continue
      account.shown = account.total
      this.#held.delete(account)
    }
    for (const [key, holder] of this.#holders) {
      if (at - holder.lastSeen >= this.#lifetimes.expireAfter) this.#retire(key, holder)
    }
  }

  /** Series in a stable order: holders by birth, accounts by class. */
  *accounts(): Generator<Account> {
    for (const holder of this.#holders.values()) {
      yield* ownAccounts(holder)
    }
  }

  /** Booked but not yet shown. */
  pending(component: Component): EnergyTotal {
    const sum = new EnergyTotal()
    for (const { energyClass, total, shown } of this.#held.keys()) {
      if (energyClass.component !== component) continue
      sum.addTotal(total)
      sum.subtractTotal(shown)
    }
    return sum
  }

  /** What series that are no longer shown held. */
  retired(component: Component): EnergyTotal {
    return this.#retired.get(component) ?? new EnergyTotal()
  }

  get holders(): number {
    return this.#holders.size
  }

  /** How many series the limit sent to the overflow. */
  get dropped(): number {
    return this.#dropped
  }

  #account(holder: Holder, energyClass: EnergyClass, at: Seconds, wall: Seconds): Account {
    const known = holder.accounts[energyClass.index]
    if (known !== undefined && !known.holder.isRetired) return known
    if (this.#series < this.#seriesLimit || this.#isOverflow(holder)) {
      return this.#open(holder, energyClass, at, wall)
    }
    this.#dropped += 1
    const instead = this.#account(this.holder(this.#overflow, at), energyClass, at, wall)
    holder.accounts[energyClass.index] = instead
    return instead
  }

  #isOverflow(holder: Holder): boolean {
    return holder.labels.every((label, index) => label === this.#overflow[index])
  }

  /** A series that was there before goes on from where it stood. */
  #open(holder: Holder, energyClass: EnergyClass, at: Seconds, wall: Seconds): Account {
    const former = this.#recall(keyOf(holder.labels), energyClass)
    const total = former?.total ?? new EnergyTotal()
    const isOpening = at - this.#startedAt <= OPENING || this.#lifetimes.birthHold <= 0
    const account: Account = {
      holder,
      energyClass,
      createdWall: former?.createdWall ?? wall,
      total,
      shown: isOpening ? total : total.copy(),
    }
    if (!isOpening) this.#held.set(account, (at + this.#lifetimes.birthHold) as Seconds)
    holder.accounts[energyClass.index] = account
    this.#series += 1
    return account
  }

  #retire(key: string, holder: Holder): void {
    const accounts = ownAccounts(holder)
    for (const account of accounts) {
      this.#held.delete(account)
      this.#retiredOf(account.energyClass.component).addTotal(account.total)
    }
    this.#series -= accounts.length
    holder.isRetired = true
    this.#holders.delete(key)
    this.#remembered.set(key, [...accounts, ...(this.#remembered.get(key) ?? [])])
    const oldest = this.#remembered.size > REMEMBERED ? this.#remembered.keys().next().value : undefined
    if (oldest !== undefined) this.#remembered.delete(oldest)
  }

  /** Opens a returning holder's series where they stood, as many as the limit lets in. */
  #resume(holder: Holder, at: Seconds): void {
    for (const { energyClass, createdWall } of this.#remembered.get(keyOf(holder.labels)) ?? []) {
      if (this.#series < this.#seriesLimit) this.#open(holder, energyClass, at, createdWall)
    }
  }

  /** What an account stood at when it retired, taken back out of the retired energy. */
  #recall(key: string, energyClass: EnergyClass): Account | undefined {
    const former = this.#remembered.get(key)
    const account = former?.find((one) => one.energyClass === energyClass)
    if (former === undefined || account === undefined) return undefined
    const others = former.filter((one) => one !== account)
    if (others.length === 0) this.#remembered.delete(key)
    else this.#remembered.set(key, others)
    this.#retiredOf(energyClass.component).subtractTotal(account.total)
    return account
  }

  #retiredOf(component: Component): EnergyTotal {
    let total = this.#retired.get(component)
    if (total === undefined) {
      total = new EnergyTotal()
      this.#retired.set(component, total)
    }
    return total
  }
}

const keyOf = (labels: readonly string[]): string => labels.join('\0')

const ownAccounts = (holder: Holder): Account[] =>
  holder.accounts.filter((account) => account !== undefined).filter((account) => account.holder === holder)
