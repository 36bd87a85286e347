/**
 * Real processes mark their phases at the real exporter while they are busy and idle in turn, and a RAPL tree spends
 * as they do: a workload's phases make up its total to the microjoule, each within one tick's step of power per edge.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { CounterWatch } from '../exposition/counter-watch.ts'
import { imbalancesOfPage, parsePage, sumOf, type Families } from '../exposition/page-text.ts'
import { requireProgram } from '../programs.ts'
import { ControlGroup } from './control-group.ts'
import { deadline } from './deadline.ts'
import { ExporterProcess } from './exporter-process.ts'
import { RaplTree } from './rapl-tree.ts'

jest.setTimeout(120_000)

const PACKAGE = 'intel-rapl:0'
/** In seconds, as the exporter's default. */
const TICK = 1
/** Spent while the worker is busy; nothing while it is not. */
const BUSY_WATTS = 40
const SPEND_MILLISECONDS = 50

/** Three seconds busy, three idle, in turn; says which on its output, and then waits for the end of its input. */
const WORKER = `
import os, socket, sys, time
marks = socket.socket(socket.AF_UNIX)
marks.connect(sys.argv[1])
def mark(line): marks.sendall((line + "\\n").encode())
def say(word): print(word, flush=True)
def busy(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end: sum(range(1000))
mark("run=start")
for _ in range(2):
    mark("phase=train step samples=32"); say("busy")
    busy(3)
    say("idle"); mark("phase=idle")
    time.sleep(3)
mark("queries=3 input_tokens=120 cached_input_tokens=20 output_tokens=400 model=llama-3.1-8b")
mark("phase=eval"); say("busy")
for _ in range(6):
    busy(0.5)
    mark("phase=eval/forward dur=0.4")
say("idle"); mark("phase=checkpoint")
say("done")
sys.stdin.read()
`

requireProgram(
  'python3',
  'a worker that marks its phases',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'wattribute-phases-'))
    const socket = join(folder, 'run/marks.sock')
    const tree = new RaplTree([{ folder: PACKAGE, name: 'package-0', start: 0n, range: 262_143_328_850n }])
    const group = new ControlGroup()
    const workload = group.containerId.slice(0, 12)
    const watch = new CounterWatch()
    let flags: readonly string[] = []
    let exporter: ExporterProcess
    let worker: ChildProcess
    let injection: NodeJS.Timeout | undefined
    let state = ''

    const isOurs = (labels: Readonly<Record<string, string>>): boolean => labels['workload'] === workload
    const energyOf = (families: Families, phase: string): bigint =>
      sumOf(families, 'workload_energy_joules_total', (labels) => isOurs(labels) && labels['phase'] === phase)
    const secondsOf = (families: Families, phase: string): number =>
      Number(
        families
          .get('wattribute_workload_phase_seconds_total')
          ?.find(({ labels }) => isOurs(labels) && labels['phase'] === phase)?.value ?? 0,
      )

    beforeAll(async () => {
      chmodSync(folder, 0o755)
      const config = join(folder, 'config.yaml')
      writeFileSync(
        config,
        `tick_seconds: ${TICK}\nbirth_hold_seconds: 0\nbaselines:\n  - { domain: package-0, watts: 0 }\n`,
      )
      flags = [
        `--path.sysfs=${tree.sysfs}`,
        `--config.file=${config}`,
        `--marks.socket=${socket}`,
        `--storage.path=${join(folder, 'books')}`,
      ]
      exporter = await ExporterProcess.start(flags)
      await exporter.page((page) => page.includes('domain="package-0"'))
      const [program, ...words] = group.enter(['python3', '-c', WORKER, socket])
      worker = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] })
      if (worker.stdout === null) throw new Error('the worker has no output')
      createInterface(worker.stdout).on('line', (line) => (state = line))
      injection = setInterval(() => {
        if (state === 'busy') tree.spend(PACKAGE, (BUSY_WATTS * SPEND_MILLISECONDS * 1e6) / 1000)
      }, SPEND_MILLISECONDS)
    })

    afterAll(async () => {
      clearInterval(injection)
      worker.stdin?.end()
      await group.remove()
      await exporter.stop()
      tree.remove()
      rmSync(folder, { recursive: true, force: true })
    })

    test('has all of its energy by phase, to the microjoule', async () => {
      const isDone = async (): Promise<void> => {
        while (state !== 'done') {
          const { status, body } = await exporter.get()
          if (status === 200) {
            expect(imbalancesOfPage(body)).toEqual([])
            expect(watch.fallen(parsePage(body))).toEqual([])
          }
          await new Promise((resolve) => setTimeout(resolve, 200))
        }
      }
      await deadline(isDone(), 60, () => `the worker is ${state}`)
      const page = await exporter.page((text) => {
        const families = parsePage(text)
        const spent = sumOf(families, 'domain_energy_joules_total', ({ domain }) => domain === 'package-0')
        return spent === (tree.spent.get(PACKAGE) ?? 0n) && secondsOf(families, 'checkpoint') > 0
      })
      const families = parsePage(page)
      const total = sumOf(families, 'workload_energy_joules_total', isOurs)
      const names = ['', 'train', 'idle', 'checkpoint', 'eval', 'eval/forward']
      const phases = names.map((phase) => energyOf(families, phase))
      expect(String(phases.reduce((sum, one) => sum + one, 0n))).toBe(String(total))
      const container = sumOf(
        families,
        'container_energy_joules_total',
        ({ container_id: id }) => id === group.containerId,
      )
      expect(String(container)).toBe(String(total))

      // nothing was spent while it was idle: what is booked there comes from the edges, of which there are six
      const [before = 0n, train = 0n, idle = 0n, checkpoint = 0n, evaluation = 0n, forward = 0n] = phases
      expect(train > 0n).toBe(true)
      expect(Number(idle + before + checkpoint) / 1e6).toBeLessThanOrEqual(6 * BUSY_WATTS * TICK)
      // four fifths of the time that it was in evaluation, as it has reported
      expect(forward > evaluation).toBe(true)
      expect(watch.fallen(families)).toEqual([])
    })

    test('has its seconds, steps, samples and the start of its run', async () => {
      const families = parsePage(await exporter.page(() => true))
      const valuesOf = (name: string): Record<string, string> =>
        Object.fromEntries(
          (families.get(`wattribute_${name}`) ?? [])
            .filter(({ labels }) => isOurs(labels))
            .map(({ labels, value }) => [labels['phase'] ?? '', value]),
        )
      expect(valuesOf('workload_phase_steps_total')).toEqual({ train: '2', 'eval/forward': '6' })
      expect(valuesOf('workload_phase_samples_total')).toEqual({ train: '64' })
      // it sleeps and works for as long as it says, or longer on a machine that is loaded
      expect(secondsOf(families, 'train')).toBeGreaterThanOrEqual(5.9)
      expect(secondsOf(families, 'idle')).toBeGreaterThanOrEqual(5.9)
      const [run] =
        families
          .get('wattribute_workload_run_start_timestamp_seconds')
          ?.filter(({ labels }) => isOurs(labels)) ?? []
      const [queries] =
        families.get('wattribute_workload_queries_total')?.filter(({ labels }) => isOurs(labels)) ?? []
      expect(queries).toMatchObject({ labels: { source: 'client', model: 'llama-3.1-8b' }, value: '3' })
      // 0.4 s by each of six reports; of what was booked before the first, nothing can be taken back
      expect(secondsOf(families, 'eval/forward')).toBeGreaterThan(1.99)
      expect(secondsOf(families, 'eval/forward')).toBeLessThan(2.41)
      expect(Math.abs(Number(run?.value) - Date.now() / 1000)).toBeLessThan(600)
    })

    test('is in its phase still when the exporter was killed and is there again', async () => {
      const before = parsePage(await exporter.page(() => true))
      await exporter.stop('SIGKILL')
      exporter = await ExporterProcess.start(flags)
      const page = await exporter.page((text) => {
        const families = parsePage(text)
        expect(watch.fallen(withoutSelf(families))).toEqual([])
        return secondsOf(families, 'checkpoint') > secondsOf(before, 'checkpoint')
      })
      expect(page).toContain('wattribute_open_marks 1\n')
      expect(imbalancesOfPage(page)).toEqual([])
      expect(secondsOf(parsePage(page), 'train')).toBe(secondsOf(before, 'train'))
    })

    test('a flood from another process does not stop the ticks', async () => {
      const ticksOn = async (): Promise<number> =>
        Number(/^wattribute_tick_duration_seconds_count (\d+)$/m.exec((await exporter.get()).body)?.[1])
      const before = await ticksOn()
      const client = connect(socket)
      client.on('error', () => undefined)
      client.resume()
      const line = 'phase=train/forward dur=0.0001\nbegin=eval\nend\nstep\n'
      const flood = setInterval(() => client.write(line.repeat(250)), 100) // 10,000 lines a second
      await exporter.page((page) => {
        const taken = /^wattribute_intake_lines_total\{transport="socket"\} (\d+)$/m.exec(page)?.[1]
        return Number(taken) > 20_000
      })
      const middle = await ticksOn()
      expect(middle).toBeGreaterThan(before)
      await exporter.page((page) => {
        const count = /^wattribute_tick_duration_seconds_count (\d+)$/m.exec(page)?.[1]
        expect(imbalancesOfPage(page)).toEqual([])
        return Number(count) > middle + 2
      })
      clearInterval(flood)
      client.destroy()
    })

    test('ends with its process', async () => {
      worker.stdin?.end()
      await exporter.page((page) => page.includes('wattribute_open_marks 0\n'))
    })
  },
  { root: true },
)

const withoutSelf = <T>(families: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
  new Map(Array.from(families).filter(([name]) => !/^wattribute_(engine_restarts|intake_)/.test(name)))
