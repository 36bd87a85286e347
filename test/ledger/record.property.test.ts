import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Ledger } from '../../exporter/src/ledger/ledger.ts'
import type { HolderState, LedgerChanges, LedgerState, ViewState } from '../../exporter/src/ledger/record.ts'
import { namingByPath } from '../../exporter/src/workloads/naming.ts'
import { EnergyTotal, seconds } from '../../exporter/src/units.ts'
import { imbalances } from './equations.ts'
import { machines, Play, policies, steps, Watch } from './random-machine.ts'

/** As it comes back from a file. */
const written = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

/** A state and the changes after it, as a journal keeps them. */
class Kept {
  #state: LedgerState
  #later: LedgerChanges[] = []

  constructor(ledger: Ledger) {
    this.#state = written(ledger.state())
  }

  keep(ledger: Ledger, asState: boolean): void {
    const { changes } = ledger.changes()
    if (asState) {
      this.#state = written(ledger.state())
      this.#later = []
    } else this.#later.push(written(changes))
  }

  restoreInto(ledger: Ledger): Ledger {
    ledger.restore(this.#state, this.#later, seconds(2e9), () => undefined)
    return ledger
  }
}

/** The order on a page is no part of the books. */
const sorted = (view: ViewState | undefined): unknown => ({
  ...view,
  ...(view && {
    holders: view.holders.map(inOrder).sort(byLabels),
    remembered: view.remembered.map(inOrder),
  }),
})

const inOrder = ({ labels, accounts }: HolderState): HolderState => ({
  labels,
  accounts: [...accounts].sort((one, other) => one.number - other.number),
})

const byLabels = (one: HolderState, other: HolderState): number =>
  String(one.labels) < String(other.labels) ? -1 : 1

/** What must be the same after a restart, and what waits for a ranking apart. */
const booksOf = (ledger: Ledger): unknown => {
  const { at, views, nesting, unnamed, facts } = ledger.state()
  const { workload, container, accelerator, unattributed } = views
  return {
    at,
    views: [workload, container, accelerator, unattributed].map(sorted),
    nesting,
    unnamed,
    facts,
    leafTotals: Array.from(ledger.leafTotals)
      .filter(([, total]) => !total.isZero)
      .map(([component, total]) => `${component} ${total.toString()}`)
      .sort(),
  }
}

const processTotal = (ledger: Ledger): string => {
  const shown = Array.from(ledger.views.process.accounts(), ({ total }) => total)
  const waiting = ledger.state().waiting.map(([, amount]) => amount)
  const retired = ledger.components().map((component) => ledger.views.process.retired(component))
  const sum = EnergyTotal.of(...shown, ...retired)
  return String(sum.toBigInt() + BigInt(waiting.reduce((all, one) => all + one, 0)))
}

const restarts = fc.array(fc.record({ asState: fc.boolean(), restarts: fc.boolean() }), {
  minLength: 60,
  maxLength: 60,
})

describe('a state and the changes after it', () => {
  test('give the same books again, which go on: balanced, and no series ever falls', () => {
    fc.assert(
      fc.property(policies, machines, steps, restarts, (policy, domains, play, plan) => {
        const machine = new Play(policy, domains)
        const kept = new Kept(machine.ledger)
        const watch = new Watch()
        play.forEach((one, index) => {
          machine.run(one)
          kept.keep(machine.ledger, plan[index]?.asState === true)
          expect(imbalances(machine.ledger)).toEqual([])
          expect(watch.fallen(machine.ledger)).toEqual([])
          if (plan[index]?.restarts !== true) return
          const restored = kept.restoreInto(machine.newLedger())
          expect(booksOf(restored)).toEqual(booksOf(machine.ledger))
          expect(processTotal(restored)).toBe(processTotal(machine.ledger))
          expect(imbalances(restored)).toEqual([])
          expect(watch.fallen(restored)).toEqual([])
          machine.restart(restored)
          kept.keep(restored, true)
        })
      }),
      { numRuns: 300 },
    )
  })

  test('the changes are told once, and are all that was booked', () => {
    fc.assert(
      fc.property(policies, machines, steps, (policy, domains, play) => {
        const machine = new Play(policy, domains)
        let told = 0n
        for (const one of play) {
          machine.run(one)
          const { bookings, changes } = machine.ledger.changes()
          told = bookings.reduce((sum, { amount }) => sum + BigInt(amount), told)
          const unnamed = changes.unnamed.flatMap(({ energies }) => energies.map(([, amount]) => amount))
          const waiting = unnamed.reduce((sum, amount) => sum + BigInt(amount), 0n)
          expect(String(told + waiting)).toBe(String(sumOf(machine.ledger)))
          expect(machine.ledger.changes().bookings).toEqual([])
        }
        const { bookings } = machine.ledger.endNaming(namingByPath(), seconds(2e9))
        told = bookings.reduce((sum, { amount }) => sum + BigInt(amount), told)
        expect(String(told)).toBe(String(sumOf(machine.ledger)))
      }),
    )
  })
})

const sumOf = (ledger: Ledger): bigint => EnergyTotal.of(...ledger.leafTotals.values()).toBigInt()
