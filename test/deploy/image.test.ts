/**
 * The image, built by Podman from a base of this machine's programs, and run by the scripts that users run: as root with
 * few capabilities, and as nobody.
 */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { spawn, spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { deadline } from '../e2e/deadline.ts'
import { freePort } from '../e2e/prometheus-server.ts'
import { imbalancesOfPage, parsePage, type Families } from '../exposition/page-text.ts'
import { requireProgram } from '../programs.ts'
import { ShownMachine } from './machine.ts'
import { BASE, IMAGE, Podman, ROOT, statusOf } from './podman.ts'

jest.setTimeout(600_000)

const { version } = JSON.parse(readFileSync(join(ROOT, 'exporter/package.json'), 'utf8')) as {
  version: string
}
const GUIDE = readFileSync(join(ROOT, 'docs/guides/docker.md'), 'utf8')
const USER = 65_532

const CONFIG = `
tick_seconds: 0.5
birth_hold_seconds: 0
workloads:
  - match: { environment: { PROJECT: climate } }
    workload: climate
    kind: training
  - match: { command: '*while :*' }
    workload: at-work
    kind: training
`

interface Check {
  readonly subject: string
  readonly level: string
}
interface Findings {
  readonly sensors: readonly { readonly sensor: string; readonly state: string }[]
  readonly attribution: readonly Check[]
}

requireProgram(
  'podman',
  'the image',
  () => {
    const podman = new Podman()
    let machine: ShownMachine
    let folder: string
    let settings: Record<string, string>
    let address: string

    beforeAll(async () => {
      podman.build()
      machine = new ShownMachine(podman.host)
      const socket = join(podman.host.folder('root/run/podman'), 'podman.sock')
      await podman.host.start(
        socket,
        ['podman', 'system', 'service', '--time=0', `unix://${socket}`],
        podman.environment,
      )
    })

    /** Each container has books and a folder for marks of its own. */
    const prepare = async (name: string): Promise<void> => {
      folder = mkdtempSync(join(podman.host.path, 'run-'))
      address = `127.0.0.1:${await freePort()}`
      mkdirSync(join(folder, 'config'))
      writeFileSync(join(folder, 'config/config.yaml'), CONFIG)
      settings = {
        DOCKER: 'podman',
        IMAGE,
        NAME: name,
        LISTEN: address,
        CONFIG: join(folder, 'config'),
        STATE: `${name}-books`,
        MARKS: join(folder, 'marks'),
        HOST: machine.root,
        SYS: machine.sysfs,
        OPTIONS: machine.options,
      }
    }

    afterEach(() => void podman.try(['rm', '--all', '--force', '--time=0']))
    afterAll(async () => {
      machine.remove()
      await podman.remove()
    })

    const textOf = (name: string): string => readFileSync(join(ROOT, `deploy/docker/${name}.sh`), 'utf8')
    const environment = (): NodeJS.ProcessEnv => ({ ...process.env, ...podman.environment, ...settings })

    const script = (lines: string): void => {
      const { status, stderr } = spawnSync('sh', ['-c', lines], { encoding: 'utf8', env: environment() })
      if (status !== 0) throw new Error(stderr)
    }

    /** What the doctor finds; its exit code says the same. Meanwhile the machine goes on spending energy. */
    const doctor = async (program: string, words: readonly string[]): Promise<Findings> => {
      const child = spawn(program, words, { env: environment(), stdio: ['ignore', 'pipe', 'ignore'] })
      return JSON.parse(await text(child.stdout)) as Findings
    }
    const doctorIn = (name: string): Promise<Findings> =>
      doctor('podman', ['exec', name, 'wattribute', 'doctor', '--json'])

    /** The first page that holds what is asked for. */
    const page = async (holds: (families: Families) => boolean, seconds = 60): Promise<string> => {
      let newest = ''
      const search = async (): Promise<string> => {
        for (;;) {
          newest = await fetch(`http://${address}/metrics`).then(
            (response) => response.text(),
            () => 'nobody listens',
          )
          if (newest.startsWith('#') && holds(parsePage(newest))) return newest
          await new Promise((resolve) => setTimeout(resolve, 200))
        }
      }
      return deadline(search(), seconds, () => `no such page; the newest:\n${newest}`)
    }

    const workers = (families: Families): Readonly<Record<string, string>>[] =>
      (families.get('wattribute_process_energy_joules_total') ?? [])
        .filter(({ labels, value }) => labels['pid'] === String(workerPid()) && Number(value) > 0)
        .map(({ labels }) => labels)
    const workloadsOf = (page: string): (string | undefined)[] => [
      ...new Set(workers(parsePage(page)).map(({ workload }) => workload)),
    ]
    const workerPid = (): number => childOf(machine.worker.pid ?? 0)
    const energyOf = (families: Families, workload: string): number =>
      (families.get('wattribute_workload_energy_joules_total') ?? [])
        .filter(({ labels }) => labels['workload'] === workload)
        .reduce((sum, { value }) => sum + Number(value), 0)

    const mark = async (lines: string): Promise<string> => {
      const socket = createConnection(join(settings['MARKS'] ?? '', 'marks.sock'))
      socket.end(lines)
      return text(socket)
    }

    const stateOf = ({ sensors }: Findings, name: string): string | undefined =>
      sensors.find(({ sensor }) => sensor === name)?.state
    const levelOf = ({ attribution }: Findings, subject: string): string | undefined =>
      attribution.find((check) => check.subject === subject)?.level

    /** Marks of a process of the host, and the same books in the next container, which ends at once when it is told to. */
    const expectLife = async (profile: string, workload: string): Promise<void> => {
      const name = settings['NAME'] ?? ''
      expect(await mark(`phase=train pid=${workerPid()}\nsync\n`)).toBe('ok\n')
      const before = await page((families) =>
        (families.get('wattribute_workload_phase_seconds_total') ?? []).some(
          ({ labels, value }) =>
            labels['workload'] === workload && labels['phase'] === 'train' && Number(value) > 0,
        ),
      )
      expect(podman.stop(name)).toBe(0)
      script(textOf(profile))
      await podman.untilHealthy(name)
      const after = await page((families) => energyOf(families, workload) > 0)
      expect(energyOf(parsePage(after), workload)).toBeGreaterThanOrEqual(
        energyOf(parsePage(before), workload),
      )
      expect(imbalancesOfPage(after)).toEqual([])
      expect(podman.stop(name)).toBe(0)
    }

    /** Nothing but the places where something is mounted. */
    const expectUntouched = (name: string): void => {
      const changed = podman.run('diff', name).split('\n')
      const isMountPoint = /^\/(host|run|etc|tmp|var\/tmp|var\/lib\/wattribute)(\/|$)/
      const isAbove = (path: string, index: number): boolean =>
        changed.some((line, other) => other !== index && line.slice(2).startsWith(`${path}/`))
      const written = changed
        .map((line) => line.slice(2))
        .filter((path, index) => !isMountPoint.test(path) && !isAbove(path, index))
      expect(written).toEqual([])
      const write = 'require("fs").writeFileSync("/usr/local/lib/wattribute/x", "")'
      expect(podman.try(['exec', '--user=0', name, 'node', '-e', write]).stderr).toMatch(/EROFS|EACCES/)
    }

    test('is small, says what it is, and holds no tools, sources or native libraries of other machines', () => {
      const inspect = (image: string, format: string): string =>
        podman.run('inspect', `--format=${format}`, image)
      const size = Number(inspect(IMAGE, '{{.Size}}')) - Number(inspect(BASE, '{{.Size}}'))
      expect(size).toBeLessThan(16e6)
      expect(JSON.parse(inspect(IMAGE, '{{json .Config.Labels}}'))).toMatchObject({
        'org.opencontainers.image.version': version,
        'org.opencontainers.image.licenses': 'Apache-2.0',
      })
      expect(inspect(IMAGE, '{{.Config.User}}')).toBe(`${USER}:${USER}`)
      const list = `const { readdirSync } = require('fs')
        console.log(readdirSync('/usr/local/lib/wattribute', { recursive: true }).join('\\n'))`
      const files = podman.run('run', '--rm', '--entrypoint=node', IMAGE, '-e', list).split('\n')
      expect(files).toEqual(
        expect.arrayContaining(['LICENSE', 'exporter/dist/cli.js', 'node_modules/zod/LICENSE']),
      )
      expect(files.filter((file) => /node_modules\/(typescript|@types|jest|eslint)\b/.test(file))).toEqual([])
      expect(files.filter((file) => /\.(ts|map|cc|tsbuildinfo)$/.test(file))).toEqual([])
      const native = files.filter((file) => file.endsWith('.node'))
      expect(native).toEqual([expect.stringContaining(`linux_${process.arch}/koffi.node`)])
      expect(podman.run('run', '--rm', IMAGE, '--version')).toBe(`wattribute ${version}`)
    })

    test('full: measures, sees the machine’s processes and what they say, and keeps its books', async () => {
      await prepare('wattribute-full')
      script(textOf('full'))
      await podman.untilHealthy('wattribute-full')
      const pid = podman.pidOf('wattribute-full')
      const capabilities = (1n << 2n) | (1n << 19n) // DAC_READ_SEARCH, SYS_PTRACE
      expect(BigInt(`0x${statusOf(pid, 'CapBnd')}`).toString()).toBe(capabilities.toString())
      expect(statusOf(pid, 'NoNewPrivs')).toBe('1')

      const first = await page(
        (families) =>
          workers(families).length > 0 &&
          (families.get('wattribute_container_info') ?? []).some(
            ({ labels }) => labels['container'] === 'wattribute-full' && labels['runtime'] === 'podman',
          ),
      )
      expect(imbalancesOfPage(first)).toEqual([])
      expect(workloadsOf(first)).toEqual(['climate'])
      expect(first).toMatch(/domain_energy_joules_total\{domain="package-0",.*method="counter"\}/)

      const seen = await doctorIn('wattribute-full')
      expect(stateOf(seen, 'rapl')).toBe('reading')
      expect(seen.attribution.filter(({ level }) => level !== 'ok')).toEqual([])
      expectUntouched('wattribute-full')
      await expectLife('full', 'climate')
    })

    describe('full without one capability', () => {
      test.each(['SYS_PTRACE', 'DAC_READ_SEARCH'])('%s does not look into processes', async (capability) => {
        await prepare(`without-${capability.toLowerCase().replaceAll('_', '-')}`)
        const lines = textOf('full')
          .split('\n')
          .filter((line) => !line.includes(`--cap-add=${capability}`))
          .join('\n')
          .replace(' --detach', ' --rm')
          .replace(' --restart=unless-stopped', '')
        const seen = await doctor('sh', ['-c', lines, 'full.sh', 'doctor', '--json'])
        expect(stateOf(seen, 'rapl')).toBe('reading') // its file is root's own
        expect(levelOf(seen, 'other users')).toBe('note')
        expect(GUIDE).toMatch(new RegExp(`^\\| \`${capability}\` `, 'm'))
      })
    })

    test('restricted: runs as nobody, and what is lost is what the guide lists', async () => {
      await prepare('wattribute-restricted')
      script(textOf('restricted'))
      await podman.untilHealthy('wattribute-restricted')
      const pid = podman.pidOf('wattribute-restricted')
      expect(BigInt(`0x${statusOf(pid, 'CapBnd')}`).toString()).toBe('0')
      expect(statusOf(pid, 'Uid').split('\t')).toEqual(Array(4).fill(String(USER)))

      const first = await page((families) => workers(families).length > 0)
      expect(imbalancesOfPage(first)).toEqual([])
      expect(workloadsOf(first)).toEqual(['at-work'])
      expect(first).toMatch(/component_state\{component="cpu",state="estimated"\} 1/)

      const seen = await doctorIn('wattribute-restricted')
      const lost = [
        ...seen.sensors.filter(({ state }) => state === 'unreadable').map(({ sensor }) => sensor),
        ...seen.attribution.filter(({ level }) => level !== 'ok').map(({ subject }) => subject),
      ]
      const listed = /## What `restricted` does not see\n([^#]*)/.exec(GUIDE)?.[1] ?? ''
      expect([...listed.matchAll(/^\| `([\w ]+)`/gm)].map(([, name]) => name).sort()).toEqual(lost.sort())
      expectUntouched('wattribute-restricted')
      await expectLife('restricted', 'at-work')
    })

    test('restricted without a folder of its own goes on without marks, and says so', async () => {
      await prepare('without-marks')
      mkdirSync(settings['MARKS'] ?? '')
      chownSync(settings['MARKS'] ?? '', 0, 0)
      script(textOf('restricted').replace(/^\[ "\$\(id -u\)".*$/m, ''))
      await podman.untilHealthy('without-marks')
      expect(podman.try(['logs', 'without-marks']).stderr).toMatch(/level=warn .*marks/)
      expect(existsSync(join(settings['MARKS'] ?? '', 'marks.sock'))).toBe(false)
      expect(podman.stop('without-marks')).toBe(0)
    })
  },
  { root: true },
)

/** The one child of `timeout`, which works. */
function childOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  return Number(children[0])
}
