/** From the environment of a Slurm job's process to the page: who was given a GPU pays for its idle energy. */
import { expect, test } from '@jest/globals'
import { loadConfig } from '../../exporter/src/config/load.ts'
import { Engine } from '../../exporter/src/engine.ts'
import { PageWriter } from '../../exporter/src/exposition/page.ts'
import type { NvmlLook } from '../../exporter/src/nvml.ts'
import { seconds } from '../../exporter/src/units.ts'
import { Host } from '../activity/host.ts'
import { imbalancesOfPage, parsePage, sumOf, type Families } from '../exposition/page-text.ts'
import { gpuLook } from '../nvml/gpu-look.ts'

const JOB = '/system.slice/slurmstepd.scope/job_3385/step_0/user/task_0'
const ENVIRONMENT =
  'SLURM_JOB_ID=3385\0SLURM_JOB_NAME=train-bert\0SLURM_JOB_ACCOUNT=physics\0SLURM_JOB_GPUS=1'
const BOARDS = ['GPU-0', 'GPU-1']
const TICKS = 60
/** Millijoules a second: a board of 700 W idles at 70 W by default. */
const IDLE = 70_000n

/** @returns the last page, after a minute in which nobody computed */
async function pageAfter(environment: string): Promise<Families> {
  const host = new Host('v2')
  const segments = JOB.split('/').slice(1)
  segments.forEach((_, index) => host.group(`/${segments.slice(0, index + 1).join('/')}`))
  host.start(7, 'python', JOB)
  host.machine.write('proc/7/environ', `${environment}\0`)
  let newest: NvmlLook | undefined
  const nvml = {
    look: (at: number) => {
      const millijoules = BigInt(Math.round(at - 1000)) * IDLE
      const devices = BOARDS.map((uuid, index) => gpuLook({ uuid, index, millijoules }))
      newest = { at: seconds(at), devices }
      return Promise.resolve({ kind: 'look' as const, look: newest })
    },
    get newest() {
      return newest
    },
    reopen: () => undefined,
    close: () => Promise.resolve(),
  }
  const config = { ...loadConfig(undefined), birthHoldSeconds: seconds(0) }
  const engine = new Engine({ ...host.machine.world, nvml }, config)
  let page = ''
  for (let tick = 0; tick < TICKS; tick += 1) {
    host.machine.wait(1)
    host.run(7, 5)
    const writer = new PageWriter()
    await engine.tick(writer)
    page = writer.finish().text.toString()
    expect(imbalancesOfPage(page)).toEqual([])
  }
  await engine.close()
  return parsePage(page)
}

const idleOf = (families: Families, board: string): bigint =>
  sumOf(
    families,
    'workload_accelerator_energy_joules_total',
    (labels) =>
      labels['workload'] === 'train-bert' &&
      labels['namespace'] === 'physics' &&
      labels['uuid'] === board &&
      labels['part'] === 'idle',
  )

test('a job pays for the idle energy of the board that it was given, and of no other', async () => {
  const families = await pageAfter(ENVIRONMENT)
  const [other, own] = BOARDS.map((board) => idleOf(families, board))
  expect(other).toBe(0n)
  // all but the first ticks, in which nothing was known yet
  expect(Number(own) / 1e6).toBeGreaterThan(70 * (TICKS - 5))
  expect(Number(own) / 1e6).toBeLessThanOrEqual(70 * TICKS)
})

test('a job that was given none pays for none', async () => {
  const families = await pageAfter(ENVIRONMENT.replace(/SLURM_JOB_GPUS=1/, 'SLURM_JOB_GPUS='))
  expect(BOARDS.map((board) => idleOf(families, board))).toEqual([0n, 0n])
})
