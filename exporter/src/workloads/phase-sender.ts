/** What one sender is doing, from its marks: which phase at which time, and what it has reported of it. */
import { seconds, type Seconds } from '../units.ts'
import type { Claim, PhaseChange, TimedMark } from './marks.ts'
import { UNKNOWN_PHASE } from './phase-names.ts'
import { ReportInterval } from './phase-reports.ts'

/** Without another line for so long, nobody knows what it is doing. */
export const LEASE_SECONDS = 600
/** Changes of phase in one tick; with more of them the newest counts from where the last one was. */
const MOST_EDGES = 256
/** Phases inside phases; those further inside count as the innermost of these. */
const MOST_OPEN = 16

/** Time in one phase. Empty: in none. */
export interface Segment {
  readonly from: Seconds
  readonly to: Seconds
  readonly phase: string
}

/** Time in one phase, of which a report may tell more than the marks. */
export interface Stretch extends Segment {
  /** The report that is awaited, or has come. */
  readonly interval: ReportInterval | undefined
}

/** What a sender has counted, until its workload's books take it. */
export interface Done {
  readonly phase: string
  steps: number
  samples: number
}

/** Plain JSON. */
export interface SenderRecord {
  readonly who: Claim
  /** From the outermost to the innermost. */
  readonly open: readonly string[]
  readonly lease: number
  readonly isForProcessOnly: boolean
}

export class PhaseSender {
  readonly who: Claim
  /** Of the newest change. */
  changedAt: Seconds
  isForProcessOnly = false
  /** Of the newest run that it has begun and nobody has taken down. */
  runStart: Seconds | undefined
  /** What it says has changed since it was last kept. */
  isUnkept = false
  #lease = LEASE_SECONDS
  #leaseEnd: number
  #open: readonly string[] = []
  /** The phase at the beginning of what is not told yet, and how it changes from there. */
  #start = ''
  #edges: { readonly at: Seconds; phase: string }[] = []
  #newest: Seconds
  #reports = new Map<string, number>()
  #reportedTo: Seconds | undefined
  #interval: ReportInterval | undefined
  #done: Done[] = []

  constructor(who: Claim, at: Seconds) {
    this.who = who
    this.changedAt = at
    this.#newest = at
    this.#leaseEnd = at + LEASE_SECONDS
  }

  /** One that an earlier run knew goes on in its phase, with its full lease. */
  static fromRecord({ who, open, lease, isForProcessOnly }: SenderRecord, at: Seconds): PhaseSender {
    const sender = new PhaseSender(who, at)
    sender.#open = open
    sender.#start = open.at(-1) ?? ''
    sender.#lease = lease
    sender.#leaseEnd = at + lease
    sender.isForProcessOnly = isForProcessOnly
    return sender
  }

  record(): SenderRecord {
    const { who, isForProcessOnly } = this
    return { who, open: this.#open, lease: this.#lease, isForProcessOnly }
  }

  get hasOpenPhase(): boolean {
    return this.#open.length > 0
  }

  /** A job may be spoken for before it is there: the scheduler's prolog runs first. */
  get mayStillCome(): boolean {
    const isUnknown = this.#open.at(-1) === UNKNOWN_PHASE
    return this.who.kind !== 'process' && (this.hasOpenPhase || this.runStart !== undefined) && !isUnknown
  }

  take(mark: TimedMark): void {
    const at = seconds(Math.max(mark.at, this.#newest))
    this.#newest = at
    this.#endLease(at)
    if (mark.change !== undefined) this.#change(mark.change, mark, at)
    if (mark.lease !== undefined) this.#lease = mark.lease
    this.#leaseEnd = at + this.#lease
    if (mark.isRunStart) this.runStart = at
    if (mark.report !== undefined) this.#report(mark.report, at)
    if (mark.steps > 0 || mark.samples > 0) {
      this.#count(mark.report?.phase ?? this.#open.at(-1) ?? '', mark.steps, mark.samples)
    }
  }

  /**
   * Tells what it did in a tick; each tick is told once.
   * @returns stretches that cover the tick without a gap, and the reports' intervals that have ended in it
   */
  advance(from: Seconds, to: Seconds): { stretches: readonly Stretch[]; ended: readonly ReportInterval[] } {
    this.#endLease(to)
    const segments = this.#segments(from, to)
    const ended: ReportInterval[] = []
    let reportedTo = from
    let before = this.#interval
    if (this.#reportedTo !== undefined) {
      reportedTo = seconds(Math.min(Math.max(this.#reportedTo, from), to))
      before ??= new ReportInterval(from)
      this.#interval = new ReportInterval(reportedTo)
    }
    const stretches = [
      ...stretchesOf(segments, from, reportedTo, before),
      ...stretchesOf(segments, reportedTo, to, this.#interval),
    ]
    if (this.#reportedTo !== undefined && before !== undefined) {
      before.end(reportedTo, this.#reports)
      ended.push(before)
      this.#reports = new Map()
      this.#reportedTo = undefined
    } else if (this.#interval?.isOverdue(to) === true) {
      this.#interval.end(to, new Map())
      ended.push(this.#interval)
      this.#interval = undefined
    }
    this.#newest = seconds(Math.max(this.#newest, to))
    return { stretches, ended }
  }

  /** It is gone: what it would have reported will not come. */
  leave(at: Seconds): readonly ReportInterval[] {
    const interval = this.#interval
    this.#interval = undefined
    interval?.end(at, this.#reports)
    return interval === undefined ? [] : [interval]
  }

  takeDone(): readonly Done[] {
    const done = this.#done
    this.#done = []
    return done
  }

  #change(change: PhaseChange, { isForProcessOnly }: TimedMark, at: Seconds): void {
    const before = this.#open.at(-1) ?? ''
    this.#open = openAfter(this.#open, change)
    this.isForProcessOnly = isForProcessOnly
    this.isUnkept = true
    this.#turn(before, at)
  }

  #turn(before: string, at: Seconds): void {
    const phase = this.#open.at(-1) ?? ''
    if (phase === before) return
    this.changedAt = at
    const last = this.#edges.at(-1)
    if (this.#edges.length >= MOST_EDGES && last !== undefined) last.phase = phase
    else this.#edges.push({ at, phase })
  }

  #endLease(now: Seconds): void {
    const before = this.#open.at(-1) ?? ''
    if (now < this.#leaseEnd || before === '' || before === UNKNOWN_PHASE) return
    this.#open = [UNKNOWN_PHASE]
    this.isUnkept = true
    this.#turn(before, seconds(this.#leaseEnd))
  }

  #report({ phase, duration }: NonNullable<TimedMark['report']>, at: Seconds): void {
    this.#reports.set(phase, (this.#reports.get(phase) ?? 0) + duration)
    this.#reportedTo = at
  }

  #count(phase: string, steps: number, samples: number): void {
    const known = this.#done.find((one) => one.phase === phase)
    if (known === undefined) {
      this.#done.push({ phase, steps, samples })
      return
    }
    known.steps += steps
    known.samples += samples
  }

  /** What lies behind the end stays for the next tick: it came in while this one was made. */
  #segments(from: Seconds, to: Seconds): readonly Segment[] {
    const segments: Segment[] = []
    let begun = from
    for (const { at, phase } of this.#edges) {
      if (at > to) break
      if (at > begun) {
        segments.push({ from: begun, to: at, phase: this.#start })
        begun = at
      }
      this.#start = phase
    }
    this.#edges = this.#edges.filter(({ at }) => at > to)
    segments.push({ from: begun, to, phase: this.#start })
    return segments
  }
}

function openAfter(open: readonly string[], change: PhaseChange): readonly string[] {
  switch (change.kind) {
    case 'set':
      return [change.phase]
    case 'begin':
      return open.length < MOST_OPEN ? [...open, change.phase] : open
    case 'end': {
      if (change.phase === undefined) return open.slice(0, -1)
      const index = open.lastIndexOf(change.phase)
      return index < 0 ? open : open.slice(0, index) // the line that began it was lost
    }
    case 'clear':
      return []
  }
}

function stretchesOf(
  segments: readonly Segment[],
  from: Seconds,
  to: Seconds,
  interval: ReportInterval | undefined,
): Stretch[] {
  return segments.flatMap((segment) => {
    const begun = Math.max(segment.from, from)
    const ended = Math.min(segment.to, to)
    if (ended <= begun) return []
    const stretch = { from: seconds(begun), to: seconds(ended), phase: segment.phase, interval }
    interval?.see(stretch)
    return [stretch]
  })
}
