/** The shell script and Slurm's prolog and epilog against the running exporter. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ExporterProcess } from '../e2e/exporter-process.ts'
import { requireProgram } from '../programs.ts'

jest.setTimeout(120_000)

const pathOf = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url))
const MARK = pathOf('clients/shell/wattribute-mark')
const PROLOG = pathOf('deploy/slurm/prolog.sh')
const EPILOG = pathOf('deploy/slurm/epilog.sh')

let folder: string
let jobs: string
let socket: string
let exporter: ExporterProcess | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wattribute-shell-'))
  jobs = join(folder, 'jobs')
  socket = join(folder, 'run/marks.sock')
})

afterEach(async () => {
  await exporter?.stop()
  exporter = undefined
  rmSync(folder, { recursive: true, force: true })
})

const environment = (more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  WATTRIBUTE_MARKS_SOCKET: socket,
  WATTRIBUTE_JOBS: jobs,
  ...more,
})

const run = (
  file: string,
  words: readonly string[] = [],
  more: Readonly<Record<string, string>> = {},
): { readonly status: number | null; readonly output: string } => {
  const { status, stdout, stderr } = spawnSync(file, words, { encoding: 'utf8', env: environment(more) })
  return { status, output: `${stdout}${stderr}` }
}

describe('wattribute-mark', () => {
  requireProgram('python3', 'with python3', () => {
    let shell: ChildProcess | undefined

    afterEach(() => {
      shell?.kill()
    })

    test('marks the phase of the shell that has called it', async () => {
      const running = await ExporterProcess.start([`--marks.socket=${socket}`])
      exporter = running
      const script = `"$0" run=start phase=load; "$0" step=3; "$0" phase=train step=4; read -r line`
      shell = spawn('sh', ['-c', script, MARK], { env: environment(), stdio: ['pipe', 'inherit', 'inherit'] })
      await running.page(
        (page) =>
          /_phase_steps_total\{.*phase="load"\} 3$/m.test(page) &&
          /_phase_steps_total\{.*phase="train"\} 4$/m.test(page) &&
          page.includes('wattribute_open_marks 1\n'),
      )
      shell.stdin?.end()
      await running.page((page) => page.includes('wattribute_open_marks 0\n'))
    })

    test('says why a line was not taken, and ends well', async () => {
      exporter = await ExporterProcess.start([`--marks.socket=${socket}`])
      expect(run(MARK, ['phase=a b'])).toEqual({
        status: 0,
        output: 'wattribute-mark: error: "b" is not known here\n'.replaceAll('"', ''),
      })
    })
  })

  test('writes job files where there is no socket', () => {
    mkdirSync(jobs)
    expect(run(MARK, ['phase=train'], { SLURM_JOB_ID: '4711' })).toEqual({ status: 0, output: '' })
    expect(run(MARK, ['step=2', 'samples=64'], { SLURM_JOB_ID: '4711' })).toEqual({ status: 0, output: '' })
    expect(readFileSync(join(jobs, '4711'), 'utf8')).toBe('phase=train\nstep=2 samples=64\n')
    expect(run(MARK, ['phase=eval'], { SLURM_JOB_ID: '' })).toEqual({ status: 0, output: '' })
    expect(readFileSync(join(jobs, `pid-${process.pid}`), 'utf8')).toBe('phase=eval\n')
  })

  test('ends well where nobody listens, and says so', () => {
    expect(run(MARK, ['phase=train'])).toEqual({
      status: 0,
      output: `wattribute-mark: no exporter listens at ${socket}\n`,
    })
    expect(run(MARK).output).toBe('wattribute-mark: say what to mark, such as phase=eval\n')
    expect(run(MARK, ['phase=a\nphase=b']).output).toBe('wattribute-mark: a mark is one line\n')
    expect(existsSync(jobs)).toBe(false)
  })
})

describe('the prolog and the epilog of Slurm', () => {
  test('open a job’s file, which others may read, and take it away', () => {
    const job = { SLURM_JOB_ID: '4711' }
    expect(run(PROLOG, [], job)).toEqual({ status: 0, output: '' })
    expect(readFileSync(join(jobs, '4711'), 'utf8')).toBe('run=start phase=init\n')
    expect(readdirSync(jobs)).toEqual(['4711'])
    expect(run(EPILOG, [], job)).toEqual({ status: 0, output: '' })
    expect(readdirSync(jobs)).toEqual([])
    expect(run(EPILOG, [], job).status).toBe(0)
  })

  test('touch nothing else, whatever the environment says', () => {
    mkdirSync(jobs)
    for (const id of ['', '../escaped', '4711 4712', '-rf', '*']) {
      expect(run(PROLOG, [], { SLURM_JOB_ID: id })).toEqual({ status: 0, output: '' })
      expect(run(EPILOG, [], { SLURM_JOB_ID: id })).toEqual({ status: 0, output: '' })
    }
    expect(readdirSync(jobs)).toEqual([])
    expect(readdirSync(folder)).toEqual(['jobs'])
    const elsewhere = join(folder, 'elsewhere')
    symlinkSync(elsewhere, join(jobs, '4711'))
    expect(run(PROLOG, [], { SLURM_JOB_ID: '4711' }).status).toBe(0)
    expect(existsSync(elsewhere)).toBe(false)
    expect(run(PROLOG, [], { SLURM_JOB_ID: '1', WATTRIBUTE_JOBS: '/proc/nowhere' })).toEqual({
      status: 0,
      output: '',
    })
  })

  test('are heard by the exporter', async () => {
    mkdirSync(jobs)
    const running = await ExporterProcess.start([`--marks.job-directory=${jobs}`])
    exporter = running
    run(PROLOG, [], { SLURM_JOB_ID: '4711' })
    await running.page((page) => /^wattribute_intake_lines_total\{transport="file"\} [1-9]/m.test(page))
    expect((await running.get()).body).not.toMatch(
      /^wattribute_intake_lines_refused_total\{transport="file",.*\} [1-9]/m,
    )
  })
})
