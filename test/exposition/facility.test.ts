/** What devices say, for people and for programs. */
import { describe, expect, test } from '@jest/globals'
import { catalogue } from '../../exporter/src/exposition/catalogue.ts'
import {
  facilityOverview,
  renderFacility,
  type FacilityShown,
} from '../../exporter/src/exposition/facility-page.ts'
import { overviewPage } from '../../exporter/src/exposition/overview.ts'
import { PageWriter } from '../../exporter/src/exposition/page.ts'
import { GAUGE_QUANTITIES, type Gauge } from '../../exporter/src/model.ts'
import { microjoules, seconds, watts } from '../../exporter/src/units.ts'
import { EnergyTotal } from '../../exporter/src/units.ts'

const NOTHING: FacilityShown = { accounts: [], gauges: [], devices: [], pue: undefined }

const account = (
  role: 'it' | 'total',
  meter: string,
  power: number | undefined,
): FacilityShown['accounts'][number] => ({
  zone: 'closet',
  role,
  meter,
  total: EnergyTotal.from(microjoules(7_200_000_000)),
  createdWall: seconds(1),
  power: power === undefined ? undefined : watts(power),
})

const gauge = (quantity: Gauge['quantity'], value: number, name = 'ups'): Gauge => ({
  sensor: 'nut:rack',
  name,
  quantity,
  value,
})

const pageOf = (shown: FacilityShown): string => {
  const writer = new PageWriter()
  renderFacility(writer, shown)
  return writer.finish().text.toString()
}

const htmlOf = (shown: FacilityShown): string =>
  overviewPage(
    {
      host: 'a',
      version: '1',
      since: seconds(0),
      watts: [],
      workloads: [],
      unattributed: [],
      budgets: [],
      demand: [],
      sensors: [],
      limitation: '',
      ...facilityOverview(shown),
    },
    [],
  )

describe('the page', () => {
  test('is empty without devices', () => {
    expect(pageOf(NOTHING)).toBe('')
  })

  test('has the total of a zone in a family of its own, so that nobody adds it to its parts', () => {
    const page = pageOf({
      ...NOTHING,
      accounts: [account('it', 'pdu', 5), account('total', 'mains', undefined)],
    })
    expect(page).toContain(
      'wattribute_facility_energy_joules_total{zone="closet",role="it",meter="pdu"} 7200.000000',
    )
    expect(page).toContain(
      'wattribute_facility_total_energy_joules_total{zone="closet",meter="mains"} 7200.000000',
    )
    expect(page).not.toContain('facility_energy_joules_total{zone="closet",role="total"')
    expect(page.match(/^wattribute_facility_power_watts.*$/gm)).toEqual([
      'wattribute_facility_power_watts{zone="closet",role="it",meter="pdu"} 5',
    ])
  })

  test.each(GAUGE_QUANTITIES)('has a family for %s', (quantity) => {
    const page = pageOf({ ...NOTHING, gauges: [gauge(quantity, 0.5)] })
    expect(page).toContain(`wattribute_${quantity}{sensor="nut:rack",name="ups"} 0.5`)
    expect(Object.values(catalogue).some(({ name }) => name === `wattribute_${quantity}`)).toBe(true)
  })
})

describe('the start page', () => {
  test('says nothing of rooms and batteries where there is none', () => {
    expect(htmlOf(NOTHING)).not.toMatch(/Rooms around|Batteries/)
  })

  test('says what a room draws and how long a battery lasts', () => {
    const html = htmlOf({
      ...NOTHING,
      accounts: [account('it', '<pdu>', 1500), account('total', 'mains', undefined)],
      gauges: [
        gauge('battery_charge_ratio', 0.875),
        gauge('battery_runtime_seconds', 1799),
        gauge('ups_on_battery', 1),
        gauge('temperature_celsius', 21, 'inlet'),
      ],
    })
    const cells = Array.from(html.matchAll(/<td[^>]*>(.*?)<\/td>/g), ([, cell]) => cell)
    expect(cells).toEqual([
      ...['<bdi>closet</bdi>', 'it', '<bdi>&lt;pdu&gt;</bdi>', '2 Wh', '1,500 W'],
      ...['<bdi>closet</bdi>', 'total', '<bdi>mains</bdi>', '2 Wh', 'not known'],
      ...['<bdi>nut:rack ups</bdi>', 'its battery', '87.5 %', '29 min', 'not known'],
    ])
  })
})
