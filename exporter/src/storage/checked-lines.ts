/**
 * Text files of one JSON value a line, each behind its CRC-32 (zlib's, in eight hex digits), so that a line that was
 * torn by a power loss or spoilt by a disk is told from a good one.
 */
import { crc32 } from 'node:zlib'

export const checkedLine = (value: unknown): string => {
  const text = JSON.stringify(value)
  return `${checksum(text)} ${text}\n`
}

export interface CheckedLines {
  /** Up to the first line that is not good. */
  readonly values: readonly unknown[]
  /** `torn`: the last line has no end, as when its writing was cut short; `spoilt`: a line does not check. */
  readonly ending: 'whole' | 'torn' | 'spoilt'
}

export function readCheckedLines(text: string): CheckedLines {
  const lines = text.split('\n')
  const rest = lines.pop() ?? ''
  const values: unknown[] = []
  for (const line of lines) {
    const value = valueIn(line)
    if (value === undefined) return { values, ending: 'spoilt' }
    values.push(value.json)
  }
  return { values, ending: rest === '' ? 'whole' : 'torn' }
}

function valueIn(line: string): { readonly json: unknown } | undefined {
  const text = line.slice(9)
  if (line[8] !== ' ' || line.slice(0, 8) !== checksum(text)) return undefined
  try {
    return { json: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0')
