/** The worked example of docs/methodology.md is what the ledger makes of it, figure by figure. */
import { expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Baselines } from '../../exporter/src/ledger/baseline.ts'
import { Distribution } from '../../exporter/src/ledger/distribution.ts'
import { Nesting } from '../../exporter/src/ledger/nesting.ts'
import type { Component } from '../../exporter/src/model.ts'
import { seconds, watts } from '../../exporter/src/units.ts'
import { activity, domain, group, processOf, reading } from '../ledger/small-machine.ts'
import { ROOT } from './markdown.ts'

const MINUTE = 60

const chat = processOf(group('chat.service'), 1, 'chat')
const notebook = processOf(group('notebook.service'), 2, 'notebook')
const database = processOf(group('database.service'), 3, 'database')

/** Watts of the example, and of them when idle. */
const METERS = {
  plug: ['node', 900, 0],
  'package-0': ['cpu', 150, 40],
  'dram-0': ['memory', 20, 10],
  'gpu-0': ['accelerator', 400, 70],
  'gpu-1': ['accelerator', 70, 70],
} as const

/** What the plug sees beyond the others is idle, too. */
const REST_IDLE_WATTS = 100

function domains() {
  return Object.entries(METERS).map(([id, [component, draws, idle]]) => ({
    one: domain(id, component, id === 'plug' ? '' : 'plug', {
      baseline: { watts: watts(idle), source: 'configured' },
    }),
    draws,
  }))
}

/** @returns joules by who, component and part */
function booked(): Map<string, number> {
  const all = domains()
  const nesting = new Nesting(seconds(10))
  const present = all.map(({ one }) => one)
  const settle = (from: number, to: number) =>
    nesting.settle(
      seconds(to),
      seconds(to),
      present,
      all.map(({ one, draws }) => reading(one, draws * (to - from), from, to)),
    )
  const rest = { watts: watts(REST_IDLE_WATTS), source: 'configured' } as const
  const sums = new Map<string, number>()
  new Distribution(new Baselines(new Map([['plug-rest', rest]]))).split(
    settle(0, MINUTE),
    activity(0, MINUTE, {
      cpu: [
        [chat, 30],
        [database, 10],
      ],
      use: { 'gpu-0': [[chat, 45]], 'gpu-1': [] },
      holders: { 'gpu-0': [chat], 'gpu-1': [notebook] },
    }),
    'holders',
    (to, { component }, part, amount) => {
      const who = typeof to === 'string' ? to : to.kind === 'process' ? to.process.comm : to.kind
      const key = `${who} ${component} ${part}`
      sums.set(key, (sums.get(key) ?? 0) + amount / 1e6)
    },
  )
  return sums
}

const number = (value: number): string => value.toLocaleString('en-US')

test('the worked example is what the ledger makes of it', () => {
  const sums = booked()
  const of = (who: string, components: readonly Component[], part: string): number =>
    components.reduce((sum, component) => sum + (sums.get(`${who} ${component} ${part}`) ?? 0), 0)
  const WHO = ['chat', 'notebook', 'database']
  const row = (name: string, components: readonly Component[], part: string): string => {
    const joules = WHO.map((who) => of(who, components, part))
    return `| ${[name, ...[...joules, joules.reduce((sum, one) => sum + one, 0)].map(number)].join(' | ')} |`
  }
  const expected = [
    row('accelerators, active', ['accelerator'], 'accelerator'),
    row('CPU, active', ['cpu'], 'host'),
    row('memory, active', ['memory'], 'host'),
    row('board, active', ['board'], 'host'),
    row('accelerators, idle', ['accelerator'], 'idle'),
    row('CPU, memory, board, idle', ['cpu', 'memory', 'board'], 'idle'),
  ]
  const total = Array.from(sums.values()).reduce((sum, one) => sum + one, 0)
  expect(total).toBe(METERS.plug[1] * MINUTE)
  const chatSteps = [
    of('chat', ['accelerator'], 'accelerator'),
    of('chat', ['cpu', 'memory', 'board'], 'host'),
    of('chat', ['accelerator', 'cpu', 'memory', 'board'], 'idle'),
  ]
  const [accelerator = 0, host = 0, idle = 0] = chatSteps
  const PUE = 1.25
  const boundaries = [
    ['accelerator', accelerator],
    ['host', accelerator + host],
    ['provisioned', accelerator + host + idle],
    ['facility', (accelerator + host + idle) * PUE],
  ] as const
  const QUERIES = 50
  const steps = boundaries.map(
    ([name, joules]) => `| ${name} | ${number(joules)} | ${number(joules / QUERIES)} |`,
  )
  const text = readFileSync(join(ROOT, 'docs/methodology.md'), 'utf8').replace(/ {2,}/g, ' ')
  for (const line of [...expected, ...steps]) expect(text).toContain(line.replaceAll('`', ''))
})
