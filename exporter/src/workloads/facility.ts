/**
 * What the meters of zones have counted: beside the ledger, because their energy is of many machines and booked to
 * nobody here. An account is its labels; its total only goes up.
 */
import type { FacilityRole, ZoneMeter, ZoneReading } from '../model.ts'
import {
  elapsed,
  EnergyTotal,
  microjoules,
  powerOf,
  seconds,
  type Microjoules,
  type Seconds,
  type Watts,
} from '../units.ts'
import { energyIn, listIn, numberIn, recordIn, StateError, textIn } from './saved-state.ts'
import { energyTotal } from './exact-energy.ts'

export interface FacilityAccount {
  readonly zone: string
  readonly role: FacilityRole
  readonly meter: string
  readonly total: EnergyTotal
  readonly createdWall: Seconds
  /** Mean over the newest reading, while the meter is there; undefined otherwise. */
  power: Watts | undefined
}

/** Energy that a tick has added, by labels; 0 opens an account. */
export type FacilityChange = readonly [zone: string, role: FacilityRole, meter: string, spent: Microjoules]
export type FacilityChanges = readonly FacilityChange[]

/** Plain JSON; energies are decimal joules with six digits. */
export interface FacilityState {
  readonly version: 1
  readonly accounts: readonly {
    readonly zone: string
    readonly role: string
    readonly meter: string
    readonly joules: string
    readonly createdWall: number
  }[]
}

export class Facility {
  readonly #accounts = new Map<string, FacilityAccount>()

  /**
   * Takes a tick's readings in.
   * @param meters all that are present, with a reading this time or not
   * @returns what has changed, for `apply` in a later run
   */
  see(meters: readonly ZoneMeter[], readings: readonly ZoneReading[], wall: Seconds): FacilityChanges {
    const opened = meters
      .filter((meter) => !this.#accounts.has(keyOf(meter)))
      .map((meter): FacilityChange => [meter.zone, meter.role, meter.meter, microjoules(0)])
    const spent = readings.map(({ meter, spent: energy }): FacilityChange => [
      meter.zone,
      meter.role,
      meter.meter,
      energy,
    ])
    const changes = [...opened, ...spent]
    this.apply(changes, wall)
    const present = new Set(meters.map(keyOf))
    for (const [key, account] of this.#accounts) if (!present.has(key)) account.power = undefined
    for (const { meter, spent: energy, from, to } of readings) {
      const account = this.#accounts.get(keyOf(meter))
      if (account !== undefined && to > from) account.power = powerOf(energy, elapsed(from, to))
    }
    return changes
  }

  /** Counts what a run before has told, or this one. */
  apply(changes: FacilityChanges, wall: Seconds): void {
    for (const [zone, role, meter, spent] of changes) {
      const key = keyOf({ zone, role, meter })
      let account = this.#accounts.get(key)
      if (account === undefined) {
        account = { zone, role, meter, total: new EnergyTotal(), createdWall: wall, power: undefined }
        this.#accounts.set(key, account)
      }
      account.total.add(microjoules(spent))
    }
  }

  get accounts(): readonly FacilityAccount[] {
    return Array.from(this.#accounts.values())
  }

  state(): FacilityState {
    return {
      version: 1,
      accounts: this.accounts.map(({ zone, role, meter, total, createdWall }) => ({
        zone,
        role,
        meter,
        joules: total.toString(),
        createdWall,
      })),
    }
  }

  /**
   * Takes over what an earlier run has saved, in place of all that was counted.
   * @param state of `state()`, through JSON
   * @throws StateError when it does not fit; nothing is changed then
   */
  restore(state: unknown): void {
    const { version, accounts } = recordIn(state, 'facility')
    if (version !== 1) throw new StateError('the saved facility is of another version')
    const restored = listIn(accounts, 'facility').map((one): FacilityAccount => {
      const { zone, role, meter, joules, createdWall } = recordIn(one, 'meter of a zone')
      return {
        zone: textIn(zone, 'zone'),
        role: textIn(role, 'role') as FacilityRole,
        meter: textIn(meter, 'meter of a zone'),
        total: energyTotal(energyIn(joules, 'energy of a zone')),
        createdWall: seconds(numberIn(createdWall, 'time of a meter')),
        power: undefined,
      }
    })
    this.#accounts.clear()
    for (const account of restored) this.#accounts.set(keyOf(account), account)
  }
}

const keyOf = ({ zone, role, meter }: Pick<ZoneMeter, 'zone' | 'role' | 'meter'>): string =>
  [zone, role, meter].join('\0')
