/** What `proxy` and `demo` take from the command line. */
import { describe, expect, test } from '@jest/globals'
import { parseFlags, UsageError } from '../../exporter/src/config/flags.ts'

describe('proxy', () => {
  const TARGET = '--target=http://127.0.0.1:11434'
  const PROXY = {
    listen: '127.0.0.1:11435',
    host: '127.0.0.1',
    port: 11_435,
    target: 'http://127.0.0.1:11434',
    workload: '',
    namespace: '',
    server: '',
  }

  test.each([
    [[TARGET], {}],
    [[`${TARGET}/`], {}],
    [['--target=https://[::1]:8443'], { target: 'https://[::1]:8443' }],
    [[TARGET, '--listen=[::]:80'], { listen: '[::]:80', host: '::', port: 80 }],
    [
      [TARGET, '--workload=chat', '--namespace', 'prod', '--server=vllm'],
      { workload: 'chat', namespace: 'prod', server: 'vllm' },
    ],
  ])('%j', (argv, expected) => {
    const flags = parseFlags(['proxy', ...argv], {})
    expect(flags).toHaveProperty('command', 'proxy')
    expect(flags).toHaveProperty('proxy', { ...PROXY, ...expected })
  })

  const TARGET_FORM =
    'must be an address such as http://127.0.0.1:11434, without a path: paths are those of the requests'
  const LISTEN_FORM =
    'must be an address with a port, such as 127.0.0.1:11435; 0.0.0.0:11435 for all addresses of the machine'

  test.each([
    [['proxy'], `--target is needed: ${TARGET_FORM}`],
    [['proxy', '--target=http://127.0.0.1:1/v1'], `--target: ${TARGET_FORM}`],
    [['proxy', '--target=http://me:secret@127.0.0.1:1'], `--target: ${TARGET_FORM}`],
    [['proxy', TARGET, '--listen=:11435'], `--listen: ${LISTEN_FORM}`],
    [['proxy', TARGET, '--listen=localhost:11434'], '--target: is the proxy itself'],
    [[TARGET], '--target is a flag of proxy, not of serve'],
  ])('%j is refused', (argv, message) => {
    expect(() => parseFlags(argv, {})).toThrow(new UsageError(message))
  })
})

describe('demo', () => {
  test.each([
    [[], undefined],
    [['--demo.history-path=a.txt'], { historyPath: 'a.txt', historySeconds: 172_800 }],
    [
      ['--demo.history-path=a.txt', '--demo.history-length=36h'],
      { historyPath: 'a.txt', historySeconds: 129_600 },
    ],
  ])('%j', (argv, history) => {
    const flags = parseFlags(['demo', ...argv], {})
    expect(flags).toHaveProperty('command', 'demo')
    expect(flags).toHaveProperty('demo', { history, recording: undefined })
  })

  test('records rules in a Prometheus that has the history', () => {
    const flags = parseFlags(['demo', '--demo.record-url=http://localhost:9090/'], {})
    expect(flags).toHaveProperty('demo', {
      history: undefined,
      recording: { url: 'http://localhost:9090', historySeconds: 172_800 },
    })
  })

  test.each([
    [
      ['demo', '--demo.history-length=61d'],
      '--demo.history-length: 61d is no time such as 36h or 2d, from 1h to 60d',
    ],
    [
      ['demo', '--demo.history-length=0h'],
      '--demo.history-length: 0h is no time such as 36h or 2d, from 1h to 60d',
    ],
    [
      ['demo', '--demo.record-url=localhost:9090'],
      '--demo.record-url: localhost:9090 is no address such as http://localhost:9090',
    ],
    [
      ['demo', '--demo.history-path=a.txt', '--demo.record-url=http://localhost:9090'],
      '--demo.record-url: write the history first, and record when Prometheus has it',
    ],
    [['--demo.history-length=1d'], '--demo.history-length is a flag of demo, not of serve'],
  ])('%j is refused', (argv, message) => {
    expect(() => parseFlags(argv, {})).toThrow(new UsageError(message))
  })
})
