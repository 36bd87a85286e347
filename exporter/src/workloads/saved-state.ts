/** Checks of what an earlier run has saved: nothing is taken over from what does not fit. */
import { EnergyTotal } from '../units.ts'

/** A saved state that does not fit. The message is one sentence that names the part. */
export class StateError extends Error {
  override readonly name = 'StateError'
}

export function recordIn(value: unknown, part: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw misfit(part, 'a mapping')
  return value as Record<string, unknown>
}

export function listIn(value: unknown, part: string): readonly unknown[] {
  if (!Array.isArray(value)) throw misfit(part, 'a list')
  return value
}

export function textIn(value: unknown, part: string): string {
  if (typeof value !== 'string') throw misfit(part, 'text')
  return value
}

export function numberIn(value: unknown, part: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw misfit(part, 'a number')
  return value
}

/** Microjoules from decimal joules. */
export function energyIn(value: unknown, part: string): bigint {
  try {
    return EnergyTotal.parse(textIn(value, part)).toBigInt()
  } catch {
    throw misfit(part, 'decimal joules with six digits')
  }
}

export const misfit = (part: string, wanted: string): StateError =>
  new StateError(`the saved ${part} cannot be used: it should be ${wanted}`)
