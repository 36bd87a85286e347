/** What senders say about their work: marks of phases, and counts of queries. Plain data that crosses threads. */
import type { Seconds } from '../units.ts'

/**
 * Who speaks, or is spoken for, and how that is known. A process is proven by the kernel; groups are named by those
 * who may name any.
 */
export type Claim =
  | {
      readonly kind: 'process'
      readonly pid: number
      /** Clock ticks after boot, so that a later process with this pid is another. */
      readonly startTicks: number
    }
  | { readonly kind: 'container'; readonly containerId: string }
  | { readonly kind: 'pod'; readonly podUid: string }
  | { readonly kind: 'slurm_job'; readonly slurmJob: string }

/** How the phase of a sender changes. */
export type PhaseChange =
  /** From now on it is in this phase, in place of all that were open. */
  | { readonly kind: 'set'; readonly phase: string }
  /** It enters a phase inside the one it is in. */
  | { readonly kind: 'begin'; readonly phase: string }
  /** It leaves this phase and all inside it; undefined: the innermost. */
  | { readonly kind: 'end'; readonly phase: string | undefined }
  /** It leaves all phases. */
  | { readonly kind: 'clear' }

/** How long something took that was done since the report before. */
export interface PhaseReport {
  readonly phase: string
  readonly duration: Seconds
}

/** What one line says about phases. */
export interface Mark {
  readonly change: PhaseChange | undefined
  readonly report: PhaseReport | undefined
  /** Of the reported phase, or else of the innermost open one. */
  readonly steps: number
  readonly samples: number
  readonly isRunStart: boolean
  /** It speaks for the sender alone, not for all of its workload. */
  readonly isForProcessOnly: boolean
  /** Without another line for so long, the phase is unknown; undefined: ten minutes. */
  readonly lease: Seconds | undefined
}

/** What one line says about queries that were answered. */
export interface QueryCountsLine {
  readonly model: string
  readonly queries: number
  readonly inputTokens: number
  readonly cachedInputTokens: number
  readonly outputTokens: number
}

/** Queries that a client or server has counted itself. */
export interface PushedCounts extends QueryCountsLine {
  /** Unix time. */
  readonly wall: Seconds
  readonly who: Claim
}

export interface TimedMark extends Mark {
  readonly at: Seconds
}

export interface SenderMarks {
  readonly who: Claim
  /** In order. */
  readonly marks: readonly TimedMark[]
}

/** What came in since the batch before. */
export interface IntakeBatch {
  readonly senders: readonly SenderMarks[]
  readonly counts: readonly PushedCounts[]
}

/** How many marks and counts it holds. */
export const sizeOf = ({ senders, counts }: IntakeBatch): number =>
  counts.length + senders.reduce((sum, { marks }) => sum + marks.length, 0)

/** The same text for the same claim, and for no other. */
export function claimKey(claim: Claim): string {
  switch (claim.kind) {
    case 'process':
      return `process ${claim.pid} ${claim.startTicks}`
    case 'container':
      return `container ${claim.containerId}`
    case 'pod':
      return `pod ${claim.podUid}`
    case 'slurm_job':
      return `slurm_job ${claim.slurmJob}`
  }
}
