/** Names of a consumer, each field from what says it first: a rule, a label, what it is recognised as, where it lives. */
import type { Names, WorkloadWords } from '../model.ts'
import type { Place } from './place.ts'
import { MULTIPLE, type Recognised, type Verdict } from './recognition.ts'
import type { Agreement } from './scope.ts'
import type { Ruling, WorkloadRules } from './workload-rules.ts'

/** What is known of a process itself. */
export interface Own {
  verdict: Verdict
  readonly ruling: Ruling | undefined
  usesAccelerator: boolean
}

type Known = Pick<Recognised, 'kind' | 'model' | 'variant' | 'name' | 'reason' | 'root'>

/** @param own undefined: it says nothing itself */
export function compose(place: Place, own: Own | undefined, rules: WorkloadRules): Names {
  const { names, labels, scope } = place
  const recognised = recognisedOf(own, scope?.agreement)
  const said: WorkloadWords = {
    ...(recognised !== undefined && {
      kind: recognised.kind,
      model: recognised.model,
      variant: recognised.variant,
      ...(scope === undefined && { workload: nameOf(recognised) }),
    }),
    ...labels,
    ...rulingOf(place, own, rules)?.rule.says,
  }
  return { ...names, facts: { ...names.facts, kind: unrecognisedKind(place, own), ...said } }
}

/** The first of the rules that fit it, or all that it lives with. */
export function rulingOf(place: Place, own: Own | undefined, rules: WorkloadRules): Ruling | undefined {
  const candidates = [own?.ruling ?? rules.find(place, []), place.scope?.agreement.ruling]
  return candidates.flatMap((ruling) => ruling ?? []).sort((one, other) => one.index - other.index)[0]
}

/** What all agree on; its own where they do not, or where it was of another model that is gone. */
function ownOrAgreed(itself: Known | undefined, agreement: Agreement | undefined): Known | undefined {
  const agreed = agreement?.recognised
  if (itself === undefined || agreed === undefined) return itself ?? agreed
  const isItsOwn = agreement?.isSplit === true || (itself.model !== '' && itself.model !== agreed.model)
  return isItsOwn ? itself : agreed
}

export const recognisedOf = (own: Own | undefined, agreement: Agreement | undefined): Known | undefined =>
  ownOrAgreed(own === undefined || typeof own.verdict === 'string' ? undefined : own.verdict, agreement)

/** Where nothing else is called so, by its model or by what serves or launches it. */
const nameOf = ({ model, name }: Known): string => (model === '' || model === MULTIPLE ? name : model)

/** A guess that would be unsure is `unknown`; `other` is what was looked at and does nothing of AI. */
function unrecognisedKind({ names, scope }: Place, own: Own | undefined): Names['facts']['kind'] {
  const { kind } = names.facts
  const usesAccelerator = scope?.usesAccelerator ?? own?.usesAccelerator ?? false
  if (usesAccelerator) return 'unknown'
  if (kind === 'system') return kind
  if (scope?.isUnsure ?? own?.verdict === 'unsure') return 'unknown'
  return kind === 'unknown' && scope?.isLookedAt === true ? 'other' : kind
}
