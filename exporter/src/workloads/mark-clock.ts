/**
 * When a mark happened, by our clock, from what its sender's clock says. The two clocks may differ by any amount; how
 * much, the line with the shortest way tells: what comes later than that was under way for longer.
 */
import { seconds, type Seconds } from '../units.ts'

/** A line that was under way for longer says that the sender's clock was set. */
const LONGEST_WAY_SECONDS = 10

export class MarkClock {
  /** Arrival less the sender's time, of the line with the shortest way. */
  #offset: number | undefined
  #newest = -Infinity

  /**
   * @param arrival monotonic
   * @param clientWall undefined: the sender does not say, and it happened when it arrived
   * @returns monotonic; never after the arrival, never before the line before
   */
  timeOf(arrival: Seconds, clientWall: Seconds | undefined): Seconds {
    const happened = clientWall === undefined ? arrival : this.#ours(arrival, clientWall)
    const at = Math.min(arrival, Math.max(happened, this.#newest))
    this.#newest = at
    return seconds(at)
  }

  #ours(arrival: Seconds, clientWall: Seconds): number {
    const offset = arrival - clientWall
    if (this.#offset === undefined || offset < this.#offset || offset - this.#offset > LONGEST_WAY_SECONDS) {
      this.#offset = offset
    }
    return clientWall + this.#offset
  }
}
