/**
 * By what a domain's energy is split: the weights gathered since its own last booking, so that a slow domain, or one
 * that missed ticks, is still split by what happened over exactly its interval.
 */
import type { Consumer, Reason } from '../model.ts'

/** Energy goes to somebody, or stays unattributed for a reason. */
export type Recipient = Consumer | Reason

export interface Weight {
  readonly to: Recipient
  /** Any unit, above zero; weights of one list are compared with each other only. */
  readonly weight: number
}

export class Weights {
  readonly #waiting = new Map<string, Map<Recipient, number>>()

  /** The domain was not read in this tick: what happened is kept for its next reading. */
  keep(domain: string, weights: readonly Weight[]): void {
    let waiting = this.#waiting.get(domain)
    if (waiting === undefined) {
      waiting = new Map()
      this.#waiting.set(domain, waiting)
    }
    addTo(waiting, weights)
  }

  /** True when the domain's next booking covers more than this tick. */
  isBehind(domain: string): boolean {
    return this.#waiting.has(domain)
  }

  /** All since the last booking, this tick included; the domain starts afresh. */
  take(domain: string, weights: readonly Weight[]): readonly Weight[] {
    const waiting = this.#waiting.get(domain)
    if (waiting === undefined) return weights
    this.#waiting.delete(domain)
    addTo(waiting, weights)
    return Array.from(waiting, ([to, weight]) => ({ to, weight }))
  }

  /** Forgets domains that are gone. */
  retain(domains: ReadonlySet<string>): void {
    for (const domain of this.#waiting.keys()) if (!domains.has(domain)) this.#waiting.delete(domain)
  }
}

function addTo(sums: Map<Recipient, number>, weights: readonly Weight[]): void {
  for (const { to, weight } of weights) sums.set(to, (sums.get(to) ?? 0) + weight)
}
