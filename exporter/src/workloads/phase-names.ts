/** What phases may be called. Names become labels, so that most are from one short list. */

/**
 * What training and inference are made of, as frameworks call it (Transformers, Lightning, Composer, DeepSpeed,
 * Megatron). A path says what is part of what; its parts are told by reported durations.
 */
const VOCABULARY: ReadonlySet<string> = new Set([
  'init',
  'compile',
  'load',
  'data',
  'warmup',
  'train',
  'train/data',
  'train/forward',
  'train/loss',
  'train/backward',
  'train/grad_sync',
  'train/optimizer',
  'eval',
  'eval/data',
  'eval/forward',
  'checkpoint',
  'rollout',
  'reward',
  'inference',
  'inference/prefill',
  'inference/decode',
  'idle',
  'unknown',
  'other',
])

/** Of a mark whose sender has kept silent for longer than its lease. */
export const UNKNOWN_PHASE = 'unknown'
/** Of names beyond the most that a workload may have. */
export const OTHER_PHASE = 'other'

/** Names outside the list that one workload, and one user, may have. */
export const MOST_CUSTOM_PHASES = 16

export const isCustomPhase = (phase: string): boolean => !VOCABULARY.has(phase)

const PATH = /^[a-z0-9_.-]{1,40}(?:\/[a-z0-9_.-]{1,40}){0,2}$/

/** @returns the name as a label, in lower case; undefined where it cannot be one */
export function phaseName(text: string): string | undefined {
  const name = text.toLowerCase()
  return PATH.test(name) ? name : undefined
}
