import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Accelerators } from '../../exporter/src/activity/accelerators.ts'
import type { AcceleratorActivity, AcceleratorUser, Consumer } from '../../exporter/src/model.ts'
import type { GpuLook, GpuProcess, MigInstance } from '../../exporter/src/nvml.ts'
import { seconds } from '../../exporter/src/units.ts'
import { gpuLook, UUID } from '../nvml/gpu-look.ts'
import { group, processOf } from '../ledger/small-machine.ts'

const compute = (...pids: readonly number[]): GpuProcess[] => pids.map((pid) => ({ pid, kind: 'compute' }))
const graphics = (...pids: readonly number[]): GpuProcess[] => pids.map((pid) => ({ pid, kind: 'graphics' }))

/** Processes by name, and looks at one board a second apart. */
class Bench {
  readonly #names = new Map<number, Consumer>()
  readonly #room = new Accelerators((pid) => this.#names.get(pid))
  #now = 100

  constructor(names: Readonly<Record<number, string>> = { 1: 'one', 2: 'two', 3: 'three', 9: 'Xorg' }) {
    for (const [pid, name] of Object.entries(names)) this.start(Number(pid), name)
  }

  start(pid: number, name: string): void {
    this.#names.set(pid, processOf(group(`${name}.service`), pid, name))
  }

  exit(pid: number): void {
    this.#names.delete(pid)
  }

  look(more: Partial<GpuLook> = {}, duration = 1): AcceleratorActivity {
    this.#now += duration
    const at = seconds(this.#now)
    const activity = this.#room.look(at, duration, { at, devices: [gpuLook(more)] }).get(UUID)
    if (activity === undefined) throw new Error('no such board')
    return activity
  }

  /** The driver does not answer. */
  miss(): ReadonlyMap<string, AcceleratorActivity> {
    const look = { at: seconds(this.#now), devices: [gpuLook()] }
    return this.#room.look(seconds((this.#now += 1)), 1, look)
  }

  /** Nothing is asked any more. */
  leave(): ReadonlyMap<string, AcceleratorActivity> {
    return this.#room.look(seconds((this.#now += 1)), 1, undefined)
  }
}

const nameOf = (to: AcceleratorUser): string =>
  typeof to === 'string' ? to : to.kind === 'process' ? to.process.comm : to.kind

/** Fractions as decimal numbers that can be compared. */
const near = (fractions: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(fractions).map(([name, value]) => [name, Number(value.toFixed(9))]))

/** Parts of a whole. */
function parts({ use }: AcceleratorActivity): Record<string, number> {
  const whole = use.reduce((sum, { weight }) => sum + weight, 0)
  return near(Object.fromEntries(use.map(({ to, weight }) => [nameOf(to), weight / whole])))
}

const guesses = ({ guessed }: AcceleratorActivity): readonly string[] => Array.from(guessed, nameOf).sort()

const shares = ({ holders }: AcceleratorActivity): Record<string, number> =>
  near(Object.fromEntries(holders.map(({ to, share }) => [nameOf(to), share])))

describe('who holds a board', () => {
  test('nobody', () => {
    expect(new Bench().look()).toEqual({ use: [], guessed: new Set(), holders: [] })
  })

  test('those that compute, in equal parts; those that only draw hold nothing', () => {
    expect(shares(new Bench().look({ processes: [...compute(1, 2), ...graphics(9)] }))).toEqual({
      one: 0.5,
      two: 0.5,
    })
  })

  test('those of both ends of the interval, and those that were busy in between', () => {
    const bench = new Bench()
    bench.look({ processes: compute(1) })
    const rows = [{ pid: 3, timeStamp: 2_000_000, sm: 10 }]
    expect(shares(bench.look({ processes: compute(2), rows, rowsSince: 1_000_000 }))).toEqual(
      near({
        one: 1 / 3,
        two: 1 / 3,
        three: 1 / 3,
      }),
    )
    expect(shares(bench.look({ processes: compute(2) }))).toEqual({ two: 1 })
  })

  test.each(['nv-hostengine', 'dcgm-exporter', 'nvidia-smi', 'nvidia-cuda-mps', 'nvidia-persiste', 'nvtop'])(
    'not %s, which only looks or serves others',
    (agent) => {
      const bench = new Bench({ 1: 'one', 2: agent })
      expect(shares(bench.look({ processes: compute(1, 2) }))).toEqual({ one: 1 })
    },
  )

  test('a process that has exited since is who it was', () => {
    const bench = new Bench()
    bench.look({ processes: compute(1, 2) })
    bench.exit(2)
    expect(shares(bench.look({ processes: compute(1) }))).toEqual({ one: 0.5, two: 0.5 })
  })

  test('a pid that is taken again is the newcomer', () => {
    const bench = new Bench()
    bench.look({ processes: compute(1) })
    bench.start(1, 'newcomer')
    expect(shares(bench.look({ processes: compute(1) }))).toEqual({ newcomer: 1 })
  })

  test('a process that cannot be found has its part', () => {
    expect(shares(new Bench().look({ processes: compute(1, 77, 78) }))).toEqual(
      near({
        one: 1 / 3,
        unresolved_pid: 2 / 3,
      }),
    )
  })

  test('goes on to hold it while the driver does not answer, and nobody is seen to use it', () => {
    const bench = new Bench()
    bench.look({ processes: compute(1) })
    const [missed] = Array.from(bench.miss().values())
    expect(missed && [parts(missed), shares(missed)]).toEqual([{}, { one: 1 }])
    const problem = { why: 'lost', advice: 'see dmesg', isFault: true }
    expect(shares(bench.look({ problem }))).toEqual({ one: 1 })
  })
})

test('a board that is asked no more is no part of the machine', () => {
  const bench = new Bench()
  bench.look({ processes: compute(1) })
  expect(bench.leave()).toEqual(new Map())
  expect(shares(bench.look({ processes: compute(2) }))).toEqual({ two: 1 })
})

describe('who used a board', () => {
  test('a sole holder all of it, also without samples', () => {
    const look = new Bench().look({ processes: [...compute(1), ...graphics(9)] })
    expect([parts(look), guesses(look)]).toEqual([{ one: 1 }, []])
  })

  test('several without samples the same, and that is a guess', () => {
    const look = new Bench().look({ processes: compute(1, 2, 3) })
    expect([parts(look), guesses(look)]).toEqual([
      near({ one: 1 / 3, two: 1 / 3, three: 1 / 3 }),
      ['one', 'three', 'two'],
    ])
  })

  test('those that draw, where nobody computes', () => {
    const look = new Bench().look({ processes: graphics(9) })
    expect([parts(look), guesses(look)]).toEqual([{ Xorg: 1 }, []])
  })

  test('by time-weighted samples, not by the largest: one is busy in the first half, the other all the time', () => {
    const look = new Bench().look({
      processes: compute(1, 2),
      rowsSince: 1_000_000,
      rows: [
        { pid: 1, timeStamp: 1_500_000, sm: 100 },
        { pid: 2, timeStamp: 1_500_000, sm: 50 },
        { pid: 2, timeStamp: 2_000_000, sm: 50 },
      ],
    })
    // 0.5 s × 100 % and 1 s × 50 %; by the largest sample it would be two thirds and one
    expect([parts(look), guesses(look)]).toEqual([{ one: 0.5, two: 0.5 }, []])
  })

  test('samples of unequal length weigh by it', () => {
    const look = new Bench().look({
      rowsSince: 1_000_000,
      rows: [
        { pid: 1, timeStamp: 1_100_000, sm: 80 },
        { pid: 2, timeStamp: 1_900_000, sm: 30 },
        { pid: 2, timeStamp: 1_950_000, sm: 0 },
      ],
    })
    expect(parts(look)).toEqual({ one: 0.25, two: 0.75 }) // 0.1 × 0.8 and 0.8 × 0.3
  })

  test('of a driver that gives one row for each process, the row stands for the time since the look before', () => {
    const look = new Bench().look({
      rowsSince: 1_000_000,
      rows: [
        { pid: 1, timeStamp: 1_500_000, sm: 60 },
        { pid: 2, timeStamp: 2_000_000, sm: 60 },
      ],
    })
    expect(parts(look)).toEqual(near({ one: 1 / 3, two: 2 / 3 })) // half a second and one
  })

  test('after a pause a sample stands for a second at most', () => {
    const bench = new Bench()
    bench.look({
      rowsSince: 1_000_000,
      rows: [
        { pid: 1, timeStamp: 1_500_000, sm: 10 },
        { pid: 1, timeStamp: 2_000_000, sm: 10 },
      ],
    })
    const look = bench.look(
      {
        rowsSince: 2_000_000,
        rows: [
          { pid: 1, timeStamp: 10_000_000, sm: 50 },
          { pid: 2, timeStamp: 11_000_000, sm: 50 },
        ],
      },
      10,
    )
    expect(parts(look)).toEqual({ one: 0.5, two: 0.5 })
  })

  test('between two samples those that were busy still are, for a second', () => {
    const bench = new Bench()
    const rows = [
      { pid: 1, timeStamp: 2_000_000, sm: 90 },
      { pid: 2, timeStamp: 2_000_000, sm: 30 },
    ]
    bench.look({ processes: compute(1, 2), rows, rowsSince: 1_900_000 }, 0.1)
    const between = bench.look({ processes: compute(1, 2), rowsSince: 2_000_000 }, 0.1)
    expect([parts(between), guesses(between)]).toEqual([{ one: 0.75, two: 0.25 }, []])
    const later = bench.look({ processes: compute(1, 2), rowsSince: 2_000_000 }, 1)
    expect([parts(later), guesses(later)]).toEqual([{ one: 0.5, two: 0.5 }, ['one', 'two']])
  })

  test('graphics as well, where samples say so', () => {
    const look = new Bench().look({
      processes: [...compute(1), ...graphics(9)],
      rowsSince: 1,
      rows: [
        { pid: 1, timeStamp: 1_000_001, sm: 75 },
        { pid: 9, timeStamp: 1_000_001, sm: 25 },
      ],
    })
    expect(parts(look)).toEqual({ one: 0.75, Xorg: 0.25 })
  })

  test('processes that cannot be found, together', () => {
    const rows = [77, 78, 1].map((pid) => ({ pid, timeStamp: 2_000_000, sm: 50 }))
    expect(parts(new Bench().look({ rows, rowsSince: 1_000_000 }))).toEqual(
      near({
        unresolved_pid: 2 / 3,
        one: 1 / 3,
      }),
    )
  })
})

describe('MIG', () => {
  const instance = (
    gpuInstance: number,
    gpuSlices: number,
    more: Partial<MigInstance> = {},
  ): MigInstance => ({
    uuid: '',
    gpuInstance,
    computeInstance: 0,
    gpuSlices,
    computeSlices: gpuSlices,
    activity: undefined,
    pids: [],
    processesUnknown: '',
    ...more,
  })
  const mig = (...instances: readonly MigInstance[]): Partial<GpuLook> => ({ mig: { slices: 7, instances } })

  test('by activity times slices, where the hardware counts it', () => {
    const look = new Bench().look(
      mig(
        instance(1, 3, { activity: 0.5, pids: [1] }),
        instance(2, 2, { activity: 0.25, pids: [2] }),
        instance(9, 1, { activity: undefined, pids: [] }),
      ),
    )
    expect([parts(look), guesses(look)]).toEqual([{ one: 0.75, two: 0.25 }, []])
    expect(shares(look)).toEqual(near({ one: 3 / 7, two: 2 / 7 }))
  })

  test('by the slices that are held, where it does not, and that is a guess', () => {
    const look = new Bench().look(mig(instance(1, 3, { pids: [1] }), instance(9, 1, { pids: [2] })))
    expect([parts(look), guesses(look)]).toEqual([{ one: 0.75, two: 0.25 }, ['one', 'two']])
  })

  test('the only instance that is held has all the active energy, and its slices of the idle', () => {
    const look = new Bench().look(mig(instance(1, 3, { pids: [1] }), instance(2, 3)))
    expect([parts(look), guesses(look)]).toEqual([{ one: 1 }, []])
    expect(shares(look)).toEqual(near({ one: 3 / 7 }))
  })

  test('several processes in one instance share it equally, and that is a guess', () => {
    const look = new Bench().look(
      mig(instance(1, 3, { activity: 1, pids: [1, 2] }), instance(2, 3, { activity: 1, pids: [3] })),
    )
    expect([parts(look), guesses(look)]).toEqual([{ one: 0.25, two: 0.25, three: 0.5 }, ['one', 'two']])
    expect(shares(look)).toEqual(near({ one: 3 / 14, two: 3 / 14, three: 3 / 7 }))
  })

  test('compute instances inside a GPU instance by their slices', () => {
    const look = new Bench().look(
      mig(
        instance(1, 4, { computeInstance: 0, computeSlices: 1, activity: 1, pids: [1] }),
        instance(1, 4, { computeInstance: 1, computeSlices: 3, activity: 1, pids: [2] }),
      ),
    )
    expect([parts(look), guesses(look)]).toEqual([{ one: 0.25, two: 0.75 }, ['one', 'two']])
    expect(shares(look)).toEqual(near({ one: 1 / 7, two: 3 / 7 }))
  })

  test('an idle machine of held instances: by slices, and that is a guess', () => {
    const look = new Bench().look(
      mig(instance(1, 3, { activity: 0, pids: [1] }), instance(2, 1, { activity: 0, pids: [2] })),
    )
    expect([parts(look), guesses(look)]).toEqual([{ one: 0.75, two: 0.25 }, ['one', 'two']])
  })

  test('an instance that was taken down since the look before had its user', () => {
    const bench = new Bench()
    bench.look(mig(instance(1, 3, { pids: [1] })))
    const look = bench.look(mig(instance(5, 1, { pids: [2] })))
    expect([parts(look), guesses(look)]).toEqual([{ one: 0.75, two: 0.25 }, ['one', 'two']])
    expect(parts(bench.look(mig(instance(5, 1, { pids: [2] }))))).toEqual({ two: 1 })
  })
})

test('shares are of one whole, weights are finite and of each user once, whatever a driver says', () => {
  const pid = fc.integer({ min: 1, max: 12 })
  const row = fc.record({ pid, timeStamp: fc.nat(5_000_000), sm: fc.nat(100) })
  const process = fc.record({ pid, kind: fc.constantFrom('compute' as const, 'graphics' as const) })
  const migInstance = fc.record({
    uuid: fc.constant(''),
    gpuInstance: fc.nat(6),
    computeInstance: fc.nat(1),
    gpuSlices: fc.integer({ min: 1, max: 4 }),
    computeSlices: fc.integer({ min: 1, max: 4 }),
    activity: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
    pids: fc.array(pid, { maxLength: 3 }),
    processesUnknown: fc.constant(''),
  })
  const look = fc.oneof(
    fc.record({ processes: fc.array(process), rows: fc.array(row), rowsSince: fc.nat(5_000_000) }),
    fc.record({
      mig: fc.record({
        slices: fc.constantFrom(0, 4, 7),
        instances: fc.array(migInstance, { maxLength: 7 }),
      }),
    }),
  )
  fc.assert(
    fc.property(fc.array(look, { minLength: 1, maxLength: 8 }), (looks) => {
      const bench = new Bench()
      for (const one of looks) {
        const { use, holders } = bench.look(one)
        for (const { weight } of use) expect(weight > 0 && Number.isFinite(weight)).toBe(true)
        for (const { share } of holders) expect(share > 0).toBe(true)
        expect(holders.reduce((sum, { share }) => sum + share, 0)).toBeLessThanOrEqual(1 + 1e-9)
        expect(new Set(use.map(({ to }) => to)).size).toBe(use.length)
      }
    }),
    { numRuns: 500 },
  )
})
