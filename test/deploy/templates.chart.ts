/** The Helm chart through Helm itself: `npm run test:chart`. */
import { afterAll, describe, expect, jest, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parse, stringify } from 'yaml'
import { parseConfig } from '../../exporter/src/config/load.ts'
import { documents } from '../docs/markdown.ts'
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

const helm = process.env['HELM'] ?? 'helm'
const folder = mkdtempSync(join(tmpdir(), 'wattribute-helm-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (...words: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(helm, words, { encoding: 'utf8', maxBuffer: 1 << 26 })
  return { status, stdout, stderr }
}

let files = 0
function fileOf(values: object): string {
  const file = join(folder, `values-${(files += 1)}.yaml`)
  writeFileSync(file, stringify(values))
  return file
}

const rendering = (values: object, kubernetes = '1.33.0') =>
  run(
    ...['template', 'wattribute', repository(CHART), '--namespace', 'wattribute'],
    ...['--kube-version', kubernetes, '--values', fileOf(values)],
  )

function rendered(values: object): readonly Manifest[] {
  const { status, stdout, stderr } = rendering(values)
  expect([status, stderr]).toEqual([0, ''])
  return manifestsIn(stdout)
}

const named = (manifests: readonly Manifest[], kind: string): readonly string[] =>
  manifests.filter((one) => one.kind === kind).map(({ metadata }) => metadata.name)

const podsIn = (manifests: readonly Manifest[]): readonly PodSpec[] =>
  manifests.flatMap((manifest) => podOf(manifest) ?? [])

const FACILITY = { enabled: true, config: { zone: 'hall-1' } }
const OPERATOR = {
  serviceMonitor: { enabled: true, labels: { release: 'monitoring' }, cluster: 'north' },
  prometheusRule: { enabled: true, optionalAlerts: ['energy-per-query', 'off-grid'] },
  dashboards: { enabled: true },
}
const VARIANTS: Readonly<Record<string, object>> = {
  'the defaults': {},
  'some nodes with GPUs': { nvidia: { enabled: true } },
  'all nodes with GPUs, NVIDIA’s runtime their default': {
    nvidia: { enabled: true, runtimeClassName: '', nodeSelector: null },
  },
  everything: {
    ...OPERATOR,
    nvidia: { enabled: true },
    facility: { ...FACILITY, persistence: { enabled: true, storageClassName: 'fast' }, secrets: ['hall.1'] },
    networkPolicy: { enabled: true, from: [{ namespaceSelector: {} }] },
  },
  'the facility alone': { node: { enabled: false }, facility: FACILITY },
  'TLS and passwords': {
    web: { configSecret: 'web' },
    node: { secrets: ['bmc', 'tls.example.org'], configSecret: 'own' },
    facility: { ...FACILITY, configSecret: 'own' },
    serviceMonitor: { enabled: true, scheme: 'https', tlsConfig: { insecureSkipVerify: true } },
  },
  'an older cluster': { node: { kubelet: { access: 'proxy' }, priorityClassName: 'system-node-critical' } },
  'the network of pods, and few folders': {
    node: {
      hostNetwork: false,
      kubelet: { access: 'none' },
      hostFolders: ['/run/containerd', '/var/lib/kubelet/pod-resources', '/etc'],
      maxUnavailable: 1,
      seLinuxOptions: { type: 'spc_t' },
      affinity: {
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } },
      },
      extraArgs: ['--log.level=debug'],
      extraEnv: [{ name: 'TZ', value: 'Europe/Berlin' }],
      podLabels: { team: 'energy' },
    },
    networkPolicy: { enabled: true },
    commonLabels: { site: 'north' },
    fullnameOverride: 'energy',
  },
}

describe.each(Object.entries(VARIANTS))('%s', (_, values) => {
  test('pass the linter', () => {
    const { status, stdout } = run('lint', '--strict', repository(CHART), '--values', fileOf(values))
    expect([status, stdout]).toEqual([0, expect.stringContaining('0 chart(s) failed')])
  })

  testSchemas('are valid', () => rendered(values))

  test('have no right and no loose end too many', () => {
    expect(complaintsAbout(rendered(values))).toEqual([])
  })
})

describe('what is rendered', () => {
  test.each(readdirSync(repository('deploy/kubernetes/values')))(
    'is in the repository: %s, by `npm run chart`',
    (name) => {
      const values = parse(textOf(`deploy/kubernetes/values/${name}`)) as object
      const known = manifestsIn(textOf(`deploy/kubernetes/${name}`))
      const all = rendered(values)
      const keys = known.map(keyOf)
      expect(all.filter((one) => keys.includes(keyOf(one))).map(withoutHelm)).toEqual(known)
      // Monitors are written for all exporters, which are elsewhere.
      if (name !== 'service-monitors.yaml') expect(known).toHaveLength(all.length)
    },
  )

  test('is one exporter a node, whichever nodes have GPUs', () => {
    expect(named(rendered({}), 'DaemonSet')).toEqual(['wattribute'])
    expect(named(rendered({ nvidia: { enabled: true } }), 'DaemonSet')).toEqual([
      'wattribute',
      'wattribute-nvidia',
    ])
    expect(named(rendered({ nvidia: { enabled: true, nodeSelector: null } }), 'DaemonSet')).toEqual([
      'wattribute-nvidia',
    ])
  })

  test('has every dashboard, as it is, for the sidecar', () => {
    const names = readdirSync(repository(`${CHART}/files`)).includes('dashboards')
      ? readdirSync(repository(`${CHART}/files/dashboards`)).sort()
      : []
    const maps = rendered({ dashboards: { enabled: true } }).filter(
      ({ metadata }) => metadata.labels?.['grafana_dashboard'] === '1',
    )
    expect(maps.flatMap(({ data = {} }) => Object.keys(data))).toEqual(
      names.map((name) => `wattribute-${name}`),
    )
    for (const { data = {}, metadata } of maps) {
      expect(metadata.annotations).toEqual({ grafana_folder: 'Wattribute' })
      for (const [name, text] of Object.entries(data)) {
        const file = `${CHART}/files/dashboards/${name.replace(/^wattribute-/, '')}`
        expect(JSON.parse(text)).toEqual(JSON.parse(textOf(file)))
      }
    }
  })

  test('has the rules that are chosen, as they are', () => {
    const groups = (prometheusRule: object) =>
      rendered({ prometheusRule: { enabled: true, ...prometheusRule } }).find(
        ({ kind }) => kind === 'PrometheusRule',
      )?.spec?.groups
    const [rules, alerts] = [groupsIn('deploy/prometheus/rules'), groupsIn('deploy/prometheus/alerts')]
    const optional = groupsIn('deploy/prometheus/alerts/optional')
    expect(groups({})).toEqual([...rules, ...alerts])
    expect(groups({ alerts: false })).toEqual(rules)
    expect(groups({ optionalAlerts: ['energy-per-query', 'off-grid'] })).toEqual([
      ...rules,
      ...alerts,
      ...optional,
    ])
  })

  test('rolls the pods with another configuration, and with nothing else', () => {
    const sumOf = (config: object, more: object = {}) =>
      rendered({ node: { config }, ...more }).find(({ kind }) => kind === 'DaemonSet')?.spec?.template
        ?.metadata.annotations?.['checksum/config']
    expect(sumOf({ zone: 'hall-1' })).toBe(sumOf({ zone: 'hall-1' }, OPERATOR))
    expect(sumOf({ zone: 'hall-1' })).not.toBe(sumOf({ zone: 'hall-2' }))
  })

  test('keeps the process view off unless it is asked for', () => {
    const configOf = (values: object) =>
      parse(rendered(values).flatMap(({ data }) => data?.['config.yaml'] ?? [])[0] ?? '') as unknown
    expect(configOf({})).toEqual({ processes: { enabled: false } })
    expect(configOf({ node: { config: { processes: { enabled: true, top: 20 }, zone: 'a' } } })).toEqual({
      processes: { enabled: true, top: 20 },
      zone: 'a',
    })
  })

  test('asks whether the port is open where the page has a password', () => {
    for (const { containers } of podsIn(rendered({ facility: FACILITY, web: { configSecret: 'web' } }))) {
      expect(JSON.stringify(containers)).not.toContain('httpGet')
    }
  })

  test('tells what to do next', () => {
    const notes = notesFor({ node: { kubelet: { access: 'proxy' } }, facility: FACILITY })
    expect(notes).toContain('kubectl -n wattribute exec daemonset/wattribute -- wattribute doctor')
    expect(notes).toContain('kubectl -n wattribute exec deployment/wattribute-facility -- wattribute doctor')
    expect(notes).toContain("lets the exporter's service account into every container of every node")
    expect(notesFor({})).not.toContain('nodes/proxy')
    expect(notesFor({})).toContain('set nvidia.enabled=true')
    expect(notesFor({ node: { hostNetwork: false } })).toContain('node.hostNetwork=false')
  })

  test('fits with the chart into the Secret that Helm keeps of a release', () => {
    expect(run('package', repository(CHART), '--destination', folder).status).toBe(0)
    const [name = ''] = readdirSync(folder).filter((file) => file.endsWith('.tgz'))
    expect(basename(name)).toMatch(/^wattribute-\d+\.\d+\.\d+\.tgz$/)
    // The Secret holds the chart and what was rendered, compressed, as base64.
    const everything = rendering({ ...OPERATOR, facility: FACILITY }).stdout
    expect((statSync(join(folder, name)).size * 4) / 3 + everything.length / 8).toBeLessThan(1 << 20)
  })
})

/** Helm shows them only to those who have a cluster; so they are rendered as a part of a copy of the chart. */
function notesFor(values: object): string {
  const chart = mkdtempSync(join(folder, 'chart-'))
  cpSync(repository(CHART), chart, { recursive: true })
  renameSync(join(chart, 'templates/NOTES.txt'), join(chart, 'notes.tpl'))
  const template = 'notes: |\n{{ tpl (.Files.Get "notes.tpl") . | indent 2 }}\n'
  writeFileSync(join(chart, 'templates/notes.yaml'), template)
  const { status, stdout, stderr } = run(
    ...['template', 'wattribute', chart, '--namespace', 'wattribute', '--kube-version', '1.33.0'],
    ...['--values', fileOf(values), '--show-only', 'templates/notes.yaml'],
  )
  expect([status, stderr]).toEqual([0, ''])
  return (parse(stdout) as { notes: string }).notes
}

const keyOf = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.name}`

function withoutHelm(manifest: Manifest): Manifest {
  const text = JSON.stringify(manifest, (key, value: unknown) =>
    key === 'helm.sh/chart' || key === 'app.kubernetes.io/managed-by' ? undefined : value,
  )
  return JSON.parse(text) as Manifest
}

describe('the guide', () => {
  const shown = documents()
    .filter(({ path }) => path === 'docs/guides/kubernetes.md')
    .flatMap(({ blocks }) => blocks.filter(({ language }) => language === 'yaml'))
    .map(({ text, line }) => [line, parse(text) as object] as const)

  test.each(shown.filter(([, content]) => !('apiVersion' in content)))(
    'shows values that the chart takes, with configurations that the exporter takes: line %i',
    (_, values) => {
      const manifests = rendered(values)
      expect(complaintsAbout(manifests)).toEqual([])
      for (const text of manifests.flatMap(({ data }) => data?.['config.yaml'] ?? [])) {
        expect(() => parseConfig(text, 'config.yaml')).not.toThrow()
      }
    },
  )

  testSchemas('shows manifests that are valid', () =>
    shown.flatMap(([, content]) => ('apiVersion' in content ? [content as Manifest] : [])),
  )
})

describe('what is refused', () => {
  test.each<[string, object, RegExp]>([
    ['an unknown key', { node: { hostNetwrok: true } }, /'hostNetwrok' not allowed/],
    ['an unknown part', { nodes: {} }, /'nodes' not allowed/],
    ['a wrong value', { node: { kubelet: { access: 'all' } } }, /'\/node\/kubelet\/access'/],
    ['every capability', { node: { capabilities: ['ALL'] } }, /'\/node\/capabilities\/0'/],
    ['a plug without a rule', { prometheusRule: { optionalAlerts: ['none'] } }, /optionalAlerts\/0/],
    [
      'two affinities',
      { nvidia: { enabled: true }, node: { affinity: { podAntiAffinity: {} } } },
      /node\.affinity cannot be used together with nvidia\.enabled/,
    ],
    ['a policy that would not hold', { networkPolicy: { enabled: true } }, /has nothing to hold for/],
  ])('%s', (_, values, sentence) => {
    const { status, stderr } = rendering(values)
    expect(status).toBe(1)
    expect(stderr).toMatch(sentence)
  })

  test('a cluster that is too old', () => {
    expect(rendering({}, '1.24.0').stderr).toContain('which is incompatible with Kubernetes v1.24.0')
  })
})
