/**
 * Who was given an accelerator holds it, used or not; only where nobody was given one, those count that have a
 * context on it. Boards that MIG divides are held by contexts alone: the driver's door does not tell which instance
 * has which UUID.
 */
import type { AcceleratorShare, Activity, Allocation, Consumer, Group } from '../model.ts'
import type { GpuLook } from '../nvml.ts'

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
      const groups = new Set(
        allocations.filter(({ device }) => isBoard(device, board)).map(({ group }) => group),
      )
      if (accelerator === undefined || groups.size === 0 || board.mig !== undefined) continue
      const holders = Array.from(groups).flatMap((group) =>
        this.#sharesOf(group, accelerator.holders, 1 / groups.size),
      )
      accelerators.set(board.uuid, { ...accelerator, holders })
    }
    return { ...activity, accelerators }
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

/** Replicas of a board that is shared by time have a number after it: `GPU-…::3`. Slurm names boards by their index. */
const isBoard = (device: string, { uuid, index }: Board): boolean =>
  device === uuid || device.startsWith(`${uuid}::`) || device === String(index)

const isWithin = (inner: Group, outer: Group): boolean =>
  inner.path === outer.path || inner.path.startsWith(`${outer.path}/`)
