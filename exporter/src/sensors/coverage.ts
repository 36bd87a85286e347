/**
 * What the meters of a device cover: this machine, or a room that several share. A meter that is set up may be a sum
 * of the device's figures (two feeds) less others (what goes into a UPS and does not come out).
 */
import type { MeterFigure } from '../devices/device.ts'
import {
  METHODS,
  type Domain,
  type DomainComponent,
  type FacilityRole,
  type MeterSeen,
  type Method,
  type ZoneMeter,
} from '../model.ts'
import { microjoules, watts, type Microjoules, type Seconds, type Watts } from '../units.ts'
import { PARTS_OF_A_MACHINE } from './acpi-power-meter.ts'
import { FigureAccount, type AccountLook, type Spent } from './figure-account.ts'

export type Coverage =
  | {
      readonly covers: 'node'
      readonly component: DomainComponent
      /** Id of the enclosing domain; empty: a root, unless a meter of the whole machine encloses it. */
      readonly within: string
      /** False: it is shown and not booked, because another meter sees the same. */
      readonly isBooked: boolean
    }
  | { readonly covers: 'zone'; readonly zone: string; readonly role: FacilityRole }

export type MeterUse = Coverage & {
  /** The label `domain`, or `meter` of a zone. */
  readonly name: string
  /** Ids of the device's figures that are added up; empty: its main meter. */
  readonly figures: readonly string[]
  /** Ids of figures that are taken away from them. */
  readonly minus: readonly string[]
  /** More than it can ever draw: what is above is not believed. */
  readonly maximum: Watts
}

export const domainOf = (use: MeterUse & { readonly covers: 'node' }, method: Method): Domain => ({
  id: use.name,
  component: use.component,
  within: use.within,
  booked: use.isBooked,
  method,
  baseline: { watts: watts(0), source: 'default' },
  ...(use.component === 'node' && use.isBooked && { encloses: PARTS_OF_A_MACHINE }),
})

export const zoneMeterOf = (
  { zone, role, name }: MeterUse & { readonly covers: 'zone' },
  method: Method,
  sensor: string,
): ZoneMeter => ({ zone, role, meter: name, sensor, method })

/** One figure's energy that still waits for those of the others. */
interface Part {
  /** Of the main meter empty until it has been seen: another one shall not stand in for it. */
  id: string
  readonly sign: 1 | -1
  readonly account: FigureAccount
  waiting: Spent | undefined
}

const MAIN = ''
/** Of a device's own list of meters, in words. */
const MOST_NAMED = 8

/** One meter as it is set up, and what is known of it from poll to poll. */
export class CoveredMeter {
  readonly use: MeterUse
  /** How it is known, as of its newest energy. */
  method: Method = 'integrated'
  readonly #parts: readonly Part[]
  /** Where its figures are found, of those that say it. */
  #sources: readonly string[] = []
  /** What the figures taken away were ahead: at most 0. */
  #owed = 0
  #coveredTo: Seconds | undefined

  constructor(use: MeterUse, period: Seconds) {
    this.use = use
    const limits = { maximum: use.maximum, period }
    const plus = use.figures.length === 0 ? [MAIN] : use.figures
    this.#parts = [
      ...plus.map((id) => ({ id, sign: 1 as const })),
      ...use.minus.map((id) => ({ id, sign: -1 as const })),
    ].map((part) => ({ ...part, account: new FigureAccount(limits), waiting: undefined }))
  }

  resume(bookmarks: ReadonlyMap<string, string>): void {
    const [only, ...others] = this.#parts
    const bookmark = bookmarks.get(this.use.name)
    if (only !== undefined && others.length === 0 && bookmark !== undefined) only.account.resume(bookmark)
  }

  /** Where its counter stands; of a single figure only, because those of a sum stand at different times. */
  get bookmark(): string | undefined {
    const [only, ...others] = this.#parts
    return others.length === 0 ? only?.account.bookmark : undefined
  }

  startOver(): void {
    for (const part of this.#parts) {
      part.account.startOver()
      part.waiting = undefined
    }
    this.#owed = 0
    this.#coveredTo = undefined
  }

  /** @param meters all that the device says */
  add(meters: readonly MeterFigure[], at: Seconds): AccountLook {
    const complaints: string[] = []
    for (const part of this.#parts) {
      const figure = part.id === MAIN ? meters[0] : meters.find(({ id }) => id === part.id)
      if (figure === undefined) {
        complaints.push(missing(part.id, meters))
        continue
      }
      part.id = figure.id
      const { spent, complaint } = part.account.add(figure, at)
      if (complaint !== undefined)
        complaints.push(this.#parts.length === 1 ? complaint : `${figure.id}: ${complaint}`)
      if (spent !== undefined)
        part.waiting = part.waiting === undefined ? spent : together(part.waiting, spent)
    }
    this.#sources = Array.from(new Set(this.#parts.flatMap(({ id }) => sourceOf(id, meters))))
    const spent = this.#settle()
    if (spent !== undefined) this.method = spent.method
    return {
      ...(spent !== undefined && { spent }),
      ...(complaints[0] !== undefined && { complaint: complaints[0] }),
    }
  }

  /** Ids of the device's figures that it is made of. */
  get figures(): readonly string[] {
    return this.#parts.map(({ id }) => id)
  }

  get seen(): MeterSeen {
    const { use } = this
    const shared = {
      meter: use.name,
      covers: use.covers,
      method: this.method,
      source: this.#sources.join(', '),
    }
    return use.covers === 'zone'
      ? { ...shared, component: '', zone: use.zone, role: use.role, booked: true }
      : { ...shared, component: use.component, zone: '', role: '', booked: use.isBooked }
  }

  /** Once each figure has told of energy. */
  #settle(): Spent | undefined {
    const waiting = this.#parts.flatMap(({ waiting: spent, sign }) =>
      spent === undefined ? [] : [{ spent, sign }],
    )
    if (waiting.length < this.#parts.length) return undefined
    for (const part of this.#parts) part.waiting = undefined
    const spents = waiting.map(({ spent }) => spent)
    const net = waiting.reduce((sum, { spent, sign }) => sum + sign * spent.spent, this.#owed)
    this.#owed = Math.min(0, net)
    const from = Math.max(Math.min(...spents.map((one) => one.from)), this.#coveredTo ?? -Infinity) as Seconds
    const to = Math.max(...spents.map((one) => one.to)) as Seconds
    this.#coveredTo = to
    return {
      spent: microjoules(Math.max(0, net)),
      excess: sumOf(spents.map(({ excess }) => excess)),
      from,
      to,
      method: METHODS[Math.max(...spents.map(({ method }) => METHODS.indexOf(method)))] ?? 'estimated',
      ...(spents.some(({ whileDown }) => whileDown) && { whileDown: true }),
    }
  }
}

/** Two of one meter, one after the other. */
export const together = (one: Spent, other: Spent): Spent => ({
  spent: sumOf([one.spent, other.spent]),
  excess: sumOf([one.excess, other.excess]),
  from: one.from,
  to: other.to,
  method: METHODS.indexOf(one.method) > METHODS.indexOf(other.method) ? one.method : other.method,
  ...((one.whileDown ?? other.whileDown) !== undefined && { whileDown: true }),
})

const sumOf = (amounts: readonly Microjoules[]): Microjoules =>
  microjoules(
    Math.min(
      Number.MAX_SAFE_INTEGER,
      amounts.reduce<number>((sum, one) => sum + one, 0),
    ),
  )

const sourceOf = (id: string, meters: readonly MeterFigure[]): readonly string[] =>
  meters.flatMap((meter) => (meter.id === id && meter.source !== undefined ? [meter.source] : []))

function missing(id: string, meters: readonly MeterFigure[]): string {
  if (meters.length === 0) return 'it names no meter'
  const named = meters.slice(0, MOST_NAMED).map((one) => one.id)
  const more = meters.length > MOST_NAMED ? ` and ${meters.length - MOST_NAMED} more` : ''
  return `it has no meter \`${id}\`; it has ${named.join(', ')}${more}`
}
