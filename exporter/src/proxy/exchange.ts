/**
 * One request on its way to the target, and the answer on its way back: each byte as it came, at the pace of whoever
 * takes it. What is counted is looked at in passing and not kept.
 */
import {
  request as httpRequest,
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { endpointOf } from './endpoints.ts'
import { endToEnd, goesInCircles, has, targetPath, valuesOf, via, without } from './headers.ts'
import { JsonFields } from './json-fields.ts'
import type { RequestNotes } from './request-ledger.ts'
import { SideMeter } from './side-meter.ts'

export interface Target {
  /** Without a path. */
  readonly url: URL
  readonly agent: Agent
  /** The `Host` of the target, where the client's own is not passed on. */
  readonly host: string | undefined
}

export interface ExchangeLimits {
  /** Without a byte from either side. In milliseconds. */
  readonly silence: number
  /** Until somebody takes what is there for it. In milliseconds. */
  readonly stalled: number
  /** Until the target has accepted the connection. In milliseconds. */
  readonly connecting: number
}

/** Why an exchange has not come to its end. Neither address nor content of a request is in it. */
export interface ExchangeTrouble {
  readonly code: string
}

export interface ExchangeOptions {
  readonly target: Target
  readonly limits: ExchangeLimits
  /** A query has begun. */
  readonly begin: () => RequestNotes
  readonly onTrouble: (trouble: ExchangeTrouble) => void
}

/** How much of a request is searched for the name of its model. */
const SEARCHED_BYTES = 1 << 20

export function exchange(
  request: IncomingMessage,
  response: ServerResponse,
  { target, limits, begin, onTrouble }: ExchangeOptions,
): void {
  const { method = 'GET', url = '', rawHeaders } = request
  const path = targetPath(url, method)
  if (path === undefined) {
    refuse(request, response, 400, 'the target of this request is neither a path nor an address')
    return
  }
  if (goesInCircles(rawHeaders)) {
    refuse(request, response, 508, 'this proxy is its own target')
    return
  }
  const codings = valuesOf(rawHeaders, 'transfer-encoding').join(',').trim().toLowerCase()
  if (codings !== '' && codings !== 'chunked') {
    refuse(request, response, 501, 'the only transfer coding that is understood is chunked')
    return
  }
  const endpoint = endpointOf(method, path)
  const notes = endpoint && begin()
  let meter: SideMeter | undefined
  let askedModel = ''
  let isOver = false

  const upstream = openUpstream(target, method, path, headersFor(request, target, codings !== ''))
  if (upstream instanceof Error) {
    notes?.end('', undefined)
    refuse(request, response, 400, 'a header field of this request cannot be passed on')
    return
  }

  /** Neither side is kept waiting for the other. */
  const end = (): void => {
    if (isOver) return
    isOver = true
    clearTimeout(connecting)
    meter?.drop()
    notes?.end(meter?.model || askedModel, undefined)
    upstream.destroy()
  }
  const fail = (status: number, sentence: string, code: string): void => {
    if (isOver) return
    onTrouble({ code })
    end()
    if (response.headersSent)
      response.destroy() // half an answer must not look whole
    else refuse(request, response, status, sentence)
  }

  const connecting = setTimeout(
    () => fail(504, 'the target does not accept connections', 'CONNECT_TIMEOUT'),
    limits.connecting,
  )
  connecting.unref()
  upstream.once('socket', (socket) => {
    if (!socket.connecting) clearTimeout(connecting)
    else
      socket.once(target.url.protocol === 'https:' ? 'secureConnect' : 'connect', () =>
        clearTimeout(connecting),
      )
  })
  upstream.setTimeout(limits.silence, () =>
    fail(504, 'the target has not answered in time', 'ANSWER_TIMEOUT'),
  )
  upstream.on('error', (cause: NodeJS.ErrnoException) =>
    fail(502, `the target does not answer: ${reasonOf(cause)}`, cause.code ?? 'ERROR'),
  )
  upstream.on('continue', () => response.writeContinue())
  response.once('close', end)

  const sniffer =
    endpoint &&
    modelSniffer((model) => {
      askedModel = model
      notes?.progress(model, 0)
    })
  const sending = setTimeout(
    () => fail(408, 'the rest of the request does not come', 'REQUEST_UNFINISHED'),
    limits.stalled,
  ).unref()
  request.on('data', () => void sending.refresh())
  for (const over of ['end', 'close']) request.once(over, () => clearTimeout(sending))
  flow(request, upstream, limits.stalled, (bytes) => sniffer?.(bytes), {
    end: () => {
      if (request.rawTrailers.length > 0) upstream.addTrailers(pairs(request.rawTrailers))
      upstream.end()
    },
    stalled: () => fail(504, 'the target does not take the request', 'REQUEST_STALLED'),
  })

  upstream.on('response', (answer) => {
    meter =
      endpoint &&
      new SideMeter(endpoint, {
        status: answer.statusCode ?? 0,
        contentType: answer.headers['content-type'],
        contentEncoding: answer.headers['content-encoding'],
      })
    response.sendDate = false
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answerHeaders(request, answer))
    response.flushHeaders()
    flow(
      answer,
      response,
      limits.stalled,
      (bytes) => {
        if (meter === undefined || notes === undefined) return
        meter.see(bytes)
        notes.progress(meter.model || askedModel, meter.pieces)
      },
      {
        end: () => {
          if (answer.rawTrailers.length > 0 && !answer.headers['content-length']) {
            response.addTrailers(pairs(answer.rawTrailers))
          }
          response.end()
          isOver = true
          if (notes !== undefined && meter !== undefined) void conclude(meter, notes, askedModel)
        },
        stalled: () => fail(504, '', 'CLIENT_STALLED'),
      },
    )
    answer.on('error', () => fail(502, '', 'ANSWER_CUT_OFF'))
  })
}

async function conclude(meter: SideMeter, notes: RequestNotes, askedModel: string): Promise<void> {
  const answer = await meter.end()
  notes.end(meter.model || askedModel, answer)
}

function openUpstream(
  { url, agent }: Target,
  method: string,
  path: string,
  headers: readonly string[],
): ClientRequest | Error {
  const open = url.protocol === 'https:' ? httpsRequest : httpRequest
  const host = url.hostname.replace(/^\[|\]$/g, '')
  try {
    return open({
      agent,
      host,
      port: url.port === '' ? undefined : url.port,
      method,
      path,
      headers,
      setHost: false,
      // by the target's name, whatever the client calls it; addresses are not asked for by name (RFC 6066, 3)
      ...(url.protocol === 'https:' && { servername: isIP(host) === 0 ? host : '' }),
    })
  } catch (cause) {
    return cause instanceof Error ? cause : new Error(String(cause))
  }
}

/** How long the body is, is said once and in one way: that is what keeps a request from being taken for two. */
function headersFor(request: IncomingMessage, { host }: Target, isChunked: boolean): string[] {
  const kept = without(
    endToEnd(request.rawHeaders),
    (name) => name === 'content-length' || (host !== undefined && name === 'host'),
  )
  const length = request.headers['content-length']
  const mayBeEmpty = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'].includes(request.method ?? '')
  return [
    ...(host === undefined ? [] : ['Host', host]),
    ...kept,
    ...via(request.httpVersion),
    ...(isChunked
      ? ['Transfer-Encoding', 'chunked']
      : length !== undefined || !mayBeEmpty
        ? ['Content-Length', length ?? '0']
        : []),
  ]
}

/** A connection on which the rest of a request was not read cannot be used for another. */
function answerHeaders(request: IncomingMessage, answer: IncomingMessage): string[] {
  const kept = endToEnd(answer.rawHeaders)
  const isFramed = has(answer.rawHeaders, 'transfer-encoding')
  return [
    ...(isFramed ? without(kept, (name) => name === 'content-length') : kept),
    ...(request.complete || request.headers.expect === undefined ? [] : ['Connection', 'close']),
  ]
}

interface FlowEnds {
  readonly end: () => void
  readonly stalled: () => void
}

/** From one side to the other, at the pace of the one that takes. */
function flow(
  from: IncomingMessage,
  to: ClientRequest | ServerResponse,
  stalledMilliseconds: number,
  see: (bytes: Uint8Array) => void,
  { end, stalled }: FlowEnds,
): void {
  let timer: NodeJS.Timeout | undefined
  from.on('data', (bytes: Uint8Array) => {
    see(bytes)
    if (to.write(bytes)) return
    from.pause()
    timer = setTimeout(stalled, stalledMilliseconds).unref()
  })
  to.on('drain', () => {
    clearTimeout(timer)
    from.resume()
  })
  to.once('close', () => clearTimeout(timer))
  from.once('end', end)
}

/** @returns what is to be shown the beginning of a request */
function modelSniffer(found: (model: string) => void): (bytes: Uint8Array) => void {
  let searched = 0
  let isFound = false
  const fields = new JsonFields(new Set(['model']), (_, value) => {
    if (typeof value !== 'string' || isFound) return
    isFound = true
    found(value)
  })
  return (bytes) => {
    if (isFound || searched >= SEARCHED_BYTES) return
    searched += bytes.length
    fields.write(bytes)
  }
}

const pairs = (raw: readonly string[]): [string, string][] =>
  raw.flatMap((name, index) => (index % 2 === 0 ? [[name, raw[index + 1] ?? ''] as [string, string]] : []))

/** A sentence of our own; what the client still sends is not read. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  sentence: string,
): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    ...(request.complete ? {} : { Connection: 'close' }),
  })
  response.end(`wattribute proxy: ${sentence}\n`)
}

/** A part of a sentence. */
export function reasonOf(cause: NodeJS.ErrnoException): string {
  switch (cause.code) {
    case 'ECONNREFUSED':
      return 'nobody listens there'
    case 'ECONNRESET':
    case 'EPIPE':
      return 'it has closed the connection'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'there is no host of that name'
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'no way leads there'
    case 'ETIMEDOUT':
      return 'it cannot be reached in time'
    case 'CERT_HAS_EXPIRED':
      return 'its certificate has expired'
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'its certificate is for another name'
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return 'who has signed its certificate is not known here: name the authority with NODE_EXTRA_CA_CERTS'
    case undefined:
    default:
      return cause.code?.startsWith('HPE_') === true
        ? 'what it sends is not HTTP'
        : (cause.code ?? 'it has failed')
  }
}
