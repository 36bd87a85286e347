/** The keys of PDUs, UPSs, inverters, plugs and metrics pages. */
import { describe, expect, test } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, loadConfig, type Config } from '../../exporter/src/config/load.ts'

function load(yaml: string): Config['devices'] {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-metering-'))
  const file = join(folder, 'config.yaml')
  writeFileSync(file, yaml)
  try {
    return loadConfig(file, () => 'Europe/Berlin').devices
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function problemsOf(yaml: string): readonly string[] {
  try {
    load(yaml)
  } catch (cause) {
    if (cause instanceof ConfigError) return cause.problems
    throw cause
  }
  return []
}

const COVERS = 'name: one, covers: node'

test('a PDU over SNMP, in both versions', () => {
  const [first, second] = load(`
snmp:
  - { ${COVERS}, host: pdu-1, preset: apc-rpdu2, community_file: /etc/community }
  - name: two
    host: 'fe80::1'
    version: "3"
    username: mon
    password_env: AUTH
    privacy_password_file: /etc/privacy
    meters: []
    objects: [{ name: crac, oid: 1.3.6.1.4.1.1.0, unit: kW, scale: 0.1 }]
`).snmp
  expect(first).toMatchObject({
    port: 161,
    security: { version: '2c', community: { passwordFile: '/etc/community' } },
    preset: 'apc-rpdu2',
    objects: [],
    supply: { loadFigure: '' },
  })
  expect(second).toMatchObject({
    security: {
      version: '3',
      authProtocol: 'sha',
      authentication: { username: 'mon', passwordEnv: 'AUTH' },
      privacyProtocol: 'aes',
      privacy: { username: 'mon', passwordFile: '/etc/privacy' },
    },
    meters: [],
    objects: [{ id: 'crac', quantity: 'power', unit: 'kW', scale: 0.1, oid: '1.3.6.1.4.1.1.0' }],
  })
})

test('SunSpec is looked for where no registers are named', () => {
  const register = '{ name: a, address: 8, type: uint32, unit: kWh }'
  const devices = load(`
modbus:
  - { ${COVERS}, host: inverter }
  - { name: two, covers: node, component: cooling, host: chiller, registers: [${register}] }
  - { name: three, covers: node, component: power, host: both, registers: [${register}], sunspec: true }
`).modbus
  expect(devices.map(({ sunspec }) => sunspec)).toEqual([true, false, true])
  expect(devices[1]?.registers).toEqual([
    {
      id: 'a',
      quantity: 'energy',
      unit: 'kWh',
      scale: 1,
      kind: 'holding',
      address: 8,
      type: 'uint32',
      wordOrder: 'big',
    },
  ])
})

test('the address of a page is taken apart', () => {
  const [page] = load(`
prometheus:
  - { ${COVERS}, url: 'https://node-1:9100/metrics?collect=rapl', series: [{ name: a, metric: joules_total, unit: J }] }
`).prometheus
  expect(page).toMatchObject({ url: 'https://node-1:9100', path: '/metrics?collect=rapl', tlsVerify: true })
})

test.each(['devices', 'solar-clinic'])('what docs/guides/%s.md shows is good', (guide) => {
  const text = readFileSync(new URL(`../../docs/guides/${guide}.md`, import.meta.url), 'utf8')
  const blocks = Array.from(text.matchAll(/^```yaml\n(.*?)^```/gms), ([, block = '']) => block)
  const files = blocks.filter((block) => !block.startsWith('- ')) // one line to be added elsewhere
  expect(files.length).toBeGreaterThan(0)
  for (const file of files) expect([file, problemsOf(file)]).toEqual([file, []])
})

describe('is refused:', () => {
  test.each([
    [
      `snmp: [{ ${COVERS}, host: a }]`,
      '`snmp[0].preset` (line 1, column 8) is missing; `objects` would do as well',
    ],
    [
      `snmp: [{ ${COVERS}, host: a, preset: ups-mib, version: "3" }]`,
      '`snmp[0].username` (line 1, column 8) is missing: version 3 has users',
    ],
    [
      `snmp: [{ ${COVERS}, host: a, preset: ups-mib, username: mon }]`,
      '`snmp[0].username` (line 1, column 71) goes with `version: "3"`',
    ],
    [`nut: [{ ${COVERS}, ups: "a b" }]`, '`nut[0].ups` (line 1, column 39) must not hold spaces or quotes'],
    [
      `modbus: [{ ${COVERS}, host: a, registers: [{ name: a, address: 1, type: int16, unit: percent }] }]`,
      '`modbus[0].registers[0].quantity` (line 1, column 58) is missing: percent alone does not say what it is',
    ],
    [
      `modbus: [{ ${COVERS}, host: a, registers: [{ name: a, address: 1, type: int16, unit: W, quantity: temperature_celsius }] }]`,
      '`modbus[0].registers[0].unit` (line 1, column 100) is no unit of temperature_celsius',
    ],
    [
      `http: [{ ${COVERS}, kind: json, url: 'http://a' }]`,
      '`http[0].values` (line 1, column 8) is missing: say where in the document the numbers are',
    ],
    [
      `http: [{ ${COVERS}, kind: shelly, url: 'http://me:secret@a' }]`,
      '`http[0].url` (line 1, column 54) must not hold a user or a password: use `username` and `password_file`',
    ],
    [
      `prometheus: [{ ${COVERS}, url: 'http://a/metrics', series: [] }]`,
      '`prometheus[0].series` (line 1, column 74) must name a series',
    ],
  ])('%s', (yaml, problem) => {
    expect(problemsOf(yaml)[0]).toBe(problem)
  })
})
