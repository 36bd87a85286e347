/** The flags of `wattribute report`. */
import { BOUNDARIES, type Boundary } from '../model.ts'
import { COLUMNS, DEFAULT_COLUMNS, FORMATS, WIDEST, type Column, type Format } from '../report/options.ts'
import { isTimeZone, whyNoTimeZone } from './time-zone.ts'
import { oneOf, UsageError, type Setting } from './usage-error.ts'

export const REPORT_FLAGS = [
  {
    name: 'period',
    value: 'PERIOD',
    default: '',
    sentence:
      'What time it is about: 2026, 2026-10, 2026-W41, 2026-10-03 or 2026-10-01..2026-10-15, the last day included.',
    only: 'report',
  },
  {
    name: 'format',
    value: 'FORMAT',
    default: 'table',
    sentence: `Form of the report: ${FORMATS.join(', ')}.`,
    only: 'report',
  },
  {
    name: 'time-zone',
    value: 'ZONE',
    default: '',
    sentence: 'IANA time zone of the period; without it, that of the configuration, else of the machine.',
    only: 'report',
  },
  {
    name: 'by',
    value: 'COLUMNS',
    default: DEFAULT_COLUMNS,
    sentence: `What lines are told apart by, with commas between: ${COLUMNS.join(', ')}.`,
    only: 'report',
  },
  {
    name: 'boundary',
    value: 'BOUNDARY',
    default: WIDEST,
    sentence: `How much of the world counts: ${BOUNDARIES.join(', ')}, each with those before it.`,
    only: 'report',
  },
  {
    name: 'prometheus.url',
    value: 'URL',
    default: '',
    sentence:
      'A Prometheus that scrapes the exporters, to be asked instead of the history in --storage.path.',
    only: 'report',
  },
  {
    name: 'prometheus.bearer-token-file',
    value: 'FILE',
    default: '',
    sentence: 'File that holds the bearer token which that Prometheus wants.',
    only: 'report',
  },
] as const

type ReportFlagName = (typeof REPORT_FLAGS)[number]['name']

export interface ReportFlags {
  /** Not yet checked: it takes a calendar. */
  readonly period: string
  readonly format: Format
  /** IANA name. */
  readonly timeZone: string | undefined
  readonly by: readonly Column[]
  readonly boundary: Boundary
  /** Without user, password, query and fragment. */
  readonly prometheusUrl: URL | undefined
  readonly bearerTokenFile: string | undefined
}

/** @throws UsageError */
export function reportFlagsOf(valueOf: (name: ReportFlagName) => Setting): ReportFlags {
  return {
    period: periodTextOf(valueOf('period')),
    format: oneOf(FORMATS, valueOf('format')),
    timeZone: timeZoneOf(valueOf('time-zone')),
    by: columnsOf(valueOf('by')),
    boundary: oneOf(BOUNDARIES, valueOf('boundary')),
    prometheusUrl: urlOf(valueOf('prometheus.url')),
    bearerTokenFile: valueOf('prometheus.bearer-token-file').text || undefined,
  }
}

function periodTextOf({ text }: Setting): string {
  if (text === '') throw new UsageError('report needs a period, such as --period=2026-10')
  return text
}

function timeZoneOf({ text, from }: Setting): string | undefined {
  if (text === '') return undefined
  if (!isTimeZone(text)) throw new UsageError(`${from}: ${text} ${whyNoTimeZone(text)}`)
  return text
}

function columnsOf({ text, from }: Setting): readonly Column[] {
  const columns = text.split(',').map((word) => oneOf(COLUMNS, { text: word.trim(), from }))
  if (new Set(columns).size < columns.length) throw new UsageError(`${from}: ${text} names a column twice`)
  return columns
}

/** Secrets do not belong on a command line, which every user of the machine can read. */
function urlOf({ text, from }: Setting): URL | undefined {
  if (text === '') return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new UsageError(`${from}: not an address such as http://localhost:9090`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new UsageError(`${from}: no user or password in an address: use --prometheus.bearer-token-file`)
  }
  if (url.search !== '' || url.hash !== '') {
    throw new UsageError(`${from}: an address ends before ? and #`)
  }
  return url
}
