/** What can be chosen at the head of a dashboard. */
import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { DATASOURCE } from './targets.ts'

type VariableBuilder = DatasourceVariableBuilder | QueryVariableBuilder | TextBoxVariableBuilder

/**
 * All values, or some of those that a label has. "All" is the expression `.*`, which also takes series without the
 * label: a Prometheus of one cluster has no `cluster`, a workload outside of Kubernetes no `namespace`.
 */
const labelValues = (name: string, label: string, text: string, query: string): QueryVariableBuilder =>
  new QueryVariableBuilder(name)
    .label(text)
    .datasource(DATASOURCE)
    .query({ qryType: 1, query: `label_values(${query}, ${label})`, refId: name })
    .definition(`label_values(${query}, ${label})`)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ selected: true, text: ['All'], value: ['$__all'] })

export const VARIABLES = {
  datasource: () =>
    new DatasourceVariableBuilder('datasource')
      .label('Prometheus')
      .description('A Prometheus, or what answers like one, with the recording rules of Wattribute')
      .type('prometheus')
      .current({ selected: false, text: '', value: '' }),
  cluster: () => labelValues('cluster', 'cluster', 'Cluster', 'wattribute_build_info'),
  node: () => labelValues('node', 'instance', 'Node', 'wattribute_build_info{cluster=~"$cluster"}'),
  /** One machine at a time. */
  oneNode: () =>
    labelValues('node', 'instance', 'Node', 'wattribute_build_info{cluster=~"$cluster"}')
      .multi(false)
      .includeAll(false)
      .current({ selected: false, text: '', value: '' }),
  namespace: () =>
    labelValues('namespace', 'namespace', 'Namespace', 'wattribute_workload_info{cluster=~"$cluster"}'),
  workload: () =>
    labelValues(
      'workload',
      'workload',
      'Workload',
      'wattribute_workload_info{cluster=~"$cluster",namespace=~"$namespace"}',
    ),
  /** Only those whose queries somebody counts. */
  namespaceOfQueries: () =>
    labelValues(
      'namespace',
      'namespace',
      'Namespace',
      'wattribute_workload_queries_total{cluster=~"$cluster"}',
    ),
  workloadOfQueries: () =>
    labelValues(
      'workload',
      'workload',
      'Workload',
      'wattribute_workload_queries_total{cluster=~"$cluster",namespace=~"$namespace"}',
    ),
  model: () =>
    labelValues(
      'model',
      'model',
      'Model',
      'wattribute_workload_queries_total{cluster=~"$cluster",namespace=~"$namespace",workload=~"$workload"}',
    ),
  zone: () => labelValues('zone', 'zone', 'Zone', 'wattribute_node_info{cluster=~"$cluster"}'),
  pricePerKwh: () =>
    textBox('price_per_kwh', 'Price of a kWh', '0.25').description(
      'Money is energy times this price, which is an example until you put in yours',
    ),
  currency: () => textBox('currency', 'Currency', 'EUR'),
} as const satisfies Record<string, () => VariableBuilder>

function textBox(name: string, label: string, value: string): TextBoxVariableBuilder {
  return new TextBoxVariableBuilder(name)
    .label(label)
    .defaultValue(value)
    .current({ selected: true, text: value, value })
}

export type VariableName = keyof typeof VARIABLES
