/** What a resource of a Redfish service says in numbers: energy and power, fans and temperatures, heat. */
import type { GaugeFigure, MeterFigure } from '../device.ts'
import { at, listIn, readingIn, numberIn, textIn, type Json } from './json.ts'

const JOULES_PER_KWH = 3.6e6

export type Power = Pick<MeterFigure, 'watts' | 'joules' | 'stepJoules'>

/** Of EnvironmentMetrics, of the Metrics of a PDU, of an outlet: they share their keys. */
export function powerIn(resource: Json): Power | undefined {
  const watts = readingIn(at(resource, 'PowerWatts'))
  const energy = joulesIn(resource)
  if (watts === undefined && energy === undefined) return undefined
  return { ...(watts !== undefined && { watts }), ...energy }
}

function joulesIn(resource: Json): Pick<Power, 'joules' | 'stepJoules'> | undefined {
  const joules = lifetimeIn(at(resource, 'EnergyJoules'))
  if (joules !== undefined) return { joules, stepJoules: 10 ** -decimalsOf(joules) }
  const kilowattHours = lifetimeIn(at(resource, 'EnergykWh'))
  if (kilowattHours === undefined) return undefined
  return {
    joules: kilowattHours * JOULES_PER_KWH,
    stepJoules: JOULES_PER_KWH / 10 ** decimalsOf(kilowattHours),
  }
}

/** `Reading` begins anew when somebody resets it; `LifetimeReading` does not. */
const lifetimeIn = (excerpt: Json): number | undefined =>
  numberIn(at(excerpt, 'LifetimeReading')) ?? readingIn(excerpt)

/** As many as the service writes; a counter that happens to end with 0 looks coarser than it is. */
const decimalsOf = (value: number): number => Math.min(9, (String(value).split('.')[1] ?? '').length)

/** Of the resource Power, which EnvironmentMetrics has replaced. The first control is the whole chassis. */
export function legacyPowerIn(resource: Json): Power | undefined {
  const watts = numberIn(at(resource, 'PowerControl', 0, 'PowerConsumedWatts'))
  return watts === undefined ? undefined : { watts }
}

/** Of the Metrics of power supplies: what goes into all of them. */
export function supplyPowerIn(metrics: readonly Json[]): Power | undefined {
  const inputs = metrics.map((one) => readingIn(at(one, 'InputPowerWatts')))
  if (inputs.length === 0 || inputs.some((one) => one === undefined)) return undefined
  return { watts: inputs.reduce<number>((sum, one) => sum + (one ?? 0), 0) }
}

/** Of a resource Sensor. */
export function sensorPowerIn(sensor: Json): Power | undefined {
  const reading = numberIn(at(sensor, 'Reading'))
  if (reading === undefined) return undefined
  return textIn(at(sensor, 'ReadingUnits')) === 'W' ? { watts: reading } : undefined
}

const gauge = (id: string, quantity: GaugeFigure['quantity'], value: number | undefined): GaugeFigure[] =>
  value === undefined || id === '' ? [] : [{ id: id.slice(0, 100), quantity, value }]

/** Of the resource Thermal, which ThermalSubsystem has replaced. */
export const legacyThermalIn = (resource: Json): GaugeFigure[] => [
  ...listIn(at(resource, 'Fans')).flatMap((fan) =>
    textIn(at(fan, 'ReadingUnits')) === 'RPM'
      ? gauge(nameIn(fan), 'fan_speed_rpm', numberIn(at(fan, 'Reading')))
      : [],
  ),
  ...listIn(at(resource, 'Temperatures')).flatMap((one) =>
    gauge(nameIn(one), 'temperature_celsius', numberIn(at(one, 'ReadingCelsius'))),
  ),
]

/** Of a Fan or a Pump. */
export const rotorIn = (
  resource: Json,
  id: string,
  quantity: 'fan_speed_rpm' | 'pump_speed_rpm',
): GaugeFigure[] =>
  gauge(
    id,
    quantity,
    numberIn(at(resource, 'SpeedPercent', 'SpeedRPM')) ??
      numberIn(at(resource, 'PumpSpeedPercent', 'SpeedRPM')),
  )

/** Of ThermalMetrics. */
export const temperaturesIn = (metrics: Json): GaugeFigure[] =>
  listIn(at(metrics, 'TemperatureReadingsCelsius')).flatMap((one) =>
    gauge(nameIn(one), 'temperature_celsius', readingIn(one)),
  )

/** Of EnvironmentMetrics, where nothing says more. */
export const environmentIn = (metrics: Json, id: string): GaugeFigure[] => [
  ...gauge(id, 'temperature_celsius', readingIn(at(metrics, 'TemperatureCelsius'))),
  ...listIn(at(metrics, 'FanSpeedsPercent')).flatMap((fan) =>
    gauge(nameIn(fan), 'fan_speed_rpm', numberIn(at(fan, 'SpeedRPM'))),
  ),
]

const nameIn = (value: Json): string =>
  textIn(at(value, 'Name')) ||
  textIn(at(value, 'DeviceName')).split('/').at(-1) ||
  textIn(at(value, 'DataSourceUri')).split('/').at(-1) ||
  textIn(at(value, 'MemberId'))

/**
 * Of a coolant connector: temperatures, and the heat that it carries away, as it says and as flow, coolant and
 * temperatures make it. Samples of the OCP's CDU documents do not agree with themselves, so both are told.
 */
export function connectorIn(connector: Json, cdu: Json, id: string): GaugeFigure[] {
  const supply = readingIn(at(connector, 'SupplyTemperatureCelsius'))
  const back = readingIn(at(connector, 'ReturnTemperatureCelsius'))
  const heat = readingIn(at(connector, 'HeatRemovedkW'))
  return [
    ...gauge(`${id} supply`, 'temperature_celsius', supply),
    ...gauge(`${id} return`, 'temperature_celsius', back),
    ...gauge(id, 'heat_removed_watts', heat === undefined ? undefined : heat * 1000),
    ...gauge(`${id} computed`, 'heat_removed_watts', carriedHeat(connector, cdu, supply, back)),
  ]
}

/** Watts: litres per minute × kg per litre × J per kg and kelvin × kelvin ÷ 60. */
function carriedHeat(
  connector: Json,
  cdu: Json,
  supply: number | undefined,
  back: number | undefined,
): number | undefined {
  const flow = readingIn(at(connector, 'FlowLitersPerMinute'))
  const coolant = at(connector, 'Coolant') ?? at(cdu, 'Coolant')
  const capacity = numberIn(at(coolant, 'SpecificHeatkJoulesPerKgK'))
  const density = numberIn(at(coolant, 'DensityKgPerCubicMeter'))
  const difference =
    readingIn(at(connector, 'DeltaTemperatureCelsius')) ??
    (supply === undefined || back === undefined ? undefined : Math.abs(back - supply))
  if (flow === undefined || capacity === undefined || density === undefined || difference === undefined)
    return undefined
  return (flow / 60) * (density / 1000) * capacity * 1000 * Math.abs(difference)
}
