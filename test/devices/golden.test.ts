/**
 * Pages of machines with devices, asked over real sockets, against checked-in pages and totals computed by hand.
 * `UPDATE_GOLDEN=1 npm test -- test/devices/golden` writes the pages anew.
 */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { CONTAINER, settle, tickCpus, work } from '../busy-machine.ts'
import { imbalancesOfPage, parsePage } from '../exposition/page-text.ts'
import { Machine } from '../machine.ts'
import { withProgram } from '../programs.ts'
import { DeviceMachine, pageOf } from './device-machine.ts'
import { coolingLoop, legacyBmc, modernBmc, rackPdus, type Mockup } from './redfish-mockups.ts'
import { RedfishService } from './redfish-server.ts'

// Polls are a period apart, not a tenth more or less.
beforeAll(() => {
  jest.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterAll(() => {
  jest.restoreAllMocks()
})

const SHARED = 'period_seconds: 4\n    timeout_seconds: 7'

interface Case {
  readonly page: string
  /** Of the text machines. */
  readonly machine: string
  readonly service: () => Mockup
  readonly config: (url: string) => string
  /** What is spent in the four seconds between two ticks. */
  readonly spend: (machine: Machine, service: RedfishService) => void
  readonly byHand: readonly (readonly [string, Readonly<Record<string, string>>, string])[]
}

const CASES: readonly Case[] = [
  {
    /**
     * The chassis counts 1600 J. In it the package 64 J, modelled memory 423.761069 J, and what the first power supply
     * loses: (190 − 175) W × 4 s = 60 J, power. Rest: 1600 − 64 − 423.761069 − 60 = 1052.238931 J, board.
     * CPU idle: 0.74 W × 16 CPUs × 4 s = 47.36 J; active 16.64 J, a quarter to nginx, and so the board and the loss.
     */
    page: 'redfish-bmc',
    machine: 'amd-epyc',
    service: modernBmc,
    config: (url) => `
redfish:
  - name: bmc
    url: ${url}
    ${SHARED}
    meters:
      - { name: chassis, covers: node }
      - name: psu-loss
        figures: [Chassis/1U/PowerSupplies/Bay1/input]
        minus: [Chassis/1U/PowerSupplies/Bay1/output]
        covers: node
        component: power
        within: chassis
`,
    spend: (machine, service) => {
      machine.advance('sys/class/powercap/intel-rapl:0/energy_uj', 64_000_000)
      machine.advance('sys/class/powercap/intel-rapl:0:0/energy_uj', 40_000_000)
      tickCpus(machine, 400, 6000)
      service.set('/redfish/v1/Chassis/1U/EnvironmentMetrics', { EnergyJoules: { Reading: 5_001_600 } })
    },
    byHand: [
      [
        'domain_energy_joules_total',
        { domain: 'chassis', component: 'node', within: '', leaf: 'false', method: 'counter' },
        '1600.000000',
      ],
      ['domain_energy_joules_total', { domain: 'package-0', within: 'chassis' }, '64.000000'],
      [
        'domain_energy_joules_total',
        { domain: 'psu-loss', component: 'power', within: 'chassis', leaf: 'true', method: 'integrated' },
        '60.000000',
      ],
      ['domain_energy_joules_total', { domain: 'chassis-rest', component: 'board' }, '1052.238931'],
      [
        'workload_energy_joules_total',
        { workload: 'c0ffeec0ffee', component: 'power', part: 'overhead' },
        '45.000000',
      ],
      ['workload_energy_joules_total', { workload: 'nginx.service', component: 'board' }, '263.059733'],
      ['container_energy_joules_total', { container_id: CONTAINER, component: 'power' }, '45.000000'],
      ['meter_info', { meter: 'chassis', source: 'EnvironmentMetrics', covers: 'node' }, '1'],
      ['fan_speed_rpm', { sensor: 'redfish:bmc', name: 'Fan 1' }, '5200'],
    ],
  },
  {
    /**
     * 300 W, then 340 W: 1280 J. Modelled in it: 2 CPUs, half busy, 16.96 J, and memory, 6.272 J.
     * Rest: 1280 − 16.96 − 6.272 = 1256.768 J, board, a quarter to nginx: 314.192 J.
     */
    page: 'redfish-bmc-legacy',
    machine: 'vm',
    service: legacyBmc,
    config: (url) => `
redfish:
  - name: bmc
    url: ${url}
    ${SHARED}
    covers: node
`,
    spend: (machine, service) => {
      tickCpus(machine, 400, 400)
      service.set('/redfish/v1/Chassis/System.Embedded.1/Power', {
        PowerControl: [{ PowerConsumedWatts: 340 }],
      })
    },
    byHand: [
      [
        'domain_energy_joules_total',
        { domain: 'bmc', component: 'node', within: '', method: 'integrated' },
        '1280.000000',
      ],
      [
        'domain_energy_joules_total',
        { domain: 'model-cpu', within: 'bmc', method: 'estimated' },
        '16.960000',
      ],
      ['domain_energy_joules_total', { domain: 'bmc-rest', component: 'board' }, '1256.768000'],
      ['workload_energy_joules_total', { workload: 'nginx.service', component: 'board' }, '314.192000'],
      ['meter_info', { meter: 'bmc', source: 'Power', method: 'integrated' }, '1'],
      ['temperature_celsius', { name: 'System Board Inlet Temp' }, '21'],
    ],
  },
  {
    /**
     * PDU A 4000, then 4400 W: 16,800 J (its counter of 1 Wh is too coarse for 4 s); B 3000, then 3400 W: 12,800 J.
     * Outlet A1 feeds this machine: 350, then 450 W: 1600 J; in it 16.96 J of CPU and 6.272 J of memory.
     * The zone's figures are published, and only the outlet's are booked: Σ leaves = 1600 J.
     */
    page: 'redfish-rack',
    machine: 'vm',
    service: rackPdus,
    config: (url) => `
zone: hall-2
redfish:
  - name: rack-7
    url: ${url}
    ${SHARED}
    meters:
      - { name: pdu-a, figures: [RackPDUs/A], covers: zone, role: it }
      - { name: pdu-b, figures: [RackPDUs/B], covers: zone, role: it }
      - { name: plug, figures: [RackPDUs/A/Outlets/A1], covers: node }
`,
    spend: (machine, service) => {
      tickCpus(machine, 400, 400)
      const pdus = '/redfish/v1/PowerEquipment/RackPDUs'
      service.set(`${pdus}/A/Metrics`, { PowerWatts: { Reading: 4400 }, EnergykWh: { Reading: 1000.005 } })
      service.set(`${pdus}/B/Metrics`, { PowerWatts: { Reading: 3400 } })
      service.set(`${pdus}/A/Outlets/A1`, { PowerWatts: { Reading: 450 } })
    },
    byHand: [
      ['facility_energy_joules_total', { zone: 'hall-2', role: 'it', meter: 'pdu-a' }, '16800.000000'],
      ['facility_energy_joules_total', { zone: 'hall-2', role: 'it', meter: 'pdu-b' }, '12800.000000'],
      ['facility_power_watts', { zone: 'hall-2', role: 'it', meter: 'pdu-a' }, '4200'],
      ['domain_energy_joules_total', { domain: 'plug', component: 'node', within: '' }, '1600.000000'],
      ['domain_energy_joules_total', { domain: 'plug-rest' }, '1576.768000'],
    ],
  },
  {
    /**
     * The unit counts 3800 J: cooling of the zone. Its coolant carries 21.03 kW as it says, and
     * 41 ÷ 60 l/s × 1.03 kg/l × 3974 J/(kg·K) × 14 K = 39,158.47… W as its figures make it.
     */
    page: 'redfish-cdu',
    machine: 'vm',
    service: coolingLoop,
    config: (url) => `
zone: hall-2
pue: 1.25
redfish:
  - name: loop
    url: ${url}
    ${SHARED}
    covers: zone
    role: cooling
`,
    spend: (machine, service) => {
      tickCpus(machine, 400, 400)
      service.set('/redfish/v1/ThermalEquipment/CDUs/1/EnvironmentMetrics', {
        EnergyJoules: { Reading: 7_000_003_800 },
      })
    },
    byHand: [
      ['facility_energy_joules_total', { zone: 'hall-2', role: 'cooling', meter: 'loop' }, '3800.000000'],
      ['facility_pue_ratio', { zone: 'hall-2', basis: 'configured' }, '1.25'],
      ['heat_removed_watts', { sensor: 'redfish:loop', name: 'CDUs/1 secondary 1' }, '21030'],
      ['heat_removed_watts', { name: 'CDUs/1 secondary 1 computed' }, '39158.47133333334'],
      ['pump_speed_rpm', { name: 'CDUs/1 pump 1' }, '3200'],
      ['sensor_up', { sensor: 'redfish:loop' }, '1'],
    ],
  },
]

describe.each(CASES)(
  'the page of $page',
  ({ page: name, machine: tree, service: mockup, config, spend, byHand }) => {
    const render = async (): Promise<string> => {
      const machine = Machine.fromFile(tree)
      settle(machine)
      const service = await RedfishService.start(mockup())
      const here = new DeviceMachine(machine)
      const engine = here.engine(config(service.url))
      try {
        await pageOf(engine)
        await here.polls(1)
        work(machine, 1000, 3000)
        spend(machine, service)
        here.wait(4)
        await here.polls(1)
        return await pageOf(engine)
      } finally {
        await engine.close()
        await service.close()
      }
    }

    test('is the checked-in one', async () => {
      const page = await render()
      const file = new URL(`../golden/${name}.prom`, import.meta.url)
      if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(file, page)
      expect(existsSync(file)).toBe(true)
      expect(page).toBe(readFileSync(file, 'utf8'))
    })

    test('shows the totals computed by hand', async () => {
      const families = parsePage(await render())
      for (const [family, labels, value] of byHand) {
        const series = (families.get(`wattribute_${family}`) ?? []).filter((one) =>
          Object.entries(labels).every(([label, wanted]) => one.labels[label] === wanted),
        )
        expect([family, labels, series.map((one) => one.value)]).toEqual([family, labels, [value]])
      }
    })

    test('balances to the microjoule', async () => {
      expect(imbalancesOfPage(await render())).toEqual([])
    })

    withProgram('promtool', 'passes promtool check metrics', async (run) => {
      const { status, output } = run(['check', 'metrics'], await render())
      expect({ status, output }).toEqual({ status: 0, output: '' })
    })
  },
)
