/** What the examples of this folder are made of: domains, readings, cgroups and processes, in joules and seconds. */
import { identityOf } from '../../exporter/src/activity/identity.ts'
import type { EnergyClass } from '../../exporter/src/ledger/classes.ts'
import type { LedgerPolicy } from '../../exporter/src/ledger/ledger.ts'
import type { Account } from '../../exporter/src/ledger/view.ts'
import type {
  AcceleratorActivity,
  AcceleratorUser,
  Activity,
  Consumer,
  Domain,
  Group,
  Reading,
} from '../../exporter/src/model.ts'
import { microjoules, nanoseconds, seconds, watts, type Microjoules } from '../../exporter/src/units.ts'

export const joules = (amount: number): Microjoules => microjoules(Math.round(amount * 1e6))

/** A measured root that is booked, with an idle power of 3 W. */
export const domain = (
  id: string,
  component: Domain['component'],
  within = '',
  more: Partial<Domain> = {},
): Domain => ({
  id,
  component,
  within,
  booked: true,
  method: 'counter',
  baseline: { watts: watts(3), source: 'default' },
  ...more,
})

/** @param spent in joules */
export const reading = (one: Domain, spent: number, from: number, to: number): Reading => ({
  domain: one,
  spent: joules(spent),
  from: seconds(from),
  to: seconds(to),
})

export const group = (unit: string): Group => ({
  path: `/system.slice/${unit}`,
  identity: identityOf(`/system.slice/${unit}`),
})

export type Process = Extract<Consumer, { kind: 'process' }>

export const processOf = (where: Group, pid: number, comm: string, startTicks = pid): Process => ({
  kind: 'process',
  group: where,
  process: { pid, startTicks, comm },
})

export interface Done {
  /** CPU seconds of each consumer. */
  readonly cpu?: readonly (readonly [Consumer, number])[]
  readonly unreadableCpu?: number
  readonly busyRatio?: number
  /** By the accelerator's domain id; they hold it in equal parts. */
  readonly holders?: Readonly<Record<string, readonly AcceleratorUser[]>>
  /** Busy seconds of each user, by the accelerator's domain id. */
  readonly use?: Readonly<Record<string, readonly (readonly [AcceleratorUser, number])[]>>
  /** Those of whom nobody knows how much they did, by the accelerator's domain id. */
  readonly guessed?: Readonly<Record<string, readonly AcceleratorUser[]>>
}

/** Who holds each accelerator, in equal parts. */
export const heldBy = (
  holders: Readonly<Record<string, readonly AcceleratorUser[]>>,
): Map<string, AcceleratorActivity> =>
  new Map(
    Object.entries(holders).map(([id, users]) => [
      id,
      {
        use: [],
        guessed: new Set<AcceleratorUser>(),
        holders: users.map((to) => ({ to, share: 1 / users.length })),
      },
    ]),
  )

function acceleratorsOf({
  holders = {},
  use = {},
  guessed: estimated = {},
}: Done): Map<string, AcceleratorActivity> {
  const accelerators = heldBy(holders)
  for (const [id, users] of Object.entries(use)) {
    accelerators.set(id, {
      use: users.map(([to, weight]) => ({ to, weight })),
      guessed: new Set(estimated[id] ?? []),
      holders: accelerators.get(id)?.holders ?? [],
    })
  }
  return accelerators
}

export function activity(from: number, to: number, done: Done = {}): Activity {
  const cpu = (done.cpu ?? []).map(([consumer, time]) => ({ consumer, cpu: nanoseconds(time * 1e9) }))
  return {
    from: seconds(from),
    to: seconds(to),
    cpu,
    unreadableCpu: nanoseconds((done.unreadableCpu ?? 0) * 1e9),
    busyRatio: done.busyRatio ?? 0.5,
    groups: Array.from(new Set(cpu.map(({ consumer }) => consumer.group))),
    accelerators: acceleratorsOf(done),
    census: { processes: 0, unreadable: 0, groups: 0, cpuTimeSource: 'clock', limitation: '' },
  }
}

/** Everything is shown at once, idle energy stays unattributed. */
export const policy = (more: Partial<LedgerPolicy> = {}): LedgerPolicy => ({
  lifetimes: { birthHold: seconds(0), expireAfter: seconds(600) },
  idlePolicy: 'none',
  baselines: new Map(),
  processes: 50,
  seriesLimit: 20_000,
  ...more,
})

/** What the accounts show, in decimal joules, by the labels that are not empty, the component and the part. */
export function figures(accounts: Iterable<Account>): Record<string, string> {
  const shown: Record<string, string> = {}
  for (const { holder, energyClass, shown: figure } of accounts)
    shown[[...holder.labels, ...ending(energyClass)].filter((label) => label !== '').join(' ')] =
      String(figure)
  return shown
}

const ending = ({ component, part }: EnergyClass): string[] => [component, part]
