/** A real file system of a few kilobytes, for full and read-only disks. Mounting needs root. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class SmallDisk {
  readonly folder: string
  readonly #filler: string

  private constructor(folder: string) {
    this.folder = folder
    this.#filler = join(folder, 'filler')
  }

  static mount(kibibytes: number): SmallDisk {
    const folder = mkdtempSync(join(tmpdir(), 'wattribute-disk-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kibibytes}k`, 'wattribute-test', folder])
    return new SmallDisk(folder)
  }

  /** Takes all the room there is. */
  fill(): void {
    const { bavail, bsize } = statfsSync(this.folder)
    writeFileSync(this.#filler, Buffer.alloc(bavail * bsize))
  }

  free(): void {
    truncateSync(this.#filler)
  }

  setReadOnly(): void {
    execFileSync('mount', ['-o', 'remount,ro', this.folder])
  }

  unmount(): void {
    execFileSync('umount', ['-l', this.folder])
    rmSync(this.folder, { recursive: true })
  }
}
