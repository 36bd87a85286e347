/** The version of this package, from its package.json. */
import { readFileSync } from 'node:fs'

const { version: own } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  readonly version: string
}

export const version = own
