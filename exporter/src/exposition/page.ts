/**
 * The renderer of the ledger's pages: text format 0.0.4 and OpenMetrics 1.0 in one go, as bytes. What does not
 * change from tick to tick (name and labels of a series) is encoded once and copied after that, because at ten
 * thousand series that costs 25 times less than building strings.
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 * https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md
 */
import type { EnergyTotal, Seconds } from '../units.ts'
import type { Metric } from './catalogue.ts'

/** A label set that is already written: `{a="1",b="2"}`, or nothing. */
export type LabelText = string

export function labelText(names: readonly string[], values: readonly string[]): LabelText {
  if (names.length === 0) return ''
  return `{${names.map((name, index) => `${name}="${escapeLabel(values[index] ?? '')}"`).join(',')}}`
}

const escapeLabel = (value: string): string =>
  /[\\\n"]/.test(value)
    ? value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
    : value

/** A series that stays: its bytes up to the value, and the line that says since when it counts. */
export class SeriesBytes {
  readonly line: Buffer
  /** For counters in OpenMetrics; empty otherwise. */
  readonly created: Buffer

  constructor(metric: Metric, labels: LabelText, createdWall: Seconds | undefined) {
    this.line = Buffer.from(`${metric.name}${labels} `)
    this.created = Buffer.from(createdLine(metric, labels, createdWall))
  }
}

/** Since when a counter counts; only OpenMetrics has it. */
const createdLine = (metric: Metric, labels: LabelText, wall: Seconds | undefined): string =>
  wall === undefined ? '' : `${familyName(metric)}_created${labels} ${wall.toFixed(3)}\n`

/** OpenMetrics names a counter's family without the suffix that its samples carry. */
const familyName = ({ name, type }: Metric): string =>
  type === 'counter' ? name.replace(/_total$/, '') : name

/** The finished bytes of a tick. */
export interface RenderedPage {
  readonly text: Buffer
  /** Without the closing `# EOF`: more families may follow. */
  readonly openMetrics: Buffer
}

/** Room that is left behind a page, so that what follows it needs no copy of the whole. */
export const TAIL_BYTES = 1 << 16

/** Two buffers that grow as they need to and are written anew each tick. */
export class PageWriter {
  #text: Buffer
  #textLength = 0
  #openMetrics: Buffer
  #openMetricsLength = 0
  #families = 0

  /** @param buffers of an earlier page, to be used again */
  constructor(buffers: { text: Buffer; openMetrics: Buffer } = emptyBuffers()) {
    this.#text = buffers.text
    this.#openMetrics = buffers.openMetrics
  }

  /** Opens a family: all that follows until the next belongs to it. */
  family(metric: Metric): void {
    const { name, type, unit, help } = metric
    const family = familyName(metric)
    const separator = this.#families === 0 ? '' : '\n'
    this.#families += 1
    this.#writeText(`${separator}# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`)
    const unitLine = family.endsWith(`_${unit}`) ? `# UNIT ${family} ${unit}\n` : ''
    this.#writeOpenMetrics(
      `# TYPE ${family} ${type}\n${unitLine}# HELP ${family} ${escapeHelp(help).replaceAll('"', '\\"')}\n`,
    )
  }

  /** A family of few series, given as values; nothing is written when there are none. */
  table(metric: Metric, rows: readonly Row[]): void {
    if (rows.length === 0) return
    this.family(metric)
    let text = ''
    let openMetrics = ''
    for (const { labels, value, createdWall } of rows) {
      const set = labelText(metric.labels, labels)
      const line = `${metric.name}${set} ${valueText(value)}\n`
      text += line
      openMetrics += line + createdLine(metric, set, createdWall)
    }
    this.#writeText(text)
    this.#writeOpenMetrics(openMetrics)
  }

  /**
   * A family of histograms; nothing is written when there are none.
   * @param bounds of the buckets, rising, without the infinite one
   */
  histogram(metric: Metric, bounds: readonly number[], rows: readonly HistogramRow[]): void {
    if (rows.length === 0) return
    this.family(metric)
    for (const { labels, upTo, count, sum, createdWall } of rows) {
      const set = labelText(metric.labels, labels)
      const within = set === '' ? '' : `,${set.slice(1, -1)}`
      const buckets = (boundText: (bound: number) => string): string =>
        [
          ...bounds.map((bound, index) => [boundText(bound), upTo[index] ?? 0] as const),
          ['+Inf', count] as const,
        ]
          .map(([bound, requests]) => `${metric.name}_bucket{le="${bound}"${within}} ${requests}\n`)
          .join('')
      const rest = `${metric.name}_sum${set} ${valueText(sum)}\n${metric.name}_count${set} ${count}\n`
      this.#writeText(buckets(String) + rest)
      this.#writeOpenMetrics(
        buckets((bound) => (Number.isInteger(bound) ? `${bound}.0` : String(bound))) +
          rest +
          createdLine(metric, set, createdWall),
      )
    }
  }

  /** A series of the open family that stands at a cumulative energy. */
  energy(series: SeriesBytes, { joules, microjoules }: EnergyTotal): void {
    const { line, created } = series
    this.#reserve(line.length + created.length + LONGEST_VALUE)
    const start = this.#textLength
    const text = this.#text
    text.set(line, start)
    let end = writeWhole(text, start + line.length, joules)
    text[end] = DOT
    end = writeSixDigits(text, end + 1, microjoules)
    text[end] = NEWLINE
    this.#textLength = end + 1
    const openMetrics = this.#openMetrics
    openMetrics.set(text.subarray(start, end + 1), this.#openMetricsLength)
    this.#openMetricsLength += end + 1 - start
    openMetrics.set(created, this.#openMetricsLength)
    this.#openMetricsLength += created.length
  }

  finish(): RenderedPage {
    this.#reserve(TAIL_BYTES)
    return {
      text: this.#text.subarray(0, this.#textLength),
      openMetrics: this.#openMetrics.subarray(0, this.#openMetricsLength),
    }
  }

  #writeText(content: string): void {
    this.#text = withRoom(this.#text, this.#textLength, content.length * 3)
    this.#textLength += this.#text.write(content, this.#textLength)
  }

  #writeOpenMetrics(content: string): void {
    this.#openMetrics = withRoom(this.#openMetrics, this.#openMetricsLength, content.length * 3)
    this.#openMetricsLength += this.#openMetrics.write(content, this.#openMetricsLength)
  }

  #reserve(bytes: number): void {
    this.#text = withRoom(this.#text, this.#textLength, bytes)
    this.#openMetrics = withRoom(this.#openMetrics, this.#openMetricsLength, bytes)
  }
}

export interface Row {
  readonly labels: readonly string[]
  /** Energies keep their six digits. */
  readonly value: number | EnergyTotal
  readonly createdWall?: Seconds
}

export interface HistogramRow {
  readonly labels: readonly string[]
  /** For each bound how many are not above it. */
  readonly upTo: readonly number[]
  readonly count: number
  readonly sum: number | EnergyTotal
  readonly createdWall: Seconds
}

const DOT = 0x2e
const NEWLINE = 0x0a
const ZERO = 0x30
/** Digits of the largest exact number of joules, the dot, six digits, the end of the line. */
const LONGEST_VALUE = 32
const FIRST_SIZE = 1 << 16

const emptyBuffers = (): { text: Buffer; openMetrics: Buffer } => ({
  text: Buffer.allocUnsafeSlow(FIRST_SIZE),
  openMetrics: Buffer.allocUnsafeSlow(FIRST_SIZE),
})

function valueText(value: number | EnergyTotal): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : value.toString()
}

const escapeHelp = (help: string): string => help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')

function withRoom(buffer: Buffer, used: number, wanted: number): Buffer {
  if (used + wanted <= buffer.length) return buffer
  const larger = Buffer.allocUnsafeSlow(Math.max(buffer.length * 2, used + wanted))
  buffer.copy(larger, 0, 0, used)
  return larger
}

function writeWhole(buffer: Buffer, start: number, value: number): number {
  let digits = 1
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits += 1
  let rest = value
  for (let position = start + digits - 1; position >= start; position -= 1) {
    const next = Math.floor(rest / 10)
    buffer[position] = ZERO + (rest - next * 10)
    rest = next
  }
  return start + digits
}

function writeSixDigits(buffer: Buffer, start: number, value: number): number {
  let rest = value
  for (let position = start + 5; position >= start; position -= 1) {
    const next = Math.floor(rest / 10)
    buffer[position] = ZERO + (rest - next * 10)
    rest = next
  }
  return start + 6
}
