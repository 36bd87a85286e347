/** Containers of a real Docker: its daemon and containerd, without networks. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { requireProgram } from '../programs.ts'
import { infoOf, NamedExporter, type Worker } from './named-exporter.ts'
import { working, IMAGE, RuntimeFolder } from './real-runtime.ts'

jest.setTimeout(180_000)

interface ContainerAnswer {
  readonly Id: string
  readonly State: { readonly Pid: number }
}

requireProgram(
  'dockerd',
  'containers of a real Docker',
  (dockerd) => {
    const host = new RuntimeFolder()
    const socket = join(host.folder('run'), 'docker.sock')
    const containers: string[] = []
    let exporter: NamedExporter | undefined

    const call = (method: string, path: string, body?: Buffer | object): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const type = body instanceof Buffer ? 'application/x-tar' : 'application/json'
        const headers = { 'Content-Type': type }
        const sent = request({ socketPath: socket, method, path, headers, agent: false }, (response) => {
          void text(response).then((answer) => {
            if ((response.statusCode ?? 500) >= 400) reject(new Error(`${method} ${path}: ${answer}`))
            else resolve(answer.startsWith('{') && body instanceof Buffer ? {} : answer && JSON.parse(answer))
          }, reject)
        })
        sent.on('error', reject)
        sent.end(body instanceof Buffer || body === undefined ? body : JSON.stringify(body))
      })

    const start = async (name: string, steps: number, labels: object = {}): Promise<Worker> => {
      const { Id: id } = (await call('POST', `/containers/create?name=${name}`, {
        Image: IMAGE,
        Cmd: working(steps),
        Labels: labels,
        HostConfig: { NetworkMode: 'none' },
      })) as ContainerAnswer
      containers.push(id)
      await call('POST', `/containers/${id}/start`)
      const { State } = (await call('GET', `/containers/${id}/json`)) as ContainerAnswer
      return { id, pid: State.Pid }
    }

    beforeAll(async () => {
      const config = join(host.path, 'containerd.toml')
      const containerd = join(host.folder('containerd'), 'containerd.sock')
      const folder = (name: string): string => JSON.stringify(host.folder(name))
      writeFileSync(
        config,
        `version = 2\nroot = ${folder('containerd/root')}\nstate = ${folder('containerd/state')}\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = ${JSON.stringify(containerd)}\n`,
      )
      await host.start(containerd, ['containerd', '--config', config])
      await host.start(socket, [
        dockerd,
        `--host=unix://${socket}`,
        `--containerd=${containerd}`,
        `--data-root=${host.folder('docker')}`,
        `--exec-root=${host.folder('exec')}`,
        `--pidfile=${join(host.path, 'docker.pid')}`,
        '--iptables=false',
        '--ip6tables=false',
        '--bridge=none',
        '--exec-opt=native.cgroupdriver=cgroupfs',
      ])
      const [repository, tag] = [IMAGE.slice(0, IMAGE.lastIndexOf(':')), IMAGE.split(':').at(-1)]
      await call('POST', `/images/create?fromSrc=-&repo=${repository}&tag=${tag}`, host.busybox())
      exporter = await NamedExporter.start(host)
    })

    afterAll(async () => {
      try {
        for (const id of containers) await call('DELETE', `/containers/${id}?force=true`)
        await exporter?.stop()
      } finally {
        await host.remove()
      }
    })

    test('are shown by their names, and their energies are as their CPU times', async () => {
      const train = await start('train', 60_000, {
        'io.kubernetes.pod.name': 'not-a-pod',
        'wattribute.io/kind': 'training',
        'wattribute.io/model': 'x/y-FP8',
      })
      const serve = await start('serve', 20_000, {
        'com.docker.compose.project': 'chat',
        'com.docker.compose.service': 'llm',
      })
      if (exporter === undefined) throw new Error('no exporter was started')
      const families = await exporter.expectFairShares(train, serve)
      expect(infoOf(families, train.id)).toMatchObject({
        container: 'train',
        image: IMAGE,
        runtime: 'docker',
        pod: '',
        namespace: '',
      })
      expect(infoOf(families, serve.id)).toMatchObject({ container: 'serve' })
      const workloads = (families.get('wattribute_workload_info') ?? []).map(({ labels }) => labels)
      expect(workloads).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ workload: 'train', kind: 'training', manager: 'docker' }),
          expect.objectContaining({ workload: 'chat/llm', kind: 'other', manager: 'docker' }),
        ]),
      )
      const ofTraining = (families.get('wattribute_workload_energy_joules_total') ?? []).filter(
        ({ labels }) => labels['workload'] === 'train',
      )
      expect(ofTraining.length).toBeGreaterThan(0)
      for (const { labels } of ofTraining) expect(labels).toMatchObject({ model: 'x/y', variant: 'fp8' })
    })
  },
  { root: true },
)
