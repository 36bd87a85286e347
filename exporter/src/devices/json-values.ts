/** Finds numbers in what a device answers in JSON, of which nothing is sure. Pure. */
export type Json = unknown

/**
 * @param path names separated by points, numbers for the places of lists from 0: `emeters.0.power`; `\.` is a point in
 * a name
 * @returns undefined where there is no number; texts that hold one and `true`/`false` count as numbers
 */
export const numberAt = (document: Json, path: string): number | undefined =>
  numberOf(valueAt(document, path))

export function valueAt(document: Json, path: string): Json {
  let value = document
  for (const [name] of path.matchAll(/(?:[^.\\]|\\.)+/g)) {
    const key = name.replaceAll(/\\(.)/g, '$1')
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Readonly<Record<string, Json>>)[key]
  }
  return value
}

export function numberOf(value: Json): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return Number(value)
  if (typeof value === 'string' && /^\s*-?\d+(\.\d+)?([eE][+-]?\d+)?\s*$/.test(value)) return Number(value)
  return undefined
}
