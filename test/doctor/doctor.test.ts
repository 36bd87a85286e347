/**
 * What the doctor says in eight places, against checked-in texts that a stranger can act on.
 * `UPDATE_GOLDEN=1 npm test -- test/doctor` writes them anew.
 */
import { describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import type { Config } from '../../exporter/src/config/load.ts'
import { examine } from '../../exporter/src/doctor-command.ts'
import type { Findings } from '../../exporter/src/doctor/findings.ts'
import { findingsText } from '../../exporter/src/doctor/text.ts'
import { version } from '../../exporter/src/version.ts'
import { PLACES, type Place } from './places.ts'

const placeOf = (name: string): Place => {
  const place = PLACES.find((one) => one.name === name)
  if (place === undefined) throw new Error(`no place is called ${name}`)
  return place
}

const find = (name: string): Promise<Findings> => examine(placeOf(name).open())

describe.each(PLACES)('$name', ({ name, open }) => {
  test('the text is the checked-in one', async () => {
    const text = findingsText(await examine(open())).replace(version, 'VERSION')
    const file = new URL(`../golden/doctor/${name}.txt`, import.meta.url)
    if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(file, text)
    expect(existsSync(file)).toBe(true)
    expect(text).toBe(readFileSync(file, 'utf8'))
  })

  test('the text is ASCII within 100 columns, and says nothing that is not defined', async () => {
    const text = findingsText(await examine(open()))
    expect(text.split('\n').filter((line) => line.length > 100 || /[^\x20-\x7e]/.test(line))).toEqual([])
    expect(text).not.toMatch(/undefined|NaN|\[object/)
  })

  test('each problem has one thing to do, and the exit code tells whether there is one', async () => {
    const { sensors, attribution, todo, exitCode } = await examine(open())
    const blind = [
      ...sensors.filter(({ state }) => state === 'unreadable' || state === 'partly'),
      ...attribution.filter(({ level }) => level === 'problem'),
    ]
    expect(blind.filter(({ remedy }) => remedy === undefined)).toEqual([])
    expect(todo.length > 0).toBe(blind.length > 0)
    expect(exitCode).toBe(blind.length > 0 ? 1 : 0)
  })

  test('the same as data, which JSON can hold', async () => {
    const findings = await examine(open())
    expect(JSON.parse(JSON.stringify(findings))).toMatchObject({
      host: 'gpu-07',
      exitCode: findings.exitCode,
      sensors: findings.sensors.map(({ sensor, state }) => ({ sensor, state })),
    })
  })
})

test('inference servers are told with what keeps their queries from being counted, and are no problem of the machine', async () => {
  const findings = await find('bare-metal-root')
  const text = findingsText({
    ...findings,
    queryServers: [
      { url: 'http://127.0.0.1:8000/metrics', server: 'vllm', state: 'counting', reason: '' },
      {
        url: 'http://127.0.0.1:8080',
        server: 'llama.cpp',
        state: 'silent',
        reason: 'it answers with HTTP status 501',
      },
    ],
  })
  expect(text.slice(text.indexOf('QUERIES')).split('\n').slice(0, 3)).toEqual([
    'QUERIES',
    '  vllm        counting  http://127.0.0.1:8000/metrics',
    '  llama.cpp   silent    http://127.0.0.1:8080: it answers with HTTP status 501',
  ])
  expect(findingsText(findings)).not.toContain('QUERIES')
})

test('proxies are told with what keeps their target from answering, as text and as data', async () => {
  const server = createServer((_, response) => response.writeHead(404).end())
  const deaf = createTcpServer((socket) => socket.on('error', () => undefined).resume())
  for (const one of [server, deaf]) await once(one.listen(0, '127.0.0.1'), 'listening')
  const [up, silent] = [server, deaf].map((one) => (one.address() as AddressInfo).port)
  const down = createTcpServer().listen(0, '127.0.0.1')
  await once(down, 'listening')
  const { port: nobody } = down.address() as AddressInfo
  down.close()
  try {
    const { config, ...place } = placeOf('bare-metal-root').open()
    const proxy = (listen: string, port: number | undefined): Config['proxies'][number] => ({
      listen,
      host: '127.0.0.1',
      port: Number(listen.slice(-4)),
      target: `http://127.0.0.1:${port}`,
      workload: '',
      namespace: '',
      server: '',
    })
    const findings = await examine({
      ...place,
      config: {
        ...config,
        proxies: [proxy('127.0.0.1:7001', up), proxy('[::1]:7002', nobody), proxy('127.0.0.1:7003', silent)],
      },
    })
    const text = findingsText(findings)
    expect(text.slice(text.indexOf('PROXIES')).split('\n').slice(0, 4)).toEqual([
      'PROXIES',
      `  127.0.0.1:7001    answering  http://127.0.0.1:${up}`,
      `  [::1]:7002        silent     http://127.0.0.1:${nobody}: nobody listens there`,
      `  127.0.0.1:7003    silent     http://127.0.0.1:${silent}: it has not answered within 3 s`,
    ])
    expect(JSON.parse(JSON.stringify(findings.proxies))).toEqual([
      { listen: '127.0.0.1:7001', target: `http://127.0.0.1:${up}`, state: 'answering', reason: '' },
      {
        listen: '[::1]:7002',
        target: `http://127.0.0.1:${nobody}`,
        state: 'silent',
        reason: 'nobody listens there',
      },
      expect.objectContaining({ state: 'silent', reason: 'it has not answered within 3 s' }),
    ])
    expect(findings.exitCode).toBe(0)
    expect(findingsText(await find('bare-metal-root'))).not.toContain('PROXIES')
  } finally {
    server.close()
    deaf.close()
  }
})

describe('the first thing to do', () => {
  test.each([
    ['bare-metal-user', 'capability', /CAP_DAC_READ_SEARCH/],
    [
      'docker-without-mounts',
      'mount',
      /-v \/sys:\/host\/sys:ro --cgroupns=host and --path\.sysfs=\/host\/sys$/,
    ],
    ['kubernetes-restricted', 'mount', /hostPath.*--path\.sysfs=\/host\/sys, and run it as root$/],
    ['no-proc-of-others', 'permission', /hidepid/],
    ['no-control-groups', 'mount', /mount -t cgroup2/],
  ])('at %s is a %s', async (name, kind, text) => {
    expect((await find(name)).todo[0]).toEqual({ kind, text: expect.stringMatching(text) })
  })

  test.each(['bare-metal-root', 'virtual-machine', 'jetson'])('at %s there is none', async (name) => {
    expect((await find(name)).todo).toEqual([])
  })
})

describe('what is seen', () => {
  test('the tree of a machine with its watts over two seconds', async () => {
    const { domains, components } = await find('bare-metal-root')
    const byName = Object.fromEntries(domains.map((one) => [one.domain, [one.within, one.watts]]))
    expect(byName).toMatchObject({
      psys: ['', 200],
      'package-0': ['psys', 60],
      'dram-1': ['psys', 4],
      'psys-rest': ['psys', 85],
    })
    expect(components.find(({ component }) => component === 'cpu')).toEqual({
      component: 'cpu',
      state: 'measured',
      watts: 105,
      domains: ['package-0', 'package-1'],
    })
  })

  test('a GPU without its driver is there and cannot be read; without a GPU nothing is missing', async () => {
    const withGpu = (await find('docker-without-mounts')).sensors.find(({ sensor }) => sensor === 'nvml')
    expect(withGpu).toMatchObject({
      state: 'unreadable',
      reason: '1 on the PCI bus: libnvidia-ml.so.1 cannot be loaded',
      remedy: { kind: 'mount', text: expect.stringContaining('--gpus=all') },
    })
    const without = (await find('bare-metal-root')).sensors.find(({ sensor }) => sensor === 'nvml')
    expect(without).toMatchObject({ state: 'absent', remedy: undefined })
  })

  test('without koffi the package is what to install', async () => {
    const { optional } = await find('bare-metal-user')
    expect(optional).toContainEqual({ kind: 'package', text: expect.stringContaining('npm install koffi') })
  })

  test('namespaces of a container are named with the switch that opens them', async () => {
    const docker = (await find('docker-without-mounts')).todo.map(({ text }) => text)
    expect(docker).toContainEqual(expect.stringContaining('--pid=host'))
    expect(docker).toContainEqual(expect.stringContaining('--cgroupns=host'))
    const pod = (await find('kubernetes-restricted')).todo.map(({ text }) => text)
    expect(pod).toContainEqual(expect.stringContaining('hostPID: true'))
  })
})
