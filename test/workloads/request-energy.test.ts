import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Booking } from '../../exporter/src/model.ts'
import { microjoules, seconds } from '../../exporter/src/units.ts'
import {
  LONGEST_WAIT_SECONDS,
  RequestEnergy,
  type RequestCost,
} from '../../exporter/src/workloads/request-energy.ts'
import type { AnswerCounts, RequestEvent } from '../../exporter/src/workloads/request-events.ts'
import { facts } from './bookings.ts'

const ANSWER: AnswerCounts = {
  promptTokens: 1,
  cachedPromptTokens: undefined,
  outputTokens: 1,
  isEstimated: false,
  server: 'ollama',
}

const owners: Readonly<Record<string, { workload: string; namespace: string }>> = {
  one: { workload: 'chat', namespace: '' },
  other: { workload: 'search', namespace: 'prod' },
}
const ownerOf = (proxy: string) => owners[proxy] ?? { workload: 'unknown', namespace: '' }

const started = (id: number, at: number, proxy = 'one'): RequestEvent => ({
  kind: 'started',
  id,
  proxy,
  at: seconds(at),
})
const progress = (id: number, tokens: number, model = 'llama'): RequestEvent => ({
  kind: 'progress',
  id,
  tokens,
  model,
})
const ended = (
  id: number,
  at: number,
  model = 'llama',
  answer: AnswerCounts | undefined = ANSWER,
  proxy = 'one',
): RequestEvent => ({
  kind: 'ended',
  id,
  proxy,
  at: seconds(at),
  model,
  answer,
})

const booking = (
  amount: number,
  more: {
    component?: 'accelerator' | 'cpu'
    model?: string
    part?: Booking['part']
    workload?: string
    namespace?: string
  } = {},
): Booking => ({
  component: more.component ?? 'accelerator',
  part: more.part ?? 'accelerator',
  method: 'counter',
  amount: microjoules(amount),
  workload: facts({
    workload: more.workload ?? 'chat',
    namespace: more.namespace ?? '',
    model: more.model ?? '',
  }),
})

/** Ticks in order: what has happened up to it, what it books. */
function run(
  ticks: readonly (readonly [at: number, events: readonly RequestEvent[], bookings: readonly Booking[]])[],
): RequestCost[] {
  const energy = new RequestEnergy()
  return ticks.flatMap(([at, events, bookings]) => {
    energy.see(events, ownerOf)
    return energy.book(bookings, seconds(at)).costs
  })
}

const amounts = (costs: readonly RequestCost[]): number[] => costs.map(({ energy }) => energy)

describe('a tick’s energy', () => {
  test('goes to the one in flight, of accelerators and host but not idle or overhead', () => {
    const costs = run([
      [
        1,
        [started(1, 0.2)],
        [booking(100), booking(20, { component: 'cpu', part: 'host' }), booking(7, { part: 'idle' })],
      ],
      [2, [progress(1, 3), ended(1, 1.5)], [booking(50), booking(1, { component: 'cpu', part: 'host' })]],
    ])
    expect(costs).toEqual([{ workload: 'chat', namespace: '', model: 'llama', basis: 'tokens', energy: 171 }])
  })

  test('is split by tokens of the tick', () => {
    const costs = run([
      [1, [started(1, 0), started(2, 0), progress(1, 30), progress(2, 10)], [booking(400)]],
      [2, [progress(1, 10), progress(2, 30), ended(1, 2), ended(2, 2)], [booking(40)]],
    ])
    expect(amounts(costs)).toEqual([310, 130])
  })

  test('is split by time where answers come as a whole', () => {
    const costs = run([
      [4, [started(1, 0), started(2, 3), ended(1, 4, 'm'), ended(2, 4, 'm')], [booking(500)]],
    ])
    expect(costs.map(({ energy, basis }) => [energy, basis])).toEqual([
      [400, 'time'],
      [100, 'time'],
    ])
  })

  test('goes to one whose prompt is worked on at the mean rate of those who answer', () => {
    const costs = run([
      [1, [started(1, 0), started(2, 0.5), progress(1, 20)], [booking(300)]],
      [2, [progress(1, 20), progress(2, 20), ended(1, 2), ended(2, 2)], [booking(100)]],
    ])
    expect(amounts(costs)).toEqual([250, 150])
  })

  test('of a model goes to the requests for it, where there are some', () => {
    const costs = run([
      [
        1,
        [
          started(1, 0),
          started(2, 0),
          progress(1, 5, 'llama'),
          progress(2, 5, 'qwen'),
          ended(1, 1, 'llama'),
          ended(2, 1, 'qwen'),
        ],
        [
          booking(100, { model: 'llama' }),
          booking(30, { model: 'qwen' }),
          booking(20, { model: 'multiple' }),
        ],
      ],
    ])
    expect(costs.map(({ model, energy }) => [model, energy])).toEqual([
      ['llama', 110],
      ['qwen', 40],
    ])
  })
})

describe('energy that is booked late', () => {
  test('goes to those who were in flight meanwhile, ended ones included', () => {
    const host = { component: 'cpu', part: 'host' } as const
    const costs = run([
      [10, [started(1, 0), ended(1, 10)], [booking(1), booking(5, host)]],
      [12, [started(2, 10), ended(2, 12)], [booking(10)]],
      [15, [started(3, 12)], [booking(10)]],
      [20, [ended(3, 18)], [booking(10), booking(800, host)]],
    ])
    // Two seconds and six of the ten.
    expect(amounts(costs)).toEqual([6, 10 + 200, 20 + 600])
  })

  test('is waited for, but not for ever', () => {
    const energy = new RequestEnergy()
    energy.see([started(1, 0)], ownerOf)
    expect(energy.book([booking(9)], seconds(1)).costs).toEqual([])
    energy.see([ended(1, 2)], ownerOf)
    expect(energy.book([], seconds(2)).costs).toEqual([])
    expect(energy.book([], seconds(2 + LONGEST_WAIT_SECONDS)).costs).toHaveLength(1)
  })

  test('of nobody is not charged, nor that of requests which got no answer', () => {
    const energy = new RequestEnergy()
    energy.see([started(1, 0), { ...ended(1, 1), answer: undefined } as RequestEvent], ownerOf)
    expect(String(energy.book([booking(9)], seconds(1)).unclaimed)).toBe('9')
    expect(String(energy.book([booking(4)], seconds(2)).unclaimed)).toBe('4')
  })

  test('of requests that were lost sight of is nobody’s, and the next ones do not share with them', () => {
    const energy = new RequestEnergy()
    energy.see([started(1, 0), started(2, 0)], ownerOf)
    expect(energy.book([booking(8)], seconds(1)).costs).toEqual([])
    energy.see([{ kind: 'lost' }, ended(1, 1), started(3, 1), ended(3, 2)], ownerOf)
    const { costs, unclaimed } = energy.book([booking(5)], seconds(2))
    expect([amounts(costs), String(unclaimed), String(energy.inFlight)]).toEqual([[5], '8', '0'])
  })

  test('requests that began in an earlier run are not observed', () => {
    expect(run([[1, [progress(7, 3), ended(7, 1)], [booking(9)]]])).toEqual([])
  })
})

test('requests and what nobody was in flight for add up to the active energy, to the microjoule', () => {
  const model = fc.constantFrom('', 'llama', 'qwen', 'multiple')
  const event = fc.record({
    kind: fc.oneof(
      { weight: 20, arbitrary: fc.constantFrom('started', 'progress', 'ended', 'failed') },
      { weight: 1, arbitrary: fc.constant('lost') },
    ),
    id: fc.nat(12),
    proxy: fc.constantFrom('one', 'other'),
    model,
    tokens: fc.nat(50),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  const anyBooking = fc.record({
    amount: fc.oneof(fc.nat(1000), fc.integer({ min: 0, max: 2_000_000_000 })),
    component: fc.constantFrom<'accelerator' | 'cpu'>('accelerator', 'cpu'),
    part: fc.constantFrom<Booking['part']>('accelerator', 'host', 'idle'),
    model,
    workload: fc.constantFrom('chat', 'search'),
  })
  const tick = fc.record({
    lasts: fc.constantFrom(0.1, 1, 1, 1, 12, 40),
    events: fc.array(event, { maxLength: 8 }),
    bookings: fc.array(anyBooking, { maxLength: 5 }),
  })
  fc.assert(
    fc.property(fc.array(tick, { maxLength: 30 }), (ticks) => {
      const energy = new RequestEnergy()
      // Both workloads are known from the start, or their energy before would be nobody's concern.
      energy.see([started(100, 0, 'one'), started(101, 0, 'other')], ownerOf)
      let [booked, told, at] = [0n, 0n, 0]
      for (const { lasts, events, bookings } of ticks) {
        const from = at
        at += lasts
        energy.see(
          events.map((one): RequestEvent => {
            const when = from + one.at * lasts
            if (one.kind === 'lost') return { kind: 'lost' }
            if (one.kind === 'started') return started(one.id, when, one.proxy)
            if (one.kind === 'progress') return progress(one.id, one.tokens, one.model)
            return {
              kind: 'ended',
              id: one.id,
              proxy: one.proxy,
              at: seconds(when),
              model: one.model,
              answer: one.kind === 'ended' ? ANSWER : undefined,
            }
          }),
          ownerOf,
        )
        const all = bookings.map((one) =>
          booking(one.amount, { ...one, namespace: one.workload === 'search' ? 'prod' : '' }),
        )
        for (const { part, amount } of all) if (part !== 'idle') booked += BigInt(amount)
        const { costs, unclaimed } = energy.book(all, seconds(at))
        told += unclaimed
        for (const cost of costs) {
          told += BigInt(cost.energy)
          if (cost.energy < 0) return false
        }
      }
      expect(String(told + energy.inFlight)).toBe(String(booked))
      return true
    }),
    { numRuns: 500 },
  )
})
