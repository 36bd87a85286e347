/** The configurations in deploy/prometheus/scrape, and pods as the service discovery of Kubernetes shows them. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

export const SCRAPE_EXAMPLES = fileURLToPath(new URL('../../deploy/prometheus/scrape', import.meta.url))

export interface Relabel {
  readonly source_labels?: readonly string[]
  readonly target_label?: string
  readonly regex?: string
  readonly replacement?: string
  readonly action?: string
}

export interface ScrapeConfig {
  readonly job_name: string
  readonly honor_labels: boolean
  readonly relabel_configs: readonly Relabel[]
}

/** The one job of an example. */
export function scrapeOf(example: string): ScrapeConfig {
  const { scrape_configs: jobs } = parse(readFileSync(`${SCRAPE_EXAMPLES}/${example}.yaml`, 'utf8')) as {
    scrape_configs: ScrapeConfig[]
  }
  const [job] = jobs
  if (job === undefined || jobs.length > 1) throw new Error(`${example}.yaml has not one job`)
  return job
}

/**
 * The example of Kubernetes with its relabelling as it is, where pods come from a file: what the API server would say
 * is in it, under the same names.
 */
export function kubernetesScrape(file: string, change: Partial<ScrapeConfig> = {}): object {
  const job = Object.fromEntries(
    Object.entries(scrapeOf('kubernetes')).filter(([key]) => key !== 'kubernetes_sd_configs'),
  )
  return { ...job, file_sd_configs: [{ files: [file], refresh_interval: '1s' }], ...change }
}

export interface PodTarget {
  /** `host:port` */
  readonly address: string
  readonly node: string
  readonly pod: string
  /** Of the chart; absent: that of a node. */
  readonly component?: string
  readonly portName?: string
  readonly phase?: string
}

/** As `role: pod` shows them: a target for each port of each container. Prometheus sees the file change at once. */
export function writePods(file: string, pods: readonly PodTarget[]): void {
  const targets = pods.map(
    ({ address, node, pod, component = 'node', portName = 'metrics', phase = 'Running' }) => ({
      targets: [address],
      labels: {
        __meta_kubernetes_namespace: 'monitoring',
        __meta_kubernetes_pod_name: pod,
        __meta_kubernetes_pod_ip: address.split(':')[0],
        __meta_kubernetes_pod_phase: phase,
        __meta_kubernetes_pod_ready: 'true',
        __meta_kubernetes_pod_node_name: node,
        __meta_kubernetes_pod_label_app_kubernetes_io_name: 'wattribute',
        __meta_kubernetes_pod_label_app_kubernetes_io_component: component,
        __meta_kubernetes_pod_container_name: 'exporter',
        __meta_kubernetes_pod_container_port_name: portName,
      },
    }),
  )
  writeFileSync(`${file}.next`, JSON.stringify(targets))
  renameSync(`${file}.next`, file)
}
