/** A machine of processes and cgroups for the room that says who is what: nothing of it is real. */
import { identityOf } from '../../exporter/src/activity/identity.ts'
import type {
  Activity,
  Consumer,
  Findings,
  Group,
  ModelLookup,
  Names,
  ProcessSeen,
  WorkloadRule,
} from '../../exporter/src/model.ts'
import { nanoseconds, seconds } from '../../exporter/src/units.ts'
import { WhoIsWhat, type ProcessConsumer } from '../../exporter/src/workloads/who-is-what.ts'
import { seenOf, type Written } from './processes-seen.ts'

interface Living {
  readonly consumer: ProcessConsumer
  readonly parent: number
  seen: ProcessSeen
}

export const nothingFound: Findings = { container: undefined, isOuter: false, job: undefined, user: '' }

export class Populated {
  readonly who: WhoIsWhat
  readonly findings = new Map<string, Findings | undefined>()
  readonly folders = new Map<string, readonly string[] | undefined>()
  /** Pids whose words were read. */
  readonly looks: number[] = []
  readonly #groups = new Map<string, Group>()
  readonly #living = new Map<number, Living>()
  #at = 100
  #argumentsAt = 0

  constructor(rules: readonly WorkloadRule[] = []) {
    this.who = new WhoIsWhat({
      rules,
      find: ({ containerId, podUid, slurmJob, unit }) =>
        this.findings.has(podUid || slurmJob || containerId || unit)
          ? this.findings.get(podUid || slurmJob || containerId || unit)
          : nothingFound,
      door: {
        chainOf: (pid) => {
          this.looks.push(pid)
          return this.#chain(pid)
        },
        isAlive: (pid, startTicks) => this.#living.get(pid)?.seen.startTicks === startTicks,
        modelsAt: ({ path }: ModelLookup) => this.folders.get(path),
      },
    })
  }

  group(path: string): Group {
    const known = this.#groups.get(path)
    if (known !== undefined) return known
    const group = { path, identity: identityOf(path) }
    this.#groups.set(path, group)
    return group
  }

  start(pid: number, path: string, written: string | Written, parent = 0): ProcessConsumer {
    const seen = seenOf(typeof written === 'string' ? { command: written } : written, pid)
    const { startTicks, comm } = seen
    this.#argumentsAt += 1
    const process = { pid, startTicks, comm, argumentsAt: String(this.#argumentsAt) }
    const consumer = { kind: 'process', group: this.group(path), process } as const
    this.#living.set(pid, { consumer, parent, seen })
    return consumer
  }

  /** Another program in the same process; its name may stay. */
  exec({ process }: ProcessConsumer, written: string | Written): void {
    const living = this.#living.get(process.pid)
    if (living === undefined) throw new Error(`no process ${process.pid}`)
    living.seen = seenOf(typeof written === 'string' ? { command: written } : written, process.pid)
    this.#argumentsAt += 1
    Object.assign(process, { comm: living.seen.comm, argumentsAt: String(this.#argumentsAt) })
  }

  end({ process }: ProcessConsumer): void {
    this.#living.delete(process.pid)
  }

  exited(path: string): Consumer {
    return { kind: 'exited', group: this.group(path) }
  }

  /** One second in which these used CPU time and those an accelerator. */
  tick(
    consumers: readonly Consumer[] = Array.from(this.#living.values(), ({ consumer }) => consumer),
    options: {
      readonly milliseconds?: number
      readonly holders?: readonly Consumer[]
      readonly seconds?: number
    } = {},
  ): void {
    const { milliseconds = 500, holders = [], seconds: duration = 1 } = options
    const from = seconds(this.#at)
    this.#at += duration
    const activity: Activity = {
      from,
      to: seconds(this.#at),
      cpu: consumers.map((consumer) => ({ consumer, cpu: nanoseconds(milliseconds * 1e6) })),
      unreadableCpu: nanoseconds(0),
      busyRatio: 0.5,
      groups: Array.from(this.#groups.values()),
      accelerators: new Map([
        [
          'gpu-0',
          { use: [], guessed: new Set(), holders: holders.map((to) => ({ to, share: 1 / holders.length })) },
        ],
      ]),
      census: { processes: 1, unreadable: 0, groups: 1, cpuTimeSource: 'clock', limitation: '' },
    }
    this.who.see(activity)
  }

  names(consumer: Consumer): Names {
    const names = this.who.nameOf(consumer)
    if (names === undefined) throw new Error('it is still being found out')
    return names
  }

  /** The labels as `workload/kind/model/variant`. */
  labels(consumer: Consumer): string {
    const { workload, kind, model, variant } = this.names(consumer).facts
    return [workload, kind, model, variant].join(' | ')
  }

  #chain(pid: number): readonly ProcessSeen[] {
    const living = this.#living.get(pid)
    return living === undefined ? [] : [living.seen, ...this.#chain(living.parent)]
  }
}
