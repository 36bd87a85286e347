/** One GET of a metrics page, piece by piece: bounded in time and size, to one address, redirects never followed. */
import { readFile } from 'node:fs/promises'
import { request as requestPlain, type IncomingMessage } from 'node:http'
import { request as requestTls } from 'node:https'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

export interface Access {
  /** File with a token that is sent as `Authorization: Bearer`; read anew each time. */
  readonly tokenFile: string
  /** File with lines `Name: value`. */
  readonly headersFile: string
  /** File of the authority that has signed the certificate. Empty: the usual ones. */
  readonly caFile: string
  readonly isVerified: boolean
}

export const openAccess: Access = { tokenFile: '', headersFile: '', caFile: '', isVerified: true }

export interface ScrapeRequest {
  readonly url: URL
  readonly access: Access
  readonly timeoutSeconds: number
  /** Of the page as it is read, unpacked. */
  readonly mostBytes: number
  /** Ends it at once. */
  readonly signal: AbortSignal
}

/** Why there are no metrics. The message is part of a sentence and holds nothing that the server has said. */
export class NoMetrics extends Error {
  override readonly name = 'NoMetrics'
  /** `nobody`: no one listens there; `other`: somebody answers, and not with metrics. */
  readonly kind: 'nobody' | 'silent' | 'other'

  constructor(kind: NoMetrics['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

const ACCEPT = 'text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.4'
/** Of a file with a token, headers or certificates; characters. */
const LONGEST_FILE = 1 << 20

/**
 * @param take is called for each piece, in order
 * @throws NoMetrics
 */
export async function scrape(wanted: ScrapeRequest, take: (piece: Uint8Array) => void): Promise<void> {
  const { url, access } = wanted
  const options = {
    method: 'GET',
    agent: false as const,
    signal: wanted.signal,
    headers: { accept: ACCEPT, 'accept-encoding': 'identity', ...(await headersOf(access)) },
  }
  const tls = {
    ...(access.caFile !== '' && { ca: await contentOf(access.caFile) }),
    rejectUnauthorized: access.isVerified,
  }
  await new Promise<void>((resolve, reject) => {
    const request =
      url.protocol === 'https:' ? requestTls(url, { ...options, ...tls }) : requestPlain(url, options)
    const end = (cause?: NoMetrics): void => {
      clearTimeout(timer)
      if (cause === undefined) resolve()
      else reject(cause)
      request.destroy()
    }
    const timer = setTimeout(
      () => end(new NoMetrics('silent', `it did not answer within ${wanted.timeoutSeconds} s`)),
      wanted.timeoutSeconds * 1000,
    )
    request.on('error', (cause: NodeJS.ErrnoException) => end(failureOf(cause)))
    const hangUp = (): void => end(new NoMetrics('silent', 'it hung up'))
    request.on('close', hangUp)
    request.on('response', (response) => {
      request.off('close', hangUp) // from here on the answer says how it ends
      const refusal = refusalOf(response)
      if (refusal !== undefined) end(refusal)
      else readAll(response, wanted.mostBytes, take, end)
    })
    request.end()
  })
}

function readAll(
  response: IncomingMessage,
  mostBytes: number,
  take: (piece: Uint8Array) => void,
  end: (cause?: NoMetrics) => void,
): void {
  const isPacked = response.headers['content-encoding'] === 'gzip'
  const body: Readable = isPacked ? response.pipe(createGunzip()) : response
  let length = 0
  const fail = (): void => end(new NoMetrics('silent', 'its answer broke off'))
  response.on('error', fail)
  response.on('aborted', fail)
  body.on('error', fail)
  body.on('data', (piece: Buffer) => {
    length += piece.length
    if (length <= mostBytes) {
      take(piece)
      return
    }
    end(new NoMetrics('other', `its answer is longer than ${mostBytes} bytes`))
    response.unpipe()
    body.destroy()
  })
  body.on('end', () => end())
}

function refusalOf({ statusCode = 0, headers }: IncomingMessage): NoMetrics | undefined {
  if (statusCode >= 300 && statusCode < 400) {
    return new NoMetrics('other', `it sends elsewhere (HTTP status ${statusCode}), which is not followed`)
  }
  if (statusCode === 401 || statusCode === 403) {
    return new NoMetrics('other', `it wants to know who asks (HTTP status ${statusCode})`)
  }
  if (statusCode !== 200) return new NoMetrics('other', `it answers with HTTP status ${statusCode}`)
  const encoding = headers['content-encoding'] ?? 'identity'
  return encoding === 'identity' || encoding === 'gzip'
    ? undefined
    : new NoMetrics('other', 'its answer is packed in a way that was not asked for')
}

const failureOf = ({ code }: NodeJS.ErrnoException): NoMetrics =>
  code === 'ECONNREFUSED'
    ? new NoMetrics('nobody', 'nobody listens there')
    : new NoMetrics(
        'silent',
        code === undefined ? 'it does not speak HTTP' : `it cannot be reached (${code})`,
      )

async function headersOf({ tokenFile, headersFile }: Access): Promise<Record<string, string>> {
  const headers: Record<string, string> = {}
  if (headersFile !== '') {
    for (const line of (await contentOf(headersFile)).split('\n').map((one) => one.trim())) {
      if (line === '') continue
      const [, name, value] = /^([A-Za-z0-9-]+):\s*([\t\x20-\x7e]*)$/.exec(line) ?? []
      if (name === undefined || value === undefined) {
        throw new NoMetrics('silent', `${headersFile} has a line that is not of the form Name: value`)
      }
      headers[name.toLowerCase()] = value
    }
  }
  if (tokenFile !== '') headers['authorization'] = `Bearer ${tokenIn(await contentOf(tokenFile), tokenFile)}`
  return headers
}

function tokenIn(content: string, file: string): string {
  const token = content.trim()
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw new NoMetrics('silent', `${file} holds no token`)
}

async function contentOf(file: string): Promise<string> {
  try {
    const content = await readFile(file, 'utf8')
    if (content.length <= LONGEST_FILE) return content
  } catch (cause) {
    throw new NoMetrics(
      'silent',
      `${file} cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`,
    )
  }
  throw new NoMetrics('silent', `${file} is too long`)
}
