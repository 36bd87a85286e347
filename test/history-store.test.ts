import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { HistoryStore } from '../exporter/src/history-store.ts'
import type { WallSpan } from '../exporter/src/model.ts'
import { seconds } from '../exporter/src/units.ts'
import { Calendar } from '../exporter/src/workloads/calendar.ts'
import type { ClosedBucket } from '../exporter/src/workloads/history-bucket.ts'
import { History } from '../exporter/src/workloads/history.ts'
import { asRoot } from './programs.ts'
import { at, idle, sumOf, used, workload } from './workloads/books.ts'

let folder = ''
let complaints: string[] = []

const store = (path = folder): HistoryStore => new HistoryStore(path, (sentence) => complaints.push(sentence))
const path = (name: string): string => join(folder, 'history', name)
const always: WallSpan = { from: seconds(0), to: seconds(1e10) }
const HOURS = 'hours-2026-05-01.jsonl'

/** The hours of a span, each with one more microjoule than the hour before, and the days. */
function hoursAndDays(from: string, count: number, zone = 'UTC'): ClosedBucket[] {
  const history = new History(new Calendar(zone))
  const start = at(from)
  for (let index = 0; index < count; index += 1) {
    const tick = { from: seconds(start + index * 3600), to: seconds(start + index * 3600 + 1) }
    history.book([used(index + 1), used(2, workload('ü "\n'.repeat(2))), idle(0)], tick)
  }
  return history.advance(seconds(start + count * 3600))
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wattribute-history-'))
  complaints = []
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('the history', () => {
  test('is there again, in files by day and by year', () => {
    const buckets = hoursAndDays('2026-12-31T20:00:00Z', 26)
    store().append(buckets)
    expect(readdirSync(join(folder, 'history'))).toEqual([
      'days-2026.jsonl',
      'hours-2026-12-31.jsonl',
      'hours-2027-01-01.jsonl',
    ])
    const read = store().read(always)
    expect(new Set(read)).toEqual(new Set(buckets))
    expect(read.map(({ from }) => from)).toEqual(read.map(({ from }) => from).sort((a, b) => a - b))
    expect(complaints).toEqual([])
  })

  test('is named by the local day', () => {
    store().append(hoursAndDays('2026-05-01T18:15:00Z', 1, 'Asia/Kathmandu'))
    expect(readdirSync(join(folder, 'history'))).toEqual(['hours-2026-05-02.jsonl'])
  })

  test('is nothing at first, and makes no folder for nothing', () => {
    expect(store().read(always)).toEqual([])
    store().append([])
    expect(existsSync(join(folder, 'history'))).toBe(false)
    expect(complaints).toEqual([])
  })

  test('gives what overlaps a span', () => {
    store().append(hoursAndDays('2026-05-01T00:00:00Z', 24))
    const read = store().read({ from: at('2026-05-01T10:30:00Z'), to: at('2026-05-01T12:00:00Z') })
    expect(read.map(({ unit, from }) => [unit, (from % 86_400) / 3600])).toEqual([
      ['day', 0],
      ['hour', 10],
      ['hour', 11],
    ])
  })

  test('has lines that are JSON', () => {
    store().append(hoursAndDays('2026-05-01T00:00:00Z', 1))
    const line = JSON.parse(readFileSync(path(HOURS), 'utf8')) as Record<string, unknown>
    expect(line).toMatchObject({
      version: 1,
      bucket: { unit: 'hour', zone: 'UTC', from: at('2026-05-01T00:00:00Z') },
    })
  })
})

describe('a bucket that is added twice', () => {
  const [hour] = hoursAndDays('2026-05-01T00:00:00Z', 1)
  if (hour === undefined) throw new Error('no hour')

  test('counts once: the later one, which knows that the exporter was down', () => {
    store().append([hour])
    store().append([{ ...hour, down: seconds(7) }])
    expect(store().read(always)).toEqual([{ ...hour, down: seconds(7) }])
  })

  test('counts once: the earlier one, when a power loss took the last seconds from the later', () => {
    store().append([hour])
    store().append([{ ...hour, rows: hour.rows.slice(1) }])
    expect(store().read(always)).toEqual([hour])
  })

  test('counts twice when the clock was wrong before', () => {
    store().append([hour, { ...hour, generation: 1 }])
    expect(sumOf(store().read(always))).toBe(6n)
  })
})

describe('a damaged file', () => {
  const two = hoursAndDays('2026-05-01T00:00:00Z', 2)

  test('cut off at any byte: costs the line it was cut in, and the next line is whole', () => {
    store().append(two)
    const whole = readFileSync(path(HOURS))
    const firstEnd = whole.indexOf('\n')
    const third = hoursAndDays('2026-05-01T02:00:00Z', 1)
    for (let length = 0; length < whole.length; length += 1) {
      writeFileSync(path(HOURS), whole.subarray(0, length))
      complaints = []
      const expected = length < firstEnd ? 0 : length < whole.length - 1 ? 1 : 2
      const isTorn = length > 0 && length !== firstEnd && length !== firstEnd + 1 && length < whole.length - 1
      const one = store()
      expect(one.read(always)).toEqual(two.slice(0, expected))
      one.read(always)
      expect(complaints).toEqual(isTorn ? ['history: the last line was cut off and is left out'] : [])
      one.append(third)
      expect(one.read(always)).toEqual([...two.slice(0, expected), ...third])
    }
  })

  test('a changed byte anywhere: costs that line, said once', () => {
    store().append(two)
    const whole = readFileSync(path(HOURS))
    const firstEnd = whole.indexOf('\n')
    for (let index = 0; index < firstEnd; index += 1) {
      const flipped = Buffer.from(whole)
      flipped[index] = (flipped[index] ?? 0) ^ 1
      writeFileSync(path(HOURS), flipped)
      complaints = []
      const one = store()
      expect(one.read(always)).toEqual(two.slice(1))
      one.read(always)
      expect(complaints).toContain('history: a line is damaged and is left out')
    }
  })

  test.each([
    ['no text at all', Buffer.from([0, 255, 254, 10, 13, 10])],
    ['empty lines', Buffer.from('\n\n')],
    ['other JSON', Buffer.from('{"version":1}\n[]\n')],
  ])('%s: the others are read', (_, bytes) => {
    store().append(two)
    appendFileSync(path(HOURS), bytes)
    expect(store().read(always)).toEqual(two)
  })

  test('a line of a newer version is kept and said', () => {
    store().append(two)
    const text = '{"rows":"in another form"}'
    const crc = crc32(`2 ${text}`).toString(16).padStart(8, '0')
    const newer = `{"version":2,"crc32":"${crc}","bucket":${text}}\n`
    appendFileSync(path(HOURS), newer)
    expect(store().read(always)).toEqual(two)
    expect(complaints).toEqual([expect.stringContaining('newer version is kept')])
    store().append(hoursAndDays('2026-05-01T02:00:00Z', 1))
    expect(readFileSync(path(HOURS), 'utf8')).toContain(newer)
    expect(store().read(always)).toHaveLength(3)
  })

  test('a whole line whose content does not fit', () => {
    const text = '{"unit":"hour"}'
    const crc = crc32(`1 ${text}`).toString(16).padStart(8, '0')
    mkdirSync(join(folder, 'history'))
    writeFileSync(path(HOURS), `{"version":1,"crc32":"${crc}","bucket":${text}}\n`)
    expect(store().read(always)).toEqual([])
    expect(complaints).toEqual(['history: a line is damaged and is left out'])
  })
})

describe('what cannot be written', () => {
  test('waits, is said once, and is written when it can be', () => {
    const block = path('')
    writeFileSync(join(folder, 'history'), 'in the way')
    const one = store()
    const buckets = hoursAndDays('2026-05-01T00:00:00Z', 3)
    for (const bucket of buckets) one.append([bucket])
    expect(one.waiting).toBe(3)
    expect(complaints).toEqual([expect.stringMatching(/^history cannot be kept: E\w+; .*tried again$/)])
    rmSync(block.replace(/\/$/, ''))
    one.append([])
    expect(one.waiting).toBe(0)
    expect(store().read(always)).toEqual(buckets)
  })

  test('is bounded', () => {
    writeFileSync(join(folder, 'history'), 'in the way')
    const one = store()
    one.append(hoursAndDays('2026-05-01T00:00:00Z', 200))
    expect(one.waiting).toBe(100)
    expect(complaints).toHaveLength(2)
  })

  test('one file in the way does not hold up the others', () => {
    mkdirSync(path(HOURS), { recursive: true })
    const one = store()
    one.append(hoursAndDays('2026-05-01T22:00:00Z', 4))
    expect(one.waiting).toBe(2)
    expect(readdirSync(join(folder, 'history'))).toContain('hours-2026-05-02.jsonl')
    expect(
      store()
        .read(always)
        .map(({ unit }) => unit),
    ).toEqual(['day', 'hour', 'hour'])
    expect(complaints).toEqual([expect.stringContaining('EISDIR'), expect.stringContaining('EISDIR')])
  })
})

/** On a file system of its own, with the built store. */
function onSmallDisk(
  mountOptions: string,
  body: string,
): { readonly status: number | null; readonly output: string } {
  const script = `
    import { HistoryStore } from '${new URL('../exporter/dist/history-store.js', import.meta.url).href}'
    import { readFileSync, writeFileSync, unlinkSync, statSync, mkdirSync } from 'node:fs'
    import { execFileSync } from 'node:child_process'
    const said = []
    const store = new HistoryStore('${folder}', (sentence) => said.push(sentence))
    const always = { from: 0, to: 1e10 }
    const hour = (index, rows = 0) => ({ unit: 'hour', zone: 'UTC', from: 1777593600 + index * 3600, to: 1777597200 + index * 3600,
      generation: 0, observed: 3600, down: 0, unknown: new Map(), folded: { toBigInt: () => 0n },
      rows: Array.from({ length: rows }, (_, row) => ({ workload: 'w' + row, namespace: '', kind: '', model: '', variant: '', phase: '',
        reason: '', component: 'cpu', part: 'host', method: 'counter', energy: { toBigInt: () => 5n } })) })
    ${body}`
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    [
      '--mount',
      'sh',
      '-c',
      `mount -t tmpfs -o ${mountOptions} tmpfs "$1" && exec "$2" --input-type=module -e "$3"`,
      'sh',
      folder,
      process.execPath,
      script,
    ],
    { encoding: 'utf8', timeout: 60_000 },
  )
  return { status, output: `${stdout}${stderr}` }
}

describe('a disk', () => {
  asRoot('that is full: nothing half is left, and all is there once there is room', async () => {
    const { status, output } = onSmallDisk(
      'size=256k',
      `writeFileSync('${folder}/ballast', Buffer.alloc(180 * 1024))
       store.append([hour(0, 10)])
       const before = statSync('${path(HOURS)}').size
       store.append([hour(1, 1500)])
       store.append([hour(2)])
       const during = [statSync('${path(HOURS)}').size === before, store.waiting, store.read(always).length]
       unlinkSync('${folder}/ballast')
       store.append([])
       console.log(JSON.stringify({ during, after: [store.waiting, store.read(always).map((one) => one.rows.length)], said }))`,
    )
    expect({ status, output: JSON.parse(output) as unknown }).toEqual({
      status: 0,
      output: {
        during: [true, 2, 1],
        after: [0, [10, 1500, 0]],
        said: ['history cannot be kept: ENOSPC; it is held in memory and tried again'],
      },
    })
  })

  asRoot('that is read-only: said once, and what is there is read', async () => {
    const { status, output } = onSmallDisk(
      'size=1m',
      `store.append([hour(0)])
       execFileSync('mount', ['-o', 'remount,ro', '${folder}'])
       store.append([hour(1)])
       store.append([hour(2)])
       const during = [store.waiting, store.read(always).length]
       execFileSync('mount', ['-o', 'remount,rw', '${folder}'])
       store.append([])
       console.log(JSON.stringify({ during, after: [store.waiting, store.read(always).length], said }))`,
    )
    expect({ status, output: JSON.parse(output) as unknown }).toEqual({
      status: 0,
      output: {
        during: [2, 1],
        after: [0, 3],
        said: ['history cannot be kept: EROFS; it is held in memory and tried again'],
      },
    })
  })
})

describe('old files', () => {
  test('of hours go after 40 whole days, of days after the year that no longer holds one of 800 days', () => {
    const one = store()
    for (const [start, count] of [
      ['2023-12-31T00:00:00Z', 48],
      ['2025-06-01T00:00:00Z', 24],
      ['2026-01-01T00:00:00Z', 60 * 24],
      ['2027-01-01T00:00:00Z', 24],
    ] as const) {
      for (const bucket of hoursAndDays(start, count)) one.append([bucket])
    }
    const names = readdirSync(join(folder, 'history'))
    expect(names.filter((name) => name.startsWith('days'))).toEqual(
      ['2024', '2025', '2026', '2027'].map((year) => `days-${year}.jsonl`),
    )
    const hours = names.filter((name) => name.startsWith('hours'))
    expect(hours).toHaveLength(41)
    expect(hours[0]).toBe('hours-2026-01-21.jsonl')
    expect(complaints).toEqual([])
  })

  test('of others are left alone', () => {
    mkdirSync(join(folder, 'history'))
    writeFileSync(path('hours-notes.txt'), 'mine')
    store().append(hoursAndDays('2026-05-01T00:00:00Z', 45 * 24))
    expect(statSync(path('hours-notes.txt')).size).toBe(4)
  })
})
