/** What the doctor says of devices, from plain data to sentences. */
import { describe, expect, test } from '@jest/globals'
import { examine } from '../../exporter/src/doctor-command.ts'
import { devicesOf } from '../../exporter/src/doctor/devices.ts'
import { findingsText } from '../../exporter/src/doctor/text.ts'
import type { DomainSeen, Observation } from '../../exporter/src/doctor/observation.ts'
import type { DeviceSeen, MeterSeen } from '../../exporter/src/model.ts'
import { configOf } from '../devices/device-machine.ts'
import { legacyBmc, rackPdus } from '../devices/redfish-mockups.ts'
import { RedfishService } from '../devices/redfish-server.ts'
import { PLACES } from './places.ts'

const meter = (more: Partial<MeterSeen>): MeterSeen => ({
  meter: 'm',
  covers: 'node',
  component: 'node',
  zone: '',
  role: '',
  method: 'counter',
  booked: true,
  source: '',
  ...more,
})

const ofZone = (name: string, role: MeterSeen['role'], zone = 'hall'): MeterSeen =>
  meter({ meter: name, covers: 'zone', component: '', zone, role })

const device = (...meters: readonly MeterSeen[]): DeviceSeen => ({
  sensor: 'redfish:a',
  meters,
  uncovered: [],
})

const saysOf = (seen: Partial<Observation>): readonly (readonly [string, string, string])[] =>
  devicesOf({ devices: [], sensors: [], domains: [], configuredPue: undefined, ...seen } as Observation).map(
    ({ subject, level, says }) => [subject, level, says],
  )

describe('a device', () => {
  test.each([
    [
      meter({ source: 'EnvironmentMetrics' }),
      'm: this machine as a whole (counted, by EnvironmentMetrics), booked',
    ],
    [
      meter({ component: 'cooling', method: 'integrated' }),
      "m: this machine's own cooling (integrated power), booked",
    ],
    [
      meter({ booked: false, method: 'estimated' }),
      'm: this machine as a whole (estimated), shown, not booked',
    ],
    [ofZone('pdu', 'it'), 'pdu: of zone hall: its IT (counted), published'],
  ])('says what it covers: %j', (one, says) => {
    expect(saysOf({ devices: [device(one)] })[0]).toEqual(['redfish:a', 'ok', says])
  })

  test('without a meter says so', () => {
    expect(saysOf({ devices: [device()] })).toEqual([
      ['redfish:a', 'ok', 'measures no energy that is of interest here'],
    ])
  })

  test('names its meters that cover nothing, a dozen of them', () => {
    const uncovered = Array.from({ length: 14 }, (_, index) => `outlet-${index}`)
    expect(saysOf({ devices: [{ ...device(meter({})), uncovered }] })[1]?.[2]).toBe(
      `has meters that cover nothing here: ${uncovered.slice(0, 12).join(', ')} and 2 more`,
    )
  })

  test('whose certificate is not verified is told of, with what to do', () => {
    const sensors = [{ name: 'redfish:a', tls: 'unverified' }] as unknown as Observation['sensors']
    const [finding] = devicesOf({
      devices: [],
      sensors,
      domains: [],
      configuredPue: undefined,
    } as unknown as Observation)
    expect(finding).toMatchObject({
      subject: 'redfish:a',
      level: 'note',
      says: expect.stringContaining('is not verified'),
      remedy: { kind: 'setting', text: expect.stringContaining('ca_file') },
    })
  })
})

test('two meters of the whole machine are told of', () => {
  const domains = [
    { domain: 'bmc', component: 'node', within: '' },
    { domain: 'acpi-meter-0', component: 'node', within: 'bmc' },
    { domain: 'package-0', component: 'cpu', within: 'bmc' },
  ] as unknown as readonly DomainSeen[]
  expect(saysOf({ domains })).toEqual([
    [
      'this machine',
      'note',
      'bmc and acpi-meter-0 both measure it as a whole: acpi-meter-0 is taken as inside, and the difference is booked as board',
    ],
  ])
})

describe('a zone', () => {
  test.each([
    [['it', 'total'], 'ok', 'it by m0, total by m1; PUE = total / it'],
    [
      ['it', 'cooling', 'power'],
      'ok',
      'it by m0, cooling by m1, power by m2; no total: PUE = all roles / it',
    ],
    [['it', 'it'], 'note', 'it by m0 and m1; nothing but its IT, so its PUE is not known from here'],
    [['cooling'], 'note', 'cooling by m0; no meter of its IT, so its PUE is not known from here'],
  ] as [MeterSeen['role'][], string, string][])('with %j', (roles, level, says) => {
    const meters = roles.map((role, index) => ofZone(`m${index}`, role))
    expect(saysOf({ devices: [device(...meters)] }).at(-1)).toEqual(['zone hall', level, says])
  })

  test('with a constant', () => {
    const configuredPue = { zone: 'hall', ratio: 1.3 }
    expect(saysOf({ devices: [device(ofZone('m', 'it'))], configuredPue }).at(-1)).toEqual([
      'zone hall',
      'ok',
      'it by m; its PUE is configured as 1.3',
    ])
    expect(saysOf({ configuredPue })).toEqual([
      ['zone hall', 'ok', 'no meter here; its PUE is configured as 1.3'],
    ])
  })
})

test('the whole of it, with devices that answer and one that does not', async () => {
  const services = [await RedfishService.start(rackPdus()), await RedfishService.start(legacyBmc())]
  const [rack, gone] = services
  const place = PLACES.find(({ name }) => name === 'virtual-machine')?.open()
  if (place === undefined || rack === undefined || gone === undefined) throw new Error('no such place')
  const goneUrl = gone.url
  await gone.close()
  const config = configOf(`
zone: hall
redfish:
  - { name: rack, url: "${rack.url}", timeout_seconds: 5, meters: [{ name: pdu-a, figures: [RackPDUs/A], covers: zone, role: it }, { name: plug, figures: [RackPDUs/A/Outlets/A1], covers: node }] }
  - { name: gone, url: "${goneUrl}", timeout_seconds: 5, covers: zone, role: cooling }
`)
  const inTime = async (duration: number): Promise<void> => {
    await place.wait(duration as Parameters<typeof place.wait>[0])
    await new Promise((resolve) => setTimeout(resolve, 200)) // of real time, which services need
  }
  const text = findingsText(await examine({ ...place, config, wait: inTime }).finally(() => rack.close()))
  expect(text).toMatch(/^ {2}redfish:rack {6}reading {5}plug$/m)
  expect(text).toMatch(/^ {2}redfish:gone {6}unreadable {2}no connection \(ECONNREFUSED\)$/m)
  expect(text).toContain('DEVICES AND ZONES')
  expect(text.replace(/\s+/g, ' ')).toContain(
    'redfish:rack ok pdu-a: of zone hall: its IT (integrated power, by Metrics), published; plug: this machine as a whole (integrated power, by Outlet), booked',
  )
  expect(text.replace(/\s+/g, ' ')).toContain(
    'redfish:rack ok has meters that cover nothing here: RackPDUs/B, RackPDUs/A/Outlets/A2',
  )
})
