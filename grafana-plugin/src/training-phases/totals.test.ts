import { instantCells } from '../model/cells'
import { type Sample, table } from '../test/frames'
import type { PhaseInput } from './series'
import { totalsOf } from './totals'

const run = { workload: 'resnet' }
const cells = (samples: readonly Sample[]) => instantCells([table('x', samples)])
const input: PhaseInput = {
  timeline: [],
  power: [],
  runs: [],
  energy: cells([
    [{ ...run, phase: 'train', part: 'accelerator', method: 'counter' }, 100],
    [{ ...run, phase: 'train/forward', part: 'accelerator', method: 'counter' }, 2000],
    [{ ...run, phase: 'train/forward', part: 'host', method: 'estimated' }, 900],
    [{ ...run, phase: 'eval', part: 'accelerator', method: 'counter' }, 500],
    [{ ...run, part: 'accelerator', method: 'counter' }, 500],
    [{ workload: 'without phases', part: 'host', method: 'counter' }, 9999],
  ]),
  seconds: cells([
    [{ ...run, phase: 'train' }, 10],
    [{ ...run, phase: 'train/forward' }, 20],
    [{ ...run, phase: 'eval' }, 0],
  ]),
  steps: cells([[{ ...run, phase: 'train/forward' }, 60]]),
  samples: cells([[{ ...run, phase: 'train' }, 600]]),
  windowMs: undefined,
}

test('a phase includes its finer ones, by energy, what is in no phase last', () => {
  const totals = totalsOf(input)
  expect(totals.map(({ phase, depth, joules, seconds }) => [phase, depth, joules, seconds])).toEqual([
    ['train', 0, 3000, 30],
    ['train/forward', 1, 2900, 20],
    ['eval', 0, 500, 0],
    ['', 0, 500, undefined],
  ])
})

test('the phases of depth 0 add up to the energy of the workload', () => {
  const shares = totalsOf(input)
    .filter(({ depth }) => depth === 0)
    .map(({ share }) => share ?? 0)
  expect(shares.reduce((sum, share) => sum + share, 0)).toBe(1)
})

test('mean power is energy by time, and nothing where there is no time', () => {
  expect(totalsOf(input).map(({ watts }) => watts)).toEqual([100, 145, undefined, undefined])
})

test('energy per step counts steps once, whichever level has them', () => {
  const [train, forward, evaluation] = totalsOf(input)
  expect([train?.joulesPerStep, forward?.joulesPerStep, evaluation?.joulesPerStep]).toEqual([
    50,
    2900 / 60,
    undefined,
  ])
  expect([train?.joulesPerSample, forward?.joulesPerSample]).toEqual([5, undefined])
})

test('what is estimated and the boundary are told', () => {
  const [train, , evaluation] = totalsOf(input)
  expect([train?.estimated, evaluation?.estimated, train?.scope]).toEqual([true, false, 'host'])
})

test('workloads without phases have no totals', () => {
  expect(new Set(totalsOf(input).map(({ name }) => name))).toEqual(new Set(['resnet']))
})
