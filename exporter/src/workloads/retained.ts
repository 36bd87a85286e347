/**
 * What was counted for the rules of a configuration. A rule that was taken out, by mistake perhaps, and comes back goes
 * on where it was.
 */

/** Those beyond are forgotten, the longest retired first. */
const MOST_RETIRED = 32

export class Retained<Identity, Held extends { readonly identity: Identity }> {
  readonly #keyOf: (identity: Identity) => string
  readonly #make: (identity: Identity) => Held
  /** The one claimed last is at the end. */
  readonly #held = new Map<string, Held>()

  constructor(keyOf: (identity: Identity) => string, make: (identity: Identity) => Held) {
    this.#keyOf = keyOf
    this.#make = make
  }

  claim(identity: Identity): Held {
    const key = this.#keyOf(identity)
    const held = this.#held.get(key) ?? this.#make(identity)
    this.#held.delete(key)
    this.#held.set(key, held)
    return held
  }

  /** @param inForce how many were claimed last and stay */
  forget(inForce: number): void {
    let surplus = this.#held.size - inForce - MOST_RETIRED
    for (const key of this.#held.keys()) {
      if (surplus <= 0) return
      this.#held.delete(key)
      surplus -= 1
    }
  }

  replace(all: readonly Held[]): void {
    this.#held.clear()
    for (const held of all) this.#held.set(this.#keyOf(held.identity), held)
  }

  values(): Iterable<Held> {
    return this.#held.values()
  }
}
