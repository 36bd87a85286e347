/** From the numbers in the columns of an SNMP device to what they mean. Pure. */
import type { Figures } from './quantity.ts'
import type { SnmpColumn, SnmpPreset } from './snmp-presets.ts'

/** By index of the row, such as `1.4`. */
export type Rows = ReadonlyMap<string, number>
/** By OID of the column. */
export type Columns = ReadonlyMap<string, Rows>

const NO_ROWS: Rows = new Map()

export function addPreset(figures: Figures, { columns }: SnmpPreset, read: Columns): void {
  for (const column of columns) {
    const rows = rowsOf(column, read)
    if (column.isSum === true) {
      if (rows.length > 0)
        figures.add(
          column,
          rows.reduce((sum, { value }) => sum + value, 0),
        )
      continue
    }
    for (const { index, value } of rows) figures.add({ ...column, id: nameOf(column.id, index) }, value)
  }
}

interface Row {
  /** Empty where there can only be one. */
  readonly index: string
  readonly value: number
}

function rowsOf(column: SnmpColumn, read: Columns): Row[] {
  const { oid, endsWith, where = [], digits, prefix, nothing = [], meaning } = column
  return Array.from(read.get(oid) ?? NO_ROWS).flatMap(([index, raw]): Row[] => {
    const isRight = where.every((one) => one.is.includes(read.get(one.oid)?.get(index) ?? NaN))
    if (nothing.includes(raw) || !isRight) return []
    const name = nameIn(index, endsWith)
    const exponent = exponentOf(index, { digits, prefix }, read)
    const value = meaning === undefined ? raw * 10 ** exponent : meaning[raw]
    return name === undefined || value === undefined || !Number.isFinite(value)
      ? []
      : [{ index: name, value }]
  })
}

/** A scalar has the index 0. */
function nameIn(index: string, endsWith: number | undefined): string | undefined {
  if (endsWith === undefined) return index === '0' ? '' : index
  return index.endsWith(`.${endsWith}`) ? index.slice(0, -`.${endsWith}`.length) : undefined
}

const UNITS_PREFIX = 9

/** @returns NaN where a column that is needed does not have the row */
function exponentOf(
  index: string,
  { digits, prefix }: { readonly digits: string | undefined; readonly prefix: string | undefined },
  read: Columns,
): number {
  const moved = digits === undefined ? 0 : (read.get(digits)?.get(index) ?? NaN)
  const prefixed = prefix === undefined ? 0 : ((read.get(prefix)?.get(index) ?? NaN) - UNITS_PREFIX) * 3
  return prefixed - moved
}

const nameOf = (id: string, index: string): string =>
  index === '' ? id : `${id}-${index.replaceAll('.', '-')}`
