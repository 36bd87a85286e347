import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { hashSync } from 'bcryptjs'
import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type ConnectionOptions, type PeerCertificate, type TLSSocket } from 'node:tls'
import { ConfigError } from '../../exporter/src/config/load.ts'
import { BasicAuth } from '../../exporter/src/exposition/basic-auth.ts'
import {
  CIPHER_SUITES,
  loadWebConfig,
  openWebConfig,
  type WebConfig,
} from '../../exporter/src/exposition/web-config.ts'
import { ask, CountingPages, pageOf, serve, type Answer, type Serving } from './serving.ts'
import { selfSigned, signedBy, type Pair } from './tls-files.ts'

const HASH = hashSync('correct horse', 4)

const folder = mkdtempSync(join(tmpdir(), 'wattribute-web-'))
const file = join(folder, 'web.yml')
const open: Serving[] = []
let server: Pair
let client: Pair
let stranger: Pair

beforeAll(() => {
  server = selfSigned(folder, 'server')
  client = signedBy(selfSigned(folder, 'authority'), folder, 'client')
  stranger = selfSigned(folder, 'stranger')
})

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

function load(text: string): WebConfig {
  writeFileSync(file, text)
  return loadWebConfig(file)
}

async function serving(text: string): Promise<Serving> {
  const one = await serve({ web: load(text) })
  open.push(one)
  return one
}

function errorOf(run: () => unknown): Error {
  try {
    run()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('nothing was refused')
}

describe('the file', () => {
  test('all may be left out', () => {
    expect(loadWebConfig(undefined)).toEqual(openWebConfig)
    expect(load('')).toEqual(openWebConfig)
    expect(load('tls_server_config:\nhttp_server_config:\n  headers:\nbasic_auth_users:\n')).toEqual(
      openWebConfig,
    )
  })

  test('paths are relative to it', () => {
    const { tls } = load('tls_server_config: {cert_file: tls/server.crt, key_file: /etc/tls/server.key}')
    expect(tls).toEqual({
      certFile: join(folder, 'tls/server.crt'),
      keyFile: '/etc/tls/server.key',
      clientAuthType: 'NoClientCert',
      clientCaFile: undefined,
      minVersion: 'TLS12',
      maxVersion: 'TLS13',
      cipherSuites: [],
    })
  })

  test('every key is taken; what has no effect is noted', () => {
    const web = load(`
tls_server_config:
  cert_file: a.crt
  key_file: a.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  min_version: TLS13
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: true
http_server_config:
  http2: true
  headers:
    Strict-Transport-Security: max-age=60
    X-Frame-Options: ""
basic_auth_users:
  alice: ${HASH}
  "": ${HASH.replace('$2b$', '$2y$')}
`)
    expect(web.tls).toMatchObject({
      clientAuthType: 'RequireAndVerifyClientCert',
      clientCaFile: join(folder, 'ca.crt'),
      minVersion: 'TLS13',
      cipherSuites: ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'],
    })
    expect(web.headers).toEqual(new Map([['Strict-Transport-Security', 'max-age=60']]))
    expect([...web.users.keys()]).toEqual(['alice', ''])
    expect(web.notes).toEqual([
      'prefer_server_cipher_suites has no effect: the cipher suites on offer are all good ones',
      'http2 has no effect: HTTP/1.1 is served',
    ])
  })

  test.each([
    ['tls_config: {}', 'unknown key `tls_config` (line 1, column 1): did you mean `tls_server_config`?'],
    ['tls_server_config: {}', '`tls_server_config.cert_file` (line 1, column 20) is missing'],
    [
      'tls_server_config: {cert_file: a, key_file: b, client_allowed_sans: [c]}',
      'unknown key `tls_server_config.client_allowed_sans` (line 1, column 48): known here: `cert_file`, `key_file`, `client_auth_type`, `client_ca_file`, `min_version`, `max_version`, `cipher_suites`, `prefer_server_cipher_suites`',
    ],
    [
      'tls_server_config: {cert_file: a, key_file: b, client_ca_file: c}',
      '`tls_server_config.client_ca_file` (line 1, column 64) needs a `client_auth_type` that asks for certificates',
    ],
    [
      'tls_server_config: {cert_file: a, key_file: b, min_version: TLS13, max_version: TLS12}',
      '`tls_server_config.max_version` (line 1, column 81) must not be below `min_version`',
    ],
    [
      'tls_server_config: {cert_file: a, key_file: b, min_version: SSL3}',
      '`tls_server_config.min_version` (line 1, column 61) must be one of TLS10, TLS11, TLS12, TLS13',
    ],
    [
      'tls_server_config: {cert_file: a, key_file: b, cipher_suites: [RC4]}',
      '`tls_server_config.cipher_suites[0]` (line 1, column 64) must be one of TLS_AES_128_GCM_SHA256,',
    ],
    [
      'http_server_config: {headers: {Server: x}}',
      'unknown key `http_server_config.headers.Server` (line 1, column 32): known here: ',
    ],
    [
      'http_server_config: {headers: {X-Frame-Options: "a\\r\\nb"}}',
      '`http_server_config.headers.X-Frame-Options` (line 1, column 49) must fit on one line',
    ],
    [
      'basic_auth_users: {alice: hunter2}',
      '`basic_auth_users.alice` (line 1, column 27) must be a bcrypt hash',
    ],
    ['basic_auth_users: [hunter2]', '`basic_auth_users` (line 1, column 19) must be a mapping, not a list'],
    [
      'basic_auth_users: {alice: 12345}',
      '`basic_auth_users.alice` (line 1, column 27) must be text, not a number',
    ],
  ])('%s', (text, problem) => {
    const error = errorOf(() => load(text))
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).toContain(`${file}: ${problem}`)
  })

  test.each([
    `basic_auth_users:\n  alice: "${HASH}`,
    `basic_auth_users:\n  alice: ${HASH}: x`,
    `basic_auth_users:\n  alice: ${HASH}\n  alice: ${HASH}x`,
    `basic_auth_users:\n  alice: ${HASH}\n bob: ${HASH}`,
    `basic_auth_users:\n  alice: "\\${HASH}"`,
    `basic_auth_users: ${HASH}`,
    `basic_auth_users:\n\talice: ${HASH}`,
    `basic_auth_users: {alice: |${HASH}`,
    `basic_auth_users:\n  alice: *${HASH}\n`,
    `basic_auth_users:\n  alice: !${HASH} x\n`,
    HASH,
  ])('a hash is in no message: %j', (text) => {
    expect(errorOf(() => load(text)).message).not.toContain(HASH.slice(8, 20))
  })
})

const TLS = 'tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n'

describe('TLS', () => {
  test('a client that trusts the certificate is served', async () => {
    const { url } = await serving(TLS)
    expect(url).toMatch(/^https:/)
    expect(await ask(`${url}/metrics`, { ca: server.cert })).toMatchObject({ status: 200, text: 'up 1\n' })
    await expect(ask(`${url}/metrics`)).rejects.toThrow('self-signed certificate')
    await expect(ask(`${url.replace('https', 'http')}/metrics`)).rejects.toThrow()
  })

  /** @returns what a handshake comes to */
  async function handshake({ port }: Serving, options: ConnectionOptions): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', ca: server.cert, ...options }, () => {
        resolve(socket)
        socket.destroy()
      })
      socket.once('error', reject)
    })
  }

  const certificateOf = async (one: Serving): Promise<PeerCertificate> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port: one.port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate())
        socket.destroy()
      })
      socket.once('error', reject)
    })

  test('versions below the least are refused', async () => {
    const one = await serving(`${TLS}  min_version: TLS13\n`)
    await expect(handshake(one, { maxVersion: 'TLSv1.2' })).rejects.toThrow(/alert protocol version/)
    expect((await handshake(one, {})).getProtocol()).toBeDefined()
    const old = await serving(`${TLS}  max_version: TLS12\n`)
    await expect(handshake(old, { minVersion: 'TLSv1.3' })).rejects.toThrow(/alert protocol version/)
  })

  test('only the suites asked for are offered, and TLS 1.3 stays', async () => {
    const one = await serving(`${TLS}  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n`)
    const old = { maxVersion: 'TLSv1.2' } as const
    await handshake(one, { ...old, ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' })
    await expect(handshake(one, { ...old, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).rejects.toThrow(
      /handshake failure/,
    )
    await handshake(one, { minVersion: 'TLSv1.3' })
  })

  test('every suite of the format is known to OpenSSL', async () => {
    await serving(`${TLS}  cipher_suites: [${Object.keys(CIPHER_SUITES).join(', ')}]\n`)
  })

  test('a renewed certificate serves from the next connection on; a broken one does not', async () => {
    copyFileSync(server.certFile, join(folder, 'live.crt'))
    copyFileSync(server.keyFile, join(folder, 'live.key'))
    const one = await serving(TLS.replaceAll('server.', 'live.'))
    expect((await certificateOf(one)).subject.CN).toBe('server')

    // written one after the other, as renewals are: for a moment they do not belong together
    copyFileSync(stranger.certFile, join(folder, 'live.crt'))
    expect((await certificateOf(one)).subject.CN).toBe('server')
    expect((await certificateOf(one)).subject.CN).toBe('server')
    const warnings = one.log.filter((line) => line.includes('level=warn'))
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(/cannot be used together with the key .*live\.key: .*key values mismatch/)

    copyFileSync(stranger.keyFile, join(folder, 'live.key'))
    expect((await certificateOf(one)).subject.CN).toBe('stranger')

    renameSync(join(folder, 'live.key'), join(folder, 'away.key'))
    expect((await certificateOf(one)).subject.CN).toBe('stranger')
    expect(one.log.join('')).toContain('live.key: cannot be read: no such file or directory (ENOENT)')
  })

  test.each([
    ['missing.crt', 'server.key', /missing\.crt: cannot be read: no such file or directory \(ENOENT\)$/],
    ['server.crt', 'missing.key', /missing\.key: cannot be read: no such file or directory \(ENOENT\)$/],
    [
      'server.crt',
      'stranger.key',
      /server\.crt: cannot be used together with the key .*stranger\.key: .*mismatch$/,
    ],
    ['web.yml', 'server.key', /web\.yml: cannot be used together with the key .*: .*no start line$/],
  ])('%s with %s is refused at the start', async (certificate, key, message) => {
    const web = load(`tls_server_config: {cert_file: ${certificate}, key_file: ${key}}`)
    const refused = serve({ web })
    await expect(refused).rejects.toThrow(ConfigError)
    await expect(refused).rejects.toThrow(message)
  })
})

describe('client certificates', () => {
  type Who = 'nobody' | 'stranger' | 'client'

  const asking = ({ url }: Serving, who: Who, maxVersion: 'TLSv1.2' | 'TLSv1.3'): Promise<Answer> => {
    const pair = { nobody: undefined, stranger, client }[who]
    return ask(`${url}/metrics`, {
      ca: server.cert,
      maxVersion,
      ...(pair && { cert: pair.cert, key: pair.key }),
    })
  }

  test.each<[string, Record<Who, boolean>]>([
    ['NoClientCert', { nobody: true, stranger: true, client: true }],
    ['RequestClientCert', { nobody: true, stranger: true, client: true }],
    ['RequireAnyClientCert', { nobody: false, stranger: true, client: true }],
    ['RequireClientCert', { nobody: false, stranger: true, client: true }],
    ['VerifyClientCertIfGiven', { nobody: true, stranger: false, client: true }],
    ['RequireAndVerifyClientCert', { nobody: false, stranger: false, client: true }],
  ])('%s: %j', async (type, welcome) => {
    const authority = type === 'NoClientCert' ? '' : '  client_ca_file: authority.crt\n'
    const one = await serving(`${TLS}  client_auth_type: ${type}\n${authority}`)
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      for (const who of ['nobody', 'stranger', 'client'] as const) {
        const outcome = await asking(one, who, version).then(
          ({ status }) => status === 200,
          () => false,
        )
        expect([version, who, outcome]).toEqual([version, who, welcome[who]])
      }
    }
  })
})

describe('headers', () => {
  const HEADERS =
    'http_server_config: {headers: {X-Frame-Options: deny, Content-Security-Policy: "default-src *"}}\n'

  test('are on every response, and win over our own', async () => {
    const { url } = await serving(HEADERS)
    for (const path of ['/metrics', '/', '/nothing', '/healthz', '/api/v1/ledger']) {
      expect((await ask(`${url}${path}`)).headers).toMatchObject({
        'x-frame-options': 'deny',
        'content-security-policy': 'default-src *',
        'x-content-type-options': 'nosniff',
      })
    }
  })
})

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

describe('basic authentication', () => {
  const USERS = `basic_auth_users:\n  alice: ${HASH}\n  bob: ${HASH.replace('$2b$', '$2y$')}\n`

  test('is asked for on every route', async () => {
    const { url } = await serving(USERS)
    for (const path of [
      '/metrics',
      '/',
      '/healthz',
      '/readyz',
      '/api/v1/sensors',
      '/api/v1/ledger',
      '/nothing',
    ]) {
      const answer = await ask(`${url}${path}`)
      expect(answer).toMatchObject({ status: 401, text: 'a user and password are needed\n' })
      expect(answer.headers['www-authenticate']).toBe('Basic realm="wattribute", charset="UTF-8"')
    }
    expect((await ask(`${url}/metrics`, { method: 'POST' })).status).toBe(401)
  })

  test.each([
    ['right', basic('alice', 'correct horse'), 200],
    ['right, with a hash as PHP and Apache write it', basic('bob', 'correct horse'), 200],
    ['right, the scheme in small letters', basic('alice', 'correct horse').replace('Basic', 'basic'), 200],
    ['wrong password', basic('alice', 'hunter2'), 401],
    ['empty password', basic('alice', ''), 401],
    ['unknown user', basic('carol', 'correct horse'), 401],
    ['a property of objects', basic('constructor', 'correct horse'), 401],
    ['no colon', `Basic ${Buffer.from('alice').toString('base64')}`, 401],
    ['another scheme', 'Bearer abc', 401],
    ['nothing', 'Basic ', 401],
    ['no base64', 'Basic ????', 401],
  ])('%s', async (_, authorization, status) => {
    const one = await serving(USERS)
    for (let round = 0; round < 2; round++) {
      expect((await ask(`${one.url}/metrics`, { headers: { Authorization: authorization } })).status).toBe(
        status,
      )
    }
    expect(one.log.join('')).not.toMatch(/hunter2|correct horse|\$2/)
  })

  test('works over TLS', async () => {
    const { url } = await serving(`${TLS}${USERS}`)
    const headers = { Authorization: basic('alice', 'correct horse') }
    expect((await ask(`${url}/metrics`, { ca: server.cert, headers })).status).toBe(200)
    expect((await ask(`${url}/metrics`, { ca: server.cert })).status).toBe(401)
  })

  /** Milliseconds of processor time. */
  async function costOf(run: () => Promise<unknown>): Promise<number> {
    const before = process.cpuUsage()
    await run()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }

  test('a password that was right is not compared again, a wrong one is; unknown users cost as much', async () => {
    const auth = new BasicAuth(new Map([['alice', hashSync('correct horse', 10)]]))
    const first = await costOf(() => auth.check(basic('alice', 'correct horse')))
    const again = await costOf(() => auth.check(basic('alice', 'correct horse')))
    const wrong = await costOf(() => auth.check(basic('alice', 'hunter2')))
    const wrongAgain = await costOf(() => auth.check(basic('alice', 'hunter2')))
    const unknown = await costOf(() => auth.check(basic('carol', 'hunter2')))
    expect(again).toBeLessThan(first / 5)
    for (const cost of [wrong, wrongAgain, unknown]) expect(cost).toBeGreaterThan(first / 3)
  })

  test('those who come at once share a comparison, and a crowd of guesses is turned away', async () => {
    const auth = new BasicAuth(new Map([['alice', HASH]]))
    const same = await Promise.all(
      Array.from({ length: 50 }, () => auth.check(basic('alice', 'correct horse'))),
    )
    expect(new Set(same)).toEqual(new Set(['welcome']))
    const guesses = Array.from({ length: 40 }, (_, index) => auth.check(basic('alice', `guess ${index}`)))
    // who was right before is let in at once
    expect(await auth.check(basic('alice', 'correct horse'))).toBe('welcome')
    const verdicts = await Promise.all(guesses)
    expect(verdicts.filter((verdict) => verdict === 'refused')).toHaveLength(16)
    expect(verdicts.filter((verdict) => verdict === 'busy')).toHaveLength(24)
    expect(await auth.check(basic('alice', 'guess 39'))).toBe('refused')
  })

  test('a client that leaves during the comparison holds nothing', async () => {
    const pages = new CountingPages(pageOf('up 1\n'))
    const one = await serve({ pages, web: load(USERS.replaceAll(HASH, hashSync('correct horse', 8))) })
    open.push(one)
    const leaving = new AbortController()
    const answer = ask(`${one.url}/metrics`, {
      headers: { Authorization: basic('alice', 'correct horse') },
      signal: leaving.signal,
    })
    setTimeout(() => leaving.abort(), 5)
    await expect(answer).rejects.toThrow('aborted')
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(pages.released).toBe(pages.taken)
    expect(one.log).toEqual([])
  })
})
