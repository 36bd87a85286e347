import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { SAMPLE_LIMITS, SampleParser, type Sample } from '../../exporter/src/workloads/sample-parser.ts'

const WANTED = new Set(['a', 'a_total', 'x:y'])

function parserOf(text: string | Uint8Array, limits = SAMPLE_LIMITS): SampleParser {
  const parser = new SampleParser(WANTED, limits)
  parser.push(typeof text === 'string' ? Buffer.from(text) : text)
  parser.end()
  return parser
}

const plain = ({ name, labels, value }: Sample): readonly unknown[] => [
  name,
  Object.fromEntries(labels),
  value,
]

const samplesIn = (text: string): readonly unknown[] => parserOf(text).samples.map(plain)

describe('one line', () => {
  test.each([
    ['a 1', 'a', {}, 1],
    ['a{} 1', 'a', {}, 1],
    ['a 1 1700000000000', 'a', {}, 1],
    ['a_total{b="c"} 1.5e3', 'a_total', { b: 'c' }, 1500],
    ['a_total{b="c",d="e"} 7 # {trace_id="x"} 0.1 1.7', 'a_total', { b: 'c', d: 'e' }, 7],
    ['a{b="c",} 2', 'a', { b: 'c' }, 2],
    ['a { b = "c" , d="}" }\t3', 'a', { b: 'c', d: '}' }, 3],
    ['a{b="\\"\\\\\\n"} 4', 'a', { b: '"\\\n' }, 4],
    ['x:y{b="ä, €"} 5', 'x:y', { b: 'ä, €' }, 5],
    ['a NaN', 'a', {}, NaN],
    ['a +Inf', 'a', {}, Infinity],
    ['a -Inf', 'a', {}, -Infinity],
    ['a -0.5', 'a', {}, -0.5],
    ['a .5\r', 'a', {}, 0.5],
  ])('%s', (line, name, labels, value) => {
    expect(samplesIn(line)).toEqual([[name, labels, value]])
  })

  test.each([
    'a',
    'a ',
    'a{',
    'a{b} 1',
    'a{b="c} 1',
    'a{b="c"',
    'a{b="c";d="e"} 1',
    'a one',
    'a 0x10',
    '{"a"} 1',
    '= 1',
  ])('%j is no sample', (line) => {
    const { samples, unreadable } = parserOf(`${line}\na 1`)
    expect([samples.map(plain), unreadable]).toEqual([[['a', {}, 1]], 1])
  })

  test.each(['', '# HELP a what it is', '# a 7', '   ', 'b 1', 'ab{c="d"} 1', '# EOF'])(
    '%j is passed over',
    (line) => {
      const { samples, unreadable } = parserOf(`${line}\na 1`)
      expect([samples.map(plain), unreadable]).toEqual([[['a', {}, 1]], 0])
    },
  )
})

describe('pages', () => {
  test('pieces may begin and end anywhere, within a letter as well', () => {
    const text = Buffer.from('a{b="grün €"} 1\nb 2\n\nx:y 3\n# a 4\na_total{b="c"} 5')
    const whole = parserOf(text).samples.map(plain)
    expect(whole).toHaveLength(3)
    fc.assert(
      fc.property(fc.array(fc.nat(text.length)), (cuts) => {
        const parser = new SampleParser(WANTED)
        let begin = 0
        for (const end of [...cuts.sort((one, other) => one - other), text.length]) {
          parser.push(text.subarray(begin, end))
          begin = end
        }
        expect(parser.end().map(plain)).toEqual(whole)
      }),
    )
  })

  test('whatever the bytes, it ends and keeps only what is wanted', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        expect(parserOf(bytes).samples.every(({ name }) => WANTED.has(name))).toBe(true)
      }),
    )
  })

  test('a line that is too long is skipped to its end, whole or in pieces', () => {
    const long = `a{b="${'x'.repeat(300)}"} 1`
    const limits = { ...SAMPLE_LIMITS, longestLine: 100 }
    expect(parserOf(`${long}\na 2`, limits).samples.map(plain)).toEqual([['a', {}, 2]])
    const parser = new SampleParser(WANTED, limits)
    for (const letter of `${long}\na 2`) parser.push(Buffer.from(letter))
    expect(parser.end().map(plain)).toEqual([['a', {}, 2]])
    expect(parser.unreadable).toBe(1)
  })

  test('samples beyond the limit are counted, not kept', () => {
    const { samples, skipped } = parserOf('a 1\na 2\nb 3\na 4\n', { ...SAMPLE_LIMITS, mostSamples: 2 })
    expect([samples.length, skipped]).toEqual([2, 1])
  })
})
