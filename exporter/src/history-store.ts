/**
 * Keeps the hours and days that ended: `history/hours-2026-11-24.jsonl` for each local day, `history/days-2026.jsonl`
 * for each year. Lines are only ever added, each with its version and checksum, so that whatever happens to a file
 * costs no more than the lines it happened to.
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { WallSpan } from './model.ts'
import type { Complain } from './storage/journal.ts'
import { EnergyTotal } from './units.ts'
import { Calendar, type LocalDate } from './workloads/calendar.ts'
import { bucketOf, recordOf, type BucketUnit, type ClosedBucket } from './workloads/history-bucket.ts'

const FOLDER = 'history'
const VERSION = 1

/** `hours-2026-11-24.jsonl`, `days-2026.jsonl` */
const FILE = /^(?<unit>hour|day)s-(?<year>\d{4})(?:-(?<month>\d{2})-(?<day>\d{2}))?\.jsonl$/

/**
 * The newest files of each kind stay: hours of 40 whole days and the running one, days of 800 days, which touch four
 * years. Counted by files, not by the clock: one that is wrong for a while must not cost what was kept.
 */
const FILES_KEPT: Readonly<Record<BucketUnit, number>> = { hour: 41, day: 4 }

/** Buckets that wait for a disk that cannot be written: the hours and days of four days. */
const MOST_WAITING = 100

export class HistoryStore {
  readonly #folder: string
  readonly #complain: Complain
  readonly #calendars = new Map<string, Calendar>()
  readonly #said = new Set<string>()
  #waiting: ClosedBucket[] = []
  #isFailing = false

  /**
   * @param folder of the exporter's state
   * @param complain called once for each thing that is wrong, not each time it is met
   */
  constructor(folder: string, complain: Complain) {
    this.#folder = join(folder, FOLDER)
    this.#complain = complain
  }

  /**
   * Adds buckets and waits until the disk has them. What cannot be written is kept for the next call, so this is to
   * be called each tick, with nothing too. A bucket may be added again after a crash: it counts once.
   */
  append(buckets: readonly ClosedBucket[]): void {
    if (buckets.length === 0 && this.#waiting.length === 0) return
    this.#waiting.push(...buckets)
    const failures = Array.from(this.#byFile(), ([file, some]) => this.#attempt(file, some))
    const failure = failures.find((one) => one !== undefined)
    if (failure !== undefined) this.#sayOfFailure(failure)
    this.#isFailing = failure !== undefined
  }

  /** How many ended hours and days wait to be written. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** The hours and days that overlap a span, the earliest first. */
  read(span: WallSpan): ClosedBucket[] {
    const buckets = new Map<string, ClosedBucket>()
    for (const name of this.#files()) {
      if (!overlaps(namedSpan(name), span)) continue
      for (const bucket of this.#bucketsIn(join(this.#folder, name))) {
        if (!overlaps(bucket, span)) continue
        const earlier = buckets.get(identityOf(bucket))
        if (earlier === undefined || !hasMore(earlier, bucket)) buckets.set(identityOf(bucket), bucket)
      }
    }
    return [...buckets.values()].sort((one, other) => one.from - other.from || one.to - other.to)
  }

  /** @returns why the file could not be written */
  #attempt(file: string, buckets: readonly ClosedBucket[]): string | undefined {
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o755 })
      this.#appendTo(file, buckets)
      this.#waiting = this.#waiting.filter((bucket) => !buckets.includes(bucket))
      return undefined
    } catch (cause) {
      return codeOf(cause)
    }
  }

  #sayOfFailure(code: string): void {
    if (!this.#isFailing) {
      this.#complain(`history cannot be kept: ${code}; it is held in memory and tried again`, this.#folder)
    }
    const surplus = this.#waiting.length - MOST_WAITING
    if (surplus <= 0) return
    this.#waiting.splice(0, surplus)
    this.#sayOnce('history could not be kept for days: its oldest hours are lost', this.#folder)
  }

  #byFile(): Map<string, ClosedBucket[]> {
    const files = new Map<string, ClosedBucket[]>()
    for (const bucket of this.#waiting) {
      const file = this.#fileOf(bucket)
      const some = files.get(file)
      if (some === undefined) files.set(file, [bucket])
      else some.push(bucket)
    }
    return files
  }

  #fileOf({ unit, zone, from }: ClosedBucket): string {
    const calendar = this.#calendars.get(zone) ?? new Calendar(zone)
    this.#calendars.set(zone, calendar)
    const { year, month, day } = calendar.dateOf(from)
    return unit === 'day' ? `days-${digits(year, 4)}.jsonl` : `hours-${dateText({ year, month, day })}.jsonl`
  }

  /** All of them or none: what a full disk took of them is cut off again. */
  #appendTo(name: string, buckets: readonly ClosedBucket[]): void {
    const descriptor = openSync(join(this.#folder, name), 'a+', 0o644)
    let size = 0
    try {
      size = fstatSync(descriptor).size
      const text = `${endsWithLine(descriptor, size) ? '' : '\n'}${buckets.map(lineOf).join('')}`
      try {
        writeAll(descriptor, Buffer.from(text))
        fsyncSync(descriptor)
      } catch (cause) {
        ftruncateSync(descriptor, size)
        throw cause
      }
    } finally {
      closeSync(descriptor)
    }
    if (size === 0) this.#afterNewFile()
  }

  #afterNewFile(): void {
    syncFolder(this.#folder)
    for (const unit of ['hour', 'day'] as const) {
      const names = this.#files().filter((name) => name.startsWith(unit))
      for (const name of names.slice(0, Math.max(0, names.length - FILES_KEPT[unit]))) {
        try {
          unlinkSync(join(this.#folder, name))
        } catch (cause) {
          this.#sayOnce(
            `an old file of the history cannot be removed: ${codeOf(cause)}`,
            join(this.#folder, name),
          )
        }
      }
    }
  }

  /** Names of the files of the history in the order of their time. */
  #files(): readonly string[] {
    try {
      return readdirSync(this.#folder)
        .filter((name) => FILE.test(name))
        .sort()
    } catch (cause) {
      if (codeOf(cause) !== 'ENOENT') this.#sayOnce(`history cannot be read: ${codeOf(cause)}`, this.#folder)
      return []
    }
  }

  #bucketsIn(file: string): readonly ClosedBucket[] {
    let text: string
    try {
      text = readFileSync(file, 'utf8')
    } catch (cause) {
      this.#sayOnce(`history cannot be read: ${codeOf(cause)}`, file)
      return []
    }
    const lines = text.split('\n')
    const last = lines.length - 1 // what follows the last line end: nothing, or a line that was cut off
    return lines.flatMap((line, index) => {
      if (line === '') return []
      const content = contentOf(line)
      if (typeof content === 'object') return [content]
      if (index === last) this.#sayOnce('history: the last line was cut off and is left out', file)
      else this.#sayOnce(SENTENCES[content], file)
      return []
    })
  }

  #sayOnce(sentence: string, file: string): void {
    const key = `${sentence}\n${file}`
    if (this.#said.has(key)) return
    this.#said.add(key)
    this.#complain(sentence, file)
  }
}

const SENTENCES = {
  damaged: 'history: a line is damaged and is left out',
  newer: 'history: a line of a newer version is kept and left out; a newer wattribute reads it',
} as const

/** What two lines about the same time have in common. */
const identityOf = ({ unit, zone, from, generation }: ClosedBucket): string =>
  `${unit} ${zone} ${from} ${generation}`

/**
 * Of two lines about the same time the one with more energy is true: after a power loss the books can lack the last
 * seconds before it, which the earlier line has.
 */
const hasMore = (earlier: ClosedBucket, later: ClosedBucket): boolean => energyIn(earlier) > energyIn(later)

const energyIn = ({ rows }: ClosedBucket): bigint =>
  EnergyTotal.of(...rows.map(({ energy }) => energy)).toBigInt()

/** JSON whose beginning never changes, so that a newer version is told from damage. */
function lineOf(bucket: ClosedBucket): string {
  const text = JSON.stringify(recordOf(bucket))
  return `{"version":${VERSION},"crc32":"${checksum(String(VERSION), text)}","bucket":${text}}\n`
}

const LINE = /^\{"version":(?<version>\d{1,9}),"crc32":"(?<crc>[0-9a-f]{8})","bucket":(?<text>.*)\}$/s

function contentOf(line: string): ClosedBucket | keyof typeof SENTENCES {
  const { version, crc, text } = LINE.exec(line)?.groups ?? {}
  if (version === undefined || text === undefined || checksum(version, text) !== crc) return 'damaged'
  if (Number(version) !== VERSION) return 'newer'
  return bucketOf(JSON.parse(text)) ?? 'damaged'
}

const checksum = (version: string, text: string): string =>
  crc32(`${version} ${text}`).toString(16).padStart(8, '0')

/** After a crash the last line may be one that was not finished; the next must not become part of it. */
function endsWithLine(descriptor: number, size: number): boolean {
  if (size === 0) return true
  const last = Buffer.alloc(1)
  readSync(descriptor, last, 0, 1, size - 1)
  return last.toString() === '\n'
}

function writeAll(descriptor: number, bytes: Buffer): void {
  let written = 0
  while (written < bytes.length) written += writeSync(descriptor, bytes, written)
}

/** So that a new file is there after a power loss. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

const DAY = 86_400

/** At least the time that a file's lines are about, whatever the zone. */
function namedSpan(name: string): WallSpan {
  const { year, month, day } = FILE.exec(name)?.groups ?? {}
  const from = Date.UTC(Number(year), Number(month ?? 1) - 1, Number(day ?? 1)) / 1000
  return { from: from - 2 * DAY, to: from + (month === undefined ? 366 : 1) * DAY + 2 * DAY } as WallSpan
}

const overlaps = (one: WallSpan, other: WallSpan): boolean => one.from < other.to && other.from < one.to

const digits = (number: number, count: number): string => String(number).padStart(count, '0')

const dateText = ({ year, month, day }: LocalDate): string =>
  `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`

const codeOf = (cause: unknown): string => (cause as NodeJS.ErrnoException).code ?? String(cause)
