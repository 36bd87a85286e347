/** Who carries the energy that is spent whether anybody works or not. */
import type { Component, Consumer, Group } from '../model.ts'
import type { Weight } from './weights.ts'

/**
 * `holders`: an accelerator's idle energy in equal parts to those who hold it, the host's in parts of one per
 * accelerator of the node; what nobody holds stays unattributed. `proportional`: like the active energy. `equal`: in
 * equal parts to every cgroup that was active. `none`: all of it stays unattributed.
 */
export const IDLE_POLICIES = ['holders', 'proportional', 'equal', 'none'] as const
export type IdlePolicy = (typeof IDLE_POLICIES)[number]

/**
 * @returns by what to split; nothing when nobody is to be charged
 * @param active the weights by which the domain's active energy is split
 * @param holders who holds each accelerator of the node, keyed by domain id
 * @param duration of the interval in seconds: what is kept over several ticks is weighted by time
 */
export function idleWeights(
  policy: IdlePolicy,
  domain: { readonly id: string; readonly component: Component },
  active: readonly Weight[],
  holders: ReadonlyMap<string, readonly Consumer[]>,
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
        ? held(holders.get(domain.id) ?? [], duration)
        : Array.from(holders.values()).flatMap((some) => held(some, duration / holders.size))
  }
}

const held = (holders: readonly Consumer[], weight: number): Weight[] =>
  holders.length === 0
    ? [{ to: 'idle', weight }]
    : holders.map((to) => ({ to, weight: weight / holders.length }))

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
