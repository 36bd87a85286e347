/** Questions to a device over HTTP: bounded in time and size, on few connections, TLS verified unless told otherwise. */
import { readFile } from 'node:fs/promises'
import { Agent as PlainAgent, request as requestPlain, type IncomingHttpHeaders } from 'node:http'
import { Agent as TlsAgent, request as requestTls } from 'node:https'
import type { Tls } from '../model.ts'
import { ANSWER_LIMIT, DeviceError } from './device.ts'

export interface HttpSettings {
  /** `https://bmc-1.example.org`, without a slash at the end. */
  readonly url: string
  /** Empty: the authorities of the system. */
  readonly caFile: string
  readonly tlsVerify: boolean
}

/** How the other end is known; undefined where nothing is encrypted. */
export const tlsOf = ({ url, tlsVerify }: HttpSettings): Tls | undefined =>
  url.startsWith('https:') ? (tlsVerify ? 'verified' : 'unverified') : undefined

export interface HttpQuestion {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  /** With the leading slash. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
  /** Of the answer in bytes. */
  readonly limit?: number
  /** Is given each piece of the answer, which is not kept then. */
  readonly take?: (piece: Buffer) => void
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

const REACH_ADVICE =
  'see whether it is reachable from here, its address and port are right, and it answers others'
const TLS_ADVICE =
  'name the authority that has signed its certificate as `ca_file`, or that certificate itself; the name in `url` must be one of those in the certificate'

export class HttpDevice {
  readonly #settings: HttpSettings
  #agent: PlainAgent | TlsAgent | undefined

  constructor(settings: HttpSettings) {
    this.#settings = settings
  }

  /**
   * Redirections are not followed: a password would go along.
   * @throws DeviceError when there is no whole answer; any status is an answer
   */
  async ask(question: HttpQuestion): Promise<HttpAnswer> {
    const { method = 'GET', path, headers = {}, body, signal, limit = ANSWER_LIMIT, take } = question
    const url = new URL(this.#settings.url + path)
    const agent = (this.#agent ??= await this.#newAgent(url.protocol))
    return new Promise((resolve, reject) => {
      const request = (url.protocol === 'https:' ? requestTls : requestPlain)(url, {
        method,
        agent,
        headers: {
          ...headers,
          ...(body !== undefined && {
            'Content-Type': 'application/json',
            'Content-Length': String(Buffer.byteLength(body)),
          }),
        },
      })
      const fail = (error: DeviceError): void => {
        reject(error)
        request.destroy()
      }
      const stop = (): void => fail(new DeviceError('did not answer in time', REACH_ADVICE))
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop, { once: true })
      request.on('close', () => {
        signal.removeEventListener('abort', stop)
        fail(new DeviceError('it hung up in the middle of an answer', REACH_ADVICE))
      })
      request.on('error', (cause: NodeJS.ErrnoException) => fail(connectionError(cause)))
      request.on('response', (response) => {
        const chunks: Buffer[] = []
        let length = 0
        response.on('error', () =>
          fail(new DeviceError('it hung up in the middle of an answer', REACH_ADVICE)),
        )
        response.on('data', (chunk: Buffer) => {
          length += chunk.length
          if (length > limit) fail(tooLong(limit))
          else if (take === undefined) chunks.push(chunk)
          else take(chunk)
        })
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        )
      })
      request.end(body)
    })
  }

  close(): void {
    this.#agent?.destroy()
    this.#agent = undefined
  }

  async #newAgent(protocol: string): Promise<PlainAgent | TlsAgent> {
    const shared = { keepAlive: true, maxSockets: 2, maxFreeSockets: 1 }
    if (protocol !== 'https:') return new PlainAgent(shared)
    const { caFile, tlsVerify } = this.#settings
    if (caFile === '') return new TlsAgent({ ...shared, rejectUnauthorized: tlsVerify })
    try {
      return new TlsAgent({ ...shared, rejectUnauthorized: tlsVerify, ca: await readFile(caFile) })
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? 'unreadable'
      throw new DeviceError(`the file ${caFile} cannot be read (${code})`, 'correct `ca_file`')
    }
  }
}

export const tooLong = (limit: number): DeviceError =>
  new DeviceError(
    `its answer is longer than ${Math.round(limit / 1024)} KiB`,
    'no such device says so much: see whether the address is right',
  )

function connectionError(cause: NodeJS.ErrnoException): DeviceError {
  const code = cause.code ?? ''
  if (/CERT|SELF_SIGNED|ISSUER|ALTNAME|UNABLE_TO_VERIFY|CRL/.test(code))
    return new DeviceError(`its certificate is not trusted (${code})`, TLS_ADVICE)
  if (/^(EPROTO|ERR_SSL)/.test(code))
    return new DeviceError(
      `no TLS with it (${code})`,
      'see whether it speaks `https` there, with TLS 1.2 or newer',
    )
  return new DeviceError(`no connection (${code === '' ? 'it does not speak HTTP' : code})`, REACH_ADVICE)
}

/** Of a `Retry-After`: seconds, or a date. Undefined where it says nothing of use. */
export function retryAfterSeconds(
  headers: IncomingHttpHeaders,
  wallMilliseconds = Date.now(),
): number | undefined {
  const text = headers['retry-after']
  if (text === undefined) return undefined
  const wanted = /^\d{1,9}$/.test(text) ? Number(text) : (Date.parse(text) - wallMilliseconds) / 1000
  return wanted > 0 ? wanted : undefined
}
