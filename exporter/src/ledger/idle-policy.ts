/** Who carries the energy that is spent whether anybody works or not. */
import type { AcceleratorActivity, Component, Group } from '../model.ts'
import type { Weight } from './weights.ts'

/**
 * `holders`: an accelerator's idle energy to those who hold it, in equal parts or by the slices that each holds, the
 * host's in parts of one per accelerator of the node; what nobody holds stays unattributed. `proportional`: like the active energy. `equal`: in
 * equal parts to every cgroup that was active. `none`: all of it stays unattributed.
 */
export const IDLE_POLICIES = ['holders', 'proportional', 'equal', 'none'] as const
export type IdlePolicy = (typeof IDLE_POLICIES)[number]

/**
 * @returns by what to split; nothing when nobody is to be charged
 * @param active the weights by which the domain's active energy is split
 * @param accelerators of the node, keyed by domain id
 * @param duration of the interval in seconds: what is kept over several ticks is weighted by time
 */
export function idleWeights(
  policy: IdlePolicy,
  domain: { readonly id: string; readonly component: Component },
  active: readonly Weight[],
  accelerators: ReadonlyMap<string, Holding>,
  duration: number,
): readonly Weight[] {
  switch (policy) {
    case 'none':
      return []
    case 'proportional':
      return active
    case 'equal':
      return equalByGroup(active, duration)
    case 'holders':
      return domain.component === 'accelerator'
        ? held(accelerators.get(domain.id), duration)
        : Array.from(accelerators.values()).flatMap((one) => held(one, duration / accelerators.size))
  }
}

type Holding = Pick<AcceleratorActivity, 'holders'>

/** Below this the shares are a whole: they are fractions in floating point. */
const ROUNDING = 1e-9

function held(accelerator: Holding | undefined, weight: number): Weight[] {
  const holders = accelerator?.holders ?? []
  const unheld = 1 - holders.reduce((sum, { share }) => sum + share, 0)
  const weights: Weight[] = holders.map(({ to, share }) => ({ to, weight: weight * share }))
  if (unheld > ROUNDING) weights.push({ to: 'idle', weight: weight * unheld })
  return weights
}

/** Within a cgroup the part is split like the active energy, so that every joule has a process. */
function equalByGroup(active: readonly Weight[], duration: number): readonly Weight[] {
  const sums = new Map<Group, number>()
  for (const { to, weight } of active) {
    if (typeof to !== 'string') sums.set(to.group, (sums.get(to.group) ?? 0) + weight)
  }
  return active.flatMap(({ to, weight }) => {
    const sum = typeof to === 'string' ? undefined : sums.get(to.group)
    return sum === undefined ? [] : [{ to, weight: (duration * weight) / sum }]
  })
}
