/**
 * Keeps what must survive the exporter: a state now and then, and the changes of every tick in between, written
 * before their page is shown. A state and its journal are one generation, `books-00000012.state` and
 * `books-00000012.journal`; the one before is kept, in case a file turns out to be unreadable.
 *
 * The journal of a generation is opened before its state is written, so that at every instant some state and the
 * journals after it hold everything. What cannot be written is said, and marked: the extension `behind` says that more
 * was shown than the journal knows of.
 */
import {
  closeSync,
  fsync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { checkedLine, readCheckedLines, type CheckedLines } from './checked-lines.ts'

/** Says in one sentence what went wrong, for the log. */
export type Complain = (sentence: string, file: string) => void

export interface JournalOptions {
  readonly folder: string
  /** The kernel's boot id: figures of another boot are never shown again as if they went on. */
  readonly boot: string
  readonly complain: Complain
}

/** What an earlier run has left. */
export interface Found {
  readonly state: unknown
  /** Of every tick after the state, in order. */
  readonly changes: readonly unknown[]
  /** Whether these are the newest figures that were shown in this boot, so that they can go on from there. */
  readonly isCurrent: boolean
}

const FORMAT = 'wattribute-books'
export const VERSION = 1

/** A journal is closed with a new state when it has become this long, … */
const LONGEST_BYTES = 4 << 20
/** … or this old; after a failure it is tried again sooner. In seconds. */
const OLDEST = 900
const RETRY = 10
const SYNC_EVERY = 10

interface Header {
  readonly format: string
  readonly version: number
  readonly generation: number
  readonly boot: string
}

export class Journal {
  /** What was there when it was opened. */
  readonly found: Found | undefined
  readonly #options: JournalOptions
  #generation: number
  /** The newest journal that is there and not marked. */
  #newest: string | undefined
  /** Undefined while nothing can be written. */
  #descriptor: number | undefined
  #bytes = 0
  /** Seconds on the clock of the callers. */
  #begunAt = -Infinity
  #syncedAt = -Infinity
  #isSyncing = false
  #isWriting = false
  /** More was shown than can be read back. */
  #isBehind = false
  #complaint = ''

  constructor(options: JournalOptions) {
    this.#options = options
    const { found, highest, newest } = new Reading(options).read()
    this.#generation = highest
    this.#newest = newest
    this.#openNext()
    // What cannot be written now may have been shown and not written before.
    this.found = found && { ...found, isCurrent: found.isCurrent && !this.#isBehind }
  }

  /** Takes the changes of a tick down; they survive the end of this process as soon as this returns. */
  append(changes: unknown): void {
    if (this.#descriptor === undefined) return
    try {
      this.#bytes += writeAll(this.#descriptor, checkedLine(changes))
    } catch (cause) {
      this.#complain('the books cannot be kept', this.#path('journal'), cause)
      this.#fallBehind()
    }
  }

  /** Whether it is time to begin a new generation. */
  isDue(at: number): boolean {
    if (this.#isWriting) return false
    const age = at - this.#begunAt
    return age >= OLDEST || (age >= RETRY && (this.#isBehind || this.#bytes >= LONGEST_BYTES))
  }

  /** Begins a new generation while ticks go on; `state` holds all changes so far. */
  async begin(state: unknown, at: number): Promise<void> {
    this.#begunAt = at
    if (!this.#openNext()) return
    const generation = this.#generation
    const file = this.#path('state')
    const text = this.#stateText(state)
    this.#isWriting = true
    try {
      const next = await open(`${file}.next`, 'w')
      try {
        await next.writeFile(text)
        await next.sync()
      } finally {
        await next.close()
      }
      await rename(`${file}.next`, file)
      this.#hasSettled(generation)
    } catch (cause) {
      this.#complain('the books cannot be kept', file, cause)
    } finally {
      this.#isWriting = false
    }
  }

  /** The same for the first and the last state of a run, which nothing may overtake. */
  beginAtOnce(state: unknown, at: number): void {
    this.#begunAt = at
    const isFresh = this.#descriptor !== undefined && this.#bytes === 0 && !this.#isWriting
    if (!isFresh) {
      this.#closeAtOnce()
      if (!this.#openNext()) return
    }
    const file = this.#path('state')
    try {
      const next = openSync(`${file}.next`, 'w')
      try {
        writeAll(next, this.#stateText(state))
        fsyncSync(next)
      } finally {
        closeSync(next)
      }
      renameSync(`${file}.next`, file)
      this.#hasSettled(this.#generation)
    } catch (cause) {
      this.#complain('the books cannot be kept', file, cause)
    }
  }

  /** Brings the journal to the disk now and then, so that a power loss costs seconds, not more. */
  sync(at: number): void {
    const descriptor = this.#descriptor
    if (descriptor === undefined || this.#isSyncing || at - this.#syncedAt < SYNC_EVERY) return
    this.#syncedAt = at
    this.#isSyncing = true
    fsync(descriptor, (cause) => {
      this.#isSyncing = false
      if (cause !== null && cause.code !== 'EBADF') {
        this.#complain('the books cannot be brought to the disk', this.#path('journal'), cause)
      }
    })
  }

  /** @param state of all that was booked */
  close(state: unknown, at: number): void {
    this.beginAtOnce(state, at)
    this.#closeAtOnce()
  }

  /** @returns whether the journal of the next generation is open; the one before is closed in any case */
  #openNext(): boolean {
    this.#closeJournal()
    this.#generation += 1
    const file = this.#path('journal')
    try {
      mkdirSync(this.#options.folder, { recursive: true })
      this.#descriptor = openSync(file, 'wx')
      this.#newest = file
      writeAll(this.#descriptor, checkedLine(this.#header()))
      this.#bytes = 0
      return true
    } catch (cause) {
      this.#complain('the books cannot be kept', file, cause)
      this.#fallBehind()
      return false
    }
  }

  #header(): Header {
    const { boot } = this.#options
    return { format: FORMAT, version: VERSION, generation: this.#generation, boot }
  }

  #stateText(state: unknown): string {
    return checkedLine(this.#header()) + checkedLine(state)
  }

  #hasSettled(generation: number): void {
    if (this.#descriptor !== undefined && this.#complaint !== '') {
      this.#complaint = ''
      this.#options.complain('the books are kept again', this.#path('state'))
    }
    this.#isBehind = this.#descriptor === undefined
    for (const { name, generation: other, kind } of filesIn(this.#options.folder)) {
      if (other >= generation - 1 || kind === 'aside') continue
      try {
        rmSync(join(this.#options.folder, name), { force: true })
      } catch (cause) {
        this.#complain('older books cannot be removed', join(this.#options.folder, name), cause)
      }
    }
  }

  /** From now on pages show more than the journal holds; the next run must know. */
  #fallBehind(): void {
    this.#isBehind = true
    this.#closeJournal()
    const newest = this.#newest
    if (newest === undefined) return
    try {
      renameSync(newest, newest.replace(/journal$/, 'behind'))
      this.#newest = undefined
    } catch (cause) {
      this.#complain('the books cannot be marked as incomplete', newest, cause)
    }
  }

  #closeJournal(): void {
    const descriptor = this.#descriptor
    this.#descriptor = undefined
    if (descriptor === undefined) return
    fsync(descriptor, () => closeSync(descriptor))
  }

  #closeAtOnce(): void {
    const descriptor = this.#descriptor
    this.#descriptor = undefined
    if (descriptor !== undefined) closeSync(descriptor)
  }

  #path(extension: string): string {
    return join(this.#options.folder, nameOf(this.#generation, extension))
  }

  /** Says each cause once, until all is well again. */
  #complain(sentence: string, file: string, cause: unknown): void {
    const complaint = `${sentence}: ${codeOf(cause)}`
    if (complaint === this.#complaint) return
    this.#complaint = complaint
    this.#options.complain(complaint, file)
  }
}

/** One look at what earlier runs have left. */
class Reading {
  readonly #options: JournalOptions
  /** By generation. */
  readonly #states = new Map<number, string>()
  readonly #journals = new Map<number, { readonly name: string; readonly isBehind: boolean }>()
  readonly #highest: number

  constructor(options: JournalOptions) {
    this.#options = options
    const files = filesIn(options.folder)
    for (const { name, generation, kind } of files) {
      if (kind === 'state') this.#states.set(generation, name)
      if (kind === 'journal' || kind === 'behind') {
        this.#journals.set(generation, { name, isBehind: kind === 'behind' })
      }
    }
    this.#highest = files.reduce((highest, { generation }) => Math.max(highest, generation), 0)
  }

  read(): {
    readonly found: Found | undefined
    readonly highest: number
    readonly newest: string | undefined
  } {
    const highest = this.#highest
    const found = this.#find()
    const last = this.#journals.get(highest)
    const newest = last === undefined || last.isBehind ? undefined : join(this.#options.folder, last.name)
    return { found, highest, newest }
  }

  #find(): Found | undefined {
    const newestFirst = Array.from(this.#states).sort(([one], [other]) => other - one)
    for (const [generation, name] of newestFirst) {
      const state = this.#lines(name, generation)
      if (state === undefined) continue
      if (state.ending === 'whole' && state.values.length === 1)
        return this.#chain(generation, state.values[0])
      this.#setAside(join(this.#options.folder, name), 'unusable', 'are damaged')
    }
    return undefined
  }

  /** The changes after a state: of its own journal and of those that follow without a gap. */
  #chain(first: number, state: unknown): Found {
    const changes: unknown[] = []
    for (let generation = first; ; generation += 1) {
      const journal = this.#journals.get(generation)
      const lines = journal && this.#lines(journal.name, generation)
      if (journal === undefined || lines === undefined) return { state, changes, isCurrent: false }
      changes.push(...lines.values)
      const isLast = generation === this.#highest
      const isComplete = lines.ending === 'whole' || (isLast && lines.ending === 'torn')
      if (journal.isBehind || !isComplete) return { state, changes, isCurrent: false }
      if (isLast) return { state, changes, isCurrent: lines.boot !== '' && lines.boot === this.#options.boot }
    }
  }

  /** Without the header; undefined when the file cannot be used at all, which is then set aside. */
  #lines(name: string, generation: number): (CheckedLines & { readonly boot: string }) | undefined {
    const file = join(this.#options.folder, name)
    let text: string
    try {
      text = readFileSync(file, 'utf8')
    } catch (cause) {
      this.#options.complain(`the books of an earlier run cannot be read: ${codeOf(cause)}`, file)
      return undefined
    }
    const { values, ending } = readCheckedLines(text)
    const [header, ...rest] = values
    if (header === undefined && ending !== 'spoilt' && !name.endsWith('.state')) {
      return { values: [], ending: 'torn', boot: this.#options.boot } // that run ended as it began
    }
    if (!isHeader(header) || header.generation !== generation) {
      this.#setAside(file, 'unusable', 'are damaged')
      return undefined
    }
    if (header.version > VERSION) {
      this.#setAside(file, 'newer', `are of version ${header.version}, which this version cannot read`)
      return undefined
    }
    if (ending === 'spoilt' && !name.endsWith('.state')) {
      this.#options.complain('the books of an earlier run are damaged; what comes after is lost', file)
    }
    return { values: rest, ending, boot: header.boot }
  }

  #setAside(file: string, extension: string, what: string): void {
    const aside = `${file}.${extension}`
    try {
      renameSync(file, aside)
      this.#options.complain(`the books of an earlier run ${what}; set aside as ${aside}`, file)
    } catch (cause) {
      this.#options.complain(
        `the books of an earlier run ${what}, and cannot be set aside: ${codeOf(cause)}`,
        file,
      )
    }
  }
}

type Kind = 'state' | 'journal' | 'behind' | 'next' | 'aside'

const nameOf = (generation: number, extension: string): string =>
  `books-${String(generation).padStart(8, '0')}.${extension}`

function filesIn(folder: string): { name: string; generation: number; kind: Kind }[] {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    return [] // nothing was kept, or it will be said when it is written to
  }
  return names.flatMap((name) => {
    const [, digits, extension, more] = /^books-(\d{8,15})\.(state|journal|behind)(\.\w+)?$/.exec(name) ?? []
    if (digits === undefined) return []
    const kind = more === undefined ? (extension as Kind) : more === '.next' ? 'next' : 'aside'
    return [{ name, generation: Number(digits), kind }]
  })
}

function isHeader(value: unknown): value is Header {
  if (typeof value !== 'object' || value === null) return false
  const { format, version, generation, boot } = value as Partial<Record<keyof Header, unknown>>
  return (
    format === FORMAT &&
    typeof version === 'number' &&
    typeof generation === 'number' &&
    typeof boot === 'string'
  )
}

/** @returns how many bytes were written: all of them */
function writeAll(descriptor: number, text: string): number {
  const bytes = Buffer.from(text)
  let done = 0
  while (done < bytes.length) done += writeSync(descriptor, bytes, done)
  return done
}

const codeOf = (cause: unknown): string => (cause as NodeJS.ErrnoException).code ?? String(cause)
