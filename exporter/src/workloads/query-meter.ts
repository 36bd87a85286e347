/**
 * What an inference server has answered between two looks at its metrics. Its counters are cumulative and begin at 0
 * when it starts, so each is compared with where it stood; what happened before the first look is not known.
 */
import type { Candidates, Series, ServerPreset } from './server-preset.ts'
import type { Sample } from './sample-parser.ts'
import type { QueryAmounts } from './query-report.ts'

/** One model's part of a look. */
export interface ModelDelta {
  /** As the server calls it; empty where it does not say. */
  readonly model: string
  /** Whole numbers. What the server does not count is absent. */
  readonly amounts: QueryAmounts
  /** Requests concluded from the gauge of running ones, of a server that does not count them. */
  readonly estimatedQueries: number | undefined
}

export interface Look {
  readonly models: readonly ModelDelta[]
  /** Requests being worked on; undefined where the server does not say. */
  readonly running: number | undefined
  /** Requests that wait. */
  readonly waiting: number | undefined
}

/** When the exporter began to look at this machine, and whether it saw this server start after that. */
export interface Watch {
  /** Unix time. */
  readonly since: number
  readonly sawStart: boolean
}

/** Of the Prometheus client libraries: which process of several behind one port has answered. */
export const PROCESS_START = 'process_start_time_seconds'

/** Boot time is only known to the second, and some libraries ask for it anew each time. */
const SAME_START_SECONDS = 2
/** Worker processes behind one port that are told apart. */
const MOST_WORKERS = 32
/** Series whose stand is remembered, per worker process. */
const MOST_SERIES = 20_000
/** Models told apart; the others are one. */
const MOST_MODELS = 64
export const OTHER_MODELS = 'other'

/** One process behind the port, and where its counters stood. */
interface Worker {
  /** Unix time; undefined where it does not say. */
  readonly startedAt: number | undefined
  stands: Map<string, number>
  seenAt: number
}

/** Counted and not yet reported: parts of one, or a debt where cache hits were counted before their prompts. */
interface Owed {
  input: number
  rest: Map<keyof QueryAmounts, number>
  running: number | undefined
}

type Deltas = ReadonlyMap<Sample, number>

export class QueryMeter {
  readonly #preset: ServerPreset
  #workers: Worker[] = []
  readonly #models = new Map<string, Owed>()
  #looks = 0

  constructor(preset: ServerPreset) {
    this.#preset = preset
  }

  /** @param samples of one whole page, those of the preset and `PROCESS_START` at least */
  see(samples: readonly Sample[], watch: Watch): Look {
    this.#looks += 1
    const usable = samples.filter(({ value }) => Number.isFinite(value) && value >= 0)
    const deltas = this.#advance(usable, watch)
    const { requests, computedTokens, promptTokens, cachedTokens, outputTokens, running, waiting } =
      this.#preset
    const sum = (candidates: Candidates, valueOf: (sample: Sample) => number): ReadonlyMap<string, number> =>
      this.#byModel(chosen(candidates, usable), valueOf)
    const delta = (sample: Sample): number => deltas.get(sample) ?? 0
    const fields = {
      queries: sum(requests, delta),
      computed: sum(computedTokens, delta),
      prompt: sum(promptTokens, delta),
      cached: sum(cachedTokens, delta),
      output: sum(outputTokens, delta),
      running: sum(running, ({ value }) => value),
    }
    const models = new Set(Object.values(fields).flatMap((field) => Array.from(field.keys())))
    const ofModel = (model: string): ModelDelta => {
      const owed = this.#owed(model)
      const output = fields.output.get(model)
      const cached = fields.cached.get(model)
      return {
        model,
        estimatedQueries: this.#falls(owed, fields.running.get(model), output),
        amounts: {
          ...whole('queries', owed, fields.queries.get(model)),
          ...inputOf(owed, fields.computed.get(model), fields.prompt.get(model), cached),
          ...whole('cachedInputTokens', owed, cached),
          ...whole('outputTokens', owed, output),
        },
      }
    }
    return {
      models: Array.from(models, ofModel).filter(saysSomething),
      running: total(fields.running),
      waiting: total(sum(waiting, ({ value }) => value)),
    }
  }

  /** By how much each counter has grown since the look before. */
  #advance(samples: readonly Sample[], watch: Watch): Deltas {
    const startedAt = samples.find(({ name }) => name === PROCESS_START)?.value
    const { worker, isNew } = this.#worker(startedAt)
    worker.seenAt = this.#looks
    const isUnknownPast = isNew && !(startedAt === undefined ? watch.sawStart : startedAt >= watch.since)
    const deltas = new Map<Sample, number>()
    const seen = new Map<string, number>()
    for (const sample of samples) {
      const key = keyOf(sample)
      const before = worker.stands.get(key) ?? (isUnknownPast ? sample.value : 0)
      deltas.set(sample, sample.value >= before ? sample.value - before : sample.value)
      seen.set(key, sample.value)
    }
    if (worker.stands.size + seen.size > MOST_SERIES) worker.stands = seen
    else for (const [key, value] of seen) worker.stands.set(key, value)
    return deltas
  }

  #worker(startedAt: number | undefined): { readonly worker: Worker; readonly isNew: boolean } {
    const known = this.#workers.find((one) => isSameStart(one.startedAt, startedAt))
    if (known !== undefined) return { worker: known, isNew: false }
    const worker: Worker = { startedAt, stands: new Map(), seenAt: this.#looks }
    this.#workers.push(worker)
    if (this.#workers.length > MOST_WORKERS) {
      const oldest = this.#workers.reduce((one, other) => (other.seenAt < one.seenAt ? other : one))
      this.#workers = this.#workers.filter((one) => one !== oldest)
    }
    return { worker, isNew: true }
  }

  #byModel(samples: readonly Sample[], valueOf: (sample: Sample) => number): ReadonlyMap<string, number> {
    const sums = new Map<string, number>()
    for (const sample of samples) {
      const model = this.#modelOf(sample)
      sums.set(model, (sums.get(model) ?? 0) + valueOf(sample))
    }
    return sums
  }

  #modelOf({ labels }: Sample): string {
    const label = this.#preset.modelLabels.find((name) => labels.has(name))
    const model = label === undefined ? '' : (labels.get(label) ?? '')
    if (!this.#models.has(model) && this.#models.size >= MOST_MODELS) return OTHER_MODELS
    this.#owed(model)
    return model
  }

  #owed(model: string): Owed {
    let owed = this.#models.get(model)
    if (owed === undefined) {
      owed = { input: 0, rest: new Map(), running: undefined }
      this.#models.set(model, owed)
    }
    return owed
  }

  /** Requests that came and went between two looks leave no trace but tokens: those count as one. */
  #falls(owed: Owed, running: number | undefined, output: number | undefined): number | undefined {
    if (this.#preset.requests.length > 0 || running === undefined) return undefined
    const before = owed.running
    owed.running = running
    if (before === undefined) return 0
    if (before === 0 && running === 0) return (output ?? 0) > 0 ? 1 : 0
    return Math.floor(Math.max(0, before - running))
  }
}

const saysSomething = ({ amounts, estimatedQueries }: ModelDelta): boolean =>
  estimatedQueries !== undefined || Object.keys(amounts).length > 0

const isSameStart = (one: number | undefined, other: number | undefined): boolean =>
  one === undefined || other === undefined ? one === other : Math.abs(one - other) <= SAME_START_SECONDS

const keyOf = ({ name, labels }: Sample): string =>
  [name, ...Array.from(labels, ([label, value]) => `${label}\0${value}`).sort()].join('\0')

/** The samples of the first candidate that has any. */
function chosen(candidates: Candidates, samples: readonly Sample[]): readonly Sample[] {
  for (const candidate of candidates) {
    const fitting = samples.filter((sample) => candidate.some((series) => fits(series, sample)))
    if (fitting.length > 0) return fitting
  }
  return []
}

const fits = ({ name, where }: Series, sample: Sample): boolean =>
  sample.name === name &&
  Object.entries(where ?? {}).every(([label, values]) => values.includes(sample.labels.get(label) ?? ''))

function inputOf(
  owed: Owed,
  computed: number | undefined,
  prompt: number | undefined,
  cached: number | undefined,
): QueryAmounts {
  const more = computed ?? (prompt === undefined ? undefined : prompt - (cached ?? 0))
  if (more === undefined) return {}
  owed.input += more
  const inputTokens = Math.max(0, Math.floor(owed.input))
  owed.input -= inputTokens
  return { inputTokens }
}

function whole(name: keyof QueryAmounts, owed: Owed, more: number | undefined): QueryAmounts {
  if (more === undefined) return {}
  const all = (owed.rest.get(name) ?? 0) + more
  const amount = Math.floor(all)
  owed.rest.set(name, all - amount)
  return { [name]: amount }
}

const total = (values: ReadonlyMap<string, number>): number | undefined =>
  values.size === 0 ? undefined : Array.from(values.values()).reduce((sum, one) => sum + one, 0)
