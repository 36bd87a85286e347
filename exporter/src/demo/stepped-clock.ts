/** Time that goes on only when it is told to. */
import { seconds, type Seconds } from '../units.ts'
import type { Clock } from '../world.ts'

export class SteppedClock implements Clock {
  readonly #wallAtZero: number
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>()
  #now = 0

  constructor(wallAtZero: number) {
    this.#wallAtZero = wallAtZero
  }

  now(): Seconds {
    return seconds(this.#now)
  }

  wall(): Seconds {
    return seconds(this.#wallAtZero + this.#now)
  }

  after(delay: Seconds, run: () => void): () => void {
    const timer = { at: this.#now + delay, run }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** What falls due meanwhile runs at the end: devices are asked no more often than the machine is looked at. */
  advanceTo(now: number): void {
    this.#now = now
    for (const timer of Array.from(this.#timers)) {
      if (timer.at > now) continue
      this.#timers.delete(timer)
      timer.run()
    }
  }
}
