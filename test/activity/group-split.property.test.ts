import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { GroupSplit } from '../../exporter/src/activity/group-split.ts'
import { identityOf } from '../../exporter/src/activity/identity.ts'
import type { ProcessConsumer } from '../../exporter/src/activity/processes.ts'
import type { Group } from '../../exporter/src/model.ts'
import { nanoseconds, type Nanoseconds } from '../../exporter/src/units.ts'

const group: Group = { path: '/a', identity: identityOf('/a') }
const processes = [1, 2, 3].map((pid): ProcessConsumer => ({
  kind: 'process',
  group,
  process: { pid, startTicks: 1, comm: `p${pid}` },
}))

const tick = fc.record({
  /** What the counter shows beyond, or behind, what the processes show. */
  skew: fc.integer({ min: -40_000_000, max: 40_000_000 }),
  cpu: fc.array(fc.nat(2_000_000_000), { minLength: 3, maxLength: 3 }),
})

const sum = (parts: readonly { readonly cpu: Nanoseconds }[]): number =>
  parts.reduce((total, { cpu }) => total + cpu, 0)

describe('splitting a group among its processes', () => {
  test('gives out what the counter showed, over time, but for what is still owed', () => {
    fc.assert(
      fc.property(fc.array(tick, { minLength: 1, maxLength: 40 }), (ticks) => {
        const split = new GroupSplit()
        let counted = 0
        let given = 0
        let aheadBefore = 0
        for (const { skew, cpu } of ticks) {
          const uses = processes.map((consumer, index) => ({ consumer, cpu: nanoseconds(cpu[index] ?? 0) }))
          const own = sum(uses) + skew
          counted += own
          const shares = split.split(new Map([[group, nanoseconds(own)]]), uses, undefined, 'exited')
          expect(shares.every((share) => share.cpu >= 0)).toBe(true)
          given += sum(shares)
          // Nothing is lost, and what is given ahead of the counter is within the tolerance of this tick, or what is
          // still owed from before. A nanosecond is what doubles may round.
          const ahead = given - counted
          const tolerated = Math.max(10_000_000, sum(uses) * 0.1)
          expect(ahead).toBeGreaterThanOrEqual(-1)
          expect(ahead).toBeLessThanOrEqual(Math.max(tolerated, aheadBefore - own) + 1)
          aheadBefore = ahead
        }
        const debt = given - counted
        const settled = split.split(new Map([[group, nanoseconds(debt + 7)]]), [], undefined, 'exited')
        expect(sum(settled)).toBeCloseTo(7, 3)
      }),
      { numRuns: 2000 },
    )
  })

  test('a group without a counter used what its processes say', () => {
    const split = new GroupSplit()
    const uses = processes.map((consumer) => ({ consumer, cpu: nanoseconds(5) }))
    expect(split.split(new Map([[group, nanoseconds(1)]]), uses, group, 'exited')).toEqual(uses)
  })
})
