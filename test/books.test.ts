import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Books, type BooksChanges, type BooksPolicy, type BooksState } from '../exporter/src/books.ts'
import type { BudgetRule, Domain } from '../exporter/src/model.ts'
import { EnergyTotal, seconds } from '../exporter/src/units.ts'
import { bucketOf, type ClosedBucket } from '../exporter/src/workloads/history-bucket.ts'
import type { RequestEvent } from '../exporter/src/workloads/request-events.ts'
import { activity, domain, figures, group, policy, processOf, reading } from './ledger/small-machine.ts'

const WALL = Date.parse('2026-11-24T10:00:00Z') / 1000

const rule: BudgetRule = {
  name: 'november',
  match: {},
  limitJoules: 1e9,
  boundary: 'provisioned',
  facilityFactor: undefined,
  meter: undefined,
  scope: 'node',
  period: { kind: 'month', billingDay: 1 },
  timeZone: 'Europe/Berlin',
}

const booksPolicy = (more: Partial<BooksPolicy> = {}): BooksPolicy => ({
  ledger: policy(),
  timeZone: 'Europe/Berlin',
  node: 'here',
  budgets: [rule],
  demand: [{ meter: 'node', blockMinutes: 15, limit: undefined, billingDay: 1, timeZone: 'Europe/Berlin' }],
  queries: { mostAccounts: 100, birthHold: seconds(0), expireAfter: seconds(600) },
  ...more,
})

const pack = domain('package-0', 'cpu')
const gpu = domain('gpu-0', 'accelerator')
const worker = processOf(group('worker.service'), 7, 'worker')

/** One run of the exporter after another over the same machine; time goes by in seconds. */
class Machine {
  books: Books
  readonly closed: ClosedBucket[] = []
  #at = 1000
  #wall = WALL
  #kept: { state: string; changes: string[] } = { state: '', changes: [] }

  constructor(more: Partial<BooksPolicy> = {}) {
    this.books = new Books(booksPolicy(more), this.#now, undefined)
    this.#keepState()
  }

  get #now() {
    return { at: seconds(this.#at), wall: seconds(this.#wall) }
  }

  /** @param spent joules by domain, by the worker's doing */
  tick(spent: ReadonlyMap<Domain, number>, options: { after?: number; whileDown?: true } = {}): this {
    const from = this.#at
    this.wait(options.after ?? 1)
    const { whileDown } = options
    const changes = this.books.book(
      {
        ...this.#now,
        domains: Array.from(spent.keys()),
        readings: Array.from(spent, ([one, amount]) => ({
          ...reading(one, amount, from, this.#at),
          ...(whileDown !== undefined && { whileDown }),
        })),
        activity:
          whileDown === true
            ? undefined
            : activity(from, this.#at, { cpu: [[worker, 1]], use: { 'gpu-0': [[worker, 1]] } }),
      },
      { bookmarks: {}, failures: {} },
    )
    this.closed.push(...this.books.takeClosed())
    this.#kept.changes.push(JSON.stringify(changes))
    return this
  }

  /** Monotonic seconds. */
  get at(): number {
    return this.#at
  }

  wait(duration: number): void {
    this.#at += duration
    this.#wall += duration
  }

  /** The wall clock is set by so many seconds. */
  set(offset: number): this {
    this.#wall += offset
    return this
  }

  /** @param options.down seconds; @param options.booted the machine has started anew: its clock begins at 0 */
  restart(options: { down?: number; booted?: true; more?: Partial<BooksPolicy> } = {}): this {
    this.wait(options.down ?? 0)
    if (options.booted === true) this.#at = 10
    const former = {
      state: JSON.parse(this.#kept.state) as BooksState,
      changes: this.#kept.changes.map((text) => JSON.parse(text) as BooksChanges),
      isCurrent: options.booted !== true,
    }
    this.books = new Books(booksPolicy(options.more), this.#now, former)
    this.#keepState()
    return this
  }

  /** What is kept becomes something else. */
  spoil(change: (state: BooksState) => BooksState): this {
    this.#kept.state = JSON.stringify(change(JSON.parse(this.#kept.state) as BooksState))
    return this
  }

  #keepState(): void {
    const state = this.books.state({ bookmarks: {}, failures: {} })
    this.#kept = { state: JSON.stringify(state), changes: [] }
  }

  /** What the page's leaves come to. */
  get shown(): string {
    return EnergyTotal.of(...this.books.ledger.nesting.leafTotals().values()).toString()
  }

  get unattributed(): Record<string, string> {
    return figures(this.books.ledger.unattributed.accounts())
  }

  get used(): string {
    return String(this.books.budgets.statuses(seconds(this.#wall))[0]?.used)
  }

  get month(): Record<string, number> {
    const sums = this.books.history.month(seconds(this.#wall))
    return Object.fromEntries(sums.map((sum) => [sum.workload, sum.joules]))
  }

  /** The history's hours that ended and those that are open: energy, and seconds without the exporter or knowledge. */
  get hours(): { readonly joules: string; readonly down: number; readonly unknown: number } {
    const open = this.books.history.state().hours.flatMap((record) => bucketOf(record) ?? [])
    // an hour that is handed out again after a restart is the same one
    const ended = new Map(
      this.closed
        .filter(({ unit }) => unit === 'hour')
        .map((hour) => [`${hour.zone} ${hour.from} ${hour.generation}`, hour]),
    )
    const hours = [...ended.values(), ...open]
    const energies = hours.flatMap(({ rows }) => rows.map(({ energy }) => energy))
    return {
      joules: EnergyTotal.of(...energies).toString(),
      down: hours.reduce((sum, hour) => sum + hour.down, 0),
      unknown: hours.flatMap((hour) => [...hour.unknown.values()]).reduce<number>((sum, one) => sum + one, 0),
    }
  }
}

const both = (cpu: number, accelerator: number): ReadonlyMap<Domain, number> =>
  new Map([
    [pack, cpu],
    [gpu, accelerator],
  ])

describe('queries', () => {
  const answered = (machine: Machine): readonly (number | undefined)[] =>
    machine.books.queries.rows(seconds(1500)).map(({ amounts }) => amounts.queries)
  const answer = (machine: Machine, queries: number): void =>
    machine.books.queries.add({
      workload: 'chat',
      namespace: '',
      model: 'm',
      variant: '',
      server: 'vllm',
      source: 'server',
      isEstimated: false,
      queries,
    })

  test('go on after a restart, from the state and from every tick after it', () => {
    const machine = new Machine()
    answer(machine, 5)
    machine.tick(both(1, 1))
    answer(machine, 2)
    machine.tick(both(1, 1)).restart({ down: 20 })
    expect(answered(machine)).toEqual([7])
    answer(machine, 1)
    machine.tick(both(1, 1), { whileDown: true }).restart().restart()
    expect(answered(machine)).toEqual([8])
  })

  test('that were reported after the last tick were on no page, and are lost with the process', () => {
    const machine = new Machine()
    answer(machine, 5)
    machine.tick(both(1, 1))
    answer(machine, 100)
    machine.restart()
    expect(answered(machine)).toEqual([5])
  })

  test('begin at 0 after another boot, as all that was on the page does', () => {
    const machine = new Machine()
    answer(machine, 5)
    machine.tick(both(1, 1)).restart({ booted: true })
    expect(answered(machine)).toEqual([])
  })

  test('that cannot be read begin anew, and nobody else suffers', () => {
    const machine = new Machine()
    answer(machine, 5)
    machine
      .tick(both(10, 100))
      .restart()
      .spoil((state) => ({ ...state, queries: { version: 1, dropped: 0, accounts: 'none' } as never }))
      .restart()
    expect([answered(machine), machine.shown]).toEqual([[], '110.000000'])
    expect(machine.books.problems).toEqual(['queries: the saved queries cannot be used: it should be a list'])
  })

  test('of books before there were any begin at 0', () => {
    const machine = new Machine()
    machine
      .tick(both(10, 100))
      .restart()
      .spoil(({ queries, ...state }) =>
        queries === undefined ? machine.books.state({ bookmarks: {}, failures: {} }) : state,
      )
      .restart()
    expect([answered(machine), machine.books.problems, machine.shown]).toEqual([[], [], '110.000000'])
  })
})

describe('the energy of requests', () => {
  const owner = (): { workload: string; namespace: string } => ({ workload: 'worker.service', namespace: '' })
  let lastId = 0

  /** So many begin now and end half a second later; and so many more that never come to their end. */
  function ask(machine: Machine, answered: number, unfinished = 0): void {
    const events = Array.from({ length: answered + unfinished }, (_, index): RequestEvent[] => {
      const [id, proxy] = [(lastId += 1), '127.0.0.1:11435']
      const answer = {
        promptTokens: 1,
        cachedPromptTokens: undefined,
        outputTokens: 1,
        isEstimated: false,
        server: 'ollama',
      }
      const started = { kind: 'started', id, proxy, at: seconds(machine.at) } as const
      const ended = { kind: 'ended', id, proxy, at: seconds(machine.at + 0.5), model: 'm', answer } as const
      return index < answered ? [started, ended] : [started]
    })
    machine.books.requests.see(events.flat(), owner)
  }

  const told = (machine: Machine): readonly unknown[] =>
    machine.books.requestEnergy
      .rows(seconds(machine.at))
      .map(({ labels, upTo, count, sum, createdWall }) => [labels, upTo, count, sum.toString(), createdWall])

  const sums = (machine: Machine): readonly unknown[] =>
    machine.books.requestEnergy.rows(seconds(machine.at)).map(({ count, sum }) => [count, sum.toString()])

  test('goes on as it was, at whatever tick a run ended', () => {
    // 3 W of each are idle: beyond it something is active, for which an ended request waits
    const tick = fc.record({
      cpu: fc.integer({ min: 4, max: 50 }),
      gpu: fc.integer({ min: 4, max: 400 }),
      answered: fc.nat(3),
      unfinished: fc.nat(1),
      ends: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(tick, { minLength: 1, maxLength: 12 }), (ticks) => {
        const machine = new Machine()
        let answered = 0
        for (const one of ticks) {
          ask(machine, one.answered, one.unfinished)
          machine.tick(both(one.cpu, one.gpu))
          answered += one.answered
          const before = told(machine)
          if (one.ends) machine.restart()
          expect(told(machine)).toEqual(before)
        }
        const [row] = machine.books.requestEnergy.rows(seconds(machine.at))
        expect([machine.books.problems, row?.count ?? 0]).toEqual([[], answered])
      }),
    )
  })

  test('of requests on their way is lost with the run, and of those that were answered nothing', () => {
    const machine = new Machine()
    ask(machine, 1, 1)
    machine.tick(both(0, 103)) // 3 W are idle
    machine.restart().tick(both(0, 103))
    // the one got a third of its time: half a second of one and a half
    expect(sums(machine)).toEqual([[1, '33.333333']])
    ask(machine, 1)
    machine.tick(both(0, 13))
    expect(sums(machine)).toEqual([[2, '43.333333']])
  })

  test('begins at 0 after another boot', () => {
    const machine = new Machine()
    ask(machine, 2)
    machine.tick(both(5, 50))
    expect(told(machine)).toHaveLength(1)
    machine.restart({ booted: true })
    expect(told(machine)).toEqual([])
  })

  test('that cannot be read begins anew, and nobody else suffers', () => {
    const machine = new Machine()
    ask(machine, 2)
    machine
      .tick(both(10, 100))
      .restart()
      .spoil((state) => ({ ...state, requestEnergy: { version: 1, series: 'none' } as never }))
      .restart()
    expect([told(machine), machine.shown]).toEqual([[], '110.000000'])
    expect(machine.books.problems).toEqual([expect.stringMatching(/^energy of requests: /)])
  })

  test('of books before there was any begins at 0', () => {
    const machine = new Machine()
    ask(machine, 2)
    machine
      .tick(both(10, 100))
      .restart()
      .spoil(({ requestEnergy, ...state }) => {
        expect(requestEnergy?.series).toHaveLength(1)
        return state
      })
      .restart()
    expect([told(machine), machine.books.problems, machine.shown]).toEqual([[], [], '110.000000'])
  })
})

describe('after a restart within a boot', () => {
  test('all figures go on, and what was spent meanwhile is nobody’s', () => {
    const machine = new Machine()
    machine.tick(both(10, 100)).restart({ down: 20 })
    expect([machine.shown, machine.used]).toEqual(['110.000000', '110.000000'])
    machine.tick(both(5, 50), { whileDown: true }).tick(both(1, 2))
    expect([machine.shown, machine.used]).toEqual(['168.000000', '168.000000'])
    expect(machine.unattributed).toMatchObject({
      'exporter_down accelerator accelerator': '47.000000',
      'exporter_down accelerator idle': '3.000000',
      'exporter_down cpu host': '2.000000',
      'exporter_down cpu idle': '3.000000',
    })
    expect(machine.hours).toMatchObject({ joules: '168.000000', down: 21 })
    expect(machine.month).toEqual({ 'worker.service': 10 - 3 + 100 - 3 }) // what is idle is 3 W each
  })

  test('a run that ends before its first tick costs nothing', () => {
    const machine = new Machine()
    machine.tick(both(10, 100)).restart({ down: 5 }).restart({ down: 5 }).restart({ down: 5 })
    machine.tick(both(5, 50), { whileDown: true })
    expect([machine.shown, machine.used]).toEqual(['165.000000', '165.000000'])
    expect(machine.hours).toMatchObject({ joules: '165.000000', down: 16 })
  })

  test('a night without the exporter belongs to its hours by time', () => {
    const machine = new Machine()
    machine.tick(both(0, 10)).restart({ down: 8 * 3600 - 2 })
    machine.tick(both(0, 28_800), { whileDown: true })
    const perHour = machine.closed
      .filter(({ unit }) => unit === 'hour')
      .map(({ rows }) => Math.round(rows.reduce((sum, { energy }) => sum + energy.toJoules(), 0)))
    expect(perHour).toEqual([3600 + 10 - 1, ...Array.from({ length: 7 }, () => 3600)])
    expect(machine.hours.joules).toBe('28810.000000')
  })

  test('time without the exporter is not counted again as time in which nothing is known', () => {
    const machine = new Machine()
    machine.tick(both(10, 100)).restart({ down: 30 })
    // a sensor without a counter begins anew: a first look, and then a reading from there on
    machine.tick(new Map()).tick(both(1, 1))
    expect(machine.hours).toMatchObject({ down: 31, unknown: 0 })
    machine.tick(new Map(), { after: 5 }).tick(both(1, 1))
    expect(machine.hours).toMatchObject({ down: 31, unknown: 5 + 5 })
  })

  test('budgets that do not fit begin anew, and nothing else does', () => {
    const machine = new Machine()
    machine
      .tick(both(10, 100))
      .spoil((state) => ({ ...state, budgets: { version: 99, budgets: [] } as never }))
    machine.restart({ down: 5 })
    expect(machine.books.problems).toEqual([expect.stringMatching(/^budgets: /)])
    expect(machine.shown).toBe('110.000000')
    expect(machine.hours.joules).toBe('110.000000')
  })

  test('a removed accelerator keeps its figures, and nothing is missing', () => {
    const machine = new Machine()
    machine.tick(both(10, 100)).restart({ down: 5 })
    machine.tick(new Map([[pack, 5]]), { whileDown: true }).tick(new Map([[pack, 1]]))
    expect([machine.shown, machine.used]).toEqual(['116.000000', '116.000000'])
  })

  test('a clock that is set costs no joule and shows no hour twice', () => {
    const machine = new Machine()
    machine.tick(both(10, 100)).set(-1800).tick(both(1, 1)).restart({ down: 5 }).set(7200).tick(both(1, 1))
    expect([machine.shown, machine.used]).toEqual(['114.000000', '114.000000'])
    expect(machine.hours.joules).toBe('114.000000')
  })
})

describe('after another boot', () => {
  test('the page begins at 0; budgets, history and demand keep what they have', () => {
    const machine = new Machine()
    machine.tick(both(10, 100)).restart({ booted: true, down: 60 })
    expect(machine.shown).toBe('0.000000')
    expect(machine.books.resumed).toBeUndefined()
    expect(machine.used).toBe('110.000000')
    machine.tick(both(4, 5))
    expect(machine.shown).toBe('9.000000')
    expect(machine.used).toBe('119.000000')
    expect(machine.hours).toMatchObject({ joules: '119.000000', down: 61 })
  })

  test('a state of a later instant than now does not go on', () => {
    const machine = new Machine()
    machine.tick(both(10, 100)).tick(both(1, 1), { after: 10_000 })
    machine.restart({ down: -11_000 })
    expect(machine.shown).toBe('0.000000')
  })
})

describe('a reload', () => {
  test('another time zone ends the hours of the one before and loses none', () => {
    const machine = new Machine()
    machine.tick(both(10, 100))
    machine.books.reconfigure(booksPolicy({ timeZone: 'Asia/Kathmandu' }))
    machine.tick(both(1, 1))
    expect(machine.hours.joules).toBe('112.000000')
  })

  test('another time zone, and a restart: what was handed out in the zone before comes out alike', () => {
    const machine = new Machine()
    machine.tick(both(10, 100)).tick(both(1, 1), { after: 3600 })
    machine.books.reconfigure(booksPolicy({ timeZone: 'Asia/Kathmandu' }))
    machine.tick(both(1, 1), { after: 1000 }).tick(both(1, 1), { after: 3600 })
    machine.restart({ down: 5, more: { timeZone: 'Asia/Kathmandu' } }).tick(both(1, 1), { whileDown: true })
    expect(machine.hours).toMatchObject({ joules: '118.000000', down: 6 })
  })

  test('another time zone over a restart', () => {
    const machine = new Machine()
    machine.tick(both(10, 100)).tick(both(1, 1), { after: 3600 })
    machine.restart({ down: 5, more: { timeZone: 'Asia/Kathmandu' } }).tick(both(1, 1), { whileDown: true })
    expect(machine.hours).toMatchObject({ joules: '114.000000', down: 6 })
    machine.restart({ down: 5 }).tick(both(1, 1), { whileDown: true })
    expect(machine.hours).toMatchObject({ joules: '116.000000', down: 12 })
  })

  test('another limit keeps the use', () => {
    const machine = new Machine()
    machine.tick(both(10, 100))
    machine.books.reconfigure(booksPolicy({ budgets: [{ ...rule, limitJoules: 5 }] }))
    expect(machine.used).toBe('110.000000')
  })
})
