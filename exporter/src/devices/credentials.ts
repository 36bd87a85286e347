/** Passwords of devices: read when they are needed, from a file or the environment, and handed to nobody else. */
import { readFile } from 'node:fs/promises'
import { DeviceError } from './device.ts'

export interface Credentials {
  readonly username: string
  /** Empty: it is in the environment, or there is none. */
  readonly passwordFile: string
  /** Name of an environment variable. */
  readonly passwordEnv: string
}

/** @throws DeviceError that names the place, never what it holds */
export async function passwordOf({ passwordFile, passwordEnv }: Credentials): Promise<string> {
  if (passwordFile !== '') {
    try {
      return (await readFile(passwordFile, 'utf8')).replace(/\r?\n$/, '')
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? 'unreadable'
      throw new DeviceError(
        `the password file ${passwordFile} cannot be read (${code})`,
        'let the user of the exporter read it, and nobody else',
      )
    }
  }
  if (passwordEnv === '') return ''
  const password = process.env[passwordEnv]
  if (password === undefined) {
    throw new DeviceError(
      `the environment variable ${passwordEnv} is not set`,
      'set it where the exporter is started, or use `password_file`',
    )
  }
  return password
}

const LONGEST_QUOTE = 160

/** What a device or program said, fit for a page: one line, short, without the password. */
export function quoted(text: string, secret: string): string {
  const clean = secret === '' ? text : text.replaceAll(secret, '…')
  return clean
    .replace(/[^\x20-\x7e…]+/g, ' ')
    .trim()
    .slice(0, LONGEST_QUOTE)
}
