/**
 * Kubernetes through a real Prometheus: the relabelling of the example, also where labels of the target have the names
 * of ours, as the Prometheus operator sets them, and what becomes of it without `honor_labels`.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { catalogue, type Metric } from '../../exporter/src/exposition/catalogue.ts'
import { parsePage } from '../exposition/page-text.ts'
import { requireProgram } from '../programs.ts'
import { PodNode, type Pod } from './pod-node.ts'
import { PrometheusServer, type Sample } from './prometheus-server.ts'
import { kubernetesScrape, scrapeOf, writePods, type Relabel } from './scrape-examples.ts'
import { everyRuleOfSeconds } from './shipped-rules.ts'

jest.setTimeout(240_000)

const FACILITY = 'wattribute-facility'

/** The same deployment in two namespaces, on two nodes, a service outside Kubernetes, and a room's own exporter. */
const NODES: Readonly<Record<string, readonly Pod[]>> = {
  'node-7': [
    { namespace: 'team-a', workload: 'llama-chat', pod: 'llama-chat-0', container: 'vllm' },
    { namespace: 'team-b', workload: 'llama-chat', pod: 'llama-chat-1', container: 'vllm' },
    { namespace: '', workload: 'backup', pod: 'backup', container: '' },
  ],
  'node-8': [{ namespace: 'team-a', workload: 'llama-chat', pod: 'llama-chat-2', container: 'vllm' }],
  [FACILITY]: [],
}

/** What the operator sets for each target of a ServiceMonitor or PodMonitor. */
const OPERATOR: readonly Relabel[] = [
  { source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace' },
  { source_labels: ['__meta_kubernetes_pod_name'], target_label: 'pod' },
  { source_labels: ['__meta_kubernetes_pod_container_name'], target_label: 'container' },
  { source_labels: ['__meta_kubernetes_pod_container_port_name'], target_label: 'endpoint' },
]

const FAMILIES = [
  catalogue.workloadEnergy,
  catalogue.containerEnergy,
  catalogue.workloadQueries,
  catalogue.containerInfo,
  catalogue.workloadInfo,
]
const PER_QUERY = 'workload_boundary:wattribute_energy_per_query_joules:ratio_rate5m'

/** A label set in one order; an empty label is none. */
const textOf = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}="${value}"`)
    .sort()
    .join(',')

const namespacesOf = (samples: readonly Sample[]): readonly string[] =>
  [...new Set(samples.map(({ metric }) => metric['namespace'] ?? ''))].sort()

const DASHBOARDS = fileURLToPath(new URL('../../dashboards/', import.meta.url))

/** What stands for a dashboard's variables; for those that choose among values: all of them. */
const CHOSEN: Readonly<Record<string, string>> = {
  __rate_interval: '20s',
  __interval: '20s',
  __range: '1m',
  __range_s: '60',
  price_per_kwh: '0.25',
}

/** Every query of all dashboards, each once. */
function dashboardQueries(): readonly string[] {
  const queries = new Set<string>()
  for (const name of readdirSync(DASHBOARDS).filter((one) => /^(?!tsconfig).*\.json$/.test(one)))
    JSON.parse(readFileSync(join(DASHBOARDS, name), 'utf8'), (key, value: unknown) => {
      if (key === 'expr' && typeof value === 'string' && value !== '') queries.add(value)
      return value
    })
  return [...queries]
}

const askedOf = (cluster: string, query: string): string =>
  query.replace(/\$(?:(\w+)|\{(\w+)(?::\w+)?\})/g, (_, plain?: string, braced?: string) => {
    const variable = plain ?? braced ?? ''
    return variable === 'cluster' ? cluster : (CHOSEN[variable] ?? '.*')
  })

requireProgram('prometheus', 'Kubernetes as a real Prometheus relabels it', (program) => {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-relabelling-'))
  const rules = everyRuleOfSeconds()
  const nodes = new Map<string, PodNode>()
  let prometheus: PrometheusServer
  let beat: NodeJS.Timeout | undefined

  /** A job of its own in a cluster of its own, so that the rules tell it from the others. */
  const job = (
    name: string,
    file: string,
    change: { more?: readonly Relabel[]; honors?: boolean },
  ): object => {
    const { relabel_configs: relabelling } = scrapeOf('kubernetes')
    return kubernetesScrape(file, {
      job_name: `wattribute-${name}`,
      honor_labels: change.honors ?? true,
      relabel_configs: [
        ...relabelling.map((rule) =>
          rule.target_label === 'cluster' ? { ...rule, replacement: name } : rule,
        ),
        ...(change.more ?? []),
      ],
    })
  }

  beforeAll(async () => {
    for (const [name, pods] of Object.entries(NODES)) nodes.set(name, await PodNode.start(pods))
    const targets = Array.from(nodes, ([node, { server }]) => ({
      address: server.address,
      ...(node === FACILITY ? { node: 'node-8', component: 'facility' } : { node }),
      pod: `wattribute-${node}`,
    }))
    const [one] = targets
    if (one === undefined) throw new Error('no node')
    const file = join(folder, 'pods.json')
    writePods(file, [
      ...targets,
      { ...one, portName: 'other' },
      { ...one, node: 'node-9', phase: 'Succeeded' },
    ])
    prometheus = await PrometheusServer.start(program, [], {
      alerting: { ruleFile: rules.file, evaluationSeconds: 1 },
      scrapes: [
        job('shipped', file, {}),
        job('colliding', file, { more: OPERATOR }),
        job('dishonoured', file, { more: OPERATOR, honors: false }),
      ],
    })
    const second = (): void => {
      for (const node of nodes.values()) node.second()
    }
    second()
    beat = setInterval(second, 1000)
    for (const cluster of ['shipped', 'colliding'])
      await prometheus.until(
        `${PER_QUERY}{cluster="${cluster}",boundary="facility"}`,
        (all) => all.length === 3,
        90,
      )
  })

  afterAll(async () => {
    clearInterval(beat)
    await prometheus.stop()
    for (const { server } of nodes.values()) await server.stop()
    rules.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  /** What the pages of all nodes have of a family, as Prometheus should have it. */
  const onPages = ({ name }: Metric): readonly string[] =>
    Array.from(nodes, ([instance, { server }]) =>
      (parsePage(server.page).get(name) ?? []).map(({ labels }) => textOf({ ...labels, instance })),
    )
      .flat()
      .sort()

  const stored = async (family: string, cluster: string): Promise<readonly Sample[]> =>
    prometheus.query(`${family}{cluster="${cluster}"}`)

  /** Without labels that this family does not have. */
  const storedSets = async ({ name, labels }: Metric, cluster: string): Promise<readonly string[]> => {
    const own = ['instance', ...labels]
    return (await stored(name, cluster))
      .map(({ metric }) => textOf(Object.fromEntries(own.map((label) => [label, metric[label] ?? '']))))
      .sort()
  }

  test('each node is one target of its name, the room another; other ports and ended pods are none', async () => {
    const up = await prometheus.query('up{cluster="shipped"}')
    expect(up.map(({ metric, value }) => [metric['instance'], value[1]]).sort()).toEqual([
      ['node-7', '1'],
      ['node-8', '1'],
      [FACILITY, '1'],
    ])
  })

  test.each(FAMILIES)('$name keeps its labels, empty ones too, whatever its target has', async (family) => {
    const page = onPages(family)
    expect(page.length).toBeGreaterThan(1)
    expect(await storedSets(family, 'shipped')).toEqual(page)
    expect(await storedSets(family, 'colliding')).toEqual(page)
  })

  test('what has no such label of its own gets that of the target', async () => {
    expect(namespacesOf(await stored('wattribute_domain_energy_joules_total', 'shipped'))).toEqual([''])
    expect(namespacesOf(await stored('wattribute_domain_energy_joules_total', 'colliding'))).toEqual([
      'monitoring',
    ])
  })

  test('the rules record the same of both, and can all be evaluated', async () => {
    const of = (cluster: string, samples: readonly Sample[]): string =>
      samples
        .filter(({ metric }) => metric['cluster'] === cluster)
        .map(({ metric }) => textOf({ ...metric, cluster: '', job: '' }))
        .sort()
        .join('\n')
    // Of one instant: what has just been seen under one job may still be to come under the other.
    const recorded = await prometheus.until(
      '{__name__=~".+:wattribute_.+"}',
      (all) => of('colliding', all) === of('shipped', all),
    )
    expect(of('shipped', recorded).split('\n').length).toBeGreaterThan(100)
    expect(namespacesOf(await stored(PER_QUERY, 'colliding'))).toEqual(['', 'team-a', 'team-b'])
    expect(await prometheus.failingRules()).toEqual([])
  })

  test('the queries of the dashboards find the same of both', async () => {
    const time = Date.now() / 1000
    const found = async (cluster: string, query: string): Promise<readonly string[]> =>
      (await prometheus.query(askedOf(cluster, query), time))
        .map(({ metric }) => textOf({ ...metric, cluster: '', job: '' }))
        .sort()
    let answered = 0
    for (const query of dashboardQueries()) {
      const shipped = await found('shipped', query)
      if (shipped.length > 0) answered += 1
      expect([query, await found('colliding', query)]).toEqual([query, shipped])
    }
    expect(answered).toBeGreaterThan(0)
  })

  test('without honor_labels everybody lives in the namespace of the exporter', async () => {
    const energy = await stored('wattribute_workload_energy_joules_total', 'dishonoured')
    expect(namespacesOf(energy)).toEqual(['monitoring'])
    expect([...new Set(energy.map(({ metric }) => metric['exported_namespace'] ?? ''))].sort()).toEqual([
      '',
      'team-a',
      'team-b',
    ])
    // Two teams have become one.
    expect(namespacesOf(await stored(PER_QUERY, 'dishonoured'))).toEqual(['monitoring'])
  })
})
