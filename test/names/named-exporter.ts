/** The exporter beside a container runtime: what its page says about containers that work. */
import { expect } from '@jest/globals'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ControlGroup } from '../e2e/control-group.ts'
import { ExporterProcess } from '../e2e/exporter-process.ts'
import { parsePage, sumOf, type Families } from '../exposition/page-text.ts'
import { groupSeconds, type RuntimeFolder } from './real-runtime.ts'

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

  /** The newest page, once it is from after some seconds from now and names all workers. */
  async pageAfter(seconds: number, workers: readonly Worker[]): Promise<Families> {
    const after = Date.now() / 1000 + seconds
    const page = await this.#exporter.page((text) => {
      const families = parsePage(text)
      const tick = Number(families.get('wattribute_last_tick_timestamp_seconds')?.[0]?.value)
      return tick > after && workers.every(({ id }) => energyOf(families, id) > 0)
    }, 60)
    return parsePage(page)
  }

  /**
   * Two containers that work side by side get energy as they use CPU time.
   * @returns the last page
   */
  async expectFairShares(one: Worker, other: Worker): Promise<Families> {
    const before = await this.#stand(1, one, other)
    const after = await this.#stand(6, one, other)
    const grown = (of: (stand: Stand) => readonly [number, number]): number =>
      (of(after)[0] - of(before)[0]) / (of(after)[1] - of(before)[1])
    const energy = grown((stand) => stand.energy)
    const cpu = grown((stand) => stand.cpu)
    expect(cpu).toBeGreaterThan(1.2)
    expect(Math.abs(energy / cpu - 1)).toBeLessThan(0.1)
    return after.families
  }

  async #stand(seconds: number, one: Worker, other: Worker): Promise<Stand> {
    const families = await this.pageAfter(seconds, [one, other])
    return {
      families,
      cpu: [groupSeconds(one.pid), groupSeconds(other.pid)],
      energy: [energyOf(families, one.id), energyOf(families, other.id)],
    }
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

interface Stand {
  readonly families: Families
  readonly cpu: readonly [number, number]
  readonly energy: readonly [number, number]
}

export const infoOf = (families: Families, id: string): Readonly<Record<string, string>> | undefined =>
  families.get('wattribute_container_info')?.find(({ labels }) => labels['container_id'] === id)?.labels
