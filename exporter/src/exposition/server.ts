/**
 * The HTTP side, on the main thread: the newest page for scrapers, health for supervisors, a start page and reports for
 * people. It samples nothing and waits for nothing but the reports.
 */
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response } from 'express'
import { createServer as createHttpServer, type Server } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Log } from '../log.ts'
import { BasicAuth } from './basic-auth.ts'
import { CONTENT_SECURITY_POLICY, overviewPage, type Link, type Overview } from './overview.ts'
import { scrapeHandler, type Gzip, type Pages } from './scrape.ts'
import { createTlsServer } from './tls.ts'
import { openWebConfig, type WebConfig } from './web-config.ts'
import { addWrites, type Writes } from './write-api.ts'

export type { Overview } from './overview.ts'
export type { Page, Pages } from './scrape.ts'

/** Each may reject, or take too long: the answer is 503 then, with the reason. */
export interface Reports {
  /** To be shown as JSON. */
  sensors(): Promise<unknown>
  /** To be shown as JSON. */
  ledger(): Promise<unknown>
  /** To be shown as JSON. */
  queries(): Promise<unknown>
  /** To be shown as JSON. */
  budgets(): Promise<unknown>
  overview(): Promise<Overview>
}

/** What keeps slow or vanished clients from holding memory. In milliseconds, apart from the number of connections. */
export interface Limits {
  /** To send a whole request. */
  readonly request: number
  /** From the end of a request until its response has been taken. */
  readonly response: number
  /** Between two requests: more than the usual scrape interval, so that scrapers keep their connection. */
  readonly keepAlive: number
  /** For a report of the engine. */
  readonly report: number
  /** For running responses, once the server closes. */
  readonly closing: number
  readonly connections: number
}

const LIMITS: Limits = {
  request: 10_000,
  response: 30_000,
  keepAlive: 90_000,
  report: 3000,
  closing: 2000,
  connections: 512,
}

export interface ServerOptions {
  /** Without a host: all addresses of the machine. Port 0: any that is free. */
  readonly listenAddress: { readonly host: string | undefined; readonly port: number }
  /** Starts with a slash. */
  readonly telemetryPath: string
  readonly pages: Pages
  /** Without them there are the metrics and the health, and nothing else. */
  readonly reports?: Reports
  /** Absent: nothing can be written. */
  readonly writes?: Writes
  readonly log: Log
  /** Plain HTTP for everybody unless given. */
  readonly web?: WebConfig
  readonly limits?: Partial<Limits>
  readonly gzip?: Gzip
}

export interface WebServer {
  /** @throws ListenError */
  listen(): Promise<{ readonly url: string }>
  /** Takes no more requests, lets the running ones end for a moment, then cuts them off. May be called more than once. */
  close(): Promise<void>
}

/** The address cannot be listened on. The message is one sentence that says why and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
}

/** @throws ConfigError when the certificate cannot be used */
export function createServer(options: ServerOptions): WebServer {
  const { web = openWebConfig, log } = options
  const limits = { ...LIMITS, ...options.limits }
  const server = web.tls === undefined ? createHttpServer() : createTlsServer(web.tls, log)
  server.on('request', appOf({ ...options, web }, limits))
  bound(server, limits)
  return {
    listen: () => {
      for (const note of web.notes) log.info(note)
      return listen(server, options, web.tls === undefined ? 'http' : 'https')
    },
    close: () => close(server, limits),
  }
}

function bound(server: Server | TlsServer, limits: Limits): void {
  server.headersTimeout = limits.request
  server.requestTimeout = limits.request
  server.timeout = limits.response
  server.keepAliveTimeout = limits.keepAlive
  server.maxConnections = limits.connections
}

function appOf(options: ServerOptions & { readonly web: WebConfig }, limits: Limits): Express {
  const { telemetryPath, pages, reports, web, log } = options
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.disable('query parser')
  app.enable('case sensitive routing')
  app.enable('strict routing')
  app.use(deadline(limits.response))
  app.use(headers(web.headers))
  if (options.writes !== undefined) addWrites(app, options.writes)
  if (web.users.size > 0) app.use(authentication(web.users))

  const get = (path: string, handler: RequestHandler): void => {
    app.route(path).get(handler).all(wrongMethod)
  }
  const seen = witnessed(pages)
  get(telemetryPath, scrapeHandler(seen, options.gzip ?? level1))
  get('/healthz', health(seen))
  get('/readyz', readiness(seen))
  if (reports !== undefined) addReports(get, reports, telemetryPath, limits)
  app.use((_request, response) =>
    say(response, 404, 'there is nothing here; the start page / links to all that is'),
  )
  app.use(failure(log))
  return app
}

function addReports(
  get: (path: string, handler: RequestHandler) => void,
  reports: Reports,
  telemetryPath: string,
  limits: Limits,
): void {
  get(
    '/api/v1/sensors',
    jsonReport('sensors', () => reports.sensors(), limits),
  )
  get(
    '/api/v1/ledger',
    jsonReport('ledger', () => reports.ledger(), limits),
  )
  get(
    '/api/v1/queries',
    jsonReport('queries', () => reports.queries(), limits),
  )
  get(
    '/api/v1/budgets',
    jsonReport('budgets', () => reports.budgets(), limits),
  )
  if (telemetryPath !== '/') get('/', startPage(reports, linksOf(telemetryPath), limits))
}

const level1: Gzip = (bytes) => promisify(gzip)(bytes, { level: 1 })

/** Every text that is not a page: one sentence. */
function say(response: Response, status: number, sentence: string): void {
  response.status(status).type('text/plain').send(`${sentence}\n`)
}

/** A client that takes its response too slowly, or not at all, is cut off. */
const deadline =
  (milliseconds: number): RequestHandler =>
  (request, response, next) => {
    const timer = setTimeout(() => request.socket.destroy(), milliseconds).unref()
    response.once('close', () => {
      clearTimeout(timer)
    })
    next()
  }

const headers =
  (configured: ReadonlyMap<string, string>): RequestHandler =>
  (_request, response, next) => {
    response.setHeader('X-Content-Type-Options', 'nosniff')
    for (const [name, value] of configured) response.setHeader(name, value)
    next()
  }

function authentication(users: ReadonlyMap<string, string>): RequestHandler {
  const auth = new BasicAuth(users)
  return async (request, response, next) => {
    const verdict = await auth.check(request.headers.authorization)
    switch (verdict) {
      case 'welcome':
        next()
        return
      case 'refused':
        response.setHeader('WWW-Authenticate', 'Basic realm="wattribute", charset="UTF-8"')
        say(response, 401, 'a user and password are needed')
        return
      case 'busy':
        response.setHeader('Retry-After', '1')
        say(response, 503, 'too many passwords are being checked')
        return
    }
  }
}

const wrongMethod: RequestHandler = (_request, response) => {
  response.setHeader('Allow', 'GET, HEAD')
  say(response, 405, 'this can only be read')
}

interface WitnessedPages extends Pages {
  /** Whether there ever was a page. */
  hadOne(): boolean
}

function witnessed(pages: Pages): WitnessedPages {
  let had = false
  return {
    current: () => {
      const claim = pages.current()
      had ||= claim !== undefined
      return claim
    },
    whyNone: () => pages.whyNone(),
    hadOne: () => had,
  }
}

function isThere(pages: Pages): boolean {
  const claim = pages.current()
  claim?.release()
  return claim !== undefined
}

const health =
  (pages: Pages): RequestHandler =>
  (_request, response) => {
    if (isThere(pages)) say(response, 200, 'ok')
    else say(response, 503, pages.whyNone())
  }

/** Ready for ever once the first page exists: what comes later is a matter of health. */
const readiness =
  (pages: WitnessedPages): RequestHandler =>
  (_request, response) => {
    if (pages.hadOne() || isThere(pages)) say(response, 200, 'ready')
    else say(response, 503, pages.whyNone())
  }

const jsonReport =
  (subject: string, ask: () => Promise<unknown>, limits: Limits): RequestHandler =>
  async (_request, response) => {
    const report = await answer(subject, ask, limits, response)
    if (report !== undefined) response.json(report.content)
  }

const startPage =
  (reports: Reports, links: readonly Link[], limits: Limits): RequestHandler =>
  async (_request, response) => {
    const report = await answer('overview', () => reports.overview(), limits, response)
    if (report === undefined) return
    if (!response.hasHeader('Content-Security-Policy')) {
      response.setHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY)
    }
    response.type('text/html').send(overviewPage(report.content, links))
  }

/** @returns nothing when there was no report in time; the client has been told then */
async function answer<Content>(
  subject: string,
  ask: () => Promise<Content>,
  limits: Limits,
  response: Response,
): Promise<{ readonly content: Content } | undefined> {
  try {
    return { content: await inTime(ask(), limits.report) }
  } catch (cause) {
    say(
      response,
      503,
      `the ${subject} cannot be shown now: ${cause instanceof Error ? cause.message : String(cause)}`,
    )
    return undefined
  }
}

async function inTime<Content>(promise: Promise<Content>, milliseconds: number): Promise<Content> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error('the engine did not answer in time'))
    }, milliseconds)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}

const linksOf = (telemetryPath: string): readonly Link[] => [
  { path: telemetryPath, sentence: 'all figures, for Prometheus' },
  { path: '/api/v1/sensors', sentence: 'the sensors and their health, as JSON' },
  { path: '/api/v1/ledger', sentence: 'the books, as JSON' },
  { path: '/api/v1/queries', sentence: 'queries, who counts them and how their servers are doing, as JSON' },
  { path: '/api/v1/budgets', sentence: 'the budgets and the demand, as JSON' },
  { path: '/healthz', sentence: 'whether the figures are fresh' },
  { path: '/readyz', sentence: 'whether there are figures' },
]

/** The last of all: requests that cannot be understood, and defects. Express tells it by its four parameters. */
const failure =
  (log: Log): ErrorRequestHandler =>
  (cause: unknown, request, response, next) => {
    if (response.headersSent) {
      next(cause) // which cuts the connection off: half a page must not look whole
      return
    }
    const status = statusOf(cause)
    if (status !== undefined) {
      say(response, status, 'the request cannot be understood')
      return
    }
    log.error({ err: cause, path: request.path }, 'a request failed')
    say(response, 500, 'the request failed; the log says why')
  }

/** The client's own error, if it is one. */
function statusOf(cause: unknown): number | undefined {
  const status: unknown =
    typeof cause === 'object' && cause !== null && 'status' in cause ? cause.status : undefined
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined
}

function listen(
  server: Server | TlsServer,
  { listenAddress, log }: ServerOptions,
  scheme: 'http' | 'https',
): Promise<{ readonly url: string }> {
  const { host, port } = listenAddress
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => {
      reject(listenError(listenAddress, cause))
    }
    server.once('error', fail)
    server.listen({ port, ...(host !== undefined && { host }) }, () => {
      server.off('error', fail)
      // such as too many open files: connections are lost, the exporter is not
      server.on('error', (cause) => {
        log.error({ err: cause }, 'connections cannot be accepted')
      })
      resolve({ url: `${scheme}://${reachableHost(host)}:${portOf(server) ?? port}` })
    })
  })
}

function portOf(server: Server | TlsServer): number | undefined {
  const address = server.address()
  return typeof address === 'object' ? address?.port : undefined
}

const ANY_ADDRESS = new Set([undefined, '0.0.0.0', '::'])

const reachableHost = (host: string | undefined): string =>
  host === undefined || ANY_ADDRESS.has(host) ? 'localhost' : inBrackets(host)

const inBrackets = (host: string): string => (host.includes(':') ? `[${host}]` : host)

function listenError(
  { host, port }: ServerOptions['listenAddress'],
  cause: NodeJS.ErrnoException,
): ListenError {
  const address = `${host === undefined ? '' : inBrackets(host)}:${port}`
  return new ListenError(`cannot listen on ${address}: ${whyNotListening(cause)}`, { cause })
}

const CHOOSE = 'choose one with --web.listen-address'

function whyNotListening(cause: NodeJS.ErrnoException): string {
  switch (cause.code) {
    case 'EADDRINUSE':
      return `address already in use; another exporter? ${CHOOSE}`
    case 'EACCES':
      return `ports below 1024 need the capability CAP_NET_BIND_SERVICE; ${CHOOSE}`
    case 'EADDRNOTAVAIL':
      return `this machine has no such address; ${CHOOSE}`
    case 'EAFNOSUPPORT':
      return `this machine does not speak that kind of address; ${CHOOSE}`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `there is no host of that name; ${CHOOSE}`
    case undefined:
    default:
      return `${cause.message}; ${CHOOSE}`
  }
}

function close(server: Server | TlsServer, limits: Limits): Promise<void> {
  return new Promise((resolve) => {
    const cutOff = setTimeout(() => {
      server.closeAllConnections()
    }, limits.closing)
    server.close(() => {
      clearTimeout(cutOff)
      resolve()
    })
    server.closeIdleConnections()
  })
}
