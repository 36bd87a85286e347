/** A sysfs on disk with a RAPL tree that moves, and with the machine's real cgroups. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface ZoneSpec {
  /** Such as `intel-rapl:0:1`. */
  readonly folder: string
  readonly name: string
  /** In microjoules. */
  readonly start: bigint
  readonly range: bigint
}

export class RaplTree {
  /** For `--path.sysfs`. */
  readonly sysfs = mkdtempSync(join(tmpdir(), 'wattribute-sysfs-'))
  readonly #raw = new Map<string, { raw: bigint; readonly range: bigint }>()
  /** What was spent so far, by zone, in microjoules. */
  readonly spent = new Map<string, bigint>()

  constructor(zones: readonly ZoneSpec[]) {
    for (const { folder, name, start, range } of zones) {
      mkdirSync(this.#folder(folder), { recursive: true })
      writeFileSync(join(this.#folder(folder), 'name'), `${name}\n`)
      writeFileSync(join(this.#folder(folder), 'max_energy_range_uj'), `${range}\n`)
      this.#raw.set(folder, { raw: start, range })
      this.#write(folder)
      this.spent.set(folder, 0n)
    }
    if (existsSync('/sys/fs/cgroup')) {
      mkdirSync(join(this.sysfs, 'fs'))
      symlinkSync('/sys/fs/cgroup', join(this.sysfs, 'fs/cgroup'))
    }
  }

  /** The counter moves on, and comes round to 0 beyond its range. */
  spend(folder: string, microjoules: number): void {
    const zone = this.#of(folder)
    const next = zone.raw + BigInt(microjoules)
    zone.raw = next > zone.range ? next - zone.range : next
    this.spent.set(folder, (this.spent.get(folder) ?? 0n) + BigInt(microjoules))
    this.#write(folder)
  }

  /** Reads of the zone hang, as they do on a driver that does not answer, until `release`. */
  hang(folder: string): void {
    const file = this.#file(folder)
    unlinkSync(file)
    execFileSync('mkfifo', [file])
  }

  /** Gives the zone its file back, and lets go who hangs. */
  release(folder: string): void {
    const fifo = `${this.#file(folder)}.fifo`
    renameSync(this.#file(folder), fifo)
    this.#write(folder)
    // opening it for both never blocks and wakes every reader; closing it ends their reads
    execFileSync('sh', ['-c', 'exec 3<>"$1"; sleep 0.2', 'sh', fifo])
    rmSync(fifo)
  }

  remove(): void {
    rmSync(this.sysfs, { recursive: true, force: true })
  }

  #of(folder: string): { raw: bigint; readonly range: bigint } {
    const zone = this.#raw.get(folder)
    if (zone === undefined) throw new Error(`no zone ${folder}`)
    return zone
  }

  #folder = (folder: string): string => join(this.sysfs, 'class/powercap', folder)
  #file = (folder: string): string => join(this.#folder(folder), 'energy_uj')

  /** By renaming: a reader sees the old figure or the new one, never half a file. */
  #write(folder: string): void {
    const file = this.#file(folder)
    writeFileSync(`${file}.next`, `${this.#of(folder).raw}\n`)
    renameSync(`${file}.next`, file)
  }
}
