import { describe, expect, test } from '@jest/globals'
import { apportion } from '../../exporter/src/ledger/apportion.ts'
import { idleWeights, type IdlePolicy } from '../../exporter/src/ledger/idle-policy.ts'
import type { Recipient, Weight } from '../../exporter/src/ledger/weights.ts'
import type { Component, Consumer } from '../../exporter/src/model.ts'
import { group, heldBy, joules, processOf } from './small-machine.ts'

const training = group('training.service')
const first = processOf(training, 1, 'first')
const second = processOf(training, 2, 'second')
const server = processOf(group('server.service'), 3, 'server')

/** Of 6 s of CPU time the training has used 3 s and 1 s, the server 2 s. */
const ACTIVE: readonly Weight[] = [
  { to: first, weight: 3e9 },
  { to: second, weight: 1e9 },
  { to: server, weight: 2e9 },
]

const IDLE = 12

const nameOf = (to: Recipient): string =>
  typeof to === 'string' ? to : to.kind === 'process' ? to.process.comm : to.kind

/** Who is charged for 12 J of idle energy, in joules; nobody means that they stay unattributed. */
function charged(
  policy: IdlePolicy,
  leaf: readonly [id: string, component: Component],
  holders: Readonly<Record<string, readonly Consumer[]>>,
  active = ACTIVE,
): Record<string, number> {
  const [id, component] = leaf
  const weights = idleWeights(policy, { id, component }, active, heldBy(holders), 1)
  const shares = apportion(
    joules(IDLE),
    weights.map(({ weight }) => weight),
  )
  const sums: Record<string, number> = {}
  weights.forEach(({ to }, index) => {
    sums[nameOf(to)] = (sums[nameOf(to)] ?? 0) + (shares?.[index] ?? 0) / 1e6
  })
  return sums
}

const HOST = ['package-0', 'cpu'] as const
const BOARD = ['psys-rest', 'board'] as const
const GPU = ['gpu-0', 'accelerator'] as const

describe('holders', () => {
  test('without accelerators nobody is charged for the host', () => {
    expect(charged('holders', HOST, {})).toEqual({})
    expect(charged('holders', BOARD, {})).toEqual({})
  })

  test('one of two accelerators held: half of the host to its holder, half to nobody', () => {
    expect(charged('holders', HOST, { 'gpu-0': [server], 'gpu-1': [] })).toEqual({ server: 6, idle: 6 })
    expect(charged('holders', BOARD, { 'gpu-0': [server], 'gpu-1': [] })).toEqual({ server: 6, idle: 6 })
  })

  test('each accelerator is worth the same part of the host, however many hold it', () => {
    expect(charged('holders', HOST, { 'gpu-0': [first, server], 'gpu-1': [server] })).toEqual({
      first: 3,
      server: 9,
    })
  })

  test('whoever holds is charged whether it works or not', () => {
    expect(charged('holders', HOST, { 'gpu-0': [server] }, [])).toEqual({ server: 12 })
  })

  test('the accelerator’s own goes in equal parts to those who hold it', () => {
    const holders = { 'gpu-0': [first, second, server], 'gpu-1': [server] }
    expect(charged('holders', GPU, holders)).toEqual({ first: 4, second: 4, server: 4 })
    expect(charged('holders', ['gpu-1', 'accelerator'], holders)).toEqual({ server: 12 })
  })

  test('the accelerator’s own stays with nobody where nobody holds it', () => {
    expect(charged('holders', GPU, { 'gpu-0': [], 'gpu-1': [server] })).toEqual({ idle: 12 })
    expect(charged('holders', GPU, {})).toEqual({ idle: 12 })
  })
})

describe('proportional', () => {
  test('is split like the active energy, accelerators or not', () => {
    expect(charged('proportional', HOST, {})).toEqual({ first: 6, second: 2, server: 4 })
    expect(charged('proportional', HOST, { 'gpu-0': [server] })).toEqual({ first: 6, second: 2, server: 4 })
  })

  test('what cannot be read has its part', () => {
    const active = [...ACTIVE, { to: 'unreadable', weight: 6e9 } as const]
    expect(charged('proportional', HOST, {}, active)).toEqual({
      first: 3,
      second: 1,
      server: 2,
      unreadable: 6,
    })
  })

  test('nobody active, nobody charged', () => {
    expect(charged('proportional', HOST, {}, [])).toEqual({})
  })
})

describe('equal', () => {
  test('goes to every cgroup alike, and inside like the active energy', () => {
    expect(charged('equal', HOST, {})).toEqual({ first: 4.5, second: 1.5, server: 6 })
    expect(charged('equal', HOST, { 'gpu-0': [server] })).toEqual({ first: 4.5, second: 1.5, server: 6 })
  })

  test('what belongs to no known cgroup is charged nothing', () => {
    const active = [...ACTIVE, { to: 'unreadable', weight: 60e9 } as const]
    expect(charged('equal', HOST, {}, active)).toEqual({ first: 4.5, second: 1.5, server: 6 })
  })

  test('nobody active, nobody charged', () => {
    expect(charged('equal', HOST, {}, [])).toEqual({})
    expect(charged('equal', HOST, {}, [{ to: 'unreadable', weight: 1 }])).toEqual({})
  })
})

test('none: nobody is charged, whoever holds or works', () => {
  expect(charged('none', HOST, { 'gpu-0': [server] })).toEqual({})
  expect(charged('none', GPU, { 'gpu-0': [server] })).toEqual({})
})
