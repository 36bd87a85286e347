/** What was used lately, in a few buckets of the clock: for the mean power that projections go on with. */
import type { WallSpan } from '../model.ts'
import { seconds, watts, type Seconds, type Watts } from '../units.ts'
import { joulesIn, joulesText } from './exact-energy.ts'
import { energyIn, listIn, numberIn, recordIn } from './saved-state.ts'
import { piecesOf } from './time-split.ts'

interface Bucket {
  energy: bigint
  seconds: number
}

/** Plain JSON. */
export type RecentUseState = readonly {
  readonly from: number
  readonly joules: string
  readonly seconds: number
}[]

export class RecentUse {
  readonly #length: number
  readonly #most: number
  /** By the Unix time of their start; the one written last is at the end. */
  readonly #buckets = new Map<number, Bucket>()

  /** Reaches back `most` buckets of `length` seconds, the running one included. */
  constructor(length: number, most: number) {
    this.#length = length
    this.#most = most
  }

  add(energy: bigint, span: WallSpan): void {
    const bucketAt = (wall: Seconds): WallSpan => {
      const from = this.#startOf(wall)
      return { from: seconds(from), to: seconds(from + this.#length) }
    }
    for (const { within, duration, shareOf } of piecesOf(span, bucketAt, this.#reach(span.to))) {
      const bucket = this.#buckets.get(within.from) ?? { energy: 0n, seconds: 0 }
      bucket.energy += shareOf(energy)
      bucket.seconds += duration
      this.#put(within.from, bucket)
    }
  }

  /**
   * Over the time that was observed. Buckets beyond `wall`, which a clock that was set back leaves, do not count.
   * @returns undefined when nothing was observed lately
   */
  mean(wall: Seconds): Watts | undefined {
    let [energy, duration] = [0n, 0]
    for (const [from, bucket] of this.#buckets) {
      if (from < this.#reach(wall) || from > wall) continue
      energy += bucket.energy
      duration += bucket.seconds
    }
    return duration > 0 ? watts(joulesIn(energy) / duration) : undefined
  }

  state(): RecentUseState {
    return Array.from(this.#buckets, ([from, bucket]) => ({
      from,
      joules: joulesText(bucket.energy),
      seconds: bucket.seconds,
    }))
  }

  /** @throws StateError */
  restore(state: unknown): void {
    const buckets = listIn(state, 'recent use').map((one) => recordIn(one, 'recent use'))
    for (const { from, joules, seconds: duration } of buckets) {
      this.#put(numberIn(from, 'recent use'), {
        energy: energyIn(joules, 'recent use'),
        seconds: numberIn(duration, 'recent use'),
      })
    }
  }

  #put(from: number, bucket: Bucket): void {
    this.#buckets.delete(from)
    this.#buckets.set(from, bucket)
    if (this.#buckets.size <= this.#most) return
    const [oldest] = this.#buckets.keys()
    if (oldest !== undefined) this.#buckets.delete(oldest)
  }

  #startOf(wall: number): number {
    return Math.floor(wall / this.#length) * this.#length
  }

  /** The start of the first bucket that counts. */
  #reach(wall: number): number {
    return this.#startOf(wall) - (this.#most - 1) * this.#length
  }
}
