/** What a report is made of, wherever it comes from. */
import type { Component } from '../model.ts'
import type { EnergyTotal, Seconds } from '../units.ts'
import type { HistoryRow } from '../workloads/history-bucket.ts'

export interface Figures {
  /** Several may have the same labels. */
  readonly rows: readonly HistoryRow[]
  readonly coverage: Coverage
  /** What a reader has to know about the figures. */
  readonly notes: readonly string[]
}

/** How much of the period is known. */
export interface Coverage {
  readonly observed: Seconds
  /** Time in which the exporter did not run; undefined when the source cannot tell. */
  readonly down: Seconds | undefined
  /** Time in which nothing is known of a component although the exporter ran. */
  readonly unknown: ReadonlyMap<Component, Seconds>
  /** The end of the last hour or sample that is in it. */
  readonly until: Seconds
  /** Energy of workloads that there were too many of to keep apart. */
  readonly folded: EnergyTotal
}
