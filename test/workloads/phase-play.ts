/** A machine of a few processes for the tests of phases: ticks by hand, activity as it would be seen. */
import { identityOf } from '../../exporter/src/activity/identity.ts'
import type {
  AcceleratorActivity,
  Activity,
  Consumer,
  Group,
  Names,
  NameShare,
  Naming,
} from '../../exporter/src/model.ts'
import { nanoseconds, seconds } from '../../exporter/src/units.ts'
import { parseMarkLine } from '../../exporter/src/workloads/mark-grammar.ts'
import type { Claim, Mark } from '../../exporter/src/workloads/marks.ts'
import { Phases } from '../../exporter/src/workloads/phases.ts'
import { namesByPath } from '../../exporter/src/workloads/naming.ts'
import type { PhaseFigure, PhaseRow } from '../../exporter/src/workloads/phase-counts.ts'

export const START = 1000
/** Unix time at START. */
export const START_WALL = 1_790_000_000

export const POLICY = { birthHold: seconds(0), expireAfter: seconds(600), seriesLimit: 20_000 }

export const serviceGroup = (unit: string): Group => {
  const path = `/system.slice/${unit}`
  return { path, identity: identityOf(path) }
}

export const processIn = (group: Group, pid: number, startTicks = pid * 10): Consumer => ({
  kind: 'process',
  group,
  process: { pid, startTicks, comm: `job-${pid}` },
})

export const claimOf = (consumer: Consumer): Claim => {
  if (consumer.kind !== 'process') throw new Error('not a process')
  const { pid, startTicks } = consumer.process
  return { kind: 'process', pid, startTicks }
}

export class PhasePlay {
  phases: Phases
  at = START
  readonly alive = new Set<Consumer>()
  readonly groups = new Set<Group>()
  /** Who has no name yet. */
  readonly nameless = new Set<Consumer>()
  readonly #names = new WeakMap<Group, Names>()

  constructor(policy = POLICY) {
    this.phases = new Phases(policy, seconds(START), seconds(START))
  }

  born(...consumers: readonly Consumer[]): void {
    for (const consumer of consumers) {
      this.alive.add(consumer)
      this.groups.add(consumer.group)
    }
  }

  /** @param offset seconds after the end of the newest tick */
  say(who: Consumer | Claim, line: string, offset = 0): void {
    const mark = parseMarkLine(line)?.mark as Mark
    const claim = 'group' in who ? claimOf(who) : who
    this.phases.take([{ who: claim, marks: [{ ...mark, at: seconds(this.at + offset) }] }])
  }

  /** One tick in which everybody who is given used a second of CPU for each second. */
  tick(
    length: number,
    busy: readonly Consumer[],
    accelerators: ReadonlyMap<string, AcceleratorActivity> = new Map(),
  ): Activity {
    const from = this.at
    this.at = from + length
    const activity: Activity = {
      from: seconds(from),
      to: seconds(this.at),
      cpu: busy.map((consumer) => ({ consumer, cpu: nanoseconds(length * 1e9) })),
      unreadableCpu: nanoseconds(0),
      busyRatio: 1,
      groups: Array.from(this.groups),
      accelerators,
      census: { processes: 1, unreadable: 0, groups: 1, cpuTimeSource: 'clock', limitation: '' },
    }
    return this.phases.apply(activity, {
      wall: seconds(this.wall),
      namesOf: (consumer) => this.namesOf(consumer),
      processOf: (pid, startTicks) =>
        Array.from(this.alive).find(
          (one) => one.kind === 'process' && one.process.pid === pid && one.process.startTicks === startTicks,
        ),
    })
  }

  get wall(): number {
    return START_WALL + this.at - START
  }

  namesOf(consumer: Consumer): Names | undefined {
    if (this.nameless.has(consumer)) return undefined
    let names = this.#names.get(consumer.group)
    if (names === undefined) {
      names = namesByPath(consumer.group.identity)
      this.#names.set(consumer.group, names)
    }
    return names
  }

  callIt({ group }: Consumer, names: Names): void {
    this.#names.set(group, names)
  }

  namingOf(consumer: Consumer): Naming {
    const names = this.namesOf(consumer.doing?.of ?? consumer)
    return names && this.phases.namingOf(consumer, names)
  }

  /** Seconds of CPU by phase, of what is named already; `?` for what waits. */
  cpuByPhase(activity: Activity): Record<string, number> {
    const sums: Record<string, number> = {}
    for (const { consumer, cpu } of activity.cpu) {
      const naming = this.namingOf(consumer)
      const isWaiting = naming === undefined || 'otherwise' in naming
      const shares: readonly NameShare[] = isWaiting
        ? []
        : 'facts' in naming
          ? [{ names: naming, weight: 1 }]
          : naming
      if (isWaiting) sums['?'] = (sums['?'] ?? 0) + cpu / 1e9
      for (const { names, weight } of shares) {
        const { phase } = names.facts
        sums[phase] = (sums[phase] ?? 0) + (cpu / 1e9) * weight
      }
    }
    return sums
  }

  /** What a page would show, by phase. */
  figures(figure: PhaseFigure, workload?: string): Record<string, number> {
    return this.#byPhase(figure, ({ value }) => value, workload)
  }

  /** What has been counted, shown or not, by phase. */
  counted(figure: PhaseFigure): Record<string, number> {
    return this.#byPhase(figure, ({ total }) => total)
  }

  #byPhase(figure: PhaseFigure, what: (row: PhaseRow) => number, workload?: string): Record<string, number> {
    const rows = Array.from(this.phases.counts.rows(seconds(this.at)))
    return Object.fromEntries(
      rows
        .filter((row) => row.figure === figure && (workload === undefined || row.workload === workload))
        .map((row) => [row.phase, Number(what(row).toFixed(6))]),
    )
  }
}
