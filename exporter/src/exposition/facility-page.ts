/** What devices say on a page: meters of zones, and what they know besides energy. */
import type { DeviceSeen, Gauge, GaugeQuantity } from '../model.ts'
import type { FacilityAccount } from '../workloads/facility.ts'
import { catalogue, type Metric } from './catalogue.ts'
import type { Overview } from './overview.ts'
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

/** The same for people; nothing where there is nothing. */
export function facilityOverview({ accounts, gauges }: FacilityShown): Pick<Overview, 'zones' | 'batteries'> {
  const ofBatteries = gauges.filter(
    ({ quantity }) => quantity.startsWith('battery_') || quantity.startsWith('ups_'),
  )
  const things = new Map(ofBatteries.map(({ sensor, name }) => [`${sensor}\0${name}`, { sensor, name }]))
  const batteries = Array.from(things.values(), ({ sensor, name }) => {
    const of = (quantity: GaugeQuantity): number | undefined =>
      gauges.find((one) => one.sensor === sensor && one.name === name && one.quantity === quantity)?.value
    const onBattery = of('ups_on_battery')
    return {
      name: `${sensor} ${name}`.trim(),
      charge: of('battery_charge_ratio'),
      runtimeSeconds: of('battery_runtime_seconds'),
      load: of('ups_load_ratio'),
      isOnBattery: onBattery === undefined ? undefined : onBattery > 0,
    }
  })
  const zones = accounts.map(({ zone, role, meter, total, power }) => ({
    zone,
    role,
    meter,
    joules: total.toJoules(),
    watts: power,
  }))
  return { ...(zones.length > 0 && { zones }), ...(batteries.length > 0 && { batteries }) }
}
