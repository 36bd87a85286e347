/** The simulated machine through the real engine: whose the joules are, against the truth that only the machine knows. */
import { beforeAll, describe, expect, test } from '@jest/globals'
import { parseConfig } from '../../exporter/src/config/load.ts'
import { simulatedMachine } from '../../exporter/src/demo/machine.ts'
import { simulatedSettings } from '../../exporter/src/demo/settings.ts'
import { Simulation } from '../../exporter/src/demo/simulation.ts'
import { SteppedClock } from '../../exporter/src/demo/stepped-clock.ts'
import { SimulatedWork } from '../../exporter/src/demo/work.ts'
import { Engine } from '../../exporter/src/engine.ts'
import { PageWriter } from '../../exporter/src/exposition/page.ts'
import { seconds } from '../../exporter/src/units.ts'
import { imbalancesOfPage, parsePage, sumOf, type Families } from '../exposition/page-text.ts'

const NOBODY_THERE = {
  roomUrl: 'http://127.0.0.1:9',
  serverUrls: new Map([
    ['llama-chat', 'http://127.0.0.1:7'],
    ['code-assistant', 'http://127.0.0.1:11'],
  ]),
  quiet: () => Promise.resolve(),
  close: () => Promise.resolve(),
}

async function played(length: number): Promise<{
  readonly page: string
  readonly workloads: readonly string[]
  readonly simulation: Simulation
}> {
  const simulation = new Simulation()
  const clock = new SteppedClock(1_800_000_000)
  const config = parseConfig(simulatedSettings(NOBODY_THERE, undefined), 'the demo')
  const engine = new Engine(simulatedMachine(simulation, clock, seconds(0)), config)
  const work = new SimulatedWork()
  let writer = new PageWriter()
  for (let time = 0; time <= length; time += 1) {
    clock.advanceTo(time)
    engine.takeIn(work.at(time, clock.now()))
    writer = new PageWriter()
    await engine.tick(writer)
  }
  const workloads = engine.overview().workloads.map(({ workload }) => workload)
  await engine.close()
  return { page: writer.finish().text.toString(), workloads, simulation }
}

const MINUTES_10 = 600
const GPU_6 = 'GPU-51da0000-0000-4000-8000-000000000006'
const GPU_4 = 'GPU-51da0000-0000-4000-8000-000000000004'

describe('ten minutes of the simulated machine', () => {
  let page = ''
  let families: Families = new Map()
  let workloads: readonly string[] = []
  let simulation = new Simulation()

  beforeAll(async () => {
    ;({ page, workloads, simulation } = await played(MINUTES_10))
    families = parsePage(page)
  }, 60_000)

  test('are booked to the microjoule', () => {
    expect(imbalancesOfPage(page)).toEqual([])
  })

  test('tell every workload, and AI from other IT', () => {
    const kinds = new Map(
      (families.get('wattribute_workload_info') ?? []).map(({ labels }) => [
        labels['workload'],
        labels['kind'],
      ]),
    )
    expect(Object.fromEntries(kinds)).toMatchObject({
      'finetune-llama': 'training',
      'llama-chat': 'inference',
      'code-assistant': 'inference',
      'embed-documents': 'inference',
      jupyter: 'interactive',
      postgresql: 'system',
      nginx: 'system',
    })
  })

  test('are shown on the start page once for each workload, whatever its phases', () => {
    expect(workloads).toContain('finetune-llama')
    expect(new Set(workloads).size).toBe(workloads.length)
  })

  test('tell models and precisions', () => {
    const models = new Set(
      (families.get('wattribute_workload_energy_joules_total') ?? []).map(
        ({ labels: { workload, model, variant } }) => `${workload} ${model} ${variant}`,
      ),
    )
    for (const one of [
      'finetune-llama meta-llama/Llama-3.1-8B bf16',
      'llama-chat RedHatAI/Llama-3.1-8B-Instruct fp8',
      'code-assistant Qwen/Qwen2.5-Coder-14B-Instruct awq',
    ])
      expect(models).toContain(one)
  })

  test('book a GPU that one workload has to that workload alone, all of it', () => {
    const ofGpu = (families.get('wattribute_workload_accelerator_energy_joules_total') ?? []).filter(
      ({ labels }) => labels['uuid'] === GPU_4,
    )
    expect(new Set(ofGpu.map(({ labels }) => labels['workload']))).toEqual(new Set(['llama-chat']))
    const booked = sumOf(families, 'workload_accelerator_energy_joules_total', ({ uuid }) => uuid === GPU_4)
    const measured = sumOf(families, 'domain_energy_joules_total', ({ domain }) => domain === GPU_4)
    const unseen = sumOf(
      families,
      'unattributed_energy_joules_total',
      ({ component }) => component === 'accelerator',
    )
    expect(String(booked)).toBe(String(measured))
    // nobody has the sixth
    const free = sumOf(families, 'domain_energy_joules_total', ({ domain }) => domain === GPU_6)
    expect(String(unseen)).toBe(String(free))
  })

  test('split the training run into the phases that it marked and reported, and all of it adds up', () => {
    const mine = (family: string, phase?: string): bigint =>
      sumOf(
        families,
        family,
        (labels) =>
          labels['workload'] === 'finetune-llama' && (phase === undefined || labels['phase'] === phase),
      )
    const phases = new Set(
      (families.get('wattribute_workload_energy_joules_total') ?? []).flatMap(({ labels }) =>
        labels['workload'] === 'finetune-llama' ? [labels['phase'] ?? ''] : [],
      ),
    )
    expect(phases).toEqual(
      new Set([
        'data_load',
        'train',
        'train/forward',
        'train/backward',
        'train/optimizer',
        'eval',
        'checkpoint',
      ]),
    )
    const parts = Array.from(phases, (phase) => mine('workload_energy_joules_total', phase))
    expect(String(parts.reduce((sum, one) => sum + one, 0n))).toBe(
      String(mine('container_energy_joules_total')),
    )
  })

  test('are close to the truth for who has GPUs of their own', () => {
    for (const workload of ['finetune-llama', 'llama-chat']) {
      const booked = Number(
        sumOf(
          families,
          'workload_energy_joules_total',
          (labels) => labels['workload'] === workload && labels['part'] === 'accelerator',
        ),
      )
      const truth = (simulation.truth.get(workload)?.accelerator ?? 0) * 1e6
      // The default of the idle power is 70 W where 72 W are true: 2 of some hundred watts for each GPU.
      expect(Math.abs(booked - truth) / truth).toBeLessThan(0.02)
    }
  })
})
