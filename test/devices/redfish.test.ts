/** A Redfish client against a service on real sockets, over real TLS, that fails in every way that such services do. */
import { afterAll, afterEach, describe, expect, test } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DeviceError, type DeviceAnswer, type DeviceClient } from '../../exporter/src/devices/device.ts'
import { redfishClient, type RedfishSettings } from '../../exporter/src/devices/redfish/client.ts'
import { selfSigned, signedBy } from '../exposition/tls-files.ts'
import { requireProgram } from '../programs.ts'
import { coolingLoop, legacyBmc, modernBmc, rackPdus, type Mockup } from './redfish-mockups.ts'
import { RedfishService, SECRET, USER, type Fault, type ServiceOptions } from './redfish-server.ts'

const folder = mkdtempSync(join(tmpdir(), 'wattribute-redfish-'))
const passwordFile = join(folder, 'password')
writeFileSync(passwordFile, `${SECRET}\n`)
afterAll(() => rmSync(folder, { recursive: true }))

const open: (RedfishService | DeviceClient)[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close?.()
})

async function serve(tree: Mockup, options: ServiceOptions = {}): Promise<RedfishService> {
  const service = await RedfishService.start(tree, options)
  open.push(service)
  return service
}

function client(service: RedfishService, settings: Partial<RedfishSettings> = {}): DeviceClient {
  const made = redfishClient({
    url: service.url,
    caFile: '',
    tlsVerify: true,
    credentials: { username: '', passwordFile: '', passwordEnv: '' },
    auth: 'session',
    wanted: [''],
    gaugesEvery: 1,
    gaugesSeconds: 5,
    ...settings,
  })
  open.push(made)
  return made
}

const LOGIN = { credentials: { username: USER, passwordFile, passwordEnv: '' } } as const

const ask = (device: DeviceClient, seconds = 20): Promise<DeviceAnswer> =>
  device.ask(AbortSignal.timeout(seconds * 1000))

const failureOf = async (device: DeviceClient, seconds?: number): Promise<DeviceError> => {
  const failure: unknown = await ask(device, seconds).catch((cause: unknown) => cause)
  expect(failure).toBeInstanceOf(DeviceError)
  expect(`${(failure as DeviceError).message} ${(failure as DeviceError).advice}`).not.toContain(SECRET)
  return failure as DeviceError
}

const CHASSIS = '/redfish/v1/Chassis/1U'

describe('a controller of today', () => {
  test('says joules and watts of its chassis, from EnvironmentMetrics although Power disagrees', async () => {
    const { meters, gauges } = await ask(client(await serve(modernBmc())))
    expect(meters[0]).toEqual({
      id: 'Chassis/1U',
      source: 'EnvironmentMetrics',
      watts: 374,
      joules: 5_000_000,
      stepJoules: 1,
    })
    expect(gauges).toEqual([
      { id: 'Intake', quantity: 'temperature_celsius', value: 22.5 },
      { id: 'CPU1Temp', quantity: 'temperature_celsius', value: 71 },
      { id: 'Fan 1', quantity: 'fan_speed_rpm', value: 5200 },
    ])
  })

  test.each([
    ['EnvironmentMetrics', 374, []],
    ['Power', 344, ['EnvironmentMetrics']],
    ['PowerSubsystem', 380, ['EnvironmentMetrics', 'Power']],
    ['Sensors/TotalPower', 374, ['EnvironmentMetrics', 'Power', 'PowerSubsystem/PowerSupplies/Bay1/Metrics']],
  ])('%s is next where those before have no figure', async (source, watts, without) => {
    const tree = modernBmc()
    for (const path of without) tree.delete(`${CHASSIS}/${path}`)
    const { meters } = await ask(client(await serve(tree)))
    expect(meters[0]).toMatchObject({ id: 'Chassis/1U', source, watts })
  })

  test('only what is wanted is read, once the tree is known', async () => {
    const service = await serve(modernBmc())
    const device = client(service, { gaugesEvery: 3 })
    await ask(device)
    expect(service.requests).toContain('GET /redfish/v1/Chassis?$expand=.')
    service.requests.length = 0
    const { meters } = await ask(device)
    expect(service.requests).toEqual([`GET ${CHASSIS}/EnvironmentMetrics`])
    expect(meters.map(({ id }) => id)).toEqual([
      'Chassis/1U',
      'Chassis/1U/PowerSupplies/Bay1/input',
      'Chassis/1U/PowerSupplies/Bay1/output',
      'Chassis/1U/PowerSupplies/Bay2/input',
      'Chassis/1U/PowerSupplies/Bay2/output',
    ])
  })

  test('what goes into a power supply and comes out can be asked for', async () => {
    const wanted = ['Chassis/1U/PowerSupplies/Bay1/input', 'Chassis/1U/PowerSupplies/Bay1/output']
    const { meters } = await ask(client(await serve(modernBmc()), { wanted }))
    expect(meters.filter(({ watts }) => watts !== undefined)).toEqual([
      { id: wanted[0], source: 'PowerSubsystem', watts: 190 },
      { id: wanted[1], source: 'PowerSubsystem', watts: 175 },
    ])
  })

  test('where a figure went away the tree is walked again', async () => {
    const service = await serve(modernBmc())
    const device = client(service)
    await ask(device)
    service.tree.delete(`${CHASSIS}/EnvironmentMetrics`)
    await ask(device)
    expect((await ask(device)).meters[0]).toMatchObject({ source: 'Power', watts: 344 })
  })
})

test('a controller of yesterday says watts, fans and temperatures, and nothing is expanded', async () => {
  const service = await serve(legacyBmc())
  const { meters, gauges } = await ask(client(service))
  expect(meters).toEqual([{ id: 'Chassis/System.Embedded.1', source: 'Power', watts: 300 }])
  expect(gauges).toEqual([
    { id: 'System Board Fan1A', quantity: 'fan_speed_rpm', value: 4800 },
    { id: 'System Board Inlet Temp', quantity: 'temperature_celsius', value: 21 },
  ])
  expect(service.requests.filter((request) => request.includes('expand'))).toEqual([])
})

test('a rack has its PDUs and their outlets, page after page', async () => {
  const service = await serve(rackPdus(), { pageSize: 1 })
  const wanted = ['RackPDUs/A', 'RackPDUs/B', 'RackPDUs/A/Outlets/A2']
  const { meters } = await ask(client(service, { wanted }))
  expect(meters).toEqual([
    { id: 'RackPDUs/A', source: 'Metrics', watts: 4000, joules: 3_600_003_600, stepJoules: 3600 },
    { id: 'RackPDUs/B', source: 'Metrics', watts: 3000 },
    { id: 'RackPDUs/A/Outlets/A1', source: 'Outlet' },
    { id: 'RackPDUs/A/Outlets/A2', source: 'Outlet', watts: 650 },
  ])
  expect(service.requests).toContain('GET /redfish/v1/PowerEquipment/RackPDUs?$skip=1')
})

test('a coolant unit says what it draws, and the heat that it carries both ways', async () => {
  const { meters, gauges } = await ask(client(await serve(coolingLoop())))
  expect(meters).toEqual([
    { id: 'CDUs/1', source: 'EnvironmentMetrics', watts: 900, joules: 7_000_000_000, stepJoules: 1 },
  ])
  expect(gauges.map(({ id, quantity, value }) => [id, quantity, Math.round(value)])).toEqual([
    ['CDUs/1 pump 1', 'pump_speed_rpm', 3200],
    ['CDUs/1 primary 1 supply', 'temperature_celsius', 18],
    ['CDUs/1 secondary 1 supply', 'temperature_celsius', 24],
    ['CDUs/1 secondary 1 return', 'temperature_celsius', 38],
    ['CDUs/1 secondary 1', 'heat_removed_watts', 21_030],
    ['CDUs/1 secondary 1 computed', 'heat_removed_watts', 39_158], // 41/60 × 1.030 × 3974 × 14
  ])
})

describe('who asks', () => {
  test('logs in once, out at the end, and in again when the session is gone', async () => {
    const service = await serve(legacyBmc(), { auth: 'session' })
    const device = client(service, LOGIN)
    const logins = (): number => service.requests.filter((one) => one.startsWith('POST')).length
    await ask(device)
    await ask(device)
    expect([logins(), service.sessions.size]).toEqual([1, 1])
    service.sessions.clear()
    await ask(device)
    expect([logins(), service.sessions.size]).toEqual([2, 1])
    await device.close?.()
    expect(service.sessions.size).toBe(0)
  })

  test('a wrong password is said, left alone for a minute, and not shown', async () => {
    const service = await serve(legacyBmc(), { auth: 'session' })
    const file = join(folder, 'wrong')
    writeFileSync(file, `${SECRET}x`)
    const device = client(service, { credentials: { username: USER, passwordFile: file, passwordEnv: '' } })
    const { message, retryAfterSeconds } = await failureOf(device)
    expect([message, retryAfterSeconds]).toEqual(['it refuses the user (HTTP status 401)', 60])
    expect(service.requests.filter((one) => one.startsWith('POST'))).toHaveLength(1)
  })

  test('a session that is refused again and again is begun anew once only', async () => {
    const service = await serve(legacyBmc(), { auth: 'session' })
    const device = client(service, LOGIN)
    service.faults.set('/redfish/v1/Chassis', { kind: 'status', status: 401 })
    expect((await failureOf(device)).message).toBe('it refuses the user (HTTP status 401)')
    expect(service.requests.filter((one) => one.startsWith('POST'))).toHaveLength(2)
  })

  test('says its password with each question where sessions are not wanted', async () => {
    const service = await serve(legacyBmc(), { auth: 'basic' })
    process.env['WATTRIBUTE_TEST_BMC'] = SECRET
    const credentials = { username: USER, passwordFile: '', passwordEnv: 'WATTRIBUTE_TEST_BMC' }
    const { meters } = await ask(client(service, { auth: 'basic', credentials }))
    delete process.env['WATTRIBUTE_TEST_BMC']
    expect(meters).toMatchObject([{ watts: 300 }])
    expect(service.requests.filter((one) => one.startsWith('POST'))).toEqual([])
  })

  test.each([
    [
      { username: USER, passwordFile: '/nowhere/password', passwordEnv: '' },
      /\/nowhere\/password cannot be read \(ENOENT\)/,
    ],
    [
      { username: USER, passwordFile: '', passwordEnv: 'WATTRIBUTE_NOT_SET' },
      /WATTRIBUTE_NOT_SET is not set/,
    ],
  ])('a password that is nowhere is said', async (credentials, why) => {
    const service = await serve(legacyBmc(), { auth: 'session' })
    expect((await failureOf(client(service, { credentials }))).message).toMatch(why)
  })
})

requireProgram('openssl', 'TLS', () => {
  const authority = selfSigned(folder, 'authority')
  const { cert, key } = signedBy(authority, folder, 'localhost')
  const tls = { cert: String(cert), key: String(key) }

  test('is verified by the authority that is named', async () => {
    const service = await serve(legacyBmc(), { tls, auth: 'session' })
    const { meters } = await ask(client(service, { ...LOGIN, caFile: authority.certFile }))
    expect(meters).toMatchObject([{ watts: 300 }])
  })

  test('is refused where nobody known has signed, before a password is said', async () => {
    const service = await serve(legacyBmc(), { tls, auth: 'session' })
    expect((await failureOf(client(service, LOGIN))).message).toMatch(
      /^its certificate is not trusted \(\w+\)$/,
    )
    const other = selfSigned(folder, 'other')
    const device = client(service, { ...LOGIN, caFile: other.certFile })
    expect((await failureOf(device)).message).toMatch(/^its certificate is not trusted/)
    expect(service.requests).toEqual([])
  })

  test('is refused for another name than that of the certificate', async () => {
    const stranger = signedBy(authority, folder, 'stranger.example.org')
    const service = await serve(legacyBmc(), {
      tls: { cert: String(stranger.cert), key: String(stranger.key) },
    })
    const device = client(service, { caFile: authority.certFile })
    expect((await failureOf(device)).message).toBe(
      'its certificate is not trusted (ERR_TLS_CERT_ALTNAME_INVALID)',
    )
  })

  test('is believed blindly where that is wanted', async () => {
    const service = await serve(legacyBmc(), { tls })
    expect((await ask(client(service, { tlsVerify: false }))).meters).toMatchObject([{ watts: 300 }])
  })

  test('is missed where there is none', async () => {
    const service = await serve(legacyBmc())
    const device = client(service, { url: service.url.replace('http:', 'https:') })
    expect((await failureOf(device)).message).toMatch(/^no TLS with it/)
  })

  test('an authority that cannot be read is said', async () => {
    const service = await serve(legacyBmc(), { tls })
    expect((await failureOf(client(service, { caFile: '/nowhere/ca' }))).message).toMatch(
      /\/nowhere\/ca cannot be read/,
    )
  })
})

describe('a service that fails', () => {
  test.each([
    ['7', 7],
    [new Date(Date.now() + 90_000).toUTCString(), 90],
    ['soon', undefined],
  ])('busy, with Retry-After: %s', async (retryAfter, wanted) => {
    const service = await serve(legacyBmc())
    service.faults.set('*', { kind: 'status', status: 503, retryAfter })
    const { message, retryAfterSeconds } = await failureOf(client(service))
    expect(message).toBe('it is busy (HTTP status 503)')
    if (wanted === undefined) expect(retryAfterSeconds).toBeUndefined()
    else expect(Math.abs((retryAfterSeconds ?? 0) - wanted)).toBeLessThan(30)
  })

  const FAULTS: [string, Fault, string][] = [
    ['hangs', { kind: 'hang' }, 'did not answer in time'],
    ['hangs up in the middle of an answer', { kind: 'hang-up' }, 'it hung up in the middle of an answer'],
    ['answers 50 MB', { kind: 'flood', bytes: 50_000_000 }, 'its answer is longer than 4096 KiB'],
    ['answers no JSON', { kind: 'body', text: '<html>' }, '/redfish/v1 is no JSON'],
    ['is broken', { kind: 'status', status: 500 }, '/redfish/v1 has HTTP status 500'],
    ['leads elsewhere', { kind: 'status', status: 301 }, '/redfish/v1 has HTTP status 301'],
  ]
  test.each(FAULTS)('%s', async (_, fault, why) => {
    const service = await serve(legacyBmc())
    const device = client(service)
    service.faults.set('*', fault)
    expect((await failureOf(device, fault.kind === 'hang' ? 0.3 : 20)).message).toBe(why)
    service.faults.clear()
    expect((await ask(device)).meters).toMatchObject([{ watts: 300 }])
  })

  test('is not there', async () => {
    const service = await RedfishService.start(legacyBmc())
    const device = client(service)
    await service.close()
    expect((await failureOf(device)).message).toBe('no connection (ECONNREFUSED)')
  })

  test('a walk that takes too long goes on where it stood', async () => {
    const service = await serve(modernBmc())
    const device = client(service)
    service.faults.set(`${CHASSIS}/PowerSubsystem`, { kind: 'hang' })
    await failureOf(device, 0.5)
    service.faults.clear()
    service.requests.length = 0
    await ask(device)
    expect(service.requests).not.toContain('GET /redfish/v1')
    expect(service.requests[0]).toBe(`GET ${CHASSIS}/PowerSubsystem`)
  })

  test('fans that do not answer cost no energy', async () => {
    const service = await serve(modernBmc())
    const device = client(service, { gaugesSeconds: 0.2 })
    await ask(device)
    service.faults.set(`${CHASSIS}/ThermalSubsystem/ThermalMetrics`, { kind: 'hang' })
    const { meters, gauges, complaints } = await ask(device)
    expect(meters[0]).toMatchObject({ watts: 374 })
    expect(gauges).toEqual([])
    expect(complaints).toMatchObject([{ why: 'fans and temperatures: did not answer in time' }])
  })

  test('pages that lead in a circle, and members that are anything, end', async () => {
    const tree = legacyBmc()
    const service = await serve(tree)
    service.set('/redfish/v1/Chassis', {
      'Members@odata.nextLink': '/redfish/v1/Chassis',
      Members: [
        null,
        3,
        {},
        { '@odata.id': 7 },
        { '@odata.id': 'http://elsewhere/' },
        { '@odata.id': '/redfish/v1/Chassis/System.Embedded.1' },
      ],
    })
    expect((await ask(client(service))).meters).toMatchObject([{ watts: 300 }])
  })

  test('numbers that are none are no figures', async () => {
    const service = await serve(legacyBmc())
    for (const PowerConsumedWatts of [null, 'NaN', {}, true]) {
      service.set('/redfish/v1/Chassis/System.Embedded.1/Power', { PowerControl: [{ PowerConsumedWatts }] })
      expect((await ask(client(service))).meters).toEqual([])
    }
  })
})
