/** Where does this machine's energy go? */
import { dashboard } from './dashboard.ts'
import { accelerators, domains, overall } from './node-energy.ts'
import { climate, nobody, ownCost, processes, sensors } from './node-health.ts'

export const node = () =>
  dashboard({
    name: 'node',
    question: "Where does this machine's energy go, who holds idle accelerators, and what is not measured?",
    variables: ['cluster', 'oneNode', 'pricePerKwh', 'currency'],
    from: 'now-6h',
    sections: [overall, accelerators, nobody, domains, sensors, processes, climate, ownCost],
  })
