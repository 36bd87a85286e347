/** Looking into what a service has answered: whatever it is, nothing is believed of its shape. */
export type Json = unknown

export function at(value: Json, ...path: readonly (string | number)[]): Json {
  return path.reduce<Json>(
    (inner, step) =>
      typeof inner === 'object' && inner !== null
        ? (inner as Readonly<Record<string, Json>>)[step]
        : undefined,
    value,
  )
}

export const listIn = (value: Json): readonly Json[] => (Array.isArray(value) ? value : [])

export const textIn = (value: Json): string => (typeof value === 'string' ? value : '')

/** Some services write numbers as text. `null` is what they say when they do not know. */
export function numberIn(value: Json): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)) return Number(value)
  return undefined
}

/** A reading: a number, or an excerpt of a sensor such as `{"Reading": 374, "DataSourceUri": …}`. */
export const readingIn = (value: Json): number | undefined =>
  numberIn(value) ?? numberIn(at(value, 'Reading'))

/** The path that a link leads to. */
export const linkIn = (value: Json): string => {
  const path = textIn(at(value, '@odata.id'))
  return path.startsWith('/redfish/') && path.length < 512 ? path.replace(/\/+$/, '') : ''
}

/** Its own name of itself, as in labels. */
export const idIn = (value: Json, path: string): string =>
  (textIn(at(value, 'Id')) || decodeURIComponent(path.split('/').at(-1) ?? '')).slice(0, 64)
