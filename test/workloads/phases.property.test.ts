/**
 * Random marks, reports, ranks, slow meters, exits and restarts: the books balance, nothing falls, and what a workload
 * has in its phases and without one is what its containers have, which know of no phase.
 */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Books, type BooksChanges, type BooksPolicy, type BooksState } from '../../exporter/src/books.ts'
import type { View } from '../../exporter/src/ledger/view.ts'
import type { Activity, Consumer, Names, Naming } from '../../exporter/src/model.ts'
import { nanoseconds, seconds } from '../../exporter/src/units.ts'
import { parseMarkLine } from '../../exporter/src/workloads/mark-grammar.ts'
import type { TimedMark } from '../../exporter/src/workloads/marks.ts'
import { namingByPath } from '../../exporter/src/workloads/naming.ts'
import { imbalances } from '../ledger/equations.ts'
import { Watch } from '../ledger/random-machine.ts'
import { domain, policy, processOf, reading } from '../ledger/small-machine.ts'
import { serviceGroup } from './phase-play.ts'

const DOMAINS = [
  domain('meter', 'node'), // slow: it is read now and then
  domain('package-0', 'cpu', 'meter'),
  domain('gpu-0', 'accelerator', 'meter'),
]

const GROUPS = [serviceGroup('train.service'), serviceGroup('train.service'), serviceGroup('web.service')]
const SLOTS = 5

const BOOKS_POLICY: BooksPolicy = {
  ledger: {
    ...policy(),
    // all that was ever booked stays where it can be seen
    lifetimes: { birthHold: seconds(0), expireAfter: seconds(1e9) },
    seriesLimit: 20_000,
    processes: 3,
  },
  timeZone: 'UTC',
  node: 'here',
  budgets: [],
  demand: [],
  queries: { mostAccounts: 10, birthHold: seconds(0), expireAfter: seconds(600) },
}

const line = fc.oneof(
  fc.constantFrom(
    'phase=train',
    'phase=train step samples=4',
    'begin=eval',
    'begin=checkpoint scope=process',
    'end',
    'end=eval',
    'phase=custom',
    'run=start',
    'refresh lease=3',
  ),
  fc
    .tuple(fc.constantFrom('train/forward', 'train/backward'), fc.integer({ min: 0, max: 30 }))
    .map(([phase, tenths]) => `phase=${phase} dur=${tenths / 10}`),
)

const step = fc.record({
  wait: fc.constantFrom(0.05, 1, 1, 1, 4, 12),
  spent: fc.tuple(
    fc.option(fc.integer({ min: 0, max: 9_000_000 }), { freq: 2 }),
    fc.option(fc.integer({ min: 0, max: 5_000_000 }), { freq: 8 }),
    fc.option(fc.integer({ min: 0, max: 5_000_000 }), { freq: 4 }),
  ),
  cpu: fc.array(fc.tuple(fc.nat(SLOTS + 1), fc.integer({ min: 1, max: 999_999_937 })), { maxLength: 6 }),
  use: fc.array(fc.nat(SLOTS - 1), { maxLength: 3 }),
  /** Who says what, at which part of the tick, or after it. */
  said: fc.array(fc.tuple(fc.nat(SLOTS - 1), line, fc.constantFrom(0, 0.3, 0.5, 1, 1.1)), { maxLength: 5 }),
  exit: fc.option(fc.nat(SLOTS - 1), { freq: 9 }),
  restart: fc.constantFrom(false, false, false, false, false, false, false, true),
})
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never

class PhasedMachine {
  books: Books
  /** Before and after the split by phases. */
  readonly seen: (readonly [Activity, Activity])[] = []
  readonly #consumers: Consumer[] = []
  #now = 1000
  #born = 0
  #kept: { state: string; changes: string[] } = { state: '', changes: [] }
  #isFirst = true
  readonly #readTo = new Map<string, number>()
  readonly #namesOf: (consumer: Consumer) => Names = namingByPath()

  constructor() {
    for (let slot = 0; slot < SLOTS; slot += 1) this.#consumers.push(this.#birth(slot))
    this.books = new Books(BOOKS_POLICY, this.#instant, undefined, (consumer) => this.#nameOf(consumer))
    this.#keep()
  }

  run(one: Step): void {
    if (one.restart) this.#restart()
    const from = this.#now
    for (const [slot, text, part] of one.said) {
      const consumer = this.#consumers[slot]
      const mark = parseMarkLine(text)?.mark
      if (consumer?.kind !== 'process' || mark === undefined) continue
      const { pid, startTicks } = consumer.process
      const timed: TimedMark = { ...mark, at: seconds(from + part * one.wait) }
      this.books.phases.take([{ who: { kind: 'process', pid, startTicks }, marks: [timed] }])
    }
    this.#now += one.wait
    const activity = this.#isFirst ? undefined : this.#activity(one, from)
    this.#isFirst = false
    const changes = this.books.book(
      {
        ...this.#instant,
        domains: DOMAINS,
        readings: DOMAINS.flatMap((some, index) => {
          const spent = one.spent[index]
          if (spent === null || spent === undefined) return []
          const since = this.#readTo.get(some.id) ?? from
          this.#readTo.set(some.id, this.#now)
          return [reading(some, spent / 1e6, since, this.#now)]
        }),
        activity: activity && this.#inPhases(activity),
      },
      { bookmarks: {}, failures: {} },
    )
    this.#kept.changes.push(JSON.stringify(changes))
    if (one.exit !== null) this.#consumers[one.exit] = this.#birth(one.exit)
  }

  get #instant() {
    return { at: seconds(this.#now), wall: seconds(1.79e9 + this.#now) }
  }

  #nameOf(consumer: Consumer): Naming {
    return this.books.phases.namingOf(consumer, this.#namesOf(consumer.doing?.of ?? consumer))
  }

  #inPhases(activity: Activity): Activity {
    const after = this.books.phases.apply(activity, {
      wall: this.#instant.wall,
      namesOf: this.#namesOf,
      processOf: (pid, startTicks) =>
        this.#consumers.find(
          (one) => one.kind === 'process' && one.process.pid === pid && one.process.startTicks === startTicks,
        ),
    })
    this.seen.push([activity, after])
    return after
  }

  #activity({ cpu, use }: Step, from: number): Activity {
    const exited = GROUPS.map((group): Consumer => ({ kind: 'exited', group }))
    const userOf = (slot: number): Consumer[] =>
      [this.#consumers[slot] ?? exited[slot - SLOTS]].flatMap((one) => one ?? [])
    const users = new Set(use.flatMap(userOf))
    return {
      from: seconds(from),
      to: seconds(this.#now),
      cpu: Array.from(
        new Map(cpu.flatMap(([slot, time]) => userOf(slot).map((user) => [user, time] as const))),
      ).map(([consumer, time]) => ({ consumer, cpu: nanoseconds(time) })),
      unreadableCpu: nanoseconds(0),
      busyRatio: 1,
      groups: GROUPS,
      accelerators: new Map([
        [
          'gpu-0',
          {
            use: Array.from(users, (to, index) => ({ to, weight: index + 1 / 3 })),
            guessed: new Set(users),
            holders: Array.from(users, (to) => ({ to, share: 1 / users.size })),
          },
        ],
      ]),
      census: { processes: SLOTS, unreadable: 0, groups: 3, cpuTimeSource: 'clock', limitation: '' },
    }
  }

  #birth(slot: number): Consumer {
    this.#born += 1
    const group = GROUPS[slot % GROUPS.length]
    if (group === undefined) throw new Error('no group')
    return processOf(group, 100 + slot, `job-${slot}`, this.#born)
  }

  #keep(): void {
    const state = this.books.state({ bookmarks: {}, failures: {} })
    this.#kept = { state: JSON.stringify(state), changes: [] }
  }

  /** The machine goes on, and its processes with it. */
  #restart(): void {
    this.#now += 0.5
    const former = {
      state: JSON.parse(this.#kept.state) as BooksState,
      changes: this.#kept.changes.map((text) => JSON.parse(text) as BooksChanges),
      isCurrent: true,
    }
    this.books = new Books(BOOKS_POLICY, this.#instant, former, (consumer) => this.#nameOf(consumer))
    expect(this.books.problems).toEqual([])
    this.#keep()
    this.#isFirst = true
  }
}

const LABELS = { workload: [0, 1], container: [4, 5] } as const

/** Microjoules by workload and namespace. */
function totals(view: View, [workload, namespace]: readonly [number, number]): Record<string, string> {
  const sums: Record<string, bigint> = {}
  for (const { holder, total } of view.accounts()) {
    const key = `${holder.labels[workload]} ${holder.labels[namespace]}`
    sums[key] = (sums[key] ?? 0n) + total.toBigInt()
  }
  return Object.fromEntries(Object.entries(sums).map(([key, sum]) => [key, String(sum)]))
}

/** Figures that stand lower than before. */
class FigureWatch {
  readonly #last = new Map<string, number>()

  fallen(books: Books, at: number): string[] {
    return Array.from(books.phases.counts.rows(seconds(at))).flatMap((row) => {
      const key = [row.workload, row.namespace, row.phase, row.figure].join(' ')
      const before = this.#last.get(key) ?? 0
      this.#last.set(key, row.value)
      return row.value < before ? `${key}: ${before} -> ${row.value}` : []
    })
  }
}

const plays = fc.array(step, { minLength: 1, maxLength: 40 })

describe('phases', () => {
  test('and what has none make up each workload, to the microjoule, and nothing ever falls', () => {
    fc.assert(
      fc.property(plays, (play) => {
        const machine = new PhasedMachine()
        const watch = new Watch()
        const figures = new FigureWatch()
        for (const one of play) {
          machine.run(one)
          const { ledger } = machine.books
          expect(imbalances(ledger)).toEqual([])
          expect(watch.fallen(ledger)).toEqual([])
          expect(figures.fallen(machine.books, 1000)).toEqual([])
          expect(totals(ledger.views.workload, LABELS.workload)).toEqual(
            totals(ledger.views.container, LABELS.container),
          )
        }
      }),
      { numRuns: 300 },
    )
  })

  test('are seen: most plays book energy to several of them', () => {
    const phases = new Set<string>()
    fc.assert(
      fc.property(plays, (play) => {
        const machine = new PhasedMachine()
        for (const one of play) machine.run(one)
        for (const { holder } of machine.books.ledger.views.workload.accounts())
          phases.add(holder.labels[5] ?? '')
      }),
      { numRuns: 150, seed: 20_261_124 },
    )
    for (const phase of ['', 'train', 'eval', 'custom', 'train/forward', 'unknown'])
      expect(phases).toContain(phase)
  })

  test('split what each consumer did, and neither add to it nor take from it', () => {
    fc.assert(
      fc.property(plays, (play) => {
        const machine = new PhasedMachine()
        for (const one of play) machine.run(one)
        for (const [before, after] of machine.seen) {
          const use = ({ accelerators }: Activity) => accelerators.get('gpu-0')?.use ?? []
          expect(weightsOf(after.cpu.map(({ consumer, cpu }) => [consumer, cpu]))).toEqual(
            weightsOf(before.cpu.map(({ consumer, cpu }) => [consumer, cpu])),
          )
          expect(weightsOf(use(after).map(({ to, weight }) => [to as Consumer, weight]))).toEqual(
            weightsOf(use(before).map(({ to, weight }) => [to as Consumer, weight])),
          )
          expect(after.cpu.every(({ cpu }) => cpu > 0)).toBe(true)
        }
      }),
    )
  })
})

/** What each consumer has, whatever it was doing; to nine digits. */
function weightsOf(weights: readonly (readonly [Consumer, number])[]): Map<Consumer, string> {
  const sums = new Map<Consumer, number>()
  for (const [consumer, weight] of weights) {
    const of = consumer.doing?.of ?? consumer
    sums.set(of, (sums.get(of) ?? 0) + weight)
  }
  return new Map(Array.from(sums, ([consumer, sum]) => [consumer, sum.toPrecision(9)]))
}
