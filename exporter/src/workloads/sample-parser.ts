/**
 * The samples of a metrics page in the text format of Prometheus or OpenMetrics, piece by piece as it arrives: only
 * those that are wanted are kept, so that a page of any size needs little memory.
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */

export interface Sample {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  /** As it is written: may be NaN or infinite. */
  readonly value: number
}

export interface SampleLimits {
  /** Longer lines are skipped; characters. */
  readonly longestLine: number
  /** Samples beyond are skipped. */
  readonly mostSamples: number
}

export const SAMPLE_LIMITS: SampleLimits = { longestLine: 16_384, mostSamples: 10_000 }

export class SampleParser {
  readonly samples: Sample[] = []
  /** Lines that are no samples of this format. */
  unreadable = 0
  /** Samples that are wanted and beyond the limit. */
  skipped = 0
  readonly #wanted: ReadonlySet<string>
  readonly #limits: SampleLimits
  readonly #decoder = new TextDecoder()
  #rest = ''
  /** What follows until the end of the line belongs to a line that is too long. */
  #isSkipping = false

  constructor(wanted: ReadonlySet<string>, limits: SampleLimits = SAMPLE_LIMITS) {
    this.#wanted = wanted
    this.#limits = limits
  }

  push(piece: Uint8Array): void {
    this.#take(this.#decoder.decode(piece, { stream: true }))
  }

  /** @returns the samples, in the order of the page */
  end(): readonly Sample[] {
    this.#take(`${this.#decoder.decode()}\n`)
    return this.samples
  }

  #take(text: string): void {
    let begin = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', begin)) {
      const line = this.#rest + text.slice(begin, end)
      if (!this.#isSkipping) this.#readLine(line)
      this.#isSkipping = false
      this.#rest = ''
      begin = end + 1
    }
    if (this.#isSkipping) return
    this.#rest += text.slice(begin)
    if (this.#rest.length <= this.#limits.longestLine) return
    this.#isSkipping = true
    this.#rest = ''
    this.unreadable += 1
  }

  #readLine(line: string): void {
    if (line === '' || line.startsWith('#')) return
    if (line.length > this.#limits.longestLine) {
      this.unreadable += 1
      return
    }
    const name = NAME.exec(line)?.[0]
    if (name === undefined) {
      if (line.trim() !== '') this.unreadable += 1
      return
    }
    if (!this.#wanted.has(name)) return
    const sample = sampleIn(line, name)
    if (sample === undefined) this.unreadable += 1
    else if (this.samples.length >= this.#limits.mostSamples) this.skipped += 1
    else this.samples.push(sample)
  }
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/
const SPACE = /[ \t]*/y
const LABEL = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*/y
const VALUE = /[ \t]*(\S+)/y
const NUMBER = /^[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|inf(?:inity)?|nan)$/i

/** A time stamp or an exemplar behind the value says nothing of it. */
function sampleIn(line: string, name: string): Sample | undefined {
  const labels = new Map<string, string>()
  let at = skip(SPACE, line, name.length)
  if (line[at] === '{') {
    at += 1
    for (;;) {
      const label = match(LABEL, line, at)
      if (label !== undefined) {
        at += label[0].length
        labels.set(label[1] ?? '', unescaped(label[2] ?? ''))
      }
      if (line[at] === ',' && label !== undefined) at += 1
      else break
    }
    at = skip(SPACE, line, at)
    if (line[at] !== '}') return undefined
    at += 1
  } else if (at === name.length) return undefined
  const text = match(VALUE, line, at)?.[1]
  return text !== undefined && NUMBER.test(text) ? { name, labels, value: numberOf(text) } : undefined
}

function match(pattern: RegExp, line: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at
  return pattern.exec(line) ?? undefined
}

const skip = (pattern: RegExp, line: string, at: number): number =>
  at + (match(pattern, line, at)?.[0].length ?? 0)

const unescaped = (text: string): string =>
  text.includes('\\') ? text.replace(/\\(.)/g, (_, one: string) => (one === 'n' ? '\n' : one)) : text

function numberOf(text: string): number {
  const word = text.toLowerCase().replace(/^\+/, '')
  if (word.startsWith('inf')) return Infinity
  if (word.startsWith('-inf')) return -Infinity
  return Number(text)
}
