/** Whom the room asks, how often, and what bad answers cost: over real sockets, with a clock that the test moves. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import {
  loadPackageDefinition,
  Server as GrpcServer,
  ServerCredentials,
  type ServiceDefinition,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import {
  createServer as createHttp2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createSocketServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { identityOf } from '../../exporter/src/activity/identity.ts'
import type { Allocation, Findings, Group, Identity } from '../../exporter/src/model.ts'
import { NamesRoom, type Silence } from '../../exporter/src/names/names.ts'
import { field } from '../../exporter/src/names/protobuf.ts'
import { nanoseconds, seconds } from '../../exporter/src/units.ts'
import { linuxWorld, type World } from '../../exporter/src/world.ts'
import { deadline } from '../e2e/deadline.ts'
import { selfSigned } from '../exposition/tls-files.ts'
import { Machine } from '../machine.ts'

jest.setTimeout(30_000)

const ID = '0123456789abcdef'.repeat(4)
const OTHER = 'fedcba9876543210'.repeat(4)
const UID = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
const DOCKER = 'run/docker.sock'
const CRI = 'run/containerd/containerd.sock'

const inDocker = identityOf(`/docker/${ID}`)
const inPod = identityOf(`/kubepods/burstable/pod${UID}/${ID}`)

let root: string
let now: number
let rooms: NamesRoom[]
let grpcServers: GrpcServer[]
let servers: { server: Server; sockets: Set<Socket> }[]

beforeEach(() => {
  root = mkdtempSync('/tmp/wn-')
  now = 1000
  rooms = []
  servers = []
  grpcServers = []
})

afterEach(async () => {
  for (const room of rooms) room.close()
  for (const server of grpcServers) server.forceShutdown()
  for (const { server, sockets } of servers) {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
  rmSync(root, { recursive: true })
})

function world(): World {
  const real = linuxWorld({ procfs: '/proc', sysfs: '/sys', rootfs: root }, undefined)
  return { ...real, clock: { ...real.clock, now: () => seconds(now) } }
}

function open(kubelet: { url?: string; caFile?: string } = {}): NamesRoom {
  const tokenFile = join(root, 'token')
  const room = new NamesRoom(world(), {
    kubelet: { url: 'https://127.0.0.1:1', tokenFile, caFile: '', ...kubelet },
  })
  rooms.push(room)
  return room
}

async function listen<Some extends Server>(server: Some, place: string | number): Promise<Some> {
  const sockets = new Set<Socket>()
  servers.push({ server, sockets })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined) // clients hang up in these tests
    socket.on('close', () => sockets.delete(socket))
  })
  if (typeof place === 'string') {
    mkdirSync(dirname(join(root, place)), { recursive: true })
    server.listen(join(root, place))
  } else server.listen(place, '127.0.0.1')
  await once(server, 'listening')
  return server
}

const docker = (answer: RequestListener, place = DOCKER): Promise<Server> =>
  listen(createHttpServer(answer), place)

const found = (name: string, labels: object = {}): string =>
  JSON.stringify({ Id: ID, Name: `/${name}`, Config: { Image: 'app:1', Labels: labels } })

/** What the room says in the end. */
async function settled(room: NamesRoom, identity: Identity): Promise<Findings> {
  const search = async (): Promise<Findings> => {
    for (;;) {
      const findings = room.find(identity)
      if (findings !== undefined) return findings
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  return deadline(search(), 15, () => 'the room never came to an end')
}

/** The first complaints. */
async function silencesOf(room: NamesRoom): Promise<readonly Silence[]> {
  const search = async (): Promise<readonly Silence[]> => {
    for (;;) {
      const silences = room.takeSilences()
      if (silences.length > 0) return silences
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  return deadline(search(), 10, () => 'nobody complained')
}

const nothing = { container: undefined, isOuter: false, job: undefined, user: '' }

describe('whom it asks', () => {
  test('nobody where there is nobody: the answer is there at once', () => {
    expect(open().find(inDocker)).toEqual(nothing)
    expect(open().find(inPod)).toEqual(nothing)
    expect(open().find(identityOf('/system.slice/a.service'))).toEqual(nothing)
  })

  test('each container once, as soon as it is seen', async () => {
    const asked: string[] = []
    await docker(({ url = '' }, response) => {
      asked.push(url)
      response.end(found('train'))
    })
    const room = open()
    const groups = [{ path: `/docker/${ID}`, identity: inDocker }]
    room.see({ groups, cpu: [], accelerators: new Map() })
    expect(room.find(inDocker)).toBeUndefined()
    expect((await settled(room, inDocker)).container).toEqual({
      name: 'train',
      image: 'app:1',
      labels: {},
      pod: undefined,
    })
    for (let tick = 0; tick < 200; tick += 1) {
      now += 1
      room.see({ groups: [...groups], cpu: [], accelerators: new Map() })
      room.find(inDocker)
    }
    expect(asked).toEqual([`/containers/${ID}/json`])
  })

  test('again after a container was gone for a while', async () => {
    let count = 0
    await docker((_, response) => {
      count += 1
      response.end(found('train'))
    })
    const room = open()
    await settled(room, inDocker)
    for (let tick = 0; tick < 3; tick += 1) {
      now += 61
      room.see({ groups: [], cpu: [], accelerators: new Map() })
    }
    await settled(room, inDocker)
    expect(count).toBe(2)
  })

  test('a user’s own daemon only about that user’s slice', async () => {
    await docker((_, response) => response.end(found('mine')), 'run/user/1000/docker.sock')
    const slice = (user: number): Identity =>
      identityOf(`/user.slice/user-${user}.slice/user@${user}.service/user.slice/docker-${ID}.scope`)
    expect((await settled(open(), slice(1000))).container?.name).toBe('mine')
    expect(open().find(slice(1001))?.container).toBeUndefined()
    expect(open().find(inDocker)?.container).toBeUndefined()
  })

  test('of one in another, the outer where the inner is not known', async () => {
    await docker(({ url = '' }, response) => {
      response.statusCode = url.includes(ID) ? 200 : 404
      response.end(url.includes(ID) ? found('kind-node') : '{}')
    })
    const findings = await settled(open(), identityOf(`/docker/${ID}/docker/${OTHER}`))
    expect(findings).toMatchObject({ isOuter: true, container: { name: 'kind-node' } })
  })

  test('a container that is not known is asked for again, for some seconds', async () => {
    let count = 0
    await docker((_, response) => {
      count += 1
      response.statusCode = count < 3 ? 404 : 200
      response.end(count < 3 ? '{}' : found('late'))
    })
    expect((await settled(open(), inDocker)).container?.name).toBe('late')
    expect(count).toBe(3)
  })

  test('a container that nobody knows is left without a name', async () => {
    await docker((_, response) => {
      now += 2
      response.statusCode = 404
      response.end('{}')
    })
    const room = open()
    expect(await settled(room, inDocker)).toEqual(nothing)
    expect(room.takeSilences()).toEqual([])
  })

  test('Docker’s words about a pod count where the path says the same', async () => {
    const labels = {
      'io.kubernetes.pod.uid': UID,
      'io.kubernetes.pod.name': 'llama-0',
      'io.kubernetes.pod.namespace': 'ml',
      'io.kubernetes.container.name': 'server',
    }
    await docker((_, response) => response.end(found('k8s_server_llama-0', labels)))
    expect((await settled(open(), inPod)).container).toMatchObject({
      name: 'server',
      pod: { name: 'llama-0', namespace: 'ml' },
    })
    expect((await settled(open(), inDocker)).container).toMatchObject({
      name: 'k8s_server_llama-0',
      pod: undefined,
    })
  })

  test('a guest of Proxmox by its configuration, above its snapshots', async () => {
    mkdirSync(join(root, 'etc/pve/qemu-server'), { recursive: true })
    mkdirSync(join(root, 'etc/pve/lxc'))
    writeFileSync(
      join(root, 'etc/pve/qemu-server/102.conf'),
      'cores: 4\nname: gpu-vm\n\n[before]\nname: old\n',
    )
    writeFileSync(join(root, 'etc/pve/lxc/101.conf'), 'hostname: box\n')
    const room = open()
    expect((await settled(room, identityOf('/qemu.slice/102.scope'))).container?.name).toBe('gpu-vm')
    expect((await settled(room, identityOf('/lxc/101/ns/init.scope'))).container?.name).toBe('box')
  })
})

describe('a daemon that answers badly costs the name and nothing else', () => {
  const RAW: Record<string, readonly [(socket: Socket) => void, string]> = {
    'speaks another language': [(socket) => socket.end('SSH-2.0-OpenSSH\r\n'), 'HPE_INVALID_CONSTANT'],
    'hangs up': [(socket) => socket.once('data', () => socket.destroy()), 'ECONNRESET'],
    'says nothing': [() => undefined, 'it did not answer in time'],
    'never ends its words': [
      (socket) => {
        const timer = setInterval(() => socket.write('HTTP/1.1 100 Continue\r\n\r\n'), 50)
        socket.on('close', () => clearInterval(timer))
      },
      'it did not answer in time',
    ],
  }

  test.each(Object.entries(RAW))('%s', async (_, [behave, reason]) => {
    await listen(createSocketServer(behave), DOCKER)
    const room = open()
    expect(room.find(inDocker)).toBeUndefined()
    expect(await silencesOf(room)).toEqual([{ address: join(root, DOCKER), reason }])
    expect(room.find(inDocker)).toBeUndefined()
    now += 10
    expect(room.find(inDocker)).toEqual(nothing)
  })

  const ANSWERS: Record<string, readonly [RequestListener, string]> = {
    'no JSON': [(_, response) => response.end('<html>secret</html>'), 'its answer is no JSON'],
    'JSON of another kind': [(_, response) => response.end('[]'), 'its answer is no container'],
    null: [(_, response) => response.end('null'), 'its answer is no container'],
    'a name that is a number': [(_, response) => response.end('{"Name": 5}'), 'its answer is no container'],
    'nested without end': [(_, response) => response.end('['.repeat(1_000_000)), 'its answer is no JSON'],
    'an error': [
      (_, response) => {
        response.statusCode = 500
        response.end('{"message": "secret"}')
      },
      'HTTP status 500',
    ],
    'a redirection': [
      (_, response) => {
        response.writeHead(301, { location: 'http://169.254.169.254/' })
        response.end()
      },
      'HTTP status 301',
    ],
    'without end': [
      (_, response) => {
        const chunk = Buffer.alloc(1 << 16, ' ')
        const more = (): void => {
          if (!response.destroyed) response.write(chunk, more)
        }
        more()
      },
      'its answer is too long',
    ],
    'cut off': [
      (_, response) => {
        response.writeHead(200, { 'content-length': 100 })
        response.write('{"Name":')
        setTimeout(() => response.destroy(), 20)
      },
      'it hung up',
    ],
  }

  test.each(Object.entries(ANSWERS))('%s', async (_, [answer, reason]) => {
    await docker(answer)
    const room = open()
    room.find(inDocker)
    now += 9.9
    expect(await silencesOf(room)).toEqual([{ address: join(root, DOCKER), reason }])
    now += 1
    expect(room.find(inDocker)).toEqual(nothing)
  })

  test('a silent daemon is left alone for a while, however many containers there are', async () => {
    let count = 0
    await docker((_, response) => {
      count += 1
      response.statusCode = 503
      response.end()
    })
    const room = open()
    const many = Array.from({ length: 200 }, (_, index) =>
      identityOf(`/docker/${String(index).padStart(64, 'a')}`),
    )
    for (const identity of many) room.find(identity)
    await new Promise((resolve) => setTimeout(resolve, 700)) // three rounds of retries
    expect(count).toBeLessThanOrEqual(8)
    expect(room.takeSilences()).toHaveLength(1)
  })

  test('names are cut to what a page can bear', async () => {
    await docker((_, response) => response.end(found('x'.repeat(100_000), { a: 'y'.repeat(100_000) })))
    const { container } = await settled(open(), inDocker)
    expect(container?.name).toHaveLength(256)
    expect(container?.labels['a']).toHaveLength(256)
  })
})

describe('the runtime interface', () => {
  const GRPC: Record<string, readonly [(stream: ServerHttp2Stream) => void, string]> = {
    'an error': [(stream) => answer(stream, undefined, '13'), 'gRPC status 13'],
    'no status': [(stream) => answer(stream, Buffer.alloc(0), null), 'gRPC status missing'],
    'a message that is cut off': [
      (stream) => answer(stream, Buffer.from([0, 0, 0, 0, 9, 1])),
      'its answer is cut off',
    ],
    'a compressed one': [(stream) => answer(stream, Buffer.from([1, 0, 0, 0, 0])), 'its answer is cut off'],
    'no message of ours': [
      (stream) => answer(stream, framed(Buffer.from([0x0a, 0xff, 0x01]))),
      'a field is cut off',
    ],
    nothing: [() => undefined, 'it did not answer in time'],
  }
  const framed = (message: Buffer): Buffer =>
    Buffer.concat([Buffer.from([0, 0, 0, message.length >> 8, message.length & 255]), message])

  function answer(stream: ServerHttp2Stream, frame: Buffer | undefined, status: string | null = '0'): void {
    if (frame === undefined) {
      stream.respond(
        { ':status': 200, ...(status !== null && { 'grpc-status': status }) },
        { endStream: true },
      )
      return
    }
    stream.respond({ ':status': 200 }, { waitForTrailers: status !== null })
    if (status !== null) stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }))
    stream.end(frame)
  }

  async function cri(behave: (stream: ServerHttp2Stream, method: string) => void): Promise<void> {
    const server = createHttp2Server()
    server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      stream.on('error', () => undefined)
      behave(stream, headers[':path'] ?? '')
    })
    await listen(server, CRI)
  }

  test.each(Object.entries(GRPC))('%s costs the name and nothing else', async (_, [behave, reason]) => {
    await cri(behave)
    const room = open()
    room.find(inPod)
    now += 9.9
    expect(await silencesOf(room)).toEqual([{ address: join(root, CRI), reason }])
    now += 1
    expect(room.find(inPod)).toEqual(nothing)
  })

  test('a containerd without it, as Docker brings it, is no fault', async () => {
    await cri((stream) => answer(stream, undefined, '12'))
    const room = open()
    room.find(inDocker)
    now += 5
    expect(await settled(room, inDocker)).toEqual(nothing)
    expect(room.takeSilences()).toEqual([])
  })

  test('an image that has only a digest is asked for its name', async () => {
    const digest = `sha256:${'d'.repeat(64)}`
    const container = [
      field(1, ID),
      field(2, OTHER),
      field(3, field(1, 'server')),
      field(4, field(1, digest)),
    ]
    const sandbox = [
      field(1, OTHER),
      field(2, Buffer.concat([field(1, 'llama-0'), field(3, 'ml')])),
      field(5, Buffer.concat([field(1, 'app'), field(2, 'llama')])),
    ]
    await cri((stream, method) => {
      const message = method.endsWith('ListContainers')
        ? field(1, Buffer.concat(container))
        : method.endsWith('ListPodSandbox')
          ? field(1, Buffer.concat(sandbox))
          : field(1, Buffer.concat([field(1, digest), field(2, 'registry/llama:8b')]))
      answer(stream, framed(message))
    })
    expect((await settled(open(), inPod)).container).toEqual({
      name: 'server',
      image: 'registry/llama:8b',
      labels: {},
      pod: { name: 'llama-0', namespace: 'ml', labels: { app: 'llama' }, owner: undefined },
    })
  })
})

describe('Slurm jobs and users', () => {
  const path = '/system.slice/slurmstepd.scope/job_3385/step_0/user/task_0'
  const job = { path, identity: identityOf(path) }
  const session = identityOf('/user.slice/user-1000.slice/session-4.scope')

  function machineWith(environment: Readonly<Record<string, string>>): NamesRoom {
    const machine = new Machine()
    const words = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
    machine.write('proc/7/environ', words.join('\0'))
    machine.write('proc/7/status', 'Name:\tpython\nUid:\t1000\t1000\t1000\t1000')
    machine.write(
      'etc/passwd',
      'root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nalias:x:1000:',
    )
    const clock = { ...machine.world.clock, now: () => seconds(now) }
    const kubelet = { url: 'https://127.0.0.1:1', tokenFile: '/none', caFile: '' }
    return new NamesRoom({ ...machine.world, clock }, { kubelet })
  }

  const seen = (room: NamesRoom): Findings | undefined => {
    const process = { pid: 7, startTicks: 1, comm: 'python' }
    const cpu = [{ consumer: { kind: 'process', group: job, process } as const, cpu: nanoseconds(1) }]
    room.see({ groups: [job], cpu, accelerators: new Map() })
    return room.find(job.identity)
  }

  const environment = {
    SLURM_JOB_ID: '3385',
    SLURM_JOB_NAME: 'train-bert',
    SLURM_JOB_ACCOUNT: 'physics',
    SLURM_JOB_GPUS: '0,3,x',
  }

  test('a job is known from its first process, whose owner the kernel names', () => {
    const room = machineWith(environment)
    expect(room.find(job.identity)).toBeUndefined()
    expect(seen(room)?.job).toEqual({
      name: 'train-bert',
      account: 'physics',
      user: 'alice',
      devices: ['0', '3'],
    })
    expect(room.allocations()).toEqual([
      { device: '0', group: job },
      { device: '3', group: job },
    ])
  })

  test('what a process says of another job is not believed', () => {
    const room = machineWith({ ...environment, SLURM_JOB_ID: '3386' })
    expect(seen(room)).toBeUndefined()
    now += 10
    expect(seen(room)).toEqual(nothing)
  })

  test('a user is called as in the file, or by the number', () => {
    const room = machineWith({})
    expect(room.find(session)?.user).toBe('alice')
    expect(room.find(identityOf('/user.slice/user-4711.slice/session-5.scope'))?.user).toBe('4711')
  })
})

describe('who was given which device', () => {
  const BOARD = 'GPU-8f6a5c3e-1111-2222-3333-444455556666'

  /** The kubelet's server as it is: another implementation of the protocol, with its own encoder. */
  async function podResources(): Promise<{ readonly asked: () => number }> {
    const proto = loadSync(fileURLToPath(new URL('./pod-resources.proto', import.meta.url)), {
      keepCase: true,
    })
    const { v1 } = loadPackageDefinition(proto) as unknown as {
      v1: { PodResourcesLister: { service: ServiceDefinition } }
    }
    let count = 0
    const server = new GrpcServer()
    server.addService(v1.PodResourcesLister.service, {
      List: (_: unknown, done: (cause: null, answer: object) => void) => {
        count += 1
        const devices = [{ resource_name: 'nvidia.com/gpu', device_ids: [BOARD] }]
        const containers = [
          { name: 'sidecar', devices: [], cpu_ids: [1, 2, 300] },
          { name: 'server', devices, cpu_ids: [4] },
        ]
        done(null, { pod_resources: [{ name: 'llama-0', namespace: 'ml', containers }] })
      },
    })
    mkdirSync(join(root, 'var/lib/kubelet/pod-resources'), { recursive: true })
    const address = `unix:${join(root, 'var/lib/kubelet/pod-resources/kubelet.sock')}`
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(address, ServerCredentials.createInsecure(), (cause) =>
        cause === null ? resolve() : reject(cause),
      )
    })
    grpcServers.push(server)
    return { asked: () => count }
  }

  const pathOf = (id: string): string => `/kubepods/burstable/pod${UID}/${id}`
  const groupOf = (path: string): Group => ({ path, identity: identityOf(path) })
  const accelerators = new Map([[BOARD, { use: [], guessed: new Set<never>(), holders: [] }]])

  async function told(): Promise<void> {
    await docker(({ url = '' }, response) => {
      const labels = {
        'io.kubernetes.pod.uid': UID,
        'io.kubernetes.pod.name': 'llama-0',
        'io.kubernetes.pod.namespace': 'ml',
        'io.kubernetes.container.name': url.includes(ID) ? 'server' : 'sidecar',
      }
      response.end(found('k8s', labels))
    })
  }

  test('the kubelet tells it of containers, and is asked once for those who come together', async () => {
    await told()
    const { asked } = await podResources()
    const groups = [groupOf(pathOf(ID)), groupOf(`${pathOf(ID)}/inner`), groupOf(pathOf(OTHER))]
    const room = open()
    const search = async (): Promise<readonly Allocation[]> => {
      for (;;) {
        room.see({ groups, cpu: [], accelerators })
        const allocations = room.allocations()
        if (allocations.length > 0) return allocations
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
    expect(await deadline(search(), 10, () => 'nobody was given anything')).toEqual([
      { device: BOARD, group: groups[0] },
    ])
    for (let tick = 0; tick < 50; tick += 1) {
      now += 1
      room.see({ groups, cpu: [], accelerators })
    }
    expect(asked()).toBe(1)
    room.see({ groups: [groupOf(pathOf(OTHER))], cpu: [], accelerators })
    expect(room.allocations()).toEqual([])
  })

  test('it is not asked on a machine without accelerators', async () => {
    const { asked } = await podResources()
    const room = open()
    room.see({ groups: [groupOf(pathOf(ID))], cpu: [], accelerators: new Map() })
    await settled(room, inPod)
    expect(asked()).toBe(0)
  })
})

describe('the kubelet', () => {
  const TOKEN = 'token-that-nobody-may-see'
  const pods = {
    kind: 'PodList',
    items: [
      {
        metadata: {
          name: 'llama-7d4b9c6f5d-x2x9k',
          namespace: 'chat',
          uid: UID,
          labels: { app: 'llama' },
          ownerReferences: [
            { kind: 'Other', name: 'not-this' },
            { kind: 'ReplicaSet', name: 'llama-7d4b9c6f5d', controller: true },
          ],
        },
        status: {
          containerStatuses: [{ name: 'server', image: 'llama:8b', containerID: `containerd://${ID}` }],
        },
      },
      {
        metadata: {
          name: 'etcd-node-7',
          namespace: 'kube-system',
          uid: 'another',
          annotations: { 'kubernetes.io/config.hash': 'a1'.repeat(16) },
          ownerReferences: [{ kind: 'Node', name: 'node-7', controller: true }],
        },
        status: { containerStatuses: [{ name: 'etcd', image: 'etcd:3', containerID: `cri-o://${OTHER}` }] },
      },
      'no pod at all',
    ],
  }

  interface Asked {
    readonly url: string
    readonly authorization: string
  }

  async function kubelet(
    answer: (asked: Asked) => number,
  ): Promise<{ port: number; asked: Asked[]; ca: string }> {
    const pair = selfSigned(root, 'kubelet')
    const asked: Asked[] = []
    const server = createTlsServer({ cert: pair.cert, key: pair.key }, ({ url = '', headers }, response) => {
      const one = { url, authorization: headers.authorization ?? '' }
      asked.push(one)
      response.statusCode = answer(one)
      response.end(JSON.stringify(pods))
    })
    await listen(server, 0)
    return { port: (server.address() as AddressInfo).port, asked, ca: pair.certFile }
  }

  const guarded = ({ authorization }: Asked): number => (authorization === `Bearer ${TOKEN}` ? 200 : 401)

  test('tells containers, pods and their owners of all that appear together in one answer', async () => {
    writeFileSync(join(root, 'token'), `${TOKEN}\n`)
    const { port, asked } = await kubelet(guarded)
    const room = open({ url: `https://127.0.0.1:${port}` })
    const fromFile = identityOf(`/kubepods/burstable/pod${'a1'.repeat(16)}/crio-${OTHER}`)
    room.find(inPod)
    room.find(fromFile)
    expect((await settled(room, inPod)).container).toEqual({
      name: 'server',
      image: 'llama:8b',
      labels: {},
      pod: {
        name: 'llama-7d4b9c6f5d-x2x9k',
        namespace: 'chat',
        labels: { app: 'llama' },
        owner: { kind: 'ReplicaSet', name: 'llama-7d4b9c6f5d' },
      },
    })
    expect((await settled(room, fromFile)).container).toMatchObject({
      name: 'etcd',
      pod: { name: 'etcd-node-7', owner: { kind: 'Node', name: 'node-7' } },
    })
    expect(asked).toEqual([{ url: '/pods', authorization: `Bearer ${TOKEN}` }])
  })

  test('is not asked without a token, nor about what is in no pod', async () => {
    const { port, asked } = await kubelet(guarded)
    const url = `https://127.0.0.1:${port}`
    expect(open({ url }).find(inPod)).toEqual(nothing)
    writeFileSync(join(root, 'token'), TOKEN)
    expect(open({ url }).find(inDocker)).toEqual(nothing)
    expect(asked).toEqual([])
  })

  test('says that the token has no right, and the token is in no message', async () => {
    writeFileSync(join(root, 'token'), TOKEN)
    const { port } = await kubelet(() => 403)
    const room = open({ url: `https://127.0.0.1:${port}` })
    room.find(inPod)
    now += 9.9
    const silences = await silencesOf(room)
    now += 1
    expect(room.find(inPod)).toEqual(nothing)
    expect(silences).toEqual([{ address: `https://127.0.0.1:${port}`, reason: 'HTTP status 403' }])
    expect(JSON.stringify(silences)).not.toContain(TOKEN)
  })

  test('is verified where an authority is given: one of another authority never sees the token', async () => {
    writeFileSync(join(root, 'token'), TOKEN)
    const { port, asked, ca } = await kubelet(guarded)
    const url = `https://127.0.0.1:${port}`
    expect((await settled(open({ url, caFile: ca }), inPod)).container?.name).toBe('server')
    asked.splice(0)
    const stranger = selfSigned(root, 'stranger')
    const room = open({ url, caFile: stranger.certFile })
    room.find(inPod)
    expect(await silencesOf(room)).toEqual([{ address: url, reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' }])
    expect(asked).toEqual([])
  })

  test('at another address than the loopback is verified by what lies beside the token', async () => {
    writeFileSync(join(root, 'token'), TOKEN)
    const room = open({ url: 'https://192.0.2.1:10250' })
    room.find(inPod)
    expect(await silencesOf(room)).toEqual([
      { address: 'https://192.0.2.1:10250', reason: `${root}/ca.crt: ENOENT` },
    ])
  })

  test('adds a pod’s owner to what the runtime says', async () => {
    writeFileSync(join(root, 'token'), TOKEN)
    const { port } = await kubelet(guarded)
    await docker((_, response) => response.end(found('k8s_server')))
    const { container } = await settled(open({ url: `https://127.0.0.1:${port}` }), inPod)
    expect(container).toMatchObject({ image: 'llama:8b', pod: { owner: { name: 'llama-7d4b9c6f5d' } } })
  })
})
