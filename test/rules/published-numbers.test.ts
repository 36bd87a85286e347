/** Figures that others have published, through the recording rules as they are shipped. */
import { describe, expect } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withProgram } from '../programs.ts'

const RULES = fileURLToPath(new URL('../../deploy/prometheus/rules/energy.yaml', import.meta.url))
const WH = 3600
const MINUTES = 20

/** A server at work without a pause. */
interface Served {
  readonly watts: { readonly accelerator?: number; readonly host?: number; readonly idle?: number }
  readonly pue?: number
  readonly queriesPerSecond: number
  readonly tokensPerSecond?: {
    readonly input?: number
    readonly cached_input?: number
    readonly output?: number
  }
}

interface Published {
  readonly name: string
  readonly source: string
  readonly served: Served
  /** By an expression of one value: the figure, and to what it was published. */
  readonly figures: readonly (readonly [expression: string, value: number, roundedTo: number])[]
}

const WINDOW = 'ratio_rate5m'
const perQuery = (by: 'part' | 'boundary', value: string): string =>
  `workload_model_${by}:wattribute_energy_per_query_joules:${WINDOW}{${by}="${value}"}`
const perToken = (direction: string): string =>
  `workload_model_boundary:wattribute_energy_per_token_joules:${WINDOW}{boundary="accelerator",direction="${direction}"}`
const PER_1000 = `workload_model_boundary:wattribute_energy_per_1000_queries_joules:${WINDOW}{boundary="accelerator"}`

/**
 * The published shares add up to 101 %: what is not overhead is divided as 58 : 25 : 10, and overhead follows from the
 * published PUE. All come out within the point that rounding takes.
 */
const GEMINI = { perPromptWh: 0.24, pue: 1.09, shares: { accelerator: 58, host: 25, idle: 10, overhead: 8 } }
const geminiWatts = (share: number, queriesPerSecond: number): number =>
  ((GEMINI.perPromptWh * WH * queriesPerSecond) / GEMINI.pue) * (share / (58 + 25 + 10))
const ofGemini = (part: string): string =>
  `100 * sum(${perQuery('part', part)}) / sum(${perQuery('boundary', 'facility')})`

const gemini: Published = {
  name: 'the median text prompt of Gemini Apps, comprehensive',
  source:
    'Google, arXiv 2508.15734: 0.24 Wh; accelerators 58 %, host 25 %, idle 10 %, overhead 8 %; PUE 1.09',
  served: {
    watts: {
      accelerator: geminiWatts(58, 5),
      host: geminiWatts(25, 5),
      idle: geminiWatts(10, 5),
    },
    pue: GEMINI.pue,
    queriesPerSecond: 5,
  },
  figures: [
    [`sum(${perQuery('boundary', 'facility')}) / ${WH}`, 0.24, 0.01],
    ...Object.entries(GEMINI.shares).map(
      ([part, share]) => [`abs(${ofGemini(part)} - ${share}) <= bool 1`, 1, 1] as const,
    ),
    ['sum(zone:wattribute_facility_pue:ratio_rate5m)', 1.09, 0.01],
  ],
}

const narrow: Published = {
  name: 'the same prompt by the approach that counts active accelerators only',
  source: 'Google, arXiv 2508.15734: 0.10 Wh',
  served: { watts: { accelerator: 0.1 * WH * 5 }, pue: GEMINI.pue, queriesPerSecond: 5 },
  figures: [
    [`sum(${perQuery('boundary', 'accelerator')}) / ${WH}`, 0.1, 0.01],
    // what the host took is not known, so nothing is said of a wider boundary
    [`count(workload_model_boundary:wattribute_energy_per_query_joules:${WINDOW})`, 1, 1],
  ],
}

const mlEnergy: Published = {
  name: 'Qwen3 235B A22B FP8, chat, two B200, eight at a time',
  source:
    'ML.ENERGY Leaderboard v3 (ml-energy/leaderboard@0cd52da): 1805.668 W, 214.422 tokens/s, mean output 874.83 tokens',
  served: {
    watts: { accelerator: 1805.668 },
    queriesPerSecond: 214.422 / 874.83,
    tokensPerSecond: { output: 214.422 },
  },
  figures: [
    [perToken('output'), 8.4211, 1e-4],
    [perQuery('boundary', 'accelerator'), 7367, 1],
    // energy per request is energy per token times the mean length of an answer
    [`sum(${perQuery('boundary', 'accelerator')}) / sum(${perToken('output')})`, 874.83, 0.01],
  ],
}

/** Prompts, all of their tokens, those computed, those out of the prefix cache. */
const PREFIX_CACHE = [
  [2, 118, 70, 48],
  [4, 232, 88, 144],
  [8, 472, 136, 336],
  [2, 624, 320, 304],
  [4, 1236, 324, 912],
  [8, 2488, 360, 2128],
] as const

/** A kilowatt and one such batch a second. */
const prefixCaches = PREFIX_CACHE.map(([prompts, total, computed, cached]): Published => ({
  name: `a prefix cache that knows ${cached} of ${total} tokens`,
  source: 'vllm-project/vllm pull request 56923, measured on vLLM 0.28.0',
  served: {
    watts: { accelerator: 1000 },
    queriesPerSecond: prompts,
    tokensPerSecond: { input: computed, cached_input: cached },
  },
  figures: [
    [perToken('input'), 1000 / computed, 1e-4],
    // by the length of prompts it would be so many times less, up to 6.9
    [
      `sum(${perToken('input')}) / (1000 / sum(workload_model_direction:wattribute_workload_tokens:rate5m))`,
      total / computed,
      1e-4,
    ],
  ],
}))

const energyScore = (model: string, wattHoursPer1000: number): Published => ({
  name: `1000 queries to ${model}`,
  source: `AI Energy Score, leaderboard of 2025: ${wattHoursPer1000} Wh of GPUs per 1000 queries, one at a time`,
  served: { watts: { accelerator: (wattHoursPer1000 * WH) / 1000 / 10 }, queriesPerSecond: 0.1 },
  figures: [[`${PER_1000} / ${WH}`, wattHoursPer1000, 0.01]],
})

const published: readonly Published[] = [
  gemini,
  narrow,
  mlEnergy,
  ...prefixCaches,
  energyScore('gpt-oss-120b', 8500),
  energyScore('distilgpt2', 1.31),
]

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
    gauge('node_info', 'zone="hall",version="1"', 1),
    ...Object.entries(watts).map(([part, power]) =>
      counter(
        'workload_energy_joules_total',
        `${WORKLOAD},kind="inference",phase="",component="${COMPONENT[part as keyof typeof COMPONENT]}",part="${part}",method="counter"`,
        power,
      ),
    ),
    ...(pue === undefined ? [] : [gauge('facility_pue_ratio', 'zone="hall",basis="configured"', pue)]),
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
    expr: `round(sum(${expression}), ${roundedTo.toFixed(4)})`,
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
