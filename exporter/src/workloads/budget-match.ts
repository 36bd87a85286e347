/** Whether a budget counts a workload's energy. */
import type { BudgetMatch, WorkloadFacts } from '../model.ts'
import { globOf } from './glob.ts'

const TEXTS = ['workload', 'namespace', 'kind', 'user', 'account'] as const

/** Whether a budget counts anything on a machine of this name. */
export const fitsNode = ({ node }: BudgetMatch, name: string): boolean =>
  node === undefined || globOf(node)(name)

/** @returns undefined when no condition is about workloads: all energy counts, that of nobody included */
export function workloadTestOf(match: BudgetMatch): ((facts: WorkloadFacts) => boolean) | undefined {
  const tests: ((facts: WorkloadFacts) => boolean)[] = []
  for (const key of TEXTS) {
    const pattern = match[key]
    if (pattern === undefined) continue
    const fits = globOf(pattern)
    tests.push((facts) => fits(facts[key]))
  }
  if (match.podLabels !== undefined) tests.push(podLabelTestOf(match.podLabels))
  return tests.length === 0 ? undefined : (facts) => tests.every((test) => test(facts))
}

/** A label that is not there fits no pattern. */
function podLabelTestOf(labels: Readonly<Record<string, string>>): (facts: WorkloadFacts) => boolean {
  const patterns = Object.entries(labels).map(([label, pattern]) => [label, globOf(pattern)] as const)
  return ({ podLabels }) =>
    patterns.every(([label, fits]) => Object.hasOwn(podLabels, label) && fits(podLabels[label] ?? ''))
}
