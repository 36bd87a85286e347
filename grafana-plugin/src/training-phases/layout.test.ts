import type { Lane, LaneBlock } from './lanes'
import { blockAt, certain, fitting, laneAt, layOut } from './layout'

const edge = (at: number, uncertaintyMs = 0) => ({ at, uncertaintyMs, cut: false })
const block = (from: number, to: number, uncertaintyMs = 0): LaneBlock => ({
  phase: 'train',
  from: edge(from, uncertaintyMs),
  to: edge(to, uncertaintyMs),
  open: false,
  aboutJoules: undefined,
})
const lane = (changes: Partial<Lane> = {}): Lane => ({
  key: 'a',
  workload: 'a',
  name: 'a',
  detail: '',
  runStart: undefined,
  blocks: [block(0, 10), block(20, 30)],
  stripes: [],
  power: [],
  cellAt: () => undefined,
  ...changes,
})

test('the fullest text that fits, and none rather than one that does not', () => {
  const measure = (text: string) => text.length * 6
  expect(fitting(['train ≈ 1 kWh', '≈ 1 kWh', 'train'], 100, measure)).toBe('train ≈ 1 kWh')
  expect(fitting(['train ≈ 1 kWh', '≈ 1 kWh', 'train'], 60, measure)).toBe('≈ 1 kWh')
  expect(fitting(['train ≈ 1 kWh', '≈ 1 kWh', 'train'], 20, measure)).toBeUndefined()
})

test('labels keep out of what is not certain', () => {
  expect(certain(block(100, 200, 10))).toEqual({ from: 110, to: 190 })
})

test('lanes do not overlap, and power is below them all', () => {
  const lanes = [lane(), lane(), lane({ power: [{ at: 0, watts: 5 }] })]
  const layout = layOut(lanes, 400)
  for (const [index, box] of layout.lanes.entries()) {
    expect(box.nameTop).toBeGreaterThanOrEqual(layout.lanes[index - 1]?.bottom ?? 0)
  }
  expect(layout.lanes.at(-1)?.bottom).toBeLessThan(layout.lanesHeight)
  expect(layout.powerHeight).toBe(Math.min(220, 400 - layout.lanesHeight))
})

test('without power there is no room for it', () => {
  expect(layOut([lane()], 400).powerHeight).toBe(0)
  expect(layOut([lane({ power: [{ at: 0, watts: null }] })], 400).powerHeight).toBe(0)
})

test('a panel that is too low keeps what can be read', () => {
  const layout = layOut([lane({ power: [{ at: 0, watts: 5 }] })], 10)
  expect(layout.powerHeight).toBe(70)
})

test('what is at a place is found', () => {
  const layout = layOut([lane(), lane()], 200)
  expect(laneAt(layout, layout.lanes[1]?.blockTop ?? 0)).toBe(1)
  expect(laneAt(layout, 1000)).toBe(-1)
  expect([5, 15, 20, 30].map((at) => blockAt(lane(), at))).toEqual([0, -1, 1, -1])
})
