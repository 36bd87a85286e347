/** What the main thread and the engine's thread say to each other. */
import type { Config } from './config/schema.ts'
import type { Notice } from './engine-notices.ts'
import type { Seconds } from './units.ts'
import type { RequestEvent } from './workloads/request-events.ts'
import type { IntakeBatch } from './workloads/marks.ts'
import type { WorldPaths } from './world.ts'

export interface EngineSettings {
  readonly paths: WorldPaths
  readonly config: Config
  /** NVIDIA's library; undefined: where drivers put it. */
  readonly nvmlLibrary: string | undefined
  /** Folder of the exporter's state; undefined: nothing is kept. */
  readonly storagePath: string | undefined
  /** In place of this machine a simulated one, which began at this instant; undefined: this machine. */
  readonly simulatedSince: Seconds | undefined
}

export const SUBJECTS = ['sensors', 'ledger', 'queries', 'overview'] as const
export type Subject = (typeof SUBJECTS)[number]

/** Memory of pages; it moves from thread to thread and is never copied. */
export interface PageBuffers {
  readonly text: ArrayBuffer
  readonly openMetrics: ArrayBuffer
}

export type ToEngine =
  | { readonly kind: 'reconfigure'; readonly config: Config }
  | { readonly kind: 'report'; readonly id: number; readonly subject: Subject }
  /** A page is no longer shown: its memory can be used again. */
  | ({ readonly kind: 'reuse' } & PageBuffers)
  /** What the counting proxies tell. */
  | { readonly kind: 'requests'; readonly events: readonly RequestEvent[] }
  /** What senders have said about their work. */
  | { readonly kind: 'intake'; readonly batch: IntakeBatch }
  | { readonly kind: 'stop' }

export type FromEngine =
  | ({
      readonly kind: 'page'
      readonly textLength: number
      readonly openMetricsLength: number
      readonly at: Seconds
      readonly duration: Seconds
    } & PageBuffers)
  /** Only a new process can go on, for example after the driver was replaced underneath. */
  | { readonly kind: 'must-restart'; readonly reason: string }
  | { readonly kind: 'notices'; readonly notices: readonly Notice[] }
  | { readonly kind: 'report'; readonly id: number; readonly content: unknown }
  | { readonly kind: 'report-failed'; readonly id: number; readonly reason: string }
