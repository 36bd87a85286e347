import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BaselineStore } from '../exporter/src/baseline-store.ts'
import { watts } from '../exporter/src/units.ts'

let folder = ''
let complaints: string[] = []
const file = (): string => join(folder, 'baselines.json')
const store = (path = folder): BaselineStore =>
  new BaselineStore(path, (sentence) => complaints.push(sentence))

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wattribute-storage-'))
  complaints = []
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('observed baselines', () => {
  const observed = new Map([
    ['package-0', watts(12.5)],
    ['dram-0', watts(0)],
  ])

  test('are there again after a restart', () => {
    store().save(observed)
    expect(store().load()).toEqual(observed)
    expect(readdirSync(folder)).toEqual(['baselines.json'])
    expect(complaints).toEqual([])
  })

  test('are nothing at the first start, in a folder that is made when there is something to keep', () => {
    const later = join(folder, 'state', 'wattribute')
    expect(store(later).load()).toEqual(new Map())
    store(later).save(new Map())
    expect(existsSync(later)).toBe(false)
    store(later).save(observed)
    expect(store(later).load()).toEqual(observed)
  })

  test.each([
    ['cut off', '{"version":1,"watts":{"pack'],
    ['empty', ''],
    ['of a newer version', '{"version":2,"watts":{}}'],
    ['no baselines', '{"version":1}'],
    ['not in watts', '{"version":1,"watts":{"package-0":"12"}}'],
    ['below zero', '{"version":1,"watts":{"package-0":-1}}'],
    ['null', 'null'],
  ])('that are %s are set aside and reported', (_, text) => {
    writeFileSync(file(), text)
    expect(store().load()).toEqual(new Map())
    expect(readFileSync(`${file()}.unusable`, 'utf8')).toBe(text)
    expect(complaints).toEqual([expect.stringContaining('set aside')])
  })

  test('that cannot be written are reported once and do no harm', () => {
    writeFileSync(join(folder, 'blocked'), '')
    const blocked = store(join(folder, 'blocked'))
    blocked.save(observed)
    blocked.save(observed)
    expect(complaints).toEqual([expect.stringContaining('cannot be kept')])
  })
})
