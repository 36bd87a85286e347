import { describe, expect, test } from '@jest/globals'
import { createLogger, type LogFormat, type LogLevel } from '../exporter/src/log.ts'
import type { Logger } from 'pino'

/** @returns the lines that were logged, without their time */
function logged(level: LogLevel, format: LogFormat, say: (log: Logger) => void): string[] {
  const lines: string[] = []
  say(createLogger({ level, format, sink: { write: (line) => lines.push(line) } }))
  return lines.map((line) =>
    line.replace(/time=\d{4}-\d\d-\d\dT[\d:.]+Z /, '').replace(/"time":"\d{4}-\d\d-\d\dT[\d:.]+Z",/, ''),
  )
}

describe('logfmt', () => {
  test('one line for each event, fields after the level', () => {
    expect(
      logged('info', 'logfmt', (log) => {
        log.info({ sensor: 'rapl', domains: 2, up: true, none: null }, 'read')
        log.debug('not this')
        log.child({ sensor: 'ipmi' }).warn('slow')
      }),
    ).toEqual([
      'level=info sensor=rapl domains=2 up=true none=null msg=read\n',
      'level=warn sensor=ipmi msg=slow\n',
    ])
  })

  test.each([
    ['two words', '"two words"'],
    ['', '""'],
    ['a=b', '"a=b"'],
    ['say "hi"', '"say \\"hi\\""'],
    ['C:\\', '"C:\\\\"'],
    ['end\nlevel=error', '"end\\nlevel=error"'],
    ['\u001b[31mred', '"\\u001b[31mred"'],
    ['\u009b31m', '"\\u009b31m"'],
    ['\u202egpj.exe', '"\\u202egpj.exe"'],
    ['\u2028', '"\\u2028"'],
    ['häuser', 'häuser'],
  ])('%j is written as %s', (value, text) => {
    expect(logged('info', 'logfmt', (log) => log.info({ value }, 'x'))).toEqual([
      `level=info value=${text} msg=x\n`,
    ])
  })

  test('keys are one word, nested fields have a path', () => {
    const lines = logged('info', 'logfmt', (log) =>
      log.info({ 'a b="c': 1, at: { line: 3, column: [1, 2] } }, 'x'),
    )
    expect(lines).toEqual(['level=info a_b__c=1 at.line=3 at.column.0=1 at.column.1=2 msg=x\n'])
  })

  test('errors have their message and stack on the same line', () => {
    const [line] = logged('error', 'logfmt', (log) => log.error({ err: new RangeError('too far') }, 'failed'))
    expect(line).toMatch(
      /^level=error err\.type=RangeError err\.message="too far" err\.stack="RangeError: .*" msg=failed\n$/,
    )
  })
})

describe.each(['logfmt', 'json'] as const)('secrets in %s', (format) => {
  test('are never written, however deep', () => {
    const error = Object.assign(new Error('refused'), {
      request: { headers: { Authorization: 'Basic c2VjcmV0' } },
    })
    const text = logged('info', format, (log) => {
      log.info(
        {
          password: 'hunter2',
          bmc: { user: 'admin', Password: 'hunter2', list: [{ api_token: 'hunter2' }] },
        },
        'a',
      )
      log.info(
        { bearerToken: 'hunter2', clientSecret: { value: 'hunter2' }, 'proxy-authorization': 'hunter2' },
        'b',
      )
      log.child({ secret: 'hunter2' }).error({ err: error }, 'c')
    }).join('')
    expect(text).not.toMatch(/hunter2|c2VjcmV0/)
    expect(text.match(/\[redacted\]/g)).toHaveLength(8)
    expect(text).toContain('admin')
  })

  test('counts of tokens are no secrets', () => {
    expect(logged('info', format, (log) => log.info({ tokens: 1234 }, 'a')).join('')).toContain('1234')
  })
})

test('json keeps one object a line', () => {
  expect(logged('warn', 'json', (log) => log.warn({ value: 'a\nb' }, 'x'))).toEqual([
    '{"level":"warn","value":"a\\nb","msg":"x"}\n',
  ])
})
