/** What can be asked of a report, for the command line and the room alike. */
import { BOUNDARIES, type Boundary } from '../model.ts'

export const FORMATS = ['table', 'markdown', 'csv', 'json'] as const
export type Format = (typeof FORMATS)[number]

/** What lines can be told apart by. */
export const COLUMNS = [
  'workload',
  'namespace',
  'kind',
  'model',
  'variant',
  'phase',
  'component',
  'part',
  'method',
] as const
export type Column = (typeof COLUMNS)[number]

export const DEFAULT_COLUMNS = 'workload,namespace,model,variant,phase,part'

/** All that was measured. */
export const WIDEST: Boundary = BOUNDARIES[3]

/** A report that cannot be made. The message is one sentence that says why and what to do. */
export class ReportError extends Error {
  override readonly name = 'ReportError'
}
