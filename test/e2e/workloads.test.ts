/**
 * Real processes that look like AI: scripts that are called as launchers and servers are, an engine with a title of its
 * own, an exec that keeps the name. What the built exporter and its doctor call them.
 */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { WorkloadFindings } from '../../exporter/src/doctor/workloads.ts'
import { parsePage, sumOf, type Families } from '../exposition/page-text.ts'
import { requireProgram } from '../programs.ts'
import { ControlGroup } from './control-group.ts'
import { CLI, ExporterProcess } from './exporter-process.ts'

jest.setTimeout(120_000)

const DIGEST = '0123456789abcdef'.repeat(4)
const SECRET = 'sEcReT-0123456789'

/** Works for a few milliseconds in each hundred. */
const WORK = `
import time
def work():
    end = time.monotonic() + 0.02
    while time.monotonic() < end: pass
    time.sleep(0.08)
`
const ENGINE = `process.title = 'VLLM::EngineCore'
setInterval(() => { const end = Date.now() + 20; while (Date.now() < end); }, 100)`

/** By name; each script is given what it shall start. */
const SCRIPTS = {
  vllm: `${WORK}
import subprocess, sys
if '--engine' in sys.argv: subprocess.Popen([${JSON.stringify(process.execPath)}, '-e', ${JSON.stringify(ENGINE)}])
while True: work()
`,
  torchrun: `
import subprocess, sys
subprocess.Popen([sys.executable, '-u'] + sys.argv[1:]).wait()
`,
  ollama: `${WORK}
while True: work()
`,
  'train.py': `${WORK}
while True: work()
`,
  'mine.py': `${WORK}
while True: work()
`,
  'change.py': `${WORK}
import os, sys
for _ in range(30): work()
os.execv(sys.executable, [sys.executable, sys.argv[1], 'serve', 'after/exec'])
`,
}

const RULES = `
tick_seconds: 0.5
birth_hold_seconds: 0
workloads:
  - match: { unit: nobody.service }
    workload: nobody
  - match:
      command: '*/mine.py *'
      environment: { PROJECT: climate-* }
    workload: climate
    kind: other
`

interface Labels {
  readonly workload?: string
  readonly kind?: string
  readonly model?: string
  readonly variant?: string
}

requireProgram('python3', 'processes that look like AI', (python) => {
  const folder = mkdtempSync(join(tmpdir(), 'wattribute-ai-'))
  const config = join(folder, 'wattribute.yaml')
  const started: ChildProcess[] = []
  let group: ControlGroup
  let exporter: ExporterProcess

  const path = (name: keyof typeof SCRIPTS): string => join(folder, name)

  const start = (command: readonly string[]): ChildProcess => {
    const [program = '', ...words] = command
    const child = spawn(program, words, {
      detached: true, // so that all that it starts can be ended with it
      stdio: 'ignore',
      env: { ...process.env, HF_TOKEN: SECRET, PROJECT: 'climate-4' },
    })
    started.push(child)
    return child
  }

  const joulesOf = (page: Families, wanted: Labels): bigint =>
    sumOf(page, 'workload_energy_joules_total', (labels) =>
      Object.entries(wanted).every(([label, value]) => labels[label] === value),
    )

  const pageWith = async (...wanted: readonly Labels[]): Promise<Families> =>
    parsePage(
      await exporter.page((text) => {
        const page = parsePage(text)
        return wanted.every((labels) => joulesOf(page, labels) > 0n)
      }, 60),
    )

  beforeAll(async () => {
    for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(join(folder, name), text)
    writeFileSync(config, RULES)
    const manifest = join(folder, 'models/manifests/registry.ollama.ai/library/llama3.1/8b-instruct-q4_K_M')
    mkdirSync(dirname(manifest), { recursive: true })
    const layer = { mediaType: 'application/vnd.ollama.image.model', digest: `sha256:${DIGEST}` }
    writeFileSync(manifest, JSON.stringify({ layers: [layer] }))
    group = new ControlGroup()
    start([python, path('ollama'), 'runner', '--model', join(folder, `models/blobs/sha256-${DIGEST}`)])
    start([python, path('vllm'), 'serve', 'Qwen/Qwen3-14B-FP8', '--engine', '--api-key', SECRET])
    start([
      python,
      path('torchrun'),
      path('train.py'),
      '--model_name_or_path',
      'x/trained',
      `--hf-token=${SECRET}`,
    ])
    start([python, path('mine.py'), `--password=${SECRET}`])
    start([python, path('train.py'), SECRET])
    exporter = await ExporterProcess.start([`--config.file=${config}`, '--log.level=debug'])
  })

  afterAll(async () => {
    for (const { pid } of started) if (pid !== undefined) process.kill(-pid, 'SIGKILL')
    await exporter.stop()
    await group.remove()
    rmSync(folder, { recursive: true })
  })

  describe('the page', () => {
    test('names servers, launchers and what a rule is about, and never shows a secret', async () => {
      const page = await pageWith(
        { workload: 'Qwen/Qwen3-14B', kind: 'inference', model: 'Qwen/Qwen3-14B', variant: 'fp8' },
        { workload: 'x/trained', kind: 'training', model: 'x/trained' },
        { workload: 'llama3.1:8b-instruct', kind: 'inference', variant: 'q4_k_m' },
        { workload: 'climate', kind: 'other', model: '' },
        { kind: 'unknown', model: '' },
      )
      const comms = (page.get('wattribute_process_energy_joules_total') ?? [])
        .filter(({ labels }) => labels['workload'] === 'Qwen/Qwen3-14B')
        .map(({ labels }) => labels['comm'])
      expect(new Set(comms)).toEqual(new Set(['python3', 'VLLM::EngineCor'])) // the engine is its server's
      for (const path of ['/metrics', '/', '/api/v1/ledger', '/api/v1/sensors']) {
        expect((await exporter.get(path)).body).not.toContain(SECRET)
      }
      expect(exporter.lines.join('\n')).not.toContain(SECRET)
    })

    test('a container is one workload, whoever in it uses energy', async () => {
      const inside = { workload: group.containerId.slice(0, 12) }
      start(group.enter([python, path('vllm'), 'serve', 'in/container', '--served-model-name', 'chat']))
      const sh = 'while :; do i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; sleep 0.05; done'
      start(group.enter(['sh', '-c', sh]))
      const page = await pageWith({ ...inside, kind: 'inference', model: 'chat' })
      const later = Number(page.get('wattribute_last_tick_timestamp_seconds')?.[0]?.value) + 3
      const settled = parsePage(
        await exporter.page((text) => {
          const tick = parsePage(text).get('wattribute_last_tick_timestamp_seconds')?.[0]?.value
          return Number(tick) > later
        }),
      )
      const grown = (labels: Labels): bigint => joulesOf(settled, labels) - joulesOf(page, labels)
      expect(grown({ ...inside, model: 'chat' })).toBeGreaterThan(0n)
      expect(grown(inside) - grown({ ...inside, model: 'chat' })).toBe(0n)
    })

    test('after an exec the same process is another workload', async () => {
      start([python, path('change.py'), path('vllm')])
      await pageWith({ workload: 'after/exec', kind: 'inference', model: 'after/exec' })
    })

    test('the books balance through all of it', async () => {
      const { body } = await exporter.get()
      const errors = parsePage(body).get('wattribute_conservation_error_joules') ?? []
      expect(errors.length).toBeGreaterThan(0)
      expect(errors.filter(({ value }) => Number(value) !== 0)).toEqual([])
    })
  })

  describe('the doctor', () => {
    const doctor = async (...flags: readonly string[]): Promise<string> => {
      const words = [CLI, 'doctor', '--workloads', `--config.file=${config}`, ...flags]
      const { stdout } = await promisify(execFile)(process.execPath, words)
      expect(stdout).not.toContain(SECRET)
      return stdout
    }

    test('says which rule, or which process, named each', async () => {
      const { workloads } = JSON.parse(await doctor('--json')) as WorkloadFindings
      const reasonsOf = (wanted: Labels): readonly string[] =>
        workloads
          .filter((one) => Object.entries(wanted).every(([key, value]) => one[key as keyof Labels] === value))
          .flatMap(({ reasons }) => reasons)
      const server = started.find(({ spawnargs }) => spawnargs.includes('Qwen/Qwen3-14B-FP8'))?.pid
      expect(reasonsOf({ workload: 'Qwen/Qwen3-14B' })).toEqual(
        expect.arrayContaining([
          'recognised: arguments of vllm',
          `recognised: arguments of vllm, of its ancestor or server, process ${server ?? 0}`,
        ]),
      )
      expect(reasonsOf({ workload: 'climate' })).toContain(
        'rule 2 of the configuration, line 7: workload, kind',
      )
      expect(reasonsOf({ workload: 'x/trained' }).join()).toContain('arguments of torchrun')
    })

    test('and the same for people', async () => {
      expect(await doctor()).toContain('Qwen/Qwen3-14B: inference, model Qwen/Qwen3-14B, variant fp8')
    })
  })
})
