/** How much came in by which way, for the exporter's own metrics. */

export const TRANSPORTS = ['socket', 'http', 'file'] as const
export type Transport = (typeof TRANSPORTS)[number]

/** Why a line was not taken, or not as it was meant. */
export const REFUSALS = ['syntax', 'permission', 'rate', 'limit'] as const
export type RefusalReason = (typeof REFUSALS)[number]

export interface IntakeCounts {
  linesTaken(transport: Transport, count: number): void
  linesRefused(transport: Transport, reason: RefusalReason, count: number): void
}
