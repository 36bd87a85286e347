/**
 * The grammar of marks: one line of text each, the same over the Unix socket, over HTTP and in job files.
 * `docs/guides/phases.md` explains it to users.
 *
 *   phase=NAME              from now on in this phase, in place of all that were open
 *   begin=NAME              into a phase inside the present one
 *   end | end=NAME          out of the innermost phase | out of this one and all inside it
 *   phase=NAME dur=SECONDS [n=COUNT]   a report: so much time went into it since the report before
 *   step | step=COUNT, samples=COUNT   what was done in the phase
 *   run=start               a new run begins
 *   refresh                 nothing has changed
 *   queries=COUNT input_tokens=COUNT cached_input_tokens=COUNT output_tokens=COUNT model=NAME
 *   sync                    asks for an answer: `ok` once all lines before are taken
 *
 * and with any of them: pid=NUMBER, scope=process, t=UNIX_SECONDS, lease=SECONDS.
 */
import { seconds, type Seconds } from '../units.ts'
import type { Mark, PhaseChange, PhaseReport, QueryCountsLine } from './marks.ts'
import { phaseName } from './phase-names.ts'

/** In bytes, without the newline. */
export const LONGEST_LINE = 1024

export interface MarkLine {
  /** Whom the sender speaks for, as it numbers processes itself; undefined: itself. */
  readonly pid: number | undefined
  /** When it happened, by the sender's own clock, in Unix time. */
  readonly clientWall: Seconds | undefined
  readonly mark: Mark | undefined
  readonly counts: QueryCountsLine | undefined
  readonly wantsAnswer: boolean
}

/** Why a line cannot be taken. The message is one sentence for its sender. */
export class LineError extends Error {
  override readonly name = 'LineError'
}

const WITH_VALUE = [
  'phase',
  'begin',
  'end',
  'dur',
  'n',
  'step',
  'samples',
  'run',
  'pid',
  'scope',
  't',
  'lease',
  'queries',
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'model',
] as const
type Key = (typeof WITH_VALUE)[number]

/** Words that may stand alone. */
const ALONE = ['end', 'step', 'refresh', 'sync'] as const
type Word = (typeof ALONE)[number]

interface Words {
  readonly values: ReadonlyMap<Key, string>
  readonly alone: ReadonlySet<Word>
}

/** What a line about queries consists of. */
const COUNT_KEYS: readonly Key[] = [
  'queries',
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'model',
]
/** What a line about phases consists of. */
const MARK_KEYS: readonly Key[] = [
  'phase',
  'begin',
  'end',
  'dur',
  'n',
  'step',
  'samples',
  'run',
  'scope',
  'lease',
]

/**
 * @returns undefined for a line that is empty or a comment
 * @throws LineError
 */
export function parseMarkLine(line: string): MarkLine | undefined {
  const text = line.trim()
  if (text === '' || text.startsWith('#')) return undefined
  if (text.length > LONGEST_LINE) throw new LineError(`a line may have ${LONGEST_LINE} bytes`)
  const words = wordsOf(text)
  const { values, alone } = words
  const isAbout = (keys: readonly Key[]): boolean => keys.some((key) => values.has(key))
  const isMark = isAbout(MARK_KEYS) || alone.has('end') || alone.has('step') || alone.has('refresh')
  const isCounts = isAbout(COUNT_KEYS)
  if (isMark && isCounts) throw new LineError('counts of queries need a line of their own')
  if (!isMark && !isCounts && !alone.has('sync')) throw new LineError('the line says nothing to be counted')
  return {
    pid: wholeIn(words, 'pid', 1, 4_194_304),
    clientWall: secondsIn(words, 't', 1e11),
    mark: isMark ? markOf(words) : undefined,
    counts: isCounts ? countsOf(words) : undefined,
    wantsAnswer: alone.has('sync'),
  }
}

function wordsOf(text: string): Words {
  const values = new Map<Key, string>()
  const alone = new Set<Word>()
  for (const word of text.split(/[ \t]+/)) {
    const sign = word.indexOf('=')
    const name = sign < 0 ? word : word.slice(0, sign)
    const key = WITH_VALUE.find((one) => one === name)
    const plain = ALONE.find((one) => one === name)
    const isTwice = (key !== undefined && values.has(key)) || (plain !== undefined && alone.has(plain))
    if (isTwice) throw new LineError(`${name} stands twice on the line`)
    if (sign < 0 && plain !== undefined) alone.add(plain)
    else if (sign >= 0 && key !== undefined) values.set(key, word.slice(sign + 1))
    else if (key !== undefined) throw new LineError(`${name} needs a value, such as ${name}=${EXAMPLES[key]}`)
    else if (plain !== undefined) throw new LineError(`${name} takes no value`)
    else throw new LineError(`${quoted(name)} is not known here`)
  }
  return { values, alone }
}

const EXAMPLES: Readonly<Record<Key, string>> = {
  phase: 'train',
  begin: 'eval',
  end: 'eval',
  dur: '0.041',
  n: '1',
  step: '1',
  samples: '32',
  run: 'start',
  pid: '4711',
  scope: 'process',
  t: '1790000000.25',
  lease: '3600',
  queries: '1',
  input_tokens: '120',
  cached_input_tokens: '0',
  output_tokens: '400',
  model: 'llama-3.1-8b',
}

/** The longest that a mark may be trusted without another line: a day. */
const LONGEST_LEASE = 86_400
const MOST_STEPS = 1e9
const MOST_SAMPLES = 1e12
/** A report covers what was done since the one before, which is seconds; a day is certainly a mistake of units. */
const LONGEST_REPORT = 86_400

function markOf(words: Words): Mark {
  const { values, alone } = words
  const report = reportOf(words)
  const run = values.get('run')
  if (run !== undefined && run !== 'start') throw new LineError('run= can only be start')
  const repeated = wholeIn(words, 'n', 0, MOST_STEPS)
  const stepped = alone.has('step') ? 1 : wholeIn(words, 'step', 0, MOST_STEPS)
  if (repeated !== undefined && report === undefined) throw new LineError('n= belongs to a report with dur=')
  if (repeated !== undefined && stepped !== undefined) throw new LineError('n= and step say the same')
  if (alone.has('step') && values.has('step')) throw new LineError('step stands twice on the line')
  const scope = values.get('scope')
  if (scope !== undefined && scope !== 'process' && scope !== 'workload') {
    throw new LineError('scope= is process or workload')
  }
  return {
    change: report === undefined ? changeOf(words) : undefined,
    report,
    steps: repeated ?? stepped ?? (report === undefined ? 0 : 1),
    samples: wholeIn(words, 'samples', 0, MOST_SAMPLES) ?? 0,
    isRunStart: run === 'start',
    isForProcessOnly: scope === 'process',
    lease: secondsIn(words, 'lease', LONGEST_LEASE),
  }
}

function reportOf(words: Words): PhaseReport | undefined {
  const duration = secondsIn(words, 'dur', LONGEST_REPORT)
  if (duration === undefined) return undefined
  const phase = phaseIn(words, 'phase')
  if (phase === undefined) throw new LineError('dur= needs the phase that it took, as phase=train/forward')
  if (changesIn(words).length > 1) throw new LineError('a report stands on a line of its own')
  return { phase, duration }
}

const changesIn = ({ values, alone }: Words): readonly string[] => [
  ...(['phase', 'begin', 'end'] as const).filter((key) => values.has(key)),
  ...(alone.has('end') ? ['end'] : []),
]

function changeOf(words: Words): PhaseChange | undefined {
  const [first, second] = changesIn(words)
  if (second !== undefined) throw new LineError(`${first} and ${second} need lines of their own`)
  const set = phaseIn(words, 'phase')
  if (set !== undefined) return { kind: 'set', phase: set }
  const begun = phaseIn(words, 'begin')
  if (begun !== undefined) return { kind: 'begin', phase: begun }
  return first === 'end' ? { kind: 'end', phase: phaseIn(words, 'end') } : undefined
}

function phaseIn({ values }: Words, key: Key): string | undefined {
  const text = values.get(key)
  if (text === undefined) return undefined
  const phase = phaseName(text)
  if (phase === undefined) {
    throw new LineError(
      `${key}=${quoted(text)} is no name of a phase: up to three parts of a-z, 0-9, _ . - with / between them, each of at most 40 characters`,
    )
  }
  return phase
}

const MOST_QUERIES = 1e9
const MOST_TOKENS = 1e12
/** A name as servers give it; it is normalised where it becomes a label. */
const MODEL = /^[\x21-\x7e]{1,128}$/

function countsOf(words: Words): QueryCountsLine {
  const model = words.values.get('model') ?? ''
  if (words.values.has('model') && !MODEL.test(model)) {
    throw new LineError('model= is a name of at most 128 printable ASCII characters')
  }
  const inputTokens = wholeIn(words, 'input_tokens', 0, MOST_TOKENS) ?? 0
  const cachedInputTokens = wholeIn(words, 'cached_input_tokens', 0, MOST_TOKENS) ?? 0
  if (cachedInputTokens > inputTokens) {
    throw new LineError('cached_input_tokens= is a part of input_tokens= and cannot be more')
  }
  return {
    model,
    queries: wholeIn(words, 'queries', 0, MOST_QUERIES) ?? 0,
    inputTokens,
    cachedInputTokens,
    outputTokens: wholeIn(words, 'output_tokens', 0, MOST_TOKENS) ?? 0,
  }
}

function wholeIn({ values }: Words, key: Key, least: number, most: number): number | undefined {
  const text = values.get(key)
  if (text === undefined) return undefined
  const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN
  if (!(number >= least && number <= most)) {
    throw new LineError(`${key}=${quoted(text)} is not a whole number from ${least} to ${most}`)
  }
  return number
}

function secondsIn({ values }: Words, key: Key, most: number): Seconds | undefined {
  const text = values.get(key)
  if (text === undefined) return undefined
  const number = /^\d{1,12}(?:\.\d{0,12})?(?:[eE]-?\d{1,2})?$/.test(text) ? Number(text) : NaN
  if (!(number >= 0 && number <= most)) {
    throw new LineError(`${key}=${quoted(text)} is not a number of seconds from 0 to ${most}`)
  }
  return seconds(number)
}

/** What a sender wrote, short and harmless. */
const quoted = (text: string): string => text.slice(0, 40).replace(/[^\x21-\x7e]/g, '?')
