/**
 * Puts the domains of different sensors into one another: a meter that sees the whole machine contains what others
 * measure or model of it, and no energy is a root twice. What a sensor or the configuration places itself stays there.
 */
import type { Domain, Reading } from '../model.ts'
import { LOST_AFTER_SECONDS } from './sensor.ts'
import type { Seconds } from '../units.ts'

/** Where a domain is to be, whatever its sensor says: the id of another domain, or empty for a root. */
export type Placement = ReadonlyMap<string, string>

interface Encloser {
  readonly domain: Domain
  readonly seenAt: Seconds
}

export class Enclosure {
  #placement: Placement = new Map()
  /** Of a meter that keeps silent for a while the next reading covers that while, too. */
  readonly #enclosers = new Map<string, Encloser>()

  rearrange(placement: Placement): void {
    this.#placement = placement
  }

  place(
    domains: readonly Domain[],
    readings: readonly Reading[],
    at: Seconds,
  ): { readonly domains: readonly Domain[]; readonly readings: readonly Reading[] } {
    this.#see(domains, at)
    if (this.#enclosers.size === 0 && this.#placement.size === 0) return { domains, readings }
    const places = placesOf(
      domains,
      Array.from(this.#enclosers.values(), ({ domain }) => domain),
    )
    const placed = (domain: Domain): Domain => {
      const within = this.#placement.get(domain.id) ?? places.get(domain.id)
      return within === undefined || within === domain.within ? domain : { ...domain, within }
    }
    return {
      domains: domains.map(placed),
      readings: readings.map((reading) => ({ ...reading, domain: placed(reading.domain) })),
    }
  }

  #see(domains: readonly Domain[], at: Seconds): void {
    for (const domain of domains) {
      if (domain.encloses === undefined) this.#enclosers.delete(domain.id)
      else this.#enclosers.set(domain.id, { domain, seenAt: at })
    }
    for (const [id, { seenAt }] of this.#enclosers)
      if (at - seenAt > LOST_AFTER_SECONDS) this.#enclosers.delete(id)
  }
}

/** Only roots are placed, each in the innermost of those that enclose its component. */
function placesOf(domains: readonly Domain[], enclosers: readonly Domain[]): Map<string, string> {
  const encloses = (outer: Domain, inner: Domain): boolean =>
    outer.id !== inner.id && inner.within === '' && outer.encloses?.includes(inner.component) === true
  const isIn = (domain: Domain, encloser: Domain): boolean => {
    if (domain.within === encloser.id) return true
    // Of two that would enclose each other the first is the outer one.
    const isFirst = encloses(domain, encloser) && enclosers.indexOf(domain) < enclosers.indexOf(encloser)
    return encloses(encloser, domain) && !isFirst
  }
  const groups = new Map<string, { readonly around: readonly Domain[]; readonly ids: string[] }>()
  for (const domain of domains) {
    if (domain.within !== '') continue
    const all = enclosers.filter((encloser) => isIn(domain, encloser))
    const around = all.filter((encloser) => !all.some((other) => isIn(other, encloser)))
    if (around.length === 0) continue
    const key = [domain.component, ...around.map(({ id }) => id)].join('\0')
    const group = groups.get(key) ?? { around, ids: [] }
    group.ids.push(domain.id)
    groups.set(key, group)
  }
  const places = new Map<string, string>()
  for (const { around, ids } of groups.values()) {
    // Several of a kind beside each other, such as superchips: each has its part of the others, in order.
    ids.forEach((id, index) => {
      const encloser = around[Math.floor((index * around.length) / ids.length)]
      if (encloser !== undefined) places.set(id, encloser.id)
    })
  }
  return places
}
