/**
 * Which header fields pass a proxy, as pairs of name and value in the order in which they came.
 *
 * https://www.rfc-editor.org/rfc/rfc9110#section-7.6 · https://www.rfc-editor.org/rfc/rfc9112#section-6
 */

/** Names and values by turns, as `IncomingMessage.rawHeaders` has them. */
export type RawHeaders = readonly string[]

/** Of one connection only; how long a body is, is said anew on the other side. */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
])

/** May not be called a field of the connection: taking it away would change the message. */
const NEVER_OF_CONNECTION: ReadonlySet<string> = new Set(['content-length', 'host', 'trailer'])

export function endToEnd(raw: RawHeaders): string[] {
  const named = new Set(
    valuesOf(raw, 'connection')
      .flatMap((value) => value.split(','))
      .map((name) => name.trim().toLowerCase())
      .filter((name) => !NEVER_OF_CONNECTION.has(name)),
  )
  return without(raw, (name) => OF_CONNECTION.has(name) || named.has(name))
}

export function without(raw: RawHeaders, isLeftOut: (name: string) => boolean): string[] {
  const kept: string[] = []
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const [name = '', value = ''] = [raw[index], raw[index + 1]]
    if (!isLeftOut(name.toLowerCase())) kept.push(name, value)
  }
  return kept
}

export function valuesOf(raw: RawHeaders, wanted: string): string[] {
  return raw.filter((_, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === wanted)
}

export const has = (raw: RawHeaders, wanted: string): boolean => valuesOf(raw, wanted).length > 0

/** By which a proxy that was made its own target tells itself. */
const PSEUDONYM = 'wattribute'
/** Several proxies behind each other are odd but may be meant. */
const MOST_PASSES = 3

export const via = (httpVersion: string): string[] => ['Via', `${httpVersion} ${PSEUDONYM}`]

export const goesInCircles = (raw: RawHeaders): boolean =>
  valuesOf(raw, 'via')
    .flatMap((value) => value.split(','))
    .filter((one) => one.trim().split(/\s+/)[1] === PSEUDONYM).length >= MOST_PASSES

/**
 * What is asked of the target: path and query, whatever host the client has named.
 * @returns undefined where it is none
 */
export function targetPath(url: string, method: string): string | undefined {
  if (url.startsWith('/')) return url
  if (url === '*' && method === 'OPTIONS') return url
  const [, path] = /^https?:\/\/[^/?#]*([/?][^#]*)?/i.exec(url) ?? []
  if (!/^https?:\/\//i.test(url)) return undefined
  return path === undefined ? '/' : path.replace(/^\?/, '/?')
}
