/** Keys of devices whose numbers people describe, and of what people know of a supply. */
import { z } from 'zod'
import {
  fits,
  QUANTITIES,
  quantityOf,
  UNIT_NAMES,
  UNITS,
  type Mapping,
  type Quantity,
  type UnitName,
} from '../devices/quantity.ts'

export const words = (): z.ZodString => z.string().min(1, 'must not be empty')

export const host = (): z.ZodString => z.string().regex(/^[\w.:-]+$/, 'must be a host name or address')

export const port = (usual: number, kind: 'TCP' | 'UDP') =>
  z
    .int()
    .min(1, 'must be from 1 to 65535')
    .max(65_535, 'must be from 1 to 65535')
    .default(usual)
    .describe(`${kind} port.`)

export const mappingKeys = {
  name: z
    .string()
    .regex(/^[\w .:/-]{1,64}$/, 'must be at most 64 letters, digits, spaces or . _ : / -')
    .describe(
      'What it is called among the figures of the device. Power and energy of one name are of one meter; the first is the main one.',
    ),
  unit: z
    .enum(UNIT_NAMES as [UnitName, ...UnitName[]])
    .describe('Unit of the number after `scale`; `C` and `F` are degrees, `uJ` microjoules.'),
  quantity: z
    .enum(QUANTITIES)
    .optional()
    .describe('What it is. Without it, power or energy, as the unit says.'),
  scale: z
    .number()
    .default(1)
    .describe('What the number is multiplied by; `-1` where the device counts the other way round.'),
}

interface MappingContent {
  readonly name: string
  readonly unit: UnitName
  readonly quantity?: Quantity | undefined
  readonly scale: number
}

/** For each item of a list of numbers. */
export function checkMapping(value: MappingContent, context: z.core.$RefinementCtx): void {
  const { unit, quantity } = value
  if (!(unit in UNITS)) return // is complained of already
  const complain = (key: string, message: string): void =>
    context.addIssue({ code: 'custom', input: value, path: [key], message })
  if (quantity === undefined && quantityOf(unit) === undefined)
    complain('quantity', `is missing: ${unit} alone does not say what it is`)
  if (quantity !== undefined && !fits(quantity, unit)) complain('unit', `is no unit of ${quantity}`)
}

export const mappingOf = ({ name, unit, quantity, scale }: MappingContent): Mapping => ({
  id: name,
  unit,
  quantity: quantity ?? quantityOf(unit) ?? 'power',
  scale,
})

const above = (): z.ZodNumber => z.number().gt(0, 'must be above 0')

export const supplyKeys = {
  capacity_watt_hours: above()
    .optional()
    .describe(
      'Energy of its full battery that may be used. Where it says its charge and not how long it lasts, that is capacity × charge ÷ load.',
    ),
  limit_watts: above()
    .optional()
    .describe('The most power that it can give, for `wattribute_ups_load_ratio` where it does not say that.'),
  load_figure: z
    .string()
    .default('')
    .describe('Which of its meters is the load, for both. Without it, its main meter.'),
}

export interface SupplyConfig {
  readonly capacityWattHours?: number
  readonly limitWatts?: number
  readonly loadFigure: string
}

export const supplyOf = (content: {
  readonly capacity_watt_hours?: number | undefined
  readonly limit_watts?: number | undefined
  readonly load_figure: string
}): SupplyConfig => ({
  ...(content.capacity_watt_hours !== undefined && { capacityWattHours: content.capacity_watt_hours }),
  ...(content.limit_watts !== undefined && { limitWatts: content.limit_watts }),
  loadFigure: content.load_figure,
})
