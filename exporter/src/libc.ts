/**
 * What only libc can do, called through the optional dependency koffi.
 *
 * The process CPU clock: `clock_gettime` on the clock id of a pid, as `clock_getcpuclockid` makes it
 * (`MAKE_PROCESS_CPUCLOCK` in include/linux/posix-timers.h). One system call in nanoseconds, no descriptor, no
 * parsing; without it `/proc/<pid>/stat` serves.
 *
 * The end of a process whose threads hang in a driver: `_exit`.
 *
 * Who is at the other end of a Unix socket: `getsockopt` with SO_PEERCRED
 * (https://man7.org/linux/man-pages/man7/unix.7.html): the process that connected, as the kernel knows it.
 *
 * The lock on a file: `flock` (https://man7.org/linux/man-pages/man2/flock.2.html), which the kernel gives up when
 * its holder ends, however it ends.
 */
import type Koffi from 'koffi'
import { nanoseconds } from './units.ts'
import { Unreadable, type CpuClock, type Files } from './world.ts'

/** Why libc cannot be called, in a sentence for the log. */
export class NoLibc {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

/** glibc, then musl. */
const LIBRARIES = ['libc.so.6', `libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`]

const CPUCLOCK_SCHED = 2
const TWO_TO_32 = 4_294_967_296

/** Who connected, in this process's own namespaces. */
export interface Peer {
  /** 0: it is in a PID namespace that is not seen from here. */
  readonly pid: number
  /** Effective, when it connected. */
  readonly uid: number
}

export interface Libc {
  readonly cpuClock: CpuClock
  /** @returns undefined where the descriptor is no connected Unix socket */
  readonly peerOf: (descriptor: number) => Peer | undefined
  /** @returns whether nobody else holds a lock on this open file */
  readonly lockFile: (descriptor: number) => boolean
  /** Ends the process at once, whatever its threads wait for; `process.exit` would wait for them. */
  readonly exitNow: (code: number) => void
}

export async function openLibc(): Promise<Libc | NoLibc> {
  let koffi: typeof Koffi
  try {
    koffi = (await import('koffi')).default
  } catch {
    return new NoLibc('the optional package koffi is not installed or does not load on this machine')
  }
  for (const library of LIBRARIES) {
    try {
      const libc = koffi.load(library)
      const flock = libc.func('int flock(int descriptor, int operation)') as Flock
      return {
        cpuClock: cpuClockBy(libc.func('int clock_gettime(int clock, void *time)') as ClockGettime),
        exitNow: libc.func('void _exit(int status)') as (code: number) => void,
        peerOf: peerBy(
          libc.func(
            'int getsockopt(int descriptor, int level, int name, void *value, void *length)',
          ) as GetSockOpt,
        ),
        lockFile: (descriptor) => flock(descriptor, LOCK_EX | LOCK_NB) === 0,
      }
    } catch {
      continue
    }
  }
  return new NoLibc(`none of ${LIBRARIES.join(', ')} can be loaded`)
}

const LOCK_EX = 2
const LOCK_NB = 4

type Flock = (descriptor: number, operation: number) => number

type GetSockOpt = (
  descriptor: number,
  level: number,
  name: number,
  value: Uint8Array,
  length: Uint8Array,
) => number

/** Of asm-generic/socket.h, which x86-64 and arm64 share. */
const SOL_SOCKET = 1
const SO_PEERCRED = 17

function peerBy(getsockopt: GetSockOpt): Libc['peerOf'] {
  const ucred = Buffer.alloc(12) // pid, uid, gid
  const length = Buffer.alloc(4)
  return (descriptor) => {
    length.writeInt32LE(ucred.length)
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, ucred, length) !== 0) return undefined
    return { pid: ucred.readInt32LE(0), uid: ucred.readUInt32LE(4) }
  }
}

type ClockGettime = (clock: number, time: Uint8Array) => number

function cpuClockBy(clockGettime: ClockGettime): CpuClock {
  const timespec = Buffer.alloc(16) // two 64-bit numbers: seconds, nanoseconds
  const halves = new Int32Array(timespec.buffer, timespec.byteOffset, 4)
  return (pid) => {
    if (clockGettime((~pid << 3) | CPUCLOCK_SCHED, timespec) !== 0) return undefined
    const seconds = ((halves[0] ?? 0) >>> 0) + (halves[1] ?? 0) * TWO_TO_32
    return nanoseconds(seconds * 1e9 + (halves[2] ?? 0))
  }
}

/** Clocks go by the pids of our own PID namespace; another's procfs, such as the host's under a path, has other pids. */
export function isOwnProcfs(files: Files, procfs: string): boolean {
  const self = files.readText(`${procfs}/self/stat`)
  return !(self instanceof Unreadable) && Number.parseInt(self, 10) === process.pid
}
