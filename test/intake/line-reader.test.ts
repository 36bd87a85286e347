import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { LineReader } from '../../exporter/src/intake/line-reader.ts'
import { LONGEST_LINE } from '../../exporter/src/workloads/mark-grammar.ts'

const readAll = (chunks: readonly Buffer[]): string[] => {
  const reader = new LineReader()
  return [...chunks.flatMap((chunk) => reader.read(chunk)), ...reader.end()]
}

describe('lines', () => {
  test('are the same however their bytes come', () => {
    const text = fc.array(fc.constantFrom('a', 'bc', '\n', '\n', ' '.repeat(300), 'x'.repeat(1200), 'é'), {
      maxLength: 40,
    })
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }), (parts, sizes) => {
        const bytes = Buffer.from(parts.join(''))
        const chunks: Buffer[] = []
        for (let start = 0, index = 0; start < bytes.length; index += 1) {
          const size = sizes[index % sizes.length] ?? 1
          chunks.push(bytes.subarray(start, start + size))
          start += size
        }
        const isShort = (line: string): boolean => line.length <= LONGEST_LINE
        const whole = bytes.toString('latin1').split('\n')
        const last = whole.pop() ?? ''
        const expected = [...whole, ...(last === '' ? [] : [last])]
        const read = readAll(chunks)
        expect(read.filter(isShort)).toEqual(expected.filter(isShort))
        expect(read).toHaveLength(expected.length)
      }),
    )
  })

  test('that are too long take no more memory than one that is not', () => {
    const reader = new LineReader()
    const lines = Array.from({ length: 1000 }, () => reader.read(Buffer.alloc(65_536, 'x'))).flat()
    expect(lines.map((line) => line.length)).toEqual([LONGEST_LINE + 2])
    expect(reader.read(Buffer.from('rest\nnext\n'))).toEqual(['next'])
  })
})
