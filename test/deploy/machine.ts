/**
 * What the exporter in a container is shown as the machine: a folder that stands for its root, a RAPL zone beside the
 * real control groups, and a process of another user that works.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RaplTree } from '../e2e/rapl-tree.ts'
import type { RuntimeFolder } from '../names/real-runtime.ts'

const ZONE = 'intel-rapl:0'
const SPENT_MICROJOULES = 2_000_000
const PERIOD_MILLISECONDS = 200

export class ShownMachine {
  readonly root: string
  readonly sysfs: string
  readonly worker: ChildProcess
  readonly #tree: RaplTree
  readonly #spending: NodeJS.Timeout

  constructor(host: RuntimeFolder) {
    this.root = host.folder('root')
    host.folder('root/sys')
    writeFileSync(
      join(host.folder('root/etc'), 'passwd'),
      'root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n',
    )
    this.#tree = new RaplTree([{ folder: ZONE, name: 'package-0', start: 0n, range: 262_143_328_850n }])
    this.sysfs = this.#tree.sysfs
    chmodSync(this.sysfs, 0o755)
    const groups = join(this.sysfs, 'fs/cgroup')
    unlinkSync(groups) // a link would lead into the container's own /sys
    mkdirSync(groups)
    this.#spend()
    this.#spending = setInterval(() => this.#spend(), PERIOD_MILLISECONDS)
    this.worker = spawn(
      'setpriv',
      ['--reuid=1000', '--regid=1000', '--clear-groups', 'timeout', '400', 'sh', '-c', 'while :; do :; done'],
      { env: { PATH: process.env['PATH'], PROJECT: 'climate' }, stdio: 'ignore' },
    )
  }

  /** For `OPTIONS` of the scripts. */
  get options(): string {
    return '--volume=/sys/fs/cgroup:/host/sys/fs/cgroup:ro'
  }

  /** As the kernel has it since 5.10: for root alone. */
  #spend(): void {
    this.#tree.spend(ZONE, SPENT_MICROJOULES)
    chmodSync(join(this.sysfs, 'class/powercap', ZONE, 'energy_uj'), 0o400)
  }

  remove(): void {
    clearInterval(this.#spending)
    this.worker.kill() // `timeout` ends what it runs
    this.#tree.remove()
  }
}
