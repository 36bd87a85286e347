/** Checks of what an earlier run has saved: nothing is taken over from what does not fit. */
import type { WallSpan } from '../model.ts'
import { microjoules, seconds, type Microjoules } from '../units.ts'
import { microjoulesIn } from './exact-energy.ts'

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
  const energy = typeof value === 'string' ? microjoulesIn(value) : undefined
  if (energy === undefined) throw misfit(part, 'decimal joules with six digits')
  return energy
}

/** Microjoules of one reading, or nothing. */
export function readingIn(value: unknown, part: string): Microjoules | undefined {
  if (value === null) return undefined
  if (!Number.isSafeInteger(value) || Number(value) < 0) throw misfit(part, 'whole microjoules')
  return microjoules(Number(value))
}

export function spanIn({ from, to }: Readonly<Record<string, unknown>>, part: string): WallSpan {
  return { from: seconds(numberIn(from, part)), to: seconds(numberIn(to, part)) }
}

export const misfit = (part: string, wanted: string): StateError =>
  new StateError(`the saved ${part} cannot be used: it should be ${wanted}`)
