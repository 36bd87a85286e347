/** Reads what a daemon answers, of which nothing is sure: what is not there, or not of the kind, is empty. */
export type Json = unknown

const entriesOf = (value: Json): readonly (readonly [string, Json])[] =>
  typeof value === 'object' && value !== null ? Object.entries(value) : []

export function at(value: Json, ...path: readonly string[]): Json {
  return path.reduce<Json>((inner, name) => entriesOf(inner).find(([key]) => key === name)?.[1], value)
}

export function textAt(value: Json, ...path: readonly string[]): string {
  const found = at(value, ...path)
  return typeof found === 'string' ? found : ''
}

export function listAt(value: Json, ...path: readonly string[]): readonly Json[] {
  const found = at(value, ...path)
  return Array.isArray(found) ? found : []
}

export function textsAt(value: Json, ...path: readonly string[]): Readonly<Record<string, string>> {
  const texts = entriesOf(at(value, ...path)).filter((entry): entry is readonly [string, string] => {
    return typeof entry[1] === 'string'
  })
  return Object.fromEntries(texts)
}
