/** The exporter beside a container runtime: what its page says about containers that did a known amount of work. */
import { expect } from '@jest/globals'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ControlGroup } from '../e2e/control-group.ts'
import { ExporterProcess } from '../e2e/exporter-process.ts'
import { parsePage, sumOf, type Families } from '../exposition/page-text.ts'
import { groupSeconds, hasCounted, type RuntimeFolder } from './real-runtime.ts'

export interface Worker {
  readonly id: string
  readonly pid: number
}

export class NamedExporter {
  readonly #exporter: ExporterProcess
  readonly #group: ControlGroup

  private constructor(exporter: ExporterProcess, group: ControlGroup) {
    this.#exporter = exporter
    this.#group = group
  }

  /** A group that is there beforehand tells the exporter which tree is used on hybrid machines. */
  static async start(host: RuntimeFolder, words = ''): Promise<NamedExporter> {
    const group = new ControlGroup()
    const config = join(host.path, 'wattribute.yaml')
    writeFileSync(config, `tick_seconds: 0.5\nbirth_hold_seconds: 1\n${words}`)
    const flags = [`--path.rootfs=${host.path}`, `--config.file=${config}`]
    return new NamedExporter(await ExporterProcess.start(flags), group)
  }

  async stop(): Promise<void> {
    await this.#exporter.stop()
    await this.#group.remove()
  }

  /** The first page of a tick that began when all work was done, and after every account is shown. */
  async settledPage(workers: readonly Worker[]): Promise<Families> {
    for (const { pid } of workers) await hasCounted(pid)
    const after = Date.now() / 1000 + 3
    const page = await this.#exporter.page(
      (text) => Number(parsePage(text).get('wattribute_last_tick_timestamp_seconds')?.[0]?.value) > after,
    )
    return parsePage(page)
  }

  get log(): readonly string[] {
    return this.#exporter.lines
  }
}

/** Active energy that a container has been booked, in joules. */
export const energyOf = (families: Families, id: string): number =>
  Number(
    sumOf(
      families,
      'container_energy_joules_total',
      (labels) => labels['container_id'] === id && labels['part'] === 'host' && labels['component'] === 'cpu',
    ),
  )

/** Two containers' energies are to each other as their CPU times. */
export function expectFairShares(families: Families, one: Worker, other: Worker): void {
  const energy = energyOf(families, one.id) / energyOf(families, other.id)
  const cpu = groupSeconds(one.pid) / groupSeconds(other.pid)
  expect(energyOf(families, other.id)).toBeGreaterThan(0)
  expect(Math.abs(energy / cpu - 1)).toBeLessThan(0.03)
}

export const infoOf = (families: Families, id: string): Readonly<Record<string, string>> | undefined =>
  families.get('wattribute_container_info')?.find(({ labels }) => labels['container_id'] === id)?.labels
