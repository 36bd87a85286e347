/** Whose requests a proxy passes on: as configured, or who listens at its target by the kernel's own tables. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, test } from '@jest/globals'
import {
  ProxiedServers,
  type ListeningProcess,
  type ProxiedServerSettings,
} from '../../exporter/src/queries/proxied-servers.ts'
import { seconds } from '../../exporter/src/units.ts'

const children: ChildProcess[] = []
afterEach(async () => {
  for (const child of children.splice(0)) await end(child)
})

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** A process of its own that listens. */
async function listener(port = 0): Promise<{ child: ChildProcess; pid: number; port: number }> {
  const program = `require("net").createServer().listen(${port},"127.0.0.1",function(){console.log(this.address().port)})`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, pid: child.pid ?? NaN, port: Number(line.toString()) }
}

const PROXY = '127.0.0.1:11435'

const settings = (more: Partial<ProxiedServerSettings> = {}): ProxiedServerSettings => ({
  listen: PROXY,
  target: 'http://127.0.0.1:1',
  workload: '',
  namespace: '',
  server: '',
  ...more,
})

const named = (pid: number, workload: string, more: Partial<ListeningProcess> = {}): ListeningProcess => ({
  pid,
  comm: 'ollama',
  owner: { workload, namespace: 'prod', server: 'ollama' },
  ...more,
})

const NOBODY = { workload: 'unknown', namespace: '', server: '' }

/** Ticks at one instant, as many as the look beside them takes. */
async function tickUntil(
  servers: ProxiedServers,
  processes: readonly ListeningProcess[],
  at: number,
  isSo: (workload: string) => boolean,
): Promise<void> {
  do {
    servers.see(() => processes, seconds(at))
    await setImmediate()
  } while (!isSo(servers.ownerOf(PROXY).workload))
}

describe('who is configured', () => {
  test('wins, and nothing is looked up where all is said', () => {
    const servers = new ProxiedServers('/nowhere', [
      settings({ workload: 'chat', namespace: 'prod', server: 'llama.cpp' }),
    ])
    servers.see(() => [], seconds(1))
    expect(servers.ownerOf(PROXY)).toEqual({ workload: 'chat', namespace: 'prod', server: 'llama.cpp' })
  })

  test('nobody is, of a proxy that is not known', () => {
    expect(new ProxiedServers('/proc', []).ownerOf('127.0.0.1:9')).toEqual(NOBODY)
  })

  test('keeps its name where another process listens, whose kind of server is told', async () => {
    const { pid, port } = await listener()
    const servers = new ProxiedServers('/proc', [
      settings({ target: `http://localhost:${port}`, workload: 'mine', namespace: 'own' }),
    ])
    do {
      servers.see(() => [named(pid, 'theirs')], seconds(1))
      await setImmediate()
    } while (servers.ownerOf(PROXY).server === '')
    expect(servers.ownerOf(PROXY)).toEqual({ workload: 'mine', namespace: 'own', server: 'ollama' })
  })
})

describe('who listens at the target', () => {
  test('is found among all, and its name is taken', async () => {
    const { pid, port } = await listener()
    const servers = new ProxiedServers('/proc', [settings({ target: `http://127.0.0.1:${port}` })])
    expect(servers.ownerOf(PROXY)).toEqual(NOBODY)
    await tickUntil(servers, [named(1, 'init'), named(pid, 'chat')], 1, (name) => name === 'chat')
    expect(servers.ownerOf(PROXY)).toEqual({ workload: 'chat', namespace: 'prod', server: 'ollama' })
  })

  test('has its name as soon as it is known by one, without another look', async () => {
    const [{ pid, port }, second] = [await listener(), await listener()]
    const other = '127.0.0.1:11436'
    const servers = new ProxiedServers('/proc', [
      settings({ target: `http://127.0.0.1:${port}` }),
      settings({ listen: other, target: `http://127.0.0.1:${second.port}` }),
    ])
    // they are looked up in order: the first has been by the time the second is known
    do {
      servers.see(() => [named(second.pid, 'search')], seconds(1))
      await setImmediate()
    } while (servers.ownerOf(other).workload !== 'search')
    expect(servers.ownerOf(PROXY)).toEqual(NOBODY)
    servers.see(() => [named(pid, 'chat')], seconds(2))
    expect(servers.ownerOf(PROXY).workload).toBe('chat')
  })

  test('is nobody where a stand-in listens for a container', async () => {
    const [{ pid, port }, second] = [await listener(), await listener()]
    const other = '127.0.0.1:11436'
    const servers = new ProxiedServers('/proc', [
      settings({ target: `http://127.0.0.1:${port}` }),
      settings({ listen: other, target: `http://127.0.0.1:${second.port}` }),
    ])
    const processes = [named(pid, 'wrong', { comm: 'docker-proxy' }), named(second.pid, 'right')]
    // as above: both have been looked up
    do {
      servers.see(() => processes, seconds(1))
      await setImmediate()
    } while (servers.ownerOf(other).workload !== 'right')
    expect(servers.ownerOf(PROXY)).toEqual(NOBODY)
  })

  test('keeps its name while it is down, and gives it to who listens there later', async () => {
    const first = await listener()
    const servers = new ProxiedServers('/proc', [settings({ target: `http://127.0.0.1:${first.port}` })])
    await tickUntil(servers, [named(first.pid, 'chat')], 1, (name) => name === 'chat')
    await end(first.child)
    servers.see(() => [], seconds(12))
    expect(servers.ownerOf(PROXY).workload).toBe('chat')
    const second = await listener(first.port)
    let at = 23
    do {
      servers.see(() => [named(second.pid, 'search')], seconds((at += 10)))
      await setImmediate()
    } while (servers.ownerOf(PROXY).workload !== 'search')
    expect(servers.ownerOf(PROXY).workload).toBe('search')
  })
})

describe('a configuration that is read again', () => {
  test('keeps the name of who listens at a target that stays, and forgets it with the target', async () => {
    const { pid, port } = await listener()
    const target = `http://127.0.0.1:${port}`
    const servers = new ProxiedServers('/proc', [settings({ target })])
    await tickUntil(servers, [named(pid, 'chat')], 1, (name) => name === 'chat')
    servers.reconfigure([settings({ target, server: 'vllm' })])
    expect(servers.ownerOf(PROXY)).toEqual({ workload: 'chat', namespace: 'prod', server: 'vllm' })
    servers.reconfigure([settings({ target: 'http://127.0.0.1:1' })])
    expect(servers.ownerOf(PROXY)).toEqual(NOBODY)
    servers.reconfigure([])
    expect(servers.ownerOf(PROXY)).toEqual(NOBODY)
  })

  test('a look that began before says nothing of the targets after', async () => {
    const [{ pid, port }, second] = [await listener(), await listener()]
    const servers = new ProxiedServers('/proc', [settings({ target: `http://127.0.0.1:${port}` })])
    const other = '127.0.0.1:11436'
    servers.see(() => [named(pid, 'old')], seconds(1))
    servers.reconfigure([
      settings({ target: 'http://127.0.0.1:1' }),
      settings({ listen: other, target: `http://127.0.0.1:${second.port}` }),
    ])
    do {
      servers.see(() => [named(pid, 'old'), named(second.pid, 'new')], seconds(2))
      await setImmediate()
    } while (servers.ownerOf(other).workload !== 'new')
    expect(servers.ownerOf(PROXY)).toEqual(NOBODY)
  })
})
