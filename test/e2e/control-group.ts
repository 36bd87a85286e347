/** A control group as a container runtime makes it, to run a test's processes in. */
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { randomBytes } from 'node:crypto'

/** Where CPU time is counted: version 2, or version 1's own folder. */
const ROOTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/cpu,cpuacct', '/sys/fs/cgroup/cpuacct']

export class ControlGroup {
  readonly containerId = randomBytes(32).toString('hex')
  readonly folder: string

  constructor() {
    const root = ROOTS.find((folder) => existsSync(`${folder}/cgroup.procs`))
    if (root === undefined) throw new Error(`no control group below ${ROOTS[0] ?? ''} counts CPU time`)
    this.folder = `${root}/docker/${this.containerId}`
    mkdirSync(this.folder, { recursive: true })
  }

  /** A command that enters the group and becomes the given one. */
  enter(command: readonly string[]): readonly [string, ...string[]] {
    return ['sh', '-c', 'echo $$ > "$0"/cgroup.procs && exec "$@"', this.folder, ...command]
  }

  /** To be called when all its processes have ended. */
  remove(): void {
    if (readFileSync(`${this.folder}/cgroup.procs`, 'utf8') !== '')
      throw new Error(`${this.folder} is in use`)
    rmdirSync(this.folder)
  }
}
