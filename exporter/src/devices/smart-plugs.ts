/**
 * What smart plugs and meters say in JSON.
 *
 * Shelly, second generation and later, all components at once: power in W, energy in Wh.
 * https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Shelly#shellygetstatus
 * Tasmota: power in W, energy in kWh; lists where there are several channels.
 * https://tasmota.github.io/docs/Commands/#status. Pure.
 */
import type { DeviceAnswer, GaugeFigure, MeterFigure } from './device.ts'
import { numberAt, numberOf, valueAt, type Json } from './json-values.ts'
import { Figures, UNITS } from './quantity.ts'

interface ShellyComponent {
  /** As in the names of the answer, before the colon and the number. */
  readonly kind: string
  readonly watts: string
  /** In the component itself, or in the one of this kind with the same number. */
  readonly wattHours: string
  readonly data?: string
}

const SHELLY: readonly ShellyComponent[] = [
  { kind: 'switch', watts: 'apower', wattHours: 'aenergy.total' },
  { kind: 'pm1', watts: 'apower', wattHours: 'aenergy.total' },
  { kind: 'cover', watts: 'apower', wattHours: 'aenergy.total' },
  { kind: 'light', watts: 'apower', wattHours: 'aenergy.total' },
  { kind: 'em', watts: 'total_act_power', wattHours: 'total_act', data: 'emdata' },
  { kind: 'em1', watts: 'act_power', wattHours: 'total_act_energy', data: 'em1data' },
]

export function shellyAnswer(document: Json): DeviceAnswer {
  const figures = new Figures()
  for (const [name, component] of entriesOf(document)) {
    const [, kind, number] = /^([a-z0-9]+):(\d{1,3})$/.exec(name) ?? []
    const known = SHELLY.find((one) => one.kind === kind)
    if (known === undefined || number === undefined) continue
    const id = `${known.kind}-${number}`
    const watts = numberAt(component, known.watts)
    const data = known.data === undefined ? component : valueAt(document, `${known.data}:${number}`)
    const wattHours = numberAt(data, known.wattHours)
    if (watts !== undefined) figures.add({ id, quantity: 'power', unit: 'W', scale: 1 }, watts)
    if (wattHours !== undefined) figures.add({ id, quantity: 'energy', unit: 'Wh', scale: 1 }, wattHours)
    const celsius = numberAt(component, 'temperature.tC')
    if (celsius !== undefined)
      figures.add({ id, quantity: 'temperature_celsius', unit: 'C', scale: 1 }, celsius)
  }
  return figures.answer
}

/** Tasmota writes three decimals of a kilowatt-hour unless told otherwise. */
const TASMOTA_STEP = 0.001 * UNITS.kWh.factor

/** @returns no meter where the plug says nothing of energy */
export function tasmotaAnswer(document: Json): DeviceAnswer {
  const energy =
    valueAt(document, 'StatusSNS.ENERGY') ??
    valueAt(document, 'StatusPWR.ENERGY') ??
    valueAt(document, 'StatusPWR')
  const watts = numbersIn(valueAt(energy, 'Power'))
  const joules = numbersIn(valueAt(energy, 'Total')).map((kilowattHours) => kilowattHours * UNITS.kWh.factor)
  if (watts.length + joules.length === 0) return { meters: [], gauges: [] }
  const channels = Math.max(watts.length, joules.length)
  const each =
    channels === 1
      ? []
      : Array.from({ length: channels }, (_, index) =>
          tasmotaMeter(`channel-${index + 1}`, watts[index], joules.length === 1 ? undefined : joules[index]),
        )
  return {
    meters: [tasmotaMeter('total', sumOf(watts), sumOf(joules)), ...each],
    gauges: temperaturesIn(document),
  }
}

const tasmotaMeter = (id: string, watts: number | undefined, joules: number | undefined): MeterFigure => ({
  id,
  ...(watts !== undefined && { watts }),
  ...(joules !== undefined && { joules, stepJoules: TASMOTA_STEP }),
})

/** In what the plug is told to use; only degrees Celsius are taken. */
function temperaturesIn(document: Json): GaugeFigure[] {
  if (valueAt(document, 'StatusSNS.TempUnit') !== 'C') return []
  return entriesOf(valueAt(document, 'StatusSNS')).flatMap(([id, part]): GaugeFigure[] => {
    const value = numberAt(part, 'Temperature')
    return value === undefined ? [] : [{ id, quantity: 'temperature_celsius', value }]
  })
}

const numbersIn = (value: Json): number[] =>
  (Array.isArray(value) ? (value as Json[]) : [value]).flatMap((one) => numberOf(one) ?? [])

const sumOf = (numbers: readonly number[]): number | undefined =>
  numbers.length === 0 ? undefined : numbers.reduce((sum, one) => sum + one, 0)

const entriesOf = (value: Json): readonly (readonly [string, Json])[] =>
  typeof value === 'object' && value !== null ? Object.entries(value) : []
