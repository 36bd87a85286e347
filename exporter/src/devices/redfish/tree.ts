/**
 * What a Redfish service has to measure, found once by walking its tree. Where resources say the same and disagree,
 * the first of these that has a figure is taken, and named: EnvironmentMetrics, Power (deprecated since 2020.4),
 * the inputs of the power supplies (PowerSubsystem), a sensor in watts.
 */
import type { GaugeFigure } from '../device.ts'
import {
  connectorIn,
  environmentIn,
  legacyPowerIn,
  legacyThermalIn,
  powerIn,
  rotorIn,
  sensorPowerIn,
  supplyPowerIn,
  temperaturesIn,
  type Power,
} from './figures.ts'
import { at, idIn, linkIn, readingIn, textIn, type Json } from './json.ts'
import { ROOT, type Turn } from './session.ts'

/** Where one meter's figures are. */
export interface MeterPlace {
  readonly id: string
  readonly source: string
  readonly paths: readonly string[]
  readonly powerIn: (resources: readonly Json[]) => Power | undefined
}

export interface GaugePlace {
  readonly path: string
  readonly gaugesIn: (resource: Json) => readonly GaugeFigure[]
}

export interface Tree {
  /** Whole chassis, PDUs and coolant units first: the first of them is the main meter. */
  readonly meters: readonly MeterPlace[]
  readonly gauges: readonly GaugePlace[]
}

const MOST_CHASSIS = 16
const MOST_UNITS = 16
const MOST_OUTLETS = 128

const POWER_COLLECTIONS = [
  'RackPDUs',
  'FloorPDUs',
  'PowerShelves',
  'UPSs',
  'Switchgear',
  'ElectricalBuses',
] as const
const COOLING_COLLECTIONS = ['CDUs', 'ImmersionUnits', 'HeatExchangers', 'CoolingLoops'] as const

interface Branch {
  readonly main: readonly MeterPlace[]
  readonly parts: readonly MeterPlace[]
  readonly gauges: readonly GaugePlace[]
}

export async function treeOf(turn: Turn): Promise<Tree> {
  const root = await turn.get(ROOT)
  const walker = new Walker(turn, at(root, 'ProtocolFeaturesSupported', 'ExpandQuery', 'NoLinks') === true)
  const branches = [
    ...(await walker.chassis(linkIn(at(root, 'Chassis')))),
    ...(await walker.powerEquipment(linkIn(at(root, 'PowerEquipment')))),
    ...(await walker.thermalEquipment(linkIn(at(root, 'ThermalEquipment')))),
  ]
  return {
    meters: [...branches.flatMap(({ main }) => main), ...branches.flatMap(({ parts }) => parts)],
    gauges: branches.flatMap(({ gauges }) => gauges),
  }
}

class Walker {
  readonly #turn: Turn
  readonly #canExpand: boolean

  constructor(turn: Turn, canExpand: boolean) {
    this.#turn = turn
    this.#canExpand = canExpand
  }

  async chassis(path: string): Promise<Branch[]> {
    const all = (await this.#whole(path)).slice(0, MOST_CHASSIS)
    // What is in another chassis is in its figure.
    const isInner = ({ resource }: Found): boolean => linkIn(at(resource, 'Links', 'ContainedBy')) !== ''
    const branches: Branch[] = []
    for (const one of [...all.filter((found) => !isInner(found)), ...all.filter(isInner)])
      branches.push(await this.#chassisBranch(one))
    return branches
  }

  async powerEquipment(path: string): Promise<Branch[]> {
    const equipment = await this.#optional(path)
    const branches: Branch[] = []
    for (const kind of POWER_COLLECTIONS) {
      const units = await this.#whole(linkIn(at(equipment, kind)))
      for (const { resource, path: unit } of units.slice(0, MOST_UNITS)) {
        const id = `${kind}/${idIn(resource, unit)}`
        const metrics = linkIn(at(resource, 'Metrics'))
        const outlets = await this.#links(linkIn(at(resource, 'Outlets')))
        branches.push({
          main: metrics === '' ? [] : [place(id, 'Metrics', [metrics], ([one]) => powerIn(one))],
          parts: outlets
            .slice(0, MOST_OUTLETS)
            .map((outlet) =>
              place(`${id}/Outlets/${idIn(undefined, outlet)}`, 'Outlet', [outlet], ([one]) => powerIn(one)),
            ),
          gauges: [],
        })
      }
    }
    return branches
  }

  async thermalEquipment(path: string): Promise<Branch[]> {
    const equipment = await this.#optional(path)
    const branches: Branch[] = []
    for (const kind of COOLING_COLLECTIONS) {
      const units = await this.#whole(linkIn(at(equipment, kind)))
      for (const unit of units.slice(0, MOST_UNITS))
        branches.push(await this.#coolingBranch(`${kind}/${idIn(unit.resource, unit.path)}`, unit.resource))
    }
    return branches
  }

  async #chassisBranch({ resource, path }: Found): Promise<Branch> {
    const name = idIn(resource, path)
    const id = `Chassis/${name}`
    const supplies = await this.#supplies(resource)
    const main = await this.#firstWithFigure(this.#chassisCandidates(id, resource, supplies))
    const parts = supplies.flatMap(({ id: supply, metrics }) =>
      (['Input', 'Output'] as const).map((side) =>
        place(`${id}/PowerSupplies/${supply}/${side.toLowerCase()}`, 'PowerSubsystem', [metrics], ([one]) => {
          const watts = readingIn(at(one, `${side}PowerWatts`))
          return watts === undefined ? undefined : { watts }
        }),
      ),
    )
    return {
      main: main === undefined ? [] : [main],
      parts,
      gauges: await this.#chassisGauges(name, resource),
    }
  }

  *#chassisCandidates(
    id: string,
    chassis: Json,
    supplies: readonly Supply[],
  ): Generator<MeterPlace | Promise<MeterPlace | undefined>> {
    const environment = linkIn(at(chassis, 'EnvironmentMetrics'))
    if (environment !== '') yield place(id, 'EnvironmentMetrics', [environment], ([one]) => powerIn(one))
    const legacy = linkIn(at(chassis, 'Power'))
    if (legacy !== '') yield place(id, 'Power', [legacy], ([one]) => legacyPowerIn(one))
    if (supplies.length > 0)
      yield place(
        id,
        'PowerSubsystem',
        supplies.map(({ metrics }) => metrics),
        supplyPowerIn,
      )
    yield this.#sensorPlace(id, chassis)
  }

  /** The first that has a figure now; a chassis where none has is no meter. */
  async #firstWithFigure(
    candidates: Iterable<MeterPlace | Promise<MeterPlace | undefined>>,
  ): Promise<MeterPlace | undefined> {
    for (const candidate of candidates) {
      const one = await candidate
      if (one === undefined) continue
      const resources: Json[] = []
      for (const path of one.paths) resources.push(await this.#turn.get(path))
      if (one.powerIn(resources) !== undefined) return one
    }
    return undefined
  }

  /** A sensor that says it is of the chassis as a whole. */
  async #sensorPlace(id: string, chassis: Json): Promise<MeterPlace | undefined> {
    const sensors = await this.#whole(linkIn(at(chassis, 'Sensors')))
    const found = sensors.find(
      ({ resource }) =>
        sensorPowerIn(resource) !== undefined &&
        /^(Chassis|SystemBoard|PowerSubsystem|)$/.test(textIn(at(resource, 'PhysicalContext'))),
    )
    return (
      found &&
      place(id, `Sensors/${idIn(found.resource, found.path)}`, [found.path], ([one]) => sensorPowerIn(one))
    )
  }

  async #supplies(chassis: Json): Promise<Supply[]> {
    const subsystem = await this.#optional(linkIn(at(chassis, 'PowerSubsystem')))
    const supplies = await this.#whole(linkIn(at(subsystem, 'PowerSupplies')))
    return supplies.flatMap(({ resource, path }) => {
      const metrics = linkIn(at(resource, 'Metrics'))
      return metrics === '' ? [] : [{ id: idIn(resource, path), metrics }]
    })
  }

  async #chassisGauges(name: string, chassis: Json): Promise<GaugePlace[]> {
    const subsystem = await this.#optional(linkIn(at(chassis, 'ThermalSubsystem')))
    const legacy = linkIn(at(chassis, 'Thermal'))
    const environment = linkIn(at(chassis, 'EnvironmentMetrics'))
    if (subsystem === undefined) {
      if (legacy !== '') return [{ path: legacy, gaugesIn: legacyThermalIn }]
      return environment === '' ? [] : [{ path: environment, gaugesIn: (one) => environmentIn(one, name) }]
    }
    const metrics = linkIn(at(subsystem, 'ThermalMetrics'))
    const fans = await this.#links(linkIn(at(subsystem, 'Fans')))
    return [
      ...(metrics === '' ? [] : [{ path: metrics, gaugesIn: temperaturesIn }]),
      ...fans.map((path) => ({
        path,
        gaugesIn: (fan: Json) => rotorIn(fan, textIn(at(fan, 'Name')) || idIn(fan, path), 'fan_speed_rpm'),
      })),
    ]
  }

  async #coolingBranch(id: string, unit: Json): Promise<Branch> {
    const environment = linkIn(at(unit, 'EnvironmentMetrics'))
    const pumps = await this.#links(linkIn(at(unit, 'Pumps')))
    const connectors = [
      ...(await this.#links(linkIn(at(unit, 'PrimaryCoolantConnectors')))).map((path) => ({
        side: 'primary',
        path,
      })),
      ...(await this.#links(linkIn(at(unit, 'SecondaryCoolantConnectors')))).map((path) => ({
        side: 'secondary',
        path,
      })),
    ]
    return {
      main:
        environment === '' ? [] : [place(id, 'EnvironmentMetrics', [environment], ([one]) => powerIn(one))],
      parts: [],
      gauges: [
        ...pumps.map((path) => ({
          path,
          gaugesIn: (pump: Json) => rotorIn(pump, `${id} pump ${idIn(pump, path)}`, 'pump_speed_rpm'),
        })),
        ...connectors.map(({ side, path }) => ({
          path,
          gaugesIn: (one: Json) => connectorIn(one, unit, `${id} ${side} ${idIn(one, path)}`),
        })),
      ],
    }
  }

  async #optional(path: string): Promise<Json> {
    return path === '' ? undefined : this.#turn.get(path)
  }

  async #links(path: string): Promise<string[]> {
    if (path === '') return []
    return (await this.#turn.members(path, false)).map(linkIn).filter((link) => link !== '')
  }

  /** The members of a collection with all that they say. */
  async #whole(path: string): Promise<Found[]> {
    if (path === '') return []
    const found: Found[] = []
    for (const member of await this.#turn.members(path, this.#canExpand)) {
      const link = linkIn(member)
      if (link === '') continue
      const isWhole = typeof member === 'object' && member !== null && Object.keys(member).length > 1
      const resource = isWhole ? member : await this.#turn.get(link)
      if (resource !== undefined) found.push({ path: link, resource })
    }
    return found
  }
}

interface Found {
  readonly path: string
  readonly resource: Json
}

interface Supply {
  readonly id: string
  readonly metrics: string
}

const place = (
  id: string,
  source: string,
  paths: readonly string[],
  powerOf: MeterPlace['powerIn'],
): MeterPlace => ({ id, source, paths, powerIn: powerOf })
