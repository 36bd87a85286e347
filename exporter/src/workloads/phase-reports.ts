/**
 * What a process reports of the time since its report before: how long it forwarded, how long it went back. Until the
 * report has come, nobody knows what the energy of that time was for.
 */
import { elapsed, seconds, type Seconds } from '../units.ts'

/** So long a report is waited for. */
export const REPORT_PATIENCE_SECONDS = 10

export class ReportInterval {
  readonly #from: Seconds
  /** Seconds in each phase, as marks tell. */
  readonly #marked = new Map<string, number>()
  #reported: ReadonlyMap<string, number> | undefined
  #duration = seconds(0)

  constructor(from: Seconds) {
    this.#from = from
  }

  see({ phase, from, to }: { readonly phase: string; readonly from: Seconds; readonly to: Seconds }): void {
    this.#marked.set(phase, (this.#marked.get(phase) ?? 0) + (to - from))
  }

  isOverdue(now: Seconds): boolean {
    return now - this.#from >= REPORT_PATIENCE_SECONDS
  }

  /**
   * @param durations seconds by phase. More than the interval has is what happened at the same time, or before it:
   * each phase has its part of the interval then.
   */
  end(at: Seconds, durations: ReadonlyMap<string, number>): void {
    this.#duration = elapsed(this.#from, at)
    let sum = 0
    for (const duration of durations.values()) sum += duration
    const scale = sum > this.#duration ? this.#duration / sum : 1
    this.#reported = new Map(Array.from(durations, ([phase, duration]) => [phase, duration * scale]))
  }

  /** Which part of its time went to each reported phase, at most 1 together; undefined while the report is awaited. */
  get ratios(): ReadonlyMap<string, number> | undefined {
    if (this.#reported === undefined) return undefined
    const duration = this.#duration
    if (duration <= 0) return new Map()
    return new Map(Array.from(this.#reported, ([phase, time]) => [phase, time / duration]))
  }

  /** Seconds by reported phase; nothing before it has ended. */
  get reportedSeconds(): ReadonlyMap<string, number> {
    return this.#reported ?? new Map()
  }

  /** Seconds by marked phase, less what was reported of them. */
  get restSeconds(): ReadonlyMap<string, number> {
    let reported = 0
    for (const time of this.reportedSeconds.values()) reported += time
    const rest = this.#duration <= 0 ? 0 : Math.max(0, 1 - reported / this.#duration)
    return new Map(Array.from(this.#marked, ([phase, time]) => [phase, time * rest]))
  }
}
