import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkedLine } from '../../exporter/src/storage/checked-lines.ts'
import { Journal, VERSION, type Found } from '../../exporter/src/storage/journal.ts'
import { asRoot } from '../programs.ts'
import { SmallDisk } from './small-disk.ts'

let folder: string
let complaints: string[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wattribute-journal-'))
  complaints = []
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const open = (boot = 'boot-1', where = folder): Journal =>
  new Journal({ folder: where, boot, complain: (sentence) => complaints.push(sentence) })

/** A run whose state is the list of its ticks: what is found must always be the first ticks, in order. */
class Run {
  readonly journal: Journal
  readonly ticks: number[]

  constructor(journal: Journal) {
    this.journal = journal
    this.ticks = journal.found === undefined ? [] : ticksIn(journal.found)
    journal.beginAtOnce([...this.ticks], 0)
  }

  tick(times = 1): this {
    for (let time = 0; time < times; time += 1) {
      const tick = this.ticks.length + 1
      this.ticks.push(tick)
      this.journal.append(tick)
    }
    return this
  }

  /** A new generation, as in the middle of a run. */
  async begin(): Promise<this> {
    await this.journal.begin([...this.ticks], 1000)
    return this
  }
}

const ticksIn = ({ state, changes }: Found): number[] => [...(state as number[]), ...(changes as number[])]

/** 1, 2, 3, … */
const first = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

const files = (where = folder): string[] => readdirSync(where).sort()

describe('a run', () => {
  test('finds nothing at first', () => {
    expect(open().found).toBeUndefined()
    expect(complaints).toEqual([])
  })

  test('that was killed left everything, and the next goes on', () => {
    new Run(open()).tick(3)
    const next = new Run(open())
    expect(next.journal.found).toEqual({ state: [], changes: [1, 2, 3], isCurrent: true })
    next.tick(2)
    expect(open().found).toEqual({ state: [1, 2, 3], changes: [4, 5], isCurrent: true })
    expect(complaints).toEqual([])
  })

  test('that was closed left one state', () => {
    const run = new Run(open()).tick(3)
    run.journal.close(run.ticks, 5)
    expect(open().found).toEqual({ state: [1, 2, 3], changes: [], isCurrent: true })
  })

  test('begins a new generation when its journal is long or old, and keeps two', async () => {
    const run = new Run(open()).tick()
    expect(run.journal.isDue(899)).toBe(false)
    expect(run.journal.isDue(900)).toBe(true)
    for (let time = 0; time < 4; time += 1) {
      await run.begin()
      run.tick()
    }
    expect(files()).toEqual([
      'books-00000004.journal',
      'books-00000004.state',
      'books-00000005.journal',
      'books-00000005.state',
    ])
    run.journal.append('x'.repeat(5 << 20))
    expect(run.journal.isDue(1009)).toBe(false)
    expect(run.journal.isDue(1010)).toBe(true)
  })

  test('lets the journal of a large state grow with it', () => {
    const run = new Run(open())
    run.journal.beginAtOnce('x'.repeat(2 << 20), 0)
    run.journal.append('x'.repeat(5 << 20))
    expect(run.journal.isDue(10)).toBe(false)
    run.journal.append('x'.repeat(4 << 20))
    expect(run.journal.isDue(10)).toBe(true)
  })

  test('of another boot does not go on, but keeps its books', () => {
    new Run(open()).tick(3)
    const { found } = open('boot-2')
    expect(found && ticksIn(found)).toEqual([1, 2, 3])
    expect(found?.isCurrent).toBe(false)
  })

  test('whose boot is not known never goes on', () => {
    new Run(open('')).tick(3)
    expect(open('').found?.isCurrent).toBe(false)
  })
})

describe('a power loss', () => {
  /** What a later run finds if this were all that reached the disk. */
  const foundIn = (change: (copy: string) => void): Found | undefined => {
    const copy = mkdtempSync(join(tmpdir(), 'wattribute-journal-'))
    try {
      cpSync(folder, copy, { recursive: true })
      change(copy)
      return open('boot-1', copy).found
    } finally {
      rmSync(copy, { recursive: true })
    }
  }

  test('at any byte of any file loses no more than was not yet on the disk', async () => {
    const run = await new Run(open()).tick(4).begin()
    await run.tick(4).begin()
    run.tick(4)
    const sure: Record<string, number> = {
      // what stands in earlier files is still there
      'books-00000002.state': 0,
      'books-00000002.journal': 4,
      'books-00000003.state': 4,
      'books-00000003.journal': 8,
    }
    for (const name of files()) {
      const bytes = readFileSync(join(folder, name)).length
      for (let length = 0; length < bytes; length += 1) {
        const found = foundIn((copy) => truncateSync(join(copy, name), length))
        const ticks = found && ticksIn(found)
        expect(ticks).toEqual(first(ticks?.length ?? -1))
        // the newest state holds all that the files before it told
        expect(ticks?.length).toBeGreaterThanOrEqual(name.includes('2.') ? 12 : (sure[name] ?? -1))
      }
    }
  })

  test('in the middle of a new state costs nothing: the state before and its journals hold all', async () => {
    const run = await new Run(open()).tick(4).begin()
    run.tick(4)
    const found = foundIn((copy) => rmSync(join(copy, 'books-00000002.state')))
    expect(found && ticksIn(found)).toEqual(first(8))
    expect(found?.isCurrent).toBe(true)
  })

  test('any byte spoilt never gives what was not booked, and what is not whole does not go on', async () => {
    const run = await new Run(open()).tick(4).begin()
    run.tick(4)
    for (const name of files()) {
      const bytes = readFileSync(join(folder, name))
      for (let index = 0; index < bytes.length; index += 1) {
        const found = foundIn((copy) => {
          const spoilt = Buffer.from(bytes)
          spoilt[index] = (spoilt[index] ?? 0) ^ 1
          writeFileSync(join(copy, name), spoilt)
        })
        const ticks = found && ticksIn(found)
        expect(ticks).toEqual(first(ticks?.length ?? -1))
        // without its end the last line of the last journal looks like one that was torn, before its page was shown
        if (found?.isCurrent === true) expect(ticks?.length).toBeGreaterThanOrEqual(7)
      }
    }
  })
})

describe('files that cannot be used', () => {
  test('of a newer version are set aside, said, and the ones before are used', async () => {
    const run = await new Run(open()).tick(4).begin()
    run.tick(2)
    const newer = { format: 'wattribute-books', version: VERSION + 1, generation: 2, boot: 'boot-1' }
    const text = checkedLine(newer) + checkedLine({ of: 'another shape' })
    for (const kind of ['state', 'journal']) writeFileSync(join(folder, `books-00000002.${kind}`), text)
    const { found } = open()
    expect(found).toEqual({ state: [], changes: [1, 2, 3, 4], isCurrent: false })
    expect(files()).toEqual(
      expect.arrayContaining(['books-00000002.journal.newer', 'books-00000002.state.newer']),
    )
    expect(complaints[0]).toMatch(/are of version 2, which this version cannot read; set aside as .*newer$/)
  })

  test('that are damaged are set aside and said', () => {
    new Run(open()).tick(3)
    writeFileSync(join(folder, 'books-00000001.state'), 'nonsense')
    expect(open().found).toBeUndefined()
    expect(files()).toContain('books-00000001.state.unusable')
    expect(complaints).toEqual([expect.stringMatching(/are damaged; set aside as/)])
  })

  test('set aside never come in the way of new ones', () => {
    new Run(open()).tick(3)
    renameSync(join(folder, 'books-00000001.state'), join(folder, 'books-00000007.state.unusable'))
    new Run(open()).tick(2)
    expect(files()).toContain('books-00000008.state')
    expect(open().found).toEqual({ state: [], changes: [1, 2], isCurrent: true })
  })
})

describe('what cannot be written', () => {
  test('a folder that is a file: said once, and the run goes on', () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    const run = new Run(open('boot-1', join(file, 'books'))).tick(5)
    expect(run.journal.isDue(10)).toBe(true)
    expect(complaints).toEqual(['the books cannot be kept: ENOTDIR'])
  })

  asRoot(
    'a full disk: said once, nothing older is shown as if it were current, and all is kept when there is room',
    async () => {
      const disk = SmallDisk.mount(256)
      try {
        const run = new Run(open('boot-1', disk.folder)).tick(3)
        disk.fill()
        run.tick(2000)
        expect(complaints).toEqual(['the books cannot be kept: ENOSPC'])
        await run.begin()
        expect(open('boot-1', disk.folder).found?.isCurrent).toBe(false)
        disk.free()
        await run.begin()
        expect(complaints.at(-1)).toBe('the books are kept again')
        run.tick(2)
        const { found } = open('boot-1', disk.folder)
        expect(found && ticksIn(found)).toEqual(first(2005))
        expect(found?.isCurrent).toBe(true)
      } finally {
        disk.unmount()
      }
    },
  )

  asRoot(
    'a disk that is read-only when the run begins: what it holds is known, but not as current',
    async () => {
      const disk = SmallDisk.mount(256)
      try {
        const earlier = new Run(open('boot-1', disk.folder)).tick(3)
        earlier.journal.close(earlier.ticks, 3)
        disk.setReadOnly()
        const run = new Run(open('boot-1', disk.folder)).tick(2)
        expect(run.journal.found && ticksIn(run.journal.found)).toEqual([1, 2, 3])
        expect(run.journal.found?.isCurrent).toBe(false)
        expect(complaints).toContain('the books cannot be kept: EROFS')
      } finally {
        disk.unmount()
      }
    },
  )
})

test('a journal that was never begun holds nothing against the one before', () => {
  new Run(open()).tick(3)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'books-00000002.journal'), '')
  expect(open().found).toEqual({ state: [], changes: [1, 2, 3], isCurrent: true })
})
