/** Counters only go up: remembers every one from page to page. */
import type { Families } from './page-text.ts'

export class CounterWatch {
  readonly #last = new Map<string, number>()

  /** @returns the counters of the exporter that stand lower than on the page before; a series may come and go */
  fallen(families: Families): string[] {
    const fallen: string[] = []
    for (const [name, series] of families) {
      if (!name.startsWith('wattribute_') || !name.endsWith('_total')) continue
      for (const { labels, value } of series) {
        const key = `${name}${JSON.stringify(labels)}`
        const before = this.#last.get(key) ?? 0
        if (Number(value) < before) fallen.push(`${key} fell from ${before} to ${value}`)
        this.#last.set(key, Number(value))
      }
    }
    return fallen
  }
}
