/** Seconds, steps and samples of each workload in each phase, and when its newest run began. They only go up. */
import { seconds, type Seconds } from '../units.ts'
import { isCustomPhase, MOST_CUSTOM_PHASES, OTHER_PHASE } from './phase-names.ts'

/** What is counted: seconds by how they are known, steps, samples. */
export const PHASE_FIGURES = ['marked', 'reported', 'steps', 'samples'] as const
export type PhaseFigure = (typeof PHASE_FIGURES)[number]

export interface WorkloadName {
  readonly workload: string
  readonly namespace: string
}

export interface PhaseSeries extends WorkloadName {
  readonly phase: string
  readonly figure: PhaseFigure
  readonly createdWall: Seconds
  total: number
  /** A newborn series, or one that comes back, stands still until then. */
  heldUntil: Seconds | undefined
  /** Where it stands still. */
  heldAt: number
}

/** Plain JSON. */
export type PhaseSeriesRecord = readonly [
  workload: string,
  namespace: string,
  phase: string,
  figure: PhaseFigure,
  total: number,
  createdWall: number,
  heldUntil: number | null,
  heldAt: number,
]
/** Plain JSON. */
export type RunRecord = readonly [workload: string, namespace: string, wall: number]

export interface CountsRecords {
  readonly series: readonly PhaseSeriesRecord[]
  readonly runs: readonly RunRecord[]
  readonly dropped: number
}

export interface CountsPolicy {
  /** In seconds; as for series of energy. */
  readonly birthHold: Seconds
  readonly expireAfter: Seconds
  readonly seriesLimit: number
}

/** A series as a page shows it. */
export interface PhaseRow extends WorkloadName {
  readonly phase: string
  readonly figure: PhaseFigure
  /** Where a newborn series stands still, this does. */
  readonly value: number
  /** What has been counted so far. */
  readonly total: number
  readonly createdWall: Seconds
}

interface Workload extends WorkloadName {
  readonly series: Map<string, PhaseSeries>
  customPhases: number
  /** Names beyond them that have been counted as dropped. */
  readonly refused: Set<string>
  runStart: Seconds | undefined
  lastSeen: Seconds
}

/** Names of a workload that are told apart in the number of dropped ones. */
const MOST_REFUSED = 64
/** Workloads that are no longer shown and whose figures are remembered; the oldest are forgotten. */
const REMEMBERED = 2000

export class PhaseCounts {
  readonly #workloads = new Map<string, Workload>()
  #policy: CountsPolicy
  /** Series that are born up to then are shown at once: nobody scraped before. */
  readonly #openingEnds: Seconds
  #size = 0
  #dropped = 0
  /** Since the changes were last taken down. */
  #hasDropped = false
  readonly #held = new Set<PhaseSeries>()
  #changed = new Set<PhaseSeries>()
  #changedRuns = new Set<Workload>()

  /** @param openingEnds series that are born up to then are shown at once */
  constructor(policy: CountsPolicy, openingEnds: Seconds) {
    this.#policy = policy
    this.#openingEnds = openingEnds
  }

  reconfigure(policy: CountsPolicy): void {
    this.#policy = policy
  }

  /** @returns the phase itself, or `other` where the workload has too many of its own */
  labelOf(name: WorkloadName, phase: string, at: Seconds): string {
    if (!isCustomPhase(phase)) return phase
    const workload = this.#workload(name, at)
    const isKnown = PHASE_FIGURES.some((figure) => workload.series.has(seriesKey(phase, figure)))
    if (isKnown || workload.customPhases < MOST_CUSTOM_PHASES) return phase
    if (!workload.refused.has(phase) && workload.refused.size < MOST_REFUSED) {
      workload.refused.add(phase)
      this.#drop()
    }
    return OTHER_PHASE
  }

  add(name: WorkloadName, phase: string, figure: PhaseFigure, amount: number, now: Now): void {
    if (amount <= 0) return
    const series = this.#series(name, phase, figure, now)
    if (series === undefined) return
    series.total += amount
    this.#changed.add(series)
  }

  /**
   * Counts what one of several says that do the same: only what goes beyond what the others have said already.
   * @param own as `join` has given it out
   */
  addOwn(
    own: Map<string, number>,
    name: WorkloadName,
    phase: string,
    figure: PhaseFigure,
    amount: number,
    now: Now,
  ): void {
    if (amount <= 0) return
    const series = this.#series(name, phase, figure, now)
    if (series === undefined) return
    const key = seriesKey(phase, figure)
    const said = (own.get(key) ?? 0) + amount
    own.set(key, said)
    if (said <= series.total) return
    series.total = said
    this.#changed.add(series)
  }

  /** Somebody begins to say what it does in a workload: it begins where the others are. */
  join(name: WorkloadName, at: Seconds): Map<string, number> {
    return new Map(Array.from(this.#workload(name, at).series, ([key, { total }]) => [key, total]))
  }

  /** What it has done was counted in another way: it is where the others are. */
  level(own: Map<string, number>, name: WorkloadName, phase: string, figure: PhaseFigure, at: Seconds): void {
    const key = seriesKey(phase, figure)
    own.set(key, this.#workload(name, at).series.get(key)?.total ?? 0)
  }

  startRun(name: WorkloadName, wall: Seconds, at: Seconds): void {
    const workload = this.#workload(name, at)
    if (workload.runStart !== undefined && wall <= workload.runStart) return
    this.#touch(workload, at)
    workload.runStart = wall
    this.#changedRuns.add(workload)
  }

  /** Its series stay on the page. */
  see(name: WorkloadName, at: Seconds): void {
    const workload = this.#workloads.get(workloadKey(name))
    if (workload !== undefined) this.#touch(workload, at)
  }

  /** Series that have stood still long enough show their total. */
  sweep(at: Seconds): void {
    for (const one of this.#held) {
      if (one.heldUntil !== undefined && at < one.heldUntil) continue
      one.heldUntil = undefined
      this.#held.delete(one)
      this.#changed.add(one)
    }
    this.#forget(at)
  }

  *rows(at: Seconds): Generator<PhaseRow> {
    for (const workload of this.#workloads.values()) {
      if (!this.#isShown(workload, at)) continue
      for (const series of workload.series.values()) {
        const { phase, figure, createdWall, heldUntil, heldAt, total } = series
        const value = heldUntil === undefined ? total : heldAt
        yield {
          workload: workload.workload,
          namespace: workload.namespace,
          phase,
          figure,
          createdWall,
          value,
          total,
        }
      }
    }
  }

  *runs(at: Seconds): Generator<WorkloadName & { readonly wall: Seconds }> {
    for (const workload of this.#workloads.values()) {
      if (workload.runStart === undefined || !this.#isShown(workload, at)) continue
      yield { workload: workload.workload, namespace: workload.namespace, wall: workload.runStart }
    }
  }

  get dropped(): number {
    return this.#dropped
  }

  /** What has changed since this was last asked; undefined: nothing. */
  changes(): CountsRecords | undefined {
    if (this.#changed.size === 0 && this.#changedRuns.size === 0 && !this.#hasDropped) return undefined
    this.#hasDropped = false
    const records = {
      series: Array.from(this.#changed, recordOf),
      runs: Array.from(this.#changedRuns).flatMap(runRecords),
      dropped: this.#dropped,
    }
    this.#changed = new Set()
    this.#changedRuns = new Set()
    return records
  }

  state(): CountsRecords {
    const workloads = Array.from(this.#workloads.values())
    return {
      series: workloads.flatMap(({ series }) => Array.from(series.values(), recordOf)),
      runs: workloads.flatMap(runRecords),
      dropped: this.#dropped,
    }
  }

  /** Takes up what an earlier run has kept: a state, or changes after it. */
  restore({ series, runs, dropped }: CountsRecords, at: Seconds): void {
    for (const [workload, namespace, phase, figure, total, createdWall, heldUntil, heldAt] of series) {
      const home = this.#workload({ workload, namespace }, at)
      this.#enter(home, {
        workload,
        namespace,
        phase,
        figure,
        createdWall: seconds(createdWall),
        total,
        heldUntil: heldUntil === null ? undefined : seconds(heldUntil),
        heldAt,
      })
    }
    for (const [workload, namespace, wall] of runs) {
      this.#workload({ workload, namespace }, at).runStart = seconds(wall)
    }
    this.#dropped = dropped
  }

  #drop(): void {
    this.#dropped += 1
    this.#hasDropped = true
  }

  #series(name: WorkloadName, phase: string, figure: PhaseFigure, now: Now): PhaseSeries | undefined {
    const workload = this.#workload(name, now.at)
    this.#touch(workload, now.at)
    const known = workload.series.get(seriesKey(phase, figure))
    if (known !== undefined) return known
    if (this.#size >= this.#policy.seriesLimit) {
      this.#drop()
      return undefined
    }
    const isOpening = now.at <= this.#openingEnds || this.#policy.birthHold <= 0
    const series: PhaseSeries = {
      workload: workload.workload,
      namespace: workload.namespace,
      phase,
      figure,
      createdWall: now.wall,
      total: 0,
      heldUntil: isOpening ? undefined : seconds(now.at + this.#policy.birthHold),
      heldAt: 0,
    }
    this.#enter(workload, series)
    return series
  }

  #enter(workload: Workload, series: PhaseSeries): void {
    const key = seriesKey(series.phase, series.figure)
    const isNewPhase = PHASE_FIGURES.every((one) => !workload.series.has(seriesKey(series.phase, one)))
    if (isNewPhase && isCustomPhase(series.phase)) workload.customPhases += 1
    if (!workload.series.has(key)) this.#size += 1
    workload.series.set(key, series)
    if (series.heldUntil !== undefined) this.#held.add(series)
  }

  #workload({ workload, namespace }: WorkloadName, at: Seconds): Workload {
    const key = workloadKey({ workload, namespace })
    let found = this.#workloads.get(key)
    if (found === undefined) {
      found = {
        workload,
        namespace,
        series: new Map(),
        customPhases: 0,
        refused: new Set(),
        runStart: undefined,
        lastSeen: at,
      }
      this.#workloads.set(key, found)
    }
    return found
  }

  /** One that was away stands still for a while where it was, so that scrapers see it there. */
  #touch(workload: Workload, at: Seconds): void {
    if (!this.#isShown(workload, at) && this.#policy.birthHold > 0) {
      for (const series of workload.series.values()) {
        series.heldUntil = seconds(at + this.#policy.birthHold)
        series.heldAt = series.total
        this.#held.add(series)
      }
    }
    workload.lastSeen = at
  }

  #isShown({ lastSeen }: Workload, at: Seconds): boolean {
    return at - lastSeen < this.#policy.expireAfter
  }

  #forget(at: Seconds): void {
    if (this.#workloads.size <= REMEMBERED) return
    const gone = Array.from(this.#workloads).filter(([, workload]) => !this.#isShown(workload, at))
    gone.sort(([, one], [, other]) => one.lastSeen - other.lastSeen)
    for (const [key, workload] of gone.slice(0, this.#workloads.size - REMEMBERED)) {
      this.#size -= workload.series.size
      this.#workloads.delete(key)
    }
  }
}

/** A tick. */
export interface Now {
  readonly at: Seconds
  /** Unix time. */
  readonly wall: Seconds
}

const workloadKey = ({ workload, namespace }: WorkloadName): string => `${workload}\0${namespace}`
const seriesKey = (phase: string, figure: PhaseFigure): string => `${phase}\0${figure}`

const recordOf = (series: PhaseSeries): PhaseSeriesRecord => [
  series.workload,
  series.namespace,
  series.phase,
  series.figure,
  series.total,
  series.createdWall,
  series.heldUntil ?? null,
  series.heldAt,
]

const runRecords = ({ workload, namespace, runStart }: Workload): RunRecord[] =>
  runStart === undefined ? [] : [[workload, namespace, runStart]]
