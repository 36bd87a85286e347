/** Energy of groups whose names are still being looked up: it waits, and is booked when they are known. */
import type { Component, Consumer, Group } from '../model.ts'
import { EnergyTotal, microjoules, type Microjoules } from '../units.ts'
import { classRecord, type EnergyClass, type EnergyClasses } from './classes.ts'
import type { UnnamedRecord } from './record.ts'

interface Waiting {
  readonly consumer: Consumer
  readonly energyClass: EnergyClass
  amount: number
}

export class Unnamed {
  readonly #groups = new Map<Group, Waiting[]>()

  wait(consumer: Consumer, energyClass: EnergyClass, amount: Microjoules): void {
    let waiting = this.#groups.get(consumer.group)
    if (waiting === undefined) {
      waiting = []
      this.#groups.set(consumer.group, waiting)
    }
    const known = waiting.find((one) => one.consumer === consumer && one.energyClass === energyClass)
    if (known === undefined) waiting.push({ consumer, energyClass, amount })
    else known.amount += amount
  }

  get groups(): readonly Group[] {
    return Array.from(this.#groups.keys())
  }

  /** Hands out what waits for a group; it waits no longer. */
  take(group: Group): readonly (readonly [Consumer, EnergyClass, Microjoules])[] {
    const waiting = this.#groups.get(group) ?? []
    this.#groups.delete(group)
    return waiting.map(({ consumer, energyClass, amount }) => [consumer, energyClass, microjoules(amount)])
  }

  total(component: Component): EnergyTotal {
    const sum = new EnergyTotal()
    for (const { energyClass, amount } of Array.from(this.#groups.values()).flat()) {
      if (energyClass.component === component) sum.add(microjoules(amount))
    }
    return sum
  }

  records(): readonly UnnamedRecord[] {
    return Array.from(this.#groups, ([{ path, identity }, waiting]) => {
      const sums = new Map<EnergyClass, number>()
      for (const { energyClass, amount } of waiting) {
        sums.set(energyClass, (sums.get(energyClass) ?? 0) + amount)
      }
      const energies = Array.from(sums, ([energyClass, sum]) => [classRecord(energyClass), sum] as const)
      return { path, identity, energies }
    })
  }

  /** In place of all that waits. Whose it was within the group is no longer known: it counts as of one that has exited. */
  restore(records: readonly UnnamedRecord[], classes: EnergyClasses): void {
    this.#groups.clear()
    for (const { path, identity, energies } of records) {
      const consumer = { kind: 'exited', group: { path, identity } } as const
      for (const [record, amount] of energies) {
        this.wait(consumer, classes.fromRecord(record), microjoules(amount))
      }
    }
  }
}
