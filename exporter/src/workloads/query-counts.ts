/**
 * Queries and tokens by workload and model, from all who report them. Of each workload and model one source counts, the
 * best that is there; what the others say is dropped, or a query that passes a gateway would count twice.
 */
import { seconds, type Seconds } from '../units.ts'
import {
  addAmounts,
  AMOUNTS,
  isNothing,
  mapAmounts,
  QUERY_SOURCES,
  type QueryAmounts,
  type QueryLabels,
  type QueryReport,
  type QuerySource,
} from './query-report.ts'
import { listIn, misfit, numberIn, recordIn, textIn } from './saved-state.ts'

export interface QueryLimits {
  /** The most accounts, each with one series of queries and three of tokens. */
  readonly mostAccounts: number
  /** So long a new account stands at 0, because Prometheus cannot see a first value above 0. */
  readonly birthHold: Seconds
  /** Who has not reported for so long is not shown any more, and no longer keeps others from counting. */
  readonly expireAfter: Seconds
}

export interface QueryNow {
  /** Monotonic, of this boot. */
  readonly at: Seconds
  readonly wall: Seconds
}

/** One set of labels, and what was counted for it. */
export interface QueryRow {
  readonly labels: QueryLabels
  readonly method: 'counter' | 'estimated'
  readonly amounts: QueryAmounts
  readonly createdWall: Seconds
}

/** Somebody who reports, and whether it counts. */
export interface QuerySourceRow {
  readonly labels: QueryLabels
  readonly counts: boolean
}

/** Plain JSON. Labels in the order of `LABELS`, then whether it is estimated, then the amounts. */
export type QueryIncrement = readonly [
  labels: readonly string[],
  isEstimated: boolean,
  /** In the order of `AMOUNTS`; null: not counted. */
  amounts: readonly (number | null)[],
]

/** What one tick has added. */
export interface QueryChanges {
  readonly at: number
  readonly wall: number
  readonly added: readonly QueryIncrement[]
  readonly dropped: number
}

/** Plain JSON. */
export interface QueryCountsState {
  readonly version: 1
  readonly dropped: number
  readonly accounts: readonly {
    readonly counted: QueryIncrement
    readonly createdWall: number
    readonly heldUntil: number
    readonly seenAt: number
  }[]
}

interface Account extends QueryRow {
  amounts: QueryAmounts
  /** Until then it is shown at 0. */
  readonly heldUntil: Seconds
  seenAt: Seconds
}

/** Who reports on one workload and model. */
interface Claims {
  readonly seenAt: Map<string, { readonly labels: QueryLabels; at: Seconds }>
}

interface Waiting {
  readonly labels: QueryLabels
  readonly isEstimated: boolean
  amounts: QueryAmounts
}

const LABELS = ['workload', 'namespace', 'model', 'variant', 'server', 'source'] as const
const SWEEP_SECONDS = 60

export class QueryCounts {
  #limits: QueryLimits
  readonly #accounts = new Map<string, Account>()
  readonly #claims = new Map<string, Claims>()
  #waiting = new Map<string, Waiting>()
  #dropped = 0
  #sweptAt = 0

  constructor(limits: QueryLimits) {
    this.#limits = limits
  }

  reconfigure(limits: QueryLimits): void {
    this.#limits = limits
  }

  /** Takes a report; it counts at the next `book`. */
  add(report: QueryReport): void {
    const amounts = mapAmounts(amountsOf(report), whole)
    const key = accountKey(report, report.isEstimated)
    const known = this.#waiting.get(key)
    if (known !== undefined) known.amounts = addAmounts(known.amounts, amounts)
    else if (this.#waiting.size < this.#limits.mostAccounts) {
      this.#waiting.set(key, { labels: labelsOf(report), isEstimated: report.isEstimated, amounts })
    } else this.#overflow(report, amounts)
  }

  /** Counts what was reported since the last time; it does not matter in which order. */
  book({ at, wall }: QueryNow): QueryChanges {
    const waiting = Array.from(this.#waiting.values())
    this.#waiting = new Map()
    for (const { labels } of waiting) this.#see(labels, at)
    const added: QueryIncrement[] = []
    for (const { labels, isEstimated, amounts } of waiting) {
      if (!this.#counts(labels, at)) continue
      const account = this.#account(labels, isEstimated, { at, wall })
      const isNew = AMOUNTS.some((name) => account.amounts[name] === undefined && amounts[name] !== undefined)
      account.amounts = addAmounts(account.amounts, amounts)
      account.seenAt = at
      if (!isNothing(amounts) || isNew) added.push(recordOf(account.labels, isEstimated, amounts))
    }
    if (at - this.#sweptAt >= SWEEP_SECONDS) this.#sweep(at)
    return { at, wall, added, dropped: this.#dropped }
  }

  /** Does again what a tick of an earlier run has told. */
  redo({ at, wall, added, dropped }: QueryChanges): void {
    const now = { at: seconds(at), wall: seconds(wall) }
    for (const record of added) {
      const { labels, isEstimated, amounts } = incrementIn(record)
      this.#see(labels, now.at)
      const account = this.#account(labels, isEstimated, now)
      account.amounts = addAmounts(account.amounts, amounts)
      account.seenAt = now.at
    }
    this.#dropped = dropped
  }

  /** What is counted so far of those that are there now. */
  totals(at: Seconds): readonly QueryRow[] {
    return Array.from(this.#accounts.values()).filter((account) => this.#isAlive(account.seenAt, at))
  }

  /** What a page shows of it. */
  rows(at: Seconds): readonly QueryRow[] {
    return Array.from(this.#accounts.values())
      .filter((account) => this.#isAlive(account.seenAt, at))
      .map((account) =>
        at < account.heldUntil ? { ...account, amounts: mapAmounts(account.amounts, () => 0) } : account,
      )
  }

  /** Everybody who reports now. */
  sources(at: Seconds): readonly QuerySourceRow[] {
    return Array.from(this.#claims.values()).flatMap(({ seenAt }) =>
      Array.from(seenAt.values())
        .filter((one) => this.#isAlive(one.at, at))
        .map(({ labels }) => ({ labels, counts: this.#counts(labels, at) })),
    )
  }

  /** Reports that the limit on accounts sent to the account `other`. */
  get dropped(): number {
    return this.#dropped
  }

  state(): QueryCountsState {
    return {
      version: 1,
      dropped: this.#dropped,
      accounts: Array.from(this.#accounts.values(), (account) => ({
        counted: recordOf(account.labels, account.method === 'estimated', account.amounts),
        createdWall: account.createdWall,
        heldUntil: account.heldUntil,
        seenAt: account.seenAt,
      })),
    }
  }

  /**
   * Goes on where another one stood, in the same boot; what this one held is forgotten.
   * @throws StateError when it does not fit; nothing is changed then
   */
  restore(state: unknown): void {
    const { version, dropped, accounts } = recordIn(state, 'queries')
    if (version !== 1) throw misfit('queries', 'of version 1')
    const kept = listIn(accounts, 'queries').map(accountIn)
    this.#dropped = numberIn(dropped, 'number of dropped queries')
    this.#accounts.clear()
    this.#claims.clear()
    for (const account of kept) {
      this.#accounts.set(accountKey(account.labels, account.method === 'estimated'), account)
      this.#see(account.labels, account.seenAt)
    }
  }

  #isAlive(seenAt: Seconds, at: Seconds): boolean {
    return at - seenAt < this.#limits.expireAfter
  }

  #see(labels: QueryLabels, at: Seconds): void {
    const key = claimKey(labels)
    let claims = this.#claims.get(key)
    if (claims === undefined) {
      if (this.#claims.size >= this.#limits.mostAccounts) return
      claims = { seenAt: new Map() }
      this.#claims.set(key, claims)
    }
    const reporter = `${labels.source}\0${labels.server}\0${labels.variant}`
    const known = claims.seenAt.get(reporter)
    if (known !== undefined) known.at = at
    else if (claims.seenAt.size < MOST_REPORTERS) claims.seenAt.set(reporter, { labels, at })
  }

  /** Whether no better source is there. */
  #counts(labels: QueryLabels, at: Seconds): boolean {
    const rank = rankOf(labels.source)
    for (const one of this.#claims.get(claimKey(labels))?.seenAt.values() ?? []) {
      if (rankOf(one.labels.source) < rank && this.#isAlive(one.at, at)) return false
    }
    return true
  }

  #account(labels: QueryLabels, isEstimated: boolean, now: QueryNow): Account {
    const key = accountKey(labels, isEstimated)
    const known = this.#accounts.get(key)
    if (known !== undefined) return known
    const isFull = this.#accounts.size >= this.#limits.mostAccounts && !this.#forgetOne(now.at)
    if (isFull && labels.workload !== OTHER) {
      this.#dropped += 1
      return this.#account(otherOf(labels), isEstimated, now)
    }
    const account: Account = {
      labels,
      method: isEstimated ? 'estimated' : 'counter',
      amounts: {},
      createdWall: now.wall,
      heldUntil: seconds(now.at + this.#limits.birthHold),
      seenAt: now.at,
    }
    this.#accounts.set(key, account)
    return account
  }

  /** Makes room at the expense of the account that has been silent for longest; none that is still shown. */
  #forgetOne(at: Seconds): boolean {
    let oldest: Account | undefined
    for (const account of this.#accounts.values()) {
      if (account.seenAt < (oldest?.seenAt ?? Infinity)) oldest = account
    }
    if (oldest === undefined || this.#isAlive(oldest.seenAt, at)) return false
    return this.#accounts.delete(accountKey(oldest.labels, oldest.method === 'estimated'))
  }

  #overflow({ source, isEstimated }: QueryReport, amounts: QueryAmounts): void {
    this.#dropped += 1
    const labels = otherOf({ source })
    const key = accountKey(labels, isEstimated)
    const known = this.#waiting.get(key)
    if (known === undefined) this.#waiting.set(key, { labels, isEstimated, amounts })
    else known.amounts = addAmounts(known.amounts, amounts)
  }

  #sweep(at: Seconds): void {
    this.#sweptAt = at
    for (const [key, { seenAt }] of this.#claims) {
      for (const [reporter, one] of seenAt) if (!this.#isAlive(one.at, at)) seenAt.delete(reporter)
      if (seenAt.size === 0) this.#claims.delete(key)
    }
  }
}

/** Sources, servers and variants of one workload and model that are told apart. */
const MOST_REPORTERS = 16

/** The account of all that has no account of its own. */
const OTHER = 'other'
const otherOf = ({ source }: Pick<QueryLabels, 'source'>): QueryLabels => ({
  workload: OTHER,
  namespace: '',
  model: '',
  variant: '',
  server: '',
  source,
})

const rankOf = (source: QuerySource): number => QUERY_SOURCES.indexOf(source)

const labelsOf = ({ workload, namespace, model, variant, server, source }: QueryLabels): QueryLabels => ({
  workload,
  namespace,
  model,
  variant,
  server,
  source,
})

const accountKey = (labels: QueryLabels, isEstimated: boolean): string =>
  [...LABELS.map((label) => labels[label]), String(isEstimated)].join('\0')

const claimKey = ({ workload, namespace, model }: QueryLabels): string =>
  [workload, namespace, model].join('\0')

const amountsOf = (report: QueryReport): QueryAmounts =>
  Object.fromEntries(AMOUNTS.flatMap((name) => (report[name] === undefined ? [] : [[name, report[name]]])))

/** Nothing that is not a whole number from 0 on gets into the books, whoever says it. */
const whole = (amount: number): number => (Number.isSafeInteger(amount) && amount > 0 ? amount : 0)

const recordOf = (labels: QueryLabels, isEstimated: boolean, amounts: QueryAmounts): QueryIncrement => [
  LABELS.map((label) => labels[label]),
  isEstimated,
  AMOUNTS.map((name) => amounts[name] ?? null),
]

/** @throws StateError */
function accountIn(value: unknown): Account {
  const { counted, createdWall, heldUntil, seenAt } = recordIn(value, 'queries of a workload')
  const { labels, isEstimated, amounts } = incrementIn(counted)
  return {
    labels,
    method: isEstimated ? 'estimated' : 'counter',
    amounts,
    createdWall: seconds(numberIn(createdWall, 'birth of queries')),
    heldUntil: seconds(numberIn(heldUntil, 'birth of queries')),
    seenAt: seconds(numberIn(seenAt, 'time of queries')),
  }
}

/** @throws StateError */
function incrementIn(value: unknown): Waiting {
  const [labels, isEstimated, amounts] = listIn(value, 'queries of a workload')
  const texts = listIn(labels, 'labels of queries').map((label) => textIn(label, 'label of queries'))
  const counted = listIn(amounts, 'number of queries')
  const [workload = '', namespace = '', model = '', variant = '', server = '', named = ''] = texts
  const source = QUERY_SOURCES.find((one) => one === named)
  if (source === undefined) throw misfit('source of queries', QUERY_SOURCES.join(', '))
  return {
    labels: { workload, namespace, model, variant, server, source },
    isEstimated: isEstimated === true,
    amounts: Object.fromEntries(
      AMOUNTS.flatMap((name, index) => {
        const amount = counted[index] ?? null
        return amount === null ? [] : [[name, numberIn(amount, 'number of queries')]]
      }),
    ),
  }
}
