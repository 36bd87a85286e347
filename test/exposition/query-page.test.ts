import { describe, expect, test } from '@jest/globals'
import type { QueryReport } from '../../exporter/src/workloads/query-report.ts'
import { seconds } from '../../exporter/src/units.ts'
import { BookedMachine, BUSY } from './booked-machine.ts'

const report = (part: Partial<QueryReport>): QueryReport => ({
  workload: 'llama "chat"',
  namespace: 'prod',
  model: 'llama-3.1-8b',
  variant: 'fp8',
  server: 'vllm',
  source: 'server',
  isEstimated: false,
  ...part,
})

function linesOf(machine: BookedMachine, family: string): readonly string[] {
  return machine
    .render()
    .text.split('\n')
    .filter((line) => line.startsWith(family))
}

const W = 'workload="llama \\"chat\\"",namespace="prod",model="llama-3.1-8b",variant="fp8"'

describe('queries on the page', () => {
  test('stand at 0 until two scrapes have seen them; what is not counted has no series', () => {
    const machine = new BookedMachine()
    machine.spend(BUSY)
    machine.queries.add(report({ queries: 7, outputTokens: 900 }))
    machine.queries.book({ at: seconds(machine.state.at), wall: seconds(1_700_000_000) })
    expect(linesOf(machine, 'wattribute_workload_queries_total')).toEqual([
      `wattribute_workload_queries_total{${W},server="vllm",source="server",method="counter"} 0`,
    ])
    machine.spend({ ...BUSY, wait: 30 })
    machine.queries.add(report({ source: 'client', server: '', queries: 1 }))
    machine.queries.book({ at: seconds(machine.state.at), wall: seconds(1_700_000_030) })
    expect(linesOf(machine, 'wattribute_workload_queries_total')).toEqual([
      `wattribute_workload_queries_total{${W},server="vllm",source="server",method="counter"} 7`,
    ])
    expect(linesOf(machine, 'wattribute_workload_tokens_total')).toEqual([
      `wattribute_workload_tokens_total{${W},server="vllm",source="server",method="counter",direction="output"} 900`,
    ])
    expect(linesOf(machine, 'wattribute_workload_query_source_info')).toEqual([
      `wattribute_workload_query_source_info{${W},server="vllm",source="server",state="counted"} 1`,
      `wattribute_workload_query_source_info{${W},server="",source="client",state="not_counted"} 1`,
    ])
    expect(linesOf(machine, 'wattribute_series_dropped_total{view="queries"}')).toEqual([
      'wattribute_series_dropped_total{view="queries"} 0',
    ])
  })

  test('a server that cannot be read is shown with its reason, each once', () => {
    const machine = new BookedMachine()
    const server = {
      url: 'http://127.0.0.1:8000/metrics',
      server: 'vllm',
      workload: 'chat',
      namespace: '',
      state: 'silent' as const,
      reason: 'nobody listens there',
    }
    machine.queryServers = [server, server]
    expect(linesOf(machine, 'wattribute_query_server_info')).toEqual([
      'wattribute_query_server_info{url="http://127.0.0.1:8000/metrics",server="vllm",workload="chat",namespace="",state="silent",reason="nobody listens there"} 1',
    ])
  })
})
