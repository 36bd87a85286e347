/** What kind of energy a joule is, apart from whose: the labels that every ledger family ends with. */
import type { Component, Method, Part } from '../model.ts'
import type { ClassRecord } from './record.ts'

export interface EnergyClass {
  /** Small and stable while the exporter runs: totals are kept in arrays by it. */
  readonly index: number
  readonly component: Component
  readonly part: Part
  /** Empty in a view that does not tell methods apart. */
  readonly method: Method | ''
}

/** One object per class, so that classes can be compared and used as indices. */
export class EnergyClasses {
  readonly all: EnergyClass[] = []
  readonly #byKey = new Map<string, EnergyClass>()

  of(component: Component, part: Part, method: EnergyClass['method']): EnergyClass {
    const key = `${component}\0${part}\0${method}`
    let found = this.#byKey.get(key)
    if (found === undefined) {
      found = { index: this.all.length, component, part, method }
      this.all.push(found)
      this.#byKey.set(key, found)
    }
    return found
  }

  fromRecord([component, part, method]: ClassRecord): EnergyClass {
    return this.of(component as Component, part as Part, method as EnergyClass['method'])
  }
}

export const classRecord = ({ component, part, method }: EnergyClass): ClassRecord => [
  component,
  part,
  method,
]

/** The part that a component's active energy belongs to. */
export function activePartOf(component: Component): Part {
  switch (component) {
    case 'accelerator':
      return 'accelerator'
    case 'cpu':
    case 'memory':
    case 'board':
      return 'host'
    case 'cooling':
    case 'power':
    case 'network':
      return 'overhead'
  }
}
