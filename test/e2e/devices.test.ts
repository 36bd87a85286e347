/**
 * The real exporter among devices that work, hang, flood, hang up and lie, killed again and again: nobody harms
 * another, no published figure goes back, and no password shows anywhere.
 */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { coolingLoop, legacyBmc, modernBmc, rackPdus } from '../devices/redfish-mockups.ts'
import { RedfishService, SECRET, USER, type Fault } from '../devices/redfish-server.ts'
import { CounterWatch } from '../exposition/counter-watch.ts'
import { imbalancesOfPage, parsePage, sumOf } from '../exposition/page-text.ts'
import { selfSigned, signedBy } from '../exposition/tls-files.ts'
import { requireProgram } from '../programs.ts'
import { CLI, ExporterProcess } from './exporter-process.ts'

jest.setTimeout(180_000)

const CHASSIS = '/redfish/v1/Chassis/1U/EnvironmentMetrics'

requireProgram('openssl', 'an exporter among devices', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-e2e-devices-'))
  const books = join(folder, 'books')
  const config = join(folder, 'config.yaml')
  const services: RedfishService[] = []
  let bmc: RedfishService
  let rack: RedfishService
  let exporter: ExporterProcess
  /** All that it has ever said. */
  const said: string[] = []

  const serve = async (...options: Parameters<typeof RedfishService.start>): Promise<RedfishService> => {
    const service = await RedfishService.start(...options)
    services.push(service)
    return service
  }

  const start = async (): Promise<void> => {
    exporter = await ExporterProcess.start([`--storage.path=${books}`, `--config.file=${config}`])
  }

  /** Joules that each counts, and a page that shows them. */
  let joules = 5_000_000
  const spend = async (): Promise<string> => {
    joules += 500
    bmc.set(CHASSIS, { EnergyJoules: { Reading: joules } })
    const shown = BigInt(joules - 5_000_000) * 1_000_000n
    return exporter.page(
      (page) =>
        sumOf(parsePage(page), 'domain_energy_joules_total', ({ domain }) => domain === 'bmc') >= shown,
    )
  }

  beforeAll(async () => {
    const authority = selfSigned(folder, 'authority')
    const { cert, key } = signedBy(authority, folder, 'localhost')
    const tls = { cert: String(cert), key: String(key) }
    bmc = await serve(modernBmc(), { tls, auth: 'session' })
    bmc.set(CHASSIS, { PowerWatts: undefined })
    rack = await serve(rackPdus(), { tls, auth: 'session' })
    const faults: Record<string, Fault> = {
      hangs: { kind: 'hang' },
      floods: { kind: 'flood', bytes: 50_000_000 },
      'hangs-up': { kind: 'hang-up' },
      refuses: { kind: 'status', status: 401 },
      busy: { kind: 'status', status: 503, retryAfter: '1' },
    }
    const password = join(folder, 'password')
    writeFileSync(password, SECRET)
    const login = `username: ${USER}, password_file: ${password}, period_seconds: 1, timeout_seconds: 2`
    const verified = `ca_file: ${authority.certFile}`
    const lines = [
      `  - { name: bmc, url: "${bmc.url}", ${login}, ${verified}, covers: node }`,
      `  - { name: rack, url: "${rack.url}", ${login}, tls_verify: false, meters: [{ name: pdu-b, figures: [RackPDUs/B], covers: zone, zone: hall, role: it }] }`,
    ]
    for (const [name, fault] of Object.entries(faults)) {
      const service = await serve(coolingLoop(), { auth: 'session' })
      service.faults.set('*', fault)
      lines.push(
        `  - { name: ${name}, url: "${service.url}", ${login}, covers: zone, zone: ${name}, role: cooling }`,
      )
    }
    const liar = await serve(legacyBmc())
    liar.set('/redfish/v1/Chassis/System.Embedded.1/Power', { PowerControl: [{ PowerConsumedWatts: 1e12 }] })
    lines.push(
      `  - { name: liar, url: "${liar.url}", ${login}, covers: zone, zone: lies, role: cooling, auth: basic }`,
    )
    const ipmi = `ipmi:\n  - { name: gone, host: 127.0.0.1, port: 9, ${login}, covers: zone, zone: gone, role: it }`
    writeFileSync(
      config,
      `tick_seconds: 0.2\nbirth_hold_seconds: 0\nredfish:\n${lines.join('\n')}\n${ipmi}\n`,
    )
    await start()
  })

  afterAll(async () => {
    await exporter.stop('SIGKILL')
    for (const service of services) await service.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const see = (page: string): string => {
    said.push(page)
    return page
  }

  test('those that work are booked and published, whatever the others do', async () => {
    await exporter.page((text) => text.includes('meter_info{sensor="redfish:bmc"'))
    see(await spend())
    const page = see(
      await exporter.page(
        (text) =>
          parsePage(text)
            .get('wattribute_facility_energy_joules_total')
            ?.some(({ labels, value }) => labels['meter'] === 'pdu-b' && Number(value) > 0) === true,
      ),
    )
    expect(imbalancesOfPage(page)).toEqual([])
    expect(page).toContain('wattribute_sensor_tls_verified{sensor="redfish:bmc"} 1')
    expect(page).toContain('wattribute_sensor_tls_verified{sensor="redfish:rack"} 0')
  })

  test.each([
    ['redfish:hangs', 'did not answer'],
    ['redfish:floods', 'its answer is longer than'],
    ['redfish:hangs-up', 'it hung up in the middle of an answer'],
    ['redfish:refuses', 'it refuses the user (HTTP status 401)'],
    ['redfish:busy', 'it is busy (HTTP status 503)'],
    ['ipmi:gone', ''],
  ])('%s is down, and says why', async (sensor, why) => {
    const page = see(
      await exporter.page((text) =>
        text.includes(`wattribute_sensor_info{sensor="${sensor}",state="failed"`),
      ),
    )
    expect(page).toContain(`wattribute_sensor_up{sensor="${sensor}"} 0`)
    expect(page).toMatch(
      new RegExp(
        `sensor_info\\{sensor="${sensor}",state="failed",reason="[^"]*${why.replace(/[()]/g, '\\$&')}`,
      ),
    )
  })

  test('one that lies is not believed, and says why', async () => {
    const page = see(
      await exporter.page((text) =>
        text.includes('sensor_info{sensor="redfish:liar",state="warming-up",reason="liar: its power is'),
      ),
    )
    expect(page).toContain('more than its maximum of 10000000 W')
    expect(page).not.toMatch(/facility_energy_joules_total\{zone="lies".*\} [^0]/)
  })

  test('killed again and again, no figure of a zone or a machine goes back', async () => {
    const watch = new CounterWatch()
    const facility = (page: string): bigint => sumOf(parsePage(page), 'facility_energy_joules_total')
    let shown = 0n
    for (let kill = 0; kill < 8; kill += 1) {
      const page = see(await spend())
      const only = new Map(
        Array.from(parsePage(page)).filter(([name]) => /domain_energy|facility_energy/.test(name)),
      )
      expect(watch.fallen(only)).toEqual([])
      expect(facility(page) >= shown).toBe(true)
      shown = facility(page)
      await exporter.stop('SIGKILL')
      said.push(...exporter.lines)
      await start()
    }
    expect(shown > 0n).toBe(true)
  })

  describe('no password shows', () => {
    test.each(['/metrics', '/', '/api/v1/sensors', '/api/v1/ledger', '/healthz', '/readyz'])(
      'at %s',
      async (path) => {
        const answer = await fetch(exporter.url.replace('/metrics', path), {
          headers: { accept: 'application/openmetrics-text,application/json,text/html' },
        })
        expect(await answer.text()).not.toContain(SECRET)
      },
    )

    test('on a page, in the log, in what the doctor says and in the books', () => {
      said.push(...exporter.lines)
      for (const words of [['doctor'], ['doctor', '--json'], ['check-config']]) {
        const { stdout, stderr } = spawnSync(process.execPath, [CLI, ...words, `--config.file=${config}`], {
          encoding: 'utf8',
        })
        expect(stdout + stderr).not.toBe('')
        said.push(stdout, stderr)
      }
      for (const file of readdirSync(books, { recursive: true, encoding: 'utf8', withFileTypes: true })) {
        if (!file.isFile()) continue
        const bytes = readFileSync(join(books, file.name))
        said.push(bytes.toString('latin1'), file.name.endsWith('.gz') ? gunzipSync(bytes).toString() : '')
      }
      expect(said.filter((text) => text.includes(SECRET))).toEqual([])
      expect(
        said.filter((text) => text.includes(Buffer.from(`${USER}:${SECRET}`).toString('base64'))),
      ).toEqual([])
    })

    test('in the words or the environment of a process that was started', () => {
      expect(readFileSync(`/proc/${exporter.child.pid}/cmdline`, 'latin1')).not.toContain(SECRET)
    })
  })
})
