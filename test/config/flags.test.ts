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
  storagePath: '/var/lib/wattribute',
  marksSocket: '/run/wattribute/marks.sock',
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
    [['--storage.path=/data'], { storagePath: '/data' }],
    [['--storage.path='], { storagePath: undefined }],
    [['--marks.socket='], { marksSocket: undefined }],
    [['--marks.job-directory=/run/jobs'], { jobDirectory: '/run/jobs' }],
    [['--log.level=debug', '--log.format', 'json'], { logLevel: 'debug', logFormat: 'json' }],
    [['--log.level=debug', '--log.level=warn'], { logLevel: 'warn' }],
    [['--config.file=-'], { configFile: '-' }],
    [['serve'], {}],
    [
      ['rules', '--output=rules.yaml'],
      { command: 'rules', rules: { output: 'rules.yaml', burnRates: undefined } },
    ],
    [
      ['rules', '--burn-rate=5%/1d, 12.5%/3d'],
      {
        command: 'rules',
        rules: {
          output: undefined,
          burnRates: [
            { fraction: 0.05, window: '1d' },
            { fraction: 0.125, window: '3d' },
          ],
        },
      },
    ],
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
    [['doktor'], 'unknown command doktor: known are serve, check-config, demo, doctor, proxy, report, rules'],
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
    [
      ['rules', '--burn-rate=5/1d'],
      '--burn-rate: 5/1d is not a share of a budget within a window, such as 5%/1d',
    ],
    [
      ['rules', '--burn-rate=5%/1d,0%/1h'],
      '--burn-rate: 0%/1h is not a share of a budget within a window, such as 5%/1d',
    ],
    [
      ['rules', '--burn-rate=101%/1d'],
      '--burn-rate: 101%/1d is not a share of a budget within a window, such as 5%/1d',
    ],
    [
      ['rules', '--burn-rate=5%/0d'],
      '--burn-rate: 5%/0d is not a share of a budget within a window, such as 5%/1d',
    ],
    [['rules', '--burn-rate=5%/1d,6%/1d'], '--burn-rate: the window 1d is given twice'],
    [['--log.format=text'], '--log.format: text is not one of logfmt, json'],
  ])('%j is refused', (argv, message) => {
    expect(() => parseFlags(argv, {})).toThrow(new UsageError(message))
  })
})

describe('doctor', () => {
  const DOCTOR = { json: false, workloads: false, calibrate: false, calibrateSeconds: 60, output: undefined }

  test.each([
    [[], {}],
    [['--json'], { json: true }],
    [['--calibrate'], { calibrate: true }],
    [['--workloads', '--json'], { workloads: true, json: true }],
    [
      ['--calibrate', '--calibrate.seconds=600', '--output', 'baselines.yml'],
      { calibrate: true, calibrateSeconds: 600, output: 'baselines.yml' },
    ],
  ])('%j', (argv, expected) => {
    expect(parseFlags(['doctor', ...argv], {})).toEqual({
      ...DEFAULTS,
      command: 'doctor',
      doctor: { ...DOCTOR, ...expected },
    })
  })

  test.each([
    [['doctor', '--json', '--calibrate'], '--json and --calibrate do not go together'],
    [['doctor', '--workloads', '--calibrate'], '--workloads and --calibrate do not go together'],
    [['doctor', '--output=x'], '--output needs --calibrate'],
    [['doctor', '--calibrate.seconds=9'], '--calibrate.seconds: 9 is not a number from 10 to 3600'],
    [['doctor', '--calibrate.seconds=1m'], '--calibrate.seconds: 1m is not a number from 10 to 3600'],
    [['doctor', '--json=yes'], '--json takes no value'],
    [['--json'], '--json is a flag of doctor, not of serve'],
    [['report', '--period=2026', '--calibrate'], '--calibrate is a flag of doctor, not of report'],
    [['check-config', '--output=x'], '--output is a flag of doctor and rules, not of check-config'],
  ])('%j is refused', (argv, message) => {
    expect(() => parseFlags(argv, {})).toThrow(new UsageError(message))
  })
})

describe('report', () => {
  const REPORT = {
    period: '2026-10',
    format: 'table',
    timeZone: undefined,
    by: ['workload', 'namespace', 'model', 'variant', 'phase', 'part'],
    boundary: 'facility',
    prometheusUrl: undefined,
    bearerTokenFile: undefined,
  }

  test.each([
    [[], {}],
    [
      ['--format=csv', '--time-zone=Asia/Kathmandu', '--by=workload, part', '--boundary', 'host'],
      { format: 'csv', timeZone: 'Asia/Kathmandu', by: ['workload', 'part'], boundary: 'host' },
    ],
    [
      ['--prometheus.url=http://localhost:9090/prometheus', '--prometheus.bearer-token-file=token'],
      { prometheusUrl: new URL('http://localhost:9090/prometheus'), bearerTokenFile: 'token' },
    ],
  ])('%j', (argv, expected) => {
    expect(parseFlags(['report', '--period=2026-10', ...argv], {})).toEqual({
      ...DEFAULTS,
      command: 'report',
      report: { ...REPORT, ...expected },
    })
  })

  test('the environment serves it as well, and disturbs no other command', () => {
    const env = { WATTRIBUTE_PERIOD: '2026-10' }
    expect(parseFlags(['report'], env)).toMatchObject({ report: { period: '2026-10' } })
    expect(parseFlags([], env)).toEqual(DEFAULTS)
  })

  test.each([
    [['report'], 'report needs a period, such as --period=2026-10'],
    [['serve', '--period=2026-10'], '--period is a flag of report, not of serve'],
    [['report', '--output=a'], '--output is a flag of doctor and rules, not of report'],
    [['--prometheus.url=http://a'], '--prometheus.url is a flag of report, not of serve'],
    [['report', '--period=2026', '--format=xml'], '--format: xml is not one of table, markdown, csv, json'],
    [
      ['report', '--period=2026', '--time-zone=Europe/Belrin'],
      '--time-zone: Europe/Belrin is not a time zone that is known here: did you mean Europe/Berlin?',
    ],
    [
      ['report', '--period=2026', '--by=workload,pod'],
      '--by: pod is not one of workload, namespace, kind, model, variant, phase, component, part, method',
    ],
    [['report', '--period=2026', '--by=part,part'], '--by: part,part names a column twice'],
    [
      ['report', '--period=2026', '--boundary=rack'],
      '--boundary: rack is not one of accelerator, host, provisioned, facility',
    ],
    [
      ['report', '--period=2026', '--prometheus.url=localhost:9090'],
      '--prometheus.url: not an address such as http://localhost:9090',
    ],
    [
      ['report', '--period=2026', '--prometheus.url=http://me:secret@localhost:9090'],
      '--prometheus.url: no user or password in an address: use --prometheus.bearer-token-file',
    ],
    [
      ['report', '--period=2026', '--prometheus.url=http://localhost:9090/?a=b'],
      '--prometheus.url: an address ends before ? and #',
    ],
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
      WATTRIBUTE_STORAGE_PATH: '/d',
      WATTRIBUTE_MARKS_SOCKET: '/m.sock',
      WATTRIBUTE_MARKS_JOB_DIRECTORY: '/j',
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
      storagePath: '/d',
      marksSocket: '/m.sock',
      jobDirectory: '/j',
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
      '--marks.socket',
      '--marks.job-directory',
      '--log.level',
      '--log.format',
      '--help',
      '--version',
      '--demo.history-path',
      '--demo.history-length',
      '--demo.record-url',
      '--calibrate.seconds',
      '--output',
      '--json',
      '--workloads',
      '--calibrate',
      '--target',
      '--listen',
      '--workload',
      '--namespace',
      '--server',
      '--period',
      '--format',
      '--time-zone',
      '--by',
      '--boundary',
      '--prometheus.url',
      '--prometheus.bearer-token-file',
      '--output',
      '--burn-rate',
    ])
    expect(usageText).toContain('--web.listen-address=ADDRESS\n      Where to listen')
    expect(usageText).toContain('Default: :10451\n')
  })
})
