/**
 * What may be written over HTTP: marks, counts of queries, and the wish that the configuration is read again. Each
 * needs a bearer token and JSON, so that no page of another site can have a browser do it.
 */
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'

export const WRITE_PATHS = {
  marks: '/api/v1/marks',
  queries: '/api/v1/queries',
  reload: '/-/reload',
} as const
export type Write = keyof typeof WRITE_PATHS

/** Their paths answer to those who read, too: like all that is read, behind the user and password. */
const READ_AS_WELL: ReadonlySet<Write> = new Set(['queries'])

export interface WriteAnswer {
  readonly status: number
  /** Empty where there is nothing to say. */
  readonly sentence: string
}

/** Whoever holds a token that is known, and what it is good for. */
export interface TokenHolder {
  readonly name: string
  readonly allow: readonly string[]
}

export interface Writes<Holder extends TokenHolder = TokenHolder> {
  /** Without a token nobody may write. */
  readonly hasTokens: boolean
  holderOf(authorization: string | undefined): Holder | undefined
  take(write: Write, holder: Holder, body: unknown): WriteAnswer
}

const LONGEST_BODY = 1 << 16

/** Before all that asks for a user and password: who writes has a token instead. */
export function addWrites<Holder extends TokenHolder>(app: Express, writes: Writes<Holder>): void {
  const json = express.json({ limit: LONGEST_BODY, strict: true, type: 'application/json' })
  for (const write of Object.keys(WRITE_PATHS) as Write[]) {
    const holders = new WeakMap<Request, Holder>()
    app
      .route(WRITE_PATHS[write])
      .post(guard(write, writes, holders), json, badBody, (request: Request, response: Response) => {
        const holder = holders.get(request)
        if (holder === undefined) return
        const { status, sentence } = writes.take(write, holder, request.body)
        answer(response, status, sentence)
      })
      .all(({ method }, response, next) => {
        const isReadAsWell = READ_AS_WELL.has(write)
        if (isReadAsWell && (method === 'GET' || method === 'HEAD')) {
          next()
          return
        }
        response.setHeader('Allow', isReadAsWell ? 'GET, HEAD, POST' : 'POST')
        answer(response, 405, isReadAsWell ? 'this can be read and written' : 'this can only be written')
      })
  }
}

/** Refuses who may not write, before anything of the body is read. */
const guard =
  <Holder extends TokenHolder>(
    write: Write,
    writes: Writes<Holder>,
    holders: WeakMap<Request, Holder>,
  ): RequestHandler =>
  (request, response, next) => {
    if (isFromElsewhere(request)) {
      refuse(response, 403, 'requests from pages of other sites are refused')
      return
    }
    if (!writes.hasTokens) {
      refuse(response, 403, 'nobody may write: there is no token in the configuration (`tokens`)')
      return
    }
    const holder = writes.holderOf(request.headers.authorization)
    if (holder === undefined) {
      response.setHeader('WWW-Authenticate', 'Bearer realm="wattribute"')
      refuse(response, 401, 'a bearer token is needed')
    } else if (!holder.allow.includes(write)) {
      refuse(response, 403, `this token is not good for ${write}`)
    } else if (request.is('application/json') === false) {
      refuse(response, 415, 'the content type must be application/json')
    } else {
      holders.set(request, holder)
      next()
    }
  }

/** Browsers say from where a request comes; other clients need not. */
function isFromElsewhere({ headers }: Request): boolean {
  const { origin, host } = headers
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true
  if (origin === undefined) return false
  return !URL.canParse(origin) || new URL(origin).host !== host
}

const badBody: ErrorRequestHandler = (cause: unknown, _request, response, next) => {
  const type = typeof cause === 'object' && cause !== null && 'type' in cause ? cause.type : undefined
  switch (type) {
    case 'entity.too.large':
      refuse(response, 413, `a body may have ${LONGEST_BODY} bytes`)
      return
    case 'entity.parse.failed':
      refuse(response, 400, 'the body is not JSON')
      return
    default:
      next(cause)
  }
}

/** What of the body has not been read is not read any more. */
function refuse(response: Response, status: number, sentence: string): void {
  response.setHeader('Connection', 'close')
  answer(response, status, sentence)
}

function answer(response: Response, status: number, sentence: string): void {
  response.status(status)
  if (sentence === '') response.end()
  else response.type('text/plain').send(`${sentence}\n`)
}
