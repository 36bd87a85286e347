/** Energy whose account is not decided yet: it waits, and is booked when it is. */
import type { Component, Consumer, Group, Names } from '../model.ts'
import { EnergyTotal, microjoules, type Microjoules } from '../units.ts'
import { classRecord, type EnergyClass, type EnergyClasses } from './classes.ts'
import type { UnnamedRecord } from './record.ts'

/** What kind of energy, and of which accelerator, by its UUID. */
export interface Energy {
  readonly energyClass: EnergyClass
  readonly uuid: string | undefined
}

interface Amount {
  readonly energy: Energy
  /** Microjoules. */
  amount: number
}

/** One consumer's energy. */
export interface Waiting {
  readonly consumer: Consumer
  readonly amounts: readonly Readonly<Amount>[]
  /** Under what it is booked if nothing more is heard. */
  readonly otherwise: Names | undefined
  /** Nobody is left who could say more. */
  readonly isOver: boolean
}

interface Entry extends Waiting {
  readonly amounts: Amount[]
  otherwise: Names | undefined
}

export class Unnamed {
  readonly #entries = new Map<Consumer, Entry>()

  wait(consumer: Consumer, energy: Energy, amount: Microjoules, otherwise?: Names): void {
    const entry = this.#entry(consumer, false)
    entry.otherwise = otherwise ?? entry.otherwise
    add(entry.amounts, energy, amount)
  }

  /** All who wait. */
  get waiting(): readonly Waiting[] {
    return Array.from(this.#entries.values())
  }

  /** Takes them out: they wait no longer. */
  settle({ consumer }: Waiting): void {
    this.#entries.delete(consumer)
  }

  total(component: Component): EnergyTotal {
    const sum = new EnergyTotal()
    for (const { amounts } of this.#entries.values()) {
      for (const { energy, amount } of amounts) {
        if (energy.energyClass.component === component) sum.add(microjoules(amount))
      }
    }
    return sum
  }

  records(): readonly UnnamedRecord[] {
    const sums = new Map<Group, Map<Names | undefined, Amount[]>>()
    for (const { consumer, otherwise, amounts } of this.#entries.values()) {
      const ofGroup = getOrSet(sums, consumer.group, () => new Map<Names | undefined, Amount[]>())
      const all = getOrSet(ofGroup, otherwise, () => [])
      for (const { energy, amount } of amounts) add(all, energy, amount)
    }
    return Array.from(sums).flatMap(([{ path, identity }, byNames]) =>
      Array.from(byNames, ([otherwise, amounts]) => ({
        path,
        identity,
        ...(otherwise && { otherwise }),
        energies: amounts.map(
          ({ energy: { energyClass, uuid }, amount }) =>
            [classRecord(energyClass), amount, uuid ?? ''] as const,
        ),
      })),
    )
  }

  /**
   * In place of all that waits. Whose it was within the group is no longer known: it counts as of one that has exited,
   * and what was expected to be heard will not come any more.
   */
  restore(records: readonly UnnamedRecord[], classes: EnergyClasses): void {
    this.#entries.clear()
    for (const { path, identity, otherwise, energies } of records) {
      const consumer = { kind: 'exited', group: { path, identity } } as const
      const entry = this.#entry(consumer, otherwise !== undefined)
      entry.otherwise = otherwise
      for (const [record, amount, uuid] of energies) {
        const energy = { energyClass: classes.fromRecord(record), uuid: uuid === '' ? undefined : uuid }
        add(entry.amounts, energy, amount)
      }
    }
  }

  #entry(consumer: Consumer, isOver: boolean): Entry {
    return getOrSet(this.#entries, consumer, () => ({ consumer, amounts: [], otherwise: undefined, isOver }))
  }
}

function add(amounts: Amount[], energy: Energy, amount: number): void {
  const known = amounts.find((one) => isSame(one.energy, energy))
  if (known === undefined) amounts.push({ energy, amount })
  else known.amount += amount
}

function getOrSet<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

const isSame = (one: Energy, other: Energy): boolean =>
  one.energyClass === other.energyClass && one.uuid === other.uuid
