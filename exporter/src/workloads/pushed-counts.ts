/**
 * Counts that clients have pushed, until it is known whose they are. A client may end right after it has counted, so it
 * is looked for as soon as its line comes; a name may take some seconds.
 */
import type { Consumer, Group, Names, WorkloadFacts } from '../model.ts'
import type { Seconds } from '../units.ts'
import { Claims, type ProcessOf } from './claims.ts'
import type { PushedCounts } from './marks.ts'

/** So long a name is waited for; what has none then is lost. */
const PATIENCE_SECONDS = 15
const MOST_WAITING = 10_000

interface Waiting {
  readonly counts: PushedCounts
  consumer: Consumer | undefined
  readonly since: Seconds
}

export interface PlacesNow {
  readonly at: Seconds
  readonly groups: readonly Group[]
  readonly processOf: ProcessOf
  /** Undefined while it is being looked up. */
  readonly namesOf: (consumer: Consumer) => Names | undefined
}

export class PushedQueue {
  readonly #claims = new Claims()
  #waiting: Waiting[] = []

  take(pushed: readonly PushedCounts[], at: Seconds, processOf: ProcessOf): void {
    for (const counts of pushed.slice(0, MOST_WAITING - this.#waiting.length)) {
      const { who } = counts
      const consumer = who.kind === 'process' ? processOf(who.pid, who.startTicks) : undefined
      if (who.kind !== 'process' || consumer !== undefined)
        this.#waiting.push({ counts, consumer, since: at })
    }
  }

  /** Hands out what is known by now; once a tick. */
  settle(
    { at, groups, processOf, namesOf }: PlacesNow,
    add: (counts: PushedCounts, of: WorkloadFacts) => void,
  ): void {
    if (this.#waiting.length === 0) return
    const places = this.#claims.placesOf(
      this.#waiting.map(({ counts }) => counts.who),
      groups,
    )
    this.#waiting = this.#waiting.filter((one) => {
      one.consumer ??= this.#claims.consumerOf(one.counts.who, places, processOf)
      const names = one.consumer && namesOf(one.consumer)
      if (names === undefined) return at - one.since < PATIENCE_SECONDS
      add(one.counts, names.facts)
      return false
    })
  }
}
