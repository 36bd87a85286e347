/**
 * Which points of which SunSpec models are read, as data. Offsets are registers from the start of a model's block, its
 * two registers of id and length included, as in the models themselves: https://github.com/sunspec/models
 */
import type { Quantity, UnitName } from './quantity.ts'

export type PointType = 'int16' | 'uint16' | 'acc32' | 'uint64' | 'float32'

export interface SunSpecPoint {
  /** First part of the meter's or gauge's name; a second model of the kind has `-2`. */
  readonly id: string
  readonly quantity: Quantity
  readonly unit: UnitName
  readonly offset: number
  readonly type: PointType
  /** Where the power of ten is that the point is multiplied by. */
  readonly scaleOffset?: number
  /** What flows the other way round. */
  readonly isReversed?: true
}

/** `inverter` is what it gives, at its alternating side; `dc` what it gets: the difference is its loss. */
const inverter = (): SunSpecPoint[] => [
  { id: 'inverter', quantity: 'power', unit: 'W', offset: 14, type: 'int16', scaleOffset: 15 },
  { id: 'inverter', quantity: 'energy', unit: 'Wh', offset: 24, type: 'acc32', scaleOffset: 26 },
  { id: 'dc', quantity: 'power', unit: 'W', offset: 31, type: 'int16', scaleOffset: 32 },
  { id: 'inverter', quantity: 'temperature_celsius', unit: 'C', offset: 33, type: 'int16', scaleOffset: 37 },
]

const inverterFloat = (): SunSpecPoint[] => [
  { id: 'inverter', quantity: 'power', unit: 'W', offset: 22, type: 'float32' },
  { id: 'inverter', quantity: 'energy', unit: 'Wh', offset: 32, type: 'float32' },
  { id: 'dc', quantity: 'power', unit: 'W', offset: 38, type: 'float32' },
  { id: 'inverter', quantity: 'temperature_celsius', unit: 'C', offset: 40, type: 'float32' },
]

/** `meter` is what is drawn, `export` what is fed back: each has the part of the power that is its own. */
const meter = (): SunSpecPoint[] => [
  { id: 'meter', quantity: 'power', unit: 'W', offset: 18, type: 'int16', scaleOffset: 22 },
  {
    id: 'export',
    quantity: 'power',
    unit: 'W',
    offset: 18,
    type: 'int16',
    scaleOffset: 22,
    isReversed: true,
  },
  { id: 'export', quantity: 'energy', unit: 'Wh', offset: 38, type: 'acc32', scaleOffset: 54 },
  { id: 'meter', quantity: 'energy', unit: 'Wh', offset: 46, type: 'acc32', scaleOffset: 54 },
]

const meterFloat = (): SunSpecPoint[] => [
  { id: 'meter', quantity: 'power', unit: 'W', offset: 28, type: 'float32' },
  { id: 'export', quantity: 'power', unit: 'W', offset: 28, type: 'float32', isReversed: true },
  { id: 'export', quantity: 'energy', unit: 'Wh', offset: 60, type: 'float32' },
  { id: 'meter', quantity: 'energy', unit: 'Wh', offset: 68, type: 'float32' },
]

const derAc = (): SunSpecPoint[] => [
  { id: 'inverter', quantity: 'power', unit: 'W', offset: 10, type: 'int16', scaleOffset: 116 },
  { id: 'inverter', quantity: 'energy', unit: 'Wh', offset: 19, type: 'uint64', scaleOffset: 120 },
  { id: 'inverter', quantity: 'temperature_celsius', unit: 'C', offset: 36, type: 'int16', scaleOffset: 122 },
]

const charge = (offset: number, scaleOffset: number): SunSpecPoint[] => [
  { id: 'battery', quantity: 'battery_charge_ratio', unit: 'percent', offset, type: 'uint16', scaleOffset },
]

export const SUNSPEC_MODELS: ReadonlyMap<number, readonly SunSpecPoint[]> = new Map<
  number,
  readonly SunSpecPoint[]
>([
  ...[101, 102, 103].map((id) => [id, inverter()] as const),
  ...[111, 112, 113].map((id) => [id, inverterFloat()] as const),
  [124, charge(8, 22)],
  ...[201, 202, 203, 204].map((id) => [id, meter()] as const),
  ...[211, 212, 213, 214].map((id) => [id, meterFloat()] as const),
  [701, derAc()],
  [713, charge(4, 8)],
  [802, charge(11, 56)],
])

/** Registers of a model's block that hold its points. */
export const registersToRead = (points: readonly SunSpecPoint[]): number =>
  Math.max(
    ...points.map(({ offset, type, scaleOffset = 0 }) =>
      Math.max(offset + POINT_REGISTERS[type], scaleOffset + 1),
    ),
  )

const POINT_REGISTERS: Readonly<Record<PointType, number>> = {
  int16: 1,
  uint16: 1,
  acc32: 2,
  uint64: 4,
  float32: 2,
}
