/**
 * Those who are one workload because they live together: a pod, a Slurm job, a container, a service unit. Where those
 * of its processes that say what they are agree, it holds for all, also for those that have exited.
 */
import type { WorkloadFacts } from '../model.ts'
import type { Recognised } from './recognition.ts'
import type { Ruling } from './workload-rules.ts'

/** A process that says, or of which a rule says, what it is. */
export interface Member {
  readonly pid: number
  readonly startTicks: number
  readonly recognised?: Recognised
  readonly ruling?: Ruling
}

/** What all that live together are. */
export interface Agreement {
  /** Of those that differ only what they share. */
  readonly recognised: Pick<Recognised, 'kind' | 'model' | 'variant' | 'name' | 'reason' | 'root'> | undefined
  /** They differ: each is what it says itself. */
  readonly isSplit: boolean
  readonly ruling: Ruling | undefined
}

const NOTHING: Agreement = { recognised: undefined, isSplit: false, ruling: undefined }

/** More processes than this that each say what they are make no difference. */
const MOST_MEMBERS = 1024

export class Scope {
  readonly members = new Map<string, Member>()
  /** Grows with every change of what is agreed or known. */
  version = 0
  /** Some process could be looked at. */
  isLookedAt = false
  /** A process may be AI, and says nothing. */
  isUnsure = false
  /** Such a process uses an accelerator. */
  usesAccelerator = false
  #agreement = NOTHING

  add(member: Member): void {
    const key = memberKey(member)
    const known = this.members.get(key)
    if (known === undefined && this.members.size >= MOST_MEMBERS) return
    const merged = withMore(known, member)
    this.members.set(key, merged)
    this.#settle()
  }

  remove(member: Pick<Member, 'pid' | 'startTicks'>): void {
    if (this.members.delete(memberKey(member))) this.#settle()
  }

  /** With the rules, what they say is gone. */
  forgetRulings(): void {
    for (const [key, { ruling, ...member }] of this.members)
      if (ruling !== undefined) this.members.set(key, member)
    this.#agreement = { ...this.#agreement, ruling: undefined }
    this.#settle()
  }

  note(seen: Partial<Pick<Scope, 'isLookedAt' | 'isUnsure' | 'usesAccelerator'>>): void {
    const before = [this.isLookedAt, this.isUnsure, this.usesAccelerator].join()
    this.isLookedAt ||= seen.isLookedAt ?? false
    this.isUnsure ||= seen.isUnsure ?? false
    this.usesAccelerator ||= seen.usesAccelerator ?? false
    if (before !== [this.isLookedAt, this.isUnsure, this.usesAccelerator].join()) this.version += 1
  }

  get agreement(): Agreement {
    return this.#agreement
  }

  #settle(): void {
    // The last of a process that has ended comes after it: what it was still holds.
    if (this.members.size === 0) return
    const next = agreementOf(Array.from(this.members.values()))
    if (isSame(next, this.#agreement)) return
    this.#agreement = next
    this.version += 1
  }
}

/** The same process as it was known and as it is found now: workers of one launcher tell more or less of its model. */
export function withMore(known: Member | undefined, found: Member): Member {
  const [before, now] = [known?.recognised, found.recognised]
  const saidMore =
    before !== undefined &&
    now !== undefined &&
    before.model !== '' &&
    before.name === now.name &&
    (now.model === '' || (now.model === before.model && now.variant === ''))
  return { ...known, ...found, ...(saidMore && { recognised: before }) }
}

export const memberKey = ({ pid, startTicks }: Pick<Member, 'pid' | 'startTicks'>): string =>
  `${pid}:${startTicks}`

function agreementOf(members: readonly Member[]): Agreement {
  const rulings = members.flatMap(({ ruling }) => ruling ?? [])
  const [ruling] = rulings
  const isOneRule = rulings.every(({ index }) => index === ruling?.index)
  return { ...recognisedBy(members), ruling: isOneRule ? ruling : undefined }
}

function recognisedBy(members: readonly Member[]): Pick<Agreement, 'recognised' | 'isSplit'> {
  const recognised = members.flatMap((member) => member.recognised ?? [])
  const named = recognised.filter(({ model }) => model !== '')
  // A launcher may not tell the precision that its shards are given.
  const precise = named.filter(({ variant }) => variant !== '')
  const [first] = [precise, named, recognised].find(({ length }) => length > 0) ?? []
  if (first === undefined) return { recognised: undefined, isSplit: false }
  const isOneKind = recognised.every(({ kind }) => kind === first.kind)
  const isOneModel =
    named.every(({ model }) => model === first.model) &&
    precise.every(({ variant }) => variant === first.variant)
  if (isOneKind && isOneModel) return { recognised: first, isSplit: false }
  const kind: WorkloadFacts['kind'] = isOneKind ? first.kind : 'unknown'
  return { recognised: { ...first, kind, model: '', variant: '' }, isSplit: true }
}

const isSame = (one: Agreement, other: Agreement): boolean =>
  one.isSplit === other.isSplit &&
  one.ruling?.index === other.ruling?.index &&
  one.recognised?.kind === other.recognised?.kind &&
  one.recognised?.model === other.recognised?.model &&
  one.recognised?.variant === other.recognised?.variant
