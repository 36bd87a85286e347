/** Where a rule of the lint does not hold, and why. Each is needed: a test takes them away one by one. */

export interface Exception {
  readonly uid: string
  readonly panel: string
  readonly rule: 'matcher' | 'counter'
  /** The label without a matcher, or the counter without a rate. */
  readonly of: string
  readonly why: string
}

export const EXCEPTIONS: readonly Exception[] = []
