/** Which form of the page a scraper wants: `Accept` and `Accept-Encoding` with their weights (RFC 9110, section 12.5). */

export type Format = 'text' | 'openMetrics'

export const CONTENT_TYPES: Record<Format, string> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openMetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** Versions of a format that its page is good for; the empty one stands for no version asked. */
const OFFERED: Record<Format, { readonly type: string; readonly versions: readonly string[] }> = {
  text: { type: 'text/plain', versions: ['', '0.0.4'] },
  openMetrics: { type: 'application/openmetrics-text', versions: ['', '1.0.0', '0.0.1'] },
}

/**
 * OpenMetrics when it is named and plain text is not; plain text otherwise, also for those who would accept neither: a
 * page in the wrong form says more than a refusal.
 *
 * A Prometheus prefers OpenMetrics unless told otherwise, but stores its `_created` lines, one for each counter, as
 * series of their own unless it runs with `created-timestamp-zero-ingestion` (docs/decisions/0022-scraping.md). Whoever
 * wants them leaves plain text out, as with `scrape_protocols: [OpenMetricsText1.0.0]`.
 */
export function formatFor(accept: string | undefined): Format {
  const ranges = rangesOf(accept ?? '*/*')
  const openMetrics = wish('openMetrics', ranges)
  const text = wish('text', ranges)
  return isNamed(openMetrics) && !isNamed(text) && openMetrics.weight >= text.weight ? 'openMetrics' : 'text'
}

/** `identity` needs no look: a client that names gzip can take it. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  const ranges = rangesOf(acceptEncoding ?? '')
  const named = ranges.find(({ name }) => name === 'gzip') ?? ranges.find(({ name }) => name === '*')
  return named !== undefined && named.weight > 0
}

interface Range {
  /** Lower case. */
  readonly name: string
  readonly version: string
  /** The parameter q, from 0 to 1. */
  readonly weight: number
}

interface Wish {
  readonly weight: number
  /** 3: type and version, 2: type, 1: `application/*`, 0: anything. */
  readonly precision: number
}

/** Wanted by more than a wildcard for everything. */
const isNamed = ({ weight, precision }: Wish): boolean => weight > 0 && precision > 0

/** The weight of the range that says most about this format. */
function wish(format: Format, ranges: readonly Range[]): Wish {
  return ranges
    .map((range): Wish => ({ weight: range.weight, precision: precisionOf(range, format) }))
    .filter(({ precision }) => precision >= 0)
    .reduce((best, one) => (isBetter(one, best) ? one : best), { weight: 0, precision: -1 })
}

const isBetter = (one: Wish, than: Wish): boolean =>
  one.precision > than.precision || (one.precision === than.precision && one.weight > than.weight)

/** @returns -1 when the range does not include the format */
function precisionOf({ name, version }: Range, format: Format): number {
  const { type, versions } = OFFERED[format]
  if (name === '*/*') return 0
  if (name === `${type.slice(0, type.indexOf('/'))}/*`) return 1
  if (name !== type || !versions.includes(version)) return -1
  return version === '' ? 2 : 3
}

const rangesOf = (header: string): readonly Range[] =>
  header
    .split(',')
    .map(rangeOf)
    .filter(({ name }) => name !== '')

function rangeOf(text: string): Range {
  const [name = '', ...parameters] = text.split(';').map((piece) => piece.trim().toLowerCase())
  const valueOf = (key: string): string | undefined =>
    parameters
      .find((parameter) => parameter.startsWith(`${key}=`))
      ?.slice(key.length + 1)
      .replaceAll('"', '')
  return { name, version: valueOf('version') ?? '', weight: weightOf(valueOf('q')) }
}

/** What is no weight counts as none given. */
function weightOf(text: string | undefined): number {
  return text !== undefined && /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 1
}
