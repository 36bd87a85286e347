/** The files of the books: a state and its journal are one generation, told by its number. */
import { readdirSync } from 'node:fs'

const FORMAT = 'wattribute-books'
export const VERSION = 1

/** The first line of every file. */
export interface Header {
  readonly format: typeof FORMAT
  readonly version: number
  readonly generation: number
  readonly boot: string
}

export const headerOf = (generation: number, boot: string): Header => ({
  format: FORMAT,
  version: VERSION,
  generation,
  boot,
})

/**
 * `journal`: changes; `behind`: changes, and more was shown than they tell; `next`: a state that was not finished;
 * `aside`: set aside because it could not be used.
 */
export type Kind = 'state' | 'journal' | 'behind' | 'next' | 'aside'

export const nameOf = (generation: number, extension: string): string =>
  `books-${String(generation).padStart(8, '0')}.${extension}`

export function filesIn(folder: string): { name: string; generation: number; kind: Kind }[] {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    return [] // nothing was kept, or it will be said when it is written to
  }
  return names.flatMap((name) => {
    const [, digits, extension, more] = /^books-(\d{8,15})\.(state|journal|behind)(\.\w+)?$/.exec(name) ?? []
    if (digits === undefined) return []
    const kind = more === undefined ? (extension as Kind) : more === '.next' ? 'next' : 'aside'
    return [{ name, generation: Number(digits), kind }]
  })
}

export function isHeader(value: unknown): value is Header {
  if (typeof value !== 'object' || value === null) return false
  const { format, version, generation, boot } = value as Partial<Record<keyof Header, unknown>>
  return (
    format === FORMAT &&
    typeof version === 'number' &&
    typeof generation === 'number' &&
    typeof boot === 'string'
  )
}

export const codeOf = (cause: unknown): string => (cause as NodeJS.ErrnoException).code ?? String(cause)
