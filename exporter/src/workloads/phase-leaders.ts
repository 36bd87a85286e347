/** Whose phase those have who have marked none themselves, and how long a mark has covered anybody. */
import { claimKey } from './marks.ts'
import type { ReportInterval } from './phase-reports.ts'
import type { PhaseSender, Stretch } from './phase-sender.ts'
import type { WorkloadName } from './phase-counts.ts'
import { without, type Span } from './span-union.ts'

/** A sender in the tick that is being split. */
export interface Speaking {
  readonly sender: PhaseSender
  readonly stretches: readonly Stretch[]
  readonly ended: readonly ReportInterval[]
  readonly home: Home
  /** The claims of the containers, pods and jobs that it is in, the nearest first. */
  readonly within: readonly string[]
}

/** Where a sender belongs. */
export interface Home {
  /** Of its workload, or of its group while that has no name. */
  readonly key: string
  readonly name: WorkloadName | undefined
  readonly isCatchAll: boolean
}

export class PhaseLeaders {
  readonly #speaking: ReadonlyMap<string, Speaking>
  readonly #ofHome = new Map<string, Speaking>()
  /** By the claim of a container, pod or job that somebody speaks for: who marks within it. */
  readonly #within = new Map<string, Speaking[]>()

  /** @param speaking by the key of the claim */
  constructor(speaking: ReadonlyMap<string, Speaking>) {
    this.#speaking = speaking
    for (const one of speaking.values()) {
      if (!mayLead(one)) continue
      const other = this.#ofHome.get(one.home.key)
      if (other === undefined || isNewer(one, other)) this.#ofHome.set(one.home.key, one)
      for (const key of one.within) {
        if (speaking.get(key)?.home.key !== one.home.key) continue
        const marking = this.#within.get(key)
        if (marking === undefined) this.#within.set(key, [one])
        else marking.push(one)
      }
    }
  }

  /**
   * The newest mark of the nearest container, pod or job that somebody speaks for, be it from within; else of the workload.
   * @param within claims of the consumer's containers, pod and job, the nearest first
   */
  leaderOf(within: readonly string[], homeKey: string): Speaking | undefined {
    for (const key of within) {
      const spokenFor = this.#speaking.get(key)
      if (spokenFor === undefined || !says(spokenFor)) continue
      return (this.#within.get(key) ?? []).reduce(
        (newest, one) => (isNewer(newest, one) ? newest : one),
        spokenFor,
      )
    }
    return this.#ofHome.get(homeKey)
  }

  /** What of a stretch counts as time: a mark for a whole job rests while newer ones within it say what it does. */
  spansOf({ sender }: Speaking, stretch: Stretch): readonly Span[] {
    if (sender.who.kind === 'process') return [stretch]
    const newer = (this.#within.get(claimKey(sender.who)) ?? []).filter(
      (one) => one.sender.changedAt >= sender.changedAt,
    )
    return without(
      stretch,
      newer.flatMap(({ stretches }) => stretches.filter(({ phase }) => phase !== '')),
    )
  }
}

export const says = ({ stretches }: Speaking): boolean =>
  stretches.some(({ phase, interval }) => phase !== '' || interval !== undefined)

const mayLead = ({ sender, home, stretches }: Speaking): boolean =>
  !sender.isForProcessOnly && !home.isCatchAll && stretches.some(({ phase }) => phase !== '')

/** One that has a phase open leads before one that has just ended its own. */
const isNewer = ({ sender: one }: Speaking, { sender: other }: Speaking): boolean =>
  one.hasOpenPhase === other.hasOpenPhase ? one.changedAt > other.changedAt : one.hasOpenPhase
