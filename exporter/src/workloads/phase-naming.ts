/**
 * Consumers in phases, and what they are called. The ledger keeps accounts per object: there is one for each consumer
 * in each phase, and one for the same names in the same phase.
 */
import type { Consumer, Names, NameShare, Naming } from '../model.ts'
import type { ReportInterval } from './phase-reports.ts'

/** A report that says more about a consumer. */
export interface Awaited {
  readonly interval: ReportInterval
  /** What a reported phase is called. */
  readonly labelOf: (phase: string) => string
}

export class PhaseNaming {
  readonly #inPhase = new WeakMap<Consumer, Map<string, Consumer>>()
  readonly #awaiting = new WeakMap<ReportInterval, Map<Consumer, Map<string, Consumer>>>()
  readonly #awaited = new WeakMap<Consumer, Awaited>()
  readonly #named = new WeakMap<Names, Map<string, Names>>()

  /**
   * What a consumer is called in the phase that it is in.
   * @param consumer as `consumerIn` has given it out
   * @param names of the consumer without a phase
   * @returns undecided while a report is awaited that says more
   */
  namingOf(consumer: Consumer, names: Names): Naming {
    const coarse = this.#namesIn(names, consumer.doing?.phase ?? '')
    const awaited = this.#awaited.get(consumer)
    if (awaited === undefined) return coarse
    const { ratios } = awaited.interval
    if (ratios === undefined) return { otherwise: coarse }
    const shares: NameShare[] = []
    let rest = 1
    for (const [phase, ratio] of ratios) {
      if (ratio <= 0) continue
      rest -= ratio
      shares.push({ names: this.#namesIn(names, awaited.labelOf(phase)), weight: ratio })
    }
    if (rest > 1e-9) shares.push({ names: coarse, weight: rest })
    return shares.length === 0 ? coarse : shares
  }

  /** The same object for the same consumer in the same phase, as long as the same report is awaited. */
  consumerIn(consumer: Consumer, phase: string, awaited: Awaited | undefined): Consumer {
    if (awaited === undefined) {
      return phase === '' ? consumer : inMap(this.#inPhase, consumer, phase)
    }
    let consumers = this.#awaiting.get(awaited.interval)
    if (consumers === undefined) {
      consumers = new Map()
      this.#awaiting.set(awaited.interval, consumers)
    }
    const inPhase = inMap(consumers, consumer, phase)
    if (!this.#awaited.has(inPhase)) this.#awaited.set(inPhase, awaited)
    return inPhase
  }

  /** One object for the same names in the same phase: the ledger keeps an account for it. */
  #namesIn(names: Names, phase: string): Names {
    if (phase === '') return names
    let phases = this.#named.get(names)
    if (phases === undefined) {
      phases = new Map()
      this.#named.set(names, phases)
    }
    let inPhase = phases.get(phase)
    if (inPhase === undefined) {
      inPhase = { ...names, facts: { ...names.facts, phase } }
      phases.set(phase, inPhase)
    }
    return inPhase
  }
}

function inMap(
  map: Pick<WeakMap<Consumer, Map<string, Consumer>>, 'get' | 'set'>,
  of: Consumer,
  phase: string,
): Consumer {
  let phases = map.get(of)
  if (phases === undefined) {
    phases = new Map()
    map.set(of, phases)
  }
  let inPhase = phases.get(phase)
  if (inPhase === undefined) {
    inPhase = { ...of, doing: { of, phase } }
    phases.set(phase, inPhase)
  }
  return inPhase
}
