import { describe, expect, jest, test } from '@jest/globals'
import fc from 'fast-check'
import { View } from '../../exporter/src/ledger/view.ts'
import { EnergyTotal } from '../../exporter/src/units.ts'
import { imbalances } from './equations.ts'
import { DOMAINS, machines, Play, policies, steps, Watch } from './random-machine.ts'

describe('the books', () => {
  test('balance after every tick, and no series ever falls', () => {
    fc.assert(
      fc.property(policies, machines, steps, (policy, domains, play) => {
        const machine = new Play(policy, domains)
        const watch = new Watch()
        for (const one of play) {
          machine.run(one)
          expect(imbalances(machine.ledger)).toEqual([])
          expect(watch.fallen(machine.ledger)).toEqual([])
        }
      }),
      { numRuns: 300 },
    )
  })

  test('board by board, the view by accelerator has what the workloads have of accelerators', () => {
    fc.assert(
      fc.property(policies, steps, (policy, play) => {
        const machine = new Play({ ...policy, seriesLimit: 20_000 }, DOMAINS)
        for (const one of play) machine.run(one)
        const { ledger } = machine
        const ofAccelerators = (view: View): string => {
          const parts = [view.pending('accelerator'), view.retired('accelerator')]
          for (const { energyClass, shown } of view.accounts()) {
            if (energyClass.component === 'accelerator') parts.push(shown)
          }
          return EnergyTotal.of(...parts).toString()
        }
        expect(ofAccelerators(ledger.byAccelerator)).toBe(ofAccelerators(ledger.views.workload))
      }),
      { numRuns: 100 },
    )
  })

  test('the property catches a ledger that drops one share', () => {
    const book = jest.spyOn(View.prototype, 'book')
    try {
      const found = fc.check(
        fc.property(policies, machines, steps, (policy, domains, play) => {
          const machine = new Play(policy, domains)
          book.mockImplementationOnce(() => undefined)
          for (const one of play) machine.run(one)
          return imbalances(machine.ledger).length === 0
        }),
      )
      expect(found.failed).toBe(true)
    } finally {
      book.mockRestore()
    }
  })
})
