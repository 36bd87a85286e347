/** A real server on a free port of the loopback, and a client that hides nothing of the answer. */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import {
  createServer,
  type Overview,
  type Page,
  type Pages,
  type Reports,
  type ServerOptions,
} from '../../exporter/src/exposition/server.ts'
import { createLogger } from '../../exporter/src/log.ts'
import { seconds } from '../../exporter/src/units.ts'

export const pageOf = (text: string, openMetrics = `${text}# EOF\n`): Page => ({
  text: Buffer.from(text),
  openMetrics: Buffer.from(openMetrics),
  at: seconds(1),
})

/** Hands out one page and counts what comes back. */
export class CountingPages implements Pages {
  page: Page | undefined
  reason = 'the first tick is not over yet'
  taken = 0
  released = 0

  constructor(page: Page | undefined) {
    this.page = page
  }

  current(): ReturnType<Pages['current']> {
    if (this.page === undefined) return undefined
    this.taken += 1
    return {
      page: this.page,
      release: () => {
        this.released += 1
      },
    }
  }

  whyNone(): string {
    return this.reason
  }
}

export const emptyOverview: Overview = {
  host: 'node-1',
  version: '0.1.0',
  since: seconds(1_760_000_000),
  watts: [],
  workloads: [],
  budgets: [],
  demand: [],
  unattributed: [],
  sensors: [],
  limitation: '',
}

export const calmReports: Reports = {
  sensors: async () => ({ sensors: [] }),
  ledger: async () => ({ accounts: [] }),
  queries: async () => ({ servers: [], sources: [], counts: [] }),
  budgets: async () => ({ budgets: [], demand: [] }),
  overview: async () => emptyOverview,
}

export interface Serving {
  readonly url: string
  readonly port: number
  /** All that was logged. */
  readonly log: readonly string[]
  close(): Promise<void>
}

export async function serve(options: Partial<ServerOptions> = {}): Promise<Serving> {
  const lines: string[] = []
  const server = createServer({
    listenAddress: { host: '127.0.0.1', port: 0 },
    telemetryPath: '/metrics',
    pages: new CountingPages(pageOf('up 1\n')),
    reports: calmReports,
    log: createLogger({ level: 'debug', format: 'logfmt', sink: { write: (line) => lines.push(line) } }),
    ...options,
  })
  const { url } = await server.listen()
  return { url, port: Number(new URL(url).port), log: lines, close: () => server.close() }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
}

/** One request on a connection of its own; nothing is decoded. */
export function ask(url: string, options: RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = (url.startsWith('https:') ? httpsRequest : httpRequest)(url, { agent: false, ...options })
    request.once('error', reject)
    request.once('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () => {
        const body = Buffer.concat(chunks)
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body, text: body.toString() })
      })
    })
    request.end()
  })
}

/** Waits until something has become true, or gives up after two seconds. */
export async function until(isTrue: () => boolean): Promise<void> {
  const end = performance.now() + 2000
  while (!isTrue() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5))
}
