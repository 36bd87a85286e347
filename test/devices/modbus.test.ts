/** The Modbus client against a real server by libmodbus, and against servers that are none. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import fc from 'fast-check'
import type { Socket } from 'node:net'
import type { DeviceAnswer } from '../../exporter/src/devices/device.ts'
import { modbusClient, type ModbusSettings } from '../../exporter/src/devices/modbus.ts'
import { numberIn, REGISTER_TYPES, registersOf } from '../../exporter/src/devices/registers.ts'
import { requireProgram } from '../programs.ts'
import {
  at,
  float,
  long,
  ModbusServer,
  sunSpec,
  together,
  type Model,
  type Registers,
} from './modbus-server.ts'
import { eventually, failureOf, flood, patient, RudeServer } from './started.ts'

jest.setTimeout(60_000)

const settingsAt = (port: number, more: Partial<ModbusSettings> = {}): ModbusSettings => ({
  host: '127.0.0.1',
  port,
  unit: 1,
  sunspec: true,
  registers: [],
  ...more,
})

/** Three phases, 4250 W and 1,234,560 Wh. */
const INVERTER: Model = {
  id: 103,
  length: 50,
  points: { 14: [425, 1], 24: [...long(123_456), 1], 33: [412], 37: [-1] },
}
const METER: Model = {
  id: 203,
  length: 105,
  points: { 18: [-1200], 22: [0], 38: [...long(7000)], 46: [...long(91_000)], 54: [0] },
}

requireProgram('/usr/include/modbus/modbus.h', 'devices behind a real Modbus server', () => {
  const server = new ModbusServer()
  beforeAll(() => server.start())
  afterAll(() => server.stop())

  const asHeld = async (
    holding: Registers,
    more: Partial<ModbusSettings> = {},
    input: Registers = new Map(),
  ): Promise<DeviceAnswer> => {
    await server.hold(holding, input)
    return modbusClient(settingsAt(server.port, more)).ask(patient())
  }

  test.each([40_000, 0, 50_000])('a solar inverter with its meter, found at register %i', async (base) => {
    expect(await asHeld(sunSpec(base, INVERTER, METER))).toEqual({
      meters: [
        {
          id: 'inverter',
          watts: 4250,
          joules: 1_234_560 * 3600,
          stepJoules: 36_000,
          wrapsAtJoules: 2 ** 32 * 36_000,
        },
        { id: 'meter', watts: 0, joules: 91_000 * 3600, stepJoules: 3600, wrapsAtJoules: 2 ** 32 * 3600 },
        { id: 'export', watts: 1200, joules: 7000 * 3600, stepJoules: 3600, wrapsAtJoules: 2 ** 32 * 3600 },
      ],
      gauges: [{ id: 'inverter', quantity: 'temperature_celsius', value: 41.2 }],
      complaints: [],
    })
  })

  test('models in floating point, two inverters, and what is not implemented', async () => {
    const inverter: Model = {
      id: 111,
      length: 60,
      points: { 22: [...float(1500.5)], 32: [...float(8e6)], 38: [0x7fc0, 0], 40: [0x7fc0, 0] },
    }
    const second: Model = { id: 101, length: 50, points: { 14: [-3, 0], 24: [0, 0, 0] } } // at night; never fed in
    const answer = await asHeld(sunSpec(40_000, inverter, second))
    expect(answer.meters).toEqual([
      { id: 'inverter', watts: 1500.5, joules: 8e6 * 3600, stepJoules: 3600 },
      { id: 'inverter-2', watts: 0 },
    ])
    expect(answer.gauges).toEqual([])
  })

  test('model 701 with 64 bits, and the charge of batteries', async () => {
    const der: Model = {
      id: 701,
      length: 153,
      points: { 10: [333], 19: [0, 1, 0, 5], 36: [0x8000], 116: [1], 120: [0], 122: [0] },
    }
    const battery: Model = { id: 802, length: 62, points: { 11: [875], 56: [-1] } }
    const storage: Model = { id: 713, length: 7, points: { 4: [62], 8: [0] } }
    const answer = await asHeld(sunSpec(40_000, der, battery, storage))
    expect(answer.meters).toEqual([
      { id: 'inverter', watts: 3330, joules: (2 ** 32 + 5) * 3600, stepJoules: 3600 },
    ])
    expect(answer.gauges).toEqual([
      { id: 'battery', quantity: 'battery_charge_ratio', value: 0.875 },
      { id: 'battery-2', quantity: 'battery_charge_ratio', value: 0.62 },
    ])
  })

  test('models that have moved are looked for again', async () => {
    await server.hold(sunSpec(40_000, INVERTER, METER))
    const client = modbusClient(settingsAt(server.port))
    const before = await client.ask(patient())
    await server.hold(sunSpec(40_000, METER, INVERTER))
    expect((await failureOf(client.ask(patient()))).why).toBe(
      `127.0.0.1:${server.port} has other SunSpec models than before`,
    )
    const after = await client.ask(patient())
    expect(after.meters.map(({ id }) => id)).toEqual(['meter', 'export', 'inverter'])
    expect(after.meters.find(({ id }) => id === 'inverter')).toEqual(before.meters[0])
  })

  test('a device without SunSpec says so', async () => {
    const { why, advice } = await failureOf(asHeld(at(0, 1, 2, 3)))
    expect(why).toBe(`127.0.0.1:${server.port} unit 1 does not speak SunSpec`)
    expect(advice).toContain('`sunspec: false`')
  })

  test('a chiller by the map of its registers', async () => {
    const registers: ModbusSettings['registers'] = [
      {
        id: 'chiller',
        quantity: 'power',
        unit: 'kW',
        scale: 0.1,
        kind: 'input',
        address: 8,
        type: 'uint32',
        wordOrder: 'little',
      },
      {
        id: 'chiller',
        quantity: 'energy',
        unit: 'kWh',
        scale: 1,
        kind: 'holding',
        address: 100,
        type: 'float64',
        wordOrder: 'big',
      },
      {
        id: 'supply',
        quantity: 'temperature_celsius',
        unit: 'F',
        scale: 0.1,
        kind: 'holding',
        address: 20,
        type: 'int16',
        wordOrder: 'big',
      },
      {
        id: 'absent',
        quantity: 'power',
        unit: 'W',
        scale: 1,
        kind: 'input',
        address: 900,
        type: 'int16',
        wordOrder: 'big',
      },
    ]
    const energy = Buffer.alloc(8)
    energy.writeDoubleBE(1234.5)
    const words = [0, 2, 4, 6].map((offset) => energy.readUInt16BE(offset))
    const answer = await asHeld(
      together(at(100, ...words), at(20, 446)),
      { registers, sunspec: false },
      at(8, 70_000 & 0xffff, 70_000 >> 16),
    )
    expect(answer).toEqual({
      meters: [{ id: 'chiller', watts: 7_000_000, joules: 1234.5 * 3.6e6, stepJoules: 3.6e6 }],
      gauges: [{ id: 'supply', quantity: 'temperature_celsius', value: expect.closeTo(7, 10) }],
      complaints: [
        {
          why: 'unit 1 has no input register 900 for `absent`',
          advice:
            'addresses count from 0: register 40001 of a manual is holding register 0, 30001 input register 0',
        },
      ],
    })
  })
})

describe('numbers in registers', () => {
  const write: Readonly<Record<(typeof REGISTER_TYPES)[number], (bytes: Buffer, value: number) => unknown>> =
    {
      int16: (bytes, value) => bytes.writeInt16BE(value),
      uint16: (bytes, value) => bytes.writeUInt16BE(value),
      int32: (bytes, value) => bytes.writeInt32BE(value),
      uint32: (bytes, value) => bytes.writeUInt32BE(value),
      int64: (bytes, value) => bytes.writeBigInt64BE(BigInt(value)),
      uint64: (bytes, value) => bytes.writeBigUInt64BE(BigInt(value)),
      float32: (bytes, value) => bytes.writeFloatBE(value),
      float64: (bytes, value) => bytes.writeDoubleBE(value),
    }

  test.each(REGISTER_TYPES)('%s in both orders', (type) => {
    fc.assert(
      fc.property(fc.integer({ min: type.startsWith('u') ? 0 : -32_768, max: 32_767 }), (value) => {
        const bytes = Buffer.alloc(2 * registersOf(type))
        write[type](bytes, value)
        const words = Array.from({ length: registersOf(type) }, (_, index) =>
          bytes.subarray(2 * index, 2 * index + 2),
        )
        expect(numberIn(bytes, type, 'big')).toBe(value)
        expect(numberIn(Buffer.concat(words.toReversed()), type, 'little')).toBe(value)
      }),
    )
  })
})

describe('a server that is none', () => {
  const asked = async (greet: (socket: Socket) => void, signal = patient()): Promise<string> => {
    const server = await RudeServer.open(greet)
    try {
      const { why } = await failureOf(modbusClient(settingsAt(server.port)).ask(signal))
      await eventually(async () => {
        if (server.open > 0) throw new Error('still connected')
      })
      return why.replace(String(server.port), 'PORT')
    } finally {
      await server.close()
    }
  }

  /** @param body what follows the unit, from what was asked */
  const answering = (body: (question: Buffer) => Buffer) => (socket: Socket) =>
    socket.on('data', (question: Buffer) => {
      const answer = body(question)
      const header = Buffer.from(question.subarray(0, 7))
      header.writeUInt16BE(answer.length + 1, 4)
      socket.write(Buffer.concat([header, answer]))
    })

  test('that hangs is left when the time is over', async () => {
    const abort = new AbortController()
    expect(await asked((socket) => socket.on('data', () => abort.abort()), abort.signal)).toBe(
      '127.0.0.1:PORT did not answer in time',
    )
  })

  test('that restarts in the middle of an answer', async () => {
    expect(
      await asked((socket) => socket.on('data', (question: Buffer) => socket.end(question.subarray(0, 6)))),
    ).toBe('127.0.0.1:PORT hung up')
  })

  test('that speaks something else', async () => {
    expect(await asked((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))).toBe(
      '127.0.0.1:PORT does not speak Modbus TCP',
    )
  })

  test('that sends 50 MB', async () => {
    expect(await asked((socket) => flood(socket, 50 << 20, Buffer.alloc(1 << 16)))).toBe(
      '127.0.0.1:PORT does not speak Modbus TCP',
    )
  })

  test('that answers other questions for ever is cut off', async () => {
    const late = Buffer.from([0xff, 0xff, 0, 0, 0, 7, 1, 3, 4, 0x53, 0x75, 0x6e, 0x53])
    const many = Buffer.concat(Array.from({ length: 5000 }, () => late))
    expect(await asked((socket) => flood(socket, 50 << 20, many))).toBe(
      '127.0.0.1:PORT sent more than 4194304 bytes',
    )
  })

  test('that sends another number of registers than was asked for', async () => {
    expect(await asked(answering(() => Buffer.from([3, 2, 0, 0])))).toBe(
      '127.0.0.1:PORT sent an answer that is none to the question for holding register 40000 of unit 1',
    )
  })

  test.each([
    [4, 'it has a failure'],
    [6, 'it is busy'],
    [11, 'that unit does not answer its gateway'],
    [77, 'exception 77'],
  ])('that refuses with exception %i', async (exception, reason) => {
    expect(await asked(answering(() => Buffer.from([0x83, exception])))).toBe(
      `127.0.0.1:PORT refuses holding register 40000 of unit 1: ${reason}`,
    )
  })

  test('whose models never end', async () => {
    const mark = Buffer.from([3, 4, 0x53, 0x75, 0x6e, 0x53])
    const model = Buffer.from([3, 4, 0, 7, 0, 1])
    let questions = 0
    const why = await asked(
      answering(() => {
        questions += 1
        return questions === 1 ? mark : model
      }),
    )
    expect(why).toBe('127.0.0.1:PORT unit 1 has no SunSpec model of an inverter, meter or battery')
    expect(questions).toBe(101)
  })
})
