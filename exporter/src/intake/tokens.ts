/**
 * Bearer tokens (RFC 6750) of those who may write over HTTP. A token stands in a file of its own, which may change at
 * any time, or only its hash is known. Tokens are in no log, label or error.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { Unreadable, type Files } from '../world.ts'

export const RIGHTS = ['marks', 'queries', 'reload'] as const
export type Right = (typeof RIGHTS)[number]

export interface TokenSettings {
  readonly name: string
  /** Empty: the hash is given. */
  readonly tokenFile: string
  /** In hex; empty: the file is given. */
  readonly sha256: string
  readonly allow: readonly Right[]
}

/** Whoever came with a token that is known. */
export interface Holder {
  readonly name: string
  readonly allow: readonly Right[]
  /** Below 0, for limits: no user of the machine has it. */
  readonly id: number
}

/** Shorter ones can be guessed. */
const SHORTEST = 16

export class Tokens {
  readonly #settings: readonly TokenSettings[]
  readonly #files: Files
  readonly #warn: (message: string, fields: Readonly<Record<string, string>>) => void
  readonly #complained = new Set<string>()

  constructor(
    settings: readonly TokenSettings[],
    files: Files,
    warn: (message: string, fields: Readonly<Record<string, string>>) => void,
  ) {
    this.#settings = settings
    this.#files = files
    this.#warn = warn
  }

  get areConfigured(): boolean {
    return this.#settings.length > 0
  }

  /** @param authorization the header; undefined: none */
  holderOf(authorization: string | undefined): Holder | undefined {
    const token = /^bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return undefined
    const given = hashOf(token)
    let holder: Holder | undefined
    this.#settings.forEach((one, index) => {
      const known = this.#hash(one)
      // all are compared, so that time does not tell which was nearest
      if (known === undefined || !timingSafeEqual(given, known)) return
      holder ??= { name: one.name, allow: one.allow, id: -1 - index }
    })
    return holder
  }

  #hash({ name, tokenFile, sha256 }: TokenSettings): Buffer | undefined {
    if (sha256 !== '') return Buffer.from(sha256, 'hex')
    const text = this.#files.readText(tokenFile)
    const token = text instanceof Unreadable ? '' : text.trim()
    if (token.length >= SHORTEST) return hashOf(token)
    const why =
      text instanceof Unreadable ? `cannot be read: ${text.code}` : `holds fewer than ${SHORTEST} characters`
    this.#complain(name, `${tokenFile} ${why}`)
    return undefined
  }

  #complain(name: string, reason: string): void {
    if (this.#complained.has(name)) return
    this.#complained.add(name)
    this.#warn('a token cannot be used', { token: name, reason })
  }
}

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()
