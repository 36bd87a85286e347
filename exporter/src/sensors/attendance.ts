/** Asks every sensor, judges and times it in one place: whatever a sensor does, the tick goes on. */
import type { Domain, DomainComponent, Reading, SensorStatus, Tls } from '../model.ts'
import { elapsed, seconds, type Seconds } from '../units.ts'
import type { Clock } from '../world.ts'
import { Enclosure, type Placement } from './enclosure.ts'
import type { Bookmarks, Outcome, Sensor, Surroundings } from './sensor.ts'

/** A sensor that is made from settings tells them apart: a reload keeps it, and what it remembers, where they are the same. */
export type Attended = Sensor & { readonly settings?: string }

/** What one look at all sensors gave. */
export interface Looks {
  readonly readings: readonly Reading[]
  /** All that are present, with a reading this time or not. */
  readonly domains: readonly Domain[]
  /** Of all devices together. */
  readonly surroundings: Surroundings
  /** Every sensor's, in the order of the sensors. */
  readonly statuses: readonly SensorStatus[]
  /** Those whose state, reason or advice is another than at the look before. */
  readonly changes: readonly SensorStatus[]
}

const DEFECT_ADVICE = 'this is a defect of Wattribute: please report it'
const SILENCE_ADVICE = 'its device or driver hangs: see the kernel log (dmesg)'

export class Attendance {
  readonly #clock: Clock
  readonly #timeout: Seconds
  /** By name, kept when a sensor is replaced: what was counted stays counted. */
  readonly #histories = new Map<string, History>()
  #enclosure = new Enclosure()
  #posts: readonly Post[]

  /** @param timeout how long one look waits for an answer */
  constructor(sensors: readonly Attended[], clock: Clock, timeout: Seconds = seconds(2)) {
    this.#clock = clock
    this.#timeout = timeout
    this.#posts = sensors.map((sensor) => this.#post(sensor))
  }

  get statuses(): readonly SensorStatus[] {
    return this.#posts.flatMap(({ history }) => history.status ?? [])
  }

  /** Up to where the energy of each sensor's counters has been handed out, by sensor. */
  get bookmarks(): Readonly<Record<string, Bookmarks>> {
    return Object.fromEntries(
      Array.from(this.#histories).flatMap(([name, { bookmarks }]) =>
        bookmarks === undefined ? [] : [[name, bookmarks]],
      ),
    )
  }

  /** Ids of the domains that each sensor saw at its newest look. */
  get domains(): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries(this.#posts.map(({ sensor, history }) => [sensor.about.name, history.domains]))
  }

  /** How many looks at each sensor failed so far. */
  get failures(): Readonly<Record<string, number>> {
    return Object.fromEntries(Array.from(this.#histories, ([name, { failures }]) => [name, failures]))
  }

  /** Before the first look: counting goes on from where an earlier run of the exporter stood. */
  resume(bookmarks: Readonly<Record<string, Bookmarks>>, failures: Readonly<Record<string, number>>): void {
    for (const { sensor, history } of this.#posts) {
      const { name } = sensor.about
      const own = bookmarks[name]
      history.bookmarks = own // until its first look: this run may end before
      history.failures = failures[name] ?? 0
      if (own !== undefined) sensor.resume?.(own)
    }
  }

  /** Asks all sensors at the same time; never rejects, and lasts no longer than the timeout. */
  async look(at: Seconds): Promise<Looks> {
    const posts = this.#posts
    const answers = await Promise.all(posts.map((post) => post.ask(at)))
    const changes: SensorStatus[] = []
    answers.forEach((answer, index) => {
      const history = posts[index]?.history
      if (history?.enter(answer, this.#clock.wall()) === true && history.status) changes.push(history.status)
    })
    return {
      ...this.#enclosure.place(
        answers.flatMap(({ outcome }) => ('domains' in outcome ? outcome.domains : [])),
        answers.flatMap(({ outcome }) => (outcome.kind === 'readings' ? outcome.readings : [])),
        at,
      ),
      surroundings: surroundingsIn(answers.map(({ outcome }) => outcome)),
      statuses: posts.flatMap(({ history }) => history.status ?? []),
      changes,
    }
  }

  /** Where domains are to be, whatever their sensors say. */
  place(placement: Placement): void {
    this.#enclosure.rearrange(placement)
  }

  /** Takes over a new list. A sensor of the same name and settings stays; the others are closed. */
  replace(sensors: readonly Attended[]): void {
    const before = new Map(this.#posts.map((post) => [post.sensor.about.name, post]))
    this.#posts = sensors.map((sensor) => {
      const post = before.get(sensor.about.name)
      if (post === undefined || post.sensor.settings !== sensor.settings) return this.#post(sensor)
      before.delete(sensor.about.name)
      void closeQuietly(sensor)
      return post
    })
    for (const { sensor } of before.values()) void closeQuietly(sensor)
  }

  /** Waits no longer than the timeout for a sensor that does not come to its end. */
  async close(): Promise<void> {
    await Promise.all(this.#posts.map(({ sensor }) => within(closeQuietly(sensor), this.#timeout)))
  }

  #post(sensor: Attended): Post {
    const { name } = sensor.about
    const history = this.#histories.get(name) ?? new History(sensor.about)
    history.isConfigured = sensor.isConfigured === true
    history.tls = sensor.tls
    this.#histories.set(name, history)
    return new Post(sensor, history, this.#clock, this.#timeout)
  }
}

interface Answer {
  readonly outcome: Outcome
  readonly duration: Seconds
}

/** One sensor and the read that is under way. */
class Post {
  readonly sensor: Attended
  readonly history: History
  readonly #clock: Clock
  readonly #timeout: Seconds
  /** A read that has not been used yet; `answer` once it has arrived. */
  #pending: { readonly since: Seconds; answer: Answer | undefined } | undefined

  constructor(sensor: Attended, history: History, clock: Clock, timeout: Seconds) {
    this.sensor = sensor
    this.history = history
    this.#clock = clock
    this.#timeout = timeout
  }

  async ask(at: Seconds): Promise<Answer> {
    // A read left over from an earlier look had its time: it is not waited for again.
    if (this.#pending === undefined) await within(this.#start(at), this.#timeout)
    return this.#collect()
  }

  async #start(at: Seconds): Promise<void> {
    const pending = { since: this.#clock.now(), answer: undefined as Answer | undefined }
    this.#pending = pending
    const outcome = await outcomeOf(this.sensor, at)
    pending.answer = { outcome, duration: elapsed(pending.since, this.#clock.now()) }
  }

  #collect(): Answer {
    const pending = this.#pending
    if (pending?.answer !== undefined) {
      this.#pending = undefined
      return pending.answer
    }
    const why = `did not answer within ${this.#timeout} s`
    const duration = elapsed(pending?.since ?? this.#clock.now(), this.#clock.now())
    return { outcome: { kind: 'failed', why, advice: SILENCE_ADVICE }, duration }
  }
}

/** What is known of a sensor over time. */
class History {
  status: SensorStatus | undefined
  bookmarks: Bookmarks | undefined
  domains: readonly string[] = []
  failures = 0
  isConfigured = false
  tls: Tls | undefined
  readonly #name: string
  readonly #components: readonly DomainComponent[]

  constructor({ name, components }: Sensor['about']) {
    this.#name = name
    this.#components = components
  }

  /** @returns whether its state, reason or advice has changed */
  enter({ outcome, duration }: Answer, wall: Seconds): boolean {
    const before = this.status
    const polling = 'polling' in outcome ? outcome.polling : undefined
    const hasRead = outcome.kind === 'readings' && hasEnergy(outcome)
    this.domains = 'domains' in outcome ? outcome.domains.map(({ id }) => id) : []
    if ('bookmarks' in outcome) this.bookmarks = outcome.bookmarks
    if (outcome.kind === 'failed' && polling?.isNews !== false) this.failures += 1
    const status: SensorStatus = {
      name: this.#name,
      state: outcome.kind,
      ...complaintOf(outcome),
      components: this.#components,
      unreadable: this.#unreadableIn(outcome),
      onceSeen: this.isConfigured || before?.onceSeen === true || hasRead,
      tls: this.tls,
      failures: this.failures,
      lastDuration: polling?.took ?? duration,
      lastReadingWall: hasRead ? wall : before?.lastReadingWall,
    }
    this.status = status
    return (
      before?.state !== status.state || before.reason !== status.reason || before.advice !== status.advice
    )
  }

  #unreadableIn(outcome: Outcome): readonly DomainComponent[] {
    switch (outcome.kind) {
      case 'readings':
      case 'warming-up':
        return Array.from(new Set(outcome.troubles.map(({ component }) => component)))
      case 'absent':
        return []
      case 'failed':
        return this.#components
    }
  }
}

function complaintOf(outcome: Outcome): Pick<SensorStatus, 'reason' | 'advice'> {
  switch (outcome.kind) {
    case 'absent':
    case 'failed':
      return { reason: outcome.why, advice: outcome.advice }
    case 'readings':
    case 'warming-up': {
      const [first, ...others] = outcome.troubles
      if (first === undefined) return { reason: '', advice: '' }
      const more = others.length === 0 ? '' : ` (and ${others.length} more)`
      return { reason: `${first.domain}: ${first.why}${more}`, advice: first.advice }
    }
  }
}

function hasEnergy({ readings, surroundings }: Outcome & { kind: 'readings' }): boolean {
  return readings.length + (surroundings?.zoneReadings.length ?? 0) > 0
}

function surroundingsIn(outcomes: readonly Outcome[]): Surroundings {
  const all = outcomes.flatMap((outcome) => ('surroundings' in outcome ? (outcome.surroundings ?? []) : []))
  return {
    zoneMeters: all.flatMap(({ zoneMeters }) => zoneMeters),
    zoneReadings: all.flatMap(({ zoneReadings }) => zoneReadings),
    gauges: all.flatMap(({ gauges }) => gauges),
    devices: all.flatMap(({ devices }) => devices),
  }
}

/** A throw is a defect of the sensor, whether it happens at once or later. */
async function outcomeOf(sensor: Sensor, at: Seconds): Promise<Outcome> {
  try {
    return await sensor.read(at)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    return { kind: 'failed', why, advice: DEFECT_ADVICE }
  }
}

/** Comes back when the work is done or the time is over, whichever is first. */
async function within(work: Promise<void>, timeout: Seconds): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeIsOver = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeout * 1000)
  })
  await Promise.race([work, timeIsOver])
  clearTimeout(timer)
}

/** The sensor goes away: nobody is left whom its last defect could harm. */
async function closeQuietly(sensor: Sensor): Promise<void> {
  try {
    await sensor.close()
  } catch {
    return
  }
}
