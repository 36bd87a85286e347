import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { parseProcessStat } from '../exporter/src/process-stat.ts'
import { statLine } from './activity/host.ts'

describe('a line of /proc/<pid>/stat', () => {
  test.each([
    ['plain', 'bash'],
    ['with spaces', 'Web Content x y'],
    ['with parentheses', 'a) S 1 (b'],
    ['with a line end', 'two\nlines'],
    ['that looks like the rest of a line', ') R 0 0 0 0 0 0 0 0 0 0 99 99 0 0 0'],
    ['that is empty', ''],
  ])('has a name %s', (_, comm) => {
    expect(parseProcessStat(statLine({ pid: 42, comm, startTicks: 777, ticks: 12 }))).toEqual({
      pid: 42,
      parentPid: 1,
      comm,
      startTicks: 777,
      cpu: 120_000_000,
      argumentsAt: '0', // the kernel of this line tells no more
    })
  })

  test('of this very process', () => {
    const { pid, ppid } = process
    const stat = parseProcessStat(readFileSync('/proc/self/stat', 'latin1'))
    expect(stat).toMatchObject({ pid, parentPid: ppid })
    expect(stat?.argumentsAt).toMatch(/^\d{6,}$/)
  })

  test('has a name in UTF-8, or in bytes that are none', () => {
    const latin1 = (bytes: readonly number[]): string => Buffer.from(bytes).toString('latin1')
    const named = (comm: string): string | undefined =>
      parseProcessStat(statLine({ pid: 1, comm, startTicks: 1, ticks: 0 }))?.comm
    expect(named(Buffer.from('größe').toString('latin1'))).toBe('größe')
    expect(named(latin1([0x66, 0xff, 0x6f]))).toBe('f\ufffdo')
  })

  test('any name leaves the figures alone', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 15 }), fc.nat(), fc.nat(), (comm, startTicks, ticks) => {
        expect(parseProcessStat(statLine({ pid: 7, comm, startTicks, ticks }))).toMatchObject({
          pid: 7,
          startTicks,
          cpu: ticks * 10_000_000,
        })
      }),
    )
  })

  test.each(['', 'x', '1 (cut', '1 (cut) S 1 2 3', '1 (bad) S 0 0 0 0 0 0 0 0 0 0 -5 x 0 0 0 0 0 0 9', ')('])(
    'is no line: %j',
    (text) => {
      expect(parseProcessStat(text)).toBeUndefined()
    },
  )
})
