/** The kernel's own tables, read for this process and children of it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import {
  localAddresses,
  networkView,
  reachOf,
  type NetworkView,
} from '../../exporter/src/queries/addresses.ts'
import { doorsOf } from '../../exporter/src/queries/discovery.ts'
import {
  addressOf,
  descendantsOf,
  listenersOf,
  pidListeningOn,
  portsInArguments,
} from '../../exporter/src/queries/listeners.ts'

const servers: Server[] = []
const children: ChildProcess[] = []

async function listen(host: string): Promise<number> {
  const server = createServer()
  servers.push(server)
  server.listen(0, host)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A process of its own that listens, and says where. */
async function childListening(
  ...args: readonly string[]
): Promise<{ readonly pid: number; readonly port: number }> {
  const program =
    'require("net").createServer().listen(0,"127.0.0.1",function(){console.log(this.address().port)})'
  const child = spawn(process.execPath, ['-e', program, '--', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { pid: child.pid ?? NaN, port: Number(line.toString()) }
}

afterEach(async () => {
  for (const server of servers.splice(0)) server.close()
  for (const child of children.splice(0)) {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
})

describe('this machine', () => {
  test('what a process listens on, by address and port', async () => {
    const ports = [
      await listen('127.0.0.1'),
      await listen('0.0.0.0'),
      await listen('::1'),
      await listen('::'),
    ]
    const found = (await listenersOf('/proc', process.pid)).filter(({ port }) => ports.includes(port))
    expect(found.map(({ address, port }) => [address, ports.indexOf(port)]).sort()).toEqual([
      ['0.0.0.0', 1],
      ['127.0.0.1', 0],
      ['::', 3],
      ['::1', 2],
    ])
  })

  test('what another process listens on is not this one’s', async () => {
    const { pid, port } = await childListening()
    expect((await listenersOf('/proc', pid)).map((one) => one.port)).toEqual([port])
    expect((await listenersOf('/proc', process.pid)).map((one) => one.port)).not.toContain(port)
  })

  test('who listens on a local port', async () => {
    const { pid, port } = await childListening()
    expect(await pidListeningOn('/proc', port)).toBe(pid)
    expect(await pidListeningOn('/proc', port, [process.pid])).toBeUndefined()
    expect(await pidListeningOn('/proc', await listen('127.0.0.1'), [pid, process.pid])).toBe(process.pid)
  })

  test('nobody', async () => {
    const port = await listen('127.0.0.1')
    for (const server of servers.splice(0)) {
      server.close()
      await once(server, 'close')
    }
    expect(await pidListeningOn('/proc', port)).toBeUndefined()
    expect(await listenersOf('/proc', 2 ** 22 + 1)).toEqual([])
  })

  test('children are looked at where a process does not listen itself', async () => {
    const shell = spawn(
      'sh',
      [
        '-c',
        `${process.execPath} -e 'require("net").createServer().listen(0,"127.0.0.1",function(){console.log(this.address().port)})'; true`,
      ],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        detached: true,
      },
    )
    const [line] = (await once(shell.stdout, 'data')) as [Buffer]
    const pid = shell.pid ?? NaN
    const below = await descendantsOf('/proc', pid)
    expect(below).toHaveLength(1)
    const { doors } = await doorsOf(networkView('/proc'), pid)
    expect(doors.map(({ bases }) => bases)).toEqual([[`http://127.0.0.1:${Number(line.toString())}`]])
    const ended = once(shell, 'exit')
    process.kill(below[0] ?? NaN, 'SIGKILL')
    await ended
  })

  test('the port that its arguments name is asked first', async () => {
    const { pid, port } = await childListening(
      '--port',
      '65000',
      '--metrics-port=65001',
      '--port',
      'x',
      '-p',
      '7',
    )
    expect(await portsInArguments('/proc', pid)).toEqual([65_000, 65_001, 7])
    expect((await doorsOf(networkView('/proc'), pid)).doors.map((door) => door.port)).toEqual([port])
  })
})

test.each([
  ['0100007F', '127.0.0.1'],
  ['00000000', '0.0.0.0'],
  ['00000000000000000000000001000000', '::1'],
  ['00000000000000000000000000000000', '::'],
  ['B80D01200000000067452301EFCDAB89', '2001:db8::123:4567:89ab:cdef'],
  ['0000000000000000FFFF00000100007F', '127.0.0.1'],
])('the kernel writes %s for %s', (hex, address) => {
  expect(addressOf(hex)).toBe(address)
})

describe('where a process may be asked', () => {
  let root: string
  let view: NetworkView

  const TRIE = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.1
           /32 host LOCAL
     |-- OWN
        /32 host LOCAL
     |-- 172.17.255.255
        /32 link BROADCAST
Local:
     |-- OWN
        /32 host LOCAL
`
  const HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'
  const DEFAULT = 'eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n' // via 192.168.0.1

  /** @param network the process's, ours being `net:[1]` */
  function machine(network: string, address: string, routes: string): void {
    root = mkdtempSync(join(tmpdir(), 'reach-'))
    mkdirSync(join(root, '7/ns'), { recursive: true })
    mkdirSync(join(root, '7/net'))
    mkdirSync(join(root, 'own'))
    symlinkSync(network, join(root, '7/ns/net'))
    symlinkSync('net:[1]', join(root, 'own/network'))
    writeFileSync(join(root, '7/net/fib_trie'), TRIE.replaceAll('OWN', address))
    writeFileSync(join(root, 'own/routes'), HEAD + routes)
    writeFileSync(join(root, 'own/addresses'), TRIE.replaceAll('OWN', '192.168.0.77'))
    view = {
      procfs: root,
      ownNetwork: join(root, 'own/network'),
      ownRoutes: join(root, 'own/routes'),
      ownAddresses: join(root, 'own/addresses'),
    }
  }

  beforeEach(() => {
    root = ''
  })
  afterEach(() => {
    if (root !== '') rmSync(root, { recursive: true })
  })

  const reach = (address: string) => reachOf(view, 7, { address, port: 8000 })

  const BRIDGE = 'docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n' // 172.17.0.0/16, no gateway
  const CILIUM = 'cilium_host\t000011AC\t4D00A8C0\t0003\t0\t0\t0\t0000FFFF\t0\t0\t0\n' // via our own 192.168.0.77
  const ELSEWHERE = 'eth0\t000011AC\t0200A8C0\t0003\t0\t0\t0\t0000FFFF\t0\t0\t0\n' // via 192.168.0.2

  test('in our own network at loopback', async () => {
    machine('net:[1]', '192.168.0.77', DEFAULT)
    expect(await reach('127.0.0.1')).toEqual({ hosts: ['127.0.0.1'] })
    expect(await reach('127.0.1.1')).toEqual({ hosts: ['127.0.1.1'] })
    expect(await reach('0.0.0.0')).toEqual({ hosts: ['127.0.0.1'] })
    expect(await reach('::')).toEqual({ hosts: ['127.0.0.1', '::1'] })
    expect(await reach('192.168.0.77')).toEqual({ hosts: ['192.168.0.77'] })
    expect(await reach('192.168.0.78')).toEqual({
      why: 'it listens at an address that is not of this machine',
    })
  })

  test.each([
    ['a bridge', BRIDGE],
    ['a route through our own address', CILIUM],
  ])('in a container behind %s, at the address of the container', async (_, route) => {
    machine('net:[2]', '172.17.0.2', DEFAULT + route)
    expect(await reach('0.0.0.0')).toEqual({ hosts: ['172.17.0.2'] })
    expect(await reach('::')).toEqual({ hosts: ['172.17.0.2'] })
    expect(await reach('172.17.0.2')).toEqual({ hosts: ['172.17.0.2'] })
    expect(await reach('127.0.0.1')).toEqual({ why: 'it listens only at the loopback of its own network' })
    expect(await reach('172.17.0.9')).toEqual({ why: 'its network has no IPv4 address of its own' })
  })

  test.each([
    ['the default route only', DEFAULT],
    ['a router', DEFAULT + ELSEWHERE],
    ['nothing', ''],
  ])('never where %s leads to its address: that would be somebody else', async (_, routes) => {
    machine('net:[2]', '172.17.0.2', routes)
    expect(await reach('0.0.0.0')).toEqual({
      why: 'the address of its container cannot be reached from here',
    })
  })

  test('not where nothing can be told', async () => {
    machine('net:[2]', '172.17.0.2', DEFAULT)
    rmSync(join(root, '7/ns/net'))
    expect(await reach('0.0.0.0')).toEqual({ why: 'its network namespace may not be looked at' })
  })

  test('this machine has its own addresses, without loopback', async () => {
    const own = await localAddresses('/proc/self/net/fib_trie')
    expect(own.some((address) => address.startsWith('127.'))).toBe(false)
  })
})
