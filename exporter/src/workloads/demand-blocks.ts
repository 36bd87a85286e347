/** The last blocks of one meter, the highest of each billing month, and its power lately. */
import type { DemandRule, WallSpan } from '../model.ts'
import { seconds, type Microjoules, type Seconds, type Watts } from '../units.ts'
import { calendarOf, preferredName, remembering } from './calendar.ts'
import { joulesIn, joulesText } from './exact-energy.ts'
import { MeterSilence } from './meter-silence.ts'
import { RecentUse, type RecentUseState } from './recent-use.ts'
import { energyIn, listIn, numberIn, recordIn, textIn } from './saved-state.ts'
import { piecesOf } from './time-split.ts'

/** Where one of these differs the blocks begin anew. */
export type MeterIdentity = Pick<DemandRule, 'meter' | 'blockMinutes' | 'billingDay' | 'timeZone'>

export const keyOfMeter = ({ meter, blockMinutes, billingDay, timeZone }: MeterIdentity): string =>
  JSON.stringify([meter, blockMinutes, billingDay, preferredName(timeZone)])

/** @throws StateError */
function meterIdentityIn(value: unknown): MeterIdentity {
  const { meter, blockMinutes, billingDay, timeZone } = recordIn(value, 'demand of a meter')
  return {
    meter: textIn(meter, 'meter'),
    blockMinutes: numberIn(blockMinutes, 'length of blocks') === 30 ? 30 : 15,
    billingDay: numberIn(billingDay, 'billing day'),
    timeZone: textIn(timeZone, 'time zone of a meter'),
  }
}

/** Plain JSON; energies are decimal joules with six digits. */
export interface MeterBlocksState extends MeterIdentity {
  readonly silentSeconds: number | null
  readonly blocks: readonly (BlockState & { readonly isWeighed: boolean })[]
  readonly peaks: readonly (BlockState & { readonly period: number })[]
  readonly recent: RecentUseState
}

interface BlockState {
  readonly from: number
  readonly to: number
  readonly joules: string
  readonly observedSeconds: number
}

/** Unix times. */
export interface Block extends WallSpan {
  /** In microjoules. */
  readonly energy: bigint
  /** Seconds of it in which the meter was read; more than it has where a clock was set back. */
  readonly observed: number
}

/** Where in time a meter's blocks and billing months lie. */
interface DemandClock {
  readonly blockAt: (wall: Seconds) => WallSpan
  /** Remembered apart from the others. */
  readonly blockBefore: (wall: Seconds) => WallSpan
  readonly periodAt: (wall: Seconds) => WallSpan
}

function demandClock({ blockMinutes, billingDay, timeZone }: MeterIdentity): DemandClock {
  const calendar = calendarOf(timeZone)
  const blockOf = (wall: Seconds): WallSpan => calendar.blockOf(wall, seconds(blockMinutes * 60))
  return {
    blockAt: remembering(blockOf),
    blockBefore: remembering(blockOf),
    periodAt: remembering((wall) => calendar.monthOf(wall, billingDay)),
  }
}

/** Kept so that a clock which is set back a little comes back to what was seen. */
const MOST_BLOCKS = 4
const MOST_PEAKS = 3
/** Blocks that are longer ago than any billing month reaches are left out. */
const LONGEST_SECONDS = 32 * 86_400
const MINUTE = 60
/** The power that goes on is a mean over the running minute and the two before it. */
const MINUTES_OF_MEAN = 3

export class MeterBlocks {
  readonly identity: MeterIdentity
  readonly clock: DemandClock
  /** By the Unix time of their start; the one seen last is at the end. */
  readonly #blocks = new Map<number, Block>()
  /** Those of them that may be higher than the peak. */
  readonly #unweighed = new Set<number>()
  /** By the Unix time of the start of the billing month; the one changed last is at the end. */
  readonly #peaks = new Map<number, Block>()
  readonly #recent = new RecentUse(MINUTE, MINUTES_OF_MEAN)
  readonly #silence = new MeterSilence()

  constructor(identity: MeterIdentity) {
    this.identity = identity
    this.clock = demandClock(identity)
  }

  /** @throws StateError */
  static restored(state: unknown): MeterBlocks {
    const saved = recordIn(state, 'demand of a meter')
    const meter = new MeterBlocks(meterIdentityIn(saved))
    const silent = saved['silentSeconds']
    meter.#silence.seconds = silent === null ? undefined : numberIn(silent, 'silence of a meter')
    for (const one of listIn(saved['blocks'], 'blocks of a meter')) {
      const block = recordIn(one, 'block of a meter')
      const { from } = blockIn(block)
      meter.#blocks.set(from, blockIn(block))
      if (block['isWeighed'] !== true) meter.#unweighed.add(from)
    }
    for (const one of listIn(saved['peaks'], 'peaks of a meter')) {
      const peak = recordIn(one, 'peak of a meter')
      meter.#peaks.set(numberIn(peak['period'], 'period of a peak'), blockIn(peak))
    }
    meter.#recent.restore(saved['recent'])
    return meter
  }

  /** @param amount undefined when the meter was not read */
  see(amount: Microjoules | undefined, span: WallSpan): void {
    if (amount === undefined) this.#silence.goesOn(span)
    else this.#add(BigInt(amount), span)
    for (const block of this.#blocks.values()) {
      if (block.to <= span.to && this.#unweighed.has(block.from)) this.#weigh(block)
    }
  }

  /** @param from where the block begins */
  at(from: Seconds): Block | undefined {
    return this.#blocks.get(from)
  }

  /** @param period where the billing month begins */
  peakOf(period: Seconds): Block | undefined {
    return this.#peaks.get(period)
  }

  recentWatts(wall: Seconds): Watts | undefined {
    return this.#recent.mean(wall)
  }

  state(): MeterBlocksState {
    return {
      ...this.identity,
      silentSeconds: this.#silence.seconds ?? null,
      blocks: Array.from(this.#blocks.values(), (block) => ({
        ...blockState(block),
        isWeighed: !this.#unweighed.has(block.from),
      })),
      peaks: Array.from(this.#peaks, ([period, block]) => ({ period, ...blockState(block) })),
      recent: this.#recent.state(),
    }
  }

  #add(energy: bigint, span: WallSpan): void {
    const spent = this.#silence.broken(span)
    const since = spent.span.to - LONGEST_SECONDS
    for (const { within, duration, shareOf } of piecesOf(spent.span, this.clock.blockAt, since)) {
      const before = this.#blocks.get(within.from) ?? { ...within, energy: 0n, observed: 0 }
      const observed = before.observed + (spent.isObserved ? duration : 0)
      this.#put({ ...before, energy: before.energy + shareOf(energy), observed })
    }
    this.#recent.add(energy, spent.span)
  }

  #put(block: Block): void {
    this.#blocks.delete(block.from)
    this.#blocks.set(block.from, block)
    this.#unweighed.add(block.from)
    if (this.#blocks.size <= MOST_BLOCKS) return
    const [oldest] = this.#blocks.values()
    if (oldest === undefined) return
    if (this.#unweighed.has(oldest.from)) this.#weigh(oldest)
    this.#blocks.delete(oldest.from)
  }

  /** Compares a block that is over with the highest of its billing month. */
  #weigh(block: Block): void {
    this.#unweighed.delete(block.from)
    const period = this.clock.periodAt(block.from).from
    const peak = this.#peaks.get(period)
    if (peak !== undefined && peak.from !== block.from && meanWatts(peak) >= meanWatts(block)) return
    this.#peaks.delete(period)
    this.#peaks.set(period, block)
    if (this.#peaks.size <= MOST_PEAKS) return
    const [oldest] = this.#peaks.keys()
    if (oldest !== undefined) this.#peaks.delete(oldest)
  }
}

/** Of a block that is over: its energy over its length, or over the time it had where a clock was set back. */
export const meanWatts = ({ energy, observed, from, to }: Block): number =>
  joulesIn(energy) / Math.max(to - from, observed)

const blockState = ({ from, to, energy, observed }: Block): BlockState => ({
  from,
  to,
  joules: joulesText(energy),
  observedSeconds: observed,
})

const blockIn = (saved: Readonly<Record<string, unknown>>): Block => ({
  from: seconds(numberIn(saved['from'], 'start of a block')),
  to: seconds(numberIn(saved['to'], 'end of a block')),
  energy: energyIn(saved['joules'], 'energy of a block'),
  observed: numberIn(saved['observedSeconds'], 'observed time of a block'),
})
