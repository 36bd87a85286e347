/**
 * Pages of machines on limited power and in a rack, their devices asked over real sockets, against checked-in pages
 * and totals computed by hand. `UPDATE_GOLDEN=1 npm test -- test/devices/power-golden` writes the pages anew.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { settle, tickCpus, work } from '../busy-machine.ts'
import { imbalancesOfPage, parsePage } from '../exposition/page-text.ts'
import { Machine } from '../machine.ts'
import { requireProgram, withProgram } from '../programs.ts'
import { DeviceMachine, pageOf } from './device-machine.ts'
import { long, ModbusServer, sunSpec, type Model } from './modbus-server.ts'
import { SnmpAgent, type Objects } from './snmp-agent.ts'
import { RudeServer, secretIn } from './started.ts'
import { askSnmp } from '../../exporter/src/devices/snmp.ts'

jest.setTimeout(60_000)

// Polls are a period apart, not a tenth more or less.
beforeAll(() => {
  jest.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterAll(() => {
  jest.restoreAllMocks()
})

const SHARED = 'period_seconds: 4\n    timeout_seconds: 7'

/** What a machine's devices say, and how they are set up. */
interface Site {
  readonly config: string
  readonly devices: number
  /** Of the four seconds between two ticks. */
  spend(): Promise<void>
  close(): Promise<void>
}

interface Case {
  readonly page: string
  /** Program or library that the site takes; each has `promtool`, too. */
  readonly needs: string
  readonly open: () => Promise<Site>
  readonly byHand: readonly (readonly [string, Readonly<Record<string, string>>, string])[]
}

/** One UPS, as upsd tells of it. */
async function upsWithBattery(): Promise<Site> {
  let variables: Readonly<Record<string, string | number>> = {}
  const say = (output: number, input: number, charge: number): void => {
    variables = {
      'ups.status': 'OL CHRG',
      'ups.realpower': output,
      'input.realpower': input,
      'battery.charge': charge,
    }
  }
  const server = await RudeServer.open((socket: Socket) => {
    socket.on('data', (line: Buffer) => {
      if (!line.toString().startsWith('LIST VAR rackups')) return
      const lines = Object.entries(variables).map(([name, value]) => `VAR rackups ${name} "${value}"\n`)
      socket.write(`BEGIN LIST VAR rackups\n${lines.join('')}END LIST VAR rackups\n`)
    })
  })
  say(300, 330, 79)
  return {
    config: `
nut:
  - name: closet
    host: 127.0.0.1
    port: ${server.port}
    ups: rackups
    ${SHARED}
    capacity_watt_hours: 1000
    limit_watts: 1440
    meters:
      - { name: socket, figures: [output], covers: node }
      - { name: ups-loss, figures: [input], minus: [output], covers: node, component: power }
`,
    devices: 1,
    spend: async () => say(360, 400, 80),
    close: () => server.close(),
  }
}

/** An inverter on the roof, a meter at the clinic, and a battery. */
async function clinicWithSun(): Promise<Site> {
  const server = new ModbusServer()
  await server.start()
  const say = (inverterWatts: number, meterWatts: number, centiWattHours: number): Promise<void> => {
    const inverter: Model = {
      id: 103,
      length: 50,
      points: { 14: [inverterWatts, 0], 24: [...long(8_123_456), 0] },
    }
    const meter: Model = {
      id: 203,
      length: 105,
      points: { 18: [meterWatts], 22: [0], 38: [0, 0], 46: [...long(centiWattHours)], 54: [-2] },
    }
    const battery: Model = { id: 802, length: 62, points: { 11: [875], 56: [-1] } }
    return server.hold(sunSpec(40_000, inverter, meter, battery))
  }
  await say(4000, 1000, 9_100_000)
  return {
    config: `
zone: clinic
modbus:
  - name: roof
    host: 127.0.0.1
    port: ${server.port}
    ${SHARED}
    capacity_watt_hours: 15000
    load_figure: meter
    meters:
      - { name: sun, figures: [inverter], covers: zone, role: solar }
      - { name: house, figures: [meter], covers: zone, role: total }
`,
    devices: 1,
    spend: () => say(4400, 1400, 9_100_133),
    close: () => server.stop(),
  }
}

/** Two rack PDUs of APC, one by version 2c and one by version 3, and the outlet of this machine. */
async function rackOfPdus(): Promise<Site> {
  const [a, b] = [new SnmpAgent(), new SnmpAgent()]
  const APC = '1.3.6.1.4.1.318.1.1.26'
  const pdu = (hundredths: number, tenths: number, outlet: number): Objects => ({
    [`${APC}.4.3.1.5.1`]: ['integer', hundredths],
    [`${APC}.4.3.1.9.1`]: ['integer', tenths],
    [`${APC}.9.4.3.1.7.7`]: ['integer', outlet],
    [`${APC}.9.4.3.1.11.7`]: ['integer', -1],
  })
  const say = (first: Objects, second: Objects): void => {
    a.hold(first)
    b.hold(second)
  }
  say(pdu(400, 123_456, 350), pdu(300, 98_765, -1))
  const community = secretIn(a.folder.path, 'open')
  for (const agent of [a, b])
    await agent.start(() =>
      askSnmp(
        {
          host: '127.0.0.1',
          port: agent.port,
          security: { version: '2c', community },
          preset: 'apc-rpdu2',
          objects: [],
        },
        AbortSignal.timeout(2000),
      ),
    )
  return {
    config: `
zone: hall-3
snmp:
  - name: rack-a
    host: 127.0.0.1
    port: ${a.port}
    community_file: ${community.passwordFile}
    preset: apc-rpdu2
    ${SHARED}
    meters:
      - { name: pdu-a, figures: [device-1], covers: zone, role: it }
      - { name: plug, figures: [outlet-7], covers: node }
  - name: rack-b
    host: 127.0.0.1
    port: ${b.port}
    version: "3"
    username: mon
    password_file: ${secretIn(b.folder.path, 'authpass123').passwordFile}
    privacy_password_file: ${secretIn(b.folder.path, 'privpass123').passwordFile}
    preset: apc-rpdu2
    ${SHARED}
    meters:
      - { name: pdu-b, figures: [device-1], covers: zone, role: it }
`,
    devices: 2,
    spend: async () => say(pdu(440, 123_456, 450), pdu(340, 98_765, -1)),
    async close() {
      for (const agent of [a, b]) {
        await agent.stop()
        agent.folder.remove()
      }
    },
  }
}

const CASES: readonly Case[] = [
  {
    /**
     * Output 300, then 360 W: 330 W × 4 s = 1320 J, the machine. Input 330, then 400 W: 1460 J; lost: 140 J, power.
     * Modelled in it: 2 CPUs, half busy, 16.96 J, and memory, 6.272 J. Rest: 1296.768 J, board.
     * A quarter to nginx: 324.192 J of the board, 35 J of the loss. Run time: 1000 Wh × 0.8 ÷ 360 W = 8000 s.
     * Load: 360 ÷ 1440 W.
     */
    page: 'ups-battery',
    needs: 'promtool',
    open: upsWithBattery,
    byHand: [
      [
        'domain_energy_joules_total',
        { domain: 'socket', component: 'node', within: '', method: 'integrated' },
        '1320.000000',
      ],
      ['domain_energy_joules_total', { domain: 'socket-rest', component: 'board' }, '1296.768000'],
      [
        'domain_energy_joules_total',
        { domain: 'ups-loss', component: 'power', within: '', leaf: 'true' },
        '140.000000',
      ],
      ['workload_energy_joules_total', { workload: 'nginx.service', component: 'board' }, '324.192000'],
      [
        'workload_energy_joules_total',
        { workload: 'nginx.service', component: 'power', part: 'overhead' },
        '35.000000',
      ],
      [
        'workload_energy_joules_total',
        { workload: 'c0ffeec0ffee', component: 'power', part: 'overhead' },
        '105.000000',
      ],
      ['battery_charge_ratio', { sensor: 'nut:closet', name: 'battery' }, '0.8'],
      ['battery_runtime_seconds', { sensor: 'nut:closet', name: 'battery' }, '8000'],
      ['ups_load_ratio', { sensor: 'nut:closet', name: 'output' }, '0.25'],
      ['ups_on_battery', { sensor: 'nut:closet', name: 'ups' }, '0'],
    ],
  },
  {
    /**
     * The sun: 4000, then 4400 W: 16,800 J (its counter of 1 Wh is too coarse for 4 s). The house counts 1.33 Wh:
     * 4788 J, published and booked to nobody. The machine is modelled: 16.96 J and 6.272 J.
     * Run time of the battery at the load of the house: 15,000 Wh × 0.875 ÷ 1400 W = 33,750 s.
     */
    page: 'solar-clinic',
    needs: '/usr/include/modbus/modbus.h',
    open: clinicWithSun,
    byHand: [
      ['facility_solar_energy_joules_total', { zone: 'clinic', meter: 'sun' }, '16800.000000'],
      ['facility_total_energy_joules_total', { zone: 'clinic', meter: 'house' }, '4788.000000'],
      ['facility_power_watts', { zone: 'clinic', role: 'solar', meter: 'sun' }, '4200'],
      ['facility_power_watts', { zone: 'clinic', role: 'total', meter: 'house' }, '1197'],
      ['meter_info', { meter: 'house', method: 'counter' }, '1'],
      ['meter_info', { meter: 'sun', method: 'integrated' }, '1'],
      ['battery_charge_ratio', { sensor: 'modbus:roof', name: 'battery' }, '0.875'],
      ['battery_runtime_seconds', { sensor: 'modbus:roof', name: 'battery' }, '33750'],
      ['domain_energy_joules_total', { domain: 'model-cpu', within: '' }, '16.960000'],
    ],
  },
  {
    /**
     * PDU A 4000, then 4400 W: 16,800 J (its counter of 0.1 kWh is too coarse); B 3000, then 3400 W: 12,800 J.
     * Outlet 7 of A feeds this machine: 350, then 450 W: 1600 J; in it 16.96 J of CPU and 6.272 J of memory.
     */
    page: 'snmp-rack',
    needs: 'snmpd',
    open: rackOfPdus,
    byHand: [
      ['facility_energy_joules_total', { zone: 'hall-3', role: 'it', meter: 'pdu-a' }, '16800.000000'],
      ['facility_energy_joules_total', { zone: 'hall-3', role: 'it', meter: 'pdu-b' }, '12800.000000'],
      ['domain_energy_joules_total', { domain: 'plug', component: 'node', within: '' }, '1600.000000'],
      ['domain_energy_joules_total', { domain: 'plug-rest', component: 'board' }, '1576.768000'],
      ['workload_energy_joules_total', { workload: 'nginx.service', component: 'board' }, '394.192000'],
    ],
  },
]

for (const { page: name, needs, open, byHand } of CASES) {
  requireProgram(needs, `the page of ${name}`, () => {
    let site: Site
    let page = ''

    beforeAll(async () => {
      const machine = Machine.fromFile('vm')
      settle(machine)
      site = await open()
      const here = new DeviceMachine(machine)
      const engine = here.engine(site.config)
      await pageOf(engine)
      await here.polls(site.devices)
      work(machine, 1000, 3000)
      tickCpus(machine, 400, 400)
      await site.spend()
      here.wait(4)
      await here.polls(site.devices)
      page = await pageOf(engine)
      await engine.close()
    })
    afterAll(() => site.close())

    test('is the checked-in one', () => {
      const file = new URL(`../golden/${name}.prom`, import.meta.url)
      if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(file, page)
      expect(existsSync(file)).toBe(true)
      expect(page).toBe(readFileSync(file, 'utf8'))
    })

    test('shows the totals computed by hand', () => {
      const families = parsePage(page)
      for (const [family, labels, value] of byHand) {
        const series = (families.get(`wattribute_${family}`) ?? []).filter((one) =>
          Object.entries(labels).every(([label, wanted]) => one.labels[label] === wanted),
        )
        expect([family, labels, series.map((one) => one.value)]).toEqual([family, labels, [value]])
      }
    })

    test('shows no credential and no place of one', () => {
      expect(page).not.toMatch(/authpass123|privpass123|secret-|"open"/)
    })

    test('balances to the microjoule', () => {
      expect(imbalancesOfPage(page)).toEqual([])
    })

    withProgram('promtool', 'passes promtool check metrics', (run) => {
      const { status, output } = run(['check', 'metrics'], page)
      expect({ status, output }).toEqual({ status: 0, output: '' })
    })
  })
}
