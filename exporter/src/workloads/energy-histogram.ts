/** How many requests cost how much, by workload, model and basis: histograms as Prometheus has them. */
import { microjoules, seconds, type Microjoules, type Seconds } from '../units.ts'
import { energyTotal, joulesText } from './exact-energy.ts'
import type { RequestCost } from './request-energy.ts'
import { energyIn, listIn, misfit, numberIn, recordIn, textIn } from './saved-state.ts'

/** From a short embedding to a long chain of thought on many accelerators, in steps of 1, 2 and 5. */
export const BOUNDS_JOULES: readonly number[] = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000,
]
const BOUNDS_MICROJOULES = BOUNDS_JOULES.map((joules) => Math.round(joules * 1e6))

export interface HistogramLimits {
  readonly mostSeries: number
  /** So long a new series stands at 0, because Prometheus cannot see a first value above 0. */
  readonly birthHold: Seconds
  /** What nobody was seen for so long is not shown any more. */
  readonly expireAfter: Seconds
}

export interface HistogramRow {
  /** Workload, namespace, model, basis. */
  readonly labels: readonly string[]
  /** Requests up to each bound, those of smaller ones included. */
  readonly upTo: readonly number[]
  readonly count: number
  readonly sum: ReturnType<typeof energyTotal>
  readonly createdWall: Seconds
}

/** Plain JSON: what one tick has added to one series: requests by bucket, as pairs, and their microjoules. */
export type HistogramIncrement = readonly [
  labels: readonly string[],
  buckets: readonly (readonly [bucket: number, requests: number])[],
  microjoules: number,
]

/** What one tick has added. */
export interface HistogramChanges {
  readonly at: number
  readonly wall: number
  readonly added: readonly HistogramIncrement[]
}

/** Plain JSON. */
export interface HistogramsState {
  readonly version: 1
  readonly series: readonly {
    readonly labels: readonly string[]
    readonly buckets: readonly number[]
    readonly joules: string
    readonly createdWall: number
    readonly heldUntil: number
    readonly seenAt: number
  }[]
}

interface Series {
  readonly labels: readonly string[]
  /** Requests of each bucket alone; the last is above all bounds. */
  readonly buckets: number[]
  sum: bigint
  readonly createdWall: Seconds
  readonly heldUntil: Seconds
  seenAt: Seconds
}

interface Now {
  /** Monotonic, of this boot. */
  readonly at: Seconds
  readonly wall: Seconds
}

export class EnergyHistograms {
  #limits: HistogramLimits
  readonly #series = new Map<string, Series>()

  constructor(limits: HistogramLimits) {
    this.#limits = limits
  }

  reconfigure(limits: HistogramLimits): void {
    this.#limits = limits
  }

  observe(costs: readonly RequestCost[], now: Now): HistogramChanges {
    const added = new Map<string, { labels: string[]; buckets: Map<number, number>; sum: number }>()
    for (const { workload, namespace, model, basis, energy } of costs) {
      const labels = [workload, namespace, model, basis]
      const key = keyOf(labels)
      const increment = added.get(key) ?? { labels, buckets: new Map<number, number>(), sum: 0 }
      const bucket = bucketOf(energy)
      increment.buckets.set(bucket, (increment.buckets.get(bucket) ?? 0) + 1)
      increment.sum += energy
      added.set(key, increment)
    }
    const changes = {
      at: now.at,
      wall: now.wall,
      added: Array.from(added.values(), ({ labels, buckets, sum }): HistogramIncrement => [
        labels,
        Array.from(buckets),
        microjoules(sum),
      ]),
    }
    this.redo(changes)
    return changes
  }

  /** Adds what a tick has told, of this run or an earlier one. */
  redo({ at, wall, added }: HistogramChanges): void {
    const now = { at: seconds(at), wall: seconds(wall) }
    for (const [labels, buckets, sum] of added) {
      const series = this.#seriesOf(labels, now)
      for (const [bucket, requests] of buckets) {
        series.buckets[bucket] = (series.buckets[bucket] ?? 0) + requests
      }
      series.sum += BigInt(sum)
      series.seenAt = now.at
    }
  }

  /** What a page shows. */
  rows(at: Seconds): readonly HistogramRow[] {
    return Array.from(this.#series.values())
      .filter((series) => at - series.seenAt < this.#limits.expireAfter)
      .map((series) => rowOf(series, at < series.heldUntil))
  }

  state(): HistogramsState {
    return {
      version: 1,
      series: Array.from(
        this.#series.values(),
        ({ labels, buckets, sum, createdWall, heldUntil, seenAt }) => ({
          labels,
          buckets,
          joules: joulesText(sum),
          createdWall,
          heldUntil,
          seenAt,
        }),
      ),
    }
  }

  /**
   * Goes on where another one stood, in the same boot.
   * @throws StateError when it does not fit; nothing is changed then
   */
  restore(state: unknown): void {
    const { version, series } = recordIn(state, 'energy of requests')
    if (version !== 1) throw misfit('energy of requests', 'of version 1')
    const kept = listIn(series, 'energy of requests').map(seriesIn)
    this.#series.clear()
    for (const one of kept) this.#series.set(keyOf(one.labels), one)
  }

  #seriesOf(labels: readonly string[], now: Now): Series {
    const known = this.#series.get(keyOf(labels))
    if (known !== undefined) return known
    const isFull = this.#series.size >= this.#limits.mostSeries && !this.#forgetOne(now.at)
    if (isFull && labels[0] !== OTHER) return this.#seriesOf([OTHER, '', '', labels[3] ?? ''], now)
    const series: Series = {
      labels,
      buckets: BOUNDS_JOULES.concat(Infinity).map(() => 0),
      sum: 0n,
      createdWall: now.wall,
      heldUntil: seconds(now.at + this.#limits.birthHold),
      seenAt: now.at,
    }
    this.#series.set(keyOf(labels), series)
    return series
  }

  /** Makes room at the expense of the series that has been silent for longest; none that is still shown. */
  #forgetOne(at: Seconds): boolean {
    let oldest: Series | undefined
    for (const series of this.#series.values()) {
      if (series.seenAt < (oldest?.seenAt ?? Infinity)) oldest = series
    }
    if (oldest === undefined || at - oldest.seenAt < this.#limits.expireAfter) return false
    return this.#series.delete(keyOf(oldest.labels))
  }
}

/** The workload of all that has no series of its own. */
const OTHER = 'other'

const keyOf = (labels: readonly string[]): string => labels.join('\0')

function bucketOf(energy: Microjoules): number {
  const index = BOUNDS_MICROJOULES.findIndex((bound) => energy <= bound)
  return index === -1 ? BOUNDS_MICROJOULES.length : index
}

function rowOf({ labels, buckets, sum, createdWall }: Series, isHeld: boolean): HistogramRow {
  let running = 0
  const upTo = buckets.map((requests) => (running += isHeld ? 0 : requests))
  return { labels, upTo: upTo.slice(0, -1), count: running, sum: energyTotal(isHeld ? 0n : sum), createdWall }
}

/** @throws StateError */
function seriesIn(value: unknown): Series {
  const { labels, buckets, joules, createdWall, heldUntil, seenAt } = recordIn(value, 'energy of requests')
  const counts = listIn(buckets, 'energy of requests').map((one) => numberIn(one, 'number of requests'))
  if (counts.length !== BOUNDS_JOULES.length + 1) throw misfit('energy of requests', 'of these buckets')
  return {
    labels: listIn(labels, 'labels of requests').map((one) => textIn(one, 'label of requests')),
    buckets: counts,
    sum: energyIn(joules, 'energy of requests'),
    createdWall: seconds(numberIn(createdWall, 'birth of requests')),
    heldUntil: seconds(numberIn(heldUntil, 'birth of requests')),
    seenAt: seconds(numberIn(seenAt, 'time of requests')),
  }
}
