import { afterAll, describe, expect, test } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, describeConfig, loadConfig, type Config } from '../../exporter/src/config/load.ts'

/** As a person reads them. */
const topKeys = (): string =>
  describeConfig()
    .map(({ key }) => key)
    .filter((key) => !/[.[]/.test(key))
    .map((key) => `\`${key}\``)
    .join(', ')

const folder = mkdtempSync(join(tmpdir(), 'wattribute-config-'))
const file = join(folder, 'wattribute.yml')

afterAll(() => {
  rmSync(folder, { recursive: true })
})

function load(text: string | Uint8Array): Config {
  writeFileSync(file, text)
  return loadConfig(file, () => 'Asia/Kathmandu')
}

/** What is said about a file, without its path. */
function problemsOf(text: string | Uint8Array): readonly string[] {
  try {
    load(text)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

const DEFAULTS = {
  tickSeconds: 1,
  birthHoldSeconds: 30,
  expireAfterSeconds: 600,
  idlePolicy: 'holders',
  baselines: [],
  nvidia: { enabled: true },
  powerModel: { enabled: true },
  hwmon: [],
  nesting: [],
  processes: { enabled: true, top: 50 },
  seriesLimit: 20_000,
  timeZone: 'Asia/Kathmandu',
  node: '',
  zone: '',
  pue: undefined,
  devices: { ipmi: [], redfish: [], snmp: [], nut: [], modbus: [], http: [], prometheus: [] },
  kubelet: {
    url: 'https://127.0.0.1:10250',
    tokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token',
    caFile: '',
  },
  workloads: [],
  queries: { discovery: true, period: 10, timeout: 3, servers: [] },
  proxies: [],
  tokens: [],
  budgets: [],
  demand: [],
  report: { price: undefined, emissions: undefined },
}

describe('the example in the documentation', () => {
  const example = readFileSync(new URL('../../docs/example.yaml', import.meta.url), 'utf8')

  test('is good', () => {
    expect(problemsOf(example)).toEqual([])
  })

  test.each(describeConfig().map(({ key }) => key))('shows %s', (key) => {
    expect(example).toMatch(new RegExp(`^[ -]*${key.split('.').at(-1)?.replace('[]', '') ?? ''}:`, 'm'))
  })
})

describe('a good file', () => {
  test.each([
    ['no file at all', undefined],
    ['an empty file', ''],
    ['only comments', '# tick_seconds: 5\n'],
    ['an empty document', '---\n'],
    ['a byte order mark', '\u{feff}'],
    ['keys without values', 'tick_seconds:\nbaselines:\npower_model:\n  cpu_idle_watts:\nprocesses:\n'],
  ])('%s gives the defaults', (_, text) => {
    expect(text === undefined ? loadConfig(undefined, () => 'Asia/Kathmandu') : load(text)).toEqual(DEFAULTS)
  })

  test('every key is taken', () => {
    const text = `
tick_seconds: 0.5
birth_hold_seconds: 0
expire_after_seconds: 60
idle_policy: proportional
baselines:
  - domain: package-0
    watts: 35.5
  - { domain: dram-0, watts: 0, source: calibrated }
nvidia: { enabled: false }
hwmon:
  - { chip: corsairpsu, label: power total, domain: psu, component: node }
  - { chip: hwmon3, input: energy1, domain: fans, component: board, within: psu }
nesting:
  - { domain: GPU-1, within: psys }
  - { domain: psu, within: '' }
power_model:
  enabled: false
  cpu_idle_watts: 40
  cpu_max_watts: 40
  memory_watts: 6
processes: { enabled: false, top: 1000 }
series_limit: 100
time_zone: Europe/Berlin
node: gpu-07
zone: hall-1
pue: 1.3
kubelet:
  url: http://127.0.0.1:10255
  ca_file: /etc/ca.crt
queries:
  discovery: false
  period_seconds: 5
  timeout_seconds: 0.5
  servers:
    - { url: 'http://127.0.0.1:8000/', workload: chat }
    - url: https://[::1]:8443
      preset: sglang
      workload: embed
      namespace: prod
      model: bge-m3
      path: /sub/metrics
      token_file: /etc/token
      headers_file: /etc/headers
      ca_file: /etc/ca.crt
      insecure_skip_verify: true
proxies:
  - { listen: '[::1]:11435', target: 'http://localhost:11434/' }
  - { listen: 0.0.0.0:8001, target: https://gpu-2:8443, workload: chat, namespace: prod, server: vllm }
tokens:
  - { name: jobs, token_file: /etc/token, allow: [marks, reload] }
  - { name: gateway, sha256: '${'ab'.repeat(32)}' }
report:
  price_per_kwh: 0
  currency: EUR
  price_source: contract
  price_date: 2026-01-01
  emissions_grams_per_kwh: 363.5
  emissions_source: grid operator
  emissions_date: 2026-02-28
`
    expect(load(text)).toEqual({
      tickSeconds: 0.5,
      birthHoldSeconds: 0,
      expireAfterSeconds: 60,
      idlePolicy: 'proportional',
      baselines: [
        { domain: 'package-0', watts: 35.5, source: 'configured' },
        { domain: 'dram-0', watts: 0, source: 'calibrated' },
      ],
      nvidia: { enabled: false },
      powerModel: { enabled: false, cpuIdleWatts: 40, cpuMaxWatts: 40, memoryWatts: 6 },
      hwmon: [
        { chip: 'corsairpsu', label: 'power total', domain: 'psu', component: 'node', within: '' },
        { chip: 'hwmon3', input: 'energy1', domain: 'fans', component: 'board', within: 'psu' },
      ],
      nesting: [
        { domain: 'GPU-1', within: 'psys' },
        { domain: 'psu', within: '' },
      ],
      processes: { enabled: false, top: 1000 },
      seriesLimit: 100,
      timeZone: 'Europe/Berlin',
      node: 'gpu-07',
      zone: 'hall-1',
      pue: 1.3,
      devices: DEFAULTS.devices,
      kubelet: {
        url: 'http://127.0.0.1:10255',
        tokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token',
        caFile: '/etc/ca.crt',
      },
      workloads: [],
      queries: {
        discovery: false,
        period: 5,
        timeout: 0.5,
        servers: [
          {
            url: 'http://127.0.0.1:8000',
            preset: '',
            workload: 'chat',
            namespace: '',
            model: '',
            path: '',
            tokenFile: '',
            headersFile: '',
            caFile: '',
            isVerified: true,
          },
          {
            url: 'https://[::1]:8443',
            preset: 'sglang',
            workload: 'embed',
            namespace: 'prod',
            model: 'bge-m3',
            path: '/sub/metrics',
            tokenFile: '/etc/token',
            headersFile: '/etc/headers',
            caFile: '/etc/ca.crt',
            isVerified: false,
          },
        ],
      },
      proxies: [
        {
          listen: '[::1]:11435',
          host: '::1',
          port: 11_435,
          target: 'http://localhost:11434',
          workload: '',
          namespace: '',
          server: '',
        },
        {
          listen: '0.0.0.0:8001',
          host: '0.0.0.0',
          port: 8001,
          target: 'https://gpu-2:8443',
          workload: 'chat',
          namespace: 'prod',
          server: 'vllm',
        },
      ],
      tokens: [
        { name: 'jobs', tokenFile: '/etc/token', sha256: '', allow: ['marks', 'reload'] },
        { name: 'gateway', tokenFile: '', sha256: 'ab'.repeat(32), allow: ['marks', 'queries'] },
      ],
      budgets: [],
      demand: [],
      report: {
        price: { perKwh: 0, currency: 'EUR', source: 'contract', date: '2026-01-01' },
        emissions: { gramsPerKwh: 363.5, source: 'grid operator', date: '2026-02-28' },
      },
    })
  })

  test('anchors, aliases and merge keys are followed', () => {
    const text = `
baselines:
  - &package
    domain: package-0
    watts: 30
  - <<: *package
    domain: package-1
`
    expect(load(text).baselines).toEqual([
      { domain: 'package-0', watts: 30, source: 'configured' },
      { domain: 'package-1', watts: 30, source: 'configured' },
    ])
  })

  test('the settings are frozen to the bottom', () => {
    const config = load('baselines: [{domain: a, watts: 1}]')
    for (const part of [config, config.baselines, config.baselines[0], config.powerModel, config.processes]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })
})

describe('a file that does not fit', () => {
  test.each([
    [
      'report:\n  price_per_kwh: 0.3\n  currency: EUR\n  price_source: contract',
      '`report.price_date` (line 2, column 3) is missing beside `price_per_kwh`',
    ],
    [
      'report:\n  emissions_source: guess',
      '`report.emissions_grams_per_kwh` (line 2, column 3) is missing beside `emissions_source`',
    ],
    ['tokens:\n  - name: a', '`tokens[0].token_file`'],
    ['tokens:\n  - { name: a, sha256: abc }', '`tokens[0].sha256`'],
    [
      'report:\n  price_per_kwh: -1\n  currency: EUR\n  price_source: x\n  price_date: 2026-02-28',
      '`report.price_per_kwh` (line 2, column 18) must be 0 or more',
    ],
    [
      'report:\n  emissions_date: 2026-02-30\n  emissions_grams_per_kwh: 1\n  emissions_source: x',
      '`report.emissions_date` (line 2, column 19) is not a day of the calendar: write it as 2026-10-01',
    ],
    ['tick_second: 5', 'unknown key `tick_second` (line 1, column 1): did you mean `tick_seconds`?'],
    [
      '\n\npower_model:\n  cpu_idle: 5',
      'unknown key `power_model.cpu_idle` (line 4, column 3): did you mean `power_model.cpu_idle_watts`?',
    ],
    [
      'baselines:\n  - domain: a\n    watts: 1\n    wats: 2',
      'unknown key `baselines[0].wats` (line 4, column 5): did you mean `baselines[0].watts`?',
    ],
    [
      'processes: {colour: 5}',
      'unknown key `processes.colour` (line 1, column 13): known here: `enabled`, `top`',
    ],
    ['nonsense:', `unknown key \`nonsense\` (line 1, column 1): known here: ${topKeys()}`],
    ['tick_seconds: 0.05', '`tick_seconds` (line 1, column 15) must be from 0.1 to 60'],
    ['tick_seconds: 61', '`tick_seconds` (line 1, column 15) must be from 0.1 to 60'],
    ['tick_seconds: .nan', '`tick_seconds` (line 1, column 15) must be a number, not .nan or .inf'],
    ['tick_seconds: .inf', '`tick_seconds` (line 1, column 15) must be a number, not .nan or .inf'],
    ['tick_seconds: "1"', '`tick_seconds` (line 1, column 15) must be a number, not text'],
    ['tick_seconds: [1]', '`tick_seconds` (line 1, column 15) must be a number, not a list'],
    ['birth_hold_seconds: -1', '`birth_hold_seconds` (line 1, column 21) must be from 0 to 600'],
    ['expire_after_seconds: 59', '`expire_after_seconds` (line 1, column 23) must be from 60 to 86400'],
    [
      'idle_policy: fair',
      '`idle_policy` (line 1, column 14) must be one of holders, proportional, equal, none',
    ],
    [
      'idle_policy: true',
      '`idle_policy` (line 1, column 14) must be one of holders, proportional, equal, none',
    ],
    [
      'proxies: [{listen: ":11435", target: "http://127.0.0.1:11434"}]',
      '`proxies[0].listen` (line 1, column 20) must be an address with a port, such as 127.0.0.1:11435; 0.0.0.0:11435 for all addresses of the machine',
    ],
    [
      'proxies: [{listen: "127.0.0.1:1", target: "http://user:secret@a:1/v1"}]',
      '`proxies[0].target` (line 1, column 43) must be an address such as http://127.0.0.1:11434, without a path: paths are those of the requests',
    ],
    [
      'proxies: [{listen: "0.0.0.0:1", target: "http://localhost:1"}]',
      '`proxies[0].target` (line 1, column 41) is the proxy itself',
    ],
    ['queries: {timeout_seconds: 0}', '`queries.timeout_seconds` (line 1, column 28) must be from 0.1 to 60'],
    ['queries: {period_seconds: 0.5}', '`queries.period_seconds` (line 1, column 27) must be from 1 to 300'],
    [
      'queries: {servers: [{url: "http://a:1/metrics", workload: w}]}',
      '`queries.servers[0].url` (line 1, column 27) must end with the port: what follows is the key `path`, and secrets belong in `token_file`',
    ],
    [
      'queries: {servers: [{url: "http://user:secret@a:1", workload: w}]}',
      '`queries.servers[0].url` (line 1, column 27) must end with the port: what follows is the key `path`, and secrets belong in `token_file`',
    ],
    [
      'queries: {servers: [{url: "ftp://a:1", workload: w}]}',
      '`queries.servers[0].url` (line 1, column 27) must be an URL such as http://127.0.0.1:8000',
    ],
    [
      'queries: {servers: [{url: "http://a:1", workload: v}, {url: "http://a:1", workload: w}]}',
      '`queries.servers[1].url` (line 1, column 61) is the address of a server above: its queries would count twice',
    ],
    [
      'queries: {servers: [{url: "http://a:1"}]}',
      '`queries.servers[0].workload` (line 1, column 21) is missing',
    ],
    ['series_limit: 99', '`series_limit` (line 1, column 15) must be from 100 to 1000000'],
    ['series_limit: 200.5', '`series_limit` (line 1, column 15) must be a whole number, not a fraction'],
    ['processes: {top: 0}', '`processes.top` (line 1, column 18) must be from 1 to 1000'],
    [
      'processes: {enabled: 1}',
      '`processes.enabled` (line 1, column 22) must be true or false, not a number',
    ],
    ['processes: false', '`processes` (line 1, column 12) must be a mapping, not true or false'],
    [
      'hwmon:\n  - {chip: a, domain: b, component: node}',
      '`hwmon[0].input` (line 2, column 5) is missing; `label` would do as well',
    ],
    [
      'hwmon:\n  - {chip: a, input: temp1, domain: b, component: node}',
      '`hwmon[0].input` (line 2, column 22) must be of the form power1 or energy1',
    ],
    [
      'nesting:\n  - {domain: a, within: b}\n  - {domain: a, within: c}',
      '`nesting[1].domain` (line 3, column 14) names a domain twice',
    ],
    ['baselines: {a: 1}', '`baselines` (line 1, column 12) must be a list, not a mapping'],
    ['baselines: [a]', '`baselines[0]` (line 1, column 13) must be a mapping, not text'],
    ['baselines:\n  - domain: a', '`baselines[0].watts` (line 2, column 5) is missing'],
    ['baselines:\n  - domain:\n    watts: 1', '`baselines[0].domain` (line 2, column 5) is missing'],
    ['baselines:\n  - {domain: "", watts: 1}', '`baselines[0].domain` (line 2, column 14) must not be empty'],
    ['baselines:\n  - {domain: a, watts: -1}', '`baselines[0].watts` (line 2, column 24) must be 0 or more'],
    [
      'baselines:\n  - {domain: a, watts: 1}\n  - {domain: a, watts: 2}',
      '`baselines[1].domain` (line 3, column 14) names a domain that has a baseline already',
    ],
    [
      'power_model: {cpu_idle_watts: 50, cpu_max_watts: 40}',
      '`power_model.cpu_max_watts` (line 1, column 50) must be at least `cpu_idle_watts`',
    ],
    [
      'tick_seconds: 1\ntick_seconds: 2',
      'key `tick_seconds` (line 2, column 1) was given before (line 1, column 1)',
    ],
    ['__proto__: {tick_seconds: 2}', '`__proto__` (line 1, column 1) cannot be a key'],
    ['constructor: 2', 'unknown key `constructor` (line 1, column 1): known here: '],
    ['- tick_seconds: 1', 'must be a mapping of keys to values, not a list'],
    ['tick_seconds', 'must be a mapping of keys to values, not text'],
    [
      'tick_seconds:\t1\n\tseries_limit: 100',
      'tabs are not allowed as indentation; use spaces (line 2, column 1)',
    ],
    ['baselines: [1', 'the indentation is wrong or a closing bracket is missing (line 1, column 14)'],
    ['idle_policy: "none', 'a quote, bracket, comma, colon or space is missing (line 1, column 19)'],
    [
      'idle_policy: none: x',
      'a key within a value: the indentation is wrong, or the value needs quotes (line 1, column 14)',
    ],
    ['--- {}\n--- {}', 'the file must hold one document only (line 2, column 1)'],
    ['idle_policy: *other', 'no anchor has the name of this alias (line 1, column 14)'],
    ['idle_policy: !fair none', 'the tag is not known (line 1, column 14)'],
    ['<<: 3', 'its aliases or merge keys (`<<`) cannot be resolved'],
    ['? [a]\n: 1', 'a key must be a plain word (line 1, column 3)'],
  ])('%j', (text, problem) => {
    const [first, ...others] = problemsOf(text)
    expect(first?.slice(0, problem.length)).toBe(problem)
    expect(others).toEqual([])
  })

  test('all problems are listed, in the order of the file', () => {
    const text = `tick_seconds: 99
tick_second: 5
power_model:
  cpu_idle_watts: 9
  cpu_max_watts: 3
  cpu_min_watts: 2
baselines: [{domain: a}]
idle_policy: fair
idle_policy: fairer
`
    expect(problemsOf(text)).toEqual([
      '`tick_seconds` (line 1, column 15) must be from 0.1 to 60',
      'unknown key `tick_second` (line 2, column 1): did you mean `tick_seconds`?',
      '`power_model.cpu_max_watts` (line 5, column 18) must be at least `cpu_idle_watts`',
      'unknown key `power_model.cpu_min_watts` (line 6, column 3): did you mean `power_model.cpu_max_watts`?',
      '`baselines[0].watts` (line 7, column 13) is missing',
      'key `idle_policy` (line 9, column 1) was given before (line 8, column 1)',
      '`idle_policy` (line 9, column 14) must be one of holders, proportional, equal, none',
    ])
  })

  test('a problem that came in through an alias is shown where it is written', () => {
    const text = 'baselines:\n  - &a {domain: a, wats: 1}\n  - {<<: *a, domain: b, watts: 2}\n'
    expect(problemsOf(text)).toEqual([
      '`baselines[0].watts` (line 2, column 8) is missing',
      'unknown key `baselines[0].wats` (line 2, column 20): did you mean `baselines[0].watts`?',
      'unknown key `baselines[1].wats` (line 2, column 20): did you mean `baselines[1].watts`?',
    ])
  })

  test('aliases that multiply without end are refused', () => {
    const lines = ['baselines: &a0 [x, x, x, x, x, x, x, x, x]']
    for (let level = 1; level < 9; level++) {
      lines.push(
        `k${level}: &a${level} [${Array(9)
          .fill(`*a${level - 1}`)
          .join(', ')}]`,
      )
    }
    expect(problemsOf(lines.join('\n'))).toEqual(['its aliases or merge keys (`<<`) cannot be resolved'])
  })

  test('the message has the file on each line', () => {
    writeFileSync(file, 'tick_second: 5\nidle: 3\n')
    expect(() => loadConfig(file)).toThrow(
      new ConfigError(file, [
        'unknown key `tick_second` (line 1, column 1): did you mean `tick_seconds`?',
        'unknown key `idle` (line 2, column 1): did you mean `idle_policy`?',
      ]),
    )
    expect(() => loadConfig(file)).toThrow(`${file}: unknown key \`tick_second\``)
    expect(() => loadConfig(file)).toThrow(`\n${file}: unknown key \`idle\``)
  })
})

describe('a file that cannot be read', () => {
  test.each([
    ['missing.yml', 'cannot be read: no such file or directory (ENOENT)'],
    ['.', 'cannot be read: illegal operation on a directory (EISDIR)'],
  ])('%s', (name, problem) => {
    const path = join(folder, name)
    expect(() => loadConfig(path)).toThrow(new ConfigError(path, [problem]))
  })

  test('bytes that are no text', () => {
    expect(problemsOf(Uint8Array.of(0x61, 0xff, 0x00))).toEqual(['is not UTF-8 text'])
  })
})

/** Lists of devices, by what they speak; their own keys are told apart from the others. */
const DEVICE_KINDS = ['ipmi', 'redfish', 'snmp', 'nut', 'modbus', 'http', 'prometheus'] as const
const IN_DEVICE = new RegExp(`^(${DEVICE_KINDS.join('|')})\\[\\]\\.`)

describe('describeConfig', () => {
  test.each(DEVICE_KINDS)(
    'has of each device of %s what it is called, how it is asked and what it covers',
    (kind) => {
      const own = new Map(describeConfig().map(({ key, type }) => [key, type]))
      expect(
        [
          'name',
          'period_seconds',
          'timeout_seconds',
          'covers',
          'component',
          'within',
          'booked',
          'zone',
          'role',
          'max_watts',
          'meters',
          'meters[].name',
          'meters[].figures',
          'meters[].minus',
          'meters[].covers',
        ].map((key) => own.get(`${kind}[].${key}`)),
      ).toEqual([
        'text',
        'number from 1 to 3600',
        'number from 0.1 to 300',
        'one of `node`, `zone`',
        expect.stringMatching(/^one of `node`, `accelerator`/),
        'text',
        '`true` or `false`',
        'text',
        expect.stringMatching(/^one of `it`, `cooling`, `power`, `network`, `total`/),
        'number above 0',
        'list of mappings',
        'text',
        'list of texts',
        'list of texts',
        'one of `node`, `zone`',
      ])
    },
  )

  test('has every key, a mapping before its keys', () => {
    const keys = describeConfig().filter(({ key }) => !IN_DEVICE.test(key))
    expect(keys.map(({ key, type, default: otherwise }) => [key, type, otherwise])).toEqual([
      ['tick_seconds', 'number from 0.1 to 60', '1'],
      ['birth_hold_seconds', 'number from 0 to 600', '30'],
      ['expire_after_seconds', 'number from 60 to 86400', '600'],
      ['idle_policy', 'one of `holders`, `proportional`, `equal`, `none`', 'holders'],
      ['baselines', 'list of mappings', '[]'],
      ['baselines[].domain', 'text', 'required'],
      ['baselines[].watts', 'number from 0', 'required'],
      ['baselines[].source', 'one of `configured`, `calibrated`', 'configured'],
      ['nvidia', 'mapping', ''],
      ['nvidia.enabled', '`true` or `false`', 'true'],
      ['power_model', 'mapping', ''],
      ['power_model.enabled', '`true` or `false`', 'true'],
      ['power_model.cpu_idle_watts', 'number from 0', ''],
      ['power_model.cpu_max_watts', 'number from 0', ''],
      ['power_model.memory_watts', 'number from 0', ''],
      ['hwmon', 'list of mappings', '[]'],
      ['hwmon[].chip', 'text', 'required'],
      ['hwmon[].input', 'text', ''],
      ['hwmon[].label', 'text', ''],
      ['hwmon[].domain', 'text', 'required'],
      [
        'hwmon[].component',
        'one of `node`, `accelerator`, `cpu`, `memory`, `board`, `cooling`, `power`, `network`',
        'required',
      ],
      ['hwmon[].within', 'text', ''],
      ['nesting', 'list of mappings', '[]'],
      ['nesting[].domain', 'text', 'required'],
      ['nesting[].within', 'text', 'required'],
      ['processes', 'mapping', ''],
      ['processes.enabled', '`true` or `false`', 'true'],
      ['processes.top', 'whole number from 1 to 1000', '50'],
      ['series_limit', 'whole number from 100 to 1000000', '20000'],
      ['time_zone', 'text', ''],
      ['node', 'text', ''],
      ['zone', 'text', ''],
      ['pue', 'number from 1 to 10', ''],
      ...DEVICE_KINDS.map((kind) => [kind, 'list of mappings', '[]']),
      ['kubelet', 'mapping', ''],
      ['kubelet.url', 'text', 'https://127.0.0.1:10250'],
      ['kubelet.token_file', 'text', '/var/run/secrets/kubernetes.io/serviceaccount/token'],
      ['kubelet.ca_file', 'text', ''],
      ['workloads', 'list of mappings', '[]'],
      ['workloads[].match', 'mapping', 'required'],
      ['workloads[].match.command', 'text', ''],
      ['workloads[].match.environment', 'mapping', ''],
      ['workloads[].match.cgroup', 'text', ''],
      ['workloads[].match.unit', 'text', ''],
      ['workloads[].match.container', 'text', ''],
      ['workloads[].match.image', 'text', ''],
      ['workloads[].match.container_labels', 'mapping', ''],
      ['workloads[].match.pod', 'text', ''],
      ['workloads[].match.pod_labels', 'mapping', ''],
      ['workloads[].match.namespace', 'text', ''],
      ['workloads[].match.slurm_job', 'text', ''],
      ['workloads[].match.user', 'text', ''],
      ['workloads[].workload', 'text', ''],
      ['workloads[].namespace', 'text', ''],
      ['workloads[].kind', 'one of `training`, `inference`, `interactive`, `other`, `system`, `unknown`', ''],
      ['workloads[].model', 'text', ''],
      ['workloads[].variant', 'text', ''],
      ['queries', 'mapping', ''],
      ['queries.discovery', '`true` or `false`', 'true'],
      ['queries.period_seconds', 'number from 1 to 300', '10'],
      ['queries.timeout_seconds', 'number from 0.1 to 60', '3'],
      ['queries.servers', 'list of mappings', '[]'],
      ['queries.servers[].url', 'text', 'required'],
      ['queries.servers[].preset', expect.stringContaining('one of `vllm`, `ray-serve`, `sglang`'), ''],
      ['queries.servers[].workload', 'text', 'required'],
      ['queries.servers[].namespace', 'text', ''],
      ['queries.servers[].model', 'text', ''],
      ['queries.servers[].path', 'text', ''],
      ['queries.servers[].token_file', 'text', ''],
      ['queries.servers[].headers_file', 'text', ''],
      ['queries.servers[].ca_file', 'text', ''],
      ['queries.servers[].insecure_skip_verify', '`true` or `false`', 'false'],
      ['proxies', 'list of mappings', '[]'],
      ['proxies[].listen', 'text', 'required'],
      ['proxies[].target', 'text', 'required'],
      ['proxies[].workload', 'text', ''],
      ['proxies[].namespace', 'text', ''],
      ['proxies[].server', 'text', ''],
      ['tokens', 'list of mappings', '[]'],
      ['tokens[].name', 'text', 'required'],
      ['tokens[].token_file', 'text', ''],
      ['tokens[].sha256', 'text', ''],
      ['tokens[].allow', 'list of `marks`, `queries`, `reload`', '["marks","queries"]'],
      ['budgets', 'list of mappings', '[]'],
      ['budgets[].name', 'text', 'required'],
      ['budgets[].match', 'mapping', ''],
      ['budgets[].match.workload', 'text', ''],
      ['budgets[].match.namespace', 'text', ''],
      [
        'budgets[].match.kind',
        'one of `training`, `inference`, `interactive`, `other`, `system`, `unknown`',
        '',
      ],
      ['budgets[].match.user', 'text', ''],
      ['budgets[].match.account', 'text', ''],
      ['budgets[].match.node', 'text', ''],
      ['budgets[].match.pod_labels', 'mapping', ''],
      ['budgets[].limit_kwh', 'number above 0 to 1000000000', ''],
      ['budgets[].limit_mwh', 'number above 0 to 1000000', ''],
      ['budgets[].limit_joules', 'number above 0 to 3600000000000000', ''],
      ['budgets[].boundary', 'one of `accelerator`, `host`, `provisioned`, `facility`', 'provisioned'],
      ['budgets[].facility_factor', 'number from 1 to 10', ''],
      ['budgets[].meter', 'text', ''],
      ['budgets[].scope', 'one of `node`, `cluster`', 'node'],
      ['budgets[].max_watts', 'number above 0', ''],
      ['budgets[].period', 'one of `day`, `week`, `month`, `dates`', 'month'],
      ['budgets[].billing_day', 'whole number from 1 to 31', ''],
      ['budgets[].from', 'text', ''],
      ['budgets[].to', 'text', ''],
      ['budgets[].time_zone', 'text', ''],
      ['demand', 'list of mappings', '[]'],
      ['demand[].meter', 'text', 'required'],
      ['demand[].block_minutes', 'one of `15`, `30`', '15'],
      ['demand[].limit_watts', 'number above 0', ''],
      ['demand[].max_watts', 'number above 0', ''],
      ['demand[].billing_day', 'whole number from 1 to 31', '1'],
      ['demand[].time_zone', 'text', ''],
      ['report', 'mapping', ''],
      ['report.price_per_kwh', 'number from 0', ''],
      ['report.currency', 'text', ''],
      ['report.price_source', 'text', ''],
      ['report.price_date', 'text', ''],
      ['report.emissions_grams_per_kwh', 'number from 0', ''],
      ['report.emissions_source', 'text', ''],
      ['report.emissions_date', 'text', ''],
    ])
  })

  test('says a sentence about each', () => {
    for (const { description } of describeConfig()) expect(description).toMatch(/^[A-Z].*\.$/)
  })
})
