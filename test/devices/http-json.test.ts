/**
 * Smart plugs over real HTTP, in the shapes of their makers' documents:
 * https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Shelly#shellygetstatus (Switch, EM, EMData, EM1),
 * https://tasmota.github.io/docs/Commands/#status (StatusSNS, ENERGY).
 */
import { afterAll, afterEach, describe, expect, jest, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import type { RequestListener } from 'node:http'
import type { DeviceAnswer } from '../../exporter/src/devices/device.ts'
import { httpJsonClient, type HttpJsonSettings } from '../../exporter/src/devices/http-json.ts'
import { json, tlsServer, webServer, type WebServer } from './web-server.ts'
import { failureOf, NOBODY, patient, secretIn, temporaryFolder } from './started.ts'
import { withProgram } from '../programs.ts'

jest.setTimeout(60_000)

const folder = temporaryFolder()
afterAll(() => folder.remove())

const open: WebServer[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

const NO_LOGIN = { ...NOBODY, scheme: 'digest' } as const

async function served(answer: RequestListener): Promise<WebServer> {
  const server = await webServer(answer)
  open.push(server)
  return server
}

async function ask(
  { url }: Pick<WebServer, 'url'>,
  more: Partial<HttpJsonSettings>,
  signal = patient(),
): Promise<DeviceAnswer> {
  const client = httpJsonClient({
    url,
    kind: 'shelly',
    path: '/',
    login: NO_LOGIN,
    caFile: '',
    tlsVerify: true,
    values: [],
    ...more,
  })
  try {
    return await client.ask(signal)
  } finally {
    await client.close?.()
  }
}

const SHELLY = {
  ble: {},
  'input:0': { id: 0, state: false },
  'switch:0': {
    id: 0,
    source: 'init',
    output: true,
    apower: 8.9,
    voltage: 237.5,
    current: 0.06,
    aenergy: { total: 6532.123, by_minute: [45.1, 47.2, 88.3], minute_ts: 1_626_935_779 },
    temperature: { tC: 23.5, tF: 74.4 },
  },
  'switch:1': { id: 1, source: 'init', output: false, temperature: { tC: null, tF: null } },
  sys: { mac: 'A8032ABE54DC', uptime: 25 },
}

describe('a Shelly', () => {
  test('with a switch that measures and one that does not', async () => {
    const server = await served(json(SHELLY))
    expect(await ask(server, {})).toEqual({
      meters: [{ id: 'switch-0', watts: 8.9, joules: 6532.123 * 3600, stepJoules: 3600 }],
      gauges: [{ id: 'switch-0', quantity: 'temperature_celsius', value: 23.5 }],
    })
    expect(server.questions.map(({ url }) => url)).toEqual(['/rpc/Shelly.GetStatus'])
  })

  test('that measures three phases', async () => {
    const server = await served(
      json({
        'em:0': { id: 0, a_act_power: 100, b_act_power: 200, c_act_power: 300.5, total_act_power: 600.5 },
        'emdata:0': { id: 0, a_total_act_energy: 1, total_act: 7000.25, total_act_ret: 12 },
        'em1:1': { id: 1, act_power: 77 },
        'em1data:1': { id: 1, total_act_energy: 3000 },
        'pm1:0': { id: 0, apower: 5, aenergy: { total: 10 } },
      }),
    )
    const { meters } = await ask(server, {})
    expect(meters).toEqual([
      { id: 'em-0', watts: 600.5, joules: 7000.25 * 3600, stepJoules: 3600 },
      { id: 'em1-1', watts: 77, joules: 3000 * 3600, stepJoules: 3600 },
      { id: 'pm1-0', watts: 5, joules: 36_000, stepJoules: 3600 },
    ])
  })

  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

  /** As section 3.4 of RFC 7616 has it. */
  const guarded =
    (username: string, password: string): RequestListener =>
    (question, response) => {
      const nonce = '60dc59c4'
      const said = question.headers.authorization ?? ''
      const field = (name: string): string => new RegExp(`${name}="?([^",]+)`).exec(said)?.[1] ?? ''
      const wanted = sha256(
        [
          sha256(`${username}:shellypro4pm-f008d1d8b8b8:${password}`),
          ...[nonce, field('nc'), field('cnonce'), 'auth'],
          sha256(`GET:${question.url ?? ''}`),
        ].join(':'),
      )
      if (field('response') === wanted && field('nonce') === nonce && field('username') === username) {
        json(SHELLY)(question, response)
        return
      }
      response.writeHead(401, {
        'WWW-Authenticate': `Digest qop="auth", realm="shellypro4pm-f008d1d8b8b8", nonce="${nonce}", algorithm=SHA-256`,
      })
      response.end()
    }

  test('that wants a password is answered with a digest, and never sent the password', async () => {
    const server = await served(guarded('admin', 'planted-secret'))
    const login = { ...secretIn(folder.path, 'planted-secret', 'admin'), scheme: 'digest' } as const
    expect((await ask(server, { login })).meters[0]).toMatchObject({ id: 'switch-0', watts: 8.9 })
    const sent = server.questions.map(({ headers, url }) => JSON.stringify([headers, url]))
    expect(sent).toHaveLength(2)
    expect(sent.join()).not.toContain('planted-secret')
    expect(sent.join()).not.toContain(Buffer.from('admin:planted-secret').toString('base64'))
  })

  test('that wants another password says so, and it is shown nowhere', async () => {
    const server = await served(guarded('admin', 'right'))
    const login = { ...secretIn(folder.path, 'planted-secret', 'admin'), scheme: 'digest' } as const
    const failure = await failureOf(ask(server, { login }))
    expect(failure.why).toBe('refuses with HTTP status 401')
    expect(JSON.stringify(failure)).not.toContain('planted-secret')
  })

  test('that suddenly wants basic gets no password', async () => {
    const server = await served((_, response) => {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="plug"' }).end()
    })
    const login = { ...secretIn(folder.path, 'planted-secret', 'admin'), scheme: 'digest' } as const
    const failure = await failureOf(ask(server, { login }))
    expect(failure.why).toBe('asks for the password in a way that is not understood')
    expect(server.questions.map(({ headers }) => headers.authorization)).toEqual([undefined])
  })
})

describe('a Tasmota', () => {
  const ENERGY = {
    TotalStartTime: '2024-01-01T00:00:00',
    Total: 12.345,
    Yesterday: 0.2,
    Today: 0.1,
    Power: 21,
    Factor: 0.8,
  }
  const sns = (energy: unknown): unknown => ({
    StatusSNS: { Time: '2026-11-24T12:00:00', ENERGY: energy, ESP32: { Temperature: 41.2 }, TempUnit: 'C' },
  })
  const byCommand =
    (answers: Readonly<Record<string, unknown>>): RequestListener =>
    (question, response) => {
      const command = new URL(question.url ?? '', 'http://plug').searchParams.get('cmnd') ?? ''
      json(answers[command] ?? { Command: 'Unknown' })(question, response)
    }

  test('with one channel', async () => {
    const server = await served(byCommand({ 'Status 10': sns(ENERGY) }))
    expect(await ask(server, { kind: 'tasmota' })).toEqual({
      meters: [{ id: 'total', watts: 21, joules: 12.345 * 3.6e6, stepJoules: 3600 }],
      gauges: [{ id: 'ESP32', quantity: 'temperature_celsius', value: 41.2 }],
    })
  })

  test('with two channels and one total', async () => {
    const server = await served(byCommand({ 'Status 10': sns({ ...ENERGY, Total: 2.5, Power: [21, 9] }) }))
    const { meters } = await ask(server, { kind: 'tasmota' })
    expect(meters).toEqual([
      { id: 'total', watts: 30, joules: 9e6, stepJoules: 3600 },
      { id: 'channel-1', watts: 21 },
      { id: 'channel-2', watts: 9 },
    ])
  })

  test('with a total of each channel', async () => {
    const server = await served(byCommand({ 'Status 10': sns({ Total: [1, 2], Power: [21, 9] }) }))
    const { meters } = await ask(server, { kind: 'tasmota' })
    expect(meters.map(({ joules }) => joules)).toEqual([3 * 3.6e6, 3.6e6, 2 * 3.6e6])
  })

  test('of an older version, with its password', async () => {
    const server = await served(byCommand({ 'Status 8': { StatusPWR: ENERGY } }))
    const login = { ...secretIn(folder.path, 'se&cret', 'admin'), scheme: 'digest' } as const
    expect((await ask(server, { kind: 'tasmota', login })).meters[0]).toMatchObject({ watts: 21 })
    expect(server.questions.map(({ url }) => url)).toEqual([
      '/cm?user=admin&password=se%26cret&cmnd=Status%2010',
      '/cm?user=admin&password=se%26cret&cmnd=Status%208',
    ])
  })

  test('that does not measure says so', async () => {
    const server = await served(byCommand({}))
    expect(await failureOf(ask(server, { kind: 'tasmota' }))).toEqual({
      why: 'answers, and says nothing of power or energy',
      advice: 'see whether it is a tasmota that measures',
    })
  })
})

describe('any JSON', () => {
  const values: HttpJsonSettings['values'] = [
    { id: 'meter', quantity: 'power', unit: 'kW', scale: 1, path: 'a.list.1.p' },
    { id: 'meter', quantity: 'energy', unit: 'kWh', scale: 0.001, path: 'a.odd\\.name' },
    { id: 'cell', quantity: 'battery_charge_ratio', unit: 'percent', scale: 1, path: 'soc' },
    { id: 'grid', quantity: 'ups_on_battery', unit: 'ratio', scale: 1, path: 'offline' },
    { id: 'none', quantity: 'power', unit: 'W', scale: 1, path: 'a.list.9.p' },
    { id: 'evil', quantity: 'power', unit: 'W', scale: 1, path: '__proto__.constructor.length' },
  ]

  test('by paths, with units and scales', async () => {
    const server = await served(
      json({ a: { list: [{ p: 1 }, { p: '2.5' }], 'odd.name': 4000 }, soc: 87, offline: true }),
    )
    const answer = await ask(server, { kind: 'json', path: '/status?full=1', values })
    expect(answer).toMatchObject({
      meters: [{ id: 'meter', watts: 2500, joules: 4 * 3.6e6, stepJoules: 3600 }],
      gauges: [
        { id: 'cell', quantity: 'battery_charge_ratio', value: 0.87 },
        { id: 'grid', quantity: 'ups_on_battery', value: 1 },
      ],
      complaints: [
        { why: 'its answer has no number at a.list.9.p' },
        { why: 'its answer has no number at __proto__.constructor.length' },
      ],
    })
    expect(server.questions[0]?.url).toBe('/status?full=1')
  })

  test.each([
    ['basic', `Basic ${Buffer.from('me:token').toString('base64')}`],
    ['bearer', 'Bearer token'],
  ] as ['basic' | 'bearer', string][])('with %s authentication', async (scheme, header) => {
    const server = await served(json({ soc: 1 }))
    const login = { ...secretIn(folder.path, 'token', 'me'), scheme }
    await ask(server, { kind: 'json', values, login })
    expect(server.questions.map(({ headers }) => headers.authorization)).toEqual([header])
  })

  withProgram('openssl', 'with TLS: its certificate is verified unless told otherwise', async () => {
    const server = await tlsServer(folder.path, json({ soc: 50 }))
    open.push(server)
    const asked = (more: Partial<HttpJsonSettings>): Promise<DeviceAnswer> =>
      ask(server, { kind: 'json', values, ...more })
    expect((await failureOf(asked({}))).why).toContain('its certificate is not trusted')
    expect(server.questions).toHaveLength(0)
    for (const more of [{ caFile: server.caFile }, { tlsVerify: false }])
      expect((await asked(more)).gauges[0]?.value).toBe(0.5)
  })

  test.each([
    ['no JSON', (response) => response.end('<html>'), 'does not answer in JSON'],
    ['50 MB', (response) => response.end(Buffer.alloc(50 << 20, ' ')), 'its answer is longer than 1024 KiB'],
    [
      'half an answer',
      (response) => response.write('{"soc":', () => response.destroy()),
      'it hung up in the middle of an answer',
    ],
    [
      'another place',
      (response) => response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end(),
      'sends elsewhere (HTTP status 302), which is not followed',
    ],
    ['an error', (response) => response.writeHead(500).end(), 'answers with HTTP status 500'],
  ] as readonly (readonly [string, (response: Parameters<RequestListener>[1]) => unknown, string])[])(
    'that is %s',
    async (_, answer, why) => {
      const server = await served((__, response) => void answer(response))
      expect((await failureOf(ask(server, { kind: 'json', values }))).why).toBe(why)
    },
  )

  test('that never comes is left when the time is over', async () => {
    const abort = new AbortController()
    const server = await served(() => abort.abort())
    expect((await failureOf(ask(server, { kind: 'json', values }, abort.signal))).why).toBe(
      'did not answer in time',
    )
  })
})
