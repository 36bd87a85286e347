import { describe, expect, test } from '@jest/globals'
import { Baselines } from '../../exporter/src/ledger/baseline.ts'
import { Distribution } from '../../exporter/src/ledger/distribution.ts'
import type { IdlePolicy } from '../../exporter/src/ledger/idle-policy.ts'
import { Ledger } from '../../exporter/src/ledger/ledger.ts'
import type { Leaf, LeafReading } from '../../exporter/src/ledger/nesting.ts'
import type { Recipient } from '../../exporter/src/ledger/weights.ts'
import type { Component, Domain } from '../../exporter/src/model.ts'
import { microjoules, seconds, watts } from '../../exporter/src/units.ts'
import { namingByPath } from '../../exporter/src/workloads/naming.ts'
import {
  activity,
  domain,
  figures,
  group,
  joules,
  policy,
  processOf,
  reading,
  type Done,
} from './small-machine.ts'

const leaf = (id: string, component: Component, idle: number): Leaf => ({
  id,
  component,
  method: 'counter',
  baseline: { watts: watts(idle), source: 'default' },
})

const pack = leaf('package-0', 'cpu', 3)
const board = leaf('psys-rest', 'board', 0)
const gpu = leaf('gpu-0', 'accelerator', 10)

const one = processOf(group('one.service'), 1, 'one')
const two = processOf(group('two.service'), 2, 'two')

const nameOf = (to: Recipient): string =>
  typeof to === 'string' ? to : to.kind === 'process' ? to.process.comm : to.kind

const read = (some: Leaf, spent: number, from: number, to: number): LeafReading => ({
  domain: some,
  spent: joules(spent),
  from: seconds(from),
  to: seconds(to),
})

/** What was booked since the start, in microjoules. */
class Books {
  readonly sums: Record<string, number> = {}
  readonly #policy: IdlePolicy
  readonly #distribution = new Distribution(new Baselines(new Map()))

  constructor(idlePolicy: IdlePolicy = 'holders') {
    this.#policy = idlePolicy
  }

  split(
    readings: readonly LeafReading[],
    unread: readonly Leaf[],
    from: number,
    to: number,
    done: Done,
  ): this {
    this.#distribution.split(
      { readings, unread },
      activity(from, to, done),
      this.#policy,
      (recipient, { component, method }, part, amount) => {
        const key = `${nameOf(recipient)} ${component} ${part}${method === 'counter' ? '' : ` ${method}`}`
        this.sums[key] = (this.sums[key] ?? 0) + amount
      },
    )
    return this
  }

  /** In joules. */
  get joules(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.sums).map(([key, amount]) => [key, amount / 1e6]))
  }
}

describe('one tick', () => {
  test('active energy goes by CPU time, what is below the baseline is idle', () => {
    const books = new Books().split([read(pack, 33, 0, 1)], [], 0, 1, {
      cpu: [
        [one, 2],
        [two, 1],
      ],
    })
    expect(books.joules).toEqual({ 'one cpu host': 20, 'two cpu host': 10, 'idle cpu idle': 3 })
  })

  test('memory goes by CPU time until there is a better signal', () => {
    const books = new Books().split([read(leaf('dram-0', 'memory', 1), 4, 0, 1)], [], 0, 1, {
      cpu: [
        [one, 2],
        [two, 1],
      ],
    })
    expect(books.joules).toEqual({ 'one memory host': 2, 'two memory host': 1, 'idle memory idle': 1 })
  })

  test('two packages are one supply: they are split together', () => {
    // Of one microjoule each, split alone, both would go to the same one of two equals.
    const packages = ['package-0', 'package-1'].map((id) => leaf(id, 'cpu', 0))
    const readings = packages.map((some) => ({ ...read(some, 0, 0, 1), spent: microjoules(1) }))
    const books = new Books().split(readings, [], 0, 1, {
      cpu: [
        [one, 1],
        [two, 1],
      ],
    })
    expect(books.sums).toEqual({ 'one cpu host': 1, 'two cpu host': 1 })
  })

  test('each package has its own baseline', () => {
    const packages = [read(pack, 40, 0, 1), read(leaf('package-1', 'cpu', 5), 4, 0, 1)]
    const books = new Books().split(packages, [], 0, 1, { cpu: [[one, 1]] })
    expect(books.joules).toEqual({ 'one cpu host': 37, 'idle cpu idle': 3 + 4 })
  })

  test('nobody active: the active energy of host and board stays unattributed', () => {
    const books = new Books().split([read(pack, 33, 0, 1), read(board, 20, 0, 1)], [], 0, 1, {})
    expect(books.joules).toEqual({
      'no_activity cpu host': 30,
      'idle cpu idle': 3,
      'no_activity board host': 20,
    })
  })

  test('CPU time that belongs to nobody known is unreadable, and so is its part of the board', () => {
    const books = new Books().split([read(pack, 43, 0, 1), read(board, 20, 0, 1)], [], 0, 1, {
      cpu: [[one, 1]],
      unreadableCpu: 3,
    })
    expect(books.joules).toEqual({
      'one cpu host': 10,
      'unreadable cpu host': 30,
      'idle cpu idle': 3,
      'one board host': 5,
      'unreadable board host': 15,
    })
  })

  test('cooling has no idle part: it serves whoever uses the machine', () => {
    const books = new Books().split(
      [read(pack, 43, 0, 1), read(leaf('crac', 'cooling', 3), 8, 0, 1)],
      [],
      0,
      1,
      {
        cpu: [
          [one, 1],
          [two, 3],
        ],
      },
    )
    expect(books.joules).toMatchObject({ 'one cooling overhead': 2, 'two cooling overhead': 6 })
  })
})

describe('idle energy', () => {
  const busy: Done = {
    cpu: [
      [one, 2],
      [two, 1],
    ],
  }
  const held: Done = { ...busy, holders: { 'gpu-0': [two], 'gpu-1': [] } }
  const idleOf = (idlePolicy: IdlePolicy, done: Done): Record<string, number> =>
    Object.fromEntries(
      Object.entries(new Books(idlePolicy).split([read(pack, 33, 0, 1)], [], 0, 1, done).joules).filter(
        ([key]) => key.endsWith(' idle'),
      ),
    )

  test.each<[IdlePolicy, string, Done, Record<string, number>]>([
    ['holders', 'without accelerators', busy, { 'idle cpu idle': 3 }],
    ['holders', 'with one of two held', held, { 'two cpu idle': 1.5, 'idle cpu idle': 1.5 }],
    ['proportional', 'without accelerators', busy, { 'one cpu idle': 2, 'two cpu idle': 1 }],
    ['proportional', 'with one of two held', held, { 'one cpu idle': 2, 'two cpu idle': 1 }],
    ['equal', 'without accelerators', busy, { 'one cpu idle': 1.5, 'two cpu idle': 1.5 }],
    ['equal', 'with one of two held', held, { 'one cpu idle': 1.5, 'two cpu idle': 1.5 }],
    ['none', 'without accelerators', busy, { 'idle cpu idle': 3 }],
    ['none', 'with one of two held', held, { 'idle cpu idle': 3 }],
    ['proportional', 'with nobody active', {}, { 'idle cpu idle': 3 }],
    ['equal', 'with nobody active', {}, { 'idle cpu idle': 3 }],
  ])('%s %s', (idlePolicy, _, done, expected) => {
    expect(idleOf(idlePolicy, done)).toEqual(expected)
  })

  test('of an accelerator goes to its holders, also where nothing is active', () => {
    const books = new Books().split([read(gpu, 10, 0, 1)], [], 0, 1, { holders: { 'gpu-0': [one, two] } })
    expect(books.joules).toEqual({ 'one accelerator idle': 5, 'two accelerator idle': 5 })
  })
})

describe('an accelerator', () => {
  const used: Done = {
    cpu: [[two, 5]],
    use: {
      'gpu-0': [
        [one, 0.6],
        ['unresolved_pid', 0.2],
      ],
    },
    holders: { 'gpu-0': [one, 'unresolved_pid'] },
  }

  test('goes by who was busy on it, not by CPU time; who cannot be found has a part as well', () => {
    const books = new Books().split([read(gpu, 90, 0, 1)], [], 0, 1, used)
    expect(books.joules).toEqual({
      'one accelerator accelerator': 60,
      'unresolved_pid accelerator accelerator': 20,
      'one accelerator idle': 5,
      'unresolved_pid accelerator idle': 5,
    })
  })

  test('on which nobody was busy is nobody’s', () => {
    const books = new Books().split([read(gpu, 90, 0, 1)], [], 0, 1, { cpu: [[one, 1]] })
    expect(books.joules).toEqual({ 'no_activity accelerator accelerator': 80, 'idle accelerator idle': 10 })
  })

  test('whose split is a guess says so of whose active energy it is; that of the idle energy is a rule', () => {
    const books = new Books().split([read(gpu, 90, 0, 1)], [], 0, 1, { ...used, guessed: { 'gpu-0': [one] } })
    expect(books.joules).toEqual({
      'one accelerator accelerator estimated': 60,
      'unresolved_pid accelerator accelerator': 20,
      'one accelerator idle': 5,
      'unresolved_pid accelerator idle': 5,
    })
  })

  test('that missed ticks is split by all that happened meanwhile, and a guess stays one', () => {
    const still = leaf('gpu-0', 'accelerator', 0)
    const books = new Books()
      .split([], [still], 0, 1, { use: { 'gpu-0': [[one, 0.5]] }, guessed: { 'gpu-0': [one] } })
      .split([read(still, 45, 0, 2)], [], 1, 2, { use: { 'gpu-0': [[two, 1]] } })
      .split([read(still, 10, 2, 3)], [], 2, 3, { use: { 'gpu-0': [[two, 1]] } })
    expect(books.joules).toEqual({
      'one accelerator accelerator estimated': 15,
      'two accelerator accelerator': 30 + 10,
    })
  })

  test('makes its users carry their part of the board', () => {
    const books = new Books().split([read(gpu, 90, 0, 1), read(board, 8, 0, 1)], [], 0, 1, used)
    expect(books.joules).toMatchObject({ 'one board host': 6, 'unresolved_pid board host': 2 })
  })

  test('that is divided leaves the idle energy of what nobody holds to nobody', () => {
    const holders = [{ to: one, share: 3 / 7 }]
    const accelerators = new Map([['gpu-0', { use: [], guessed: new Set<never>(), holders }]])
    const sums: Record<string, number> = {}
    new Distribution(new Baselines(new Map())).split(
      { readings: [read(gpu, 7, 0, 1)], unread: [] },
      { ...activity(0, 1), accelerators },
      'holders',
      (to, _, part, amount) => (sums[`${nameOf(to)} ${part}`] = amount),
    )
    expect(sums).toEqual({ 'one idle': 3_000_000, 'idle idle': 4_000_000 })
  })
})

describe('the board', () => {
  test('goes by the active energy of all of the host, and idle energy does not count', () => {
    const books = new Books().split(
      [read(pack, 33, 0, 1), read(leaf('dram-0', 'memory', 0), 6, 0, 1), read(board, 18, 0, 1)],
      [],
      0,
      1,
      {
        cpu: [
          [one, 2],
          [two, 1],
        ],
        holders: { 'gpu-0': [two] },
      },
    )
    // Active: 20 J + 4 J and 10 J + 2 J. The 3 J that two pays for holding the accelerator are idle.
    expect(books.joules).toMatchObject({ 'two cpu idle': 3, 'one board host': 12, 'two board host': 6 })
  })

  test('goes by energy, not by time: a second at 90 W weighs more than one at 10 W', () => {
    const still = leaf('package-0', 'cpu', 0)
    const books = new Books()
      .split([read(still, 90, 0, 1)], [board], 0, 1, { cpu: [[one, 1]] })
      .split([read(still, 10, 1, 2), read(board, 50, 0, 2)], [], 1, 2, { cpu: [[two, 1]] })
    expect(books.joules).toMatchObject({ 'one board host': 45, 'two board host': 5 })
  })
})

describe('a domain that is read every ten ticks', () => {
  const slow = leaf('package-0', 'cpu', 2)

  /** In the first three ticks the one works and holds the accelerator, in the other seven the two works. */
  const tenTicks = (books: Books, some: Leaf, spent: number): Books => {
    for (let to = 1; to <= 10; to += 1) {
      const done: Done =
        to <= 3
          ? { cpu: [[one, 1]], holders: { 'gpu-0': [one] } }
          : { cpu: [[two, 1]], holders: { 'gpu-0': [] } }
      if (to < 10) books.split([], [some], to - 1, to, done)
      else books.split([read(some, spent, 0, 10)], [], 9, 10, done)
    }
    return books
  }

  test('is split by what happened over its whole interval', () => {
    expect(tenTicks(new Books('none'), slow, 120).joules).toEqual({
      'one cpu host': 30,
      'two cpu host': 70,
      'idle cpu idle': 20,
    })
  })

  test('its idle energy, too: whoever held for three of ten seconds carries three tenths', () => {
    expect(tenTicks(new Books('holders'), gpu, 100).joules).toEqual({
      'one accelerator idle': 30,
      'idle accelerator idle': 70,
    })
    expect(tenTicks(new Books('holders'), slow, 20).joules).toEqual({
      'one cpu idle': 6,
      'idle cpu idle': 14,
    })
    expect(tenTicks(new Books('equal'), slow, 20).joules).toEqual({ 'one cpu idle': 6, 'two cpu idle': 14 })
  })

  test('weighs seconds, not accelerators: one held for a second is as much as two for a second', () => {
    const books = new Books('holders')
      .split([], [slow], 0, 1, { holders: { 'gpu-0': [one] } })
      .split([read(slow, 4, 0, 2)], [], 1, 2, { holders: { 'gpu-0': [two], 'gpu-1': [two] } })
    expect(books.joules).toEqual({ 'one cpu idle': 2, 'two cpu idle': 2 })
  })

  test('starts afresh after it was booked', () => {
    const books = tenTicks(new Books('none'), leaf('package-0', 'cpu', 0), 100)
    books.split([read(leaf('package-0', 'cpu', 0), 5, 10, 11)], [], 10, 11, { cpu: [[two, 1]] })
    expect(books.joules).toEqual({ 'one cpu host': 30, 'two cpu host': 75 })
  })

  test('is not pooled with one that is read every tick', () => {
    const [fast, late] = [leaf('package-0', 'cpu', 0), leaf('package-1', 'cpu', 0)]
    const books = new Books()
      .split([read(fast, 10, 0, 1)], [late], 0, 1, { cpu: [[one, 1]] })
      .split([read(fast, 10, 1, 2), read(late, 40, 0, 2)], [], 1, 2, { cpu: [[two, 1]] })
    expect(books.joules).toEqual({ 'one cpu host': 10 + 20, 'two cpu host': 10 + 20 })
  })

  test('that went away takes nothing of the time before when it comes back', () => {
    const late = leaf('package-0', 'cpu', 0)
    const books = new Books()
      .split([], [late], 0, 1, { cpu: [[one, 1]] })
      .split([], [], 1, 100, { cpu: [[one, 1]] })
      .split([read(late, 40, 100, 101)], [], 100, 101, { cpu: [[two, 1]] })
    expect(books.joules).toEqual({ 'two cpu host': 40 })
  })
})

describe('the first look', () => {
  const book = (present: readonly Domain[], readings: Parameters<Ledger['book']>[0]['readings']): Ledger => {
    const ledger = new Ledger(policy(), {
      nameOf: namingByPath(),
      startedAt: seconds(0),
      lostAfter: seconds(60),
    })
    const tick = { at: seconds(1), wall: seconds(1e9), domains: present, readings, activity: undefined }
    ledger.book(tick)
    return ledger
  }

  test('nobody is known yet: what was spent is unattributed and not lost', () => {
    const cpu = domain('package-0', 'cpu')
    const ledger = book([cpu], [reading(cpu, 33, 0, 1)])
    expect(figures(ledger.unattributed.accounts())).toEqual({ 'warming_up cpu idle': '33.000000' })
    expect([...ledger.views.workload.accounts()]).toEqual([])
  })

  test('what has no idle part has none now either', () => {
    const crac = domain('crac', 'cooling')
    const ledger = book([crac], [reading(crac, 8, 0, 1)])
    expect(figures(ledger.unattributed.accounts())).toEqual({ 'warming_up cooling overhead': '8.000000' })
  })
})
