import { describe, expect, test } from '@jest/globals'
import { finishPage, type EnginePage } from '../../exporter/src/exposition/finished-page.ts'
import { PageWriter, TAIL_BYTES } from '../../exporter/src/exposition/page.ts'
import { catalogue } from '../../exporter/src/exposition/catalogue.ts'

const TEXT = `# HELP ${catalogue.processes.name} ${catalogue.processes.help}
# TYPE ${catalogue.processes.name} gauge
${catalogue.processes.name} 3
`
const OPEN_METRICS = `# TYPE ${catalogue.processes.name} gauge
# HELP ${catalogue.processes.name} ${catalogue.processes.help}
${catalogue.processes.name} 3
`

/** Memory as it comes from the engine's thread. */
function written(): EnginePage {
  const writer = new PageWriter()
  writer.table(catalogue.processes, [{ labels: [], value: 3 }])
  const { text, openMetrics } = writer.finish()
  return {
    text: text.buffer as ArrayBuffer,
    textLength: text.length,
    openMetrics: openMetrics.buffer as ArrayBuffer,
    openMetricsLength: openMetrics.length,
  }
}

/** Three bytes a character. */
const tailOf = (bytes: number): string => `${'€'.repeat((bytes - 1) / 3)}\n`

const textIn = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

describe('a finished page', () => {
  test.each([
    ['short', '\nmore 1\n', 'more 1\n'],
    ['empty', '', ''],
    ['as long as the room', tailOf(TAIL_BYTES - 6 - ((TAIL_BYTES - 7) % 3)), ''],
  ])('with a tail that is %s lies where the engine wrote it', (_, text, openMetrics) => {
    const page = written()
    const finished = finishPage(page, { text, openMetrics })
    expect(textIn(finished.text)).toBe(TEXT + text)
    expect(textIn(finished.openMetrics)).toBe(`${OPEN_METRICS}${openMetrics}# EOF\n`)
    expect(finished.text.buffer).toBe(page.text)
    expect(finished.openMetrics.buffer).toBe(page.openMetrics)
  })

  test('is right with a tail that does not fit, and the memory can be used again', () => {
    const page = written()
    const tail = { text: tailOf(3 * TAIL_BYTES + 1), openMetrics: tailOf(3 * TAIL_BYTES + 4) }
    const finished = finishPage(page, tail)
    new Uint8Array(page.text).fill(0)
    new Uint8Array(page.openMetrics).fill(0)
    expect(textIn(finished.text)).toBe(TEXT + tail.text)
    expect(textIn(finished.openMetrics)).toBe(`${OPEN_METRICS}${tail.openMetrics}# EOF\n`)
  })

  test.each([0, 1])('a tail that ends %d bytes beyond the memory', (beyond) => {
    const page = written()
    const room = page.text.byteLength - page.textLength
    const tail = 'x'.repeat(room + beyond)
    const finished = finishPage(page, { text: tail, openMetrics: '' })
    expect(textIn(finished.text)).toBe(TEXT + tail)
    expect(finished.text.buffer === page.text).toBe(beyond === 0)
  })

  test('may be as long as it was, with nothing of an earlier and longer one behind it', () => {
    const page = written()
    finishPage(page, { text: '\nlonger 1\n', openMetrics: 'longer 1\n' })
    const finished = finishPage(page, { text: '\nx 1\n', openMetrics: 'x 1\n' })
    expect(textIn(finished.text)).toBe(`${TEXT}\nx 1\n`)
    expect(textIn(finished.openMetrics)).toBe(`${OPEN_METRICS}x 1\n# EOF\n`)
  })
})
