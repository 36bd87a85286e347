import { expect, test } from '@jest/globals'
import { RecentQueries } from '../../exporter/src/exposition/recent-queries.ts'
import { BookedMachine } from './booked-machine.ts'

/** Of the machine's processes one is a service. */
const SERVICE = 'service'

test('joules and queries of the same minutes, of an hour at most', () => {
  const machine = new BookedMachine()
  const recent = new RecentQueries()
  const workloads = (): readonly string[] =>
    Array.from(machine.ledger.views.workload.accounts(), ({ holder }) => holder.labels[0] ?? '')
  const rows = () => machine.queries.totals(machine.state.at)
  const minute = (queries: number): void => {
    machine.spend({ wait: 60, energy: { package: 600e6, psys: 600e6 }, cpu: { [SERVICE]: 60e9 } })
    const [workload = ''] = workloads()
    machine.queries.add({
      workload,
      namespace: '',
      model: '',
      variant: '',
      server: 'vllm',
      source: 'server',
      isEstimated: false,
      queries,
      outputTokens: 100 * queries,
    })
    machine.queries.book({ at: machine.state.at, wall: machine.state.wall })
    recent.see(machine.ledger, rows, machine.state.at)
  }
  minute(5)
  expect(recent.since(machine.ledger, rows(), machine.state.at)).toBeUndefined()
  minute(20)
  minute(30)
  const [first] = recent.since(machine.ledger, rows(), machine.state.at)?.workloads ?? []
  expect(first).toMatchObject({ queries: 50, outputTokens: 5000 })
  // 10 W of the package, 3 W of them idle and nobody's
  expect(first?.joules).toBeCloseTo(2 * 60 * 7, 3)
  for (let index = 0; index < 100; index += 1) minute(1)
  expect(recent.since(machine.ledger, rows(), machine.state.at)?.overSeconds).toBe(59 * 60)
})

test('nothing where no queries are counted', () => {
  const machine = new BookedMachine()
  const recent = new RecentQueries()
  recent.see(machine.ledger, () => [], machine.state.at)
  machine.spend({ wait: 60, energy: {}, cpu: {} })
  expect(recent.since(machine.ledger, [], machine.state.at)).toBeUndefined()
})
