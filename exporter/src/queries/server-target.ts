/** One inference server whose metrics are read: what it has answered since the look before, or why that is not known. */
import { normaliseModel } from '../workloads/model-names.ts'
import {
  PROCESS_START,
  QueryMeter,
  type Look,
  type ModelDelta,
  type Watch,
} from '../workloads/query-meter.ts'
import type { QueryReport, QuerySource } from '../workloads/query-report.ts'
import { SampleParser, type Sample } from '../workloads/sample-parser.ts'
import { namesOf, type ServerPreset } from '../workloads/server-preset.ts'
import { everyPresetName, presetOf, presetsNamed } from '../workloads/server-presets.ts'
import { NoMetrics, scrape, type Access } from './scrape.ts'

/** Whose queries they are. */
export interface QueryOwner {
  readonly workload: string
  readonly namespace: string
  /** What is known of the model from elsewhere; empty where nothing is. */
  readonly model: string
  readonly variant: string
}

/** Where to look, with what is known of the server there. */
export interface TargetSettings {
  /** Without a path. Several: the same server at several addresses, the first that answers counts. */
  readonly bases: readonly string[]
  /** Empty: those of the preset. */
  readonly path: string
  /** Name of the preset; empty: told from the page. */
  readonly server: string
  readonly owner: QueryOwner
  /** What the server calls its model is of no account. */
  readonly modelIsGiven: boolean
  readonly isConfigured: boolean
  readonly access: Access
}

export interface LookLimits {
  readonly timeoutSeconds: number
  readonly mostBytes: number
  readonly signal: AbortSignal
}

export interface TargetLook {
  readonly look: Look
  readonly reports: readonly QueryReport[]
  /** What could not be read of the page; empty when all was. */
  readonly flaw: string
}

/** Where a server was found to speak. */
interface Place {
  readonly url: string
  readonly preset: ServerPreset
  readonly meter: QueryMeter
}

export class ServerTarget {
  readonly settings: TargetSettings
  /** What is known of it may become more. */
  owner: QueryOwner
  #place: Place | undefined
  #sawNobody = false

  constructor(settings: TargetSettings) {
    this.settings = settings
    this.owner = settings.owner
  }

  /** The page that was read last; else the first that would be. */
  get url(): string {
    return this.#place?.url ?? `${this.settings.bases[0] ?? ''}${this.#paths()[0] ?? ''}`
  }

  /** What it is: as the page says, else as it is configured or recognised. */
  get server(): string {
    return this.#place?.preset.name ?? this.settings.server
  }

  get source(): QuerySource {
    if (this.settings.isConfigured) return 'configured'
    return this.#place?.preset.isGateway === true ? 'gateway' : 'server'
  }

  /**
   * Reads the metrics once.
   * @param watch since when this machine is looked at, and whether this server was seen to start
   * @throws NoMetrics
   */
  async look(watch: Watch, limits: LookLimits): Promise<TargetLook> {
    try {
      const { place: found, samples, flaw } = await this.#read(limits)
      const sawStart = watch.sawStart || this.#sawNobody
      // nobody was there in between: it has started anew, even where its counters are beyond where they stood
      const place = this.#sawNobody ? { ...found, meter: new QueryMeter(found.preset) } : found
      this.#sawNobody = false
      this.#place = place
      const look = place.meter.see(samples, { ...watch, sawStart })
      return {
        look,
        reports: look.models.flatMap((model) => this.#reportsOf(model, look.models.length === 1)),
        flaw,
      }
    } catch (cause) {
      if (cause instanceof NoMetrics && cause.kind === 'nobody') this.#sawNobody = true
      throw cause
    }
  }

  /** Where it stood is forgotten: what happens until the next look is not counted. */
  forget(): void {
    this.#place = undefined
  }

  async #read(limits: LookLimits): Promise<{ place: Place; samples: readonly Sample[]; flaw: string }> {
    if (this.#place !== undefined) {
      const { url, preset } = this.#place
      const page = await this.#pageAt(url, limits, new Set([...namesOf(preset), PROCESS_START]))
      if (presetIn(page.samples, [preset]) === undefined) throw noMetricsOf(preset.name)
      return { place: this.#place, ...page }
    }
    return this.#find(limits)
  }

  /** Tries addresses and paths one after the other. */
  async #find(limits: LookLimits): Promise<{ place: Place; samples: readonly Sample[]; flaw: string }> {
    let failure: NoMetrics | undefined
    for (const base of this.settings.bases) {
      for (const path of this.#paths()) {
        const url = `${base}${path}`
        try {
          const page = await this.#pageAt(url, limits, new Set([...everyPresetName(), PROCESS_START]))
          const preset = presetIn(page.samples, this.#presets())
          if (preset !== undefined) return { place: { url, preset, meter: new QueryMeter(preset) }, ...page }
          failure ??= noMetricsOf(this.settings.server)
        } catch (cause) {
          if (!(cause instanceof NoMetrics)) throw cause
          failure ??= cause
          if (cause.kind !== 'other') break // nobody who would answer at another path
        }
      }
    }
    throw advised(failure ?? new NoMetrics('silent', 'there is no address to ask'), this.settings.server)
  }

  async #pageAt(
    url: string,
    limits: LookLimits,
    names: ReadonlySet<string>,
  ): Promise<{ readonly samples: readonly Sample[]; readonly flaw: string }> {
    const parser = new SampleParser(names)
    const { access } = this.settings
    await scrape({ url: new URL(url), access, ...limits }, (piece) => parser.push(piece))
    const samples = parser.end()
    const flaw =
      parser.skipped === 0 ? '' : `${parser.skipped} of its series are beyond the limit and not counted`
    return { samples, flaw }
  }

  #presets(): readonly ServerPreset[] | undefined {
    return this.settings.isConfigured && this.settings.server !== ''
      ? presetsNamed(this.settings.server)
      : undefined
  }

  #paths(): readonly string[] {
    const { path, server } = this.settings
    if (path !== '') return [path]
    const paths = presetsNamed(server).flatMap((preset) => preset.paths)
    return Array.from(new Set(paths.length > 0 ? paths : ['/metrics', '/v1/metrics', '/prometheus/metrics']))
  }

  #reportsOf(
    { model: spoken, amounts, estimatedQueries }: ModelDelta,
    isOnly: boolean,
  ): readonly QueryReport[] {
    const { owner } = this
    const { modelIsGiven } = this.settings
    const said = modelIsGiven ? { model: '', variant: '' } : normaliseModel(spoken)
    const labels = {
      workload: owner.workload,
      namespace: owner.namespace,
      model: said.model || owner.model,
      variant: said.variant || (isOnly ? owner.variant : ''),
      server: this.server,
      source: this.source,
    }
    return [
      ...(Object.keys(amounts).length > 0 ? [{ ...labels, ...amounts, isEstimated: false }] : []),
      ...(estimatedQueries !== undefined
        ? [{ ...labels, queries: estimatedQueries, isEstimated: true }]
        : []),
    ]
  }
}

/** @param expected undefined: whoever it is */
function presetIn(
  samples: readonly Sample[],
  expected: readonly ServerPreset[] | undefined,
): ServerPreset | undefined {
  const names = new Set(samples.map(({ name }) => name))
  if (expected === undefined) return presetOf(names)
  return (
    expected.find(({ detect }) => detect.some((all) => all.every((name) => names.has(name)))) ??
    expected.find((preset) => namesOf(preset).some((name) => names.has(name)))
  )
}

/** Somebody answers, and not with metrics: perhaps they are only to be turned on. */
function advised(failure: NoMetrics, server: string): NoMetrics {
  const advice = presetsNamed(server).find((preset) => preset.advice !== undefined)?.advice
  return failure.kind === 'other' && advice !== undefined
    ? new NoMetrics('other', `${failure.message}; ${advice}`)
    : failure
}

const noMetricsOf = (server: string): NoMetrics =>
  new NoMetrics(
    'other',
    `there is no counter of ${server === '' ? 'a server that is known' : server} on its page`,
  )
