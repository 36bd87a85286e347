import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { checkedLine, readCheckedLines } from '../../exporter/src/storage/checked-lines.ts'

describe('checked lines', () => {
  test('give back what was written', () => {
    fc.assert(
      fc.property(fc.array(fc.json().map((text) => JSON.parse(text) as unknown)), (values) => {
        expect(readCheckedLines(values.map(checkedLine).join(''))).toEqual({ values, ending: 'whole' })
      }),
    )
  })

  test('cut at any byte, give back the lines before it', () => {
    const lines = [{ tick: 1, name: 'größer\n' }, { tick: 2 }, { tick: 3 }].map(checkedLine)
    const bytes = Buffer.from(lines.join(''))
    const ends = lines.map((_, index) => Buffer.byteLength(lines.slice(0, index + 1).join('')))
    for (let length = 0; length <= bytes.length; length += 1) {
      const { values, ending } = readCheckedLines(bytes.toString('utf8', 0, length))
      expect(values).toHaveLength(ends.filter((end) => end <= length).length)
      expect(ending).toBe(length === 0 || ends.includes(length) ? 'whole' : 'torn')
    }
  })

  test('with any one byte changed, never give a value that was not written', () => {
    const text = [{ tick: 1 }, { tick: 2 }].map(checkedLine).join('')
    for (let index = 0; index < text.length; index += 1) {
      const changed = `${text.slice(0, index)}${text[index] === '7' ? '8' : '7'}${text.slice(index + 1)}`
      const { values, ending } = readCheckedLines(changed)
      expect(values).toEqual([{ tick: 1 }, { tick: 2 }].slice(0, values.length))
      expect(values.length).toBeLessThan(2)
      expect(ending).not.toBe('whole')
    }
  })

  test('tell a spoilt line from a torn one', () => {
    const [one = '', two = ''] = [{ tick: 1 }, { tick: 2 }].map(checkedLine)
    expect(readCheckedLines(`${one.replace('1}', '3}')}${two}`)).toEqual({ values: [], ending: 'spoilt' })
    expect(readCheckedLines(`${one}${two.trimEnd()}`)).toEqual({ values: [{ tick: 1 }], ending: 'torn' })
    expect(readCheckedLines(`${one}${two.replace('2}', '3}')}`)).toEqual({
      values: [{ tick: 1 }],
      ending: 'spoilt',
    })
  })
})
