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
  meterIdentityIn,
  type Block,
  type MeterBlocksState,
  type MeterIdentity,
} from './demand-blocks.ts'
import { joulesIn } from './exact-energy.ts'
import { Retained } from './retained.ts'
import { listIn, numberIn, readingIn, recordIn, spanIn, StateError } from './saved-state.ts'
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
  /** Those in force are last, in their order. */
  readonly meters: readonly MeterBlocksState[]
  readonly inForce: number
}

/** What a tick has changed, as plain JSON: small enough to be written down every tick. */
export interface DemandChange {
  /** Unix time. */
  readonly from: number
  readonly to: number
  /** Given when it is not what the change or the state before had. */
  readonly inForce?: readonly MeterIdentity[]
  /** Microjoules of each meter in force, null when it was not read. */
  readonly readings: readonly (number | null)[]
}

export class Demand {
  #blocks = noBlocks()
  #meters: readonly Meter[] = []
  /** Whether a change has told who is in force. */
  #isTold = false

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
    this.#isTold = false
  }

  /**
   * Takes in what a tick has measured. Where the span crosses the edge of a block, each gets its part by time.
   * @param meters what was spent by each domain that was read, and by `node`: all that was measured
   * @param span may end before it begins, or be years long, where the clock was set: all is counted at its end then
   * @returns what was changed, for `restore`; undefined when there is no meter
   */
  see(meters: ReadonlyMap<string, Microjoules>, span: WallSpan): DemandChange | undefined {
    if (this.#meters.length === 0) return undefined
    const lasted = withoutJumps(span)
    for (const { rule, blocks } of this.#meters) blocks.see(meters.get(rule.meter), lasted)
    const told = this.#isTold ? {} : { inForce: this.#meters.map(({ blocks }) => blocks.identity) }
    this.#isTold = true
    const readings = this.#meters.map(({ rule }) => meters.get(rule.meter) ?? null)
    return { from: lasted.from, to: lasted.to, ...told, readings }
  }

  /** In the order of the configuration. */
  statuses(wall: Seconds): readonly DemandStatus[] {
    return this.#meters.map((meter) => statusOf(meter, wall))
  }

  state(): DemandState {
    const meters = Array.from(this.#blocks.values(), (blocks) => blocks.state())
    return { version: 1, meters, inForce: this.#meters.length }
  }

  /**
   * Takes over what an earlier run has saved, in place of all that was seen.
   * @param state of `state()`, through JSON
   * @param changes what `see` has returned since then, in their order, through JSON
   * @throws StateError when it does not fit; nothing is changed then
   */
  restore(state: unknown, changes: Iterable<unknown> = []): void {
    this.#blocks = restored(state, changes)
    this.reconfigure(this.#meters.map(({ rule }) => rule))
  }
}

type Blocks = Retained<MeterIdentity, MeterBlocks>

const noBlocks = (): Blocks => new Retained(keyOfMeter, (identity) => new MeterBlocks(identity))

/** @throws StateError */
function restored(state: unknown, changes: Iterable<unknown>): Blocks {
  const { version, meters, inForce } = recordIn(state, 'demand')
  if (version !== 1) throw new StateError('the saved demand is of another version')
  const all = noBlocks()
  const saved = listIn(meters, 'demand').map((one) => MeterBlocks.restored(one))
  for (const blocks of saved) all.add(blocks)
  let current: readonly MeterBlocks[] = saved.slice(saved.length - numberIn(inForce, 'demand'))
  for (const one of changes) {
    const change = recordIn(one, 'change of demand')
    if (change['inForce'] !== undefined) {
      const identities = listIn(change['inForce'], 'change of demand').map(meterIdentityIn)
      current = identities.map((identity) => all.claim(identity))
      all.forget(current.length)
    }
    const span = spanIn(change, 'change of demand')
    const readings = listIn(change['readings'], 'change of demand')
    if (readings.length !== current.length)
      throw new StateError('the saved demand and its changes do not fit')
    for (const [index, blocks] of current.entries()) blocks.see(readingIn(readings[index], 'reading'), span)
  }
  return all
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
