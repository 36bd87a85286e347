/**
 * Meters that are read less often than the exporter ticks, or were gone for a while: what a reading brings was spent
 * since the reading before. What comes first of a meter was spent in its own span.
 */
import type { WallSpan } from '../model.ts'
import { elapsed, seconds } from '../units.ts'
import { isOneTick } from './time-split.ts'

/** A slow meter is silent for less; one that is longer was not observed meanwhile. */
const LONGEST_SECONDS = 600

export class MeterSilence {
  /** From the last reading to the start of the present span; undefined before the first reading. */
  seconds: number | undefined

  /** @returns the stretch in which a reading's energy was spent, and whether it counts as observed */
  broken(span: WallSpan): { readonly span: WallSpan; readonly isObserved: boolean } {
    const silent = this.seconds ?? 0
    this.seconds = 0
    return {
      span: { from: seconds(span.from - silent), to: span.to },
      isObserved: silent <= LONGEST_SECONDS && isOneTick(span),
    }
  }

  goesOn({ from, to }: WallSpan): void {
    if (this.seconds !== undefined) this.seconds += Math.max(0, elapsed(from, to))
  }
}
