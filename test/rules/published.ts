/** What others have published about energy per query and per token, and what a server must have done for it. */

const WH = 3600

/** A server at work without a pause. */
export interface Served {
  readonly watts: { readonly accelerator?: number; readonly host?: number; readonly idle?: number }
  readonly pue?: number
  readonly queriesPerSecond: number
  readonly tokensPerSecond?: {
    readonly input?: number
    readonly cached_input?: number
    readonly output?: number
  }
}

/** An expression of one value, of a workload whose zone is called as it is: the figure, and to what it was published. */
export type Figure = readonly [expression: (workload: string) => string, value: number, roundedTo: number]

export interface Published {
  readonly name: string
  readonly source: string
  readonly served: Served
  readonly figures: readonly Figure[]
}

/** `<of>` stands for what chooses the workload, `<zone>` for its zone. */
const figure = (expression: string, value: number, roundedTo: number): Figure => [
  (workload) =>
    `sum(${expression.replaceAll('<of>', `workload="${workload}"`).replaceAll('<zone>', `zone="${workload}"`)})`,
  value,
  roundedTo,
]

const WINDOW = 'ratio_rate5m'
const perQuery = (by: 'part' | 'boundary', value: string): string =>
  `sum(workload_model_${by}:wattribute_energy_per_query_joules:${WINDOW}{${by}="${value}",<of>})`
const perToken = (direction: string): string =>
  `sum(workload_model_boundary:wattribute_energy_per_token_joules:${WINDOW}{boundary="accelerator",direction="${direction}",<of>})`
const PER_1000 = `sum(workload_model_boundary:wattribute_energy_per_1000_queries_joules:${WINDOW}{boundary="accelerator",<of>})`

const SERVED =
  'sum(workload_model_boundary:wattribute_served_energy_joules:rate5m{boundary="accelerator",<of>})'

const GEMINI_PUE = 1.09
const GEMINI_SHARES = { accelerator: 58, host: 25, idle: 10, overhead: 8 }

/** For five prompts a second. */
const geminiWatts = (share: number): number => ((0.24 * WH * 5) / GEMINI_PUE) * (share / (58 + 25 + 10))

/**
 * The published shares add up to 101 %: what is not overhead is divided as 58 : 25 : 10, and overhead follows from the
 * published PUE. All come out within the point that rounding takes.
 */
const gemini: Published = {
  name: 'the median text prompt of Gemini Apps, comprehensive',
  source:
    'Google, arXiv 2508.15734: 0.24 Wh; accelerators 58 %, host 25 %, idle 10 %, overhead 8 %; PUE 1.09',
  served: {
    watts: { accelerator: geminiWatts(58), host: geminiWatts(25), idle: geminiWatts(10) },
    pue: GEMINI_PUE,
    queriesPerSecond: 5,
  },
  figures: [
    figure(`${perQuery('boundary', 'facility')} / ${WH}`, 0.24, 0.01),
    ...Object.entries(GEMINI_SHARES).map(([part, share]) =>
      figure(
        `abs(100 * ${perQuery('part', part)} / ${perQuery('boundary', 'facility')} - ${share}) <= bool 1`,
        1,
        1,
      ),
    ),
    figure('zone:wattribute_facility_pue:ratio_rate5m{<zone>}', GEMINI_PUE, 0.01),
  ],
}

const narrow: Published = {
  name: 'the same prompt by the approach that counts active accelerators only',
  source: 'Google, arXiv 2508.15734: 0.10 Wh',
  served: { watts: { accelerator: 0.1 * WH * 5 }, pue: GEMINI_PUE, queriesPerSecond: 5 },
  figures: [
    figure(`${perQuery('boundary', 'accelerator')} / ${WH}`, 0.1, 0.01),
    // what the host took is not known, so nothing is said of a wider boundary
    figure(`count(workload_model_boundary:wattribute_energy_per_query_joules:${WINDOW}{<of>})`, 1, 1),
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
    figure(perToken('output'), 8.4211, 1e-4),
    figure(perQuery('boundary', 'accelerator'), 7367, 1),
    // energy per request is energy per token times the mean length of an answer
    figure(`${perQuery('boundary', 'accelerator')} / ${perToken('output')}`, 874.83, 0.01),
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
    figure(perToken('input'), 1000 / computed, 1e-4),
    // by the length of prompts it would be so many times less, up to 6.9
    figure(
      `${perToken('input')} * sum(workload_model_direction:wattribute_workload_tokens:rate5m{<of>}) / ${SERVED}`,
      total / computed,
      1e-4,
    ),
  ],
}))

const energyScore = (model: string, wattHoursPer1000: number): Published => ({
  name: `1000 queries to ${model}`,
  source: `AI Energy Score, leaderboard of 2025 as reported by aiworld.eu: ${wattHoursPer1000} Wh of GPUs per 1000 queries`,
  served: { watts: { accelerator: (wattHoursPer1000 * WH) / 1000 / 10 }, queriesPerSecond: 0.1 },
  figures: [figure(`${PER_1000} / ${WH}`, wattHoursPer1000, 0.01)],
})

export const published: readonly Published[] = [
  gemini,
  narrow,
  mlEnergy,
  ...prefixCaches,
  energyScore('gpt-oss-120b', 8500),
  energyScore('distilgpt2', 1.31),
]
