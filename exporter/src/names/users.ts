/** The names of this machine's users: https://man7.org/linux/man-pages/man5/passwd.5.html */
import type { Seconds } from '../units.ts'
import { Unreadable, type World } from '../world.ts'
import { hostPath } from './host-path.ts'

/** A user who is not in the file may be in a directory that only the host can ask. */
const READ_EVERY_SECONDS = 60

export class Users {
  readonly #world: World
  #names = new Map<string, string>()
  #readAt: Seconds | undefined

  constructor(world: World) {
    this.#world = world
  }

  /** @returns the number itself where no name is known */
  nameOf(userId: string): string {
    if (userId === '') return ''
    if (!this.#names.has(userId)) this.#read()
    return this.#names.get(userId) ?? userId
  }

  #read(): void {
    const now = this.#world.clock.now()
    if (this.#readAt !== undefined && now - this.#readAt < READ_EVERY_SECONDS) return
    this.#readAt = now
    const text = this.#world.files.readText(hostPath(this.#world, '/etc/passwd'))
    if (text instanceof Unreadable) return
    this.#names = new Map()
    for (const line of text.split('\n')) {
      const [name, , userId] = line.split(':')
      // Of several names for one number the first counts, as for getpwuid(3).
      if (name !== undefined && userId !== undefined && !this.#names.has(userId))
        this.#names.set(userId, name)
    }
  }
}
