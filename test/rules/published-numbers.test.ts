/** Figures that others have published, through the recording rules as they are shipped. */
import { describe, expect } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withProgram } from '../programs.ts'
import { published, type Published, type Served } from './published.ts'

const RULES = fileURLToPath(new URL('../../deploy/prometheus/rules/energy.yaml', import.meta.url))
const MINUTES = 20

const TARGET = 'job="wattribute",instance="gpu-07:10451"'
const WORKLOAD = 'workload="chat",namespace="ml",model="m",variant="fp8"'
const COMPONENT = { accelerator: 'accelerator', host: 'cpu', idle: 'accelerator' }

interface Series {
  readonly series: string
  readonly values: string
}

const counter = (name: string, labels: string, perSecond: number): Series => ({
  series: `wattribute_${name}{${TARGET},${labels}}`,
  values: `0+${String(perSecond * 60)}x${MINUTES}`,
})
const gauge = (name: string, labels: string, value: number): Series => ({
  series: `wattribute_${name}{${TARGET},${labels}}`,
  values: `${String(value)}+0x${MINUTES}`,
})

function seriesOf({ watts, pue, queriesPerSecond, tokensPerSecond = {} }: Served): readonly Series[] {
  const counts = `${WORKLOAD},server="vllm",source="server",method="counter"`
  return [
    gauge('node_info', 'zone="chat",version="1"', 1),
    ...Object.entries(watts).map(([part, power]) =>
      counter(
        'workload_energy_joules_total',
        `${WORKLOAD},kind="inference",phase="",component="${COMPONENT[part as keyof typeof COMPONENT]}",part="${part}",method="counter"`,
        power,
      ),
    ),
    ...(pue === undefined ? [] : [gauge('facility_pue_ratio', 'zone="chat",basis="configured"', pue)]),
    counter('workload_queries_total', counts, queriesPerSecond),
    ...Object.entries(tokensPerSecond).map(([direction, tokens]) =>
      counter('workload_tokens_total', `${counts},direction="${direction}"`, tokens),
    ),
  ]
}

/** As many digits as were published; PromQL rounds to the nearest multiple. */
const promtoolTest = ({ name, served, figures }: Published): object => ({
  name,
  interval: '1m',
  input_series: seriesOf(served),
  promql_expr_test: figures.map(([expression, value, roundedTo]) => ({
    expr: `round(${expression('chat')}, ${roundedTo.toFixed(4)})`,
    eval_time: `${MINUTES - 1}m`,
    exp_samples: [{ labels: '{}', value: Number(value.toFixed(Math.max(0, -Math.log10(roundedTo)))) }],
  })),
})

describe.each(published)('$name', (one) => {
  withProgram('promtool', `comes out of the rules (${one.source})`, (run) => {
    const folder = mkdtempSync(join(tmpdir(), 'wattribute-published-'))
    const file = join(folder, 'tests.yaml')
    writeFileSync(
      file,
      JSON.stringify({ rule_files: [RULES], evaluation_interval: '1m', tests: [promtoolTest(one)] }),
    )
    const { status, output } = run(['test', 'rules', file], '')
    rmSync(folder, { recursive: true })
    expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining('SUCCESS') })
  })
})
