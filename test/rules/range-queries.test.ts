/** Energy per query over the range of a dashboard, by the queries that are shipped for it. */
import { expect, test } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { rangeQueries } from '../../exporter/src/rules/range-queries.ts'
import { withProgram } from '../programs.ts'

const deployed = (path: string): string =>
  fileURLToPath(new URL(`../../deploy/prometheus/${path}`, import.meta.url))

test('deploy/prometheus/range-queries.yaml is what `npm run docs` writes', () => {
  expect(parse(readFileSync(deployed('range-queries.yaml'), 'utf8'))).toEqual({ queries: rangeQueries })
})

const TARGET = 'job="wattribute",instance="gpu-07:10451"'
const WORKLOAD = 'workload="chat",namespace="ml",model="multiple"'
const COUNTED = 'workload="chat",namespace="ml",server="vllm",source="server",method="counter"'

const energy = (part: string, component: string, values: string) => ({
  series: `wattribute_workload_energy_joules_total{${TARGET},${WORKLOAD},part="${part}",component="${component}",method="counter"}`,
  values,
})
/** Of the model `m` three times as much as of `n`. Nothing in the middle of the range. */
const counts = (model: string, times: number) => {
  const course = (perMinute: number): string =>
    `0+${perMinute}x30 ${30 * perMinute}+0x29 ${31 * perMinute}+${perMinute}x69`
  return [
    {
      series: `wattribute_workload_queries_total{${TARGET},${COUNTED},model="${model}"}`,
      values: course(20),
    },
    {
      series: `wattribute_workload_tokens_total{${TARGET},${COUNTED},model="${model}",direction="output"}`,
      values: course(1000 * times),
    },
  ]
}

/**
 * 600 W of accelerators while there is work, 100 W of idle all the time, one hour and a half of work in two hours: of
 * the 1800 queries of each model, those to `m` have three quarters of both. The first minutes, with less than five to look at, are short of 40 queries and their energy.
 */
const EXPECTED: Readonly<Record<string, readonly (readonly [model: string, value: number])[]>> = {
  accelerator: [
    ['m', 1350],
    ['n', 450],
  ],
  host: [],
  idle: [
    ['m', 300],
    ['n', 100],
  ],
  queries: [
    ['m', 1760],
    ['n', 1760],
  ],
}

withProgram('promtool', 'a range with a pause: idle energy of the pause is handed on, too', (run) => {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-range-'))
  const file = join(folder, 'tests.yaml')
  const ofRange = (refId: string): string =>
    rangeQueries
      .find((query) => query.refId === refId)
      ?.expr.replaceAll('[$__range]', '[119m30s]')
      .replace(/^/, 'round(')
      .concat(', 10)') ?? ''
  const test = {
    interval: '1m',
    input_series: [
      { series: `wattribute_node_info{${TARGET},version="1"}`, values: '1+0x140' },
      energy('accelerator', 'accelerator', '0+36000x30 1080000+0x29 1116000+36000x69'),
      energy('idle', 'accelerator', '0+6000x140'),
      ...counts('m', 3),
      ...counts('n', 1),
    ],
    promql_expr_test: Object.entries(EXPECTED).map(([refId, samples]) => ({
      expr: ofRange(refId),
      eval_time: '120m',
      exp_samples: samples.map(([model, value]) => ({
        labels: `{workload="chat",namespace="ml",model="${model}"}`,
        value,
      })),
    })),
  }
  writeFileSync(
    file,
    JSON.stringify({
      rule_files: [deployed('rules/energy.yaml')],
      evaluation_interval: '1m',
      tests: [test],
    }),
  )
  const { status, output } = run(['test', 'rules', file], '')
  rmSync(folder, { recursive: true })
  expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining('SUCCESS') })
})
