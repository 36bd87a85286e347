/**
 * What each workload was doing, from the marks of its processes: splits what consumers did by the phases that they
 * were in, and counts the time. docs/design.md section 5 has the semantics.
 *
 * A consumer is in the phase that it has marked itself, or else in the one that the newest mark of its workload says.
 * Each instant has one phase, the innermost; so a workload's phases and its time without one make up all of it.
 */
import type { AcceleratorActivity, AcceleratorUser, Activity, Consumer, Names, Naming } from '../model.ts'
import { nanoseconds, seconds, type Seconds } from '../units.ts'
import { Claims, type ProcessOf } from './claims.ts'
import { claimKey, type Claim, type SenderMarks } from './marks.ts'
import {
  PhaseCounts,
  type CountsPolicy,
  type CountsRecords,
  type Now,
  type WorkloadName,
} from './phase-counts.ts'
import { PhaseLeaders, says, type Home, type Speaking } from './phase-leaders.ts'
import { PhaseNaming, type Awaited } from './phase-naming.ts'
import type { ReportInterval } from './phase-reports.ts'
import { lengthOfUnion, type Span } from './span-union.ts'
import { PhaseSender, type SenderRecord } from './phase-sender.ts'

/** What a tick knows of the machine. */
export interface Surroundings {
  /** Unix time at the end of the tick. */
  readonly wall: Seconds
  /** Without a phase; undefined while they are being looked up. */
  readonly namesOf: (consumer: Consumer) => Names | undefined
  /** The process that a claim is about; undefined once it is gone. */
  readonly processOf: ProcessOf
}

/** Plain JSON. */
export interface PhasesRecords extends CountsRecords {
  readonly senders: readonly SenderRecord[]
  /** Keys of senders that are gone. */
  readonly gone: readonly string[]
}

/** Senders that are known at a time. */
const MOST_SENDERS = 4096
/** What nobody has told apart is no workload: there a mark speaks for its sender alone. */
const isCatchAll = ({ facts: { workload, kind } }: Names): boolean => workload === 'other' && kind === 'other'

export class Phases {
  readonly counts: PhaseCounts
  readonly #senders = new Map<string, PhaseSender>()
  /** Where senders were when they were seen last. */
  readonly #homes = new WeakMap<PhaseSender, Home>()
  readonly #naming = new PhaseNaming()
  readonly #claims = new Claims()
  readonly #own = new WeakMap<PhaseSender, WorkloadName & { readonly said: Map<string, number> }>()
  /** What was counted before the workload had a name. */
  readonly #unnamedSeconds = new WeakMap<PhaseSender, Map<string, number>>()
  #gone: string[] = []
  #at: Seconds

  constructor(policy: CountsPolicy, at: Seconds, openingEnds: Seconds) {
    this.counts = new PhaseCounts(policy, openingEnds)
    this.#at = at
  }

  /** @returns how many marks were of senders beyond the most that are known */
  take(senders: readonly SenderMarks[]): number {
    let lost = 0
    for (const { who, marks } of senders) {
      const sender = this.#sender(who)
      if (sender === undefined) lost += marks.length
      else for (const mark of marks) sender.take(mark)
    }
    return lost
  }

  /** @returns the activity with consumers in phases in place of those that are in one */
  apply(activity: Activity, around: Surroundings): Activity {
    const now: Now = { at: activity.to, wall: around.wall }
    this.#at = activity.to
    if (this.#senders.size === 0) {
      this.counts.sweep(now.at)
      return activity
    }
    const { speaking, gone } = this.#listen(activity, around)
    const leaders = new PhaseLeaders(speaking)
    this.#count(speaking, leaders, now)
    const split = this.#split(activity, speaking, leaders, around)
    for (const key of gone) this.#forget(key, now)
    this.counts.sweep(now.at)
    return split
  }

  /**
   * What a consumer is called in the phase that it is in.
   * @param consumer as `apply` has given it out
   * @param names of the consumer without a phase
   * @returns undecided while a report is awaited that says more
   */
  namingOf(consumer: Consumer, names: Names): Naming {
    return this.#naming.namingOf(consumer, names)
  }

  get openMarks(): number {
    return Array.from(this.#senders.values()).filter(({ hasOpenPhase }) => hasOpenPhase).length
  }

  changes(): PhasesRecords | undefined {
    const counts = this.counts.changes()
    const senders = Array.from(this.#senders.values()).filter(({ isUnkept }) => isUnkept)
    if (counts === undefined && senders.length === 0 && this.#gone.length === 0) return undefined
    for (const sender of senders) sender.isUnkept = false
    const gone = this.#gone
    this.#gone = []
    return {
      ...(counts ?? { series: [], runs: [], dropped: this.counts.dropped }),
      senders: senders.map((sender) => sender.record()),
      gone,
    }
  }

  state(): PhasesRecords {
    const senders = Array.from(this.#senders.values(), (sender) => sender.record())
    return { ...this.counts.state(), senders: senders.filter(({ open }) => open.length > 0), gone: [] }
  }

  /** Takes up what an earlier run has kept: a state, or changes after it, in order. */
  restore(records: PhasesRecords, at: Seconds): void {
    this.counts.restore(records, at)
    for (const record of records.senders) {
      this.#senders.set(claimKey(record.who), PhaseSender.fromRecord(record, at))
    }
    for (const key of records.gone) this.#senders.delete(key)
  }

  #sender(who: Claim): PhaseSender | undefined {
    const key = claimKey(who)
    const known = this.#senders.get(key)
    if (known !== undefined) return known
    if (this.#senders.size >= MOST_SENDERS) return undefined
    const sender = new PhaseSender(who, this.#at)
    this.#senders.set(key, sender)
    return sender
  }

  #forget(key: string, { at }: Now): void {
    const sender = this.#senders.get(key)
    if (sender === undefined) return
    sender.leave(at)
    this.#senders.delete(key)
    this.#gone.push(key)
  }

  /** What all senders did in this tick; those that are gone are heard for the last time. */
  #listen(
    activity: Activity,
    around: Surroundings,
  ): { readonly speaking: ReadonlyMap<string, Speaking>; readonly gone: readonly string[] } {
    const { from, to } = activity
    const places = this.#claims.placesOf(
      Array.from(this.#senders.values(), ({ who }) => who),
      activity.groups,
    )
    const speaking = new Map<string, Speaking>()
    const gone: string[] = []
    for (const [key, sender] of this.#senders) {
      const consumer = this.#claims.consumerOf(sender.who, places, around.processOf)
      const told = sender.advance(from, to)
      if (consumer === undefined && sender.mayStillCome && !this.#homes.has(sender)) continue
      if (consumer === undefined) gone.push(key)
      const home = consumer === undefined ? this.#homes.get(sender) : homeOf(consumer, around)
      const ended = consumer === undefined ? [...told.ended, ...sender.leave(to)] : told.ended
      if (home === undefined) continue
      this.#homes.set(sender, home)
      const keys = consumer === undefined ? [] : this.#claims.keysOf(consumer)
      const within = keys.slice(keys.indexOf(key) + 1)
      speaking.set(key, { sender, stretches: told.stretches, ended, home, within })
    }
    return { speaking, gone }
  }

  #count(speaking: ReadonlyMap<string, Speaking>, leaders: PhaseLeaders, now: Now): void {
    const marked = new Map<string, Marked>()
    // Those that begin together begin at the same figures.
    for (const { home, sender } of speaking.values())
      if (home.name !== undefined) this.#ownOf(sender, home.name, now)
    for (const one of speaking.values()) {
      const { home, sender } = one
      for (const stretch of one.stretches) {
        if (stretch.phase === '' || stretch.interval !== undefined) continue
        const phase = this.#labelOf(home, stretch.phase, now)
        const spans = leaders.spansOf(one, stretch)
        if (home.name === undefined) this.#keepSeconds(sender, phase, lengthOfUnion(spans))
        else {
          const together = markedIn(marked, home, home.name, phase)
          together.spans.push(...spans)
          together.by.add(sender)
        }
      }
    }
    for (const { name, phase, spans, by } of marked.values()) {
      this.counts.add(name, phase, 'marked', lengthOfUnion(spans), now)
      for (const sender of by) {
        this.counts.level(this.#ownOf(sender, name, now), name, phase, 'marked', now.at)
      }
    }
    for (const one of speaking.values()) this.#countOwn(one, now)
  }

  /** What is known of single processes, and not where in time it was. */
  #countOwn({ sender, ended, home }: Speaking, now: Now): void {
    const { name } = home
    for (const interval of ended) {
      for (const [phase, time] of interval.restSeconds) {
        if (phase !== '') this.#keepSeconds(sender, this.#labelOf(home, phase, now), time)
      }
    }
    if (name === undefined) return
    this.counts.see(name, now.at)
    const said = this.#ownOf(sender, name, now)
    const own = (phase: string, figure: 'marked' | 'reported' | 'steps', amount: number): void =>
      this.counts.addOwn(said, name, phase, figure, amount, now)
    for (const [phase, time] of this.#unnamedSeconds.get(sender) ?? []) own(phase, 'marked', time)
    this.#unnamedSeconds.delete(sender)
    for (const interval of ended) {
      for (const [phase, time] of interval.reportedSeconds) {
        own(this.#labelOf(home, phase, now), 'reported', time)
      }
    }
    for (const { phase, steps, samples } of sender.takeDone()) {
      const label = phase === '' ? '' : this.#labelOf(home, phase, now)
      own(label, 'steps', steps)
      this.counts.add(name, label, 'samples', samples, now)
    }
    if (sender.runStart === undefined) return
    this.counts.startRun(name, seconds(now.wall - Math.max(0, now.at - sender.runStart)), now.at)
    sender.runStart = undefined
  }

  /** What a sender has said of its workload so far. */
  #ownOf(sender: PhaseSender, { workload, namespace }: WorkloadName, { at }: Now): Map<string, number> {
    const known = this.#own.get(sender)
    if (known?.workload === workload && known.namespace === namespace) return known.said
    const said = this.counts.join({ workload, namespace }, at)
    this.#own.set(sender, { workload, namespace, said })
    return said
  }

  #keepSeconds(sender: PhaseSender, phase: string, time: number): void {
    const kept = this.#unnamedSeconds.get(sender) ?? new Map<string, number>()
    kept.set(phase, (kept.get(phase) ?? 0) + time)
    this.#unnamedSeconds.set(sender, kept)
  }

  #awaited(interval: ReportInterval, { home }: Speaking): Awaited {
    return { interval, labelOf: (reported) => this.#labelOf(home, reported, { at: this.#at }) }
  }

  #labelOf({ name }: Home, phase: string, { at }: Pick<Now, 'at'>): string {
    return name === undefined ? phase : this.counts.labelOf(name, phase, at)
  }

  #split(
    activity: Activity,
    speaking: ReadonlyMap<string, Speaking>,
    leaders: PhaseLeaders,
    around: Surroundings,
  ): Activity {
    const known = new Map<Consumer, readonly Part[]>()
    const partsOf = (consumer: Consumer): readonly Part[] => {
      let parts = known.get(consumer)
      if (parts === undefined) {
        parts = this.#partsOf(consumer, activity, speaking, leaders, around)
        known.set(consumer, parts)
      }
      return parts
    }
    return {
      ...activity,
      cpu: activity.cpu.flatMap(({ consumer, cpu }) =>
        partsOf(consumer).map(({ to, share }) => ({ consumer: to, cpu: nanoseconds(cpu * share) })),
      ),
      accelerators: new Map(
        Array.from(activity.accelerators, ([id, accelerator]) => [id, inParts(accelerator, partsOf)]),
      ),
    }
  }

  #leaderOf(
    consumer: Consumer,
    speaking: ReadonlyMap<string, Speaking>,
    leaders: PhaseLeaders,
    around: Surroundings,
  ): Speaking | undefined {
    const keys = this.#claims.keysOf(consumer)
    if (consumer.kind !== 'process') return leaders.leaderOf(keys, homeOf(consumer, around).key)
    const [itself = '', ...within] = keys
    const own = speaking.get(itself)
    return own !== undefined && says(own) ? own : leaders.leaderOf(within, homeOf(consumer, around).key)
  }

  /** In which phases a consumer was for which part of the tick. */
  #partsOf(
    consumer: Consumer,
    activity: Activity,
    speaking: ReadonlyMap<string, Speaking>,
    leaders: PhaseLeaders,
    around: Surroundings,
  ): readonly Part[] {
    const leader = this.#leaderOf(consumer, speaking, leaders, around)
    if (leader === undefined) return [{ to: consumer, share: 1 }]
    const speaksForIt = this.#claims.keysOf(consumer).includes(claimKey(leader.sender.who))
    const length = activity.to - activity.from
    const shares = new Map<Consumer, number>()
    for (const { phase, from, to, interval } of leader.stretches) {
      const label = phase === '' ? '' : this.#labelOf(leader.home, phase, { at: activity.to })
      const awaited = !speaksForIt || interval === undefined ? undefined : this.#awaited(interval, leader)
      const inPhase = this.#naming.consumerIn(consumer, label, awaited)
      shares.set(inPhase, (shares.get(inPhase) ?? 0) + (length > 0 ? (to - from) / length : 1))
    }
    return shares.size === 0
      ? [{ to: consumer, share: 1 }]
      : Array.from(shares, ([to, share]) => ({ to, share }))
  }
}

interface Part {
  readonly to: Consumer
  readonly share: number
}

/** Time that senders of a workload marked with the same phase. */
interface Marked {
  readonly name: WorkloadName
  readonly phase: string
  readonly spans: Span[]
  readonly by: Set<PhaseSender>
}

function homeOf(consumer: Consumer, { namesOf }: Surroundings): Home {
  const names = namesOf(consumer)
  if (names === undefined) {
    return { key: `group ${consumer.group.path}`, name: undefined, isCatchAll: false }
  }
  const { workload, namespace, user } = names.facts
  return {
    // What another user calls the same is not the same: nobody speaks for it.
    key: `workload ${workload}\0${namespace}\0${user}`,
    name: { workload, namespace },
    isCatchAll: isCatchAll(names),
  }
}

function markedIn(marked: Map<string, Marked>, home: Home, name: WorkloadName, phase: string): Marked {
  const key = `${home.key}\0${phase}`
  let found = marked.get(key)
  if (found === undefined) {
    found = { name, phase, spans: [], by: new Set() }
    marked.set(key, found)
  }
  return found
}

function inParts(
  { use, guessed, holders }: AcceleratorActivity,
  partsOf: (consumer: Consumer) => readonly Part[],
): AcceleratorActivity {
  const parts = (user: AcceleratorUser): readonly { to: AcceleratorUser; share: number }[] =>
    typeof user === 'string' ? [{ to: user, share: 1 }] : partsOf(user)
  return {
    use: use.flatMap(({ to, weight }) =>
      parts(to).map((part) => ({ to: part.to, weight: weight * part.share })),
    ),
    guessed: new Set(Array.from(guessed).flatMap((user) => parts(user).map(({ to }) => to))),
    holders: holders.flatMap(({ to, share }) =>
      parts(to).map((part) => ({ to: part.to, share: share * part.share })),
    ),
  }
}
