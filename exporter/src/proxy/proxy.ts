/**
 * The counting proxy: in front of one inference server that does not count itself. It listens at one address, talks to
 * one target, follows nothing and keeps nothing of what passes.
 */
import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import { isIP, type AddressInfo, type Socket } from 'node:net'
import { exchange, type ExchangeLimits, type ExchangeTrouble, type Target } from './exchange.ts'
import type { RequestLedger } from './request-ledger.ts'

export interface ProxySettings {
  /** As it is written in the configuration; the proxy's name. */
  readonly listen: string
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** `http` or `https`, without a path. */
  readonly target: string
}

export interface ProxyLimits extends ExchangeLimits {
  /** Until all header fields of a request are there. In milliseconds. */
  readonly header: number
  /** Between two requests. In milliseconds. */
  readonly keepAlive: number
  /** Clients at the same time; those beyond are turned away. */
  readonly connections: number
  /** For running answers, once the proxy closes. In milliseconds. */
  readonly closing: number
}

const MINUTE = 60_000

const LIMITS: ProxyLimits = {
  silence: 60 * MINUTE, // a long answer that is sent as a whole
  stalled: 5 * MINUTE,
  connecting: 10_000,
  header: 30_000,
  keepAlive: 75_000,
  connections: 2048,
  closing: 2000,
}

const MOST_HEADER_BYTES = 64 << 10
/** Idle connections to the target are not used later than this: many servers close theirs after a few seconds. */
const REUSE_MILLISECONDS = 1000
/** Troubles of one kind are told once in this time. */
const QUIET_MILLISECONDS = MINUTE

export interface ProxyOptions {
  readonly settings: ProxySettings
  readonly ledger: RequestLedger
  readonly log: {
    readonly info: (fields: object, message: string) => void
    readonly warn: (fields: object, message: string) => void
  }
  readonly limits?: Partial<ProxyLimits>
}

/** The address cannot be listened on. The message is one sentence that says why. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'
}

export class CountingProxy {
  readonly #settings: ProxySettings
  readonly #limits: ProxyLimits
  readonly #server: Server
  readonly #target: Target
  readonly #log: ProxyOptions['log']
  readonly #toldAt = new Map<string, number>()

  constructor({ settings, ledger, log, limits }: ProxyOptions) {
    this.#settings = settings
    this.#log = log
    this.#limits = { ...LIMITS, ...limits }
    this.#target = targetOf(new URL(settings.target))
    const pass = (request: IncomingMessage, response: ServerResponse): void =>
      exchange(request, response, {
        target: this.#target,
        limits: this.#limits,
        begin: () => ledger.begin(settings.listen),
        onTrouble: (trouble) => this.#tell(trouble),
      })
    this.#server = createServer({
      maxHeaderSize: MOST_HEADER_BYTES,
      headersTimeout: this.#limits.header,
      requestTimeout: 0, // large uploads take their time; who stops sending is silent
      keepAliveTimeout: this.#limits.keepAlive,
      connectionsCheckingInterval: Math.min(this.#limits.header, 10_000),
    })
    this.#server.maxConnections = this.#limits.connections
    this.#server.timeout = 2 * this.#limits.silence // the side of the target is given up first, and the client told
    this.#server.on('request', pass)
    this.#server.on('checkContinue', pass)
    this.#server.on('connect', (_request, socket: Socket) => refuseTunnel(socket))
  }

  /** @throws ProxyError */
  async listen(): Promise<{ readonly port: number }> {
    const { host, port, listen, target } = this.#settings
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause: NodeJS.ErrnoException) =>
        reject(new ProxyError(`the proxy cannot listen on ${listen}: ${reasonOf(cause)}`, { cause })),
      )
      // as many may come at the same instant: those beyond the backlog would knock again after 1, 3 and 7 s
      this.#server.listen({ host, port, backlog: this.#limits.connections }, resolve)
    })
    this.#server.removeAllListeners('error')
    this.#server.on('error', (cause: NodeJS.ErrnoException) => this.#tell({ code: cause.code ?? 'ERROR' }))
    this.#log.info({ listen, target }, 'the proxy counts what passes')
    if (!isLoopback(host)) {
      this.#log.warn(
        { listen },
        'the proxy listens beyond this machine: whoever reaches it reaches the server behind it, with no other check than its own',
      )
    }
    return { port: (this.#server.address() as AddressInfo).port }
  }

  /** Takes no more requests, lets running answers end for a moment, then cuts them off. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      const cutOff = setTimeout(() => this.#server.closeAllConnections(), this.#limits.closing)
      this.#server.close(() => {
        clearTimeout(cutOff)
        resolve()
      })
      this.#server.closeIdleConnections()
    })
    this.#target.agent.destroy()
  }

  /** A client that goes away is nothing to tell; of the rest neither paths nor contents. */
  #tell({ code }: ExchangeTrouble): void {
    const now = Date.now()
    if (now - (this.#toldAt.get(code) ?? -Infinity) < QUIET_MILLISECONDS) return
    if (this.#toldAt.size > MOST_KINDS_OF_TROUBLE) this.#toldAt.clear()
    this.#toldAt.set(code, now)
    const { listen, target } = this.#settings
    this.#log.warn({ listen, target, code }, 'a request did not get through the proxy')
  }
}

const MOST_KINDS_OF_TROUBLE = 32

function targetOf(url: URL): Target {
  const isTls = url.protocol === 'https:'
  const settings = { keepAlive: true, timeout: REUSE_MILLISECONDS, maxFreeSockets: 64 }
  return {
    url,
    agent: isTls ? new TlsAgent(settings) : new Agent(settings),
    // A server on this machine checks `Host` against pages that have it called by a name of their own (DNS rebinding).
    host: isLoopback(url.hostname.replace(/^\[|\]$/g, '')) ? undefined : url.host,
  }
}

export function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.')
  return host === '::1' || host === 'localhost'
}

function refuseTunnel(socket: Socket): void {
  const text = 'wattribute proxy: it leads to one server only and opens no tunnels\n'
  socket.on('error', () => undefined)
  socket.end(
    `HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, POST, PUT, DELETE\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`,
  )
}

function reasonOf(cause: NodeJS.ErrnoException): string {
  switch (cause.code) {
    case 'EADDRINUSE':
      return 'the address is already in use'
    case 'EACCES':
      return 'ports below 1024 need the capability CAP_NET_BIND_SERVICE'
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address'
    case undefined:
    default:
      return cause.message
  }
}
