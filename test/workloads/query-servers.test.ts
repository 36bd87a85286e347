/** Pages in the shape that each server documents, and what they say. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { QueryMeter, PROCESS_START, type Look } from '../../exporter/src/workloads/query-meter.ts'
import { SampleParser } from '../../exporter/src/workloads/sample-parser.ts'
import { namesOf } from '../../exporter/src/workloads/server-preset.ts'
import {
  everyPresetName,
  PRESET_NAMES,
  presetOf,
  SERVER_PRESETS,
} from '../../exporter/src/workloads/server-presets.ts'

const FOLDER = new URL('../queries/servers/', import.meta.url)
const pages = readdirSync(FOLDER).filter((name) => name.endsWith('.prom'))
const textOf = (page: string): string => readFileSync(new URL(page, FOLDER), 'utf8')

/** What a page says of a server that was seen to start: all of it. */
function lookAt(page: string): { readonly server: string } & Look {
  const parser = new SampleParser(new Set([...everyPresetName(), PROCESS_START]))
  parser.push(Buffer.from(textOf(page)))
  const samples = parser.end()
  expect(parser.unreadable).toBe(0)
  const preset = presetOf(new Set(samples.map(({ name }) => name)))
  if (preset === undefined) throw new Error(`nobody is known who writes ${page}`)
  return { server: preset.name, ...new QueryMeter(preset).see(samples, { since: 0, sawStart: true }) }
}

const model = (
  name: string,
  queries: number | undefined,
  [inputTokens, cachedInputTokens, outputTokens]: readonly (number | undefined)[] = [],
) => ({
  model: name,
  estimatedQueries: undefined as number | undefined,
  amounts: {
    ...(queries !== undefined && { queries }),
    ...(inputTokens !== undefined && { inputTokens }),
    ...(cachedInputTokens !== undefined && { cachedInputTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
  },
})

const LLAMA = 'meta-llama/Llama-3.1-8B-Instruct'

/** By hand, from the pages. */
const EXPECTED: Readonly<Record<string, readonly [server: string, ...models: ReturnType<typeof model>[]]>> = {
  'vllm-0.28.prom': ['vllm', model('Qwen/Qwen3-8B-FP8', 10, [430, 2176, 5200])],
  'vllm-0.10.prom': ['vllm', model(LLAMA, 2, [320, 304, 128])],
  'ray-serve-2.49.prom': ['ray-serve', model('qwen-0.5b', 9, [600, 300, 450])],
  'sglang-0.5.prom': ['sglang', model(LLAMA, 30, [6000, 2000, 7500])],
  'sglang-underscore.prom': ['sglang', model('Qwen/Qwen2.5-7B-Instruct', 2, [100, undefined, 50])],
  'tgi-3.3.6.prom': ['tgi', model('', 41, [5125, undefined, 8200])],
  'tei-1.9.3.prom': ['tei', model('', 14, [1234])],
  'triton-2.61.prom': ['triton', model('resnet50', 740), model('bert-base', 12)],
  'triton-tensorrtllm-0b9d7d5.prom': ['triton-tensorrtllm', model('tensorrt_llm', 30)],
  'trtllm-serve-1.3.prom': ['trtllm', model('nvidia/Llama-3.1-8B-Instruct-FP8', 20, [3000, 1000, 2600])],
  'trtllm-serve-1.2.1.prom': ['trtllm', model('TinyLlama/TinyLlama-1.1B-Chat-v1.0', 5)],
  'nim-1.14.prom': ['nim', model('meta/llama-3.1-8b-instruct', 22, [3300, undefined, 4400])],
  'llama.cpp-b11151.prom': ['llama.cpp', { ...model('', undefined, [1200, 800, 3469]), estimatedQueries: 0 }],
  'llama.cpp-b4600.prom': [
    'llama.cpp',
    { ...model('', undefined, [6886, undefined, 3469]), estimatedQueries: 0 },
  ],
  'lmdeploy-0.10.prom': ['lmdeploy', model('internlm/internlm3-8b-instruct', 7, [510, undefined, 730])],
  'xinference-1.9.prom': [
    'xinference',
    model('qwen2.5-instruct', 8, [640, undefined, 900]),
    model('bge-m3', 70),
  ],
  'localai-3.5.prom': [
    'localai',
    model('qwen3-8b-instruct', 32, [4200, undefined, 9000]),
    model('gemma-3-4b', 4, [undefined, undefined, 50]),
  ],
  'litellm-1.92.prom': ['litellm', model('gpt-oss-20b', 15, [1300, 200, 2100])],
  'kserve-0.15.prom': ['kserve', model('sklearn-iris', 19)],
  'bentoml-1.4.prom': ['bentoml', model('', 15)],
  'torchserve-0.12.prom': ['torchserve', model('mnist', 42)],
}

/** Running and waiting, where the page says. */
const GAUGES: Readonly<Record<string, readonly [number | undefined, number | undefined]>> = {
  'vllm-0.28.prom': [5, 1],
  'sglang-0.5.prom': [4, 2],
  'tgi-3.3.6.prom': [2, 1],
  'tei-1.9.3.prom': [undefined, 3],
  'triton-2.61.prom': [undefined, 2],
  'triton-tensorrtllm-0b9d7d5.prom': [4, 2],
  'trtllm-serve-1.3.prom': [3, 0],
  'nim-1.14.prom': [1, 0],
  'llama.cpp-b11151.prom': [2, 1],
  'kserve-0.15.prom': [undefined, undefined],
}

describe('servers', () => {
  test('each page has its expectation, each preset its page', () => {
    expect(Object.keys(EXPECTED).sort()).toEqual([...pages].sort())
    expect(Array.from(new Set(Object.values(EXPECTED).map(([server]) => server))).sort()).toEqual(
      [...PRESET_NAMES].sort(),
    )
  })

  test.each(pages)('%s', (page) => {
    const { server, models } = lookAt(page)
    const [expected, ...amounts] = EXPECTED[page] ?? []
    expect(server).toBe(expected)
    const byName = (one: { readonly model: string }, other: { readonly model: string }): number =>
      one.model < other.model ? -1 : 1
    expect([...models].sort(byName)).toEqual([...amounts].sort(byName))
  })

  test.each(Object.entries(GAUGES))('requests in %s that run and wait', (page, [running, waiting]) => {
    const look = lookAt(page)
    expect([look.running, look.waiting]).toEqual([running, waiting])
  })

  test.each(pages)('%s names its version and source', (page) => {
    expect(textOf(page)).toMatch(/^# \S.*\n/)
    expect(textOf(page).split('\n', 3).join(' ')).toMatch(
      /\.(md|rst|ts|py|html|rs|go|yaml)|production_metrics|1\.2\.1/,
    )
  })

  test('each preset says where its names come from, and asks for names that samples can have', () => {
    for (const preset of SERVER_PRESETS) {
      expect(preset.source).toMatch(/\S+ .*[\d.]+/)
      for (const name of namesOf(preset)) expect(name).toMatch(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/)
    }
  })

  test.each([
    ['metrics of something else', ['process_start_time_seconds', 'http_requests_total']],
    ['a name that starts alike', ['vllm:num_requests', 'prompt_tokens_total']],
    ['this exporter', ['wattribute_workload_tokens_total']],
  ])('%s belong to no server', (_, names) => {
    expect(presetOf(new Set(names))).toBeUndefined()
  })
})
