import { beforeEach, describe, expect, test } from '@jest/globals'
import { register } from 'prom-client'
import { catalogue } from '../../exporter/src/exposition/catalogue.ts'
import { SelfMetrics } from '../../exporter/src/exposition/self.ts'
import { seconds } from '../../exporter/src/units.ts'
import { withProgram } from '../programs.ts'
import { parsePage, type Series } from './page-text.ts'
import { withStrictParser } from './strict-parser.ts'

const OWN = [
  catalogue.nodeInfo,
  catalogue.buildInfo,
  catalogue.configReload,
  catalogue.configReloadTime,
  catalogue.tickDuration,
  catalogue.engineRestarts,
  catalogue.intakeLines,
  catalogue.intakeLinesRefused,
] as const

let self: SelfMetrics

beforeEach(() => {
  self = new SelfMetrics('1.2.3')
})

const seriesOf = async (name: string): Promise<readonly Series[]> =>
  parsePage((await self.render()).text).get(name) ?? []

const valueOf = async (name: string): Promise<number> => {
  const series = await seriesOf(name)
  expect([name, series.length]).toEqual([name, 1])
  return Number(series[0]?.value)
}

/** The lines that differ from one look to the next are the process’s own. */
const ownLines = (page: string): string[] => page.split('\n').filter((line) => line.includes('wattribute_'))

describe('what the exporter says of itself', () => {
  test('its version and the one of Node', async () => {
    expect(await seriesOf('wattribute_build_info')).toEqual([
      { labels: { version: '1.2.3', node_version: process.versions.node }, value: '1' },
    ])
  })

  test('whether its configuration is the newest, and since when', async () => {
    self.configLoaded(seconds(1_760_000_000.5), 'hall-1')
    expect(await valueOf('wattribute_config_last_reload_successful')).toBe(1)
    self.configRefused()
    expect(await valueOf('wattribute_config_last_reload_successful')).toBe(0)
    expect(await valueOf('wattribute_config_last_reload_success_timestamp_seconds')).toBe(1_760_000_000.5)
    self.configLoaded(seconds(1_760_000_001), 'hall-2')
    expect(await valueOf('wattribute_config_last_reload_successful')).toBe(1)
    expect(await valueOf('wattribute_config_last_reload_success_timestamp_seconds')).toBe(1_760_000_001)
  })

  test('where it is, of the newest configuration only', async () => {
    self.configLoaded(seconds(1_760_000_000), 'hall-1')
    self.configLoaded(seconds(1_760_000_001), 'hall-2')
    expect(await seriesOf('wattribute_node_info')).toEqual([
      { labels: { zone: 'hall-2', version: '1.2.3' }, value: '1' },
    ])
  })

  test('how long its ticks take', async () => {
    for (const duration of [0.0005, 0.001, 0.03, 4.9, 30]) self.tickTook(seconds(duration))
    expect(await valueOf('wattribute_tick_duration_seconds_count')).toBe(5)
    expect(await valueOf('wattribute_tick_duration_seconds_sum')).toBeCloseTo(34.9315, 9)
    const buckets = await seriesOf('wattribute_tick_duration_seconds_bucket')
    const upTo = new Map(buckets.map(({ labels, value }) => [labels['le'], value]))
    expect([...upTo.keys()].slice(0, 1)).toEqual(['0.001'])
    expect(['0.001', '0.025', '0.05', '2.5', '5', '+Inf'].map((bound) => upTo.get(bound))).toEqual([
      '2',
      '2',
      '3',
      '3',
      '4',
      '5',
    ])
  })

  test('how often the engine was restarted, also when nobody ever did', async () => {
    expect(await valueOf('wattribute_engine_restarts_total')).toBe(0)
    self.engineRestarted()
    self.engineRestarted()
    expect(await valueOf('wattribute_engine_restarts_total')).toBe(2)
  })

  test('how many lines came in, and how many were refused and why', async () => {
    const amount = async (name: string, wanted: Record<string, string>): Promise<unknown> =>
      (await seriesOf(name)).find(({ labels }) =>
        Object.entries(wanted).every(([key, value]) => labels[key] === value),
      )?.value
    expect(await amount('wattribute_intake_lines_total', { transport: 'socket' })).toBe('0')
    self.linesTaken('socket', 3)
    self.linesRefused('http', 'syntax', 2)
    expect(await amount('wattribute_intake_lines_total', { transport: 'socket' })).toBe('3')
    const refused = { transport: 'http', reason: 'syntax' }
    expect(await amount('wattribute_intake_lines_refused_total', refused)).toBe('2')
  })

  test('what it costs', async () => {
    const before = process.cpuUsage()
    while (process.cpuUsage(before).user < 20_000); // long enough for the kernel's books
    for (const name of ['process_cpu_user_seconds_total', 'process_resident_memory_bytes'])
      expect(await valueOf(name)).toBeGreaterThan(0)
  })

  test('in the words of the catalogue', async () => {
    const { text } = await self.render()
    for (const { name, type, help } of OWN)
      expect(text).toContain(`\n# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`)
    const named = new Set(text.match(/(?<=^# TYPE )wattribute_\S+/gm))
    expect(named).toEqual(new Set(OWN.map(({ name }) => name)))
  })
})

describe('its form', () => {
  test('stands behind other families', async () => {
    const { text, openMetrics } = await self.render()
    expect(text).toMatch(/^\n# HELP .*[^\n]\n$/s)
    expect(text).not.toContain('\n\n\n')
    expect(openMetrics).toMatch(/^# .*[^\n]\n$/s)
    expect(openMetrics).not.toContain('\n\n')
    expect(openMetrics).not.toContain('# EOF')
  })

  test('has `_total` once, look after look', async () => {
    self.tickTook(seconds(0.01))
    const first = await self.render()
    const second = await self.render()
    expect(ownLines(second.text)).toEqual(ownLines(first.text))
    expect(ownLines(second.openMetrics)).toEqual(ownLines(first.openMetrics))
    expect(second.text).toContain(
      '\n# TYPE wattribute_engine_restarts_total counter\nwattribute_engine_restarts_total 0\n',
    )
    expect(second.openMetrics).toContain(
      '\n# TYPE wattribute_engine_restarts counter\nwattribute_engine_restarts_total 0\n',
    )
  })

  test('both forms show the same', async () => {
    const { text, openMetrics } = await self.render()
    const bounds = (line: string): string => line.replace(/le="(\d+)\.0"/, 'le="$1"')
    const samples = (page: string): string[] =>
      page.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    expect(samples(openMetrics).map(bounds)).toEqual(samples(text))
  })

  test('whole bounds of buckets are written as OpenMetrics wants them', async () => {
    self.tickTook(seconds(3))
    const { text, openMetrics } = await self.render()
    expect(text).toContain('wattribute_tick_duration_seconds_bucket{le="5"} 1\n')
    expect(openMetrics).toContain('wattribute_tick_duration_seconds_bucket{le="5.0"} 1\n')
  })

  test('two of them share nothing, and nothing is in the global registry', async () => {
    const other = new SelfMetrics('4.5.6')
    other.engineRestarted()
    expect(await valueOf('wattribute_engine_restarts_total')).toBe(0)
    expect(register.getMetricsAsArray()).toEqual([])
  })

  withProgram('promtool', 'passes promtool check metrics', async (run) => {
    self.tickTook(seconds(0.01))
    const { status, output } = run(['check', 'metrics'], (await self.render()).text)
    expect({ status, output }).toEqual({ status: 0, output: '' })
  })

  withStrictParser('is OpenMetrics to a strict parser', async (parse) => {
    self.tickTook(seconds(0.01))
    self.engineRestarted()
    const { openMetrics } = await self.render()
    const families = new Map(parse(`${openMetrics}# EOF\n`).map((family) => [family.name, family]))
    expect(families.get('wattribute_engine_restarts')).toMatchObject({
      type: 'counter',
      help: catalogue.engineRestarts.help,
      samples: [{ name: 'wattribute_engine_restarts_total', value: 1 }],
    })
    expect(families.get('wattribute_tick_duration_seconds')?.type).toBe('histogram')
    expect(families.get('process_cpu_user_seconds')?.type).toBe('counter')
  })
})
