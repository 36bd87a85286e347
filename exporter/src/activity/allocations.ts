/**
 * Who was given an accelerator, or an instance of one that MIG divides, holds it, used or not; only where nobody was
 * given one, those count that have a context on it.
 */
import type { AcceleratorShare, AcceleratorUser, Activity, Allocation, Consumer, Group } from '../model.ts'
import type { GpuLook, Mig } from '../nvml.ts'
import { gpuSlicesOf } from './accelerators.ts'

type Board = Pick<GpuLook, 'uuid' | 'index' | 'mig'>

export class Allocations {
  /** What a group holds without a process of its own that does. */
  readonly #rests = new WeakMap<Group, Consumer>()

  /** @returns the same activity, with those as holders to whom boards are allocated */
  applyTo(activity: Activity, allocations: readonly Allocation[], boards: readonly Board[]): Activity {
    if (allocations.length === 0) return activity
    const accelerators = new Map(activity.accelerators)
    for (const board of boards) {
      const accelerator = accelerators.get(board.uuid)
      if (accelerator === undefined) continue
      const holders =
        board.mig === undefined
          ? this.#holdersOf(groupsGiven(allocations, isBoard(board)), accelerator.holders, 1)
          : this.#ofMig(board.mig, allocations, accelerator.holders)
      if (holders !== undefined) accelerators.set(board.uuid, { ...accelerator, holders })
    }
    return { ...activity, accelerators }
  }

  /** Undefined where no instance was given to anybody. */
  #ofMig(
    mig: Mig,
    allocations: readonly Allocation[],
    contexts: readonly AcceleratorShare[],
  ): readonly AcceleratorShare[] | undefined {
    const slicesOf = gpuSlicesOf(mig.instances)
    const slices = Math.max(
      mig.slices,
      mig.instances.reduce((sum, one) => sum + slicesOf(one), 0),
    )
    const hasUnseen = contexts.some(({ to }) => to === 'unresolved_pid')
    const shares = mig.instances.map((instance) => {
      const share = slicesOf(instance) / slices
      const inside = contexts.filter(({ to }) => isOneOf(to, instance.pids))
      const unseen = hasUnseen ? instance.pids.length - inside.length : 0
      return {
        given: this.#holdersOf(groupsGiven(allocations, isNamed(instance.uuid)), inside, share),
        byContexts: byContexts(inside, unseen, share),
      }
    })
    if (shares.every(({ given }) => given === undefined)) return undefined
    return shares.flatMap(({ given, byContexts: otherwise }) => given ?? otherwise)
  }

  /** In equal parts to those who were given it; undefined where nobody was. */
  #holdersOf(
    groups: ReadonlySet<Group>,
    contexts: readonly AcceleratorShare[],
    share: number,
  ): readonly AcceleratorShare[] | undefined {
    if (groups.size === 0) return undefined
    return Array.from(groups).flatMap((group) => this.#sharesOf(group, contexts, share / groups.size))
  }

  /** Of a group's part, those of its processes that have a context get equal parts. */
  #sharesOf(group: Group, contexts: readonly AcceleratorShare[], share: number): AcceleratorShare[] {
    const own = contexts
      .map(({ to }) => to)
      .filter((to) => typeof to !== 'string' && isWithin(to.group, group))
    return own.length === 0
      ? [{ to: this.#restOf(group), share }]
      : own.map((to) => ({ to, share: share / own.length }))
  }

  #restOf(group: Group): Consumer {
    let rest = this.#rests.get(group)
    if (rest === undefined) {
      rest = { kind: 'exited', group }
      this.#rests.set(group, rest)
    }
    return rest
  }
}

type IsDevice = (device: string) => boolean

/** Replicas of a device that is shared by time have a number after it: `GPU-…::3`. */
const isNamed =
  (uuid: string): IsDevice =>
  (device) =>
    uuid !== '' && (device === uuid || device.startsWith(`${uuid}::`))

/** Slurm names boards by their index. */
const isBoard =
  ({ uuid, index }: Board): IsDevice =>
  (device) =>
    isNamed(uuid)(device) || device === String(index)

const groupsGiven = (allocations: readonly Allocation[], isDevice: IsDevice): ReadonlySet<Group> =>
  new Set(allocations.filter(({ device }) => isDevice(device)).map(({ group }) => group))

const isOneOf = (to: AcceleratorUser, pids: readonly number[]): boolean =>
  typeof to !== 'string' && to.kind === 'process' && pids.includes(to.process.pid)

/** Equal parts to those who have a context, and to so many whom nobody can see. */
function byContexts(seen: readonly AcceleratorShare[], unseen: number, share: number): AcceleratorShare[] {
  const part = share / (seen.length + unseen)
  const parts: AcceleratorShare[] = seen.map(({ to }) => ({ to, share: part }))
  return unseen === 0 ? parts : [...parts, { to: 'unresolved_pid', share: unseen * part }]
}

const isWithin = (inner: Group, outer: Group): boolean =>
  inner.path === outer.path || inner.path.startsWith(`${outer.path}/`)
