/** The doors to the machine: files, clocks, the CPU clock of a process. What tests replace. */
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Nvml } from './nvml.ts'
import { seconds, type Nanoseconds, type Seconds } from './units.ts'

/**
 * Why a file or folder gave nothing: `missing` (not there, or its owner went away while it was read),
 * `refused` (no permission), `broken` (any other error of the kernel or driver).
 */
export class Unreadable {
  readonly kind: 'missing' | 'refused' | 'broken'
  readonly path: string
  /** Error name of the system call, such as EACCES. */
  readonly code: string

  constructor(path: string, code: string) {
    this.path = path
    this.code = code
    this.kind = MISSING.has(code) ? 'missing' : REFUSED.has(code) ? 'refused' : 'broken'
  }

  toString(): string {
    return `${this.path}: ${this.code}`
  }
}

const MISSING = new Set(['ENOENT', 'ENOTDIR', 'ENODEV', 'ENXIO', 'ESRCH'])
const REFUSED = new Set(['EACCES', 'EPERM'])

/** Reads are synchronous: procfs and sysfs are computed by the kernel, there is mostly no wait to hide. */
export interface Files {
  /** The whole text as latin1 bytes (nothing a driver or a process name holds can fail to decode). */
  readText(path: string): string | Unreadable
  /** The same for drivers that make the reader wait (ACPI firmware, I2C, a BMC): nobody else waits along. */
  readSlowText(path: string): Promise<string | Unreadable>
  list(path: string): readonly string[] | Unreadable
  /** The names of the folders in a folder. */
  folders(path: string): readonly string[] | Unreadable
  /** The number of hard links: on cgroup file systems 2 plus the number of child cgroups. */
  links(path: string): number | Unreadable
}

export interface Clock {
  /** Monotonic. */
  now(): Seconds
  /** Unix time. */
  wall(): Seconds
  /** Runs once after a delay, unless it is called off with what this gives back; keeps no process alive. */
  after(delay: Seconds, run: () => void): () => void
}

/** CPU time of a whole process, all threads, since it started; undefined once it is gone. */
export type CpuClock = (pid: number) => Nanoseconds | undefined

export interface World {
  readonly files: Files
  readonly clock: Clock
  /** Absent where libc cannot be called; `/proc/<pid>/stat` serves then. */
  readonly cpuClock: CpuClock | undefined
  readonly procfs: string
  readonly sysfs: string
  /** Where the host's root file system is seen: `/` unless the exporter runs in a container. */
  readonly rootfs: string
  /** Absent where nothing is to be asked about NVIDIA devices. */
  readonly nvml?: Nvml
}

const READ_SIZE = 1 << 16

/** Reads of one file end here: the largest procfs text of interest is /proc/stat of a machine with thousands of CPUs. */
const READ_LIMIT = 1 << 22

export function linuxFiles(): Files {
  let buffer = Buffer.allocUnsafeSlow(READ_SIZE)
  const attempt = <T>(path: string, read: () => T): T | Unreadable => {
    try {
      return read()
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code
      if (code === undefined) throw cause
      return new Unreadable(path, code)
    }
  }
  return {
    readText: (path) =>
      attempt(path, () => {
        const descriptor = openSync(path, 'r')
        try {
          let length = 0
          for (;;) {
            if (length === buffer.length) {
              if (length >= READ_LIMIT) return new Unreadable(path, 'EFBIG')
              buffer = Buffer.concat([buffer], buffer.length * 2)
            }
            const count = readSync(descriptor, buffer, length, buffer.length - length, null)
            if (count === 0) return buffer.toString('latin1', 0, length)
            length += count
          }
        } finally {
          closeSync(descriptor)
        }
      }),
    readSlowText: async (path) => {
      try {
        return await readFile(path, 'latin1')
      } catch (cause) {
        return attempt<string>(path, () => {
          throw cause
        })
      }
    },
    list: (path) => attempt(path, () => readdirSync(path)),
    folders: (path) =>
      attempt(path, () =>
        readdirSync(path, { withFileTypes: true })
          .filter((entry) => entry.isDirectory())
          .map(({ name }) => name),
      ),
    links: (path) => attempt(path, () => statSync(path).nlink),
  }
}

export const linuxClock: Clock = {
  // Not performance.now(): that one starts anew in every thread.
  now: () => seconds(Number(process.hrtime.bigint()) / 1e9),
  wall: () => seconds(Date.now() / 1000),
  after: (delay, run) => {
    const timer = setTimeout(run, delay * 1000)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

export interface WorldPaths {
  readonly procfs: string
  readonly sysfs: string
  readonly rootfs: string
}

export function linuxWorld(paths: WorldPaths, cpuClock: CpuClock | undefined, nvml?: Nvml): World {
  return {
    ...paths,
    files: linuxFiles(),
    clock: linuxClock,
    cpuClock,
    ...(nvml !== undefined && { nvml }),
  }
}
