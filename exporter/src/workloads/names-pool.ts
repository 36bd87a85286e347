/** One object for each set of names, for as long as it is used: accounts are found by it. */
import type { Names } from '../model.ts'
import type { Seconds } from '../units.ts'

const KEPT_SECONDS = 900

export class NamesPool {
  readonly #names = new Map<string, { readonly names: Names; usedAt: Seconds }>()

  /** The object that holds the same. */
  of(names: Names, at: Seconds): Names {
    const { facts, container, livesWith } = names
    const key = JSON.stringify([Object.values(facts), Object.values(container), livesWith])
    const known = this.#names.get(key)
    if (known !== undefined) {
      known.usedAt = at
      return known.names
    }
    this.#names.set(key, { names, usedAt: at })
    return names
  }

  get size(): number {
    return this.#names.size
  }

  /** Who comes back later gets an object of their own again, with the same labels. */
  sweep(at: Seconds): void {
    for (const [key, { usedAt }] of this.#names) if (at - usedAt >= KEPT_SECONDS) this.#names.delete(key)
  }
}
