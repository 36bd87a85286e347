/** The pod of a node by a real containerd, which is asked as a kubelet asks it for what stands in the manifest. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { credentials, loadPackageDefinition, type Client, type ServiceError } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { dirname, join, relative } from 'node:path'
import { text } from 'node:stream/consumers'
import { deadline } from '../e2e/deadline.ts'
import { freePort } from '../e2e/prometheus-server.ts'
import { run, RuntimeFolder } from '../names/real-runtime.ts'
import { requireProgram } from '../programs.ts'
import { makeBase } from './local-base.ts'
import { manifestsIn, podOf, repository, textOf, type Container, type PodSpec } from './manifests.ts'

jest.setTimeout(240_000)

const IMAGE = 'localhost/wattribute:pod'
const PAUSE = 'localhost/wattribute/pause:pod'
const POD_UID = '7d1c2a52-9a0e-4a35-8c5e-5f5d1f7f2c11'
/** What the kubelet has masked and made read-only in containers that are not privileged. */
const MASKED = [
  '/proc/kcore',
  '/proc/keys',
  '/proc/timer_list',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
]
const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

const manifests = manifestsIn(textOf('deploy/kubernetes/node.yaml'))
const [pod] = manifests.flatMap((manifest) => podOf(manifest) ?? [])
const [config = ''] = manifests.flatMap(({ data }) => data?.['config.yaml'] ?? [])

interface Answer {
  readonly pod_sandbox_id: string
  readonly container_id: string
  readonly exit_code: number
  readonly stdout: Buffer
  readonly status: { readonly exit_code: number }
  readonly info: Readonly<Record<string, string>>
}
type Call = (request: object, done: (cause: ServiceError | null, answer: Answer) => void) => void

function runtimeAt(socket: string) {
  const proto = loadSync(repository('test/deploy/pod.proto'), { keepCase: true, defaults: true })
  const { runtime } = loadPackageDefinition(proto) as unknown as {
    runtime: { v1: { RuntimeService: new (address: string, how: object) => Client & Record<string, Call> } }
  }
  const client = new runtime.v1.RuntimeService(`unix:${socket}`, credentials.createInsecure())
  return {
    close: () => client.close(),
    call: (method: string, request: object): Promise<Answer> =>
      new Promise((resolve, reject) => {
        client[method]?.(request, (cause, answer) => (cause === null ? resolve(answer) : reject(cause)))
      }),
  }
}

/** The root of an image: the exporter as it was built, with the packages that it needs, over programs of this machine. */
function exporterRoot(host: RuntimeFolder): string {
  const root = host.folder('root')
  makeBase(root)
  const home = join(root, 'usr/local/lib/wattribute')
  const packages = run('npm', ['ls', '--omit=dev', '--workspace=exporter', '--all', '--parseable'])
    .toString()
    .split('\n')
    .filter((path) => path.includes('/node_modules/') && !path.endsWith('/wattribute'))
  for (const path of [...packages, repository('exporter/dist'), repository('exporter/package.json')]) {
    if (!existsSync(path)) continue // of another processor
    const to = join(home, relative(repository('.'), path))
    mkdirSync(dirname(to), { recursive: true })
    cpSync(path, to, { recursive: true })
  }
  symlinkSync('../lib/wattribute/exporter/dist/cli.js', join(root, 'usr/local/bin/wattribute'))
  run('chmod', ['+x', join(home, 'exporter/dist/cli.js')])
  return root
}

/** What holds the namespaces of a pod: it waits. */
function pauseRoot(host: RuntimeFolder): string {
  host.busybox()
  return join(host.path, 'image')
}

/** An archive with one image, as `docker save` writes it. */
function archive(host: RuntimeFolder, name: string, root: string, entrypoint: readonly string[]): string {
  const folder = host.folder(`archive-${name.replace(/\W/g, '-')}`)
  run('tar', ['-C', root, '-cf', join(folder, 'layer.tar'), '.'])
  const digest =
    run('sha256sum', [join(folder, 'layer.tar')])
      .toString()
      .split(' ')[0] ?? ''
  const image = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Entrypoint: entrypoint, Env: ['PATH=/usr/local/bin:/usr/bin:/bin'], User: '65532:65532' },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  }
  writeFileSync(join(folder, 'config.json'), JSON.stringify(image))
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }]
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest))
  run('tar', ['-C', folder, '-cf', `${folder}.tar`, '.'])
  return `${folder}.tar`
}

/** The container of the manifest in the words of the runtime, with other folders of the host in the place of its own. */
function requestFor(
  { env = [], args = [], volumeMounts = [], securityContext = {} }: Container,
  spec: PodSpec,
  folders: Readonly<Record<string, string>>,
  variables: Readonly<Record<string, string>>,
) {
  const hostPathOf = (name: string): string => {
    const volume = spec.volumes?.find((one) => one.name === name)
    const path = volume?.hostPath?.path ?? volume?.configMap?.name ?? ''
    return folders[path] ?? path
  }
  return {
    metadata: { name: 'wattribute', attempt: 0 },
    image: { image: IMAGE },
    args,
    envs: env.map(({ name, value = '' }) => ({ key: name, value: variables[name] ?? value })),
    mounts: volumeMounts.map(({ name, mountPath, readOnly = false, mountPropagation, subPath }) => ({
      container_path: mountPath,
      host_path: join(hostPathOf(name), subPath ?? ''),
      readonly: readOnly,
      propagation: mountPropagation === undefined ? 'PROPAGATION_PRIVATE' : 'PROPAGATION_HOST_TO_CONTAINER',
    })),
    labels: { 'io.kubernetes.container.name': 'wattribute' },
    log_path: 'wattribute.log',
    linux: {
      security_context: {
        namespace_options: namespacesOf(spec),
        run_as_user: { value: securityContext.runAsUser },
        run_as_group: { value: securityContext.runAsGroup },
        privileged: securityContext.privileged,
        readonly_rootfs: securityContext.readOnlyRootFilesystem,
        no_new_privs: securityContext.allowPrivilegeEscalation === false,
        capabilities: {
          add_capabilities: securityContext.capabilities?.add,
          drop_capabilities: securityContext.capabilities?.drop,
        },
        seccomp: { profile_type: securityContext.seccompProfile?.type },
        masked_paths: MASKED,
        readonly_paths: READ_ONLY,
      },
    },
  }
}

const namespacesOf = ({ hostPID, hostNetwork }: Omit<PodSpec, 'containers'>) => ({
  network: hostNetwork === true ? 'NODE' : 'POD',
  pid: hostPID === true ? 'NODE' : 'CONTAINER',
  ipc: 'POD',
})

requireProgram(
  'containerd',
  'the pod of a node by a real containerd',
  (containerd) => {
    const host = new RuntimeFolder()
    const socket = join(host.folder('host/run/containerd'), 'containerd.sock')
    const folders = {
      '/': host.folder('host'),
      '/var/lib/wattribute': host.folder('books'),
      '/run/wattribute': host.folder('marks'),
      wattribute: host.folder('config'),
    }
    const sandbox = {
      metadata: { name: 'wattribute-x7k2p', uid: POD_UID, namespace: 'wattribute', attempt: 0 },
      log_directory: host.folder('logs'),
      labels: {
        'io.kubernetes.pod.name': 'wattribute-x7k2p',
        'io.kubernetes.pod.namespace': 'wattribute',
        'io.kubernetes.pod.uid': POD_UID,
      },
      linux: {
        cgroup_parent: `/kubepods/burstable/pod${POD_UID}`,
        security_context: { namespace_options: namespacesOf(pod ?? {}) },
      },
    }
    const { call, close } = runtimeAt(socket)
    let podId = ''
    let id = ''
    let pid = 0
    let url = ''

    const log = (): string => {
      const file = join(host.path, 'logs/wattribute.log')
      return existsSync(file) ? readFileSync(file, 'utf8') : 'no log'
    }
    const page = async (holds: (page: string) => boolean): Promise<string> => {
      let newest = ''
      const search = async (): Promise<string> => {
        for (;;) {
          const response = await fetch(`${url}/metrics`).catch(() => undefined)
          newest = response?.ok === true ? await response.text() : newest
          if (holds(newest)) return newest
          await new Promise((resolve) => setTimeout(resolve, 200))
        }
      }
      return deadline(search(), 60, () => `no such page:\n${newest}\n${log()}`)
    }

    beforeAll(async () => {
      if (pod === undefined) throw new Error('the manifest has no pod')
      for (const name of ['sys', 'etc']) host.folder(`host/${name}`)
      writeFileSync(join(host.path, 'host/etc/passwd'), 'root:x:0:0::/root:/bin/sh\n')
      writeFileSync(join(host.path, 'config/config.yaml'), config)
      const toml = join(host.path, 'containerd.toml')
      const quoted = (word: string): string => JSON.stringify(word)
      writeFileSync(
        toml,
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
      // Hosts under systemd share their mounts, which HostToContainer needs.
      await host.start(socket, ['unshare', '--mount', '--propagation=shared', containerd, '--config', toml])
      for (const image of [
        archive(host, PAUSE, pauseRoot(host), ['/bin/busybox', 'sleep', '600']),
        archive(host, IMAGE, exporterRoot(host), ['wattribute']),
      ]) {
        run('ctr', [`--address=${socket}`, '--namespace=k8s.io', 'images', 'import', image])
      }
      podId = (await call('RunPodSandbox', { config: sandbox })).pod_sandbox_id
      const address = `127.0.0.1:${await freePort()}`
      url = `http://${address}`
      const container = requestFor(pod.containers[0] as Container, pod, folders, {
        NODE_IP: '127.0.0.1',
        WATTRIBUTE_WEB_LISTEN_ADDRESS: address,
      })
      const created = { pod_sandbox_id: podId, config: container, sandbox_config: sandbox }
      id = (await call('CreateContainer', created)).container_id
      await call('StartContainer', { container_id: id })
      const { info } = await call('ContainerStatus', { container_id: id, verbose: true })
      pid = (JSON.parse(info['info'] ?? '{}') as { pid: number }).pid
    })

    afterAll(async () => {
      try {
        if (podId !== '') await call('RemovePodSandbox', { pod_sandbox_id: podId })
      } finally {
        close()
        await host.remove()
      }
    })

    test('sees the processes of the host, and itself by the names of its pod', async () => {
      const seen = await page((one) => one.includes(`container_id="${id}"`))
      expect(Number(/^wattribute_processes (\d+)/m.exec(seen)?.[1])).toBeGreaterThan(10)
      expect(seen).toContain(
        `wattribute_container_info{container_id="${id}",container="wattribute",pod="wattribute-x7k2p",namespace="wattribute",pod_uid="${POD_UID}",image="${IMAGE}",runtime="containerd"} 1`,
      )
      expect(seen).not.toMatch(/^wattribute_process_energy\w+\{pid="\d/m)
      expect(seen).not.toMatch(/^wattribute_conservation_error_joules\{.*\} [^0]/m)
    })

    test('has the rights of the manifest, as the kernel knows them', () => {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      // CAP_DAC_READ_SEARCH is 2, CAP_SYS_PTRACE 19.
      expect(/^CapEff:\s+(\w+)/m.exec(status)?.[1]).toBe(
        ((1n << 2n) | (1n << 19n)).toString(16).padStart(16, '0'),
      )
      expect(/^CapBnd:\s+(\w+)/m.exec(status)?.[1]).toBe('0000000000080004')
      expect(/^NoNewPrivs:\s+(\d)/m.exec(status)?.[1]).toBe('1')
      expect(/^Seccomp:\s+(\d)/m.exec(status)?.[1]).toBe('2')
      expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).toBe('0')
    })

    test('takes marks at the folder that other pods mount', async () => {
      const connection = createConnection(join(folders['/run/wattribute'], 'marks.sock'))
      await once(connection, 'connect')
      connection.end('phase=train\nsync\n')
      expect(await text(connection)).toBe('ok\n')
    })

    test('answers the doctor without a flag', async () => {
      const words = ['wattribute', 'doctor', '--json']
      const { stdout } = await call('ExecSync', { container_id: id, cmd: words, timeout: 60 })
      const { attribution } = JSON.parse(stdout.toString()) as { attribution: readonly object[] }
      for (const subject of ['PID namespace', 'other users', 'control groups', 'marks', 'sockets']) {
        expect(attribution).toContainEqual(expect.objectContaining({ subject, level: 'ok' }))
      }
    })

    test('ends when it is asked to, and has left its books on the node', async () => {
      await call('StopContainer', { container_id: id, timeout: 30 })
      const { status } = await call('ContainerStatus', { container_id: id })
      expect(status.exit_code).toBe(0)
      expect(existsSync(join(folders['/var/lib/wattribute'], 'lock'))).toBe(true)
      expect(log()).not.toMatch(/level=(warn|error)/)
    })
  },
  { root: true },
)
