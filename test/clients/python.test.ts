/** The Python module against the running exporter, and its own tests. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ExporterProcess } from '../e2e/exporter-process.ts'
import { requireProgram, withProgram } from '../programs.ts'
import { PYTHON } from '../intake/open-socket.ts'
import { PYTHON_ENV, PYTHON_FOLDER, PythonClient } from './python-client.ts'

jest.setTimeout(120_000)

withProgram('env', 'the module passes its own tests', (run) => {
  const words = [PYTHON, '-m', 'unittest', 'discover', '-t', PYTHON_FOLDER, '-s', `${PYTHON_FOLDER}/tests`]
  const environment = Object.entries(PYTHON_ENV).map(([name, value]) => `${name}=${value}`)
  const { status, output } = run([...environment, ...words], '')
  expect(output).toMatch(/^Ran \d{2,} tests/m)
  expect(output).toMatch(/\nOK\n$/)
  expect(status).toBe(0)
})

requireProgram(PYTHON, 'a script with the module', (python) => {
  let folder: string
  let socket: string
  let exporter: ExporterProcess | undefined
  let script: PythonClient

  const start = async (): Promise<ExporterProcess> => {
    const config = join(folder, 'config.yaml')
    writeFileSync(config, 'tick_seconds: 0.5\nbirth_hold_seconds: 0\n')
    exporter = await ExporterProcess.start([`--config.file=${config}`, `--marks.socket=${socket}`])
    return exporter
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'wattribute-python-'))
    socket = join(folder, 'run/marks.sock')
    script = new PythonClient(python, socket)
  })

  afterEach(async () => {
    await script.end()
    await exporter?.stop()
    exporter = undefined
    rmSync(folder, { recursive: true, force: true })
  })

  const has = (family: string, phase: string, value: string): ((page: string) => boolean) => {
    const pattern = new RegExp(
      `^wattribute_workload_${family}\\{[^}]*phase="${phase}"[^}]*\\} ${value}$`,
      'm',
    )
    return (page) => pattern.test(page)
  }

  test('has its phases, steps, samples, runs and queries counted', async () => {
    const running = await start()
    await script.run('wattribute.run_start("init")')
    await running.page((page) => /^wattribute_workload_run_start_timestamp_seconds\{.*\} \d/m.test(page))
    await script.run('wattribute.set_phase("train")')
    await script.run('[wattribute.step(samples=32) for _ in range(1000)]')
    await script.run('eval_phase = wattribute.phase("eval"); eval_phase.__enter__()')
    await script.run('wattribute.step(samples=5)')
    await script.run('eval_phase.__exit__()')
    await script.run('wattribute.queries(3, input_tokens=120, output_tokens=400, model="llama-3.1-8b")')
    await script.run('wattribute.report("train/forward", 0.5, n=4)')
    const conditions = [
      has('phase_steps_total', 'train', '1000'),
      has('phase_samples_total', 'train', '32000'),
      has('phase_steps_total', 'eval', '1'),
      has('phase_samples_total', 'eval', '5'),
      has('phase_steps_total', 'train/forward', '4'),
      (page: string) => /^wattribute_workload_queries_total\{.*model="llama-3.1-8b".*\} 3$/m.test(page),
      (page: string) => page.includes('wattribute_open_marks 1\n'),
    ]
    const page = await running.page((text) => conditions.every((holds) => holds(text)))
    expect(page).toMatch(/_phase_seconds_total\{.*phase="init",basis="marked"\} /)
    expect(await script.end()).toBe(0)
    await running.page((text) => text.includes('wattribute_open_marks 0\n'))
  })

  test('goes on when the exporter is killed, and says to the next one what is open', async () => {
    const first = await start()
    await script.run('wattribute.set_phase("train"); wattribute.begin("eval"); wattribute.step(3)')
    await first.page(has('phase_steps_total', 'eval', '3'))
    await first.stop('SIGKILL')
    await script.run('[wattribute.step() for _ in range(100_000)]')
    const second = await start()
    await second.page((page) => page.includes('wattribute_open_marks 1\n'))
    await script.run('wattribute.step(7)')
    await second.page(has('phase_steps_total', 'eval', '[1-9]\\d*'))
    expect(await script.end()).toBe(0)
  })

  test('marks what its forked children do as theirs', async () => {
    const running = await start()
    await script.run('import os; wattribute.set_phase("train"); wattribute.step(2)')
    await running.page(has('phase_steps_total', 'train', '2'))
    await script.run('gate, opener = os.pipe()')
    await script.run(
      'child = os.fork(); child or (os.close(opener), wattribute.begin("data"), wattribute.step(9), os.read(gate, 1), os._exit(0))',
    )
    await running.page(has('phase_steps_total', 'data', '9'))
    await script.run('os.close(opener); os.waitpid(child, 0)')
    const page = await running.page((text) => text.includes('wattribute_open_marks 1\n'))
    expect(has('phase_steps_total', 'train', '2')(page)).toBe(true)
    expect(page).not.toMatch(/^wattribute_intake_lines_refused_total\{.*\} [1-9]/m)
  })

  test('counts what nobody hears, and ends as if nothing were', async () => {
    await script.run('[wattribute.set_phase("train") for _ in range(50_000)]')
    await script.run('wattribute.close()')
    await script.run('assert wattribute.counts() == {"sent": 0, "dropped": 50_000, "refused": 0}')
    expect(await script.end()).toBe(0)
  })
})
