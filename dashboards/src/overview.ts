/** What does AI cost us now? */
import { dashboard } from './dashboard.ts'
import { section } from './layout.ts'
import { aiNow, aiOverTime } from './overview-now.ts'
import { months } from './overview-months.ts'
import { budgetsInShort, notMeasured, nobodys } from './overview-rest.ts'
import { byBoundary, byComponent, namespaces, workloads } from './overview-who.ts'

export const overview = () =>
  dashboard({
    name: 'overview',
    question: 'What does AI cost us now? Watts, kilowatt-hours and money, by workload and namespace.',
    variables: ['cluster', 'namespace', 'pricePerKwh', 'currency'],
    from: 'now-24h',
    sections: [
      section('What does AI cost us now?', ...aiNow(), ...aiOverTime()),
      section('This month against last', ...months()),
      section('Who uses it', ...workloads(), ...namespaces()),
      section('What uses it, and how much of the world is in the figures', ...byComponent(), ...byBoundary()),
      section('What belongs to nobody, and what is not measured', ...nobodys(), ...notMeasured()),
      section('Budgets', ...budgetsInShort()),
    ],
  })
