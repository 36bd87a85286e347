/** Calls at a steady beat, one call at a time: what a long call runs over is left out, and the beat does not shift. */
import { seconds, type Seconds } from './units.ts'
import type { Clock } from './world.ts'

export class Beat {
  readonly #call: () => Promise<void>
  readonly #clock: Pick<Clock, 'now'>
  #period: Seconds
  #due: Seconds
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

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
  }

  async #beat(due: Seconds): Promise<void> {
    this.#timer = undefined
    this.#due = due
    await this.#call()
    this.#schedule()
  }
}
