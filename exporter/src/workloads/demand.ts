/**
 * Demand: mean power over blocks of the clock, 15 or 30 minutes long, of which utilities bill the highest. A block that
 * was observed in part counts all the same, and says so.
 */
import type { DemandRule, WallSpan } from '../model.ts'
import { seconds, watts, type Microjoules, type Seconds, type Watts } from '../units.ts'
import {
  keyOfMeter,
  meanWatts,
  MeterBlocks,
  type Block,
  type MeterBlocksState,
  type MeterIdentity,
} from './demand-blocks.ts'
import { joulesIn } from './exact-energy.ts'
import { Retained } from './retained.ts'
import { listIn, recordIn, StateError } from './saved-state.ts'
import { withoutJumps } from './time-split.ts'

/** A block that is over. */
export interface ClosedBlock {
  readonly block: WallSpan
  readonly watts: Watts
  /** Part of the block that was observed, 0 to 1. */
  readonly observedRatio: number
}

export interface DemandStatus {
  readonly rule: DemandRule
  /** The running one. */
  readonly block: WallSpan
  /** The billing month. */
  readonly period: WallSpan
  /** Mean of the running block: its energy so far over its time so far. Undefined while nothing of it is known. */
  readonly currentWatts: Watts | undefined
  /** Part of the running block's time so far that was observed, 0 to 1. */
  readonly observedRatio: number
  /** Mean of the running block if the power of the last two to three minutes goes on to its end. */
  readonly projectedWatts: Watts | undefined
  /** The block before the running one; undefined when nothing of it is known. */
  readonly last: ClosedBlock | undefined
  /** The highest of the period's blocks that are over; it goes down when a new period begins. */
  readonly peak: ClosedBlock | undefined
}

/** Plain JSON. */
export interface DemandState {
  readonly version: 1
  readonly meters: readonly MeterBlocksState[]
}

export class Demand {
  readonly #blocks = new Retained<MeterIdentity, MeterBlocks>(
    keyOfMeter,
    (identity) => new MeterBlocks(identity),
  )
  #meters: readonly Meter[] = []

  constructor(rules: readonly DemandRule[]) {
    this.reconfigure(rules)
  }

  /**
   * A meter keeps its blocks and its peak as long as the length of blocks, the billing day and the zone stay. One that
   * was taken out and comes back goes on where it was.
   */
  reconfigure(rules: readonly DemandRule[]): void {
    this.#meters = rules.map((rule) => ({ rule, blocks: this.#blocks.claim(identityOf(rule)) }))
    this.#blocks.forget(rules.length)
  }

  /**
   * Takes in what a tick has measured. Where the span crosses the edge of a block, each gets its part by time.
   * @param meters what was spent by each domain that was read, and by `node`: all that was measured
   * @param span may end before it begins, or be years long, where the clock was set: all is counted at its end then
   */
  see(meters: ReadonlyMap<string, Microjoules>, span: WallSpan): void {
    const lasted = withoutJumps(span)
    for (const { rule, blocks } of this.#meters) blocks.see(meters.get(rule.meter), lasted)
  }

  /** In the order of the configuration. */
  statuses(wall: Seconds): readonly DemandStatus[] {
    return this.#meters.map((meter) => statusOf(meter, wall))
  }

  state(): DemandState {
    return { version: 1, meters: Array.from(this.#blocks.values(), (blocks) => blocks.state()) }
  }

  /**
   * Takes over what an earlier run has saved, in place of all that was seen.
   * @param state of `state()`, through JSON
   * @throws StateError when it does not fit; nothing is changed then
   */
  restore(state: unknown): void {
    const { version, meters } = recordIn(state, 'demand')
    if (version !== 1) throw new StateError('the saved demand is of another version')
    this.#blocks.replace(listIn(meters, 'demand').map((one) => MeterBlocks.restored(one)))
    this.reconfigure(this.#meters.map(({ rule }) => rule))
  }
}

const identityOf = ({ meter, blockMinutes, billingDay, timeZone }: DemandRule): MeterIdentity => ({
  meter,
  blockMinutes,
  billingDay,
  timeZone,
})

/** A rule in force, and what was seen of its meter. */
interface Meter {
  readonly rule: DemandRule
  readonly blocks: MeterBlocks
}

function statusOf({ rule, blocks }: Meter, wall: Seconds): DemandStatus {
  const { clock } = blocks
  const block = clock.blockAt(wall)
  const period = clock.periodAt(block.from)
  const running = blocks.at(block.from)
  const last = blocks.at(clock.blockBefore(seconds(block.from - 1)).from)
  const peak = blocks.peakOf(period.from)
  const soFar = seconds(wall - block.from)
  return {
    rule,
    block,
    period,
    currentWatts: running && meanSoFar(running, soFar),
    observedRatio: running === undefined ? 0 : ratioOf(running.observed, soFar),
    projectedWatts: running && projected(running, blocks.recentWatts(wall), soFar),
    last: last && closed(last),
    peak: peak && closed(peak),
  }
}

/** Where a clock was set back, more time has passed in the block than its clock says. */
function meanSoFar({ energy, observed }: Block, soFar: Seconds): Watts | undefined {
  const duration = Math.max(soFar, observed)
  return duration > 0 ? watts(joulesIn(energy) / duration) : undefined
}

function projected(
  { energy, observed, from, to }: Block,
  recent: Watts | undefined,
  soFar: Seconds,
): Watts | undefined {
  if (recent === undefined) return undefined
  const left = to - from - soFar
  return watts((joulesIn(energy) + recent * left) / (Math.max(soFar, observed) + left))
}

const closed = (block: Block): ClosedBlock => ({
  block: { from: block.from, to: block.to },
  watts: watts(meanWatts(block)),
  observedRatio: ratioOf(block.observed, seconds(block.to - block.from)),
})

const ratioOf = (observed: number, duration: Seconds): number =>
  duration > 0 ? Math.min(1, observed / duration) : 0
