/**
 * Power figures that have to be waited for (ACPI firmware, I2C, a BMC), integrated over time. No figure is asked for
 * twice at once, and no tick waits long: what comes late counts from the instant at which it was asked for.
 *
 * Figures of the moment are also sampled between the looks, at random instants: regular sampling of a load with a
 * period of its own is wrong by up to 64 % (https://arxiv.org/abs/2312.02741).
 */
import type { Domain, Reading } from '../model.ts'
import { elapsed, seconds, type Seconds, type Watts } from '../units.ts'
import { Unreadable, type World } from '../world.ts'
import { PowerIntegral } from './power-integral.ts'
import { LOST_AFTER_SECONDS, type Outcome, type Trouble } from './sensor.ts'

/** What a driver says: power, and over how long before the question it is a mean (0: it is of the moment). */
export interface PowerFigure {
  readonly watts: Watts
  readonly averagedOver: Seconds
}

/** A domain whose power can be asked for. */
export interface PowerMeter {
  readonly domain: Domain
  /** Files that are read at the same time. */
  readonly files: readonly string[]
  /** @returns undefined when the texts hold no power that is physically possible */
  readonly figureIn: (texts: readonly string[]) => PowerFigure | undefined
}

export interface SamplerOptions {
  /** What to do about files that cannot be read or hold no figure. */
  readonly adviceFor: (kind: Unreadable['kind']) => string
  /** How often it is sampled beside the looks, on average; 0: not at all. */
  readonly samplesPerSecond: number
}

/** A look waits this long for figures; a tick is late by no more. */
const PATIENCE = seconds(0.05)
/** After so long without an answer the driver is believed to hang. */
const SILENT_AFTER_SECONDS = 5

/** What is known of one meter. */
interface State {
  /** As it was at the newest look. */
  meter: PowerMeter
  readonly integral: PowerIntegral
  /** When the question was put that has no answer yet. */
  askedAt: Seconds | undefined
  /** It was put between two looks: no look has waited for it yet. */
  isBetween: boolean
  answer: Promise<void>
  trouble: Trouble | undefined
}

export class PowerSampler {
  readonly #world: World
  readonly #options: SamplerOptions
  readonly #states = new Map<string, State>()
  #present: readonly State[] = []
  #hasRead = false
  #callOff: (() => void) | undefined

  constructor(world: World, options: SamplerOptions) {
    this.#world = world
    this.#options = options
  }

  /** @param meters all that are present, at least one; each domain once */
  async look(at: Seconds, meters: readonly PowerMeter[]): Promise<Outcome> {
    this.rest() // a sample that is taken while this look waits would be later than the look
    this.#present = meters.map((meter) => this.#stateOf(meter))
    await answersOf(this.#present.filter(({ isBetween }) => isBetween))
    for (const state of this.#present) state.isBetween = false
    const asked = this.#present.filter((state) => this.#ask(state, at, false))
    await answersOf(asked)
    this.#sampleOn()
    const outcomes = this.#present.map((state) => this.#outcomeOf(state, at))
    const troubles = outcomes.flatMap(({ trouble }) => trouble ?? [])
    const domains = outcomes.flatMap(({ domain }) => domain ?? [])
    const readings = outcomes.flatMap(({ reading }) => reading ?? [])
    if (domains.length === 0 && troubles.length > 0) return failureOf(troubles)
    this.#hasRead ||= readings.length > 0
    const isLate = this.#hasRead && this.#present.some(({ askedAt }) => askedAt !== undefined)
    // An answer that is late this time is no change of state.
    return readings.length > 0 || isLate
      ? { kind: 'readings', readings, domains, troubles }
      : { kind: 'warming-up', domains, troubles }
  }

  /** No samples between looks until the next look. */
  rest(): void {
    this.#callOff?.()
    this.#callOff = undefined
  }

  close(): void {
    this.rest()
    this.#states.clear()
    this.#hasRead = false
  }

  #stateOf(meter: PowerMeter): State {
    const { id } = meter.domain
    const known = this.#states.get(id)
    if (known !== undefined) {
      known.meter = meter
      return known
    }
    const state: State = {
      meter,
      integral: new PowerIntegral(seconds(LOST_AFTER_SECONDS)),
      askedAt: undefined,
      isBetween: false,
      answer: Promise.resolve(),
      trouble: undefined,
    }
    this.#states.set(id, state)
    return state
  }

  /** @returns whether it was asked now: one that still owes an answer is not */
  #ask(state: State, at: Seconds, isBetween: boolean): boolean {
    if (state.askedAt !== undefined) return false
    state.askedAt = at
    state.isBetween = isBetween
    state.answer = this.#answer(state, at)
    return true
  }

  /** Never rejects. */
  async #answer(state: State, at: Seconds): Promise<void> {
    const { meter } = state
    const texts = await Promise.all(meter.files.map((path) => this.#world.files.readSlowText(path)))
    state.askedAt = undefined
    const unreadable = texts.find((text) => text instanceof Unreadable)
    if (unreadable instanceof Unreadable) {
      state.trouble = this.#troubleOf(meter, String(unreadable), unreadable.kind)
      return
    }
    const figure = meter.figureIn(texts as readonly string[])
    if (figure === undefined) {
      state.trouble = this.#troubleOf(meter, `no usable power in ${meter.files.join(' and ')}`, 'broken')
      return
    }
    state.trouble = undefined
    state.integral.add({ at, ...figure })
  }

  #outcomeOf(
    { meter, integral, askedAt, trouble }: State,
    at: Seconds,
  ): { readonly trouble?: Trouble; readonly domain?: Domain; readonly reading?: Reading } {
    if (askedAt !== undefined && elapsed(askedAt, at) >= SILENT_AFTER_SECONDS) {
      return { trouble: this.#troubleOf(meter, `the driver does not answer for ${meter.files[0]}`, 'broken') }
    }
    if (trouble !== undefined) return { trouble }
    const { domain } = meter
    const to = integral.newest?.at
    if (to === undefined) return {}
    const taken = integral.take()
    return taken === undefined ? { domain } : { domain, reading: { domain, ...taken, to } }
  }

  #troubleOf({ domain: { id, component } }: PowerMeter, why: string, kind: Unreadable['kind']): Trouble {
    return { domain: id, component, why, advice: this.#options.adviceFor(kind) }
  }

  #sampleOn(): void {
    const { samplesPerSecond } = this.#options
    if (samplesPerSecond === 0) return
    const delay = seconds((0.5 + Math.random()) / samplesPerSecond)
    this.#callOff = this.#world.clock.after(delay, () => {
      const at = this.#world.clock.now()
      for (const state of this.#present) this.#ask(state, at, true)
      this.#sampleOn()
    })
  }
}

function failureOf([first, ...others]: readonly Trouble[]): Outcome {
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`
  return { kind: 'failed', why: `${first?.domain}: ${first?.why}${more}`, advice: first?.advice ?? '' }
}

/** Waits a little, in real time: a driver does not know of other clocks. */
async function answersOf(states: readonly State[]): Promise<void> {
  if (states.length === 0) return
  let timer: NodeJS.Timeout | undefined
  const timeIsOver = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PATIENCE * 1000)
  })
  await Promise.race([Promise.all(states.map(({ answer }) => answer)), timeIsOver])
  clearTimeout(timer)
}
