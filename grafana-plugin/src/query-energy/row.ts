/** One workload, model or variant, with what is known of its energy per query. */
import type { Cell, Labels } from '../model/cells'
import type { Part } from '../model/parts'

export type PartFigure =
  | {
      readonly state: 'measured'
      readonly joulesPerQuery: number
      /** `counter`, `integrated`, `estimated`; empty when it is not told. */
      readonly methods: readonly string[]
      /** What of the part is not in the figure, in words. */
      readonly missing: readonly string[]
    }
  /** Asked for, and there is none anywhere. */
  | { readonly state: 'not-measured' }
  /** Others have some, this one has none. */
  | { readonly state: 'no-figure' }
  /** There is no such query. */
  | { readonly state: 'not-asked' }
  | { readonly state: 'failed'; readonly why: string }

export type PartFigures = Readonly<Record<Part, PartFigure>>

/** The week before, or whatever the queries named `baseline_…` are about. */
export interface Earlier {
  readonly joulesPerQuery: Readonly<Partial<Record<Part, number>>>
  readonly queries: number | undefined
  readonly tokens: number | undefined
}

export interface Row {
  readonly key: string
  readonly labels: Labels
  readonly parts: PartFigures
  readonly queries: number | undefined
  readonly tokens: number | undefined
  /** Joules of a request. */
  readonly median: number | undefined
  readonly percentile95: number | undefined
  readonly earlier: Earlier | undefined
  /** Where the figure of a part stands in the frames: its configuration and links. */
  readonly cells: Readonly<Partial<Record<Part, Cell>>>
  /** How many rows it was made of. */
  readonly members: number
}

/** Joules per query of a part, where there is a figure. */
export const joulesOf = (figure: PartFigure): number | undefined =>
  figure.state === 'measured' ? figure.joulesPerQuery : undefined
