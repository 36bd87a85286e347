/** Energy of groups whose names are still being looked up: it waits, and is booked when they are known. */
import type { Component, Consumer, Group } from '../model.ts'
import { EnergyTotal, microjoules, type Microjoules } from '../units.ts'
import { classRecord, type EnergyClass, type EnergyClasses } from './classes.ts'
import type { UnnamedRecord } from './record.ts'

/** What kind of energy, and of which accelerator, by its UUID. */
export interface Energy {
  readonly energyClass: EnergyClass
  readonly uuid: string | undefined
}

export interface Waiting {
  readonly consumer: Consumer
  readonly energy: Energy
  /** Microjoules. */
  amount: number
}

export class Unnamed {
  readonly #groups = new Map<Group, Waiting[]>()

  wait(consumer: Consumer, energy: Energy, amount: Microjoules): void {
    let waiting = this.#groups.get(consumer.group)
    if (waiting === undefined) {
      waiting = []
      this.#groups.set(consumer.group, waiting)
    }
    const known = waiting.find((one) => one.consumer === consumer && isSame(one.energy, energy))
    if (known === undefined) waiting.push({ consumer, energy, amount })
    else known.amount += amount
  }

  get groups(): readonly Group[] {
    return Array.from(this.#groups.keys())
  }

  /** Hands out what waits for a group; it waits no longer. */
  take(group: Group): readonly Waiting[] {
    const waiting = this.#groups.get(group) ?? []
    this.#groups.delete(group)
    return waiting
  }

  total(component: Component): EnergyTotal {
    const sum = new EnergyTotal()
    for (const { energy, amount } of Array.from(this.#groups.values()).flat()) {
      if (energy.energyClass.component === component) sum.add(microjoules(amount))
    }
    return sum
  }

  records(): readonly UnnamedRecord[] {
    return Array.from(this.#groups, ([{ path, identity }, waiting]) => {
      const sums: { energy: Energy; amount: number }[] = []
      for (const { energy, amount } of waiting) {
        const known = sums.find((one) => isSame(one.energy, energy))
        if (known === undefined) sums.push({ energy, amount })
        else known.amount += amount
      }
      const energies = sums.map(
        ({ energy: { energyClass, uuid }, amount }) =>
          [classRecord(energyClass), amount, uuid ?? ''] as const,
      )
      return { path, identity, energies }
    })
  }

  /** In place of all that waits. Whose it was within the group is no longer known: it counts as of one that has exited. */
  restore(records: readonly UnnamedRecord[], classes: EnergyClasses): void {
    this.#groups.clear()
    for (const { path, identity, energies } of records) {
      const consumer = { kind: 'exited', group: { path, identity } } as const
      for (const [record, amount, uuid] of energies) {
        const energy = { energyClass: classes.fromRecord(record), uuid: uuid === '' ? undefined : uuid }
        this.wait(consumer, energy, microjoules(amount))
      }
    }
  }
}

const isSame = (one: Energy, other: Energy): boolean =>
  one.energyClass === other.energyClass && one.uuid === other.uuid
