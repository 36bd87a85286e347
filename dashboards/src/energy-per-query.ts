/** What does one query cost, by model and variant, and what moves it? */
import { dashboard } from './dashboard.ts'
import { energyPanel, WITHOUT_PLUGIN } from './energy-panel.ts'
import { collapsedSection, section } from './layout.ts'
import { againstLoad } from './queries-load.ts'
import { known } from './queries-quality.ts'
import { answers } from './queries-answers.ts'
import { allQueries, coreTables } from './queries-shipped.ts'
import { singleRequests } from './queries-requests.ts'
import { trend } from './queries-trend.ts'
import { instantTable } from './targets.ts'
import { UNIT } from './units.ts'
import { ofEnergy } from './words.ts'

export const energyPerQuery = () =>
  dashboard({
    name: 'energyPerQuery',
    question: 'What does one query cost, by model and variant, and what moves it?',
    variables: ['cluster', 'namespaceOfQueries', 'workloadOfQueries', 'model', 'pricePerKwh', 'currency'],
    from: 'now-24h',
    sections: [
      section(
        'What does one query cost?',
        ...answers(),
        energyPanel({
          title: 'Energy per query, part by part',
          description: ofEnergy(
            'One bar for each workload, model and variant over the time range; point at it for its figures. Its options show the same per token or per 1,000 queries, and the difference to last week.',
            'said beside each bar, up to the facility. A part that nobody measures is an outlined field with a question mark.',
            'sums of recorded minutes; stripes are estimated. Absent below ten queries.',
          ),
          unit: UNIT.joules,
          width: 24,
          height: 11,
          view: 'query-energy',
          options: { quantity: 'per-query', boundary: 'facility', order: 'most', top: 20 },
          targets: allQueries.map(instantTable),
        }),
      ),
      collapsedSection(WITHOUT_PLUGIN, ...coreTables()),
      section('Energy against load: why the same model costs more when it is alone', ...againstLoad()),
      section('How it went', ...trend()),
      section('Single requests', ...singleRequests()),
      section('How well it is known, and what is not measured', ...known()),
    ],
  })
