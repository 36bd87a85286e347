/** A Redfish service over real sockets and TLS, with sessions, pages and all the ways in which such services fail. */
import { randomBytes } from 'node:crypto'
import {
  createServer as createPlain,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Mockup, Resource } from './redfish-mockups.ts'

export const USER = 'monitor'
/** What must not show anywhere. */
export const SECRET = 'Gr4phite-9f3a-canary'

export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string }
  | { readonly kind: 'hang' }
  | { readonly kind: 'hang-up' }
  | { readonly kind: 'flood'; readonly bytes: number }
  | { readonly kind: 'body'; readonly text: string }

export interface ServiceOptions {
  readonly tls?: { readonly cert: string; readonly key: string }
  readonly auth?: 'none' | 'session' | 'basic'
  /** Members of a collection per page; all unless given. */
  readonly pageSize?: number
}

export class RedfishService {
  readonly tree: Mockup
  /** Every request, as `GET /redfish/v1`. */
  readonly requests: string[] = []
  readonly sessions = new Set<string>()
  /** By path; `*` for all. */
  readonly faults = new Map<string, Fault>()
  readonly #options: ServiceOptions
  readonly #server: Server

  private constructor(tree: Mockup, options: ServiceOptions) {
    this.tree = tree
    this.#options = options
    const serve = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#serve(request, response)
    this.#server = options.tls === undefined ? createPlain(serve) : createTls(options.tls, serve)
  }

  static async start(tree: Mockup, options: ServiceOptions = {}): Promise<RedfishService> {
    const service = new RedfishService(tree, options)
    await new Promise<void>((resolve) => service.#server.listen(0, '127.0.0.1', resolve))
    return service
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return this.#options.tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`
  }

  /** Changes what a resource says. */
  set(path: string, change: Resource): void {
    this.tree.set(path, { ...this.tree.get(path), ...change })
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const path = url.pathname.replace(/\/+$/, '')
    this.requests.push(`${request.method} ${request.url}`)
    const fault = this.faults.get(path) ?? this.faults.get('*')
    if (fault !== undefined) {
      this.#fail(fault, response)
      return
    }
    if (path === '/redfish/v1/SessionService/Sessions' && request.method === 'POST') {
      await this.#login(request, response)
      return
    }
    if (!this.#isAllowed(request) && path !== '/redfish/v1') {
      send(response, 401, {})
      return
    }
    if (request.method === 'DELETE') {
      const known = this.sessions.delete(path.split('/').at(-1) ?? '')
      send(response, known ? 204 : 404)
      return
    }
    const resource = this.tree.get(path)
    if (resource === undefined) send(response, 404, { error: { code: 'Base.1.0.ResourceMissingAtURI' } })
    else send(response, 200, this.#page(resource, url))
  }

  #page(resource: Resource, url: URL): Resource {
    const { pageSize = Infinity } = this.#options
    const members = resource['Members'] as readonly { readonly '@odata.id': string }[] | undefined
    if (members === undefined) return resource
    const skip = Number(url.searchParams.get('$skip') ?? 0)
    const shown = members.slice(skip, skip + pageSize)
    const isExpanded = url.searchParams.get('$expand') === '.'
    return {
      ...resource,
      Members: isExpanded ? shown.map((member) => this.tree.get(member['@odata.id']) ?? member) : shown,
      ...(skip + pageSize < members.length && {
        'Members@odata.nextLink': `${url.pathname}?$skip=${skip + pageSize}${isExpanded ? '&$expand=.' : ''}`,
      }),
    }
  }

  async #login(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const { UserName, Password } = JSON.parse(body) as Readonly<Record<string, string>>
    if (UserName !== USER || Password !== SECRET) {
      send(response, 401, { error: { message: `wrong password ${Password}` } })
      return
    }
    const token = randomBytes(8).toString('hex')
    this.sessions.add(token)
    response.setHeader('X-Auth-Token', token)
    response.setHeader('Location', `${this.url}/redfish/v1/SessionService/Sessions/${token}`)
    send(response, 201, { '@odata.id': `/redfish/v1/SessionService/Sessions/${token}` })
  }

  #isAllowed({ headers }: IncomingMessage): boolean {
    switch (this.#options.auth ?? 'none') {
      case 'none':
        return true
      case 'session':
        return this.sessions.has(String(headers['x-auth-token']))
      case 'basic':
        return headers.authorization === `Basic ${Buffer.from(`${USER}:${SECRET}`).toString('base64')}`
    }
  }

  #fail(fault: Fault, response: ServerResponse): void {
    switch (fault.kind) {
      case 'status':
        if (fault.retryAfter !== undefined) response.setHeader('Retry-After', fault.retryAfter)
        send(response, fault.status, {})
        return
      case 'hang':
        return
      case 'hang-up':
        response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '1000' })
        response.write('{"PowerWatts":')
        setImmediate(() => response.destroy())
        return
      case 'body':
        response.writeHead(200, { 'Content-Type': 'application/json' }).end(fault.text)
        return
      case 'flood':
        flood(response, fault.bytes)
    }
  }
}

function send(response: ServerResponse, status: number, body?: Resource): void {
  response.writeHead(status, { 'Content-Type': 'application/json' })
  response.end(body === undefined ? undefined : JSON.stringify(body))
}

/** Without ever holding it all. */
function flood(response: ServerResponse, bytes: number): void {
  const chunk = Buffer.alloc(1 << 16, ' ')
  let left = bytes
  const pour = (): void => {
    while (left > 0 && !response.destroyed) {
      left -= chunk.length
      if (!response.write(chunk)) {
        response.once('drain', pour)
        return
      }
    }
    if (!response.destroyed) response.end()
  }
  response.writeHead(200, { 'Content-Type': 'application/json' })
  pour()
}
