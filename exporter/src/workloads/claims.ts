/** From who is named in a claim to a consumer of this machine. */
import type { Consumer, Group } from '../model.ts'
import { claimKey, type Claim } from './marks.ts'

/** The process with this pid and start; undefined once it is gone. */
export type ProcessOf = (pid: number, startTicks: number) => Consumer | undefined

export class Claims {
  readonly #keys = new WeakMap<Group, readonly string[]>()
  readonly #members = new WeakMap<Group, Consumer>()

  /** By which a consumer can be spoken for, the nearest first. */
  keysOf(consumer: Consumer): readonly string[] {
    const ofGroup = this.#keysOf(consumer.group)
    if (consumer.kind !== 'process') return ofGroup
    return [claimKey({ kind: 'process', ...consumer.process }), ...ofGroup]
  }

  /** The first group of each container, pod and job that is claimed, by the claim's key. */
  placesOf(claims: Iterable<Claim>, groups: readonly Group[]): ReadonlyMap<string, Group> {
    const wanted = new Set<string>()
    for (const claim of claims) if (claim.kind !== 'process') wanted.add(claimKey(claim))
    const places = new Map<string, Group>()
    if (wanted.size === 0) return places
    for (const group of groups) {
      for (const key of this.#keysOf(group)) if (wanted.has(key) && !places.has(key)) places.set(key, group)
    }
    return places
  }

  /**
   * Somebody who is called as those are who are claimed.
   * @param places of `placesOf`
   * @returns undefined where they are not here
   */
  consumerOf(claim: Claim, places: ReadonlyMap<string, Group>, processOf: ProcessOf): Consumer | undefined {
    if (claim.kind === 'process') return processOf(claim.pid, claim.startTicks)
    const group = places.get(claimKey(claim))
    if (group === undefined) return undefined
    let member = this.#members.get(group)
    if (member === undefined) {
      member = { kind: 'exited', group }
      this.#members.set(group, member)
    }
    return member
  }

  #keysOf(group: Group): readonly string[] {
    let keys = this.#keys.get(group)
    if (keys === undefined) {
      keys = keysOfGroup(group)
      this.#keys.set(group, keys)
    }
    return keys
  }
}

const keysOfGroup = ({ identity: { containerId, outerContainerIds, podUid, slurmJob } }: Group): string[] => [
  ...[containerId, ...outerContainerIds]
    .filter((id) => id !== '')
    .map((id) => claimKey({ kind: 'container', containerId: id })),
  ...(podUid === '' ? [] : [claimKey({ kind: 'pod', podUid })]),
  ...(slurmJob === '' ? [] : [claimKey({ kind: 'slurm_job', slurmJob })]),
]
