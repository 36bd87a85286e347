/** Containers of a real Podman, named by its real service. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireProgram } from '../programs.ts'
import { infoOf, NamedExporter, type Worker } from './named-exporter.ts'
import { working, IMAGE, run, RuntimeFolder } from './real-runtime.ts'

jest.setTimeout(180_000)

/** Without systemd, without networks, within the limits that a confined root may set. */
const CONTAINERS_CONF = `
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
`

requireProgram(
  'podman',
  'containers of a real Podman',
  () => {
    const host = new RuntimeFolder()
    let env: NodeJS.ProcessEnv
    let exporter: NamedExporter | undefined
    const podman = (...words: string[]): string => run('podman', words, { env }).toString().trim()
    const start = (name: string, steps: number, options: readonly string[] = []): Worker => {
      const id = podman('run', '--detach', '--name', name, ...options, IMAGE, ...working(steps))
      return { id, pid: Number(podman('inspect', '--format', '{{.State.Pid}}', id)) }
    }

    beforeAll(async () => {
      const conf = join(host.path, 'containers.conf')
      const storage = join(host.path, 'storage.conf')
      writeFileSync(conf, CONTAINERS_CONF)
      const folders = `graphroot = "${host.folder('graph')}"\nrunroot = "${host.folder('state')}"`
      writeFileSync(storage, `[storage]\ndriver = "overlay"\n${folders}\n`)
      env = { CONTAINERS_CONF: conf, CONTAINERS_STORAGE_CONF: storage }
      run('podman', ['import', '-', IMAGE], { env, input: host.busybox() })
      const socket = join(host.folder('run/podman'), 'podman.sock')
      await host.start(socket, ['podman', 'system', 'service', '--time=0', `unix://${socket}`], env)
      exporter = await NamedExporter.start(host)
    })

    afterAll(async () => {
      try {
        podman('rm', '--all', '--force', '--time', '0')
        await exporter?.stop()
      } finally {
        await host.remove()
      }
    })

    test('are shown by their names, and their energies are as their CPU times', async () => {
      const train = start('train', 60_000)
      const serve = start('serve', 20_000, [
        '--label=com.docker.compose.project=chat',
        '--label=com.docker.compose.service=llm',
      ])
      if (exporter === undefined) throw new Error('no exporter was started')
      const families = await exporter.expectFairShares(train, serve)
      expect(infoOf(families, train.id)).toMatchObject({
        container: 'train',
        image: IMAGE,
        runtime: 'podman',
        pod: '',
        namespace: '',
      })
      expect(infoOf(families, serve.id)).toMatchObject({ container: 'serve' })
      const workloads = (families.get('wattribute_workload_info') ?? []).map(({ labels }) => labels)
      expect(workloads).toContainEqual(expect.objectContaining({ workload: 'train', manager: 'podman' }))
      expect(workloads).toContainEqual(expect.objectContaining({ workload: 'chat/llm', manager: 'podman' }))
    })
  },
  { root: true },
)
