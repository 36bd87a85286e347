import { afterEach, describe, expect, test } from '@jest/globals'
import { connect, type Socket } from 'node:net'
import { gunzipSync, gzipSync } from 'node:zlib'
import { acceptsGzip, formatFor } from '../../exporter/src/exposition/negotiation.ts'
import {
  createServer,
  ListenError,
  type Overview,
  type ServerOptions,
} from '../../exporter/src/exposition/server.ts'
import { createLogger } from '../../exporter/src/log.ts'
import {
  ask,
  calmReports,
  CountingPages,
  emptyOverview,
  pageOf,
  serve,
  until,
  type Serving,
} from './serving.ts'

const TEXT = 'text/plain; version=0.0.4; charset=utf-8'
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
const LONG_PAGE = pageOf(`wattribute_domain_power_watts{domain="package-0"} 42.5\n`.repeat(200))

const open: Serving[] = []

async function serving(options: Partial<ServerOptions> = {}): Promise<Serving> {
  const server = await serve(options)
  open.push(server)
  return server
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()))
})

describe('negotiation', () => {
  const prometheus2 =
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
  const prometheus3 =
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
  /** Of 2.49 and newer with `scrape_protocols: [OpenMetricsText1.0.0]`. */
  const forOpenMetrics = 'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.5'
  const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

  test.each([
    [undefined, 'text'],
    ['', 'text'],
    ['*/*', 'text'],
    [browser, 'text'],
    [prometheus2, 'text'],
    [prometheus3, 'text'],
    [forOpenMetrics, 'openMetrics'],
    ['application/openmetrics-text', 'openMetrics'],
    ['Application/OpenMetrics-Text; Version="1.0.0"', 'openMetrics'],
    ['application/openmetrics-text;version=0.0.1', 'openMetrics'],
    ['application/openmetrics-text;version=2.0.0', 'text'],
    [
      'application/openmetrics-text;version=2.0.0,application/openmetrics-text;version=1.0.0;q=0.1',
      'openMetrics',
    ],
    ['application/openmetrics-text;q=0.3,text/plain;q=0.5', 'text'],
    ['application/openmetrics-text;q=0.5,text/plain;q=0.3', 'text'],
    ['application/openmetrics-text;q=0.5,text/plain;q=0', 'openMetrics'],
    ['application/openmetrics-text;q=0.5,text/plain;version=1.0.0;q=0.3', 'openMetrics'],
    ['application/openmetrics-text;q=0.5,text/*;q=0.3', 'text'],
    ['application/openmetrics-text;q=0,*/*', 'text'],
    ['application/openmetrics-text;q=0.1,*/*', 'text'],
    ['application/openmetrics-text;q=nonsense', 'openMetrics'],
    ['application/*', 'openMetrics'],
    ['text/*;q=0.9,application/*;q=0.1', 'text'],
    ['text/plain;version=0.0.4', 'text'],
    ['application/json', 'text'],
    ['application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited', 'text'],
    [',;,;q=1,', 'text'],
  ])('Accept: %s', (accept, format) => {
    expect(formatFor(accept)).toBe(format)
  })

  test.each([
    [undefined, false],
    ['', false],
    ['gzip', true],
    ['GZIP;q=0.5', true],
    ['deflate, gzip;q=0.001, br', true],
    ['gzip;q=0', false],
    ['gzip;q=0.000, *', false],
    ['*', true],
    ['*;q=0', false],
    ['identity', false],
    ['br', false],
  ])('Accept-Encoding: %s', (encodings, isAccepted) => {
    expect(acceptsGzip(encodings)).toBe(isAccepted)
  })
})

describe('the telemetry path', () => {
  test.each([
    ['text/plain', TEXT, 'up 1\n'],
    ['application/openmetrics-text; version=1.0.0', OPEN_METRICS, 'up 1\n# EOF\n'],
    ['application/openmetrics-text; version=0.0.1', OPEN_METRICS, 'up 1\n# EOF\n'],
  ])('%s', async (accept, type, body) => {
    const { url } = await serving()
    const answer = await ask(`${url}/metrics`, { headers: { Accept: accept } })
    expect(answer.status).toBe(200)
    expect(answer.text).toBe(body)
    expect(answer.headers).toMatchObject({
      'content-type': type,
      'content-length': String(body.length),
      vary: 'Accept, Accept-Encoding',
      'x-content-type-options': 'nosniff',
    })
    for (const name of ['x-powered-by', 'etag', 'content-encoding'])
      expect(answer.headers).not.toHaveProperty(name)
  })

  test('is where it was asked to be, also at the root', async () => {
    const elsewhere = await serving({ telemetryPath: '/node/metrics' })
    expect((await ask(`${elsewhere.url}/node/metrics`)).text).toBe('up 1\n')
    expect((await ask(`${elsewhere.url}/metrics`)).status).toBe(404)
    const atRoot = await serving({ telemetryPath: '/' })
    expect((await ask(`${atRoot.url}/`)).text).toBe('up 1\n')
  })

  test('HEAD has the headers of GET and no body', async () => {
    const { url } = await serving({ pages: new CountingPages(LONG_PAGE) })
    for (const headers of [{}, { 'Accept-Encoding': 'gzip' }]) {
      const get = await ask(`${url}/metrics`, { headers })
      const head = await ask(`${url}/metrics`, { headers, method: 'HEAD' })
      expect(head.body).toHaveLength(0)
      expect({ ...head.headers, date: '' }).toEqual({ ...get.headers, date: '' })
      expect(Number(head.headers['content-length'])).toBe(get.body.length)
    }
  })

  test('is compressed when asked', async () => {
    const { url } = await serving({ pages: new CountingPages(LONG_PAGE) })
    const answer = await ask(`${url}/metrics`, { headers: { 'Accept-Encoding': 'gzip' } })
    expect(answer.headers).toMatchObject({ 'content-encoding': 'gzip', 'content-type': TEXT })
    expect(answer.body.length).toBeLessThan(LONG_PAGE.text.length / 10)
    expect(gunzipSync(answer.body).equals(LONG_PAGE.text)).toBe(true)
  })

  test('a short page is not compressed', async () => {
    const { url } = await serving({ pages: new CountingPages(pageOf('x'.repeat(2047))) })
    const answer = await ask(`${url}/metrics`, { headers: { 'Accept-Encoding': 'gzip' } })
    expect(answer.headers).not.toHaveProperty('content-encoding')
    expect(answer.body).toHaveLength(2047)
  })

  test('each page is compressed once per format, however many ask at once', async () => {
    const compressed: Uint8Array[] = []
    const pages = new CountingPages(LONG_PAGE)
    const { url } = await serving({
      pages,
      gzip: async (bytes) => {
        compressed.push(bytes)
        await new Promise((resolve) => setTimeout(resolve, 20))
        return gzipSync(bytes)
      },
    })
    const scrape = (accept: string) =>
      ask(`${url}/metrics`, { headers: { Accept: accept, 'Accept-Encoding': 'gzip' } })
    const some = await Promise.all(
      [...Array<string>(5).fill('text/plain'), ...Array<string>(5).fill('application/openmetrics-text')].map(
        scrape,
      ),
    )
    await scrape('text/plain')
    expect(compressed).toEqual([LONG_PAGE.text, LONG_PAGE.openMetrics])
    expect(some.map(({ body }) => gunzipSync(body).length).sort()).toEqual(
      [
        ...Array<number>(5).fill(LONG_PAGE.text.length),
        ...Array<number>(5).fill(LONG_PAGE.openMetrics.length),
      ].sort(),
    )
    pages.page = pageOf(LONG_PAGE.text.toString())
    await scrape('text/plain')
    expect(compressed).toHaveLength(3)
    await until(() => pages.released === pages.taken)
    expect([pages.taken, pages.released]).toEqual([12, 12])
  })

  test('without a page the answer is 503 with the reason', async () => {
    const pages = new CountingPages(undefined)
    pages.reason = 'the newest page is 9 s old'
    const { url } = await serving({ pages })
    const answer = await ask(`${url}/metrics`)
    expect(answer).toMatchObject({ status: 503, text: 'the newest page is 9 s old\n' })
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8')
  })

  test('a defect is a 500 that says nothing of it, and a log line that does', async () => {
    const pages = new CountingPages(LONG_PAGE)
    const { url, log } = await serving({ pages, gzip: () => Promise.reject(new Error('out of cheese')) })
    const answer = await ask(`${url}/metrics`, { headers: { 'Accept-Encoding': 'gzip' } })
    expect(answer).toMatchObject({ status: 500, text: 'the request failed; the log says why\n' })
    expect(answer.headers).not.toHaveProperty('content-encoding')
    expect(log.join('')).toContain('out of cheese')
    expect([pages.taken, pages.released]).toEqual([1, 1])
  })
})

describe('a page is released exactly once', () => {
  /** More than the sockets of both sides take, so that the response cannot be finished. */
  const HUGE = pageOf('x'.repeat(64 << 20))

  function send(port: number, text: string): Socket {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(text)
    return socket
  }

  const GET = 'GET /metrics HTTP/1.1\r\nHost: x\r\n'

  test('after a whole response, on a connection that stays', async () => {
    const pages = new CountingPages(pageOf('up 1\n'))
    const { port } = await serving({ pages })
    const socket = send(port, `${GET}\r\n`.repeat(3))
    await until(() => pages.released === 3)
    expect([pages.taken, pages.released]).toEqual([3, 3])
    socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(pages.released).toBe(3)
  })

  test('when the client goes away amid the response', async () => {
    const pages = new CountingPages(HUGE)
    const { port } = await serving({ pages })
    const socket = send(port, `${GET}\r\n`)
    await new Promise((resolve) => socket.once('data', resolve))
    socket.pause()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect([pages.taken, pages.released]).toEqual([1, 0])
    socket.destroy()
    await until(() => pages.released > 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect([pages.taken, pages.released]).toEqual([1, 1])
  })

  test('when the client goes away while the page is compressed, not before that is done', async () => {
    const pages = new CountingPages(LONG_PAGE)
    let finish: (() => void) | undefined
    const { port } = await serving({
      pages,
      gzip: (bytes) => new Promise((resolve) => (finish = () => resolve(gzipSync(bytes)))),
    })
    const socket = send(port, `${GET}Accept-Encoding: gzip\r\n\r\n`)
    await until(() => finish !== undefined)
    socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect([pages.taken, pages.released]).toEqual([1, 0])
    finish?.()
    await until(() => pages.released > 0)
    expect([pages.taken, pages.released]).toEqual([1, 1])
  })

  test('when the client does not read', async () => {
    const pages = new CountingPages(HUGE)
    const { port } = await serving({ pages, limits: { response: 100 } })
    const socket = send(port, `${GET}\r\n`)
    socket.pause()
    await until(() => pages.released > 0)
    expect([pages.taken, pages.released]).toEqual([1, 1])
    socket.destroy()
  })

  test('when the server closes', async () => {
    const pages = new CountingPages(HUGE)
    const server = await serve({ pages, limits: { closing: 50 } })
    const socket = send(server.port, `${GET}\r\n`)
    await until(() => pages.taken === 1)
    socket.pause()
    await server.close()
    await until(() => pages.released > 0)
    expect([pages.taken, pages.released]).toEqual([1, 1])
    socket.destroy()
    await server.close()
  })

  test('a request that never ends is cut off', async () => {
    const { port } = await serving({ limits: { response: 100 } })
    const socket = send(port, GET)
    await new Promise((resolve) => socket.once('close', resolve))
  })
})

describe('health', () => {
  test('follows the page; readiness only waits for the first', async () => {
    const pages = new CountingPages(undefined)
    const { url } = await serving({ pages })
    const both = async () =>
      [await ask(`${url}/healthz`), await ask(`${url}/readyz`)].map(({ status, text }) => [status, text])
    const waiting = [503, 'the first tick is not over yet\n']
    expect(await both()).toEqual([waiting, waiting])
    pages.page = pageOf('up 1\n')
    expect(await both()).toEqual([
      [200, 'ok\n'],
      [200, 'ready\n'],
    ])
    pages.page = undefined
    pages.reason = 'the engine hangs'
    expect(await both()).toEqual([
      [503, 'the engine hangs\n'],
      [200, 'ready\n'],
    ])
    expect(pages.released).toBe(pages.taken)
  })
})

describe('reports', () => {
  test('are JSON', async () => {
    const { url } = await serving({
      reports: {
        ...calmReports,
        sensors: async () => [{ name: 'rapl' }],
        ledger: async () => ({ joules: '1.000000' }),
        queries: async () => ({ servers: [] }),
        budgets: async () => ({ budgets: [], demand: [{ meter: 'node' }] }),
      },
    })
    const sensors = await ask(`${url}/api/v1/sensors`)
    expect(sensors.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(sensors.text).toBe('[{"name":"rapl"}]')
    expect((await ask(`${url}/api/v1/ledger`)).text).toBe('{"joules":"1.000000"}')
    expect((await ask(`${url}/api/v1/queries`)).text).toBe('{"servers":[]}')
    expect((await ask(`${url}/api/v1/budgets`)).text).toBe('{"budgets":[],"demand":[{"meter":"node"}]}')
  })

  test.each([
    ['/api/v1/sensors', 'the sensors cannot be shown now: the engine is starting again\n'],
    ['/api/v1/ledger', 'the ledger cannot be shown now: the engine did not answer in time\n'],
    ['/api/v1/queries', 'the queries cannot be shown now: the engine is starting again\n'],
    ['/api/v1/budgets', 'the budgets cannot be shown now: the engine is starting again\n'],
    ['/', 'the overview cannot be shown now: the engine broke\n'],
  ])('%s is a 503 with the reason when there is none', async (path, sentence) => {
    const { url } = await serving({
      limits: { report: 30 },
      reports: {
        sensors: () => Promise.reject(new Error('the engine is starting again')),
        ledger: () => new Promise(() => undefined),
        queries: () => Promise.reject(new Error('the engine is starting again')),
        budgets: () => Promise.reject(new Error('the engine is starting again')),
        overview: () => {
          throw new Error('the engine broke')
        },
      },
    })
    expect(await ask(`${url}${path}`)).toMatchObject({ status: 503, text: sentence })
  })
})

describe('the start page', () => {
  const HOSTILE = `</td><script>alert("1")</script><img src=x onerror='a'>&amp;\u202e\u0000`

  const overview: Overview = {
    ...emptyOverview,
    host: 'node-1',
    watts: [
      { component: 'cpu', watts: 41.26, method: 'counter' },
      { component: 'accelerator', watts: 1234.5, method: 'integrated' },
    ],
    workloads: [
      { workload: 'small', namespace: '', kind: 'other', joules: 9, watts: 0.0125 },
      { workload: 'llama-chat', namespace: 'ml', kind: 'inference', joules: 5_400_000, watts: 0 },
    ],
    unattributed: [{ component: 'cpu', reason: 'idle', joules: 360_000 }],
    sensors: [
      { name: 'rapl', state: 'failed', reason: 'energy_uj: EACCES', advice: 'add CAP_DAC_READ_SEARCH' },
    ],
    limitation: 'processes of others cannot be seen',
  }

  const shown = async (some: Overview): Promise<{ html: string; csp: string }> => {
    const { url } = await serving({ reports: { ...calmReports, overview: async () => some } })
    const answer = await ask(`${url}/`)
    expect(answer.status).toBe(200)
    expect(answer.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'x-content-type-options': 'nosniff',
    })
    return { html: answer.text, csp: String(answer.headers['content-security-policy']) }
  }

  test('says what is drawn, by whom, and how the sensors are', async () => {
    const { html } = await shown(overview)
    const rows = Array.from(html.matchAll(/<tr>(.*?)<\/tr>/g), ([, row = '']) =>
      row
        .split(/<\/t[dh]>/)
        .map((cell) => cell.replace(/<[^>]*>/g, ''))
        .slice(0, -1),
    )
    expect(rows).toEqual([
      ['Component', 'Power', 'How it is known'],
      ['cpu', '41.3 W', 'counter'],
      ['accelerator', '1,235 W', 'integrated'],
      ['Workload', 'Namespace', 'Kind', 'Energy', 'Power now'],
      ['llama-chat', 'ml', 'inference', '1.5 kWh', '0 W'],
      ['small', '', 'other', '0.0025 Wh', '0.0125 W'],
      ['Component', 'Reason', 'Energy'],
      ['cpu', 'idle', '100 Wh'],
      ['Sensor', 'State', 'Reason', 'What to do'],
      ['rapl', 'failed', 'energy_uj: EACCES', 'add CAP_DAC_READ_SEARCH'],
    ])
    expect(html).toContain('<time datetime="2025-10-09T08:53:20.000Z">2025-10-09 08:53:20 UTC</time>')
    expect(html).toContain('processes of others cannot be seen')
    for (const path of [
      '/metrics',
      '/api/v1/sensors',
      '/api/v1/ledger',
      '/api/v1/queries',
      '/api/v1/budgets',
      '/healthz',
      '/readyz',
    ]) {
      expect(html).toContain(`<a href="${path}">`)
    }
    expect(html).toContain('color-scheme: light dark')
  })

  test('what a query has cost, where queries are counted; nothing of fewer than ten', async () => {
    const { html } = await shown({
      ...overview,
      queryEnergy: {
        overSeconds: 600,
        workloads: [
          { workload: 'rare', namespace: '', queries: 9, outputTokens: 100, joules: 9 },
          { workload: 'embed', namespace: '', queries: 20, outputTokens: undefined, joules: 72_000 },
          {
            workload: 'llama-chat',
            namespace: 'ml',
            queries: 2000,
            outputTokens: 800_000,
            joules: 1_728_000,
          },
        ],
      },
    })
    const section = /<section aria-labelledby="energy-per-query">.*?<\/section>/s.exec(html)?.[0] ?? ''
    const cells = Array.from(section.matchAll(/<t[dh][^>]*>(.*?)<\/t[dh]>/g), ([, cell = '']) =>
      cell.replace(/<[^>]*>/g, ''),
    )
    expect(cells).toEqual([
      ...['Workload', 'Namespace', 'Queries', 'Per query', 'Per 1,000 output tokens'],
      ...['llama-chat', 'ml', '2,000', '0.24 Wh', '0.6 Wh'],
      ...['embed', '', '20', '1 Wh', 'not known'],
      ...['rare', '', '9', 'too few queries', 'not known'],
    ])
    expect(section).toContain('Of the last 10 minutes, on this machine alone, at the boundary provisioned')
    expect((await shown(overview)).html).not.toContain('Energy per query')
  })

  test('says so when there is nothing', async () => {
    const { html } = await shown(emptyOverview)
    expect(html).not.toContain('<table')
    expect(html).toContain('No workload has used energy yet.')
  })

  test('nothing from the machine becomes markup', async () => {
    const some = {
      ...emptyOverview,
      host: HOSTILE,
      version: HOSTILE,
      since: emptyOverview.since,
      watts: [{ component: HOSTILE, watts: Number.NaN, method: HOSTILE }],
      workloads: [{ workload: HOSTILE, namespace: HOSTILE, kind: HOSTILE, joules: Infinity, watts: 1 }],
      unattributed: [{ component: HOSTILE, reason: HOSTILE, joules: 1 }],
      sensors: [{ name: HOSTILE, state: HOSTILE, reason: HOSTILE, advice: HOSTILE }],
      limitation: HOSTILE,
    }
    const { html } = await shown(some)
    expect(html).not.toMatch(/<script|<img|alert\("|onerror='|\0/)
    expect(
      html.match(
        /&lt;\/td&gt;&lt;script&gt;alert\(&quot;1&quot;\)&lt;\/script&gt;&lt;img src=x onerror=&#39;a&#39;&gt;&amp;amp;/g,
      ),
    ).toHaveLength(15)
    expect(
      html.match(/<[a-z][a-z0-9]*/g)?.filter((tag) => ['<script', '<img', '<iframe', '<form'].includes(tag)),
    ).toEqual([])
    expect(html).toContain('unknown')
  })

  test('a crowd of workloads is cut, the largest first', async () => {
    const { html } = await shown({
      ...emptyOverview,
      workloads: Array.from({ length: 1500 }, (_, index) => ({
        workload: `w${index}`,
        namespace: '',
        kind: 'other',
        joules: index,
        watts: 0,
      })),
    })
    expect(html.match(/<bdi>w\d+/g)).toHaveLength(200)
    expect(html).toContain('<bdi>w1499</bdi>')
    expect(html).toContain('and 1,300 more')
  })

  test('lets the browser run and load nothing but its own style', async () => {
    const { html, csp } = await shown(overview)
    expect(csp).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/]+={0,2}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    )
    const style = /<style>(.*)<\/style>/s.exec(html)?.[1] ?? ''
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(style))
    expect(csp).toContain(Buffer.from(digest).toString('base64'))
    expect(html).not.toMatch(/style="|<script|http-equiv/)
  })
})

describe('what is not there', () => {
  test.each([
    '/nothing',
    '/metrics/',
    '/METRICS',
    '/-/reload',
    '/api/v1',
    '/..%2f',
    '//',
    '/api/v1/sensors/x',
  ])('GET %s', async (path) => {
    const { url } = await serving()
    const answer = await ask(`${url}${path}`)
    expect(answer).toMatchObject({
      status: 404,
      text: 'there is nothing here; the start page / links to all that is\n',
    })
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8')
  })

  test('a path that is no text is a bad request or nothing at all, never a defect', async () => {
    const { url, log } = await serving()
    expect((await ask(`${url}/%`)).status).toBeLessThan(500)
    expect((await ask(`${url}/metrics?x=%ff&__proto__[a]=1`)).status).toBe(200)
    expect(log).toEqual([])
  })

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])(
    '%s is refused everywhere',
    async (method) => {
      const { url } = await serving()
      for (const path of ['/metrics', '/healthz', '/readyz', '/api/v1/sensors', '/api/v1/budgets', '/']) {
        const answer = await ask(`${url}${path}`, { method })
        expect(answer).toMatchObject({ status: 405, text: 'this can only be read\n' })
        expect(answer.headers.allow).toBe('GET, HEAD')
      }
    },
  )
})

describe('an address that cannot be listened on', () => {
  const listening = async (host: string | undefined, port: number): Promise<unknown> => {
    const server = createServer({
      listenAddress: { host, port },
      telemetryPath: '/metrics',
      pages: new CountingPages(undefined),
      reports: calmReports,
      log: createLogger({ level: 'error', format: 'logfmt', sink: { write: () => true } }),
    })
    try {
      await server.listen()
      return undefined
    } catch (error) {
      return error
    } finally {
      await server.close()
    }
  }

  test('is said in one sentence: in use', async () => {
    const { port } = await serving({ listenAddress: { host: undefined, port: 0 } })
    const error = await listening(undefined, port)
    expect(error).toEqual(
      new ListenError(
        `cannot listen on :${port}: address already in use; another exporter? choose one with --web.listen-address`,
      ),
    )
    expect(error).toBeInstanceOf(ListenError)
  })

  test.each([
    [
      '192.0.2.1',
      'cannot listen on 192.0.2.1:10451: this machine has no such address; choose one with --web.listen-address',
    ],
    ['2001:db8::1', 'cannot listen on [2001:db8::1]:10451: this machine'],
    [
      'nowhere.invalid',
      'cannot listen on nowhere.invalid:10451: there is no host of that name; choose one with --web.listen-address',
    ],
  ])('is said in one sentence: %s', async (host, sentence) => {
    expect(String(await listening(host, 10_451))).toContain(`ListenError: ${sentence}`)
  })

  test('all addresses are reached by name', async () => {
    const { url } = await serving({ listenAddress: { host: undefined, port: 0 } })
    expect(url).toMatch(/^http:\/\/localhost:\d+$/)
    expect((await ask(`${url}/healthz`)).status).toBe(200)
  })
})
