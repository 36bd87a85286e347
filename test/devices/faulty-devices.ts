/** One device of each protocol, which measures what the test says and fails in the ways of the test. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import type { Credentials } from '../../exporter/src/devices/credentials.ts'
import { http } from '../../exporter/src/sensors/http.ts'
import { metricsEndpoint } from '../../exporter/src/sensors/metrics-endpoint.ts'
import { modbus } from '../../exporter/src/sensors/modbus.ts'
import { nut } from '../../exporter/src/sensors/nut.ts'
import type { DeviceSettings, PolledSensor } from '../../exporter/src/sensors/polled.ts'
import { snmp } from '../../exporter/src/sensors/snmp.ts'
import type { World } from '../../exporter/src/world.ts'
import { flood, RudeServer } from './started.ts'
import { webServer } from './web-server.ts'

/** What the meter says; what is undefined is not there. */
export interface Said {
  readonly watts?: number
  /** Where the protocol has it. */
  readonly kilowattHours?: number
}

export type Fault = 'hangs' | 'breaks off' | 'sends 50 MB' | 'refuses'

export interface FaultyDevice {
  sensor(world: World, device: DeviceSettings, credentials: Credentials): PolledSensor
  says(said: Said): void
  fails(fault: Fault | undefined): void
  close(): Promise<void>
}

export interface Protocol {
  readonly name: string
  /** It cannot say these things, or not fail so. */
  readonly without: readonly (Fault | 'NaN' | 'energy' | 'negative')[]
  readonly open: () => Promise<FaultyDevice>
}

const SUPPLY = { loadFigure: '' }
const FIFTY_MEGABYTES = 50 << 20

/** @param answer of a question; undefined: it is not whole yet */
async function overTcp(
  sensor: (port: number) => FaultyDevice['sensor'],
  answer: (question: Buffer, said: Said) => Buffer | string | undefined,
  refusal: (question: Buffer) => Buffer | string,
): Promise<FaultyDevice> {
  let said: Said = {}
  let fault: Fault | undefined
  const server = await RudeServer.open((socket: Socket) => {
    socket.on('data', (question: Buffer) => {
      if (fault === 'hangs') return
      if (fault === 'sends 50 MB') {
        socket.removeAllListeners('data')
        socket.resume()
        flood(socket, FIFTY_MEGABYTES)
        return
      }
      const text = fault === 'refuses' ? refusal(question) : answer(question, said)
      if (text === undefined) return
      if (fault === 'breaks off') socket.end(Buffer.from(text as string).subarray(0, 5))
      else socket.write(text)
    })
  })
  return {
    sensor: sensor(server.port),
    says: (next) => (said = next),
    fails: (next) => (fault = next),
    close: () => server.close(),
  }
}

const NUT: Protocol = {
  name: 'nut',
  without: ['NaN', 'energy'],
  open: () =>
    overTcp(
      (port) => (world, device, credentials) =>
        nut(world, { ...device, host: '127.0.0.1', port, ups: 'rack', credentials, supply: SUPPLY }),
      (question, { watts }) => {
        const text = question.toString()
        if (!text.startsWith('LIST')) return text.startsWith('LOGOUT') ? 'OK Goodbye\n' : 'OK\n'
        const power = watts === undefined ? '' : `VAR rack ups.realpower "${watts}"\n`
        return `BEGIN LIST VAR rack\n${power}VAR rack ups.status "OL"\nEND LIST VAR rack\n`
      },
      (question) => `ERR ACCESS-DENIED ${question.toString()}`,
    ),
}

const MODBUS: Protocol = {
  name: 'modbus',
  without: [],
  open: () =>
    overTcp(
      (port) => (world, device) =>
        modbus(world, {
          ...device,
          host: '127.0.0.1',
          port,
          unit: 1,
          sunspec: false,
          registers: [
            {
              id: 'meter',
              quantity: 'power',
              unit: 'W',
              scale: 1,
              kind: 'holding',
              address: 0,
              type: 'float32',
              wordOrder: 'big',
            },
            {
              id: 'meter',
              quantity: 'energy',
              unit: 'kWh',
              scale: 0.0001,
              kind: 'holding',
              address: 2,
              type: 'float64',
              wordOrder: 'big',
            },
          ],
          supply: SUPPLY,
        }),
      (question, { watts, kilowattHours }) => {
        const isPower = question.readUInt16BE(8) === 0
        const value = isPower ? watts : kilowattHours
        if (value === undefined) return modbusAnswer(question, Buffer.from([0x83, 2]))
        const body = Buffer.alloc(isPower ? 6 : 10)
        body.set([3, body.length - 2])
        if (isPower) body.writeFloatBE(value, 2)
        else body.writeDoubleBE(value * 10_000, 2)
        return modbusAnswer(question, body)
      },
      (question) => modbusAnswer(question, Buffer.from([0x83, 1])),
    ),
}

function modbusAnswer(question: Buffer, body: Buffer): Buffer {
  const header = Buffer.from(question.subarray(0, 7))
  header.writeUInt16BE(body.length + 1, 4)
  return Buffer.concat([header, body])
}

/** @param answer what it says, as text */
async function overHttp(
  sensor: (url: string) => FaultyDevice['sensor'],
  answer: (said: Said) => string,
): Promise<FaultyDevice> {
  let said: Said = {}
  let fault: Fault | undefined
  const listener: RequestListener = (question, response) => {
    switch (fault) {
      case 'hangs':
        return
      case 'breaks off':
        response.setHeader('Content-Length', 1000)
        response.write('{"', () => response.destroy())
        return
      case 'sends 50 MB':
        response.end(Buffer.alloc(FIFTY_MEGABYTES, 'x 1\n'))
        return
      case 'refuses':
        response.writeHead(403).end(`not with ${question.headers.authorization ?? ''}`)
        return
      case undefined:
        response.end(answer(said))
    }
  }
  const server = await webServer(listener)
  return {
    sensor: sensor(server.url),
    says: (next) => (said = next),
    fails: (next) => (fault = next),
    close: () => server.close(),
  }
}

const reached = (url: string, credentials: Credentials) => ({
  url,
  login: { ...credentials, scheme: 'basic' as const },
  caFile: '',
  tlsVerify: true,
})

const METER_MAPPINGS = [
  { id: 'meter', quantity: 'power', unit: 'W', scale: 1 },
  { id: 'meter', quantity: 'energy', unit: 'kWh', scale: 0.0001 },
] as const

const HTTP: Protocol = {
  name: 'http',
  without: ['NaN'],
  open: () =>
    overHttp(
      (url) => (world, device, credentials) =>
        http(world, {
          ...device,
          ...reached(url, credentials),
          kind: 'json',
          path: '/status',
          values: METER_MAPPINGS.map((mapping, index) => ({ ...mapping, path: index === 0 ? 'p' : 'e' })),
          supply: SUPPLY,
        }),
      ({ watts, kilowattHours }) =>
        JSON.stringify({
          p: watts,
          e: kilowattHours === undefined ? undefined : kilowattHours * 10_000,
          soc: 1,
        }),
    ),
}

const PROMETHEUS: Protocol = {
  name: 'prometheus',
  without: [],
  open: () =>
    overHttp(
      (url) => (world, device, credentials) =>
        metricsEndpoint(world, {
          ...device,
          ...reached(url, credentials),
          path: '/metrics',
          series: METER_MAPPINGS.map((mapping, index) => ({
            ...mapping,
            metric: index === 0 ? 'power_watts' : 'energy_total',
            labels: {},
            each: '',
          })),
          supply: SUPPLY,
        }),
      ({ watts, kilowattHours }) =>
        [
          ...(watts === undefined ? [] : [`power_watts{feed="a"} ${watts}\n`]),
          ...(kilowattHours === undefined ? [] : [`energy_total ${kilowattHours * 10_000}\n`]),
        ].join(''),
    ),
}

const OID = '1.3.6.1.4.1.99.'

const SNMP: Protocol = {
  name: 'snmp',
  without: ['breaks off', 'sends 50 MB', 'NaN', 'refuses'], // a datagram is whole or not there; a refusal is silence
  open: async () => {
    let said: Said = {}
    let fault: Fault | undefined
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    socket.on('message', (question, { port, address }) => {
      if (fault === undefined) socket.send(snmpAnswer(question, said), port, address)
    })
    const { port } = socket.address()
    return {
      sensor: (world, device, credentials) =>
        snmp(world, {
          ...device,
          host: '127.0.0.1',
          port,
          security: { version: '2c', community: credentials },
          preset: undefined,
          objects: METER_MAPPINGS.map((mapping, index) => ({ ...mapping, oid: `${OID}${index + 1}` })),
          supply: SUPPLY,
        }),
      says: (next) => (said = next),
      fails: (next) => (fault = next),
      async close() {
        socket.close()
        await once(socket, 'close')
      },
    }
  },
}

/** What BER writes: a tag, a length, and what is inside. */
export function tagged(tag: number, ...inside: readonly Buffer[]): Buffer {
  const content = Buffer.concat(inside)
  const length = content.length < 0x80 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

/** Of a GetRequest of version 2c. */
function snmpAnswer(question: Buffer, { watts, kilowattHours }: Said): Buffer {
  const at = question.findIndex((byte, index) => index > 10 && byte === 0xa0)
  const requestId = question.subarray(at + 2, at + 4 + (question[at + 3] ?? 0))
  const community = question.subarray(5, 7 + (question[6] ?? 0))
  const rows = [watts, kilowattHours === undefined ? undefined : kilowattHours * 10_000].map(
    (value, index) => {
      const text = value === undefined ? tagged(0x80) : tagged(4, Buffer.from(String(value)))
      return tagged(0x30, tagged(6, Buffer.from([0x2b, 6, 1, 4, 1, 99, index + 1])), text)
    },
  )
  const none = tagged(2, Buffer.from([0]))
  return tagged(
    0x30,
    tagged(2, Buffer.from([1])),
    community,
    tagged(0xa2, requestId, none, none, tagged(0x30, ...rows)),
  )
}

export const PROTOCOLS: readonly Protocol[] = [NUT, MODBUS, HTTP, PROMETHEUS, SNMP]
