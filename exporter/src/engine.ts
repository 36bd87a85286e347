/** The engine: one tick reads the sensors and the activity, books, and renders. It knows no thread and no HTTP. */
import { activityOf, type ActivityRoom } from './activity/activity.ts'
import type { Config } from './config/schema.ts'
import { MachinePage, type MachineState } from './exposition/machine-page.ts'
import type { PageWriter } from './exposition/page.ts'
import {
  ledgerReport,
  overviewOf,
  RecentPower,
  sensorsReport,
  type EngineOverview,
} from './exposition/reports.ts'
import { Ledger, type LedgerPolicy } from './ledger/ledger.ts'
import type { Census, Group, SensorStatus } from './model.ts'
import { Attendance } from './sensors/attendance.ts'
import { sensors } from './sensors/index.ts'
import { LOST_AFTER_SECONDS } from './sensors/sensor.ts'
import { elapsed, seconds, type Seconds, type Watts } from './units.ts'
import { nameWorkload } from './workloads/naming.ts'
import type { World } from './world.ts'

/** Something that an operator should read once, not every tick. */
export interface Notice {
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, string | number>>
}

export interface TickReport {
  readonly at: Seconds
  readonly wall: Seconds
  readonly duration: Seconds
  readonly notices: readonly Notice[]
}

export class Engine {
  readonly #world: World
  readonly #attendance: Attendance
  readonly #activity: ActivityRoom
  readonly #ledger: Ledger
  readonly #page = new MachinePage()
  readonly #recentPower = new RecentPower()
  readonly #startedWall: Seconds
  #census: Census | undefined
  #groups: readonly Group[] = []
  #sensors: readonly SensorStatus[] = []
  #limitation = ''

  constructor(world: World, config: Config) {
    this.#world = world
    this.#startedWall = world.clock.wall()
    this.#attendance = new Attendance(sensors(world, sensorSettings(config)), world.clock)
    this.#activity = activityOf(world)
    this.#ledger = new Ledger(policyOf(config), {
      nameOf: nameWorkload,
      startedAt: world.clock.now(),
      lostAfter: seconds(LOST_AFTER_SECONDS),
    })
  }

  async tick(writer: PageWriter): Promise<TickReport> {
    const { clock } = this.#world
    const at = clock.now()
    const looks = await this.#attendance.look(at)
    const activity = this.#activity.look(at)
    this.#sensors = looks.statuses
    this.#census = activity?.census ?? this.#census
    this.#groups = activity?.groups ?? this.#groups
    const wall = clock.wall()
    this.#ledger.book({ at, wall, domains: looks.domains, readings: looks.readings, activity })
    this.#recentPower.see(this.#ledger, at)
    const error = this.#page.render(writer, this.#state(at, wall))
    return {
      at,
      wall,
      duration: elapsed(at, clock.now()),
      notices: [...looks.changes.map(noticeOf), ...this.#limitationNotice(), ...conservationNotice(error)],
    }
  }

  /** Limits, policies and baselines change at once; what is booked stays booked. */
  reconfigure(config: Config): void {
    this.#ledger.reconfigure(policyOf(config))
    this.#attendance.replace(sensors(this.#world, sensorSettings(config)))
  }

  /** Idle powers that were observed, by domain id. */
  get observedBaselines(): ReadonlyMap<string, Watts> {
    return this.#ledger.baselines.observed
  }

  /** Takes over what an earlier run has observed. */
  recallBaselines(observed: ReadonlyMap<string, Watts>): void {
    this.#ledger.baselines.recall(observed)
  }

  overview(): EngineOverview {
    return overviewOf(this.#stateNow(), this.#recentPower)
  }

  sensorsReport(): unknown {
    return sensorsReport(this.#stateNow())
  }

  ledgerReport(): unknown {
    return ledgerReport(this.#stateNow())
  }

  async close(): Promise<void> {
    await this.#attendance.close()
  }

  #stateNow(): MachineState {
    return this.#state(this.#world.clock.now(), this.#world.clock.wall())
  }

  #state(at: Seconds, wall: Seconds): MachineState {
    return {
      at,
      wall,
      startedWall: this.#startedWall,
      ledger: this.#ledger,
      sensors: this.#sensors,
      census: this.#census,
      groups: this.#groups,
    }
  }

  #limitationNotice(): Notice[] {
    const limitation = this.#census?.limitation ?? ''
    if (limitation === this.#limitation) return []
    this.#limitation = limitation
    return limitation === '' ? [] : [{ level: 'warn', message: limitation, fields: {} }]
  }
}

function noticeOf({ name, state, reason, advice }: SensorStatus): Notice {
  const fields = {
    sensor: name,
    state,
    ...(reason === '' ? {} : { reason }),
    ...(advice === '' ? {} : { advice }),
  }
  const level = state === 'failed' ? 'warn' : 'info'
  return { level, message: 'sensor changed its state', fields }
}

const conservationNotice = (error: bigint): Notice[] =>
  error === 0n
    ? []
    : [
        {
          level: 'error',
          message: 'the books do not balance: please report this with /api/v1/ledger',
          fields: { microjoules: Number(error) },
        },
      ]

export const policyOf = (config: Config): LedgerPolicy => ({
  lifetimes: { birthHold: config.birthHoldSeconds, expireAfter: config.expireAfterSeconds },
  idlePolicy: config.idlePolicy,
  baselines: new Map(config.baselines.map(({ domain, watts }) => [domain, watts])),
  processes: config.processes.enabled ? config.processes.top : 0,
  seriesLimit: config.seriesLimit,
})

const sensorSettings = ({ nvidia, powerModel }: Config): Parameters<typeof sensors>[1] => ({
  nvidia: nvidia.enabled,
  powerModel: powerModel.enabled ? powerModel : undefined,
})
