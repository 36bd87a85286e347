/**
 * The conversation with one Redfish service (DMTF DSP0266): who asks, what a status means, pages of collections. A
 * session is used again and ended at the close, because services have few; after a 401 it is begun anew, once.
 */
import { passwordOf, type Credentials } from '../credentials.ts'
import { ANSWER_LIMIT, DeviceError } from '../device.ts'
import { HttpDevice, retryAfterSeconds, tooLong, type HttpAnswer, type HttpSettings } from '../http.ts'
import { at, linkIn, listIn, textIn, type Json } from './json.ts'

export interface RedfishSettings extends HttpSettings {
  readonly credentials: Credentials
  readonly auth: 'session' | 'basic'
  /** Names of the figures that are to be read; empty text: the main one. */
  readonly wanted: readonly string[]
  /** Fans and temperatures are read once in so many questions, and not for longer than this. */
  readonly gaugesEvery: number
  readonly gaugesSeconds: number
}

export const ROOT = '/redfish/v1'
const SESSIONS = `${ROOT}/SessionService/Sessions`
/** In one question of the frame. */
const MOST_REQUESTS = 128
const MOST_PAGES = 32
export const MOST_MEMBERS = 256
/** Controllers lock a user out after a few wrong passwords. */
const PAUSE_AFTER_REFUSAL_SECONDS = 60

interface Token {
  readonly token: string
  /** Where it can be ended. */
  readonly path: string
}

export class RedfishSession {
  readonly #settings: RedfishSettings
  readonly #http: HttpDevice
  #token: Token | undefined

  constructor(settings: RedfishSettings) {
    this.#settings = settings
    this.#http = new HttpDevice(settings)
  }

  /**
   * One question of the frame: all that it asks for is counted together.
   * @param known answers that need not be asked for again
   */
  turn(signal: AbortSignal, known = new Map<string, Json>()): Turn {
    return new Turn(known, (path, limit) => this.#get(path, limit, signal))
  }

  async close(): Promise<void> {
    const token = this.#token
    this.#token = undefined
    if (token !== undefined && token.path !== '') {
      const headers = { 'X-Auth-Token': token.token }
      const signal = AbortSignal.timeout(1500)
      await this.#http.ask({ method: 'DELETE', path: token.path, headers, signal }).catch(() => undefined)
    }
    this.#http.close()
  }

  async #get(path: string, limit: number, signal: AbortSignal): Promise<HttpAnswer> {
    const ask = async (): Promise<HttpAnswer> =>
      this.#http.ask({
        path,
        headers: { Accept: 'application/json', ...(await this.#proof(signal)) },
        signal,
        limit,
      })
    const answer = await ask()
    if (answer.status !== 401 || this.#token === undefined) return answer
    this.#token = undefined // it has timed out, or the service was restarted
    return ask()
  }

  async #proof(signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const { credentials, auth } = this.#settings
    if (credentials.username === '') return {}
    if (auth === 'basic') {
      const pair = `${credentials.username}:${await passwordOf(credentials)}`
      return { Authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
    }
    this.#token ??= await this.#login(signal)
    return { 'X-Auth-Token': this.#token.token }
  }

  async #login(signal: AbortSignal): Promise<Token> {
    const { credentials } = this.#settings
    const body = JSON.stringify({ UserName: credentials.username, Password: await passwordOf(credentials) })
    const answer = await this.#http.ask({ method: 'POST', path: SESSIONS, body, signal, limit: 1 << 16 })
    const token = answer.headers['x-auth-token']
    if (answer.status !== 200 && answer.status !== 201) throw statusError(answer, SESSIONS)
    if (typeof token !== 'string') {
      throw new DeviceError('it begins a session and gives no token', 'try `auth: basic`')
    }
    return { token, path: pathOf(answer.headers.location) || linkIn(parsed(answer.text)) }
  }
}

/** What one question may fetch. */
export class Turn {
  readonly #known: Map<string, Json>
  readonly #get: (path: string, limit: number) => Promise<HttpAnswer>
  #requests = 0
  #bytes = 0

  constructor(known: Map<string, Json>, get: (path: string, limit: number) => Promise<HttpAnswer>) {
    this.#known = known
    this.#get = get
  }

  /**
   * @returns undefined when there is no such resource
   * @throws DeviceError
   */
  async get(path: string): Promise<Json> {
    if (this.#known.has(path)) return this.#known.get(path)
    const json = await this.#fetch(path)
    this.#known.set(path, json)
    return json
  }

  async #fetch(path: string): Promise<Json> {
    this.#requests += 1
    if (this.#requests > MOST_REQUESTS) {
      throw new DeviceError(
        `it leads to more than ${MOST_REQUESTS} resources`,
        'name its meters with `figures`',
      )
    }
    const limit = ANSWER_LIMIT - this.#bytes
    if (limit <= 0) throw tooLong(ANSWER_LIMIT)
    const answer = await this.#get(path, limit)
    this.#bytes += answer.text.length
    if (answer.status === 404 || answer.status === 405 || answer.status === 501) return undefined
    if (answer.status !== 200) throw statusError(answer, path)
    const json = parsed(answer.text)
    if (json === undefined) throw new DeviceError(`${path} is no JSON`, ADDRESS_ADVICE)
    return json
  }

  /**
   * The members of a collection, page after page: whole where the service has put them in, else links.
   * @param canExpand the service says that it understands `$expand=.`
   */
  async members(path: string, canExpand: boolean): Promise<readonly Json[]> {
    const all: Json[] = []
    const seen = new Set<string>()
    let next = canExpand ? `${path}?$expand=.` : path
    while (next !== '' && !seen.has(next) && seen.size < MOST_PAGES && all.length < MOST_MEMBERS) {
      seen.add(next)
      const page = await this.get(next)
      all.push(...listIn(at(page, 'Members')))
      next = pathOf(textIn(at(page, 'Members@odata.nextLink')) || textIn(at(page, '@odata.nextLink')))
    }
    return all.slice(0, MOST_MEMBERS)
  }
}

const ADDRESS_ADVICE = 'see whether `url` is that of a Redfish service'

function statusError({ status, headers }: HttpAnswer, path: string): DeviceError {
  const retryAfter = retryAfterSeconds(headers)
  if (status === 401 || status === 403) {
    return new DeviceError(
      `it refuses the user (HTTP status ${status})`,
      status === 401
        ? 'correct `username` and the password'
        : 'give the user the right to log in and to read',
      { retryAfterSeconds: retryAfter ?? PAUSE_AFTER_REFUSAL_SECONDS },
    )
  }
  if (status === 503 || status === 429) {
    return new DeviceError(`it is busy (HTTP status ${status})`, 'ask it less often: `period_seconds`', {
      retryAfterSeconds: retryAfter,
    })
  }
  return new DeviceError(`${path} has HTTP status ${status}`, ADDRESS_ADVICE, {
    retryAfterSeconds: retryAfter,
  })
}

/** The path of a link that may be a whole URL; of no other service. */
function pathOf(link: string | undefined): string {
  const path = (link ?? '').replace(/^https?:\/\/[^/]+/, '')
  return path.startsWith('/redfish/') && path.length < 1024 ? path : ''
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}
