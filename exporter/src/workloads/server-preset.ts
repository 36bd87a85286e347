/** What a preset says about an inference server: where its counters are and what they mean. Data, never code. */

/** All samples of one name, those with certain labels only where `where` is given. They add up. */
export interface Series {
  readonly name: string
  /** Values of a label, one of which a sample must have. */
  readonly where?: Readonly<Record<string, readonly string[]>>
}

/**
 * Names change between versions: the first of these of which a page has samples counts. The list of a candidate adds up,
 * such as the hits of two caches.
 */
export type Candidates = readonly (readonly Series[])[]

export interface ServerPreset {
  /** The label `server`, and what the configuration calls it. */
  readonly name: string
  /** Where the names come from: a version or commit, and a file or page. */
  readonly source: string
  /** What turns its metrics on, where they are not there by themselves. */
  readonly advice?: string
  /** It passes queries on to other servers, which may count them as well. */
  readonly isGateway?: true
  /** Where the metrics are; the first that has any counts. */
  readonly paths: readonly string[]
  /** Of a page with one sample of every name in one of these lists it is believed that this server wrote it. */
  readonly detect: readonly (readonly string[])[]
  /** Requests that were answered. Empty: it does not count them. */
  readonly requests: Candidates
  /** Prompt tokens that were worked on. */
  readonly computedTokens: Candidates
  /** All prompt tokens, those out of a cache included; used where the ones above are not there. */
  readonly promptTokens: Candidates
  readonly cachedTokens: Candidates
  readonly outputTokens: Candidates
  /** Gauge of the requests being worked on; where requests are not counted, they are concluded from its falls. */
  readonly running: Candidates
  readonly waiting: Candidates
  /** Labels that name the model; the first that a sample has counts. Empty: the server has one and does not say which. */
  readonly modelLabels: readonly string[]
}

/** Every name that a preset asks for. */
export const namesOf = (preset: ServerPreset): readonly string[] => [
  ...preset.detect.flat(),
  ...[
    preset.requests,
    preset.computedTokens,
    preset.promptTokens,
    preset.cachedTokens,
    preset.outputTokens,
    preset.running,
    preset.waiting,
  ].flatMap((candidates) => candidates.flat().map(({ name }) => name)),
]
