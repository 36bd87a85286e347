/** `wattribute demo` as people run it: every family at once, and days of history that Prometheus takes. */
import { describe, expect, test } from '@jest/globals'
import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { catalogue } from '../../exporter/src/exposition/catalogue.ts'
import { imbalancesOfPage } from '../exposition/page-text.ts'
import { requireProgram } from '../programs.ts'
import { CLI, ExporterProcess } from './exporter-process.ts'
import { PrometheusServer } from './prometheus-server.ts'

const run = promisify(execFile)

/** What this machine does not have: a device with TLS, a PUE that is configured since none is measured. */
const NEVER_THERE = [catalogue.facilityPue, catalogue.sensorTls]
/** And no block of demand has ended yet. */
const NOT_THERE = [...NEVER_THERE, catalogue.demandLastBlock, catalogue.demandPeak]

describe('wattribute demo', () => {
  test('shows every family within ten seconds, and says that nothing of it is measured', async () => {
    const exporter = await ExporterProcess.start(['demo'])
    const expected = Object.values(catalogue).filter((metric) => !NOT_THERE.includes(metric as never))
    const until = Date.now() + 10_000
    let page = ''
    let missing: string[] = []
    do {
      page = await (await fetch(exporter.url)).text()
      missing = expected.flatMap(({ name }) => (page.includes(`\n# TYPE ${name} `) ? [] : name))
    } while (missing.length > 0 && Date.now() < until)
    const start = await (await fetch(new URL('/', exporter.url))).text()
    await exporter.stop()
    expect(missing).toEqual([])
    expect(imbalancesOfPage(page)).toEqual([])
    expect(start).toContain('a simulated machine: none of these figures is measured')
    expect(page).toContain('zone="simulated-room"')
    expect(page).toContain('model_name="Simulated H100 80GB"')
  }, 60_000)

  test('refuses a length that it cannot write', async () => {
    const ended = ExporterProcess.begin(['demo', '--demo.history-length=3 weeks'])
    expect((await ended.ended).code).toBe(2)
    expect(ended.lines.join('\n')).toContain('3 weeks is no time such as 36h or 2d')
  })
})

requireProgram('promtool', 'days of a simulated machine', (promtool) => {
  test('writes history that promtool makes blocks of', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'wattribute-demo-'))
    const file = join(folder, 'history.om')
    await run(process.execPath, [CLI, 'demo', `--demo.history-path=${file}`, '--demo.history-length=3h'])
    const history = await readFile(file, 'utf8')
    const missing = Object.values(catalogue)
      .filter((metric) => !NEVER_THERE.includes(metric as never))
      .map(({ name, type }) => (type === 'histogram' ? `${name}_bucket` : name))
      .filter((name) => !history.includes(`\n${name}{job="wattribute",`))
    expect(missing).toEqual([])
    const { stdout } = await run(promtool, [
      'tsdb',
      'create-blocks-from',
      'openmetrics',
      file,
      join(folder, 'data'),
    ])
    const blocks = await readdir(join(folder, 'data'))
    const newest = lastLines(history)
    await rm(folder, { recursive: true })
    // 52 rounds of 205 s and 140 s: no phase is missed, however short
    const seconds = (phase: RegExp): number =>
      newest.reduce(
        (sum, line) =>
          line.startsWith('wattribute_workload_phase_seconds_total') && phase.test(line)
            ? sum + Number(line.split(' ').at(-2))
            : sum,
        0,
      )
    expect(seconds(/phase="data_load"/)).toBe(53 * 5)
    expect(seconds(/phase="train/)).toBe(52 * 155 + 135)
    expect(seconds(/phase="eval"/)).toBe(52 * 30)
    expect(seconds(/phase="checkpoint"/)).toBe(52 * 15)
    // what the rules of zones are joined by
    expect(newest.find((line) => line.startsWith('wattribute_node_info{'))).toContain('zone="simulated-room"')
    expect(blocks.length).toBeGreaterThanOrEqual(2) // of two hours each, at even hours
    expect(stdout).toContain(blocks[0] ?? 'a block')
  }, 120_000)
})

requireProgram('prometheus', 'rules over days that are past', (prometheus) => {
  test('are recorded in the Prometheus that has the history', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'wattribute-demo-'))
    const file = join(folder, 'history.om')
    await run(process.execPath, [CLI, 'demo', `--demo.history-path=${file}`, '--demo.history-length=1h'])
    const exporter = await ExporterProcess.start(['demo'])
    const server = await PrometheusServer.start(prometheus, [new URL(exporter.url).host], {
      fill: (data) =>
        void execFileSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', file, data], {
          stdio: 'ignore',
        }),
      sections: { storage: { tsdb: { out_of_order_time_window: '3d' } } },
      flags: ['--web.enable-remote-write-receiver'],
    })
    await server.until('up', ([sample]) => sample?.value[1] === '1')
    const { stderr } = await run(process.execPath, [
      CLI,
      'demo',
      `--demo.record-url=${server.url}`,
      '--demo.history-length=1h',
    ])
    const halfAnHourAgo = Date.now() / 1000 - 1800
    const [pue] = await server.query('zone:wattribute_facility_pue:ratio_rate5m', halfAnHourAgo)
    await server.stop()
    await exporter.stop()
    await rm(folder, { recursive: true })
    expect(stderr).toMatch(/\d+ rules have recorded \d{4,} samples up to 20/)
    // of the simulated room: chillers 0.18 and the UPS 0.05 of what the machine draws
    expect(Number(pue?.value[1])).toBeCloseTo(1.23, 6)
  }, 120_000)
})

/** Of the newest instant. */
const lastLines = (history: string): readonly string[] => {
  const lines = history.trimEnd().split('\n').slice(0, -1)
  const time = lines.at(-1)?.split(' ').at(-1)
  return lines.slice(lines.findIndex((line) => line.endsWith(` ${time}`)))
}
