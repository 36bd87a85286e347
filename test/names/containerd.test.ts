/** Pods of a real containerd, made over the Container Runtime Interface as a kubelet makes them. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { credentials, loadPackageDefinition, type Client, type ServiceError } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { requireProgram } from '../programs.ts'
import { infoOf, NamedExporter, type Worker } from './named-exporter.ts'
import { working, IMAGE, run, RuntimeFolder } from './real-runtime.ts'

jest.setTimeout(180_000)

const PAUSE = 'localhost/wattribute/pause:test'
const POD_UID = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
const NODE = { network: 'NODE', pid: 'CONTAINER', ipc: 'POD' }

type Call = (request: object, done: (cause: ServiceError | null, answer: Answer) => void) => void

interface Answer {
  readonly pod_sandbox_id: string
  readonly container_id: string
  readonly info: Readonly<Record<string, string>>
}

interface Runtime {
  readonly call: (method: string, request: object) => Promise<Answer>
  readonly close: () => void
}

function runtimeAt(socket: string): Runtime {
  const proto = loadSync(fileURLToPath(new URL('./cri.proto', import.meta.url)), {
    keepCase: true,
    defaults: true,
  })
  const { runtime } = loadPackageDefinition(proto) as unknown as {
    runtime: { v1: { RuntimeService: new (address: string, how: object) => Client & Record<string, Call> } }
  }
  const client = new runtime.v1.RuntimeService(`unix:${socket}`, credentials.createInsecure())
  const call: Runtime['call'] = (method, request) =>
    new Promise((resolve, reject) => {
      client[method]?.(request, (cause, answer) => (cause === null ? resolve(answer) : reject(cause)))
    })
  return { call, close: () => client.close() }
}

/** An archive with one image, as `docker save` writes it. */
function archive(host: RuntimeFolder, name: string, entrypoint: readonly string[]): string {
  const folder = host.folder(`archive-${name.replace(/\W/g, '-')}`)
  const layer = host.busybox()
  const digest = run('sha256sum', [], { input: layer }).toString().split(' ')[0] ?? ''
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Entrypoint: entrypoint },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  }
  writeFileSync(join(folder, 'layer.tar'), layer)
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }]
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest))
  const tar = join(host.path, `${name.replace(/\W/g, '-')}.tar`)
  run('tar', ['-C', folder, '-cf', tar, '.'])
  return tar
}

requireProgram(
  'containerd',
  'pods of a real containerd',
  (containerd) => {
    const host = new RuntimeFolder()
    const socket = join(host.folder('run/containerd'), 'containerd.sock')
    const sandbox = {
      metadata: { name: 'llama-7d4b9c6f5d-x2x9k', uid: POD_UID, namespace: 'chat', attempt: 0 },
      log_directory: host.folder('logs'),
      labels: {
        app: 'llama',
        'pod-template-hash': '7d4b9c6f5d',
        'io.kubernetes.pod.name': 'llama-7d4b9c6f5d-x2x9k',
        'io.kubernetes.pod.namespace': 'chat',
        'io.kubernetes.pod.uid': POD_UID,
      },
      linux: {
        cgroup_parent: `/kubepods/burstable/pod${POD_UID}`,
        security_context: { namespace_options: NODE },
      },
    }
    const { call, close } = runtimeAt(socket)
    let exporter: NamedExporter | undefined
    let pod = ''

    const start = async (name: string, steps: number): Promise<Worker> => {
      const { container_id: id } = await call('CreateContainer', {
        pod_sandbox_id: pod,
        config: {
          metadata: { name, attempt: 0 },
          image: { image: IMAGE },
          command: working(steps),
          labels: { 'io.kubernetes.container.name': name },
          linux: { security_context: { namespace_options: NODE } },
        },
        sandbox_config: sandbox,
      })
      await call('StartContainer', { container_id: id })
      const { info } = await call('ContainerStatus', { container_id: id, verbose: true })
      return { id, pid: (JSON.parse(info['info'] ?? '{}') as { pid: number }).pid }
    }

    beforeAll(async () => {
      const config = join(host.path, 'containerd.toml')
      const quoted = (text: string): string => JSON.stringify(text)
      writeFileSync(
        config,
        `version = 2
root = ${quoted(host.folder('containerd'))}
state = ${quoted(host.folder('state'))}
[grpc]
address = ${quoted(socket)}
[plugins."io.containerd.internal.v1.opt"]
path = ${quoted(host.folder('opt'))}
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${PAUSE}"
disable_apparmor = true
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
`,
      )
      await host.start(socket, [containerd, '--config', config])
      const load = (name: string, entrypoint: readonly string[]): Buffer =>
        run('ctr', [
          `--address=${socket}`,
          '--namespace=k8s.io',
          'images',
          'import',
          archive(host, name, entrypoint),
        ])
      load(PAUSE, ['/bin/busybox', 'sleep', '600'])
      load(IMAGE, [])
      exporter = await NamedExporter.start(host)
    })

    afterAll(async () => {
      try {
        if (pod !== '') await call('RemovePodSandbox', { pod_sandbox_id: pod })
        await exporter?.stop()
      } finally {
        close()
        await host.remove()
      }
    })

    test('are shown by pod, container and Deployment, and their energies are as their CPU times', async () => {
      pod = (await call('RunPodSandbox', { config: sandbox })).pod_sandbox_id
      const server = await start('server', 60_000)
      const sidecar = await start('sidecar', 20_000)
      if (exporter === undefined) throw new Error('no exporter was started')
      const families = await exporter.expectFairShares(server, sidecar)
      expect(infoOf(families, server.id)).toEqual({
        container_id: server.id,
        container: 'server',
        pod: 'llama-7d4b9c6f5d-x2x9k',
        namespace: 'chat',
        pod_uid: POD_UID,
        image: IMAGE,
        runtime: 'containerd',
      })
      expect(infoOf(families, sidecar.id)).toMatchObject({ container: 'sidecar' })
      expect((families.get('wattribute_workload_info') ?? []).map(({ labels }) => labels)).toContainEqual({
        workload: 'llama',
        namespace: 'chat',
        kind: 'other',
        manager: 'kubernetes',
        user: '',
        account: '',
      })
      expect(exporter.log.filter((line) => line.includes('level=warn'))).toEqual([])
    })
  },
  { root: true },
)
