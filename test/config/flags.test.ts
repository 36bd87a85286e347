import { describe, expect, test } from '@jest/globals'
import { environmentName, parseFlags, usageText, UsageError } from '../../exporter/src/config/flags.ts'

const DEFAULTS = {
  command: 'serve',
  listenAddress: { host: undefined, port: 10_451 },
  telemetryPath: '/metrics',
  webConfigFile: undefined,
  configFile: undefined,
  procfs: '/proc',
  sysfs: '/sys',
  rootfs: '/',
  logLevel: 'info',
  logFormat: 'logfmt',
}

describe('parseFlags', () => {
  test('nothing is needed', () => {
    expect(parseFlags([], {})).toEqual(DEFAULTS)
  })

  test.each([
    [['--web.listen-address=:80'], { listenAddress: { host: undefined, port: 80 } }],
    [['--web.listen-address', '127.0.0.1:0'], { listenAddress: { host: '127.0.0.1', port: 0 } }],
    [
      ['--web.listen-address=node-1.example:65535'],
      { listenAddress: { host: 'node-1.example', port: 65_535 } },
    ],
    [['--web.listen-address=[::1]:9'], { listenAddress: { host: '::1', port: 9 } }],
    [['--web.listen-address=[fe80::1%eth0]:9'], { listenAddress: { host: 'fe80::1%eth0', port: 9 } }],
    [['--web.telemetry-path=/'], { telemetryPath: '/' }],
    [['--web.telemetry-path', '/node/metrics'], { telemetryPath: '/node/metrics' }],
    [
      ['--web.config.file=web.yml', '--config.file', 'wattribute.yml'],
      { webConfigFile: 'web.yml', configFile: 'wattribute.yml' },
    ],
    [
      ['--path.procfs=/host/proc', '--path.sysfs=/host/sys', '--path.rootfs=/host'],
      { procfs: '/host/proc', sysfs: '/host/sys', rootfs: '/host' },
    ],
    [['--log.level=debug', '--log.format', 'json'], { logLevel: 'debug', logFormat: 'json' }],
    [['--log.level=debug', '--log.level=warn'], { logLevel: 'warn' }],
    [['--config.file=-'], { configFile: '-' }],
    [['serve'], {}],
    [['check-config'], { command: 'check-config' }],
    [
      ['--log.level=warn', 'check-config', '--config.file=a'],
      { command: 'check-config', logLevel: 'warn', configFile: 'a' },
    ],
  ])('%j', (argv, expected) => {
    expect(parseFlags(argv, {})).toEqual({ ...DEFAULTS, ...expected })
  })

  test.each([
    [['--help'], { help: true }],
    [['-h'], { help: true }],
    [['check-config', '--help'], { help: true }],
    [['--version'], { version: true }],
  ])('%j', (argv, expected) => {
    expect(parseFlags(argv, {})).toEqual(expected)
  })

  test.each([
    [['--web.listen-adress=:1'], 'unknown flag --web.listen-adress: did you mean --web.listen-address?'],
    [['--listen-address=:1'], 'unknown flag --listen-address: did you mean --web.listen-address?'],
    [['--verson'], 'unknown flag --verson: did you mean --version?'],
    [['--colour=red'], 'unknown flag --colour: see --help'],
    [['-x'], 'unknown flag -x: see --help'],
    [['--config.file'], '--config.file needs a value'],
    [['--config.file', '--log.level=debug'], '--config.file needs a value'],
    [['--help=yes'], '--help takes no value'],
    [['doctor'], 'unknown command doctor: known are serve and check-config'],
    [['check-config', 'my.yml'], 'check-config takes no argument: my.yml'],
    [
      ['--web.listen-address=10451'],
      '--web.listen-address: 10451 is not of the form :port, host:port or [ipv6]:port',
    ],
    [
      ['--web.listen-address=::1:80'],
      '--web.listen-address: ::1:80 is not of the form :port, host:port or [ipv6]:port',
    ],
    [
      ['--web.listen-address=http://a:80'],
      '--web.listen-address: http://a:80 is not of the form :port, host:port or [ipv6]:port',
    ],
    [['--web.listen-address=:65536'], '--web.listen-address: 65536 is no port; the highest is 65535'],
    [['--web.telemetry-path=metrics'], '--web.telemetry-path: metrics is not a path such as /metrics'],
    [['--web.telemetry-path=/:id'], '--web.telemetry-path: /:id is not a path such as /metrics'],
    [['--web.telemetry-path=/healthz'], '--web.telemetry-path: /healthz is taken by the exporter itself'],
    [['--log.level=trace'], '--log.level: trace is not one of debug, info, warn, error'],
    [['--log.format=text'], '--log.format: text is not one of logfmt, json'],
  ])('%j is refused', (argv, message) => {
    expect(() => parseFlags(argv, {})).toThrow(new UsageError(message))
  })
})

describe('the environment', () => {
  test('every flag has a variable, and the flag wins', () => {
    const env = {
      WATTRIBUTE_WEB_LISTEN_ADDRESS: ':1',
      WATTRIBUTE_WEB_TELEMETRY_PATH: '/m',
      WATTRIBUTE_WEB_CONFIG_FILE: 'web.yml',
      WATTRIBUTE_CONFIG_FILE: 'c.yml',
      WATTRIBUTE_PATH_PROCFS: '/p',
      WATTRIBUTE_PATH_SYSFS: '/s',
      WATTRIBUTE_PATH_ROOTFS: '/r',
      WATTRIBUTE_PATH_NVML: '/n.so',
      WATTRIBUTE_LOG_LEVEL: 'error',
      WATTRIBUTE_LOG_FORMAT: 'json',
    }
    expect(parseFlags(['--log.level=debug'], env)).toEqual({
      command: 'serve',
      listenAddress: { host: undefined, port: 1 },
      telemetryPath: '/m',
      webConfigFile: 'web.yml',
      configFile: 'c.yml',
      procfs: '/p',
      sysfs: '/s',
      rootfs: '/r',
      nvmlLibrary: '/n.so',
      logLevel: 'debug',
      logFormat: 'json',
    })
  })

  test('an empty variable counts as not set, and those of others are left alone', () => {
    const env = {
      WATTRIBUTE_LOG_LEVEL: '',
      WATTRIBUTE_PORT: 'tcp://10.0.0.1:80',
      WATTRIBUTE_SERVICE_HOST: '10.0.0.1',
    }
    expect(parseFlags([], env)).toEqual(DEFAULTS)
  })

  test('an error names the variable', () => {
    expect(() => parseFlags([], { WATTRIBUTE_LOG_LEVEL: 'loud' })).toThrow(
      new UsageError('WATTRIBUTE_LOG_LEVEL: loud is not one of debug, info, warn, error'),
    )
  })
})

describe('usageText', () => {
  test('has each flag with its default', () => {
    expect(environmentName('web.listen-address')).toBe('WATTRIBUTE_WEB_LISTEN_ADDRESS')
    expect(usageText.match(/^ {2}--[\w.-]+/gm)?.map((flag) => flag.trim())).toEqual([
      '--web.listen-address',
      '--web.telemetry-path',
      '--web.config.file',
      '--config.file',
      '--path.procfs',
      '--path.sysfs',
      '--path.rootfs',
      '--path.nvml',
      '--storage.path',
      '--log.level',
      '--log.format',
      '--help',
      '--version',
    ])
    expect(usageText).toContain('--web.listen-address=ADDRESS\n      Where to listen')
    expect(usageText).toContain('Default: :10451\n')
  })
})
