/**
 * Job files: marks for those who can only write files, such as shell scripts and the prolog of a scheduler. A file is
 * named after whom it speaks for; its lines are those of the socket; lines that are added are marks. Its owner is its
 * sender: it can speak for processes of its own user only, root for any. A phase lives as long as its file.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  type Stats,
} from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import type { Seconds } from '../units.ts'
import type { Clock } from '../world.ts'
import type { Claim, Mark } from '../workloads/marks.ts'
import type { IntakeCounts } from './intake-counts.ts'
import type { Outbox } from './outbox.ts'
import { Refusal, type Processes, type SeenProcess } from './processes.ts'
import { Speaker } from './speaker.ts'
import type { UserLimits } from './user-limits.ts'

const LOOK_EVERY_SECONDS = 1
const MOST_FILES = 1024
/** In bytes; what stands behind is not read. */
const LONGEST_FILE = 65_536
/** A file that is not believed is left alone for so long. */
const DENIED_SECONDS = 10
/** As long as its file is there, a phase is renewed so often. */
const REFRESH_EVERY_SECONDS = 60

export interface JobFilesOptions {
  readonly folder: string
  readonly processes: Processes
  readonly limits: UserLimits
  readonly outbox: Outbox
  readonly clock: Pick<Clock, 'now'>
  readonly counts: IntakeCounts
  readonly warn: (message: string, fields: Readonly<Record<string, string>>) => void
}

interface JobFile {
  readonly speaker: Speaker
  readonly owner: number
  readonly claim: Claim
  /** All that has been read of it. */
  text: string
  /** Behind the last newline. */
  rest: string
  /** How it looked then. */
  stamp: string
  refreshedAt: Seconds
}

export class JobFiles {
  readonly #options: JobFilesOptions
  readonly #files = new Map<string, JobFile>()
  /** What is wrong with a file, by its name and stamp: it is said once. */
  readonly #complained = new Map<string, string>()
  #folderProblem = ''
  /** Whose file is not believed, and when it is looked at again: the job may only be about to begin. */
  readonly #deniedUntil = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #isLooking = false
  #isClosed = false

  constructor(options: JobFilesOptions) {
    this.#options = options
  }

  start(): void {
    void this.look()
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_SECONDS * 1000).unref()
  }

  close(): void {
    this.#isClosed = true
    clearInterval(this.#timer)
  }

  /** Reads what was added since the look before. */
  async look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      const names = this.#names()
      for (const name of names) if (!this.#isClosed) await this.#read(name)
      const present = new Set(names)
      for (const [name, file] of this.#files) if (!present.has(name)) this.#end(name, file)
      for (const said of [this.#complained, this.#deniedUntil]) {
        for (const name of said.keys()) if (!present.has(name)) said.delete(name)
      }
    } finally {
      this.#isLooking = false
    }
  }

  #names(): readonly string[] {
    const { folder } = this.#options
    try {
      const names = readdirSync(folder).filter((name) => !name.startsWith('.') && !name.endsWith('~'))
      this.#complainOfFolder(names.length > MOST_FILES ? `it has more than ${MOST_FILES} files` : '')
      return names.slice(0, MOST_FILES)
    } catch (cause) {
      this.#complainOfFolder((cause as NodeJS.ErrnoException).code ?? String(cause))
      return Array.from(this.#files.keys()) // for a moment perhaps: nobody's phase ends by it
    }
  }

  #complainOfFolder(reason: string): void {
    if (reason === this.#folderProblem) return
    this.#folderProblem = reason
    const { folder, warn } = this.#options
    if (reason !== '') warn('job files cannot be read', { folder, reason })
  }

  async #read(name: string): Promise<void> {
    const { folder, clock } = this.#options
    const path = `${folder}/${name}`
    const known = this.#files.get(name)
    const stamp = stampOf(statSync(path, { throwIfNoEntry: false }))
    if (known !== undefined && known.stamp === stamp) {
      this.#takeRest(name, known)
      await this.#refresh(name, known)
      return
    }
    if (clock.now() < (this.#deniedUntil.get(name) ?? 0)) return
    const content = contentOf(path)
    if (content === undefined) return
    if (typeof content === 'string') {
      this.#complain(name, content, stamp)
      return
    }
    const file = known?.owner === content.owner ? known : await this.#open(name, content.owner, stamp)
    if (file === undefined) return
    const end = content.text.lastIndexOf('\n') + 1
    const text = content.text.slice(0, end)
    const added = text.startsWith(file.text) ? text.slice(file.text.length) : text
    file.text = text
    file.rest = content.text.slice(end)
    file.stamp = content.stamp
    file.refreshedAt = clock.now()
    this.#take(name, file, added)
    if (content.isCut)
      this.#complain(name, `it is longer than ${LONGEST_FILE} bytes: the rest is not read`, 'cut')
  }

  async #open(name: string, owner: number, stamp: string): Promise<JobFile | undefined> {
    const { limits, outbox, clock, processes } = this.#options
    const claim = claimNamed(name, processes)
    const reason = claim instanceof Refusal ? claim.reason : await this.#whyNot(claim, owner)
    if (claim instanceof Refusal || reason !== '') {
      this.#deny(name, reason, stamp)
      return undefined
    }
    const speaker = new Speaker({ uid: owner, limits, outbox, claimOf: () => claim })
    const file = { speaker, owner, claim, text: '', rest: '', stamp: '', refreshedAt: clock.now() }
    this.#files.set(name, file)
    return file
  }

  /** @returns why the owner of a file may not speak for these; empty: it may */
  async #whyNot(claim: Claim, owner: number): Promise<string> {
    if (owner === 0) return ''
    const { processes } = this.#options
    let hasOwn = false
    let count = 0
    for (const pid of claim.kind === 'process' ? [claim.pid] : processes.all()) {
      count += 1
      if (count % 64 === 0) await turn() // thousands of processes must not hold the others up
      const one = processes.see(pid)
      if (one === undefined || !isAmong(one, claim)) continue
      if (one.uids.every((uid) => uid === owner)) hasOwn = true
      else if (!isSchedulers(one, claim)) return 'it has processes of other users than the file’s owner'
    }
    return hasOwn ? '' : 'it has no process of the file’s owner'
  }

  #take(name: string, file: JobFile, added: string): void {
    const { counts, clock, limits } = this.#options
    const now = clock.now()
    const lines = added.split('\n').slice(0, -1)
    const admitted = limits.lines(file.owner, lines.length, now)
    if (admitted < lines.length) counts.linesRefused('file', 'rate', lines.length - admitted)
    let taken = 0
    for (const line of lines.slice(0, admitted)) {
      const outcome = file.speaker.take(line, now)
      if (outcome.kind === 'taken') taken += 1
      if (outcome.kind !== 'refused') continue
      counts.linesRefused('file', outcome.reason, 1)
      this.#complain(name, outcome.sentence, '')
    }
    counts.linesTaken('file', taken)
  }

  /** A last line without its end: nobody has written on since the look before, so it is whole. */
  #takeRest(name: string, file: JobFile): void {
    if (file.rest === '') return
    const line = `${file.rest}\n`
    file.text += line
    file.rest = ''
    this.#take(name, file, line)
  }

  /** Whose processes are in it may have changed. */
  async #refresh(name: string, file: JobFile): Promise<void> {
    const now = this.#options.clock.now()
    if (now - file.refreshedAt < REFRESH_EVERY_SECONDS) return
    file.refreshedAt = now
    const reason = await this.#whyNot(file.claim, file.owner)
    if (reason === '') {
      this.#options.outbox.mark(file.claim, { ...NOTHING_NEW, at: now })
      return
    }
    this.#deny(name, reason, file.stamp)
    this.#end(name, file)
  }

  #deny(name: string, reason: string, stamp: string): void {
    const { clock, counts } = this.#options
    this.#deniedUntil.set(name, clock.now() + DENIED_SECONDS)
    counts.linesRefused('file', 'permission', 1)
    this.#complain(name, reason, stamp)
  }

  #end(name: string, { claim }: JobFile): void {
    this.#files.delete(name)
    const at = this.#options.clock.now()
    this.#options.outbox.mark(claim, { ...NOTHING_NEW, change: { kind: 'clear' }, at })
  }

  #complain(name: string, reason: string, stamp: string): void {
    if (this.#complained.get(name) === stamp) return
    this.#complained.set(name, stamp)
    const { folder, warn } = this.#options
    warn('a job file cannot be used', { file: name === '' ? folder : `${folder}/${name}`, reason })
  }
}

const NOTHING_NEW: Mark = {
  change: undefined,
  report: undefined,
  steps: 0,
  samples: 0,
  isRunStart: false,
  isForProcessOnly: false,
  lease: undefined,
}

/** `4711` is a job of Slurm, `pid-4711` a process, 64 hex digits a container, `pod-<uid>` a pod. */
function claimNamed(name: string, processes: Processes): Claim | Refusal {
  const pid = /^pid-(\d{1,7})$/.exec(name)?.[1]
  if (pid !== undefined) {
    return processes.see(Number(pid))?.claim ?? new Refusal('there is no such process')
  }
  if (/^\d{1,12}$/.test(name)) return { kind: 'slurm_job', slurmJob: name }
  if (/^[0-9a-f]{64}$/.test(name)) return { kind: 'container', containerId: name }
  const podUid = /^pod-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})$/.exec(name)?.[1]
  if (podUid !== undefined) return { kind: 'pod', podUid }
  return new Refusal(
    'its name is neither a Slurm job, pid-<number>, a container’s id of 64 digits nor pod-<uid>',
  )
}

/** Whether it is the process, or one in the container, pod or job. */
function isAmong({ cgroup, claim: own }: SeenProcess, claim: Claim): boolean {
  switch (claim.kind) {
    case 'process':
      return own.startTicks === claim.startTicks
    case 'container':
      return cgroup.includes(claim.containerId)
    case 'pod':
      return cgroup.includes(claim.podUid) || cgroup.includes(claim.podUid.replaceAll('-', '_'))
    case 'slurm_job':
      return new RegExp(
        `/(?:[^/]*slurmstepd\\.scope|slurm(?:_[^/]+)?/uid_\\d+)/job_${claim.slurmJob}(?:/|$)`,
        'm',
      ).test(cgroup)
  }
}

/** Slurm's own daemon stands beside the processes of each step, as root. */
const isSchedulers = ({ uids }: SeenProcess, { kind }: Claim): boolean =>
  kind === 'slurm_job' && uids.every((uid) => uid === 0)

const stampOf = (stats: Stats | undefined): string =>
  stats === undefined ? '' : [stats.ino, stats.size, stats.mtimeMs, stats.uid].join(' ')

interface Content {
  readonly text: string
  readonly owner: number
  readonly stamp: string
  readonly isCut: boolean
}

/**
 * Through one descriptor, so that the owner is that of what is read; a link is not followed, and a pipe is not waited
 * for.
 * @returns why it cannot be used, in a sentence; undefined when it is gone
 */
function contentOf(path: string): Content | string | undefined {
  let descriptor: number
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    return code === 'ELOOP' ? 'it is a link' : `it cannot be read: ${code}`
  }
  try {
    const stats = fstatSync(descriptor)
    if (!stats.isFile()) return 'it is no regular file'
    if (stats.nlink > 1) return 'it has several names: whoever linked it need not be its owner'
    const bytes = Buffer.alloc(Math.min(stats.size, LONGEST_FILE))
    const length = readSync(descriptor, bytes, 0, bytes.length, 0)
    return {
      text: bytes.toString('latin1', 0, length),
      owner: stats.uid,
      stamp: stampOf(stats),
      isCut: stats.size > LONGEST_FILE,
    }
  } catch (cause) {
    return `it cannot be read: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`
  } finally {
    closeSync(descriptor)
  }
}
