/** The built exporter with a real shared library in place of NVIDIA's: a driver that works, hangs, and is replaced. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parsePage, type Series } from '../exposition/page-text.ts'
import { FakeNvml, type FakeGpu } from '../nvml/fake-nvml.ts'
import { requireProgram } from '../programs.ts'
import { ExporterProcess } from './exporter-process.ts'

const PERIOD = 60_000

const seriesOf = (page: string, family: string): readonly Series[] =>
  parsePage(page).get(`wattribute_${family}`) ?? []

const valueOf = (
  page: string,
  family: string,
  labels: Readonly<Record<string, string>> = {},
): string | undefined =>
  seriesOf(page, family).find((one) =>
    Object.entries(labels).every(([label, wanted]) => one.labels[label] === wanted),
  )?.value

const energyOf = (page: string, { uuid }: FakeGpu): string | undefined =>
  valueOf(page, 'domain_energy_joules_total', { domain: uuid })

const reasonOf = (page: string): string =>
  seriesOf(page, 'sensor_info').find(({ labels }) => labels['sensor'] === 'nvml')?.labels['reason'] ?? ''

let folder: string
let nvml: FakeNvml
let gpus: readonly [FakeGpu, FakeGpu]
let exporter: ExporterProcess

requireProgram('cc', 'the exporter beside a driver', () => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'wattribute-nvml-e2e-'))
    nvml = new FakeNvml()
    gpus = [nvml.add(), nvml.add()]
    writeFileSync(join(folder, 'config.yaml'), 'tick_seconds: 0.2\n')
    exporter = await ExporterProcess.start([
      `--path.nvml=${nvml.path}`,
      `--config.file=${join(folder, 'config.yaml')}`,
    ])
    await exporter.page((page) => energyOf(page, gpus[0]) !== undefined)
  }, PERIOD)

  afterEach(async () => {
    await exporter.stop('SIGKILL')
    nvml.close()
    rmSync(folder, { recursive: true })
  })

  describe('a driver that works', () => {
    test(
      'is read in one session, one call at a time, and let go of at the end',
      async () => {
        gpus[0].spend(7)
        gpus[1].spend(11)
        const page = await exporter.page(
          (text) => energyOf(text, gpus[0]) === '7.000000' && energyOf(text, gpus[1]) === '11.000000',
        )
        expect(
          seriesOf(page, 'accelerator_info').map(({ labels }) => [labels['uuid'], labels['pci_bus_id']]),
        ).toEqual([
          [gpus[0].uuid, '0000:10:00.0'],
          [gpus[1].uuid, '0000:11:00.0'],
        ])
        expect(await exporter.stop('SIGTERM')).toEqual({ code: 0, signal: null })
        expect([nvml.get('inits'), nvml.get('shutdowns'), nvml.get('mostInFlight')]).toEqual([1, 1, 1])
      },
      PERIOD,
    )

    test(
      'is left alone as long as the configuration says so',
      async () => {
        writeFileSync(join(folder, 'config.yaml'), 'tick_seconds: 0.2\nnvidia:\n  enabled: false\n')
        exporter.child.kill('SIGHUP')
        await exporter.page((page) => valueOf(page, 'sensor_info', { sensor: 'nvml' }) === undefined)
        expect([nvml.get('inits'), nvml.get('shutdowns')]).toEqual([1, 1])
        writeFileSync(join(folder, 'config.yaml'), 'tick_seconds: 0.2\n')
        exporter.child.kill('SIGHUP')
        await exporter.page(
          (page) => valueOf(page, 'sensor_info', { sensor: 'nvml', state: 'warming-up' }) !== undefined,
        )
        gpus[0].spend(5)
        await exporter.page((page) => energyOf(page, gpus[0]) === '5.000000')
        expect(nvml.get('inits')).toBe(2)
      },
      PERIOD,
    )
  })

  test(
    'without an energy counter power is sampled between the ticks, and integrated',
    async () => {
      await exporter.stop('SIGKILL')
      const old = new FakeNvml('pascal')
      const gpu = old.add({ milliwatts: 250_000 })
      writeFileSync(join(folder, 'config.yaml'), 'tick_seconds: 2\n')
      exporter = await ExporterProcess.start([
        `--path.nvml=${old.path}`,
        `--config.file=${join(folder, 'config.yaml')}`,
      ])
      const integrated = { domain: gpu.uuid, method: 'integrated' }
      await exporter.page((text) => Number(valueOf(text, 'domain_energy_joules_total', integrated) ?? 0) > 0)
      // To find the board and to look at it are fewer calls than these: what is more are samples of power.
      await exporter.page(
        (text) => old.get('calls') > 40 + 10 * Number(valueOf(text, 'tick_duration_seconds_count')),
      )
      old.close()
    },
    PERIOD,
  )

  describe('a driver that hangs', () => {
    beforeEach(async () => {
      gpus[0].spend(1)
      gpus[1].spend(1)
      await exporter.page((page) => energyOf(page, gpus[1]) === '1.000000')
      gpus[1].set({ hangs: 1 })
      await exporter.page((page) => valueOf(page, 'sensor_up', { sensor: 'nvml' }) === '0')
    }, PERIOD)

    test(
      'stops no tick, is not asked again, and says where; what was spent meanwhile is booked once it answers',
      async () => {
        const page = await exporter.page(() => true)
        expect(reasonOf(page)).toContain('NVML has not answered')
        expect(reasonOf(page)).toContain('in a call about GPU 1')
        const calls = nvml.get('calls')
        const tick = Number(valueOf(page, 'last_tick_timestamp_seconds'))
        await exporter.page((text) => Number(valueOf(text, 'last_tick_timestamp_seconds')) > tick + 2)
        expect(nvml.get('calls')).toBe(calls)
        expect((await exporter.get('/healthz')).status).toBe(200)
        gpus[0].spend(40)
        gpus[1].spend(60)
        gpus[1].set({ hangs: 0 })
        const after = await exporter.page(
          (text) => energyOf(text, gpus[0]) === '41.000000' && energyOf(text, gpus[1]) === '61.000000',
        )
        expect(valueOf(after, 'engine_restarts_total')).toBe('0')
      },
      PERIOD,
    )

    test(
      'does not keep the exporter from ending',
      async () => {
        expect(await exporter.stop('SIGTERM')).toEqual({ code: null, signal: 'SIGKILL' }) // by its own hand
      },
      PERIOD,
    )
  })

  test(
    'a driver that is replaced underneath ends the exporter with one clear line, for its supervisor to start it again',
    async () => {
      const before = exporter.lines.length
      nvml.set('callsError', 18)
      expect(await exporter.ended).toEqual({ code: 1, signal: null })
      const said = exporter.lines.slice(before).filter((line) => !line.includes('level='))
      expect(said).toEqual([
        'wattribute: it has to be started anew: NVML: the library and the kernel driver are of different versions; only a new process can talk to the new driver',
      ])
    },
    PERIOD,
  )
})
