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
    [[], { historyPath: undefined, historyDays: 2 }],
    [
      ['--demo.history-path=history.txt', '--demo.history-days=30'],
      { historyPath: 'history.txt', historyDays: 30 },
    ],
  ])('%j', (argv, demo) => {
    const flags = parseFlags(['demo', ...argv], {})
    expect(flags).toHaveProperty('command', 'demo')
    expect(flags).toHaveProperty('demo', demo)
  })

  test.each([
    [['demo', '--demo.history-days=31'], '--demo.history-days: 31 is no number of days from 1 to 30'],
    [['demo', '--demo.history-days=1.5'], '--demo.history-days: 1.5 is no number of days from 1 to 30'],
    [['--demo.history-days=1'], '--demo.history-days is a flag of demo, not of serve'],
  ])('%j is refused', (argv, message) => {
    expect(() => parseFlags(argv, {})).toThrow(new UsageError(message))
  })
})
