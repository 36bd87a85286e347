/**
 * One GET, bounded in size by `ANSWER_LIMIT` and in time by a signal. Redirects are not followed. A password is never
 * sent in the clear unless `basic` is chosen; with `digest` only an answer to the device's own challenge goes out.
 */
import { readFile } from 'node:fs/promises'
import { request as requestPlain, type IncomingMessage } from 'node:http'
import { request as requestTls } from 'node:https'
import { ANSWER_LIMIT, DeviceError } from './device.ts'
import { digestAnswer } from './digest.ts'

export interface HttpTarget {
  /** Without a path of its own, or with what comes before every path. */
  readonly url: string
  readonly login?: HttpLogin | undefined
  /** PEM file; empty: the authorities of the system. */
  readonly caFile: string
  readonly tlsVerify: boolean
}

export interface HttpLogin {
  readonly scheme: 'digest' | 'basic' | 'bearer'
  /** Of a bearer token empty. */
  readonly username: string
  /** The password or the token. */
  readonly secret: () => Promise<string>
}

/**
 * @param take is called for each piece, in order
 * @param limit of the answer in bytes
 * @throws DeviceError
 */
export async function get(
  target: HttpTarget,
  path: string,
  take: (piece: Buffer) => void,
  signal: AbortSignal,
  limit: number = ANSWER_LIMIT,
): Promise<void> {
  const url = new URL(target.url.replace(/\/+$/, '') + path)
  const ca = target.caFile === '' ? undefined : await authorityIn(target.caFile)
  const { login } = target
  const ask = (authorization: string | undefined): Promise<IncomingMessage> =>
    question(url, target, { ca, authorization, signal })
  const inAdvance =
    login === undefined || login.scheme === 'digest'
      ? undefined
      : login.scheme === 'bearer'
        ? `Bearer ${await login.secret()}`
        : `Basic ${Buffer.from(`${login.username}:${await login.secret()}`).toString('base64')}`
  let response = await ask(inAdvance)
  if (response.statusCode === 401 && login?.scheme === 'digest') {
    response.destroy()
    const challenge = response.headers['www-authenticate'] ?? ''
    const answer = digestAnswer(challenge, {
      method: 'GET',
      path: url.pathname + url.search,
      username: login.username,
      password: await login.secret(),
    })
    if (answer === undefined) throw failureAt(url, 'asks for the password in a way that is not understood', DIGEST_ADVICE)
    response = await ask(answer)
  }
  refuse(response, url)
  await readAll(response, url, take, limit, signal)
}

/** @throws DeviceError */
export async function getText(
  target: HttpTarget,
  path: string,
  signal: AbortSignal,
  limit?: number,
): Promise<string> {
  const pieces: Buffer[] = []
  await get(target, path, (piece) => pieces.push(piece), signal, limit)
  return Buffer.concat(pieces).toString('utf8')
}

const DIGEST_ADVICE =
  'digest authentication with SHA-256 or MD5 is understood; a device that only knows basic needs `auth: basic`'

interface Question {
  readonly ca: string | undefined
  readonly authorization: string | undefined
  readonly signal: AbortSignal
}

function question(
  url: URL,
  { tlsVerify }: HttpTarget,
  { ca, authorization, signal }: Question,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = {
      agent: false as const,
      signal,
      headers: {
        accept: 'application/json, text/plain;q=0.9, */*;q=0.1',
        'accept-encoding': 'identity',
        ...(authorization !== undefined && { authorization }),
      },
    }
    const request =
      url.protocol === 'https:'
        ? requestTls(url, { ...options, ca, rejectUnauthorized: tlsVerify })
        : requestPlain(url, options)
    request.on('response', resolve)
    request.on('error', (cause: NodeJS.ErrnoException) => reject(connectFailure(url, cause, signal)))
    request.on('close', () => reject(failureAt(url, 'hung up', REACH_ADVICE)))
    request.end()
  })
}

function refuse({ statusCode = 0 }: IncomingMessage, url: URL): void {
  if (statusCode === 200) return
  if (statusCode === 401 || statusCode === 403)
    throw failureAt(url, `refuses with HTTP status ${statusCode}`, 'check `username`, the password and `auth`')
  if (statusCode >= 300 && statusCode < 400)
    throw failureAt(url, `sends elsewhere (HTTP status ${statusCode}), which is not followed`, 'use the address that it sends to')
  throw failureAt(url, `answers with HTTP status ${statusCode}`, 'see whether it is the device and kind that are configured')
}

function readAll(
  response: IncomingMessage,
  url: URL,
  take: (piece: Buffer) => void,
  limit: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let length = 0
    const fail = (why: string): void => {
      reject(failureAt(url, why, REACH_ADVICE))
      response.destroy()
    }
    response.on('data', (piece: Buffer) => {
      length += piece.length
      if (length > limit) fail(`sends more than ${limit} bytes`)
      else take(piece)
    })
    response.on('end', resolve)
    response.on('error', () => fail(signal.aborted ? 'did not answer in time' : 'broke off its answer'))
    response.on('close', () => fail('broke off its answer'))
  })
}

const REACH_ADVICE = 'see whether it is reachable from here, and whether `url` is right'

const CERTIFICATE_ADVICE =
  'give its certificate, or the authority that signed it, as `ca_file`; `tls_verify: false` believes anybody'

function connectFailure(url: URL, { code, name }: NodeJS.ErrnoException, signal: AbortSignal): DeviceError {
  if (signal.aborted) return failureAt(url, 'did not answer in time', REACH_ADVICE)
  const reason = code ?? name
  return /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/.test(reason)
    ? failureAt(url, `has a certificate that is not believed: ${reason}`, CERTIFICATE_ADVICE)
    : failureAt(url, `cannot be reached: ${reason}`, REACH_ADVICE)
}

/** Neither path nor query: they may hold what is secret. */
const failureAt = ({ protocol, host }: URL, why: string, advice: string): DeviceError =>
  new DeviceError(`${protocol}//${host} ${why}`, advice)

async function authorityIn(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unreadable'
    throw new DeviceError(`the certificate file ${file} cannot be read (${code})`, 'correct `ca_file`')
  }
}
