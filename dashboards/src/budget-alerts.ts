/** Which alerts of Wattribute there are now, with what to do. */
import { DOCUMENTS } from './names.ts'
import { IN_CLUSTER } from './promql.ts'
import { table } from './table-panel.ts'
import { UNIT } from './units.ts'

export const alerts = () => [
  table({
    title: 'Alerts now',
    description:
      'Of the rules in deploy/prometheus/alerts, where they are loaded. `pending`: it holds, but not for long enough yet. Click an alert for what it means and what to do.',
    unit: UNIT.count,
    width: 24,
    height: 7,
    rows: [
      { label: 'alertname', title: 'Alert' },
      { label: 'alertstate', title: 'State' },
      { label: 'severity', title: 'Severity' },
      { label: 'budget', title: 'Budget' },
      { label: 'meter', title: 'Meter' },
      { label: 'cluster', title: 'Cluster' },
    ],
    columns: [
      {
        refId: 'alerts',
        title: 'How many',
        unit: UNIT.count,
        decimals: 0,
        expr: `count by (cluster, alertname, alertstate, severity, budget, meter) (ALERTS{${IN_CLUSTER},alertname=~"Wattribute.*"})`,
      },
    ],
    order: 'How many',
  })
    .noValue('no alert')
    .overrideByName('Alert', [
      {
        id: 'links',
        value: [
          {
            title: 'What to do',
            url: `${DOCUMENTS}/runbooks/\${__value.raw}.md`,
            targetBlank: true,
          },
        ],
      },
    ]),
]
