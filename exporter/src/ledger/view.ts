/**
 * One way to look at the books: cumulative energy per account, from its birth to its retirement. For each view the
 * joules of all leaves equal what its series show, plus unattributed, pending and retired energy.
 */
import type { Component } from '../model.ts'
import { EnergyTotal, microjoules, seconds, type Microjoules, type Seconds } from '../units.ts'
import { classRecord, type EnergyClass, type EnergyClasses } from './classes.ts'
import type { AccountState, HolderState, OpenedRecord, ViewChanges, ViewState } from './record.ts'

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
  /** In the order of opening; what the journal calls it by. */
  readonly number: number
  readonly holder: Holder
  readonly energyClass: EnergyClass
  readonly createdWall: Seconds
  /** All that was booked. */
  readonly total: EnergyTotal
  /** What a page may show: the total, or where it stood when the account was born, as long as that is held back. */
  shown: EnergyTotal
  /** Microjoules booked since the changes were last taken down. */
  fresh: number
}

/** What was booked to an account since the changes were last taken down. */
export interface Credit {
  readonly account: Account
  readonly amount: Microjoules
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
  readonly #classes: EnergyClasses
  #startedAt: Seconds
  #lifetimes: Lifetimes
  #seriesLimit: number
  #series = 0
  #dropped = 0
  #nextNumber = 0
  /** Since the changes were last taken down. */
  #opened: Account[] = []
  #credited: Account[] = []
  #retiredLabels: (readonly string[])[] = []
  /** While changes are replayed, which call accounts by their numbers. */
  #byNumber: Map<number, Account> | undefined

  /**
   * @param options.overflow labels of the holder that takes what exceeds the limit
   * @param options.seriesLimit hard cap on the series of this view, the overflow's own apart
   */
  constructor(
    options: ViewLimits & {
      readonly overflow: readonly string[]
      readonly startedAt: Seconds
      readonly classes: EnergyClasses
    },
  ) {
    this.#overflow = options.overflow
    this.#classes = options.classes
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
    const known = this.#holders.get(key)
    const holder = known ?? this.#livingHolder(labels, at)
    if (known === undefined) this.#resume(holder, at)
    holder.lastSeen = at
    return holder
  }

  book(holder: Holder, energyClass: EnergyClass, amount: Microjoules, at: Seconds, wall: Seconds): void {
    const living = holder.isRetired ? this.holder(holder.labels, at) : holder
    const account = this.#account(living, energyClass, at, wall)
    this.#credit(account, amount)
    account.holder.lastSeen = at
    living.lastSeen = at
  }

  /** Shows what has been held long enough and retires what has been gone long enough. */
  sweep(at: Seconds): void {
    this.#release(at)
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

  /** What has happened since this was last asked. */
  changes(): ViewChanges & { readonly booked: readonly Credit[] } {
    const booked = this.#credited.map((account) => ({ account, amount: microjoules(account.fresh) }))
    for (const account of this.#credited) account.fresh = 0
    const changes = {
      opened: this.#opened.map((account) => this.#openedRecord(account)),
      credits: booked.flatMap(({ account, amount }) => [account.number, amount]),
      retired: this.#retiredLabels,
      dropped: this.#dropped,
      booked,
    }
    this.#credited = []
    this.#opened = []
    this.#retiredLabels = []
    return changes
  }

  state(): ViewState {
    return {
      holders: Array.from(this.#holders.values(), (holder) =>
        this.#holderState(holder.labels, ownAccounts(holder)),
      ).filter(({ accounts }) => accounts.length > 0),
      remembered: Array.from(this.#remembered.values()).flatMap((accounts) => {
        const labels = accounts[0]?.holder.labels
        return labels === undefined ? [] : [this.#holderState(labels, accounts)]
      }),
      retired: Object.fromEntries(
        Array.from(this.#retired, ([component, total]) => [component, total.toString()]),
      ),
      dropped: this.#dropped,
      nextNumber: this.#nextNumber,
    }
  }

  /** Takes up an earlier run's books in place of none. What was on a page must not go back or jump. */
  restore(state: ViewState, at: Seconds): void {
    this.#startedAt = NEVER
    this.#byNumber = new Map()
    for (const { labels, accounts } of state.holders) {
      const holder = this.#livingHolder(labels, at)
      for (const account of accounts) this.#reopen(holder, account)
    }
    for (const { labels, accounts } of state.remembered) {
      const holder: Holder = { labels, accounts: [], lastSeen: at, isRetired: true }
      this.#remembered.set(
        keyOf(labels),
        accounts.map((account) => this.#accountOf(holder, account)),
      )
    }
    for (const [component, total] of Object.entries(state.retired)) {
      this.#retired.set(component as Component, EnergyTotal.parse(total))
    }
    this.#dropped = state.dropped
    this.#nextNumber = state.nextNumber
  }

  /** Does again what `changes` has told, at the tick that it told of. */
  replay({ opened, credits, retired, dropped }: ViewChanges, at: Seconds): void {
    for (const [number, labels, energyClass, createdWall, heldUntil] of opened) {
      this.#nextNumber = number
      const until = heldUntil === null ? undefined : seconds(heldUntil)
      this.#open(
        this.#livingHolder(labels, at),
        this.#classes.fromRecord(energyClass),
        seconds(createdWall),
        until,
      )
    }
    for (let index = 0; index < credits.length; index += 2) {
      const account = this.#byNumber?.get(credits[index] ?? -1)
      if (account === undefined)
        throw new RangeError(`the changes name a series ${credits[index]} that is not there`)
      this.#credit(account, microjoules(credits[index + 1] ?? -1))
      account.holder.lastSeen = at
    }
    this.#release(at)
    for (const labels of retired) {
      const holder = this.#holders.get(keyOf(labels))
      if (holder !== undefined) this.#retire(keyOf(labels), holder)
    }
    this.#dropped = dropped
  }

  /** After the last replay: everything that is still shown has its full time from now on. */
  resume(at: Seconds): void {
    for (const holder of this.#holders.values()) holder.lastSeen = at
    this.#byNumber = undefined
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
      return this.#open(holder, energyClass, wall, this.#holdFrom(at))
    }
    this.#dropped += 1
    const instead = this.#account(this.holder(this.#overflow, at), energyClass, at, wall)
    holder.accounts[energyClass.index] = instead
    return instead
  }

  #isOverflow(holder: Holder): boolean {
    return holder.labels.every((label, index) => label === this.#overflow[index])
  }

  /** Until when a series that is born now stands still; undefined: it is shown at once. */
  #holdFrom(at: Seconds): Seconds | undefined {
    const isOpening = at - this.#startedAt <= OPENING || this.#lifetimes.birthHold <= 0
    return isOpening ? undefined : seconds(at + this.#lifetimes.birthHold)
  }

  /** A series that was there before goes on from where it stood. */
  #open(holder: Holder, energyClass: EnergyClass, wall: Seconds, heldUntil: Seconds | undefined): Account {
    const former = this.#recall(keyOf(holder.labels), energyClass)
    const total = former?.total ?? new EnergyTotal()
    const account: Account = {
      number: this.#nextNumber,
      holder,
      energyClass,
      createdWall: former?.createdWall ?? wall,
      total,
      shown: heldUntil === undefined ? total : total.copy(),
      fresh: 0,
    }
    this.#nextNumber += 1
    if (heldUntil !== undefined) this.#held.set(account, heldUntil)
    this.#enter(account)
    this.#opened.push(account)
    return account
  }

  #enter(account: Account): void {
    account.holder.accounts[account.energyClass.index] = account
    this.#series += 1
    this.#byNumber?.set(account.number, account)
  }

  #credit(account: Account, amount: Microjoules): void {
    if (account.fresh === 0) this.#credited.push(account)
    account.total.add(amount)
    account.fresh += amount
  }

  #release(at: Seconds): void {
    for (const [account, until] of this.#held) {
      if (at < until) continue
      account.shown = account.total
      this.#held.delete(account)
    }
  }

  #livingHolder(labels: readonly string[], at: Seconds): Holder {
    const key = keyOf(labels)
    let holder = this.#holders.get(key)
    if (holder === undefined) {
      holder = { labels, accounts: [], lastSeen: at, isRetired: false }
      this.#holders.set(key, holder)
    }
    return holder
  }

  #openedRecord(account: Account): OpenedRecord {
    const { number, holder, energyClass, createdWall } = account
    return [number, holder.labels, classRecord(energyClass), createdWall, this.#held.get(account) ?? null]
  }

  #holderState(labels: readonly string[], accounts: readonly Account[]): HolderState {
    return {
      labels,
      accounts: accounts.map((account) => {
        const { number, energyClass, createdWall, total, shown } = account
        const until = this.#held.get(account)
        return {
          number,
          energyClass: classRecord(energyClass),
          createdWall,
          total: total.toString(),
          ...(until !== undefined && { held: { shown: shown.toString(), until } }),
        }
      }),
    }
  }

  #accountOf(holder: Holder, { number, energyClass, createdWall, total, held }: AccountState): Account {
    const whole = EnergyTotal.parse(total)
    return {
      number,
      holder,
      energyClass: this.#classes.fromRecord(energyClass),
      createdWall: seconds(createdWall),
      total: whole,
      shown: held === undefined ? whole : EnergyTotal.parse(held.shown),
      fresh: 0,
    }
  }

  #reopen(holder: Holder, state: AccountState): void {
    const account = this.#accountOf(holder, state)
    if (state.held !== undefined) this.#held.set(account, seconds(state.held.until))
    this.#enter(account)
  }

  #retire(key: string, holder: Holder): void {
    const accounts = ownAccounts(holder)
    for (const account of accounts) {
      this.#held.delete(account)
      this.#retiredOf(account.energyClass.component).addTotal(account.total)
    }
    this.#series -= accounts.length
    this.#retiredLabels.push(holder.labels)
    holder.isRetired = true
    this.#holders.delete(key)
    this.#remembered.set(key, [...accounts, ...(this.#remembered.get(key) ?? [])])
    const oldest = this.#remembered.size > REMEMBERED ? this.#remembered.keys().next().value : undefined
    if (oldest !== undefined) this.#remembered.delete(oldest)
  }

  /** Opens a returning holder's series where they stood, as many as the limit lets in. */
  #resume(holder: Holder, at: Seconds): void {
    for (const { energyClass, createdWall } of this.#remembered.get(keyOf(holder.labels)) ?? []) {
      if (this.#series < this.#seriesLimit) this.#open(holder, energyClass, createdWall, this.#holdFrom(at))
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

const NEVER = -Infinity as Seconds

const keyOf = (labels: readonly string[]): string => labels.join('\0')

const ownAccounts = (holder: Holder): Account[] =>
  holder.accounts.filter((account) => account !== undefined).filter((account) => account.holder === holder)
