/** Where a rule of the lint does not hold, and why. Each is needed: a test takes them away one by one. */

export interface Exception {
  readonly uid: string
  readonly panel: string
  readonly rule: 'matcher' | 'counter'
  /** The label without a matcher, or the counter without a rate. */
  readonly of: string
  readonly why: string
}

const SHARED_PROCESS = 'energy of a process with several models is booked under the model `multiple`'

export const EXCEPTIONS: readonly Exception[] = [
  ...['Energy per query, part by part', 'Components of the parts, and how they are known'].map(
    (panel): Exception => ({
      uid: 'wattribute-energy-per-query',
      panel,
      rule: 'matcher',
      of: 'model',
      why: SHARED_PROCESS,
    }),
  ),
]
