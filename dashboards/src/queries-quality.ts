/** What stands behind the figures. */
import { bars } from './core-panels.ts'
import { OF_MODEL, OF_WORKLOAD } from './promql.ts'
import { table } from './table-panel.ts'
import { instant } from './targets.ts'
import { UNIT } from './units.ts'

const NAMES = [
  { label: 'cluster', title: 'Cluster' },
  { label: 'namespace', title: 'Namespace' },
  { label: 'workload', title: 'Workload' },
]

export const known = () => [
  bars({
    title: 'How much of it is a model',
    description:
      'Share of the energy of a part that was modelled and not measured, over the last hour. 0 % is measured; an absent part is not known at all.',
    unit: UNIT.share,
    decimals: 0,
    width: 8,
    height: 9,
    targets: [
      instant({
        refId: 'estimated',
        expr: `avg by (workload, part) (workload_model_part:wattribute_energy_estimated:ratio_rate1h{${OF_MODEL}})`,
        legend: '{{workload}}: {{part}}',
      }),
    ],
  }).max(1),
  table({
    title: 'What is not measured',
    description:
      'On how many machines of a workload a component has no figure. CPU or accelerators hold back the boundaries from `host` on; memory and board do not, since few machines measure them. `wattribute doctor` on the machine says what to do.',
    unit: UNIT.count,
    width: 8,
    height: 9,
    rows: [...NAMES, { label: 'component', title: 'Component' }],
    columns: [
      {
        refId: 'nodes',
        title: 'Machines',
        unit: UNIT.count,
        decimals: 0,
        expr: `workload_component:wattribute_unmeasured_nodes:count{${OF_WORKLOAD}}`,
      },
    ],
    order: 'Machines',
  }).noValue('all is measured'),
  table({
    title: 'Who counts the queries',
    description:
      'Of several that report on the same queries, one is `counted`: what is configured, else the server, a gateway, a client. The others are `not_counted`.',
    unit: UNIT.count,
    width: 8,
    height: 9,
    rows: [
      ...NAMES,
      { label: 'model', title: 'Model' },
      { label: 'server', title: 'Server' },
      { label: 'source', title: 'Source' },
      { label: 'state', title: 'State' },
    ],
    columns: [
      {
        refId: 'sources',
        title: 'Machines',
        unit: UNIT.count,
        decimals: 0,
        expr: `count by (cluster, namespace, workload, model, server, source, state) (wattribute_workload_query_source_info{${OF_MODEL}})`,
      },
    ],
    order: 'Machines',
  }),
]
