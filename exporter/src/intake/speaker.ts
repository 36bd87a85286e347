/** One sender: takes its lines, says why it does not take one, and hands on the others. */
import type { Seconds } from '../units.ts'
import { MarkClock } from '../workloads/mark-clock.ts'
import { LineError, parseMarkLine, type MarkLine } from '../workloads/mark-grammar.ts'
import type { Claim, Mark } from '../workloads/marks.ts'
import { OTHER_PHASE } from '../workloads/phase-names.ts'
import type { RefusalReason } from './intake-counts.ts'
import type { Outbox } from './outbox.ts'
import { Refusal } from './processes.ts'
import { MOST_MODELS, type UserLimits } from './user-limits.ts'

export type Outcome =
  | { readonly kind: 'taken'; readonly wantsAnswer: boolean; readonly remark: string }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly sentence: string }

export interface SpeakerOptions {
  /** Whose limits count. */
  readonly uid: number
  readonly limits: UserLimits
  readonly outbox: Outbox
  /** @param pid what the line names; undefined: nobody */
  readonly claimOf: (pid: number | undefined) => Claim | Refusal
}

export class Speaker {
  readonly #options: SpeakerOptions
  readonly #clock = new MarkClock()

  constructor(options: SpeakerOptions) {
    this.#options = options
  }

  /** @param arrival monotonic */
  take(text: string, arrival: Seconds): Outcome {
    let line: MarkLine | undefined
    try {
      line = parseMarkLine(text)
    } catch (cause) {
      if (!(cause instanceof LineError)) throw cause
      return { kind: 'refused', reason: 'syntax', sentence: cause.message }
    }
    if (line === undefined) return { kind: 'nothing' }
    return this.#obey(line, arrival)
  }

  #obey({ pid, clientWall, mark, counts, wantsAnswer }: MarkLine, arrival: Seconds): Outcome {
    const { limits, outbox, uid, claimOf } = this.#options
    if (mark === undefined && counts === undefined) return { kind: 'taken', wantsAnswer, remark: '' }
    const who = claimOf(pid)
    if (who instanceof Refusal) return { kind: 'refused', reason: 'permission', sentence: who.reason }
    let remark = ''
    if (mark !== undefined) {
      const admitted = this.#admitted(mark, arrival)
      if (admitted !== mark) remark = 'more than 16 phases of your own in an hour: this one counts as other'
      outbox.mark(who, { ...admitted, at: this.#clock.timeOf(arrival, clientWall) })
    }
    if (counts !== undefined) {
      if (!limits.admitsModel(uid, counts.model, arrival)) {
        const sentence = `more than ${MOST_MODELS} models in an hour`
        return { kind: 'refused', reason: 'limit', sentence }
      }
      outbox.counts(who, counts)
    }
    return { kind: 'taken', wantsAnswer, remark }
  }

  /** @returns the mark itself, or one whose phase is `other` */
  #admitted(mark: Mark, now: Seconds): Mark {
    const { limits, uid } = this.#options
    const { change, report } = mark
    if (report !== undefined && !limits.admitsPhase(uid, report.phase, now)) {
      return { ...mark, report: { ...report, phase: OTHER_PHASE } }
    }
    if ((change?.kind === 'set' || change?.kind === 'begin') && !limits.admitsPhase(uid, change.phase, now)) {
      return { ...mark, change: { ...change, phase: OTHER_PHASE } }
    }
    return mark
  }
}
