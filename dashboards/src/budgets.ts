/** Do we stay within our energy budgets, and within what the connection and the tariff allow? */
import { alerts } from './budget-alerts.ts'
import { courses } from './budget-courses.ts'
import { standing } from './budget-standing.ts'
import { dashboard } from './dashboard.ts'
import { demand } from './demand.ts'
import { section } from './layout.ts'

export const budgets = () =>
  dashboard({
    name: 'budgets',
    question:
      'Do we stay within our energy budgets, and below the demand that the tariff or the connection allows?',
    variables: ['cluster', 'pricePerKwh', 'currency'],
    from: 'now-7d',
    sections: [
      section('Do we stay within our budgets?', ...standing()),
      section('How it went', ...courses()),
      section('Demand: the highest power that is billed', ...demand()),
      section('Alerts', ...alerts()),
    ],
  })
