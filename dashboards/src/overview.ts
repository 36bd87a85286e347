/** What does AI cost us now? */
import { section } from './layout.ts'
import { dashboard } from './dashboard.ts'
import { stat } from './core-panels.ts'
import { IN_NAMESPACE } from './promql.ts'
import { instant } from './targets.ts'
import { UNIT } from './units.ts'

export const overview = () =>
  dashboard({
    name: 'overview',
    question: 'What does AI cost us now?',
    variables: ['cluster', 'namespace', 'pricePerKwh', 'currency'],
    from: 'now-24h',
    sections: [
      section(
        'Now',
        stat({
          title: 'Power of all workloads',
          description:
            'Boundary: facility, as far as it is measured. Method: mean over five minutes of what counters and meters show.',
          unit: UNIT.watts,
          width: 6,
          height: 4,
          targets: [
            instant({
              refId: 'power',
              expr: `sum(workload_model_part:wattribute_workload_energy_joules:rate5m{${IN_NAMESPACE}})`,
            }),
          ],
        }),
      ),
    ],
  })
