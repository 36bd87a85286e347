/** Meters of zones beside the ledger: totals that only go up, over a restart as well. */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { FacilityRole, ZoneMeter } from '../../exporter/src/model.ts'
import { microjoules, seconds } from '../../exporter/src/units.ts'
import { Facility, type FacilityChanges } from '../../exporter/src/workloads/facility.ts'
import { StateError } from '../../exporter/src/workloads/saved-state.ts'

const meterOf = (meter: string, role: FacilityRole = 'it', zone = 'closet'): ZoneMeter => ({
  zone,
  role,
  meter,
  sensor: 'redfish:pdu',
  method: 'counter',
})

const reading = (meter: ZoneMeter, spent: number, from: number, to: number) => ({
  meter,
  spent: microjoules(spent),
  from: seconds(from),
  to: seconds(to),
})

const rowsOf = (facility: Facility): readonly unknown[] =>
  facility.accounts.map(({ zone, role, meter, total, power }) => [zone, role, meter, total.toString(), power])

describe('a meter of a zone', () => {
  test('stands at 0 when it appears, then counts, with the mean power of its newest reading', () => {
    const facility = new Facility()
    const pdu = meterOf('pdu')
    expect(facility.see([pdu], [], seconds(100))).toEqual([['closet', 'it', 'pdu', 0]])
    expect(rowsOf(facility)).toEqual([['closet', 'it', 'pdu', '0.000000', undefined]])
    expect(facility.see([pdu], [reading(pdu, 30_000_000, 0, 10)], seconds(110))).toEqual([
      ['closet', 'it', 'pdu', 30_000_000],
    ])
    expect(rowsOf(facility)).toEqual([['closet', 'it', 'pdu', '30.000000', 3]])
    expect(facility.see([pdu], [], seconds(111))).toEqual([])
    expect(rowsOf(facility)).toEqual([['closet', 'it', 'pdu', '30.000000', 3]])
  })

  test('that goes away keeps its total and has no power', () => {
    const facility = new Facility()
    const pdu = meterOf('pdu')
    facility.see([pdu], [reading(pdu, 7, 0, 1)], seconds(100))
    facility.see([], [], seconds(101))
    expect(rowsOf(facility)).toEqual([['closet', 'it', 'pdu', '0.000007', undefined]])
  })

  test('is its labels: in another role it is another', () => {
    const facility = new Facility()
    facility.see([meterOf('a')], [reading(meterOf('a'), 5, 0, 1)], seconds(1))
    facility.see([meterOf('a', 'total')], [reading(meterOf('a', 'total'), 9, 0, 1)], seconds(2))
    expect(rowsOf(facility)).toEqual([
      ['closet', 'it', 'a', '0.000005', undefined],
      ['closet', 'total', 'a', '0.000009', 0.000009],
    ])
  })
})

describe('a run that follows', () => {
  const METERS = [meterOf('a'), meterOf('b', 'cooling'), meterOf('c', 'total', 'hall')] as const
  const steps = fc.array(
    fc.record({
      present: fc.subarray([0, 1, 2]),
      spent: fc.array(fc.tuple(fc.nat(2), fc.maxSafeNat()), { maxLength: 4 }),
    }),
    { maxLength: 20 },
  )

  test('stands where the last page stood, whenever the state was written, and never goes back', () => {
    fc.assert(
      fc.property(steps, fc.nat(20), (ticks, stateAt) => {
        const facility = new Facility()
        let state = JSON.stringify(facility.state())
        let later: (readonly [FacilityChanges, number])[] = []
        ticks.forEach(({ present, spent }, tick) => {
          const meters = present.flatMap((index) => METERS[index] ?? [])
          const readings = spent.flatMap(([index, amount]) => {
            const meter = METERS[index]
            return meter === undefined ? [] : [reading(meter, amount, tick, tick + 1)]
          })
          later.push([facility.see(meters, readings, seconds(tick)), tick])
          if (tick === stateAt) {
            state = JSON.stringify(facility.state())
            later = []
          }
        })
        const next = new Facility()
        next.restore(JSON.parse(state))
        for (const [changes, wall] of JSON.parse(JSON.stringify(later)) as typeof later)
          next.apply(changes, seconds(wall))
        expect(next.state()).toEqual(facility.state())
      }),
    )
  })

  test.each([
    ['of another version', { version: 2, accounts: [] }],
    ['without accounts', { version: 1 }],
    [
      'with odd energy',
      { version: 1, accounts: [{ zone: '', role: 'it', meter: 'a', joules: 'x', createdWall: 1 }] },
    ],
  ])('takes nothing over from a state %s', (_, state) => {
    const facility = new Facility()
    facility.see([meterOf('a')], [reading(meterOf('a'), 5, 0, 1)], seconds(1))
    expect(() => facility.restore(state)).toThrow(StateError)
    expect(rowsOf(facility)).toEqual([['closet', 'it', 'a', '0.000005', 5e-6]])
  })
})
