import { columns } from '../test/frames'
import { findTable, readTable } from './read-table'

const frame = columns({
  workload: ['chat', 'batch'],
  accelerator: [2, 3],
  host: [0.5, null],
  idle: [null, null],
  queries: [100, 5],
  accelerator_method: ['counter', 'estimated'],
  host_components: ['cpu, memory', null],
  baseline_accelerator: [1.5, null],
})

test('a row each, columns by name', () => {
  const [chat, batch] = readTable(frame, {})
  expect(chat).toMatchObject({
    labels: { workload: 'chat' },
    queries: 100,
    earlier: { joulesPerQuery: { accelerator: 1.5 } },
    parts: {
      accelerator: { state: 'measured', joulesPerQuery: 2, methods: ['counter'], missing: [] },
      host: { state: 'measured', joulesPerQuery: 0.5, missing: ['board'] },
      idle: { state: 'not-measured' },
      overhead: { state: 'not-asked' },
    },
  })
  expect(batch?.parts.host).toEqual({ state: 'no-figure' })
  expect(batch?.earlier).toBeUndefined()
})

test('fields have the roles that they are given', () => {
  const other = columns({ server: ['a'], 'J per answer': [4] })
  const mapping = { workload: 'server', accelerator: 'J per answer' }
  expect(findTable([other], {})).toBeUndefined()
  expect(findTable([other], mapping)).toBe(other)
  expect(readTable(other, mapping)[0]).toMatchObject({
    labels: { workload: 'a' },
    parts: { accelerator: { joulesPerQuery: 4 } },
  })
})

test('a workload that is named twice stays two bars', () => {
  const rows = readTable(columns({ workload: ['a', 'a'], accelerator: [1, 2] }), {})
  expect(new Set(rows.map(({ key }) => key)).size).toBe(2)
})
