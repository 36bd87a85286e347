/** What a SunSpec device is made of and says: blocks of registers behind each other, each with an id and a length. */
import type { DeviceAnswer, MeterFigure } from './device.ts'
import { MOST_REGISTERS, type ModbusConnection } from './modbus-tcp.ts'
import { Figures, UNITS } from './quantity.ts'
import { registersToRead, SUNSPEC_MODELS, type SunSpecPoint } from './sunspec-models.ts'

/** A model that is known here, and where it is. */
export interface FoundModel {
  readonly id: number
  readonly address: number
}

const BASES = [40_000, 0, 50_000]
/** `SunS` */
const MARK = 0x53756e53
const END = 0xffff
/** Of models, and of registers behind the mark: no device has more. */
const MOST_MODELS = 100
const HIGHEST_ADDRESS = 0xffff

/** @returns undefined where no such mark is found */
export async function discover(
  connection: ModbusConnection,
  unit: number,
): Promise<readonly FoundModel[] | undefined> {
  for (const base of BASES) {
    const mark = await connection.read(unit, 'holding', base, 2)
    if (mark?.readUInt32BE() === MARK) return await walk(connection, unit, base + 2)
  }
  return undefined
}

async function walk(connection: ModbusConnection, unit: number, first: number): Promise<FoundModel[]> {
  const found: FoundModel[] = []
  let address = first
  for (let count = 0; count < MOST_MODELS && address < HIGHEST_ADDRESS; count += 1) {
    const head = await connection.read(unit, 'holding', address, 2)
    if (head === undefined) break
    const [id, length] = [head.readUInt16BE(0), head.readUInt16BE(2)]
    if (id === END) break
    const points = SUNSPEC_MODELS.get(id)
    if (points !== undefined && registersToRead(points) <= length + 2) found.push({ id, address })
    address += 2 + length
  }
  return found
}

/** @returns undefined where a model is no longer where it was */
export async function readModels(
  connection: ModbusConnection,
  unit: number,
  models: readonly FoundModel[],
): Promise<DeviceAnswer | undefined> {
  const figures = new Figures()
  const wraps = new Map<string, number>()
  const seen = new Map<string, number>()
  for (const { id, address } of models) {
    const points = SUNSPEC_MODELS.get(id) ?? []
    const block = await readBlock(connection, unit, address, registersToRead(points))
    if (block?.readUInt16BE(0) !== id) return undefined
    const kind = points[0]?.id ?? ''
    const number = (seen.get(kind) ?? 0) + 1
    seen.set(kind, number)
    for (const point of points) {
      const named = number === 1 ? point.id : `${point.id}-${number}`
      const scale = scaleIn(block, point)
      const raw = rawIn(block, point)
      if (raw === undefined || scale === undefined) continue
      const own = point.quantity === 'power' ? Math.max(0, point.isReversed ? -raw : raw) : raw
      figures.add({ id: named, quantity: point.quantity, unit: point.unit, scale }, own)
      if (point.type === 'acc32') wraps.set(named, 2 ** 32 * scale * UNITS[point.unit].factor)
    }
  }
  const { meters, gauges } = figures.answer
  return { meters: meters.map((meter) => wrapping(meter, wraps.get(meter.id))), gauges }
}

const wrapping = (meter: MeterFigure, wrapsAtJoules: number | undefined): MeterFigure =>
  wrapsAtJoules === undefined ? meter : { ...meter, wrapsAtJoules }

async function readBlock(
  connection: ModbusConnection,
  unit: number,
  address: number,
  count: number,
): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  for (let start = 0; start < count; start += MOST_REGISTERS) {
    const piece = await connection.read(
      unit,
      'holding',
      address + start,
      Math.min(MOST_REGISTERS, count - start),
    )
    if (piece === undefined) return undefined
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** @returns undefined where the device does not have the point */
function rawIn(block: Buffer, { offset, type }: SunSpecPoint): number | undefined {
  const at = 2 * offset
  switch (type) {
    case 'int16':
      return block.readUInt16BE(at) === 0x8000 ? undefined : block.readInt16BE(at)
    case 'uint16':
      return block.readUInt16BE(at) === 0xffff ? undefined : block.readUInt16BE(at)
    case 'acc32':
      return block.readUInt32BE(at) === 0 ? undefined : block.readUInt32BE(at)
    case 'uint64': {
      const value = block.readBigUInt64BE(at)
      return value === 0xffff_ffff_ffff_ffffn || value === 0n ? undefined : Number(value)
    }
    case 'float32': {
      const value = block.readFloatBE(at)
      return Number.isFinite(value) ? value : undefined
    }
  }
}

/** Powers of ten from -10 to 10. */
function scaleIn(block: Buffer, { scaleOffset }: SunSpecPoint): number | undefined {
  if (scaleOffset === undefined) return 1
  const exponent = block.readInt16BE(2 * scaleOffset)
  return Math.abs(exponent) <= 10 ? 10 ** exponent : undefined
}
