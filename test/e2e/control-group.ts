/** A control group as a container runtime makes it, to run a test's processes in. */
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'

const BASE = '/sys/fs/cgroup'

/** Where the exporter finds CPU time counted on this machine: version 2, or version 1's own folder. */
const ROOTS = [BASE, `${BASE}/cpu,cpuacct`, `${BASE}/cpuacct`]

/** The tree of version 2, which hybrid machines have beside the others. */
export const unifiedRoot = (): string => {
  const root = [BASE, `${BASE}/unified`].find((folder) => existsSync(`${folder}/cgroup.controllers`))
  if (root === undefined) throw new Error(`no control groups of version 2 below ${BASE}`)
  return root
}

export class ControlGroup {
  readonly containerId = randomBytes(32).toString('hex')
  readonly folder: string

  readonly #made: string | undefined

  /** @param path without it, that of a container of Docker's */
  constructor(root = ROOTS.find((folder) => existsSync(`${folder}/cgroup.procs`)), path?: string) {
    if (root === undefined) throw new Error(`no control group below ${BASE} counts CPU time`)
    this.folder = `${root}/${path ?? `docker-${this.containerId}.scope`}`
    this.#made = mkdirSync(this.folder, { recursive: true })
  }

  /** A command that enters the group and becomes the given one. */
  enter(command: readonly string[]): readonly [string, ...string[]] {
    return ['sh', '-c', 'echo $$ > "$0"/cgroup.procs && exec "$@"', this.folder, ...command]
  }

  /** Waits until its last process has ended. */
  async remove(): Promise<void> {
    while (readFileSync(`${this.folder}/cgroup.procs`, 'utf8') !== '') {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    for (let folder = this.folder; folder.startsWith(this.#made ?? folder); folder = dirname(folder)) {
      rmdirSync(folder)
    }
  }
}
