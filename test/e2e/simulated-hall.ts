/** Machines of text in a hall, each with an engine of its own and a page that is served, and the meters of the hall. */
import { loadConfig } from '../../exporter/src/config/load.ts'
import { Engine } from '../../exporter/src/engine.ts'
import { renderFacility } from '../../exporter/src/exposition/facility-page.ts'
import { PageWriter } from '../../exporter/src/exposition/page.ts'
import { SelfMetrics } from '../../exporter/src/exposition/self.ts'
import type { FacilityRole, ZoneReading } from '../../exporter/src/model.ts'
import { microjoules, seconds } from '../../exporter/src/units.ts'
import { Facility } from '../../exporter/src/workloads/facility.ts'
import { statLine } from '../activity/host.ts'
import { Machine } from '../machine.ts'
import { PageServer } from './page-server.ts'

const RAPL = 'sys/class/powercap/intel-rapl'
/** Milliseconds of CPU time that each service uses in a second. */
const SERVICES = { chat: { pid: 400, milliseconds: 900 }, database: { pid: 500, milliseconds: 300 } } as const

/** What the main thread of an exporter adds to each page: it says where the machine is. */
export async function tailIn(zone: string): Promise<string> {
  const self = new SelfMetrics('1.0.0')
  self.configLoaded(seconds(1_700_000_000), zone)
  return (await self.render()).text
}

export class HallNode {
  readonly watts: number
  readonly server: PageServer
  readonly #machine = Machine.fromFile('intel-2-socket')
  readonly #engine: Engine
  readonly #tail: string
  #seconds = 0
  /** All that it has drawn since its first page. */
  joules = 0

  private constructor(zone: string, watts: number, server: PageServer, tail: string) {
    this.#tail = tail
    this.watts = watts
    this.server = server
    this.#machine.write('sys/fs/cgroup/cgroup.controllers', 'cpu memory')
    this.#machine.write('proc/1/stat', statLine({ pid: 1, comm: 'systemd', startTicks: 1, ticks: 0 }))
    this.#machine.write('proc/1/cgroup', '0::/')
    this.#machine.setCpu(1, 0)
    this.#work()
    this.#engine = new Engine(this.#machine.world, { ...loadConfig(undefined, () => 'UTC'), zone })
  }

  static async start(zone: string, watts: number): Promise<HallNode> {
    return new HallNode(zone, watts, await PageServer.start(), await tailIn(zone))
  }

  /** A second goes by, and the page shows it. */
  async second(): Promise<void> {
    if (this.#seconds > 0) {
      this.#machine.advance(`${RAPL}:0/energy_uj`, this.watts * 500_000)
      this.#machine.advance(`${RAPL}:2/energy_uj`, this.watts * 1_000_000)
      this.joules += this.watts
    }
    this.#machine.wait(1)
    this.#work()
    this.#seconds += 1
    const writer = new PageWriter()
    await this.#engine.tick(writer)
    this.server.page = writer.finish().text.toString() + this.#tail
  }

  async stop(): Promise<void> {
    await this.#engine.close()
    await this.server.stop()
  }

  #work(): void {
    let all = 0
    for (const [name, { pid, milliseconds }] of Object.entries(SERVICES)) {
      const used = milliseconds * this.#seconds
      const group = `/system.slice/${name}.service`
      this.#machine.write(
        `proc/${pid}/stat`,
        statLine({ pid, comm: name, startTicks: 500, ticks: Math.floor(used / 10) }),
      )
      this.#machine.write(`proc/${pid}/cgroup`, `0::${group}`)
      this.#machine.setCpu(pid, used * 1e6)
      this.#machine.write(`sys/fs/cgroup${group}/cpu.stat`, `usage_usec ${used * 1000}`)
      all += used
    }
    for (const folder of ['/system.slice', ''])
      this.#machine.write(`sys/fs/cgroup${folder}/cpu.stat`, `usage_usec ${all * 1000}`)
  }
}

/** A room with the meters that it has. */
export interface HallZone {
  readonly zone: string
  readonly nodes: readonly HallNode[]
  /** Machines without an exporter, which the meter of the IT sees; undefined: there is no such meter. */
  readonly otherWatts: number | undefined
  /** Of the whole, by IT. */
  readonly pue: number
}

/** The exporter that reads the meters of all zones: its books of the facility and its page, without devices. */
export class HallMeters {
  readonly server: PageServer
  readonly #zones: readonly HallZone[]
  readonly #facility = new Facility()
  #seconds = 0
  /** Joules that each meter has shown. */
  readonly #shown = new Map<string, number>()

  private constructor(zones: readonly HallZone[], server: PageServer) {
    this.#zones = zones
    this.server = server
  }

  static async start(zones: readonly HallZone[]): Promise<HallMeters> {
    return new HallMeters(zones, await PageServer.start())
  }

  second(): void {
    this.#seconds += 1
    const readings = this.#zones.flatMap((one) => this.#readingsOf(one))
    this.#facility.see(
      readings.map(({ meter }) => meter),
      readings,
      seconds(this.#seconds),
    )
    const writer = new PageWriter()
    renderFacility(writer, { accounts: this.#facility.accounts, gauges: [], devices: [], pue: undefined })
    this.server.page = writer.finish().text.toString()
  }

  #readingsOf({ zone, nodes, otherWatts, pue }: HallZone): readonly ZoneReading[] {
    const it = nodes.reduce((sum, { joules }) => sum + joules, 0) + (otherWatts ?? 0) * this.#seconds
    const total = this.#reading(zone, 'total', it * pue)
    return otherWatts === undefined ? [total] : [total, this.#reading(zone, 'it', it)]
  }

  #reading(zone: string, role: FacilityRole, joules: number): ZoneReading {
    const name = `${role}-${zone}`
    const spent = joules - (this.#shown.get(name) ?? 0)
    this.#shown.set(name, joules)
    return {
      meter: { zone, role, meter: name, sensor: 'modbus', method: 'counter' },
      spent: microjoules(Math.round(spent * 1e6)),
      from: seconds(this.#seconds - 1),
      to: seconds(this.#seconds),
    }
  }
}
