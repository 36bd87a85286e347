import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { PROCESS_START, QueryMeter, type Look, type Watch } from '../../exporter/src/workloads/query-meter.ts'
import { SampleParser } from '../../exporter/src/workloads/sample-parser.ts'
import { namesOf, type ServerPreset } from '../../exporter/src/workloads/server-preset.ts'
import { presetsNamed } from '../../exporter/src/workloads/server-presets.ts'

const STARTED_BEFORE: Watch = { since: 1000, sawStart: false }
const SEEN_TO_START: Watch = { since: 1000, sawStart: true }

function preset(name: string): ServerPreset {
  const [first] = presetsNamed(name)
  if (first === undefined) throw new Error(`no preset ${name}`)
  return first
}

const VLLM = preset('vllm')
const LLAMA_CPP = preset('llama.cpp')

/** A meter that looks at pages written as text. */
function meterOf(server: ServerPreset, watch: Watch = STARTED_BEFORE): (text: string) => Look {
  const meter = new QueryMeter(server)
  return (text) => {
    const parser = new SampleParser(new Set([...namesOf(server), PROCESS_START]))
    parser.push(Buffer.from(text))
    return meter.see(parser.end(), watch)
  }
}

const queriesIn = (look: Look): readonly (number | undefined)[] =>
  look.models.map(({ amounts }) => amounts.queries)

const done = (count: number | string, more = ''): string =>
  `vllm:request_success_total{model_name="m",finished_reason="stop"} ${count}\n${more}`

describe('prompt tokens out of the prefix cache', () => {
  // Prompts of three runs of vLLM 0.28: their length, what was computed, what the cache gave (vLLM pull request 56923).
  const RUNS = [
    [2488, 360, 2128],
    [118, 70, 48],
    [624, 320, 304],
  ] as const
  const only = '{engine="0",model_name="m"}'
  const pages = RUNS.flatMap(([length, computed, cached]) => [
    {
      how: 'by source',
      computed,
      cached,
      page: [
        `vllm:prompt_tokens_total${only} ${length}`,
        `vllm:prompt_tokens_by_source_total{engine="0",model_name="m",source="local_compute"} ${computed}`,
        `vllm:prompt_tokens_by_source_total{engine="0",model_name="m",source="local_cache_hit"} ${cached}`,
        `vllm:prefix_cache_hits_total${only} ${cached}`,
      ],
    },
    {
      how: 'by the hits of the cache',
      computed,
      cached,
      page: [`vllm:prompt_tokens_total${only} ${length}`, `vllm:prefix_cache_hits_total${only} ${cached}`],
    },
  ])

  test.each(pages)('$computed computed and $cached cached, $how', ({ page, computed, cached }) => {
    const { models } = meterOf(VLLM, SEEN_TO_START)(page.join('\n'))
    expect(models.map(({ amounts }) => amounts)).toEqual([
      { inputTokens: computed, cachedInputTokens: cached },
    ])
  })

  test('hits that are counted before their prompts are owed, not lost', () => {
    const see = meterOf(VLLM)
    const page = (prompt: number, hits: number): string =>
      `vllm:prompt_tokens_total${only} ${prompt}\nvllm:prefix_cache_hits_total${only} ${hits}`
    const input = (prompt: number, hits: number) => see(page(prompt, hits)).models[0]?.amounts.inputTokens
    expect([input(100, 50), input(100, 350), input(400, 350), input(500, 350)]).toEqual([0, 0, 0, 100])
  })
})

describe('looks', () => {
  test('what was there at the first look was before it', () => {
    const see = meterOf(VLLM)
    expect([see(done(1000)), see(done(1007)), see(done(1007))].flatMap(queriesIn)).toEqual([0, 7, 0])
  })

  test('a server that was seen to start is counted from its beginning', () => {
    expect(queriesIn(meterOf(VLLM, SEEN_TO_START)(done(12)))).toEqual([12])
  })

  test('so is one that says it started after the exporter began to look', () => {
    const started = (at: number): string => `process_start_time_seconds ${at}\n`
    expect(queriesIn(meterOf(VLLM)(done(12, started(1000.5))))).toEqual([12])
    expect(queriesIn(meterOf(VLLM)(done(12, started(999.5))))).toEqual([0])
  })

  test('after a reset the new value counts', () => {
    const see = meterOf(VLLM)
    expect([see(done(1000)), see(done(3)), see(done(5))].flatMap(queriesIn)).toEqual([0, 3, 2])
  })

  test('the reset of one series is not that of the others', () => {
    const see = meterOf(VLLM)
    const engines = (one: number, other: number): string =>
      `vllm:request_success_total{engine="0",model_name="m"} ${one}\nvllm:request_success_total{engine="1",model_name="m"} ${other}`
    expect([see(engines(1000, 500)), see(engines(1001, 2))].flatMap(queriesIn)).toEqual([0, 3])
  })

  test('a series that appears later counts from 0, one that was away goes on', () => {
    const see = meterOf(VLLM)
    const other = 'vllm:request_success_total{model_name="m",finished_reason="abort"} 4'
    expect(
      [see(done(10)), see(done(11, other)), see(done(12)), see(done(12, other))].flatMap(queriesIn),
    ).toEqual([0, 5, 1, 0])
  })

  test.each(['NaN', '+Inf', '-Inf', '-3'])('%s is no stand of a counter', (value) => {
    const see = meterOf(VLLM)
    expect(queriesIn(see(done(10)))).toEqual([0])
    expect(queriesIn(see(done(value)))).toEqual([])
    expect(queriesIn(see(done(12)))).toEqual([2])
  })

  test('a page without some of the families counts the others, and nothing as 0', () => {
    const see = meterOf(VLLM, SEEN_TO_START)
    expect(see('vllm:generation_tokens_total{model_name="m"} 30\n').models).toEqual([
      { model: 'm', amounts: { outputTokens: 30 }, estimatedQueries: undefined },
    ])
    expect(see('vllm:request_prompt_tokens_sum{model_name="m"} 12\n').models).toEqual([
      { model: 'm', amounts: { inputTokens: 12 }, estimatedQueries: undefined },
    ])
  })

  test('an empty page says nothing and forgets nothing', () => {
    const see = meterOf(VLLM)
    see(done(10))
    expect(see('').models).toEqual([])
    expect(queriesIn(see(done(13)))).toEqual([3])
  })

  test('several models are told apart, and those beyond 64 are one', () => {
    const see = meterOf(VLLM, SEEN_TO_START)
    const page = Array.from(
      { length: 100 },
      (_, index) => `vllm:request_success_total{model_name="m${index}"} 1`,
    ).join('\n')
    const { models } = see(page)
    expect(models).toHaveLength(65)
    expect(models.at(-1)).toMatchObject({ model: 'other', amounts: { queries: 36 } })
  })

  test('workers that answer in turn behind one port are no resets of each other', () => {
    const see = meterOf(VLLM)
    const worker = (start: number, count: number): number | undefined =>
      queriesIn(see(done(count, `process_start_time_seconds ${start}\n`)))[0]
    expect([
      worker(500, 100),
      worker(501 + 5, 40),
      worker(500, 103),
      worker(506.6, 41),
      worker(500, 103),
    ]).toEqual([0, 0, 3, 1, 0])
  })

  test('a worker that starts later counts from its beginning', () => {
    const see = meterOf(VLLM)
    see(done(100, 'process_start_time_seconds 500\n'))
    expect(queriesIn(see(done(4, 'process_start_time_seconds 2000\n')))).toEqual([4])
  })

  test('parts of one wait until they are whole', () => {
    const see = meterOf(VLLM)
    see(done(10))
    expect([see(done(10.4)), see(done(10.8)), see(done(11.2))].flatMap(queriesIn)).toEqual([0, 0, 1])
  })
})

describe('a server that does not count requests', () => {
  const page = (running: number, tokens: number): string =>
    `llamacpp:requests_processing ${running}\nllamacpp:tokens_predicted_total ${tokens}\n`

  test('they are concluded from the falls of the gauge, and from tokens that came between two looks', () => {
    const see = meterOf(LLAMA_CPP)
    const looks = [
      page(2, 100), // nothing is known before
      page(3, 150), // one more
      page(1, 200), // two have ended
      page(0, 250),
      page(0, 250),
      page(0, 300), // one came and went
      page(1, 400),
      page(0, 400),
    ].map((text) => see(text).models[0])
    expect(looks.map((model) => model?.estimatedQueries)).toEqual([0, 0, 2, 1, 0, 1, 0, 1])
    expect(looks.map((model) => model?.amounts)).toEqual(
      [0, 50, 50, 50, 0, 50, 100, 0].map((outputTokens) => ({ outputTokens })),
    )
  })
})

describe('laws', () => {
  const life = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('work' as const), by: fc.nat(1000), series: fc.nat(3) }),
      fc.record({ kind: fc.constant('restart' as const) }),
      fc.record({ kind: fc.constant('look' as const) }),
    ),
    { maxLength: 60 },
  )

  /** A server of four series, and how much of what it does can be seen: a restart hides what was not looked at before it. */
  test('what is counted is the sum of all increments that could be seen', () => {
    fc.assert(
      fc.property(life, fc.integer({ min: 0, max: 100_000 }), (events, before) => {
        const see = meterOf(VLLM)
        const stands = [before, before, before, before]
        const lastSeen: (number | undefined)[] = [undefined, undefined, undefined, undefined]
        let hasLooked = false
        let expected = 0
        let counted = 0
        for (const event of events) {
          if (event.kind === 'work') stands[event.series] = (stands[event.series] ?? 0) + event.by
          else if (event.kind === 'restart') stands.fill(0)
          else {
            const page = stands
              .map((value, index) => `vllm:request_success_total{engine="${index}",model_name="m"} ${value}`)
              .join('\n')
            const [queries] = queriesIn(see(page))
            expect(queries).toBeGreaterThanOrEqual(0)
            counted += queries ?? NaN
            stands.forEach((value, index) => {
              const stood = lastSeen[index] ?? (hasLooked ? 0 : value)
              expected += value >= stood ? value - stood : value
              lastSeen[index] = value
            })
            hasLooked = true
          }
        }
        expect(counted).toBe(expected)
      }),
    )
  })

  test('neither the order of the lines nor that of the labels matters between two looks', () => {
    const engines = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4, maxLength: 4 })
    const labels = (engine: number): fc.Arbitrary<string> =>
      fc
        .shuffledSubarray([`engine="${engine}"`, 'model_name="m"', 'finished_reason="stop"'], {
          minLength: 3,
          maxLength: 3,
        })
        .map((set) => `{${set.join(',')}}`)
    const page = (count: number): fc.Arbitrary<string> =>
      engines
        .chain((order) => fc.tuple(...order.map(labels)))
        .map((sets) => sets.map((set) => `vllm:request_success_total${set} ${count}`).join('\n'))
    fc.assert(
      fc.property(page(10), page(12), (first, second) => {
        const see = meterOf(VLLM)
        see(first)
        expect(queriesIn(see(second))).toEqual([8])
      }),
    )
  })

  test('whatever the values, nothing that is counted is negative or broken', () => {
    const value = fc.oneof(fc.double(), fc.nat(), fc.constantFrom(NaN, Infinity, -1))
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value, value)), (looks) => {
        const see = meterOf(VLLM)
        for (const [prompt, hits, queries] of looks) {
          const look = see(
            `vllm:prompt_tokens_total ${prompt}\nvllm:prefix_cache_hits_total ${hits}\nvllm:request_success_total ${queries}`,
          )
          for (const { amounts } of look.models) {
            for (const amount of Object.values(amounts)) {
              expect(amount).toBeGreaterThanOrEqual(0)
              expect(Math.floor(amount as number)).toBe(amount)
            }
          }
        }
      }),
    )
  })
})
