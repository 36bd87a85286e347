/** What devices say on a page: meters of zones, and what they know besides energy. */
import type { DeviceSeen, Gauge, GaugeQuantity } from '../model.ts'
import type { FacilityAccount } from '../workloads/facility.ts'
import { catalogue, type Metric } from './catalogue.ts'
import type { PageWriter } from './page.ts'

export interface ConfiguredPue {
  readonly zone: string
  readonly ratio: number
}

export interface FacilityShown {
  readonly accounts: readonly FacilityAccount[]
  readonly gauges: readonly Gauge[]
  readonly devices: readonly DeviceSeen[]
  readonly pue: ConfiguredPue | undefined
}

const GAUGES = {
  battery_charge_ratio: catalogue.batteryCharge,
  battery_runtime_seconds: catalogue.batteryRuntime,
  ups_load_ratio: catalogue.upsLoad,
  ups_on_battery: catalogue.upsOnBattery,
  temperature_celsius: catalogue.temperature,
  fan_speed_rpm: catalogue.fanSpeed,
  pump_speed_rpm: catalogue.pumpSpeed,
  heat_removed_watts: catalogue.heatRemoved,
} as const satisfies Record<GaugeQuantity, Metric>

export function renderFacility(writer: PageWriter, { accounts, gauges, devices, pue }: FacilityShown): void {
  writer.table(
    catalogue.meterInfo,
    devices.flatMap(({ sensor, meters }) =>
      meters.map(({ meter, covers, component, zone, role, method, source }) => ({
        labels: [sensor, meter, covers, component, zone, role, method, source],
        value: 1,
      })),
    ),
  )
  writer.table(
    catalogue.facilityEnergy,
    accounts
      .filter(({ role }) => role !== 'total' && role !== 'solar')
      .map(({ zone, role, meter, total, createdWall }) => ({
        labels: [zone, role, meter],
        value: total,
        createdWall,
      })),
  )
  writer.table(
    catalogue.facilityTotalEnergy,
    accounts
      .filter(({ role }) => role === 'total')
      .map(({ zone, meter, total, createdWall }) => ({ labels: [zone, meter], value: total, createdWall })),
  )
  writer.table(
    catalogue.facilitySolarEnergy,
    accounts
      .filter(({ role }) => role === 'solar')
      .map(({ zone, meter, total, createdWall }) => ({ labels: [zone, meter], value: total, createdWall })),
  )
  writer.table(
    catalogue.facilityPower,
    accounts.flatMap(({ zone, role, meter, power }) =>
      power === undefined ? [] : [{ labels: [zone, role, meter], value: power }],
    ),
  )
  writer.table(
    catalogue.facilityPue,
    pue === undefined ? [] : [{ labels: [pue.zone, 'configured'], value: pue.ratio }],
  )
  for (const [quantity, metric] of Object.entries(GAUGES)) {
    writer.table(
      metric,
      gauges
        .filter((gauge) => gauge.quantity === quantity)
        .map(({ sensor, name, value }) => ({ labels: [sensor, name], value })),
    )
  }
}
