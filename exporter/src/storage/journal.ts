/**
 * Keeps what must survive the exporter: a state now and then, and the changes of every tick in between, written
 * before their page is shown. A state and its journal are one generation, `books-00000012.state` and
 * `books-00000012.journal`; the one before is kept, in case a file turns out to be unreadable.
 *
 * The journal of a generation is opened before its state is written, so that at every instant some state and the
 * journals after it hold everything. What cannot be written is said, and marked: the extension `behind` says that more
 * was shown than the journal knows of.
 */
import { closeSync, fsync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { checkedLine } from './checked-lines.ts'
import { readFolder, type Found, type JournalOptions } from './found.ts'
import { codeOf, filesIn, headerOf, nameOf } from './generations.ts'

export type { Complain, Found, JournalOptions } from './found.ts'
export { VERSION } from './generations.ts'

/** A journal is closed with a new state when it has become this long, and some times as long as a state, … */
const LONGEST_BYTES = 4 << 20
const STATES_LONG = 4
/** … or this old; after a failure it is tried again sooner. In seconds. */
const OLDEST = 900
const RETRY = 10
const SYNC_EVERY = 10

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
  #stateBytes = 0
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
    const { found, highest, newest } = readFolder(options)
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
    return age >= OLDEST || (age >= RETRY && (this.#isBehind || this.#bytes >= this.#longestBytes))
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
      writeAll(this.#descriptor, this.#header())
      this.#bytes = 0
      return true
    } catch (cause) {
      this.#complain('the books cannot be kept', file, cause)
      this.#fallBehind()
      return false
    }
  }

  #header(): string {
    return checkedLine(headerOf(this.#generation, this.#options.boot))
  }

  /** A large state is not to be written more often than it is worth. */
  get #longestBytes(): number {
    return Math.max(LONGEST_BYTES, STATES_LONG * this.#stateBytes)
  }

  #stateText(state: unknown): string {
    const text = this.#header() + checkedLine(state)
    this.#stateBytes = text.length
    return text
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

/** @returns how many bytes were written: all of them */
function writeAll(descriptor: number, text: string): number {
  const bytes = Buffer.from(text)
  let done = 0
  while (done < bytes.length) done += writeSync(descriptor, bytes, done)
  return done
}
