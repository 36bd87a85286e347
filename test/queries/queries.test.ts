/** Whom the room asks, how often, and what bad answers cost: over real sockets, with a clock that the test moves. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { QueriesRoom, type QueriesSettings, type ServerProcess } from '../../exporter/src/queries/queries.ts'
import { openAccess } from '../../exporter/src/queries/scrape.ts'
import { seconds } from '../../exporter/src/units.ts'
import type { QueryReport } from '../../exporter/src/workloads/query-report.ts'
import type { World } from '../../exporter/src/world.ts'
import { Machine } from '../machine.ts'
import { listen, page, type TestServer } from './http-server.ts'

jest.setTimeout(30_000)

let machine: Machine
let world: World
let reports: QueryReport[]
const rooms: QueriesRoom[] = []
const servers: TestServer[] = []
const children: ChildProcess[] = []

beforeEach(() => {
  machine = new Machine('proc/uptime: 100.00 300.00\n')
  world = { ...machine.world, procfs: '/proc' }
  reports = []
})
afterEach(async () => {
  for (const room of rooms.splice(0)) room.close()
  await Promise.all(servers.splice(0).map((server) => server.close()))
  for (const child of children.splice(0)) {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
})

async function serve(answer: RequestListener, port = 0): Promise<TestServer> {
  const server = await listen(answer, '127.0.0.1', port)
  servers.push(server)
  return server
}

const settings = (part: Partial<QueriesSettings> = {}): QueriesSettings => ({
  discovery: true,
  period: seconds(10),
  timeout: seconds(3),
  servers: [],
  ...part,
})

const configured = (url: string, part: Partial<QueriesSettings['servers'][number]> = {}) => ({
  url,
  preset: '',
  workload: 'chat',
  namespace: '',
  model: '',
  path: '',
  access: openAccess,
  ...part,
})

function roomWith(some: QueriesSettings): QueriesRoom {
  const room = new QueriesRoom({ ...world, files: machine.world.files }, some, (report) =>
    reports.push(report),
  )
  rooms.push(room)
  return room
}

/** Moves the clock and lets what is due then come to its end. */
async function until(isSo: () => boolean, wait = 0): Promise<void> {
  machine.wait(wait)
  const end = Date.now() + 20_000
  while (!isSo()) {
    if (Date.now() > end) throw new Error('it did not happen in 20 s')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const states = (room: QueriesRoom): readonly string[] =>
  room.statuses().map(({ state, reason }) => (reason === '' ? state : `${state}: ${reason}`))

const vllm = (count: number): string => `vllm:request_success_total{model_name="Qwen/Qwen3-8B-FP8"} ${count}
vllm:generation_tokens_total{model_name="Qwen/Qwen3-8B-FP8"} ${count * 10}
vllm:num_requests_running{model_name="Qwen/Qwen3-8B-FP8"} 2
vllm:num_requests_waiting{model_name="Qwen/Qwen3-8B-FP8"} 1
`

const counted = (): readonly (number | undefined)[] => reports.map(({ queries }) => queries)

describe('a configured server', () => {
  test('is asked once in a period, and what it has done since counts', async () => {
    let count = 100
    const server = await serve(page(() => vllm(count)))
    const room = roomWith(settings({ servers: [configured(server.url, { namespace: 'prod' })] }))
    await until(() => reports.length === 1, 0)
    count = 107
    machine.wait(9)
    expect(server.asked).toHaveLength(1)
    await until(() => reports.length === 2, 1)
    expect(reports[1]).toEqual({
      workload: 'chat',
      namespace: 'prod',
      model: 'Qwen/Qwen3-8B',
      variant: 'fp8',
      server: 'vllm',
      source: 'configured',
      queries: 7,
      outputTokens: 70,
      isEstimated: false,
    })
    expect(room.statuses()).toEqual([
      {
        url: `${server.url}/metrics`,
        server: 'vllm',
        workload: 'chat',
        namespace: 'prod',
        source: 'configured',
        state: 'counting',
        reason: '',
        running: 2,
        waiting: 1,
      },
    ])
    expect(room.takeNotices()).toEqual([])
  })

  test('may be told what its model is called', async () => {
    const server = await serve(page(vllm(1)))
    roomWith(settings({ servers: [configured(server.url, { model: 'my-model' })] }))
    await until(() => reports.length === 1)
    expect(reports[0]).toMatchObject({ model: 'my-model', variant: '' })
  })

  test('that starts after it was looked for is counted from its beginning', async () => {
    const first = await serve(page(''))
    const { port, url } = first
    await first.close()
    servers.splice(0)
    const room = roomWith(settings({ servers: [configured(url)] }))
    await until(() => states(room)[0] === 'silent: nobody listens there')
    await serve(page(vllm(3)), port)
    await until(() => reports.length === 1, 20)
    expect(counted()).toEqual([3])
  })

  test('that was gone in between has started anew, even where it has done more than before', async () => {
    const first = await serve(page(vllm(5)))
    const { port, url } = first
    const room = roomWith(settings({ servers: [configured(url)] }))
    await until(() => reports.length === 1)
    await first.close()
    servers.splice(0)
    await until(() => states(room)[0] === 'silent: nobody listens there', 10)
    await serve(page(vllm(8)), port)
    await until(() => reports.length === 2, 20)
    expect(counted()).toEqual([0, 8])
  })

  test('of another kind than it is said to be is not counted', async () => {
    const server = await serve(page(vllm(1)))
    const room = roomWith(settings({ servers: [configured(server.url, { preset: 'sglang' })] }))
    await until(() => states(room)[0]?.startsWith('silent') === true)
    expect(states(room)).toEqual([
      'silent: there is no counter of sglang on its page; start it with --enable-metrics',
    ])
    expect(reports).toEqual([])
  })

  test('whose page is cut off where it is too long tells so once, and is asked less and less often', async () => {
    const server = await serve((_, response) => {
      response.on('error', () => undefined)
      const line = Buffer.from(`${'x'.repeat(1000)} 1\n`.repeat(1000))
      let left = 50
      const send = (): void => {
        while (left > 0 && !response.destroyed) {
          left -= 1
          if (!response.write(line)) {
            response.once('drain', send)
            return
          }
        }
        response.end()
      }
      send()
    })
    const room = roomWith(
      settings({ timeout: seconds(60), servers: [configured(server.url, { path: '/metrics' })] }), // eight megabytes a look
    )
    await until(() => states(room)[0] === 'silent: its answer is longer than 8388608 bytes')
    expect(room.takeNotices()).toEqual([
      { url: `${server.url}/metrics`, reason: 'its answer is longer than 8388608 bytes' },
    ])
    let looks = 1
    for (let time = 0; time < 3600; time += 10) {
      machine.wait(10)
      await new Promise((resolve) => setTimeout(resolve, 1))
      await until(() => server.asked.length >= looks)
      looks = server.asked.length
    }
    expect(looks).toBeLessThan(25) // of 360 periods; the pause grows to 300 s
    expect(room.takeNotices()).toEqual([])
  })

  test('that hangs holds nobody else up', async () => {
    const hanging = await Promise.all(Array.from({ length: 3 }, () => serve(() => undefined)))
    const good = await serve(page(vllm(1)))
    const room = roomWith(
      settings({
        timeout: seconds(0.2),
        servers: [...hanging.map(({ url }) => configured(url)), configured(good.url)],
      }),
    )
    await until(() => reports.length === 1)
    await until(() => states(room).filter((state) => state.startsWith('silent')).length === 3)
    expect(states(room)).toEqual([
      'silent: it did not answer within 0.2 s',
      'silent: it did not answer within 0.2 s',
      'silent: it did not answer within 0.2 s',
      'counting',
    ])
  })

  test('that hangs is hung up on when the room closes', async () => {
    let hungUp = false
    const server = await serve((_, response) => void response.on('close', () => (hungUp = true)))
    const room = roomWith(settings({ timeout: seconds(60), servers: [configured(server.url)] }))
    await until(() => server.asked.length === 1)
    room.close()
    await until(() => hungUp)
    expect(room.takeNotices()).toEqual([])
  })

  test('is asked once at a time, however short the period', async () => {
    let open = 0
    let most = 0
    const server = await serve((_, response) => {
      open += 1
      most = Math.max(most, open)
      setTimeout(() => {
        open -= 1
        response.end(vllm(1))
      }, 30)
    })
    roomWith(settings({ period: seconds(1), servers: [configured(server.url)] }))
    for (let look = 1; look <= 5; look += 1) await until(() => reports.length === look, 3)
    expect(most).toBe(1)
  })

  test.each<readonly [string, RequestListener, string]>([
    [
      'a redirect',
      (_, response) => response.writeHead(302, { location: '/x' }).end(),
      'it sends elsewhere (HTTP status 302), which is not followed',
    ],
    [
      'a page of something else',
      page('go_goroutines 8\n'),
      'there is no counter of a server that is known on its page',
    ],
    [
      'bytes',
      page('\u0000\u0001\u0002'.repeat(1000)),
      'there is no counter of a server that is known on its page',
    ],
    ['nothing', page(''), 'there is no counter of a server that is known on its page'],
  ])('%s is told', async (_, answer, reason) => {
    const server = await serve(answer)
    const room = roomWith(settings({ servers: [configured(server.url)] }))
    await until(() => states(room)[0] === `silent: ${reason}`)
    expect(room.takeNotices()).toEqual([{ url: `${server.url}/metrics`, reason }])
    expect(reports).toEqual([])
  })

  test('goes on where it stood when the configuration is read again, and is left alone when it is taken out', async () => {
    let count = 10
    const server = await serve(page(() => vllm(count)))
    const room = roomWith(settings({ servers: [configured(server.url)] }))
    await until(() => reports.length === 1)
    count = 12
    room.reconfigure(
      settings({ servers: [configured(server.url), configured(server.url, { path: '/other' })] }),
    )
    await until(() => reports.length === 3, 10)
    expect(counted().filter((queries) => queries === 2)).toEqual([2])
    room.reconfigure(settings())
    expect(room.statuses()).toEqual([])
    const asked = server.asked.length
    machine.wait(100)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(server.asked).toHaveLength(asked)
  })
})

/** A process that listens and answers every path with a page; what it says of itself is not asked. */
async function serverProcess(
  text: string,
  ports = 1,
): Promise<{ readonly pid: number; readonly ports: readonly number[] }> {
  const program = `
    const { createServer } = require('node:http')
    const servers = Array.from({ length: ${ports} }, (_, index) =>
      createServer((request, response) => response.end(index === ${ports - 1} ? ${JSON.stringify(text)} : 'none 1')))
    Promise.all(servers.map((server) => new Promise((done) => server.listen(0, '127.0.0.1', () => done(server.address().port)))))
      .then((ports) => console.log(ports.join(' ')))`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { pid: child.pid ?? NaN, ports: line.toString().split(' ').map(Number) }
}

const recognised = (pid: number, part: Partial<ServerProcess> = {}): ServerProcess => ({
  pid,
  startTicks: 5000,
  server: 'vllm',
  workload: 'llama-chat',
  namespace: 'prod',
  model: 'from-arguments',
  variant: 'bf16',
  ...part,
})

describe('a recognised server', () => {
  test('is found at its port, and counted for its workload from the first look on', async () => {
    const { pid, ports } = await serverProcess(vllm(20))
    const room = roomWith(settings())
    room.see([recognised(pid)])
    await until(() => reports.length === 1)
    expect(reports).toMatchObject([
      {
        workload: 'llama-chat',
        namespace: 'prod',
        model: 'Qwen/Qwen3-8B',
        variant: 'fp8',
        source: 'server',
        queries: 0,
      },
    ])
    expect(room.statuses()).toMatchObject([
      { url: `http://127.0.0.1:${ports[0]}/metrics`, state: 'counting' },
    ])
  })

  test('that started after the exporter is counted from its beginning', async () => {
    const { pid } = await serverProcess(vllm(20))
    roomWith(settings()).see([recognised(pid, { startTicks: 10_001 })]) // 100 s of uptime when the room was opened
    await until(() => reports.length === 1)
    expect(counted()).toEqual([20])
  })

  test('is told its model where it does not say it', async () => {
    const { pid } = await serverProcess('tgi_request_success 1\ntgi_queue_size 0\n')
    roomWith(settings()).see([recognised(pid, { server: 'tgi' })])
    await until(() => reports.length === 1)
    expect(reports).toMatchObject([{ server: 'tgi', model: 'from-arguments', variant: 'bf16' }])
  })

  test('is counted under the names that were found since', async () => {
    const { pid } = await serverProcess(vllm(20))
    const room = roomWith(settings())
    room.see([recognised(pid, { workload: 'vllm', namespace: '' })])
    await until(() => reports.length === 1)
    room.see([recognised(pid)])
    await until(() => reports.length === 2, 10)
    expect(reports.map(({ workload, namespace }) => [workload, namespace])).toEqual([
      ['vllm', ''],
      ['llama-chat', 'prod'],
    ])
    expect(room.statuses()).toMatchObject([{ workload: 'llama-chat', namespace: 'prod' }])
  })

  test('that is a gateway says so', async () => {
    const { pid } = await serverProcess('litellm_requests_metric_total{model="a"} 1\n')
    roomWith(settings()).see([recognised(pid, { server: 'litellm' })])
    await until(() => reports.length === 1)
    expect(reports).toMatchObject([{ server: 'litellm', model: 'a', source: 'gateway' }])
  })

  test('with several ports is asked at one after the other, until one has metrics', async () => {
    const { pid, ports } = await serverProcess(vllm(20), 3)
    const room = roomWith(settings())
    room.see([recognised(pid)])
    for (let look = 0; look < 3 && reports.length === 0; look += 1) {
      await until(() => reports.length === 1 || room.statuses()[0]?.state === 'silent', look === 0 ? 0 : 60)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await until(() => reports.length === 1)
    expect(room.statuses()).toMatchObject([
      { url: `http://127.0.0.1:${ports[2]}/metrics`, state: 'counting' },
    ])
  })

  test('that is configured as well is counted once', async () => {
    const { pid, ports } = await serverProcess(vllm(20))
    const room = roomWith(settings({ servers: [configured(`http://localhost:${ports[0]}`)] }))
    room.see([recognised(pid)])
    await until(() => states(room).includes('silent: its port is read already'))
    await until(() => reports.length === 1)
    expect(reports).toMatchObject([{ source: 'configured', workload: 'chat' }])
  })

  test('that listens nowhere, or has no metrics by nature, says so', async () => {
    const child = spawn('sleep', ['60'])
    children.push(child)
    const room = roomWith(settings())
    room.see([recognised(child.pid ?? NaN), recognised(process.pid, { server: 'ollama' })])
    await until(() => states(room).every((state) => state.startsWith('silent')))
    expect(states(room)).toEqual([
      'silent: it listens on no port that can be seen',
      'silent: it has no metrics: the counting proxy counts for it',
    ])
    expect(room.takeNotices()).toEqual([]) // it may be starting
  })

  test('is left alone once it has ended, and where discovery is off', async () => {
    const { pid } = await serverProcess(vllm(20))
    const room = roomWith(settings())
    room.see([recognised(pid)])
    await until(() => reports.length === 1)
    room.see([])
    expect(room.statuses()).toEqual([])
    room.reconfigure(settings({ discovery: false }))
    room.see([recognised(pid)])
    expect(room.statuses()).toEqual([])
  })

  test('is one of 128 at most', () => {
    const room = roomWith(settings())
    room.see(Array.from({ length: 1000 }, (_, index) => recognised(2 ** 22 + index)))
    expect(room.statuses()).toHaveLength(128)
  })
})
