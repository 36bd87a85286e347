/** Processes that say what they are, or of which a rule says it, as long as they live. Others are what these are. */
import type { ProcessSeen } from '../model.ts'
import type { Place } from './place.ts'
import { MULTIPLE } from './recognition.ts'
import { memberKey, withMore, type Member } from './scope.ts'
import type { Ruling } from './workload-rules.ts'

export interface Root {
  readonly member: Member
  readonly place: Place
  readonly comm: string
  /** The rule that fits it. */
  readonly ruling: Ruling | undefined
}

type Key = Pick<Member, 'pid' | 'startTicks'>

/** More are not remembered. */
const MOST_ROOTS = 4096

export class Roots {
  readonly #roots = new Map<string, Root>()

  get all(): readonly Root[] {
    return Array.from(this.#roots.values())
  }

  get(key: Key): Root | undefined {
    return this.#roots.get(memberKey(key))
  }

  /** @param chain in which it was found; empty where that is known from before */
  add(
    place: Place,
    member: Member,
    chain: readonly ProcessSeen[],
    rulingOf: (chain: readonly ProcessSeen[]) => Ruling | undefined,
  ): void {
    const key = memberKey(member)
    const known = this.#roots.get(key)
    if (known === undefined && this.#roots.size >= MOST_ROOTS) return
    const index = chain.findIndex(({ pid }) => pid === member.pid)
    this.#roots.set(key, {
      member: withMore(known?.member, member),
      place,
      comm: chain[index]?.comm ?? known?.comm ?? '',
      ruling: index < 0 ? known?.ruling : rulingOf(chain.slice(index)),
    })
    place.scope?.add(member)
  }

  forget(key: Key): void {
    const root = this.get(key)
    if (root === undefined) return
    this.#roots.delete(memberKey(key))
    root.place.scope?.remove(key)
  }

  /** New rules are about to be asked. */
  forgetRulings(): void {
    for (const [key, { member, ...root }] of this.#roots) {
      const { pid, startTicks, recognised } = member
      if (recognised === undefined) this.forget(member)
      else this.#roots.set(key, { ...root, member: { pid, startTicks, recognised }, ruling: undefined })
    }
  }

  dropTheDead(isAlive: (pid: number, startTicks: number) => boolean): void {
    for (const { member } of this.all) if (!isAlive(member.pid, member.startTicks)) this.forget(member)
  }

  /** Models of a server and of those that work for it. */
  modelsOf({ member: { recognised: server }, place }: Root): readonly string[] {
    if (server === undefined) return []
    const works = this.all.flatMap(({ member: { recognised }, place: other }) => {
      const isOfIt = recognised?.name === server.name && (other === place || other.scope === place.scope)
      return isOfIt && recognised.role === 'works' ? [recognised.model] : []
    })
    const models = [server.model, ...works].filter((model) => model !== '' && model !== MULTIPLE)
    return Array.from(new Set(models))
  }
}
