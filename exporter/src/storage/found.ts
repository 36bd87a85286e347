/** What earlier runs have left in the folder of the books. */
import { readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { readCheckedLines, type CheckedLines } from './checked-lines.ts'
import { codeOf, filesIn, isHeader, VERSION } from './generations.ts'

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

/** With the number of the newest generation that there is any file of, and its journal if it can still be marked. */
export const readFolder = (options: JournalOptions): ReturnType<Reading['read']> =>
  new Reading(options).read()

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
