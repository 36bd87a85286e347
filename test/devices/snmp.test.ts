/** The SNMP client against a real snmpd, and against agents that are none. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { DeviceAnswer } from '../../exporter/src/devices/device.ts'
import { askSnmp, type SnmpSecurity, type SnmpSettings } from '../../exporter/src/devices/snmp.ts'
import { requireProgram } from '../programs.ts'
import { SnmpAgent, type Objects } from './snmp-agent.ts'
import { failureOf, patient, secretIn, temporaryFolder } from './started.ts'

jest.setTimeout(60_000)

const APC = '1.3.6.1.4.1.318.1.1'
const RARITAN = '1.3.6.1.4.1.13742.6'
const UPS = '1.3.6.1.2.1.33.1'
const SENSOR = '1.3.6.1.2.1.99.1.1.1'

requireProgram('snmpd', 'devices behind a real snmpd', () => {
  const agent = new SnmpAgent()
  const secret = (text: string, username = ''): ReturnType<typeof secretIn> =>
    secretIn(agent.folder.path, text, username)
  const v2c = (): SnmpSecurity => ({ version: '2c', community: secret('open') })
  const v3 = (authentication = 'authpass123', privacy = 'privpass123', user = 'mon'): SnmpSecurity => ({
    version: '3',
    authProtocol: 'sha',
    authentication: secret(authentication, user),
    privacyProtocol: 'aes',
    privacy: secret(privacy, user),
  })
  const ask = (more: Partial<SnmpSettings>, signal = patient()): Promise<DeviceAnswer> =>
    askSnmp(
      { host: '127.0.0.1', port: agent.port, security: v2c(), preset: undefined, objects: [], ...more },
      signal,
    )

  const asHeld = (objects: Objects, more: Partial<SnmpSettings>): Promise<DeviceAnswer> => {
    agent.hold(objects)
    return ask(more)
  }

  beforeAll(async () => {
    agent.hold(PDU)
    await agent.start(() => ask({ preset: 'apc-rpdu2' }, AbortSignal.timeout(2000)))
  })
  afterAll(async () => {
    await agent.stop()
    agent.folder.remove()
  })

  /** An AP8881 with two outlets that are metered, and one that is not. */
  const PDU: Objects = {
    [`${APC}.26.4.3.1.5.1`]: ['integer', 123],
    [`${APC}.26.4.3.1.9.1`]: ['integer', 45678],
    [`${APC}.26.9.4.3.1.7.1`]: ['integer', 600],
    [`${APC}.26.9.4.3.1.7.2`]: ['integer', 630],
    [`${APC}.26.9.4.3.1.7.3`]: ['integer', -1],
    [`${APC}.26.9.4.3.1.11.1`]: ['integer', 2101],
  }

  const PDU_ANSWER = {
    meters: [
      { id: 'device-1', watts: 1230, joules: 4567.8 * 3.6e6, stepJoules: 360_000 },
      { id: 'outlet-1', watts: 600, joules: 210.1 * 3.6e6, stepJoules: 360_000 },
      { id: 'outlet-2', watts: 630 },
    ],
    gauges: [],
    complaints: [],
  }

  test.each([
    ['2c', v2c],
    ['3', v3],
  ])('a rack PDU of APC, by version %s', async (_, security) => {
    expect(await asHeld(PDU, { preset: 'apc-rpdu2', security: security() })).toEqual(PDU_ANSWER)
  })

  test('a list of outlets that changes', async () => {
    const { [`${APC}.26.9.4.3.1.7.2`]: gone, ...left } = PDU
    expect(gone).toBeDefined()
    const answer = await asHeld(
      { ...left, [`${APC}.26.9.4.3.1.7.9`]: ['integer', 40] },
      { preset: 'apc-rpdu2' },
    )
    expect(answer.meters.map(({ id, watts }) => [id, watts])).toEqual([
      ['device-1', 1230],
      ['outlet-1', 600],
      ['outlet-9', 40],
    ])
  })

  test('an old rack PDU of APC', async () => {
    const answer = await asHeld({ [`${APC}.12.1.16.0`]: ['integer', 807] }, { preset: 'apc-rpdu' })
    expect(answer.meters).toEqual([{ id: 'device', watts: 807 }])
  })

  test('a PDU of Raritan, with its decimal digits and units', async () => {
    const sensor = (
      table: 'inlet' | 'outlet',
      index: string,
      value: number,
      { digits = 0, units = 3, isAvailable = 1 } = {},
    ): Objects => {
      const [values, settings] = table === 'inlet' ? ['2.3.1', '3.4.1'] : ['4.3.1', '5.4.1']
      return {
        [`${RARITAN}.5.${values}.2.${index}`]: ['integer', isAvailable],
        [`${RARITAN}.5.${values}.4.${index}`]: ['gauge', value],
        [`${RARITAN}.3.${settings}.6.${index}`]: ['integer', units],
        [`${RARITAN}.3.${settings}.7.${index}`]: ['gauge', digits],
      }
    }
    const answer = await asHeld(
      {
        ...sensor('inlet', '1.1.1', 5321, { digits: 3, units: 2 }), // amperes are not asked for
        ...sensor('inlet', '1.1.5', 12_345, { digits: 1 }),
        ...sensor('inlet', '1.1.8', 987_654, { units: 5 }),
        ...sensor('outlet', '1.1.5', 411),
        ...sensor('outlet', '1.2.5', 3999, { isAvailable: 2 }),
        ...sensor('outlet', '1.3.5', 77, { units: 4 }), // volt-amperes are no watts
      },
      { preset: 'raritan-pdu2' },
    )
    expect(answer.meters).toEqual([
      { id: 'inlet-1-1', watts: 1234.5, joules: 987_654 * 3600, stepJoules: 3600 },
      { id: 'outlet-1-1', watts: 411 },
    ])
  })

  const UPS_OBJECTS: Objects = {
    [`${UPS}.2.3.0`]: ['integer', 36],
    [`${UPS}.2.4.0`]: ['integer', 87],
    [`${UPS}.2.7.0`]: ['integer', 25],
    [`${UPS}.3.3.1.5.1`]: ['integer', 500],
    [`${UPS}.3.3.1.5.2`]: ['integer', 520],
    [`${UPS}.4.1.0`]: ['integer', 5],
    [`${UPS}.4.4.1.4.1`]: ['integer', 450],
    [`${UPS}.4.4.1.4.2`]: ['integer', 460],
    [`${UPS}.4.4.1.5.1`]: ['integer', 41],
  }

  test('a UPS with two lines, on its battery', async () => {
    expect(await asHeld(UPS_OBJECTS, { preset: 'ups-mib' })).toEqual({
      meters: [
        { id: 'output', watts: 910 },
        { id: 'input', watts: 1020 },
      ],
      gauges: [
        { id: 'output-1', quantity: 'ups_load_ratio', value: 0.41 },
        { id: 'battery', quantity: 'battery_charge_ratio', value: 0.87 },
        { id: 'battery', quantity: 'battery_runtime_seconds', value: 2160 },
        { id: 'battery', quantity: 'temperature_celsius', value: 25 },
        { id: 'ups', quantity: 'ups_on_battery', value: 1 },
      ],
      complaints: [],
    })
  })

  test('sensors of a switch, in kilowatts and milliwatts', async () => {
    const row = (
      index: number,
      type: number,
      scale: number,
      precision: number,
      value: number,
      status = 1,
    ): Objects => ({
      [`${SENSOR}.1.${index}`]: ['integer', type],
      [`${SENSOR}.2.${index}`]: ['integer', scale],
      [`${SENSOR}.3.${index}`]: ['integer', precision],
      [`${SENSOR}.4.${index}`]: ['integer', value],
      [`${SENSOR}.5.${index}`]: ['integer', status],
    })
    const answer = await asHeld(
      {
        ...row(10, 6, 9, 1, 1435),
        ...row(11, 6, 8, 0, 250_000),
        ...row(12, 6, 9, 0, 99, 3),
        ...row(13, 8, 9, 1, 412),
      },
      { preset: 'entity-sensor' },
    )
    expect(answer.meters).toEqual([
      { id: 'sensor-10', watts: 143.5 },
      { id: 'sensor-11', watts: 250 },
    ])
    expect(answer.gauges).toEqual([{ id: 'sensor-13', quantity: 'temperature_celsius', value: 41.2 }])
  })

  test('objects of the configuration: numbers, texts and 64 bits; a missing one is complained of', async () => {
    const objects = [
      { id: 'crac', quantity: 'power', unit: 'kW', scale: 0.1, oid: `${APC}.99.1.0` },
      { id: 'crac', quantity: 'energy', unit: 'Wh', scale: 1, oid: `${APC}.99.2.0` },
      { id: 'text', quantity: 'power', unit: 'W', scale: 1, oid: `${APC}.99.3.0` },
      { id: 'none', quantity: 'power', unit: 'W', scale: 1, oid: `${APC}.99.4.0` },
    ] as const
    const held: Objects = {
      [`${APC}.99.1.0`]: ['integer', 52],
      [`${APC}.99.2.0`]: ['counter64', '9007199254740993'],
      [`${APC}.99.3.0`]: ['string', '812.5'],
    }
    const answer = await asHeld(held, { objects })
    expect(answer).toMatchObject({
      meters: [
        { id: 'crac', watts: 5200, joules: 9007199254740993 * 3600 },
        { id: 'text', watts: 812.5 },
      ],
      complaints: [{ why: `it has no number at ${APC}.99.4.0` }],
    })
  })

  test('a device that has nothing of a preset says so', async () => {
    const { why } = await failureOf(asHeld({}, { preset: 'ups-mib' }))
    expect(why).toBe('127.0.0.1 answers, and has nothing of what the preset ups-mib reads')
  })

  test.each([
    ['user', v3('authpass123', 'privpass123', 'nobody'), 'does not know the user'],
    ['password', v3('planted-secret'), 'refuses the password of the user, or the authentication protocol'],
    [
      'password of privacy',
      v3('authpass123', 'planted-secret'),
      'did not answer', // it cannot read the question
    ],
  ])('a wrong %s is told, and shown nowhere', async (_, security, reason) => {
    const failure = await failureOf(ask({ security, preset: 'ups-mib' }))
    expect(failure.why).toBe(`127.0.0.1:${agent.port} ${reason}`)
    expect(JSON.stringify(failure)).not.toContain('planted-secret')
  })

  test('a wrong community gets no answer, which is told', async () => {
    const security: SnmpSecurity = { version: '2c', community: secret('planted-secret') }
    const failure = await failureOf(ask({ security, preset: 'ups-mib' }))
    expect(failure.why).toBe(`127.0.0.1:${agent.port} did not answer`)
    expect(failure.advice).toContain('a wrong community gets no answer')
    expect(JSON.stringify(failure)).not.toContain('planted-secret')
  })

  test('a device that was restarted is asked as if it were new, by version 3, too', async () => {
    await agent.stop()
    agent.hold(PDU)
    await agent.start(() => ask({ preset: 'apc-rpdu2', security: v3() }, AbortSignal.timeout(2000)))
    expect(await asHeld(PDU, { preset: 'apc-rpdu2', security: v3() })).toEqual(PDU_ANSWER)
  })
})

describe('an agent that is none', () => {
  const folder = temporaryFolder()
  afterAll(() => folder.remove())

  /** @param reply is given what was asked */
  const asked = async (
    reply: (question: Buffer, send: (answer: Buffer) => void) => void,
    signal = patient(),
  ): Promise<{ why: string; advice: string }> => {
    const socket: Socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    socket.on('message', (question, { port, address }) =>
      reply(question, (answer) => socket.send(answer, port, address)),
    )
    try {
      const settings: SnmpSettings = {
        host: '127.0.0.1',
        port: socket.address().port,
        security: { version: '2c', community: secretIn(folder.path, 'planted-secret') },
        preset: 'apc-rpdu2',
        objects: [],
      }
      const failure = await failureOf(askSnmp(settings, signal))
      expect(JSON.stringify(failure)).not.toContain('planted-secret')
      return { ...failure, why: failure.why.replace(String(settings.port), 'PORT') }
    } finally {
      socket.close()
    }
  }

  test('that hangs is left when the time is over', async () => {
    const abort = new AbortController()
    expect((await asked(() => abort.abort(), abort.signal)).why).toBe('127.0.0.1:PORT did not answer in time')
  })

  test('that sends what is no SNMP', async () => {
    const { why } = await asked((_, send) => send(Buffer.from('HTTP/1.1 400 Bad Request')))
    expect(why).toBe('127.0.0.1:PORT sent what is not SNMP')
  })

  test('that echoes the question with its community', async () => {
    const { why } = await asked((question, send) => send(question))
    expect(why).toBe('127.0.0.1:PORT sent an answer that is none to the question')
  })

  test('that answers for another community', async () => {
    const { why } = await asked((question, send) => {
      const answer = Buffer.from(question)
      answer.write('other-secret--', answer.indexOf('planted-secret'))
      send(asAnswer(answer))
    })
    expect(why).toBe('127.0.0.1:PORT sent an answer that is none to the question')
  })

  test.each([
    ['that counts its rows backwards', () => [5, 4], 'counts its rows backwards'],
    ['that has the same row again and again', () => [5, 5], 'counts its rows backwards'],
    [
      'that counts its rows for ever',
      (question: number) => Array.from({ length: 25 }, (_, index) => question * 25 + index + 1),
      'has more than 2000 rows below 1.3.6.1.4.1.318.1.1.26.4.3.1.5',
    ],
  ])('%s', async (_, rows, reason) => {
    let questions = 0
    const { why } = await asked((question, send) => {
      send(rowsTo(question, rows(questions)))
      questions += 1
    })
    expect(why).toBe(`127.0.0.1:PORT ${reason}`)
  })

  test('that sends random changes of an answer never breaks anything else', async () => {
    let state = 1
    const random = (below: number): number => {
      state = (state * 48_271) % 2_147_483_647
      return state % below
    }
    const abort = new AbortController()
    let sent = 0
    const { why } = await asked((question, send) => {
      for (let count = 0; count < 2000; count += 1) {
        const answer = asAnswer(question)
        for (let change = 0; change <= random(4); change += 1)
          answer[30 + random(answer.length - 30)] = random(256)
        send(answer)
        sent += 1
      }
      setTimeout(() => abort.abort(), 300)
    }, abort.signal)
    expect(sent).toBeGreaterThanOrEqual(2000)
    expect(why).toMatch(/^127\.0\.0\.1:PORT /)
  })
})

/** GetBulkRequest (0xa5) and GetRequest (0xa0) made GetResponse (0xa2), with no error. */
function asAnswer(question: Buffer): Buffer {
  const answer = Buffer.from(question)
  const at = answer.findIndex((byte, index) => index > 10 && (byte === 0xa5 || byte === 0xa0))
  answer[at] = 0xa2
  const repetitions = answer.indexOf(Buffer.from([0x02, 0x01, 0x19]), at) // max-repetitions 25: an error index of 0
  if (repetitions > 0) answer[repetitions + 2] = 0
  return answer
}

/** What BER writes: a tag, a length, and what is inside. */
function tagged(tag: number, ...inside: readonly Buffer[]): Buffer {
  const content = Buffer.concat(inside)
  const length = content.length < 0x80 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

const BASE = [0x2b, 6, 1, 4, 1, 0x82, 0x3e, 1, 1, 26, 4, 3, 1, 5]

/** Rows of rPDU2DeviceStatusPower, each of 1 W. */
function rowsTo(question: Buffer, indices: readonly number[]): Buffer {
  const at = question.findIndex((byte, index) => index > 10 && byte === 0xa5)
  const requestId = question.subarray(at + 2, at + 4 + (question[at + 3] ?? 0))
  const rows = indices.map((index) =>
    tagged(
      0x30,
      tagged(6, Buffer.from(index < 0x80 ? [...BASE, index] : [...BASE, 0x80 | (index >> 7), index & 0x7f])),
      tagged(2, Buffer.from([1])),
    ),
  )
  const none = tagged(2, Buffer.from([0]))
  return tagged(
    0x30,
    tagged(2, Buffer.from([1])),
    tagged(4, Buffer.from('planted-secret')),
    tagged(0xa2, requestId, none, none, tagged(0x30, ...rows)),
  )
}
