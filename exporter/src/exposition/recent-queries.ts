/**
 * What a query has cost lately, for the start page: joules and queries of the same minutes, which is what makes their
 * ratio one. Both sums are of this machine alone.
 */
import type { Ledger } from '../ledger/ledger.ts'
import { elapsed, type Seconds } from '../units.ts'
import type { QueryRow } from '../workloads/query-counts.ts'

/** What a workload has answered, and the energy it took. */
export interface QueryEnergy {
  readonly workload: string
  readonly namespace: string
  readonly queries: number
  /** Undefined where its tokens are not counted. */
  readonly outputTokens: number | undefined
  /** Accelerators, host and idle: the boundary `provisioned`. */
  readonly joules: number
}

export interface RecentQueryEnergy {
  readonly overSeconds: number
  readonly workloads: readonly QueryEnergy[]
}

interface Snapshot {
  readonly at: Seconds
  readonly stands: ReadonlyMap<string, QueryEnergy>
}

const SNAPSHOT_SECONDS = 60
/** An hour of them. */
const MOST_SNAPSHOTS = 60

export class RecentQueries {
  #snapshots: Snapshot[] = []

  /** To be told of each tick. */
  see(ledger: Ledger, rows: (at: Seconds) => readonly QueryRow[], at: Seconds): void {
    const newest = this.#snapshots.at(-1)
    if (newest !== undefined && elapsed(newest.at, at) < SNAPSHOT_SECONDS) return
    const counted = rows(at)
    this.#snapshots =
      counted.length === 0
        ? []
        : [...this.#snapshots, { at, stands: standsOf(ledger, counted) }].slice(-MOST_SNAPSHOTS)
  }

  /** @returns undefined while there is nothing to compare with */
  since(ledger: Ledger, rows: readonly QueryRow[], at: Seconds): RecentQueryEnergy | undefined {
    const [oldest] = this.#snapshots
    if (oldest === undefined || at <= oldest.at) return undefined
    const workloads = Array.from(standsOf(ledger, rows)).flatMap(([key, now]): QueryEnergy[] => {
      const before = oldest.stands.get(key)
      if (before === undefined || now.queries <= before.queries || now.joules < before.joules) return []
      return [
        {
          ...now,
          queries: now.queries - before.queries,
          outputTokens:
            now.outputTokens === undefined ? undefined : now.outputTokens - (before.outputTokens ?? 0),
          joules: now.joules - before.joules,
        },
      ]
    })
    return { overSeconds: elapsed(oldest.at, at), workloads }
  }
}

function standsOf(ledger: Ledger, rows: readonly QueryRow[]): Map<string, QueryEnergy> {
  const stands = new Map<string, QueryEnergy>()
  for (const { labels, amounts } of rows) {
    const { workload, namespace } = labels
    const known = stands.get(keyOf(workload, namespace)) ?? { ...NOTHING, workload, namespace }
    stands.set(keyOf(workload, namespace), {
      ...known,
      queries: known.queries + (amounts.queries ?? 0),
      outputTokens:
        amounts.outputTokens === undefined
          ? known.outputTokens
          : (known.outputTokens ?? 0) + amounts.outputTokens,
    })
  }
  for (const { holder, energyClass, total } of ledger.views.workload.accounts()) {
    const [workload = '', namespace = ''] = holder.labels
    const known = stands.get(keyOf(workload, namespace))
    if (known === undefined || energyClass.part === 'overhead') continue
    stands.set(keyOf(workload, namespace), { ...known, joules: known.joules + total.toJoules() })
  }
  return stands
}

const NOTHING = { queries: 0, outputTokens: undefined, joules: 0 }

const keyOf = (workload: string, namespace: string): string => `${workload}\0${namespace}`
