/** Why a consumer is called what it is. */
import type { Consumer, Names, WorkloadWords } from '../model.ts'
import { recognisedOf, rulingOf, type Own } from './composition.ts'
import type { Place } from './place.ts'
import type { Recognised, Verdict } from './recognition.ts'
import type { Ruling, WorkloadRules } from './workload-rules.ts'

export interface Explanation {
  readonly consumer: Extract<Consumer, { kind: 'process' }>
  /** Undefined while those in its cgroup are being looked up. */
  readonly names: Names | undefined
  readonly ruling: Ruling | undefined
  readonly labels: WorkloadWords | undefined
  readonly recognised: Pick<Recognised, 'name' | 'reason' | 'root'> | undefined
  readonly verdict: 'recognised' | Exclude<Verdict, Recognised>
}

/** @param where undefined while those in its cgroup are being looked up */
export function explanationOf(
  consumer: Explanation['consumer'],
  own: Own | undefined,
  where: { readonly place: Place; readonly names: Names; readonly rules: WorkloadRules } | undefined,
): Explanation {
  const verdict = verdictOf(own)
  if (where === undefined) {
    return {
      consumer,
      names: undefined,
      ruling: undefined,
      labels: undefined,
      recognised: undefined,
      verdict,
    }
  }
  const { place, names, rules } = where
  return {
    consumer,
    names,
    ruling: rulingOf(place, own, rules),
    labels: place.labels,
    recognised: recognisedOf(own, place.scope?.agreement),
    verdict,
  }
}

function verdictOf(own: Own | undefined): Explanation['verdict'] {
  if (own === undefined) return 'unseen'
  return typeof own.verdict === 'string' ? own.verdict : 'recognised'
}
