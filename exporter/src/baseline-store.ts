/**
 * Keeps the idle powers that were observed in quiet times, so that a restart need not wait for the next quiet time.
 * One small JSON file, replaced as a whole.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { watts, type Watts } from './units.ts'

export type ObservedBaselines = ReadonlyMap<string, Watts>

/** Says what went wrong in one sentence, for the log. */
export type Complain = (sentence: string, file: string) => void

const FILE = 'baselines.json'
const VERSION = 1

export class BaselineStore {
  readonly #folder: string
  readonly #complain: Complain
  #saved = ''

  /** @param folder of the exporter's state */
  constructor(folder: string, complain: Complain) {
    this.#folder = folder
    this.#complain = complain
  }

  /** A file that cannot be used is set aside, not overwritten. */
  load(): ObservedBaselines {
    const file = join(this.#folder, FILE)
    let text: string
    try {
      text = readFileSync(file, 'utf8')
    } catch (cause) {
      if (codeOf(cause) !== 'ENOENT')
        this.#complain(`observed baselines cannot be read: ${codeOf(cause)}`, file)
      return new Map()
    }
    const baselines = baselinesIn(text)
    if (baselines !== undefined) return baselines
    this.#setAside(file)
    return new Map()
  }

  /** Writes only what is new. The file is whole at every instant: written beside, flushed, renamed. */
  save(baselines: ObservedBaselines): void {
    const text = `${JSON.stringify({ version: VERSION, watts: Object.fromEntries(baselines) })}\n`
    if (baselines.size === 0 || text === this.#saved) return
    this.#saved = text // also when it fails: said once, tried again when there is news
    const file = join(this.#folder, FILE)
    try {
      mkdirSync(this.#folder, { recursive: true })
      writeWhole(`${file}.next`, text)
      renameSync(`${file}.next`, file)
    } catch (cause) {
      this.#complain(`observed baselines cannot be kept: ${codeOf(cause)}`, file)
    }
  }

  #setAside(file: string): void {
    const aside = `${file}.unusable`
    try {
      renameSync(file, aside)
      this.#complain(`observed baselines are damaged or of a newer version; set aside as ${aside}`, file)
    } catch (cause) {
      this.#complain(`observed baselines are damaged and cannot be set aside: ${codeOf(cause)}`, file)
    }
  }
}

function writeWhole(file: string, text: string): void {
  const descriptor = openSync(file, 'w')
  try {
    writeSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** @returns undefined when the text is not what this version writes */
function baselinesIn(text: string): ObservedBaselines | undefined {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof content !== 'object' || content === null) return undefined
  const { version, watts: byDomain } = content as Record<string, unknown>
  if (version !== VERSION || typeof byDomain !== 'object' || byDomain === null) return undefined
  const entries = Object.entries(byDomain as Record<string, unknown>)
  if (!entries.every(([, power]) => typeof power === 'number' && power >= 0)) return undefined
  return new Map(entries.map(([domain, power]) => [domain, watts(Number(power))]))
}

const codeOf = (cause: unknown): string => (cause as NodeJS.ErrnoException).code ?? String(cause)
