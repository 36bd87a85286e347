import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { phaseAt, PROGRAMS, ROUND } from '../../exporter/src/demo/scenario.ts'
import { Simulation } from '../../exporter/src/demo/simulation.ts'

describe('the simulation', () => {
  test('is the same at the same time, in whatever steps it is asked', () => {
    const atOnce = new Simulation()
    atOnce.advance(400)
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 400, noNaN: true }), { maxLength: 20 }), (times) => {
        const asked = new Simulation()
        for (const time of [...times, 400]) asked.advance(time)
        expect(asked.counters).toEqual(atOnce.counters)
        expect(asked.truth).toEqual(atOnce.truth)
      }),
      { numRuns: 20 },
    )
  })

  test('knows whose all energy above idle is', () => {
    const simulation = new Simulation()
    simulation.advance(600)
    const { gpus, packages, dram } = simulation.counters
    const sum = (values: Iterable<number>): number => Array.from(values).reduce((all, one) => all + one, 0)
    const truth = Array.from(simulation.truth.values())
    // idle watts times seconds, as the scenario has them
    expect(sum(truth.map(({ accelerator }) => accelerator))).toBeCloseTo(sum(gpus) - 8 * 72 * 600, 3)
    expect(sum(truth.map(({ host }) => host))).toBeCloseTo(sum(packages) + sum(dram) - 2 * (55 + 9) * 600, 3)
  })

  test('keeps no GPU and no core busier than they can be', () => {
    for (let t = 0; t < 86_400; t += 61) {
      const loads = PROGRAMS.map(({ load }) => load(t))
      const busy = new Map<number, number>()
      for (const [gpu, share] of loads.flatMap(({ gpus = {} }) => Object.entries(gpus)))
        busy.set(Number(gpu), (busy.get(Number(gpu)) ?? 0) + share)
      expect(Math.max(...busy.values())).toBeLessThanOrEqual(1)
      expect(loads.reduce((sum, { cores }) => sum + cores, 0)).toBeLessThan(64)
    }
  })

  test('goes through the phases of the training run, each in its turn', () => {
    const seen = new Set<string>()
    for (let t = 0; t < 205; t += 1) seen.add(phaseAt(t).phase)
    expect(Array.from(seen)).toEqual(ROUND.map(({ phase }) => phase))
    expect(phaseAt(205)).toEqual({ phase: 'data_load', since: 205, until: 210 })
    expect(phaseAt(364.9)).toEqual({ phase: 'train', since: 210, until: 365 })
  })
})
