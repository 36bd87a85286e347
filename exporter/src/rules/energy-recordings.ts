/** Energy of workloads, of the facility and per query: one group, so that each figure has those before it of the same instant. */
import { boundaries, unmeasuredNodes } from './boundaries.ts'
import { energySums } from './energy-sums.ts'
import { facilityRules } from './facility.ts'
import { perQueryRules } from './per-query.ts'
import type { RuleGroup } from './rule.ts'
import { EVALUATION, WINDOWS } from './windows.ts'

export const energyRecordings: RuleGroup = {
  name: 'wattribute-energy-recordings',
  interval: EVALUATION.name,
  rules: [
    ...unmeasuredNodes,
    ...WINDOWS.flatMap((window) => [
      ...energySums(window),
      ...facilityRules(window),
      ...boundaries(window),
      ...perQueryRules(window),
    ]),
  ],
}
