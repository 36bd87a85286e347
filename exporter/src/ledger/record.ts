/**
 * The books as plain data: a state that holds all of them, and the changes of one tick. A state followed by the
 * changes of every later tick, in order, gives the same books again, to the microjoule. Energies in changes are whole
 * microjoules, in states decimal joules with six digits.
 */
import type { Domain, Identity, Names, WorkloadFacts } from '../model.ts'

/** component, part, method */
export type ClassRecord = readonly [string, string, string]

/** A series: its number in its view, its kind of energy, Unix time of its birth. */
export type OpenedRecord = readonly [
  number: number,
  labels: readonly string[],
  energyClass: ClassRecord,
  createdWall: number,
  /** Until when it stands still on the page; null: shown at once. */
  heldUntil: number | null,
]

export interface ViewChanges {
  readonly opened: readonly OpenedRecord[]
  /** number, microjoules, number, microjoules, … */
  readonly credits: readonly number[]
  /** Labels of holders that are no longer shown. */
  readonly retired: readonly (readonly string[])[]
  readonly dropped: number
}

export interface AccountState {
  readonly number: number
  readonly energyClass: ClassRecord
  readonly createdWall: number
  readonly total: string
  /** What the page shows as long as it stands still. */
  readonly held?: { readonly shown: string; readonly until: number }
}

export interface HolderState {
  readonly labels: readonly string[]
  readonly accounts: readonly AccountState[]
}

export interface ViewState {
  readonly holders: readonly HolderState[]
  /** Holders that are no longer shown, oldest first. */
  readonly remembered: readonly HolderState[]
  readonly retired: Readonly<Record<string, string>>
  readonly dropped: number
  readonly nextNumber: number
}

export type DomainAccountRecord = readonly [
  domain: string,
  component: string,
  within: string,
  leaf: boolean,
  method: string,
  createdWall: number,
]

/** What is remembered of one domain. */
export interface PlaceState {
  readonly domain: Domain
  readonly lastSeen: number
  readonly readTo: number | null
  readonly deficit: number
  readonly excess: string
  readonly gapSeconds: number
}

export interface NestingChanges {
  readonly opened: readonly DomainAccountRecord[]
  /** index, microjoules, index, microjoules, … in the order in which the accounts were opened. */
  readonly credits: readonly number[]
  /** Of the domains of which more has changed than that they were seen and read. */
  readonly places: readonly PlaceState[]
  /** Domains that were seen at this tick, with the end of their newest reading. */
  readonly seen: Readonly<Record<string, number | null>>
}

export interface NestingState {
  readonly accounts: readonly { readonly labels: DomainAccountRecord; readonly total: string }[]
  readonly places: readonly PlaceState[]
}

/** Energy of processes that are not ranked yet, by kind. */
export type WaitingRecord = readonly (readonly [ClassRecord, number])[]

/** Energy of consumers in a group whose account is not decided yet, by kind. */
export interface UnnamedRecord {
  readonly path: string
  readonly identity: Identity
  /** Under what it is booked if nothing more is heard; absent where it has no name at all. */
  readonly otherwise?: Names
  /** Kind, microjoules, UUID of the accelerator or nothing. */
  readonly energies: readonly (readonly [ClassRecord, number, string])[]
}

/** What is known of a workload beyond the labels of its series. */
export interface FactsRecord extends Pick<WorkloadFacts, 'user' | 'account' | 'podLabels'> {
  readonly labels: readonly string[]
}

export interface LedgerChanges {
  readonly at: number
  readonly views: Readonly<Record<string, ViewChanges>>
  readonly nesting: NestingChanges
  readonly waiting: WaitingRecord
  readonly unnamed: readonly UnnamedRecord[]
  readonly facts: readonly FactsRecord[]
}

export interface LedgerState {
  readonly at: number
  readonly views: Readonly<Record<string, ViewState>>
  readonly nesting: NestingState
  readonly waiting: WaitingRecord
  readonly unnamed: readonly UnnamedRecord[]
  readonly facts: readonly FactsRecord[]
}
