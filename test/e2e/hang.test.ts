/** A driver that never answers: reads of a counter block for ever, as on dying hardware. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parsePage } from '../exposition/page-text.ts'
import { requireProgram } from '../programs.ts'
import { ExporterProcess } from './exporter-process.ts'
import { PrometheusServer } from './prometheus-server.ts'
import { RaplTree } from './rapl-tree.ts'

const PACKAGE = 'intel-rapl:0'
const PERIOD = 120_000

requireProgram('prometheus', 'an engine that hangs', (program) => {
  const books = mkdtempSync(join(tmpdir(), 'wattribute-hang-'))
  let tree: RaplTree
  let exporter: ExporterProcess
  let prometheus: PrometheusServer

  beforeAll(async () => {
    tree = new RaplTree([{ folder: PACKAGE, name: 'package-0', start: 0n, range: 262_143_328_850n }])
    exporter = await ExporterProcess.start([`--path.sysfs=${tree.sysfs}`, `--storage.path=${books}`])
    prometheus = await PrometheusServer.start(program, [new URL(exporter.url).host])
  }, PERIOD)

  afterAll(async () => {
    await prometheus.stop()
    await exporter.stop('SIGKILL')
    tree.remove()
    rmSync(books, { recursive: true, force: true })
  })

  const shows = (joules: string) => (page: string) =>
    (parsePage(page).get('wattribute_domain_energy_joules_total') ?? []).some(
      ({ labels, value }) => labels['domain'] === 'package-0' && value === joules,
    )

  test(
    'is not served, is started anew, and goes on where it stood once its sensor answers',
    async () => {
      await prometheus.until('up', ([up]) => up?.value[1] === '1')
      await exporter.page((page) => page.includes('domain="package-0"'))
      tree.spend(PACKAGE, 3_000_000)
      await exporter.page(shows('3.000000'))

      tree.hang(PACKAGE)
      await prometheus.until('up', ([up]) => up?.value[1] === '0')
      expect((await exporter.get()).status).toBe(503)
      expect((await exporter.get()).body).toMatch(/^the newest figures are \d+ s old and not shown/)
      expect((await exporter.get('/healthz')).status).toBe(503)
      expect((await exporter.get('/api/v1/ledger')).status).toBe(503)
      expect(await exporter.line(/the engine is started anew/)).toContain('level=error')

      tree.release(PACKAGE)
      await prometheus.until('up', ([up]) => up?.value[1] === '1', 60)
      tree.spend(PACKAGE, 5_000_000)
      const page = await exporter.page(shows('8.000000'))
      expect(
        Number(parsePage(page).get('wattribute_engine_restarts_total')?.[0]?.value),
      ).toBeGreaterThanOrEqual(1)
      expect(await prometheus.query('resets(wattribute_domain_energy_joules_total[10m]) > 0')).toEqual([])
    },
    PERIOD,
  )

  test(
    'does not keep the exporter from ending',
    async () => {
      tree.hang(PACKAGE)
      await prometheus.until('up', ([up]) => up?.value[1] === '0')
      const ended = await exporter.stop('SIGTERM')
      expect(ended).toEqual({ code: null, signal: 'SIGKILL' }) // by its own hand: exit() would wait for the thread
    },
    PERIOD,
  )
})
