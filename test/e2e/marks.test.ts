/** The other ways in, at the real exporter: HTTP with a token, job files, and what is said where there is no socket. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CLI, ExporterProcess } from './exporter-process.ts'

jest.setTimeout(120_000)

const TOKEN = 'a-token-that-nobody-guesses'

let folder: string
let config: string
let child: ChildProcess
let exporter: ExporterProcess | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wattribute-marks-'))
  config = join(folder, 'config.yaml')
  writeFileSync(join(folder, 'token'), TOKEN)
  configure('0.5')
  child = spawn('sleep', ['100'])
})

afterEach(async () => {
  child.kill()
  await exporter?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const configure = (tick: string): void =>
  writeFileSync(
    config,
    `tick_seconds: ${tick}\nbirth_hold_seconds: 0\ntokens:\n  - name: jobs\n    token_file: ${join(folder, 'token')}\n    allow: [marks, reload]\n`,
  )

const post = async (
  running: ExporterProcess,
  path: string,
  body: unknown,
  token = TOKEN,
): Promise<number> => {
  const { status } = await running.get(path, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  return status
}

test('whoever has a token marks phases of a process, and has the configuration read again', async () => {
  const running = await ExporterProcess.start([`--config.file=${config}`])
  exporter = running
  const marks = { pid: child.pid, lines: ['phase=train', 'step=3'] }
  expect(await post(running, '/api/v1/marks', marks, 'a-token-that-is-another')).toBe(401)
  expect(await post(running, '/api/v1/queries', marks)).toBe(403)
  expect(await post(running, '/api/v1/marks', marks)).toBe(204)
  await running.page(
    (page) =>
      page.includes('wattribute_open_marks 1\n') && /_phase_steps_total\{.*phase="train"\} 3$/m.test(page),
  )

  configure('0.25')
  expect(await post(running, '/-/reload', {})).toBe(200)
  await running.line(/the configuration was read again/)
  configure('never')
  expect(await post(running, '/-/reload', {})).toBe(500)
  expect(await running.line(/the configuration was not taken over/)).toContain('tick_seconds')
  expect(running.lines.join('\n')).not.toContain(TOKEN)
  child.kill()
  await running.page((page) => page.includes('wattribute_open_marks 0\n'))
})

test('a job file marks phases as long as it is there', async () => {
  const jobs = join(folder, 'jobs')
  mkdirSync(jobs)
  const running = await ExporterProcess.start([`--config.file=${config}`, `--marks.job-directory=${jobs}`])
  exporter = running
  writeFileSync(join(jobs, `pid-${child.pid}`), 'run=start phase=load\n')
  await running.page((page) => /_phase_seconds_total\{.*phase="load",basis="marked"\} /.test(page))
  rmSync(join(jobs, `pid-${child.pid}`))
  await running.page((page) => page.includes('wattribute_open_marks 0\n'))
})

test('a socket that cannot be opened is told, the exporter measures, and the doctor sees it', async () => {
  writeFileSync(join(folder, 'file'), '')
  const path = join(folder, 'file/marks.sock')
  const running = await ExporterProcess.start([`--marks.socket=${path}`])
  exporter = running
  expect(await running.line(/there is no socket for marks/)).toContain('cannot be made')
  await running.page(() => true)
  const doctor = (socket: string): string =>
    spawnSync(process.execPath, [CLI, 'doctor', `--marks.socket=${socket}`], { encoding: 'utf8' }).stdout
  expect(doctor('/run/nowhere/marks.sock').replace(/\s+/g, ' ')).toContain(
    'no exporter listens at /run/nowhere/marks.sock now: phases cannot be marked',
  )
})
