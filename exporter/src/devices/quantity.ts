/** How a plain number of a device becomes a figure: what it is, in which unit. For mappings that people write. Pure. */
import { GAUGE_QUANTITIES, type GaugeQuantity } from '../model.ts'
import type { DeviceAnswer, GaugeFigure, MeterFigure } from './device.ts'

/** `power` and `energy` belong to a meter; the others stand beside it. */
export const QUANTITIES = ['power', 'energy', ...GAUGE_QUANTITIES] as const
export type Quantity = 'power' | 'energy' | GaugeQuantity

interface Unit {
  readonly of: 'power' | 'energy' | 'ratio' | 'seconds' | 'celsius' | 'rpm'
  /** Of the base unit: watts, joules, 1, seconds, degrees Celsius, turns per minute. */
  readonly factor: number
  /** What it is divided by; a factor of 0.01 would not be exact. */
  readonly per?: number
  /** Added afterwards. */
  readonly offset?: number
}

export const UNITS = {
  mW: { of: 'power', factor: 1, per: 1000 },
  W: { of: 'power', factor: 1 },
  kW: { of: 'power', factor: 1000 },
  MW: { of: 'power', factor: 1e6 },
  uJ: { of: 'energy', factor: 1, per: 1e6 },
  mJ: { of: 'energy', factor: 1, per: 1000 },
  J: { of: 'energy', factor: 1 },
  kJ: { of: 'energy', factor: 1000 },
  MJ: { of: 'energy', factor: 1e6 },
  Wh: { of: 'energy', factor: 3600 },
  kWh: { of: 'energy', factor: 3.6e6 },
  MWh: { of: 'energy', factor: 3.6e9 },
  ratio: { of: 'ratio', factor: 1 },
  percent: { of: 'ratio', factor: 1, per: 100 },
  s: { of: 'seconds', factor: 1 },
  min: { of: 'seconds', factor: 60 },
  h: { of: 'seconds', factor: 3600 },
  C: { of: 'celsius', factor: 1 },
  F: { of: 'celsius', factor: 5, per: 9, offset: -160 / 9 },
  rpm: { of: 'rpm', factor: 1 },
} as const satisfies Readonly<Record<string, Unit>>

export type UnitName = keyof typeof UNITS
export const UNIT_NAMES = Object.keys(UNITS) as readonly UnitName[]

const DIMENSION: Readonly<Record<Quantity, Unit['of']>> = {
  power: 'power',
  energy: 'energy',
  battery_charge_ratio: 'ratio',
  battery_runtime_seconds: 'seconds',
  ups_load_ratio: 'ratio',
  ups_on_battery: 'ratio',
  temperature_celsius: 'celsius',
  fan_speed_rpm: 'rpm',
  pump_speed_rpm: 'rpm',
  heat_removed_watts: 'power',
}

/** What a number of that unit is unless more is said; undefined where it could be several things. */
export const quantityOf = (unit: UnitName): Quantity | undefined => {
  const { of } = UNITS[unit]
  return of === 'power' || of === 'energy' ? of : undefined
}

export const fits = (quantity: Quantity, unit: UnitName): boolean => UNITS[unit].of === DIMENSION[quantity]

/** What people say of a number. */
export interface Mapping {
  /** Name of the meter or gauge; power and energy of one name are one meter's. */
  readonly id: string
  readonly quantity: Quantity
  /** Of a kind that fits the quantity. */
  readonly unit: UnitName
  /** What the raw number is multiplied by before it is in that unit. */
  readonly scale: number
}

/** Puts single numbers together to what the device says. Nothing is judged here: the polling frame disbelieves. */
export class Figures {
  readonly #meters = new Map<string, MeterFigure>()
  readonly #gauges: GaugeFigure[] = []

  add({ id, quantity, unit, scale }: Mapping, raw: number): void {
    const { factor, per = 1, offset = 0 }: Unit = UNITS[unit]
    const value = (raw * (scale * factor)) / per + offset
    if (quantity === 'power') this.#meter({ id, watts: value })
    else if (quantity === 'energy') {
      this.#meter({ id, joules: value, stepJoules: (Math.abs(scale) * factor) / per })
    } else if (Number.isFinite(value)) this.#gauges.push({ id, quantity, value })
  }

  /** Several of one kind, such as phases, that are one meter's. */
  #meter(figure: MeterFigure): void {
    this.#meters.set(figure.id, { ...this.#meters.get(figure.id), ...figure })
  }

  get answer(): DeviceAnswer {
    return { meters: Array.from(this.#meters.values()), gauges: this.#gauges }
  }
}
