/** One object for each set of names, for as long as somebody is called so: accounts are found by it. */
import type { Names } from '../model.ts'

export class NamesPool {
  readonly #names = new Map<string, WeakRef<Names>>()

  /** The object that holds the same. */
  of(names: Names): Names {
    const { facts, container, livesWith } = names
    const key = JSON.stringify([Object.values(facts), Object.values(container), livesWith])
    const known = this.#names.get(key)?.deref()
    if (known !== undefined) return known
    this.#names.set(key, new WeakRef(names))
    return names
  }

  /** Forgets those that nobody is called any more. */
  sweep(): void {
    for (const [key, names] of this.#names) if (names.deref() === undefined) this.#names.delete(key)
  }
}
