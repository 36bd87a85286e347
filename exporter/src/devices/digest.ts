/** The answer to a challenge of HTTP digest authentication, quality of protection `auth`: RFC 7616. */
import { createHash, randomBytes } from 'node:crypto'

export interface DigestQuestion {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly username: string
  readonly password: string
}

const HASHES: Readonly<Record<string, string>> = { 'SHA-256': 'sha256', MD5: 'md5' }

/**
 * @param challenge the header `WWW-Authenticate`
 * @returns the header `Authorization`; undefined where the challenge is of another kind
 */
export function digestAnswer(
  challenge: string,
  { method, path, username, password }: DigestQuestion,
  clientNonce: string = randomBytes(16).toString('hex'),
): string | undefined {
  if (!/^digest\s/i.test(challenge)) return undefined
  const { realm = '', nonce, opaque, algorithm = 'MD5', qop = '' } = fieldsIn(challenge)
  const hash = HASHES[algorithm.toUpperCase()]
  const offered = qop.split(',').map((one) => one.trim())
  if (hash === undefined || nonce === undefined || !offered.includes('auth')) return undefined
  const digest = (text: string): string => createHash(hash).update(text).digest('hex')
  const count = '00000001'
  const response = digest(
    [
      digest(`${username}:${realm}:${password}`),
      nonce,
      count,
      clientNonce,
      'auth',
      digest(`${method}:${path}`),
    ].join(':'),
  )
  const fields = [
    `username="${escaped(username)}"`,
    `realm="${escaped(realm)}"`,
    `nonce="${escaped(nonce)}"`,
    `uri="${path}"`,
    `algorithm=${algorithm}`,
    'qop=auth',
    `nc=${count}`,
    `cnonce="${clientNonce}"`,
    `response="${response}"`,
    ...(opaque === undefined ? [] : [`opaque="${escaped(opaque)}"`]),
  ]
  return `Digest ${fields.join(', ')}`
}

const fieldsIn = (challenge: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Array.from(
      challenge.matchAll(/(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g),
      ([, name = '', quoted, bare]) => [name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? bare ?? ''],
    ),
  )

const escaped = (text: string): string => text.replaceAll(/["\\]/g, '\\$&')
