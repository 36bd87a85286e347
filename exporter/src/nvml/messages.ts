/** What the engine and the thread that calls NVML say to each other. */
import type { Seconds } from '../units.ts'
import type { SessionAnswer } from './session.ts'

export interface NvmlThreadSettings {
  /** Of the library; undefined: where drivers put it. */
  readonly library: string | undefined
  /** Holds one Int32: the index of the device that a call is about, or -1. */
  readonly progress: SharedArrayBuffer
}

export type ToNvml = { readonly kind: 'look'; readonly at: Seconds } | { readonly kind: 'close' }

export type FromNvml = { readonly kind: 'answer'; readonly answer: SessionAnswer }
