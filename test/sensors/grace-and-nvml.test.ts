/** A Grace Hopper whose GPU is read as well: the module's meter contains it, and no joule is a root twice. */
import { expect, test } from '@jest/globals'
import { loadConfig } from '../../exporter/src/config/load.ts'
import { Engine } from '../../exporter/src/engine.ts'
import { PageWriter } from '../../exporter/src/exposition/page.ts'
import type { GpuLook, Nvml, NvmlLook } from '../../exporter/src/nvml.ts'
import { watts } from '../../exporter/src/units.ts'
import { imbalancesOfPage, parsePage } from '../exposition/page-text.ts'
import { Machine } from '../machine.ts'

const GPU = 'GPU-6f1c2d3e-0000-4000-8000-00000000a100'

/** A driver that knows one GPU by its counter. */
class OneGpu implements Nvml {
  millijoules = 5_000_000n
  newest: NvmlLook | undefined

  async look(at: NvmlLook['at']): ReturnType<Nvml['look']> {
    const device: GpuLook = {
      uuid: GPU,
      index: 0,
      modelName: 'NVIDIA GH200 480GB',
      pciBusId: '0009:01:00.0',
      problem: undefined,
      millijoules: this.millijoules,
      hasCounter: true,
      power: [],
      powerLimit: watts(900),
      mig: undefined,
      processes: [],
      processesUnknown: '',
      rows: [],
      rowsSince: 0,
    }
    this.newest = { at, devices: [device] }
    return { kind: 'look', look: this.newest }
  }

  async close(): Promise<void> {}
}

test('the GPU is in its module, once', async () => {
  const machine = Machine.fromFile('grace-hopper')
  const driver = new OneGpu()
  const engine = new Engine(
    { ...machine.world, nvml: driver },
    loadConfig(undefined, () => 'UTC'),
  )
  await engine.tick(new PageWriter())
  machine.wait(4)
  driver.millijoules += 480_000n
  const writer = new PageWriter()
  await engine.tick(writer)
  const page = writer.finish().text.toString()
  const energies = Object.fromEntries(
    (parsePage(page).get('wattribute_domain_energy_joules_total') ?? []).map(({ labels, value }) => [
      `${labels['domain']} in ${labels['within'] || 'nothing'}`,
      value,
    ]),
  )
  // the module draws 300 W for 4 s, in it Grace 120 W and the GPU 480 J: 1200 - 480 - 480 = 240 J are the rest
  expect(energies).toMatchObject({
    'module-0 in nothing': '1200.000000',
    'grace-0 in module-0': '480.000000',
    [`${GPU} in module-0`]: '480.000000',
    'module-0-rest in module-0': '240.000000',
  })
  expect(Object.keys(energies).filter((name) => name.endsWith('in nothing'))).toEqual(['module-0 in nothing'])
  expect(imbalancesOfPage(page)).toEqual([])
  await engine.close()
})
