/**
 * All that must survive the exporter: the ledger, with what the sensors need to go on counting where they stood. A
 * run that follows in the same boot goes on with the very figures that were shown last. After another boot the
 * figures on the page begin at 0, as those of the kernel's own counters do.
 */
import { Ledger, type LedgerPolicy, type Tick } from './ledger/ledger.ts'
import type { LedgerChanges, LedgerState } from './ledger/record.ts'
import type { Bookmarks } from './sensors/sensor.ts'
import { LOST_AFTER_SECONDS } from './sensors/sensor.ts'
import { seconds, watts, type Seconds, type Watts } from './units.ts'
import { nameWorkload } from './workloads/naming.ts'

/** Where the sensors stand, by their names. */
export interface SensorsStand {
  readonly bookmarks: Readonly<Record<string, Bookmarks>>
  /** Looks that failed. */
  readonly failures: Readonly<Record<string, number>>
}

export interface BooksState {
  readonly wall: number
  readonly startedWall: number
  readonly ledger: LedgerState
  readonly sensors: SensorsStand
  /** Watts by domain, observed in quiet times. */
  readonly baselines: Readonly<Record<string, number>>
}

/** What one tick has added. */
export interface BooksChanges {
  readonly wall: number
  readonly ledger: LedgerChanges
  readonly sensors: SensorsStand
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

  /** @throws RangeError when the former books do not fit together */
  constructor(
    policy: LedgerPolicy,
    now: { readonly at: Seconds; readonly wall: Seconds },
    former: FormerBooks | undefined,
  ) {
    const restored = former && restoredFrom(former, policy, now.wall)
    const goesOn = former?.isCurrent === true && former.state.ledger.at <= now.at
    this.ledger = restored !== undefined && goesOn ? restored : newLedger(policy, now.at)
    this.startedWall = former !== undefined && goesOn ? seconds(former.state.startedWall) : now.wall
    this.resumed =
      former !== undefined && goesOn ? (former.changes.at(-1) ?? former.state).sensors : undefined
    if (former !== undefined) {
      const observed = Object.entries(former.state.baselines).map(
        ([domain, power]) => [domain, watts(power)] as const,
      )
      this.ledger.baselines.recall(new Map(observed))
    }
  }

  reconfigure(policy: LedgerPolicy): void {
    this.ledger.reconfigure(policy)
  }

  /** Books a tick. */
  book(tick: Tick, sensors: SensorsStand): BooksChanges {
    this.ledger.book(tick)
    const { changes } = this.ledger.changes()
    return { wall: tick.wall, ledger: changes, sensors }
  }

  state(wall: Seconds, sensors: SensorsStand): BooksState {
    return {
      wall,
      startedWall: this.startedWall,
      ledger: this.ledger.state(),
      sensors,
      baselines: Object.fromEntries<Watts>(this.ledger.baselines.observed),
    }
  }
}

const newLedger = (policy: LedgerPolicy, startedAt: Seconds): Ledger =>
  new Ledger(policy, { nameOf: nameWorkload, startedAt, lostAfter: seconds(LOST_AFTER_SECONDS) })

function restoredFrom({ state, changes }: FormerBooks, policy: LedgerPolicy, wall: Seconds): Ledger {
  const ledger = newLedger(policy, seconds(state.ledger.at))
  const ticks = changes.map((change) => change.ledger)
  ledger.restore(state.ledger, ticks, wall, () => undefined)
  return ledger
}
