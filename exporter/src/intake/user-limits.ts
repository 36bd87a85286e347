/** What one user may send. Whoever sends more is answered and loses the surplus; others do not notice. */
import type { Seconds } from '../units.ts'
import { isCustomPhase, MOST_CUSTOM_PHASES } from '../workloads/phase-names.ts'

export const MOST_CONNECTIONS = 64
export const MOST_LINES_PER_SECOND = 20_000
export const MOST_MODELS = 32
/** A name that was not used for so long makes room for another. */
const NAME_LIFE_SECONDS = 3600
/** Users with neither connections nor names are forgotten beyond this number. */
const MOST_USERS = 1024

interface User {
  connections: number
  /** Lines that may still be sent, as of `filledAt`. */
  lines: number
  filledAt: Seconds
  readonly phases: Names
  readonly models: Names
}

export class UserLimits {
  readonly #users = new Map<number, User>()

  /** @returns whether the user may have one more connection; it has it then, until it leaves */
  enter(uid: number, now: Seconds): boolean {
    const user = this.#user(uid, now)
    if (user.connections >= MOST_CONNECTIONS) return false
    user.connections += 1
    return true
  }

  leave(uid: number): void {
    const user = this.#users.get(uid)
    if (user !== undefined) user.connections -= 1
  }

  /** @returns how many of these lines may be taken now */
  lines(uid: number, count: number, now: Seconds): number {
    const user = this.#user(uid, now)
    const refill = Math.max(0, now - user.filledAt) * MOST_LINES_PER_SECOND
    user.lines = Math.min(MOST_LINES_PER_SECOND, user.lines + refill)
    user.filledAt = now
    const taken = Math.min(count, Math.floor(user.lines))
    user.lines -= taken
    return taken
  }

  admitsPhase(uid: number, phase: string, now: Seconds): boolean {
    return !isCustomPhase(phase) || this.#user(uid, now).phases.admits(phase, now)
  }

  admitsModel(uid: number, model: string, now: Seconds): boolean {
    return model === '' || this.#user(uid, now).models.admits(model, now)
  }

  #user(uid: number, now: Seconds): User {
    let user = this.#users.get(uid)
    if (user === undefined) {
      this.#makeRoom()
      user = {
        connections: 0,
        lines: MOST_LINES_PER_SECOND,
        filledAt: now,
        phases: new Names(MOST_CUSTOM_PHASES),
        models: new Names(MOST_MODELS),
      }
      this.#users.set(uid, user)
    }
    return user
  }

  #makeRoom(): void {
    if (this.#users.size < MOST_USERS) return
    for (const [uid, { connections }] of this.#users) {
      if (connections > 0) continue
      this.#users.delete(uid)
      return
    }
  }
}

/** So many different names at a time. */
class Names {
  readonly #most: number
  readonly #usedAt = new Map<string, Seconds>()

  constructor(most: number) {
    this.#most = most
  }

  admits(name: string, now: Seconds): boolean {
    if (!this.#usedAt.has(name) && this.#usedAt.size >= this.#most && !this.#forgetOne(now)) return false
    this.#usedAt.set(name, now)
    return true
  }

  #forgetOne(now: Seconds): boolean {
    for (const [name, usedAt] of this.#usedAt) {
      if (now - usedAt >= NAME_LIFE_SECONDS) return this.#usedAt.delete(name)
    }
    return false
  }
}
