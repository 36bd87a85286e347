/** What one budget has used: in its last periods, and lately. It outlives the rule, which may change its limit. */
import type { BudgetPeriod, WallSpan } from '../model.ts'
import { seconds, type Microjoules, type Seconds } from '../units.ts'
import { budgetClock, type BudgetClock } from './budget-period.ts'
import { calendarOf, preferredName } from './calendar.ts'
import { joulesText } from './exact-energy.ts'
import { MeterSilence } from './meter-silence.ts'
import { RecentUse, type RecentUseState } from './recent-use.ts'
import { energyIn, listIn, misfit, numberIn, recordIn, textIn } from './saved-state.ts'
import { piecesOf } from './time-split.ts'

/** Plain JSON; energies are decimal joules with six digits. */
export interface BudgetUseState extends BudgetIdentity {
  readonly silentSeconds: number | null
  readonly periods: readonly {
    readonly from: number
    readonly since: number
    readonly itJoules: string
    readonly overheadJoules: string
  }[]
  readonly recentIt: RecentUseState
  readonly recentOverhead: RecentUseState
}

/** Where one of these differs the use begins at 0. */
export interface BudgetIdentity {
  readonly name: string
  /** Matcher, boundary and meter, as text. */
  readonly counts: string
  readonly period: BudgetPeriod
  readonly timeZone: string
}

export const keyOf = ({ name, counts, period, timeZone }: BudgetIdentity): string =>
  JSON.stringify([name, counts, period.kind, ...boundsOf(period), preferredName(timeZone)])

function boundsOf(period: BudgetPeriod): readonly (number | string)[] {
  switch (period.kind) {
    case 'day':
    case 'week':
      return []
    case 'month':
      return [period.billingDay]
    case 'dates':
      return [period.from, period.to]
  }
}

/** @throws StateError */
function identityIn(value: unknown): BudgetIdentity {
  const { name, counts, period, timeZone } = recordIn(value, 'budget')
  return {
    name: textIn(name, 'name of a budget'),
    counts: textIn(counts, 'matcher of a budget'),
    period: periodIn(recordIn(period, 'period of a budget')),
    timeZone: textIn(timeZone, 'time zone of a budget'),
  }
}

function periodIn({ kind, billingDay, from, to }: Readonly<Record<string, unknown>>): BudgetPeriod {
  switch (kind) {
    case 'day':
    case 'week':
      return { kind }
    case 'month':
      return { kind, billingDay: numberIn(billingDay, 'billing day of a budget') }
    case 'dates':
      return { kind, from: textIn(from, 'first day of a budget'), to: textIn(to, 'last day of a budget') }
    default:
      throw misfit('period of a budget', 'one that is known')
  }
}

/** In microjoules. */
export interface Use {
  /** Without the overhead; or that of a meter. */
  readonly it: bigint
  readonly overhead: bigint
}

interface PeriodUse {
  /** From when on it is known. */
  since: number
  it: bigint
  overhead: bigint
}

const HOUR = 3600
/** How far back the mean power goes that a projection goes on with. */
const HOURS_OF_MEAN = 24
/** Periods that are kept, so that a clock which is set to and fro comes back to what was used. */
const MOST_PERIODS = 8

export class BudgetUse {
  readonly identity: BudgetIdentity
  readonly clock: BudgetClock
  /** By the Unix time of their start; the one booked last is at the end. */
  readonly #periods = new Map<number, PeriodUse>()
  readonly #recentIt = new RecentUse(HOUR, HOURS_OF_MEAN)
  readonly #recentOverhead = new RecentUse(HOUR, HOURS_OF_MEAN)
  readonly #silence = new MeterSilence()

  constructor(identity: BudgetIdentity) {
    this.identity = identity
    this.clock = budgetClock(identity.period, calendarOf(identity.timeZone))
  }

  /** @throws StateError */
  static restored(state: unknown): BudgetUse {
    const saved = recordIn(state, 'budget')
    const use = new BudgetUse(identityIn(saved))
    const silent = saved['silentSeconds']
    use.#silence.seconds = silent === null ? undefined : numberIn(silent, 'silence of a meter')
    for (const one of listIn(saved['periods'], 'periods of a budget')) {
      const period = recordIn(one, 'period of a budget')
      use.#periods.set(numberIn(period['from'], 'start of a period'), {
        since: numberIn(period['since'], 'first instant of a period'),
        it: energyIn(period['itJoules'], 'use of a budget'),
        overhead: energyIn(period['overheadJoules'], 'use of a budget'),
      })
    }
    use.#recentIt.restore(saved['recentIt'])
    use.#recentOverhead.restore(saved['recentOverhead'])
    return use
  }

  /** @param amount of a meter; undefined when it was not read */
  read(amount: Microjoules | undefined, span: WallSpan): void {
    if (amount === undefined) this.#silence.goesOn(span)
    else this.add({ it: BigInt(amount), overhead: 0n }, this.#silence.broken(span).span)
  }

  add({ it, overhead }: Use, span: WallSpan): void {
    for (const { within, start, shareOf } of piecesOf(span, this.clock.stretchAt)) {
      if (within.phase === 'running') this.#addTo(within.from, start, shareOf(it), shareOf(overhead))
    }
    this.#recentIt.add(it, span)
    this.#recentOverhead.add(overhead, span)
  }

  inPeriod(from: Seconds): (Use & { readonly since: Seconds }) | undefined {
    const use = this.#periods.get(from)
    return use && { ...use, since: seconds(use.since) }
  }

  /** Mean watts of the last hours; undefined when nothing is known of them. */
  recentWatts(wall: Seconds): { readonly it: number; readonly overhead: number } | undefined {
    const it = this.#recentIt.mean(wall)
    return it === undefined ? undefined : { it, overhead: this.#recentOverhead.mean(wall) ?? 0 }
  }

  state(): BudgetUseState {
    return {
      ...this.identity,
      silentSeconds: this.#silence.seconds ?? null,
      periods: Array.from(this.#periods, ([from, { since, it, overhead }]) => ({
        from,
        since,
        itJoules: joulesText(it),
        overheadJoules: joulesText(overhead),
      })),
      recentIt: this.#recentIt.state(),
      recentOverhead: this.#recentOverhead.state(),
    }
  }

  #addTo(period: number, start: number, it: bigint, overhead: bigint): void {
    const use = this.#periods.get(period) ?? { since: start, it: 0n, overhead: 0n }
    use.since = Math.min(use.since, start)
    use.it += it
    use.overhead += overhead
    this.#periods.delete(period)
    this.#periods.set(period, use)
    if (this.#periods.size <= MOST_PERIODS) return
    const [oldest] = this.#periods.keys()
    if (oldest !== undefined) this.#periods.delete(oldest)
  }
}
