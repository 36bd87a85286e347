/** Basic authentication (RFC 7617) against bcrypt hashes. bcrypt is slow by design, so what was right once is remembered. */
import { compare } from 'bcryptjs'
import { createHash } from 'node:crypto'

/** More pairs of user and password than that are compared anew. */
const REMEMBERED = 100

/** Comparisons that may wait; each takes its tenth of a second of the processor. */
const WAITING = 16

export type Verdict = 'welcome' | 'refused' | 'busy'

/**
 * Checks the header `Authorization`. Comparisons run one after another and give way to other requests; beyond
 * a limit callers are told that the server is busy, so that guessing costs others nothing. An unknown user takes
 * as long as a known one.
 */
export class BasicAuth {
  readonly #users: ReadonlyMap<string, string>
  readonly #dummyHash: string
  readonly #remembered = new Set<string>()
  readonly #running = new Map<string, Promise<boolean>>()
  #last: Promise<unknown> = Promise.resolve()

  /** @param users the bcrypt hash of each user's password */
  constructor(users: ReadonlyMap<string, string>) {
    this.#users = users
    this.#dummyHash = hashOfNothing(users)
  }

  async check(authorization: string | undefined): Promise<Verdict> {
    const credentials = credentialsOf(authorization)
    if (credentials === undefined) return 'refused'
    const { user, password } = credentials
    const hash = this.#users.get(user)
    const key = keyOf(user, password, hash ?? this.#dummyHash)
    if (this.#remembered.has(key)) return 'welcome'
    if (!this.#running.has(key) && this.#running.size >= WAITING) return 'busy'
    const isRight = await this.#compare(key, password, hash ?? this.#dummyHash)
    if (!isRight || hash === undefined) return 'refused'
    this.#remember(key)
    return 'welcome'
  }

  /** Scrapers that come at the same time share one comparison. */
  #compare(key: string, password: string, hash: string): Promise<boolean> {
    const running = this.#running.get(key)
    if (running !== undefined) return running
    const comparison = this.#last.then(() => compare(password, hash)).finally(() => this.#running.delete(key))
    this.#running.set(key, comparison)
    this.#last = comparison.catch(() => undefined)
    return comparison
  }

  #remember(key: string): void {
    this.#remembered.add(key)
    const [oldest] = this.#remembered
    if (this.#remembered.size > REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest)
  }
}

/** As dear to compare with as the dearest hash of a real user. */
function hashOfNothing(users: ReadonlyMap<string, string>): string {
  const costs = Array.from(users.values(), (hash) => Number(hash.slice(4, 6)))
  return `$2b$${String(Math.max(4, ...costs)).padStart(2, '0')}$${'.'.repeat(53)}`
}

/** Passwords are not kept, and which one a key stands for cannot be read from it. */
const keyOf = (user: string, password: string, hash: string): string =>
  createHash('sha256')
    .update(JSON.stringify([user, password, hash]))
    .digest('base64')

function credentialsOf(authorization = ''): { readonly user: string; readonly password: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization)?.[1]
  if (encoded === undefined) return undefined
  const decoded = Buffer.from(encoded, 'base64').toString()
  const colon = decoded.indexOf(':')
  return colon < 0 ? undefined : { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) }
}
