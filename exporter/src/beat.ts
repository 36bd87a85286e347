/**
 * Calls at a steady beat, one call at a time: what a long call runs over is left out, and the beat does not shift.
 * Between two beats it may be asked for a call at once, a few times a second.
 */
import { seconds, type Seconds } from './units.ts'
import type { Clock } from './world.ts'

/** In any second. */
const MOST_CUTS_PER_SECOND = 4

export class Beat {
  readonly #call: () => Promise<void>
  readonly #clock: Pick<Clock, 'now'>
  #period: Seconds
  #due: Seconds
  #timer: NodeJS.Timeout | undefined
  #isStopped = false
  /** When the newest calls out of turn were made, oldest first. */
  #cuts: readonly Seconds[] = []
  /** Asked for while a call was under way. */
  #mustCut = false

  /** @param call must not reject */
  constructor(call: () => Promise<void>, clock: Pick<Clock, 'now'>, period: Seconds) {
    this.#call = call
    this.#clock = clock
    this.#period = period
    this.#due = clock.now()
  }

  /** The first call is made at once. */
  async start(): Promise<void> {
    await this.#call()
    this.#schedule()
  }

  /** Takes effect at once, also on a call that is already due later. */
  change(period: Seconds): void {
    this.#period = period
    if (this.#timer === undefined) return // a call is under way
    clearTimeout(this.#timer)
    this.#schedule()
  }

  /** Makes a call out of turn, now or as soon as the one under way has ended; too many in a second are left out. */
  cut(): void {
    if (this.#timer === undefined) {
      this.#mustCut = true
      return
    }
    const now = this.#clock.now()
    const recent = this.#cuts.filter((at) => now - at < 1)
    if (this.#isStopped || recent.length >= MOST_CUTS_PER_SECOND) return
    this.#cuts = [...recent, now]
    clearTimeout(this.#timer)
    void this.#beat(this.#due)
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    this.#timer = undefined
    if (this.#isStopped) return
    const now = this.#clock.now()
    const beats = Math.max(1, Math.ceil((now - this.#due) / this.#period))
    const next = seconds(this.#due + beats * this.#period)
    this.#timer = setTimeout(() => void this.#beat(next), Math.max(0, (next - now) * 1000))
    if (!this.#mustCut) return
    this.#mustCut = false
    this.cut()
  }

  async #beat(due: Seconds): Promise<void> {
    this.#timer = undefined
    this.#due = due
    await this.#call()
    this.#schedule()
  }
}
