/** Metrics pages of other exporters: a real node_exporter, and pages that are none. */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RequestListener } from 'node:http'
import type { DeviceAnswer } from '../../exporter/src/devices/device.ts'
import { metricsEndpointClient, type SeriesMapping } from '../../exporter/src/devices/metrics-endpoint.ts'
import { requireProgram } from '../programs.ts'
import {
  eventually,
  failureOf,
  freePort,
  listens,
  NOBODY,
  patient,
  start,
  temporaryFolder,
  type Started,
} from './started.ts'
import { webServer, type WebServer } from './web-server.ts'

jest.setTimeout(60_000)

const series = (more: Partial<SeriesMapping>): SeriesMapping => ({
  id: 'meter',
  quantity: 'energy',
  unit: 'J',
  scale: 1,
  metric: 'node_rapl_package_joules_total',
  labels: {},
  each: '',
  ...more,
})

async function ask(
  url: string,
  chosen: readonly SeriesMapping[],
  path = '/metrics',
  signal = patient(),
): Promise<DeviceAnswer> {
  const client = metricsEndpointClient({
    url,
    path,
    series: chosen,
    login: { ...NOBODY, scheme: 'digest' },
    caFile: '',
    tlsVerify: true,
  })
  try {
    return await client.ask(signal)
  } finally {
    await client.close?.()
  }
}

requireProgram('prometheus-node-exporter', 'a real node_exporter', () => {
  const folder = temporaryFolder()
  let exporter: Started
  let url = ''

  beforeAll(async () => {
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    for (const [zone, energy] of [
      ['intel-rapl:0', 123_456_789],
      ['intel-rapl:1', 7_000_000],
    ] as const) {
      const powercap = join(folder.path, 'sys/class/powercap', zone)
      mkdirSync(powercap, { recursive: true })
      writeFileSync(join(powercap, 'name'), `package-${zone.slice(-1)}\n`)
      writeFileSync(join(powercap, 'energy_uj'), `${energy}\n`)
      writeFileSync(join(powercap, 'max_energy_range_uj'), '262143328850\n')
    }
    exporter = start('prometheus-node-exporter', [
      `--web.listen-address=127.0.0.1:${port}`,
      `--path.sysfs=${join(folder.path, 'sys')}`,
      '--collector.disable-defaults',
      '--collector.rapl',
      '--collector.loadavg',
    ])
    await eventually(() => listens(port), exporter)
  })
  afterAll(async () => {
    await exporter.stop()
    folder.remove()
  })

  test('gives the energy of each package', async () => {
    const { meters, complaints } = await ask(url, [series({ id: 'package', each: 'index' })])
    expect({ meters, complaints }).toEqual({
      meters: [
        { id: 'package-0', joules: 123.456789, stepJoules: 1 },
        { id: 'package-1', joules: 7, stepJoules: 1 },
      ],
      complaints: [],
    })
  })

  test('gives one of them, chosen by a label', async () => {
    expect((await ask(url, [series({ labels: { index: '1' } })])).meters).toEqual([
      { id: 'meter', joules: 7, stepJoules: 1 },
    ])
  })
})

describe('a page', () => {
  const open: WebServer[] = []
  afterEach(async () => {
    for (const server of open.splice(0)) await server.close()
  })
  const served = async (answer: RequestListener): Promise<string> => {
    const server = await webServer(answer)
    open.push(server)
    return server.url
  }
  const page = (text: string): Promise<string> => served((_, response) => void response.end(text))

  test('of dcgm-exporter: milliwatts and millijoules of a GPU', async () => {
    // field names and units: https://docs.nvidia.com/datacenter/dcgm/latest/dcgm-api/dcgm-api-field-ids.html
    const url = await page(`# HELP DCGM_FI_DEV_POWER_USAGE Power draw (in W).
# TYPE DCGM_FI_DEV_POWER_USAGE gauge
DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-1",modelName="NVIDIA H100"} 68.517
DCGM_FI_DEV_POWER_USAGE{gpu="1",UUID="GPU-2",modelName="NVIDIA H100"} 412.25
# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="0",UUID="GPU-1",modelName="NVIDIA H100"} 25400250
`)
    const { meters } = await ask(url, [
      series({ id: 'gpu', metric: 'DCGM_FI_DEV_POWER_USAGE', quantity: 'power', unit: 'W', each: 'gpu' }),
      series({ id: 'gpu', metric: 'DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION', unit: 'mJ', each: 'gpu' }),
    ])
    expect(meters).toEqual([
      { id: 'gpu-0', watts: 68.517, joules: 25_400.25, stepJoules: 0.001 },
      { id: 'gpu-1', watts: 412.25 },
    ])
  })

  test('with several series where one is meant is complained of, not added up', async () => {
    const url = await page('p{a="1"} 5\np{a="2"} 6\nq 7\n')
    const answer = await ask(url, [
      series({ metric: 'p', quantity: 'power', unit: 'W' }),
      series({ id: 'other', metric: 'q', quantity: 'power', unit: 'W' }),
    ])
    expect(answer.meters).toEqual([{ id: 'other', watts: 7 }])
    expect(answer.complaints).toEqual([
      { why: '2 series are p', advice: 'name more `labels`, or tell them apart by a label with `each`' },
    ])
  })

  test('without the series says so', async () => {
    const url = await page('up 1\n')
    const { why } = await failureOf(ask(url, [series({ labels: { index: '3' } })]))
    expect(why).toBe('there is no series node_rapl_package_joules_total{index="3"}')
  })

  test('whose series never end is cut off', async () => {
    const url = await page(Array.from({ length: 300 }, (_, index) => `p{a="${index}"} 1\n`).join(''))
    const { why } = await failureOf(ask(url, [series({ metric: 'p', each: 'a' })]))
    expect(why).toBe('more than 256 series are chosen')
  })

  test('of 50 MB is cut off', async () => {
    const url = await page('x 1\n'.repeat(13 << 20))
    const { why } = await failureOf(ask(url, [series({})]))
    expect(why).toBe('its answer is longer than 32768 KiB')
  })

  test('that is refused', async () => {
    const url = await served((_, response) => void response.writeHead(404).end('p 1\n'))
    const { why } = await failureOf(ask(url, [series({ metric: 'p' })]))
    expect(why).toBe('answers with HTTP status 404')
  })

  test('a value that is no number is left to the frame to disbelieve', async () => {
    const url = await page('p NaN\n')
    expect((await ask(url, [series({ metric: 'p', quantity: 'power', unit: 'W' })])).meters).toEqual([
      { id: 'meter', watts: NaN },
    ])
  })
})
