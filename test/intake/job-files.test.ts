import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chownSync,
  linkSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { JobFiles } from '../../exporter/src/intake/job-files.ts'
import { Outbox } from '../../exporter/src/intake/outbox.ts'
import { Processes } from '../../exporter/src/intake/processes.ts'
import { UserLimits } from '../../exporter/src/intake/user-limits.ts'
import { seconds } from '../../exporter/src/units.ts'
import { linuxFiles } from '../../exporter/src/world.ts'
import type { IntakeBatch } from '../../exporter/src/workloads/marks.ts'
import { requireProgram } from '../programs.ts'

const NOBODY = 65_534

let folder: string
let files: JobFiles
let batches: IntakeBatch[]
let warnings: string[]
let now = 1000

const clock = { now: () => seconds(now), wall: () => seconds(now) }

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wattribute-jobs-'))
  batches = []
  warnings = []
  now = 1000
  files = new JobFiles({
    folder,
    processes: new Processes({ files: linuxFiles(), procfs: '/proc', sysfs: '/sys' }),
    limits: new UserLimits(),
    outbox: new Outbox((batch) => void batches.push(batch), clock),
    clock,
    counts: { linesTaken: () => undefined, linesRefused: () => undefined },
    warn: (_message, { reason = '' }) => void warnings.push(reason),
  })
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** Another time of change, whatever the resolution of this file system. */
const touch = (path: string): void => utimesSync(path, now, now)

const write = (name: string, text: string): string => {
  const path = join(folder, name)
  now += 1
  writeFileSync(path, text)
  touch(path)
  return path
}

/** What one look takes in: for whom, and the change or the steps. */
async function seen(): Promise<unknown[]> {
  await files.look()
  await new Promise((resolve) => setTimeout(resolve, 25)) // batches leave at most 20 ms after what is in them came
  return batches
    .splice(0)
    .flatMap(({ senders }) =>
      senders.flatMap(({ who, marks }) => marks.map(({ change, steps }) => ({ who, change, steps }))),
    )
}

const set = (phase: string): unknown => ({ kind: 'set', phase })
const job = { kind: 'slurm_job', slurmJob: '4711' }

describe('a job file', () => {
  test('speaks for whom it is named after', async () => {
    write('4711', 'phase=init\n')
    write('a'.repeat(64), 'phase=train\n')
    write('pod-0a1b2c3d-0000-1111-2222-333344445555', 'phase=eval\n')
    write(`pid-${process.pid}`, 'phase=load\n')
    expect(await seen()).toMatchObject([
      { who: job, change: set('init') },
      { who: { kind: 'container', containerId: 'a'.repeat(64) }, change: set('train') },
      { who: { kind: 'process', pid: process.pid }, change: set('load') },
      { who: { kind: 'pod', podUid: '0a1b2c3d-0000-1111-2222-333344445555' }, change: set('eval') },
    ])
    expect(warnings).toEqual([])
  })

  test('adds marks with the lines that are added, and begins anew when it is written anew', async () => {
    const path = write('4711', 'phase=init\n')
    expect(await seen()).toMatchObject([{ change: set('init') }])
    expect(await seen()).toEqual([])
    now += 1
    appendFileSync(path, 'phase=train\nstep\n')
    touch(path)
    expect(await seen()).toMatchObject([{ change: set('train') }, { steps: 1 }])
    write('4711', 'phase=eval\n')
    expect(await seen()).toMatchObject([{ change: set('eval') }])
    write('4711', 'phase=idle\n') // as long as before
    expect(await seen()).toMatchObject([{ change: set('idle') }])
    const other = write('.4711.new', 'phase=train\n')
    renameSync(other, path)
    expect(await seen()).toMatchObject([{ change: set('train') }])
  })

  test('is read to its last line, once that is whole', async () => {
    const path = write('4711', 'phase=in')
    expect(await seen()).toEqual([])
    now += 1
    appendFileSync(path, 'it\nphase=train')
    touch(path)
    expect(await seen()).toMatchObject([{ change: set('init') }])
    expect(await seen()).toMatchObject([{ change: set('train') }]) // nobody has written on
  })

  test('renews its phase as long as it is there, and ends it when it goes', async () => {
    const path = write('4711', 'phase=train\n')
    await seen()
    now += 61
    expect(await seen()).toEqual([{ who: job, change: undefined, steps: 0 }])
    unlinkSync(path)
    expect(await seen()).toEqual([{ who: job, change: { kind: 'clear' }, steps: 0 }])
  })

  test('that is none is left alone, and told once', async () => {
    write('notes.txt', 'phase=train\n')
    write('.hidden', 'phase=train\n')
    write('4711~', 'phase=train\n')
    const real = write('.real', 'phase=train\n')
    symlinkSync(real, join(folder, '11'))
    linkSync(real, join(folder, '12'))
    execFileSync('mkfifo', [join(folder, '13')])
    write('14', 'phase=Über\n')
    expect(await seen()).toEqual([])
    expect(await seen()).toEqual([])
    expect(warnings.sort()).toEqual([
      'it has several names: whoever linked it need not be its owner',
      'it is a link',
      'it is no regular file',
      expect.stringMatching(/^its name is neither a Slurm job, pid-<number>/),
      expect.stringMatching(/^phase=\S+ is no name of a phase/),
    ])
  })

  test('a folder that is not there is told once, and read when it comes', async () => {
    rmSync(folder, { recursive: true })
    await files.look()
    await files.look()
    expect(warnings).toEqual(['ENOENT'])
    execFileSync('mkdir', [folder])
    write('4711', 'phase=init\n')
    expect(await seen()).toHaveLength(1)
  })
})

requireProgram(
  'sleep',
  'a job file of another user',
  () => {
    let child: ChildProcess

    afterEach(() => {
      child.kill()
    })

    const own = (path: string): void => chownSync(path, NOBODY, NOBODY)

    test('cannot speak for a process of root', async () => {
      child = spawn('sleep', ['60'])
      own(write(`pid-${child.pid}`, 'phase=train\n'))
      expect(await seen()).toEqual([])
      expect(warnings).toEqual(['it has processes of other users than the file’s owner'])
    })

    test('loses its voice when its process has gone', async () => {
      child = spawn('sleep', ['60'], { uid: NOBODY, gid: NOBODY })
      own(write(`pid-${child.pid}`, 'phase=train\n'))
      expect(await seen()).toHaveLength(1)
      child.kill()
      await once(child, 'exit')
      now += 61
      expect(await seen()).toMatchObject([{ change: { kind: 'clear' } }])
      expect(warnings).toEqual(['it has no process of the file’s owner'])
    })

    test('can speak for one of its own', async () => {
      child = spawn('sleep', ['60'], { uid: NOBODY, gid: NOBODY })
      own(write(`pid-${child.pid}`, 'phase=train\n'))
      expect(await seen()).toMatchObject([{ who: { kind: 'process', pid: child.pid } }])
    })

    test('cannot speak for a job that has no process of its own, and is looked at again', async () => {
      child = spawn('sleep', ['60'])
      own(write('4711', 'phase=train\n'))
      expect(await seen()).toEqual([])
      expect(warnings).toEqual(['it has no process of the file’s owner'])
      now += 11
      expect(await seen()).toEqual([])
      expect(warnings).toHaveLength(1)
    })
  },
  { root: true },
)
