/**
 * The stack of deploy/compose: its files agree with each other and with what they mount, and its configurations, with
 * addresses and folders of the test's own, run in Debian's Prometheus and Alertmanager beside the exporter and the demo.
 */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { deadline } from '../e2e/deadline.ts'
import { CLI, ExporterProcess } from '../e2e/exporter-process.ts'
import { freePort, isReady, type Sample } from '../e2e/prometheus-server.ts'
import { requireProgram, withProgram } from '../programs.ts'
import { ComposeFile } from './compose-file.ts'

jest.setTimeout(300_000)

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PATH = join(ROOT, 'deploy/compose/compose.yaml')
const compose = new ComposeFile(PATH)
const ofPlugin = new ComposeFile(join(ROOT, 'grafana-plugin/docker-compose.yaml'))

const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const yamlOf = (path: string): unknown => parse(textOf(path))
const versionOf = (path: string): string => (JSON.parse(textOf(path)) as { version: string }).version
const imageOf = (file: ComposeFile, service: string): string => file.service(service).image ?? ''

/** Paths of a service's container, as the machine has them: what is mounted where. */
function outside(service: string, text: string, volumes: Readonly<Record<string, string>> = {}): string {
  const mounts = new Map(compose.mountsOf(service).map(({ source, target }) => [target, source]))
  const longestFirst = [...mounts.keys()].sort((one, other) => other.length - one.length)
  return text.replace(
    new RegExp(`(?<![\\w/.-])(?:${longestFirst.join('|')})(?=[/\\s]|$)`, 'gm'),
    (target) => {
      const source = mounts.get(target) ?? ''
      return volumes[source] ?? source
    },
  )
}

describe('the Compose file', () => {
  test('is one by the schema of the specification', () => {
    const { stdout } = spawnSync(join(ROOT, 'node_modules/.bin/dclint'), ['--formatter=json', PATH], {
      encoding: 'utf8',
    })
    const [result] = JSON.parse(stdout) as { messages: { rule: string; message: string }[] }[]
    const messages = result?.messages ?? []
    expect(messages.filter(({ rule }) => rule === 'invalid-schema')).toEqual([])
    expect(messages.length).toBeGreaterThan(0) // it was read: the order of keys is ours
  })

  test('mounts and builds from what is in the repository', () => {
    for (const [name, { build }] of Object.entries(compose.services)) {
      const ours = compose.mountsOf(name).filter(({ source }) => source.startsWith(ROOT))
      expect(ours.filter(({ source }) => !existsSync(source))).toEqual([])
      if (build === undefined) continue
      expect(existsSync(join(compose.folder, build.context, build.dockerfile))).toBe(true)
    }
  })

  test('opens no port beyond the loopback', () => {
    for (const { network_mode: network, ports, command = [], environment = {} } of Object.values(
      compose.services,
    )) {
      expect(ports).toBeUndefined()
      expect(network).toBe('host')
      const addresses = [
        ...command.flatMap((word) => /^--web\.listen-address=(.*)/.exec(word)?.[1] ?? []),
        ...Object.entries(environment).flatMap(([key, value]) =>
          /LISTEN_ADDRESS|HTTP_ADDR/.test(key) ? value : [],
        ),
      ]
      for (const address of addresses) expect(address).toMatch(/^127\.0\.0\.1(:\d+)?$/)
    }
  })

  test('holds no password', () => {
    expect(compose.service('grafana').environment?.['GF_SECURITY_ADMIN_PASSWORD']).toBe('')
  })

  test('runs the exporter as deploy/docker/full.sh does', () => {
    const script = textOf('deploy/docker/full.sh')
    const { user, cap_drop, cap_add, pid, cgroup, read_only, security_opt, environment } =
      compose.service('exporter')
    const words = (flag: string): string[] =>
      [...script.matchAll(new RegExp(`--${flag}="?([^" \\n]+)`, 'g'))].map(([, value]) => value ?? '')
    expect([user]).toEqual(words('user'))
    expect(cap_drop).toEqual(words('cap-drop'))
    expect(cap_add).toEqual(words('cap-add'))
    expect([pid]).toEqual(words('pid'))
    expect([cgroup]).toEqual(words('cgroupns'))
    expect(security_opt).toEqual(words('security-opt').map((word) => `${word}:true`))
    expect(read_only).toBe(script.includes('--read-only'))
    for (const name of ['WATTRIBUTE_PATH_ROOTFS', 'WATTRIBUTE_PATH_SYSFS']) {
      expect(words('env')).toContain(`${name}=${environment?.[name]}`)
    }
    const targets = [...script.matchAll(/--volume="?\S+?:(\/[\w/]+)(?::ro)?"?/g)].map(([, target]) => target)
    expect(targets).toEqual(
      expect.arrayContaining(['/host', '/host/sys', '/run/wattribute', '/var/lib/wattribute']),
    )
    expect(compose.mountsOf('exporter').map(({ target }) => target)).toEqual(
      expect.arrayContaining(targets.filter((target) => target !== '/etc/wattribute')),
    )
  })

  test('has the versions of the packages, and the plugin’s own has the same', () => {
    expect(imageOf(compose, 'exporter')).toBe(`wattribute:${versionOf('exporter/package.json')}`)
    expect(imageOf(compose, 'demo')).toBe(imageOf(compose, 'exporter'))
    expect(imageOf(compose, 'grafana')).toBe(`wattribute-grafana:${versionOf('grafana-plugin/package.json')}`)
    expect(textOf('deploy/docker/Dockerfile')).toContain(
      `ARG VERSION=${versionOf('exporter/package.json')}\n`,
    )
    expect(textOf('deploy/docker/full.sh')).toContain(`\${IMAGE:-${imageOf(compose, 'exporter')}}`)
    expect(textOf('deploy/docker/restricted.sh')).toContain(`\${IMAGE:-${imageOf(compose, 'exporter')}}`)
    // Grafana is the one with whose libraries the panel was tested.
    const { dependencies } = JSON.parse(textOf('grafana-plugin/package.json')) as {
      dependencies: Record<string, string>
    }
    const grafana = dependencies['@grafana/data']
    expect(compose.service('grafana').build?.args).toEqual({ GRAFANA_VERSION: grafana })
    expect(textOf('deploy/grafana/Dockerfile')).toContain(`ARG GRAFANA_VERSION=${grafana}\n`)
    expect(imageOf(ofPlugin, 'grafana')).toBe(`grafana/grafana:${grafana}`)
    expect(imageOf(ofPlugin, 'prometheus')).toBe(imageOf(compose, 'prometheus'))
    expect(imageOf(compose, 'demo-blocks')).toBe(imageOf(compose, 'prometheus'))
  })
})

describe('Grafana', () => {
  const grafana = compose.service('grafana')
  const provisioning = 'deploy/grafana/provisioning'

  test('asks Prometheus where it listens', () => {
    const { datasources } = yamlOf(`${provisioning}/datasources/prometheus.yaml`) as {
      datasources: { uid: string; url: string }[]
    }
    expect(datasources).toEqual([expect.objectContaining({ uid: 'prometheus', url: '$PROMETHEUS_URL' })])
    const listens = compose
      .service('prometheus')
      .command?.find((word) => word.startsWith('--web.listen-address='))
    expect(grafana.environment?.['PROMETHEUS_URL']).toBe(`http://${listens?.split('=')[1]}`)
    expect(ofPlugin.mountsOf('grafana').map(({ source }) => source)).toContain(
      join(ROOT, provisioning, 'datasources'),
    )
  })

  test('finds every dashboard where it looks for them', () => {
    const { providers } = yamlOf(`${provisioning}/dashboards/wattribute.yaml`) as {
      providers: { folder: string; options: { path: string } }[]
    }
    const [provider] = providers
    expect(provider?.folder).toBe('Wattribute')
    const folder = provider?.options.path ?? ''
    const mounted = compose.mountsOf('grafana').filter(({ target }) => target.startsWith(`${folder}/`))
    expect(mounted.map(({ target }) => target)).toEqual(
      mounted.map(({ source }) => join(folder, basename(source))),
    )
    const all = readdirSync(join(ROOT, 'dashboards')).filter((name) =>
      /^(?!package|tsconfig).*\.json$/.test(name),
    )
    expect(mounted.map(({ source }) => basename(source)).sort()).toEqual(all.sort())
    expect(mounted.map(({ target }) => target)).toContain(
      grafana.environment?.['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH'],
    )
  })

  test('may load the plugin that is built into its image', () => {
    const { id } = JSON.parse(textOf('grafana-plugin/src/plugin.json')) as { id: string }
    const dockerfile = textOf('deploy/grafana/Dockerfile')
    expect(dockerfile).toContain(`GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS=${id}\n`)
    const plugins = /GF_PATHS_PLUGINS=(\S+)/.exec(dockerfile)?.[1] ?? ''
    expect(dockerfile).toContain(`/build/dist ${plugins}/${id}\n`)
  })
})

describe('configurations', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-compose-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  withProgram('promtool', 'promtool takes that of Prometheus, with all rules', (run) => {
    const file = join(folder, 'prometheus.yaml')
    writeFileSync(file, outside('prometheus', textOf('deploy/compose/prometheus.yaml')))
    const { status, output } = run(['check', 'config', file], '')
    expect(output).toMatch(/SUCCESS: .*prometheus\.yaml is valid/)
    for (const rules of ['rules', 'alerts']) {
      for (const name of readdirSync(join(ROOT, 'deploy/prometheus', rules)).filter((one) =>
        one.endsWith('.yaml'),
      )) {
        expect(output).toContain(join('deploy/prometheus', rules, name))
      }
    }
    expect(status).toBe(0)
  })

  withProgram('amtool', 'amtool takes that of Alertmanager', (run) => {
    const flag =
      compose.service('alertmanager').command?.find((word) => word.startsWith('--config.file=')) ?? ''
    const { status } = run(['check-config', outside('alertmanager', flag.split('=')[1] ?? '')], '')
    expect(status).toBe(0)
  })

  test('the exporter takes its own', () => {
    const file = outside(
      'exporter',
      compose.service('exporter').environment?.['WATTRIBUTE_CONFIG_FILE'] ?? '',
    )
    const { status, stdout } = spawnSync(process.execPath, [CLI, 'check-config', `--config.file=${file}`])
    expect([status, stdout.toString()]).toEqual([0, 'the configuration is good\n'])
  })
})

requireProgram('prometheus', 'the stack', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-stack-'))
  const started: { readonly child: ChildProcess; readonly ended: Promise<unknown> }[] = []
  const exporters: ExporterProcess[] = []
  const volumes: Record<string, string> = {}
  const ports = new Map<string, number>()
  let file: ComposeFile

  /** As it stands in the container, with the folders and ports of the test. */
  const here = (service: string, text: string): string =>
    [...ports].reduce(
      (changed, [standard, own]) => changed.replaceAll(`127.0.0.1:${standard}`, `127.0.0.1:${own}`),
      outside(service, text, volumes),
    )

  const copy = (service: string, path: string, change = (text: string) => text): string => {
    const to = join(folder, `${service}-${basename(path)}`)
    writeFileSync(to, here(service, change(readFileSync(outside(service, path), 'utf8'))))
    return to
  }

  const start = async (service: string, program: string, config: string): Promise<void> => {
    const words = (file.service(service).command ?? []).map((word) =>
      word.startsWith('--config.file=') ? `--config.file=${config}` : here(service, word),
    )
    const child = spawn(program, words, { stdio: 'ignore' })
    started.push({ child, ended: once(child, 'exit') })
    const address = words.find((word) => word.startsWith('--web.listen-address='))?.split('=')[1]
    await deadline(isReady(`http://${address}`), 60, () => `${service} did not become ready`)
  }

  /** The script of a service that runs once, with programs of this machine. */
  const runOnce = async (service: string): Promise<void> => {
    const { entrypoint = [], command = [] } = file.service(service)
    const [shell = '', ...words] = [...entrypoint, ...command.map((text) => here(service, text))]
    await promisify(execFile)(shell, words, {
      env: { ...process.env, PATH: `${folder}/bin:${process.env['PATH']}` },
    })
  }

  const query = async (text: string, secondsAgo = 0): Promise<readonly Sample[]> => {
    const parameters = new URLSearchParams({ query: text, time: String(Date.now() / 1000 - secondsAgo) })
    const response = await fetch(`${prometheus()}/api/v1/query?${parameters.toString()}`)
    return ((await response.json()) as { data: { result: Sample[] } }).data.result
  }
  const prometheus = (): string => `http://127.0.0.1:${ports.get('9090')}`

  const until = async (text: string, holds: (samples: readonly Sample[]) => boolean): Promise<void> => {
    let newest: readonly Sample[] = []
    const search = async (): Promise<void> => {
      do {
        await new Promise((resolve) => setTimeout(resolve, 250))
        newest = await query(text)
      } while (!holds(newest))
    }
    await deadline(search(), 90, () => `${text}: ${JSON.stringify(newest)}`)
  }

  beforeAll(async () => {
    file = new ComposeFile(PATH, { DEMO_HISTORY: '3h' })
    for (const name of ['prometheus', 'alertmanager', 'demo-history']) {
      volumes[name] = join(folder, name)
      mkdirSync(volumes[name])
    }
    mkdirSync(join(folder, 'bin'))
    writeFileSync(join(folder, 'bin/wattribute'), `#!/bin/sh\nexec ${process.execPath} ${CLI} "$@"\n`, {
      mode: 0o755,
    })
    for (const standard of ['10451', '10461', '9090', '9093']) ports.set(standard, await freePort())

    await runOnce('demo-history')
    // The one file of demo-blocks that names an address.
    const target = copy('demo-blocks', '/etc/prometheus/demo-target.yaml')
    const blocks = file.service('demo-blocks').command?.[0] ?? ''
    const changed = here('demo-blocks', blocks.replaceAll('/etc/prometheus/demo-target.yaml', target))
    await promisify(execFile)('sh', ['-ec', changed])

    for (const service of ['exporter', 'demo']) {
      const { command = [], environment = {} } = file.service(service)
      const address = here(service, environment['WATTRIBUTE_WEB_LISTEN_ADDRESS'] ?? '')
      exporters.push(await ExporterProcess.start([...command, `--web.listen-address=${address}`]))
    }
    await start(
      'alertmanager',
      'prometheus-alertmanager',
      copy('alertmanager', '/etc/alertmanager/alertmanager.yaml'),
    )
    const faster = (config: string): string => config.replaceAll(/_interval: (15s|1m)/g, '_interval: 2s')
    await start('prometheus', 'prometheus', copy('prometheus', '/etc/prometheus/prometheus.yaml', faster))
    await runOnce('demo-recordings')
  })

  afterAll(async () => {
    for (const { child } of started) child.kill()
    await Promise.all(started.map(({ ended }) => ended))
    for (const exporter of exporters) await exporter.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('has both machines, told apart by their clusters, and the rules’ own series', async () => {
    await until('up', (samples) => samples.filter(({ value }) => value[1] === '1').length === 2)
    expect(
      (await query('up')).map(({ metric: { job, instance, cluster } }) => [job, instance, cluster]).sort(),
    ).toEqual([
      ['wattribute', 'localhost', 'local'],
      ['wattribute', 'simulated-node:10451', 'demo'],
    ])
    await until('instance:wattribute_domain_energy_joules:rate5m', (samples) =>
      ['demo', 'local'].every((cluster) => samples.some(({ metric }) => metric['cluster'] === cluster)),
    )
    const { data } = (await (await fetch(`${prometheus()}/api/v1/rules`)).json()) as {
      data: { groups: { rules: { health: string; name: string; lastError?: string }[] }[] }
    }
    const rules = data.groups.flatMap((group) => group.rules)
    expect(rules.length).toBeGreaterThan(100)
    expect(rules.filter(({ health }) => health === 'err')).toEqual([])
  })

  test('has the demo’s hours before it was started, in the same series', async () => {
    const series = 'wattribute_workload_energy_joules_total{cluster="demo"}'
    const labelsOf = (samples: readonly Sample[]): Set<string> =>
      new Set(samples.map(({ metric }) => JSON.stringify(Object.entries(metric).sort())))
    const before = labelsOf(await query(series, 5400))
    expect(before.size).toBeGreaterThan(10)
    await until(series, (samples) => {
      const now = labelsOf(samples)
      return [...before].filter((one) => now.has(one)).length > 10
    })
  })

  test('has what the rules would have recorded in these hours', async () => {
    const recorded = await query('zone:wattribute_facility_pue:ratio_rate1h{cluster="demo"}', 3600)
    expect(recorded.map(({ metric }) => metric['zone'])).toContain('simulated-room')
  })

  test('sends its alerts to Alertmanager', async () => {
    const search = async (): Promise<string[]> => {
      for (;;) {
        const { data } = (await (await fetch(`${prometheus()}/api/v1/alertmanagers`)).json()) as {
          data: { activeAlertmanagers: { url: string }[] }
        }
        if (data.activeAlertmanagers.length > 0) return data.activeAlertmanagers.map(({ url }) => url)
        await new Promise((resolve) => setTimeout(resolve, 250))
      }
    }
    expect(await deadline(search(), 60, () => 'it knows no Alertmanager')).toEqual([
      `http://127.0.0.1:${ports.get('9093')}/api/v2/alerts`,
    ])
  })
})
