/** What is counted of answers in the documented forms, and that nothing of them is kept. */
import { afterEach, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { createServer, request, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { AnswerMeter } from '../../exporter/src/proxy/answer-meter.ts'
import { JsonFields, type JsonScalar } from '../../exporter/src/proxy/json-fields.ts'
import { ollamaChat, ollamaEmbed, openAiChat, openAiResponses, openAiWhole } from './shapes.ts'
import { proxyTo, type RunningProxy } from './wire.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function target(answer: RequestListener): Promise<RunningProxy> {
  const server = createServer((message, response) => {
    message.resume().on('end', () => answer(message, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const proxy = await proxyTo((server.address() as AddressInfo).port)
  closers.push(() => proxy.close())
  return proxy
}

const post = (port: number, path: string, body: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, method: 'POST', path }, (message: IncomingMessage) => {
      let read = ''
      message.setEncoding('latin1').on('data', (text: string) => (read += text))
      message.on('end', () => resolve(read)).on('error', reject)
    })
    asking.on('error', reject)
    asking.end(body)
  })

const answered =
  (
    type: string,
    pieces: readonly (string | Uint8Array)[],
    headers: Record<string, string> = {},
  ): RequestListener =>
  (_, response) => {
    response.writeHead(200, { 'Content-Type': type, ...headers })
    for (const piece of pieces) response.write(piece)
    response.end()
  }

const USAGE = { prompt_tokens: 40, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 30 } }

describe('answers', () => {
  test.each([
    [
      '/api/chat',
      'application/x-ndjson',
      ollamaChat(['Hel', 'lo']),
      'llama3.2:latest',
      [26, undefined, 2, false],
    ],
    [
      '/api/embed',
      'application/json; charset=utf-8',
      [ollamaEmbed],
      'all-minilm',
      [8, undefined, undefined, false],
    ],
    [
      '/v1/chat/completions',
      'text/event-stream',
      openAiChat(['a', 'b', 'c'], USAGE),
      'gpt-oss-20b',
      [40, 30, 7, false],
    ],
    [
      '/v1/chat/completions',
      'text/event-stream; charset=utf-8',
      openAiChat(['a', 'b', 'c']),
      'gpt-oss-20b',
      [undefined, undefined, 3, true],
    ],
    ['/v1/chat/completions?x=1', 'application/json', [openAiWhole], 'gpt-5.4', [19, 16, 10, false]],
    ['/openai/v1/responses', 'text/event-stream', openAiResponses, 'gpt-oss-20b', [37, 5, 11, false]],
    [
      '/v1/embeddings',
      'application/json',
      [
        '{"object":"list","data":[{"embedding":[0.1,-2e-3]}],"model":"e5","usage":{"prompt_tokens":8,"total_tokens":8}}',
      ],
      'e5',
      [8, undefined, undefined, false],
    ],
  ])('of %s as %s', async (path, type, pieces, model, [prompt, cached, output, isEstimated]) => {
    const proxy = await target(answered(type, pieces))
    expect(await post(proxy.port, path, '{}')).toBe(pieces.join(''))
    expect(await proxy.ended()).toMatchObject({
      model,
      answer: { promptTokens: prompt, cachedPromptTokens: cached, outputTokens: output, isEstimated },
    })
  })

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('that are compressed with %s pass so and are counted', async (coding, compress) => {
    const packed = compress(ollamaChat(['Hel', 'lo']).join(''))
    const proxy = await target(answered('application/x-ndjson', [packed], { 'Content-Encoding': coding }))
    expect(await post(proxy.port, '/api/generate', '{}')).toBe(packed.toString('latin1'))
    expect((await proxy.ended()).answer).toMatchObject({ promptTokens: 26, outputTokens: 2 })
  })

  test('that are compressed in a way nobody knows, or badly, are counted without tokens', async () => {
    const proxy = await target(
      answered('application/json', ['no gzip at all'], { 'Content-Encoding': 'gzip' }),
    )
    await post(proxy.port, '/v1/completions', '{"model":"m"}')
    expect(await proxy.ended()).toMatchObject({
      model: 'm',
      answer: { isEstimated: false, outputTokens: undefined },
    })
  })

  test.each<[string, string, string, readonly string[]]>([
    [
      'a stream of Ollama that breaks off',
      '/api/chat',
      'application/x-ndjson',
      ollamaChat(['Hel', 'lo']).slice(0, 1),
    ],
    [
      'a failure amid a stream',
      '/v1/completions',
      'text/event-stream',
      ['data: {"error":{"message":"out of memory"}}\n\n'],
    ],
    [
      'a model that is only loaded',
      '/api/generate',
      'application/json',
      ['{"model":"m","response":"","done":true,"done_reason":"load"}'],
    ],
  ])('%s is no query', async (_what, path, type, pieces) => {
    const proxy = await target(answered(type, pieces))
    await post(proxy.port, path, '{}')
    expect((await proxy.ended()).answer).toBeUndefined()
  })

  test('a refusal is no query, and other paths are not looked at', async () => {
    const proxy = await target((_, response) => response.writeHead(404).end('{"error":"model not found"}'))
    await post(proxy.port, '/api/tags', '{}')
    await post(proxy.port, '/api/chat', '{}')
    expect((await proxy.ended()).answer).toBeUndefined()
    expect(proxy.events.filter(({ kind }) => kind === 'started')).toHaveLength(1)
  })

  test('numbers that no answer can have are not believed', async () => {
    const proxy = await target(
      answered('application/json', ['{"usage":{"prompt_tokens":1e300,"completion_tokens":-5}}']),
    )
    await post(proxy.port, '/v1/completions', '{}')
    expect((await proxy.ended()).answer).toMatchObject({ promptTokens: undefined, outputTokens: undefined })
  })

  test('neither content nor credentials are told, whatever happens', async () => {
    const proxy = await target((message, response) => {
      if (message.url === '/api/generate') response.destroy()
      else response.writeHead(500).end('echo: planted-prompt planted-token')
    })
    const words = '{"model":"m","prompt":"planted-prompt"}'
    await post(proxy.port, '/api/chat?key=planted-token', words)
    await post(proxy.port, '/api/generate', words).catch(() => undefined)
    await proxy.ended()
    await proxy.ended()
    const told = JSON.stringify([proxy.events, proxy.logged])
    expect(told).not.toContain('planted')
    expect(told).toContain('"model":"m"')
  })
})

describe('fields of JSON that passes by', () => {
  const found = (
    document: Uint8Array,
    cuts: readonly number[],
    wanted: readonly string[],
  ): [string, JsonScalar][] => {
    const seen: [string, JsonScalar][] = []
    const fields = new JsonFields(new Set(wanted), (path, value) => seen.push([path, value]))
    let from = 0
    for (const cut of [
      ...cuts.map((one) => one % (document.length + 1)).sort((a, b) => a - b),
      document.length,
    ]) {
      fields.write(document.subarray(from, cut))
      from = Math.max(from, cut)
    }
    fields.reset()
    return seen
  }

  /** By a parser that keeps all: every scalar with its path. */
  function scalars(value: unknown, path = ''): [string, JsonScalar][] {
    if (Array.isArray(value)) return value.flatMap((one) => scalars(one, path))
    if (typeof value !== 'object' || value === null) return [[path, value as JsonScalar]]
    return Object.entries(value).flatMap(([key, one]) => scalars(one, path === '' ? key : `${path}.${key}`))
  }

  test('are those that a parser finds, however it is cut', () => {
    const key = fc.constantFrom('model', 'usage', 'choices', 'delta', 'x')
    const text = fc.string({
      unit: fc.constantFrom('a', '"', '\\', '{', '}', '[', ':', ',', '\n', 'é', '😀'),
      maxLength: 20,
    })
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        tie('leaf'),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
      ),
      leaf: fc.oneof(
        text,
        fc.integer(),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.boolean(),
        fc.constant(null),
      ),
    }))
    const wanted = ['model', 'usage.x', 'choices.delta', 'choices.delta.model', 'x']
    fc.assert(
      fc.property(
        fc.dictionary(key, tree),
        fc.array(fc.nat(10_000), { maxLength: 5 }),
        fc.boolean(),
        (document, cuts, isPretty) => {
          const bytes = Buffer.from(JSON.stringify(document, undefined, isPretty ? 2 : 0))
          const expected = scalars(JSON.parse(bytes.toString())).filter(([path]) => wanted.includes(path))
          expect(found(bytes, cuts, wanted)).toEqual(expected)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('any bytes do no harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const meter = new AnswerMeter({ form: 'openai', isEmbedding: false }, 'events')
        meter.see(bytes)
        meter.end()
        return true
      }),
    )
  })

  test('a line of 64 MB is counted like a short one', () => {
    const meter = new AnswerMeter({ form: 'ollama', isEmbedding: false }, 'lines')
    meter.see(Buffer.from('{"model":"m","response":"'))
    const piece = Buffer.alloc(1 << 20, 0x61)
    for (let megabyte = 0; megabyte < 64; megabyte += 1) meter.see(piece)
    meter.see(Buffer.from('","done":true,"prompt_eval_count":3,"eval_count":4}\n'))
    expect(meter.end()).toMatchObject({ promptTokens: 3, outputTokens: 4 })
  })
})
