/** The Helm chart and the manifests made from it, as far as that needs no Helm; the rest is templates.chart.ts. */
import { afterAll, describe, expect, jest, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { parseFlags, type Flags } from '../../exporter/src/config/flags.ts'
import { parseConfig } from '../../exporter/src/config/load.ts'
import { ExporterProcess } from '../e2e/exporter-process.ts'
import { withProgram } from '../programs.ts'
import { testSchemas } from './kubernetes-schemas.ts'
import {
  CHART,
  complaintsAbout,
  groupsIn,
  manifestsIn,
  podOf,
  repository,
  textOf,
  type Manifest,
  type PodSpec,
} from './manifests.ts'

jest.setTimeout(120_000)

const PLAIN = [
  'node',
  'node-nvidia',
  'facility',
  'prometheus-rules',
  'service-monitors',
  'namespace',
] as const
const plain = (name: (typeof PLAIN)[number]): readonly Manifest[] =>
  manifestsIn(textOf(`deploy/kubernetes/${name}.yaml`))

/** What is applied together. */
const CLUSTERS: readonly (readonly (typeof PLAIN)[number][])[] = [
  ['namespace', 'node', 'facility', 'service-monitors', 'prometheus-rules'],
  ['namespace', 'node-nvidia', 'facility', 'service-monitors', 'prometheus-rules'],
]

const filesBelow = (folder: string): readonly string[] =>
  existsSync(repository(folder))
    ? readdirSync(repository(folder), { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => name)
        .sort()
    : []

describe('what the chart has from elsewhere', () => {
  test.each<[string, string, RegExp]>([
    ['deploy/prometheus/rules', 'rules', /\.yaml$/],
    ['deploy/prometheus/alerts', 'alerts', /\.yaml$/],
    ['deploy/prometheus/alerts/optional', 'alerts/optional', /\.yaml$/],
    ['dashboards', 'dashboards', /^(?!package|tsconfig).*\.json$/],
  ])('is the same as %s: `npm run docs`', (source, copy, fits) => {
    const names = filesBelow(source).filter((name) => fits.test(name))
    expect(filesBelow(`${CHART}/files/${copy}`)).toEqual(names)
    for (const name of names) {
      expect(textOf(`${CHART}/files/${copy}/${name}`)).toBe(textOf(`${source}/${name}`))
    }
  })

  test('has the version of the exporter', () => {
    const { version } = JSON.parse(textOf('exporter/package.json')) as { version: string }
    expect(parse(textOf(`${CHART}/Chart.yaml`))).toMatchObject({ version, appVersion: version })
  })

  test('fits into ConfigMaps', () => {
    for (const name of filesBelow(`${CHART}/files/dashboards`)) {
      expect(textOf(`${CHART}/files/dashboards/${name}`).length).toBeLessThan((1 << 20) - 4096)
    }
  })
})

describe('values.schema.json', () => {
  test('knows the keys of values.yaml, and refuses others wherever we name them', () => {
    const schema = JSON.parse(textOf(`${CHART}/values.schema.json`)) as Schema
    const known = keysOf(schema, schema.definitions ?? {}, '').sort()
    // Of subcharts; a chart cannot refuse it.
    expect(known.filter((key) => key !== 'global')).toEqual(
      keysGiven(parse(textOf(`${CHART}/values.yaml`)), schema, '').sort(),
    )
  })
})

interface Schema {
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: unknown
  readonly definitions?: Readonly<Record<string, Schema>>
}

/** Paths of keys whose values have no keys of ours; one that is open to others is an error. */
function keysOf(schema: Schema, definitions: Readonly<Record<string, Schema>>, path: string): string[] {
  if (schema.properties === undefined || FREE.test(path)) return [path]
  if (schema.additionalProperties !== false) throw new Error(`${path} takes any key`)
  return Object.entries(schema.properties).flatMap(([key, inner]) =>
    keysOf(inner, definitions, path === '' ? key : `${path}.${key}`),
  )
}

/** As Kubernetes or the exporter define them. */
const FREE = /\.(resources|appArmorProfile|seLinuxOptions)$/

function keysGiven(value: unknown, schema: Schema, path: string): string[] {
  if (schema.properties === undefined || FREE.test(path)) return [path]
  return Object.entries(value as Record<string, unknown>).flatMap(([key, inner]) =>
    keysGiven(inner, schema.properties?.[key] ?? {}, path === '' ? key : `${path}.${key}`),
  )
}

describe('the plain manifests', () => {
  test('are those of this chart: `npm run chart`', () => {
    const words = [repository('scripts/render-chart.mjs'), '--check']
    expect(
      execFileSync(process.execPath, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
    ).toBe('')
  })

  testSchemas('are valid', () => PLAIN.flatMap((name) => plain(name)))

  test.each(CLUSTERS.map((names) => [names.join(', '), names] as const))(
    'have no right and no loose end too many: %s',
    (_, names) => {
      expect(complaintsAbout(names.flatMap((name) => plain(name)))).toEqual([])
    },
  )

  test('hold all rules and alerts that are on by default', () => {
    const [rule] = plain('prometheus-rules')
    expect(rule?.spec?.groups).toEqual(groupsIn('deploy/prometheus/rules', 'deploy/prometheus/alerts'))
  })

  withProgram('promtool', 'have rules that Prometheus takes', (run) => {
    const file = join(folder, 'rules.yaml')
    writeFileSync(file, stringify({ groups: plain('prometheus-rules')[0]?.spec?.groups }))
    const { status, output } = run(['check', 'rules', file], '')
    expect([status, output]).toEqual([0, expect.stringContaining('SUCCESS')])
  })

  test('run no exporter twice on a node', () => {
    const [others, withGpus] = plain('node-nvidia').flatMap((manifest) => podOf(manifest) ?? [])
    const [label, value] = ['nvidia.com/gpu.present', 'true']
    expect(withGpus?.nodeSelector).toEqual({ 'kubernetes.io/os': 'linux', [label]: value })
    expect(withGpus?.runtimeClassName).toBe('nvidia')
    expect(others?.nodeSelector).toEqual({ 'kubernetes.io/os': 'linux' })
    expect(others?.runtimeClassName).toBeUndefined()
    expect(JSON.stringify(others?.affinity)).toContain(
      JSON.stringify({ key: label, operator: 'NotIn', values: [value] }),
    )
  })

  test('hand GPUs to the exporter without requesting one', () => {
    const [others, withGpus] = plain('node-nvidia').flatMap((manifest) => podOf(manifest) ?? [])
    expect(variablesOf(withGpus)).toMatchObject({
      NVIDIA_VISIBLE_DEVICES: 'all',
      NVIDIA_DRIVER_CAPABILITIES: 'utility',
    })
    expect(Object.keys(variablesOf(others)).filter((name) => name.startsWith('NVIDIA'))).toEqual([])
  })
})

const folder = mkdtempSync(join(tmpdir(), 'wattribute-chart-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const variablesOf = (pod: PodSpec | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries((pod?.containers[0]?.env ?? []).map(({ name, value = '' }) => [name, value]))

/** What the exporter makes of the container that it is started in. */
function flagsOf(pod: PodSpec | undefined): Flags {
  const flags = parseFlags(pod?.containers[0]?.args ?? [], variablesOf(pod))
  if (!('command' in flags)) throw new Error('it would only show its usage')
  return flags
}

describe('the exporter', () => {
  test('takes the flags of a node', () => {
    const [pod] = plain('node').flatMap((manifest) => podOf(manifest) ?? [])
    expect(flagsOf(pod)).toMatchObject({
      command: 'serve',
      listenAddress: { host: undefined, port: 10451 },
      configFile: '/etc/wattribute/config.yaml',
      storagePath: '/var/lib/wattribute',
      marksSocket: '/run/wattribute/marks.sock',
      procfs: '/proc',
      sysfs: '/host/sys',
      rootfs: '/host',
      webConfigFile: undefined,
    })
    const { volumeMounts = [] } = pod?.containers[0] ?? {}
    for (const path of [
      '/etc/wattribute/config.yaml',
      '/var/lib/wattribute',
      '/run/wattribute',
      '/host/sys',
      '/host',
    ])
      expect(volumeMounts.map(({ mountPath }) => mountPath)).toContain(path)
  })

  test('takes the flags of a facility, and looks at nothing of the node', () => {
    const [pod] = plain('facility').flatMap((manifest) => podOf(manifest) ?? [])
    expect(flagsOf(pod)).toMatchObject({
      command: 'serve',
      sysfs: '/nothing',
      storagePath: '/var/lib/wattribute',
      marksSocket: undefined,
    })
  })

  test('takes their configurations', () => {
    const configs = Object.fromEntries(
      (['node', 'facility'] as const).map((name) => {
        const [text = ''] = plain(name).flatMap(({ data }) => data?.['config.yaml'] ?? [])
        return [name, parseConfig(text, name)]
      }),
    )
    expect(configs['node']?.processes.enabled).toBe(false)
    expect(configs['facility']).toMatchObject({
      zone: 'hall-1',
      nvidia: { enabled: false },
      powerModel: { enabled: false },
      processes: { enabled: false },
      queries: { discovery: false },
      devices: { snmp: [{ name: 'rack-1' }], redfish: [{ name: 'coolant-loop' }] },
    })
  })

  test('of a facility counts what its meters say, and nothing of the node it runs on', async () => {
    const [pod] = plain('facility').flatMap((manifest) => podOf(manifest) ?? [])
    const [text = ''] = plain('facility').flatMap(({ data }) => data?.['config.yaml'] ?? [])
    const config = join(folder, 'facility.yaml')
    // Nobody answers there.
    writeFileSync(config, text.replace(/(pdu|cdu)-1\.example\.org/g, '127.0.0.1'))
    const exporter = await ExporterProcess.start(
      [...(pod?.containers[0]?.args ?? []), '--web.listen-address=127.0.0.1:0', `--config.file=${config}`],
      { env: { ...variablesOf(pod) } },
    )
    try {
      const page = await exporter.page((one) => /_sensor_up\{sensor="redfish:coolant-loop"\} 0/.test(one))
      expect(page).toContain('wattribute_node_info{zone="hall-1"')
      const ledger = /^wattribute_(domain|workload|container|process|unattributed|ledger)_\w+\{/m
      expect(page).not.toMatch(ledger)
    } finally {
      await exporter.stop()
    }
  })

  test('finds its passwords where they are mounted', () => {
    const [pod] = plain('facility').flatMap((manifest) => podOf(manifest) ?? [])
    const [text = ''] = plain('facility').flatMap(({ data }) => data?.['config.yaml'] ?? [])
    const mounts = (pod?.containers[0]?.volumeMounts ?? []).map(({ mountPath }) => `${mountPath}/`)
    const files = [...text.matchAll(/_file: (\S+)/g)].map(([, file = '']) => file)
    expect(files).toHaveLength(3)
    for (const file of files) expect(mounts.some((mount) => file.startsWith(mount))).toBe(true)
  })
})

describe('relabelling by the ServiceMonitors', () => {
  /** What the operator sets for each target before our rules come, and what Kubernetes tells of it. */
  const TARGET = {
    __meta_kubernetes_pod_node_name: 'gpu-07',
    namespace: 'wattribute',
    pod: 'wattribute-x7k2p',
    container: 'wattribute',
    endpoint: 'metrics',
    service: 'wattribute',
    job: 'wattribute',
    node: 'gpu-07',
  }

  withProgram('promtool', 'leaves a name that stays, and no label of the exporter’s pod', (run) => {
    const file = join(folder, 'prometheus.yaml')
    writeFileSync(
      file,
      stringify({
        scrape_configs: plain('service-monitors').map(({ metadata, spec }) => ({
          job_name: metadata.name,
          static_configs: [{ targets: ['10.1.2.3:10451'], labels: TARGET }],
          relabel_configs: spec?.endpoints?.[0]?.relabelings?.map(
            ({ sourceLabels, targetLabel, ...rest }) => ({
              ...rest,
              ...(sourceLabels && { source_labels: sourceLabels }),
              ...(targetLabel && { target_label: targetLabel }),
            }),
          ),
        })),
      }),
    )
    const labelsOf = (job: string): unknown => {
      const { output } = run(['check', 'service-discovery', '--timeout=2s', file, job], '')
      const [target] = JSON.parse(output.slice(output.indexOf('['))) as { labels: Record<string, string> }[]
      return Object.fromEntries(
        Object.entries(target?.labels ?? {}).filter(([name]) => !name.startsWith('__')),
      )
    }
    expect(labelsOf('wattribute')).toEqual({ job: 'wattribute', instance: 'gpu-07' })
    expect(labelsOf('wattribute-facility')).toEqual({ job: 'wattribute', instance: 'wattribute-facility' })
  })
})

describe('complaints', () => {
  const broken = (change: (pod: Record<string, unknown>, container: Record<string, unknown>) => void) => {
    const manifests = structuredClone(plain('node')) as unknown as Record<string, unknown>[]
    for (const manifest of manifests) {
      const pod = podOf(manifest as unknown as Manifest) as unknown as Record<string, unknown> | undefined
      if (pod !== undefined) change(pod, (pod['containers'] as Record<string, unknown>[])[0] ?? {})
    }
    return complaintsAbout(manifests as unknown as Manifest[])
  }
  const rightsOf = (container: Record<string, unknown>) =>
    container['securityContext'] as Record<string, unknown>

  test.each([
    [
      'privileged',
      (_: unknown, container: Record<string, unknown>) => (rightsOf(container)['privileged'] = true),
    ],
    [
      'capabilities SYS_ADMIN',
      (_: unknown, container: Record<string, unknown>) =>
        (rightsOf(container)['capabilities'] = { drop: ['ALL'], add: ['SYS_ADMIN'] }),
    ],
    [
      '/host of the host can be written to',
      (_: unknown, container: Record<string, unknown>) => {
        for (const mount of container['volumeMounts'] as Record<string, unknown>[]) {
          if (mount['mountPath'] === '/host') delete mount['readOnly']
        }
      },
    ],
    ['the wrong PID namespace', (pod: Record<string, unknown>) => delete pod['hostPID']],
    [
      'takes a GPU away from others',
      (_: unknown, container: Record<string, unknown>) =>
        (container['resources'] = { limits: { memory: '1Gi', 'nvidia.com/gpu': '1' } }),
    ],
  ])('are made about: %s', (complaint, change) => {
    expect(broken(change)).toEqual([`DaemonSet wattribute: ${complaint}`])
  })
})
