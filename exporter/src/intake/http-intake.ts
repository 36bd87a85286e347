/** Marks and counts that come over HTTP, from those who hold a token and may speak for anybody on this machine. */
import type { Clock } from '../world.ts'
import { LineError, parseMarkLine } from '../workloads/mark-grammar.ts'
import type { Claim } from '../workloads/marks.ts'
import { BodyError, marksIn, queriesIn, type NamedConsumer } from './http-bodies.ts'
import type { IntakeCounts } from './intake-counts.ts'
import type { Outbox } from './outbox.ts'
import type { Processes } from './processes.ts'
import { Speaker } from './speaker.ts'
import type { Holder } from './tokens.ts'
import { MOST_LINES_PER_SECOND, MOST_MODELS, type UserLimits } from './user-limits.ts'

export interface HttpAnswer {
  readonly status: number
  /** Empty where there is nothing to say. */
  readonly sentence: string
}

const TAKEN: HttpAnswer = { status: 204, sentence: '' }

export interface HttpIntakeOptions {
  readonly processes: Processes
  readonly limits: UserLimits
  readonly outbox: Outbox
  readonly clock: Pick<Clock, 'now'>
  readonly counts: IntakeCounts
}

export class HttpIntake {
  readonly #options: HttpIntakeOptions

  constructor(options: HttpIntakeOptions) {
    this.#options = options
  }

  /** All lines are taken, or none. */
  marks({ id }: Holder, body: unknown): HttpAnswer {
    return this.#attempt(() => {
      const { consumer, lines } = marksIn(body)
      lines.forEach(checkLine)
      const who = this.#claimOf(consumer)
      const tooMany = this.#tooMany(id, lines.length)
      if (who === undefined || tooMany !== undefined) return tooMany ?? this.#unknown(consumer)
      const { limits, outbox, clock, counts } = this.#options
      const speaker = new Speaker({ uid: id, limits, outbox, claimOf: () => who })
      const now = clock.now()
      let remark = ''
      for (const line of lines) {
        const outcome = speaker.take(line, now)
        if (outcome.kind === 'refused') return this.#refused(outcome.reason, 429, outcome.sentence)
        if (outcome.kind === 'taken') remark ||= outcome.remark
      }
      counts.linesTaken('http', lines.length)
      return remark === '' ? TAKEN : { status: 200, sentence: remark }
    })
  }

  queries({ id }: Holder, body: unknown): HttpAnswer {
    return this.#attempt(() => {
      const { consumer, counts: lines } = queriesIn(body)
      const who = this.#claimOf(consumer)
      const tooMany = this.#tooMany(id, lines.length)
      if (who === undefined || tooMany !== undefined) return tooMany ?? this.#unknown(consumer)
      const { limits, outbox, clock, counts } = this.#options
      const now = clock.now()
      if (!lines.every(({ model }) => limits.admitsModel(id, model, now))) {
        return this.#refused('limit', 429, `more than ${MOST_MODELS} models in an hour`)
      }
      for (const line of lines) outbox.counts(who, line)
      counts.linesTaken('http', lines.length)
      return TAKEN
    })
  }

  #attempt(take: () => HttpAnswer): HttpAnswer {
    try {
      return take()
    } catch (cause) {
      if (!(cause instanceof BodyError)) throw cause
      return this.#refused('syntax', 400, cause.message)
    }
  }

  #claimOf(consumer: NamedConsumer): Claim | undefined {
    return consumer.kind === 'pid' ? this.#options.processes.see(consumer.pid)?.claim : consumer
  }

  #unknown(consumer: NamedConsumer): HttpAnswer {
    const pid = consumer.kind === 'pid' ? consumer.pid : 0
    return this.#refused('permission', 404, `there is no process ${pid} that can be seen here`)
  }

  #tooMany(id: number, lines: number): HttpAnswer | undefined {
    const { limits, clock } = this.#options
    if (limits.lines(id, lines, clock.now()) === lines) return undefined
    return this.#refused('rate', 429, `more than ${MOST_LINES_PER_SECOND} lines a second`)
  }

  #refused(
    reason: Parameters<IntakeCounts['linesRefused']>[1],
    status: number,
    sentence: string,
  ): HttpAnswer {
    this.#options.counts.linesRefused('http', reason, 1)
    return { status, sentence }
  }
}

/** @throws BodyError */
function checkLine(text: string, index: number): void {
  try {
    const line = parseMarkLine(text)
    if (line?.pid !== undefined)
      throw new LineError('pid= is for the socket: name the process beside the lines')
  } catch (cause) {
    if (!(cause instanceof LineError)) throw cause
    throw new BodyError(`lines.${index}: ${cause.message}`, { cause })
  }
}
