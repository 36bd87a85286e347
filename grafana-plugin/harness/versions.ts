/** The libraries of Grafana that the built panel is tried with, and where each set is installed. */
import { join } from 'node:path'

export const ROOT = join(__dirname, '..')

export interface Version {
  readonly name: string
  readonly folder: string
}

export const VERSIONS: readonly Version[] = [
  { name: '13.2', folder: ROOT },
  { name: '12.4', folder: join(__dirname, 'libraries', '12.4') },
  { name: '11.6', folder: join(__dirname, 'libraries', '11.6') },
]
