/** What the exporter says about itself: one line per event on standard error, as logfmt or JSON, without secrets. */
import { destination, pino, stdTimeFunctions, type Logger } from 'pino'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export const LOG_FORMATS = ['logfmt', 'json'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

/** What a room needs to say something: fields first, then a sentence. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>

/** Takes whole lines, each with its newline. */
export interface LineSink {
  write(line: string): unknown
}

export interface LogOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Standard error unless given. */
  readonly sink?: LineSink
}

export function createLogger({ level, format, sink = standardError() }: LogOptions): Logger {
  return pino(
    {
      level,
      base: null, // the service manager knows the process and the host
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => void sink.write(formatLine(line, format)) },
  )
}

/** Written at once: the last lines before an end are the ones that matter. */
const standardError = (): LineSink => destination({ fd: 2, sync: true })

/** Names that end so hold secrets at any depth, in bindings and in errors too: `bearerToken`, `proxy-authorization`. */
const SECRET = /(?:passwords?|passphrase|token|secrets?|authorization)$/i

function formatLine(line: string, format: LogFormat): string {
  const fields = JSON.parse(line, (name, value: unknown) =>
    SECRET.test(name) ? '[redacted]' : value,
  ) as object
  switch (format) {
    case 'json':
      return `${JSON.stringify(fields)}\n`
    case 'logfmt':
      return `${pairs({ time: '', ...fields }, '').join(' ')}\n` // the time first
  }
}

/** Nested fields are written with the path to them: `err.message="..."`. */
function pairs(fields: object, prefix: string): string[] {
  return Object.entries(fields).flatMap(([name, value]: [string, unknown]) => {
    const key = `${prefix}${name}`
    return typeof value === 'object' && value !== null
      ? pairs(value, `${key}.`)
      : [`${key.replace(UNFIT_FOR_KEY, '_')}=${valueText(String(value))}`]
  })
}

const UNFIT_FOR_KEY = /[\s="\p{C}]/gu

/** Control characters, and those that reorder what a terminal shows. */
const INVISIBLE = /[\p{C}\u2028\u2029]/gu

/** In quotes unless it is one plain word; no value can end its line or speak to the terminal. */
function valueText(value: string): string {
  if (/^[^\s="\\\p{C}]+$/u.test(value)) return value
  const escaped = JSON.stringify(value).replace(INVISIBLE, (character) =>
    Array.from({ length: character.length }, (_, index) => unicodeEscape(character.charCodeAt(index))).join(
      '',
    ),
  )
  return escaped
}

const unicodeEscape = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`
