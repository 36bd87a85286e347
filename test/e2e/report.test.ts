/** `wattribute report` from the command line: over a history, and over a real Prometheus. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HistoryStore } from '../../exporter/src/history-store.ts'
import { seconds } from '../../exporter/src/units.ts'
import { Calendar } from '../../exporter/src/workloads/calendar.ts'
import { History } from '../../exporter/src/workloads/history.ts'
import { asRoot, requireProgram } from '../programs.ts'
import { at, idle, used, workload } from '../workloads/books.ts'
import { CLI } from './exporter-process.ts'
import { PrometheusServer } from './prometheus-server.ts'

jest.setTimeout(120_000)

const folder = mkdtempSync(join(tmpdir(), 'wattribute-report-'))
const storage = join(folder, 'state')

afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function report(words: readonly string[], env: Readonly<Record<string, string>> = {}): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, 'report', ...words], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, TZ: 'UTC', ...env },
  })
  return { status, stdout, stderr }
}

/** The same while this process answers. */
async function reportMeanwhile(words: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, [CLI, 'report', ...words], { env: { ...process.env, TZ: 'UTC' } })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, stdout, stderr }
}

/** Two weeks of October in Berlin, 1 kWh an hour to one workload and 0.1 kWh to nobody. */
function keepHistory(): void {
  const history = new History(new Calendar('Europe/Berlin'))
  const store = new HistoryStore(storage, (sentence) => {
    throw new Error(sentence)
  })
  const start = at('2026-10-18T22:00:00Z')
  for (let hour = 0; hour < 14 * 24; hour += 1) {
    const from = seconds(start + hour * 3600)
    const span = { from, to: seconds(from + 3600) }
    history.book([used(3.6e12, workload('train, "big"', { namespace: 'ml' })), idle(3.6e11)], span)
    store.append(history.advance(span.to))
  }
}

interface Content {
  readonly node: string
  readonly notes: readonly string[]
  readonly coverage: Readonly<Record<string, unknown>>
  readonly workloads: readonly Readonly<Record<string, string>>[]
  readonly unattributed: readonly Readonly<Record<string, string>>[]
  readonly totals: Readonly<Record<string, Readonly<Record<string, string>>>>
}

const contentOf = ({ stdout }: Ran): Content => JSON.parse(stdout) as Content

describe('over the history', () => {
  beforeAll(keepHistory)

  test('a day of 25 hours, in the time zone asked for', () => {
    const ran = report([
      `--storage.path=${storage}`,
      '--period=2026-10-25',
      '--time-zone=Europe/Berlin',
      '--format=json',
    ])
    expect(ran).toMatchObject({ status: 0, stderr: '' })
    expect(contentOf(ran)).toMatchObject({
      coverage: { observed_seconds: 25 * 3600, exporter_down_seconds: 0 },
      workloads: [{ workload: 'train, "big"', namespace: 'ml', joules: '90000000.000000', kwh: '25.000000' }],
      unattributed: [{ reason: 'idle', kwh: '2.500000' }],
      totals: { together: { joules: '99000000.000000', kwh: '27.500000' } },
    })
  })

  test('with the time zone, the node and the factors of the configuration', () => {
    const config = join(folder, 'wattribute.yaml')
    writeFileSync(
      config,
      `time_zone: Europe/Berlin
node: closet
report:
  price_per_kwh: 0.3
  currency: EUR
  price_source: contract
  price_date: 2026-01-01
`,
    )
    const words = [
      `--storage.path=${storage}`,
      `--config.file=${config}`,
      '--period=2026-W43',
      '--by=workload',
    ]
    const { status, stdout } = report([...words, '--format=table'])
    expect(status).toBe(0)
    expect(stdout).toContain('node           closet\n')
    expect(stdout).toContain('period         2026-10-19 00:00:00 to 2026-10-26 00:00:00, Europe/Berlin\n')
    expect(stdout).toContain('cost in EUR    0.3 EUR/kWh: contract, 2026-01-01\n')
    expect(stdout).toMatch(/^train, "big" +counter +608400000\.000000 +169\.000000 +50\.7000$/m)
    expect(report([...words, '--format=csv']).stdout).toContain(',"train, ""big""",')
  })

  test('from the environment alone', () => {
    const env = {
      WATTRIBUTE_STORAGE_PATH: storage,
      WATTRIBUTE_PERIOD: '2026-10-20',
      WATTRIBUTE_FORMAT: 'csv',
    }
    expect(report([], env).stdout).toContain(',86400000.000000,24.000000\r\n')
  })

  test.each([
    [[], 2, 'report needs a period, such as --period=2026-10'],
    [
      ['--period=October'],
      1,
      'October is not a period: write 2026, 2026-10, 2026-W41, 2026-10-03 or 2026-10-01..2026-10-15',
    ],
    [['--period=2999'], 1, 'the period 2999 has not begun'],
    [
      ['--period=2026-10', '--storage.path='],
      1,
      'no source of figures: give --storage.path=FOLDER, that of the exporter, or --prometheus.url=URL',
    ],
    [
      ['--period=2026-10', '--storage.path=/nowhere'],
      1,
      'there is no history in /nowhere: the first hour is added when it has ended; is this the --storage.path of the exporter?',
    ],
    [
      ['--period=2026-09', `--storage.path=${storage}`],
      1,
      `the history in ${storage} holds no hour of 2026-09: the first is added when an hour has ended`,
    ],
    [
      ['--period=2026-10-20', '--time-zone=Asia/Kathmandu', `--storage.path=${storage}`],
      1,
      'the period in Asia/Kathmandu cuts hours of Europe/Berlin, in which the history is kept: ask with --time-zone=Europe/Berlin, or ask a Prometheus',
    ],
    [
      ['--period=2026-10', '--config.file=/nowhere.yaml'],
      2,
      '/nowhere.yaml: cannot be read: no such file or directory (ENOENT)',
    ],
  ])('%j is refused in one line', (words, status, sentence) => {
    expect(report(words)).toEqual({ status, stdout: '', stderr: `wattribute: ${sentence}\n` })
  })

  asRoot('a history that may not be read is not taken for an empty one', async () => {
    const words = [
      'setpriv',
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      process.execPath,
      CLI,
      'report',
    ]
    const [program = '', ...rest] = words
    const { stderr } = spawnSync(program, [...rest, `--storage.path=${storage}`, '--period=2026-10'], {
      encoding: 'utf8',
    })
    expect(stderr).toBe(`wattribute: the history in ${storage} cannot be read: permission denied (EACCES)\n`)
  })

  test('damage is told in the report, and costs only what it hit', () => {
    const damaged = join(folder, 'damaged')
    mkdirSync(damaged)
    spawnSync('cp', ['-r', join(storage, 'history'), damaged])
    appendFileSync(join(damaged, 'history', 'hours-2026-10-20.jsonl'), '{"version":1,"crc')
    const ran = report([
      `--storage.path=${damaged}`,
      '--period=2026-10-20',
      '--time-zone=Europe/Berlin',
      '--format=json',
    ])
    expect(contentOf(ran)).toMatchObject({
      notes: [
        expect.stringMatching(
          /^history: the last line was cut off and is left out: .*hours-2026-10-20\.jsonl$/,
        ),
      ],
      totals: { workloads: { kwh: '24.000000' } },
    })
  })
})

/** Counters of two nodes that rise by 1 J a second, as OpenMetrics. */
function openMetrics(from: string, to: string): string {
  const labels =
    'namespace="ml",kind="training",model="resnet-50",variant="",phase="",component="cpu",part="host",method="counter"'
  const families: readonly (readonly [string, string, string])[] = [
    ['wattribute_workload_energy_joules', 'counter', `workload="train",${labels}`],
    [
      'wattribute_unattributed_energy_joules',
      'counter',
      'component="cpu",part="idle",method="counter",reason="idle"',
    ],
    ['wattribute_last_tick_timestamp_seconds', 'gauge', ''],
  ]
  const lines = families.flatMap(([name, type, own]) => [
    `# TYPE ${name} ${type}`,
    ...['a:10451', 'b:10451'].flatMap((instance) => {
      const samples: string[] = []
      for (let wall: number = at(from); wall <= at(to); wall += 60) {
        const series = `${name}${type === 'counter' ? '_total' : ''}{instance="${instance}"${own === '' ? '' : `,${own}`}}`
        samples.push(`${series} ${wall - at(from)} ${wall}`)
      }
      return samples
    }),
  ])
  return [...lines, '# EOF', ''].join('\n')
}

requireProgram('promtool', 'over a real Prometheus', (promtool) => {
  let server: PrometheusServer

  beforeAll(async () => {
    const file = join(folder, 'october.om')
    writeFileSync(file, openMetrics('2026-10-02T20:00:00Z', '2026-10-04T02:00:00Z'))
    server = await PrometheusServer.start('prometheus', [], {
      fill: (data) => {
        const { status, stderr } = spawnSync(promtool, [
          'tsdb',
          'create-blocks-from',
          'openmetrics',
          file,
          data,
        ])
        if (status !== 0) throw new Error(stderr.toString())
      },
    })
  })

  afterAll(() => server.stop())

  test('a day, summed over the nodes', () => {
    const words = [
      `--prometheus.url=${server.url}`,
      '--period=2026-10-03',
      '--format=json',
      '--by=workload,model,part',
    ]
    const ran = report([...words, '--time-zone=Europe/Berlin'])
    expect(ran).toMatchObject({ status: 0, stderr: '' })
    const content = contentOf(ran)
    expect(content.workloads).toHaveLength(1)
    expect(content.workloads[0]).toMatchObject({
      workload: 'train',
      model: 'resnet-50',
      part: 'host',
      method: 'counter',
    })
    expect(Number(content.workloads[0]?.['joules'])).toBeCloseTo(2 * 86_400, 3)
    expect(content.unattributed).toMatchObject([{ reason: 'idle', part: 'idle' }])
    expect(content.notes).toEqual([
      expect.stringContaining('extrapolated'),
      expect.stringMatching(/^summed over 2 nodes; /),
    ])
    expect(content.coverage).toMatchObject({ observed_seconds: 86_400, exporter_down_seconds: null })
  })

  test('a period that it holds only a part of says how much', () => {
    const ran = report([`--prometheus.url=${server.url}`, '--period=2026-10-04', '--format=table'])
    expect(ran.stdout).toMatch(/^observed +2\.\d+ h of 24 h \((?:8|9)\.\d %\)$/m)
  })

  test('a period of which it holds nothing is refused', () => {
    expect(report([`--prometheus.url=${server.url}`, '--period=2026-09'])).toEqual({
      status: 1,
      stdout: '',
      stderr: 'wattribute: this Prometheus holds no energy of wattribute in 2026-09\n',
    })
  })
})

describe('over a Prometheus that wants a token', () => {
  test('it is sent from its file, and asked for when it is missing', async () => {
    const token = join(folder, 'token')
    writeFileSync(token, 'very-secret\n')
    const server = createServer((request, response) => {
      response.statusCode = request.headers.authorization === 'Bearer very-secret' ? 200 : 401
      response.end('{"status":"success","data":{"resultType":"vector","result":[]}}')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    try {
      expect(await reportMeanwhile([`--prometheus.url=${url}`, '--period=2026-09'])).toEqual({
        status: 1,
        stdout: '',
        stderr: `wattribute: ${url} refuses with 401: give a token that it accepts with --prometheus.bearer-token-file\n`,
      })
      const allowed = [
        `--prometheus.url=${url}`,
        '--period=2026-09',
        `--prometheus.bearer-token-file=${token}`,
      ]
      expect((await reportMeanwhile(allowed)).stderr).toBe(
        `wattribute: ${url} does not answer as a Prometheus does\n`, // a vector where a matrix was asked for
      )
    } finally {
      server.close()
    }
  })
})
