/**
 * Domains nest: a node meter contains packages and GPUs. Here each joule finds its one leaf, and what an enclosing
 * domain sees beyond its parts becomes its rest, a leaf of its own.
 *
 * Invariant after every tick: Σ roots + Σ deficits = Σ leaves.
 */
import {
  METHODS,
  type Component,
  type Domain,
  type DomainComponent,
  type Method,
  type Reading,
} from '../model.ts'
import type { DomainAccountRecord, NestingChanges, NestingState, PlaceState } from './record.ts'
import { elapsed, EnergyTotal, microjoules, noEnergy, powerOf, seconds, watts } from '../units.ts'
import type { Microjoules, Seconds, Watts } from '../units.ts'
import { apportion } from './apportion.ts'

/** Energy that is to be booked to somebody: a leaf's part of one interval. */
export interface LeafReading {
  readonly domain: Leaf
  readonly spent: Microjoules
  readonly from: Seconds
  readonly to: Seconds
  /** See `Reading.whileDown`. */
  readonly whileDown?: boolean
}

/** A tick's readings, each at its leaf. */
export interface Settled {
  readonly readings: readonly LeafReading[]
  /** Leaves that are present and were not read: what their consumers do has to be kept for their next reading. */
  readonly unread: readonly Leaf[]
}

export interface Leaf extends Pick<Domain, 'id' | 'method' | 'baseline'> {
  readonly component: Component
}

/** One series of `domain_energy_joules_total`. It is its labels: a domain that moves in the tree starts another. */
export interface DomainAccount {
  readonly domain: string
  readonly component: DomainComponent
  readonly within: string
  readonly leaf: boolean
  readonly method: Method
  readonly total: EnergyTotal
  readonly createdWall: Seconds
  /** Mean over the newest reading. */
  power: Watts
  /** End of the newest reading; undefined before the first. */
  readTo: Seconds | undefined
  /** In the order of opening; what the journal calls it by. */
  readonly number: number
  /** Microjoules since the changes were last taken down. */
  fresh: number
}

/** What has to be remembered of one domain from tick to tick. */
interface Place {
  domain: Domain
  lastSeen: Seconds
  /** End of the newest reading. */
  readTo: Seconds | undefined
  /** How much more its parts have been booked than it has seen itself. */
  deficit: Microjoules
  /** Estimated parts wait for the measured whole. */
  held: Spent | undefined
  readonly excess: EnergyTotal
  gapSeconds: number
  /** What the journal knows of it. */
  recorded: string
}

/** Time in which nothing is known of a domain. */
export interface Gap {
  readonly component: Component
  readonly duration: Seconds
}

export interface DomainState {
  readonly domain: string
  readonly component: DomainComponent
  readonly encloses: boolean
  readonly deficit: Microjoules
  readonly excess: EnergyTotal
  readonly gapSeconds: number
}

export class Nesting {
  /** By label set. They stay when their domain goes: what was measured was measured. */
  readonly accounts = new Map<string, DomainAccount>()
  readonly #places = new Map<string, Place>()
  readonly #lostAfter: Seconds
  /** Since the changes were last taken down. */
  #opened: DomainAccount[] = []
  readonly #credited = new Set<DomainAccount>()
  #gaps: Gap[] = []
  #seen: readonly Domain[] = []

  /** @param lostAfter a domain not seen for this long is no longer part of the tree */
  constructor(lostAfter: Seconds) {
    this.#lostAfter = lostAfter
  }

  /**
   * Takes a tick's readings in and gives back what is to be booked, and the leaves that have to wait.
   * @param domains all that are present, with a reading this time or not
   */
  settle(at: Seconds, wall: Seconds, domains: readonly Domain[], looks: readonly Reading[]): Settled {
    this.#see(at, domains)
    const tree = this.#tree(at)
    const fresh = new Map<string, Reading>()
    for (const reading of looks) {
      const place = this.#places.get(reading.domain.id)
      if (place === undefined) continue
      if (!tree.has(reading.domain.id)) {
        place.readTo = reading.to // a stand-in that keeps silent leaves no gap: the component is measured
        continue
      }
      if (place.readTo !== undefined) this.#gap(place, elapsed(place.readTo, reading.from))
      place.readTo = reading.to
      if (reading.excess !== undefined) place.excess.add(reading.excess)
      fresh.set(reading.domain.id, reading)
    }
    const readings: LeafReading[] = []
    for (const node of tree.values()) {
      if (node.parent === undefined) this.#settleNode(node, fresh, readings, wall)
    }
    const read = new Set(readings.map(({ domain }) => domain.id))
    const unread = Array.from(tree.values())
      .flatMap(leafIn)
      .filter(({ id }) => !read.has(id))
    return { readings: readings, unread }
  }

  *states(): Generator<DomainState> {
    for (const { domain, deficit, excess, gapSeconds } of this.#places.values()) {
      const encloses = isMeter(domain) || this.#hasRest(domain.id)
      yield { domain: domain.id, component: domain.component, encloses, deficit, excess, gapSeconds }
    }
  }

  /** Whether an account's power is of now; an account that nothing counts any more has none. */
  isCurrent({ readTo }: DomainAccount, at: Seconds): boolean {
    return readTo !== undefined && at - readTo <= this.#lostAfter
  }

  /** The leaves that stand in the tree now. */
  leaves(at: Seconds): Leaf[] {
    return Array.from(this.#tree(at).values()).flatMap(leafIn)
  }

  /** What has happened since this was last asked. `booked` is the energy of each account of it. */
  changes(): NestingChanges & {
    readonly booked: readonly (readonly [DomainAccount, Microjoules])[]
    readonly gaps: readonly Gap[]
  } {
    const booked = Array.from(this.#credited, (account) => [account, microjoules(account.fresh)] as const)
    for (const account of this.#credited) account.fresh = 0
    const changes = {
      opened: this.#opened.map(labelsOf),
      credits: booked.flatMap(([{ number }, amount]) => [number, amount]),
      places: Array.from(this.#places.values()).flatMap((place) => {
        const record = recordOf(place)
        if (record === place.recorded) return []
        place.recorded = record
        return [placeState(place)]
      }),
      seen: Object.fromEntries(this.#seen.map(({ id }) => [id, this.#places.get(id)?.readTo ?? null])),
      booked,
      gaps: this.#gaps,
    }
    this.#opened = []
    this.#credited.clear()
    this.#gaps = []
    return changes
  }

  state(): NestingState {
    return {
      accounts: Array.from(this.accounts.values(), (account) => ({
        labels: labelsOf(account),
        total: account.total.toString(),
      })),
      places: Array.from(this.#places.values(), placeState),
    }
  }

  /** Takes up an earlier run's books in place of none. */
  restore({ accounts, places }: NestingState): void {
    for (const { labels, total } of accounts) this.#reopen(labels).total.addTotal(EnergyTotal.parse(total))
    for (const place of places) this.#places.set(place.domain.id, placeOf(place))
    this.changes()
  }

  /** Does again what `changes` has told, at the tick that it told of. */
  replay({ opened, credits, places, seen }: NestingChanges, at: Seconds): void {
    for (const labels of opened) this.#reopen(labels)
    const accounts = Array.from(this.accounts.values())
    for (let index = 0; index < credits.length; index += 2) {
      const account = accounts[credits[index] ?? -1]
      if (account === undefined)
        throw new RangeError(`the changes name a domain ${credits[index]} that is not there`)
      this.#add(account, microjoules(credits[index + 1] ?? -1))
    }
    for (const place of places) {
      const before = this.#places.get(place.domain.id)?.gapSeconds ?? 0
      const restored = placeOf({ ...place, gapSeconds: before })
      this.#places.set(place.domain.id, restored)
      this.#gap(restored, seconds(place.gapSeconds - before))
      restored.gapSeconds = place.gapSeconds
      restored.recorded = recordOf(restored)
    }
    for (const [id, readTo] of Object.entries(seen)) {
      const place = this.#places.get(id)
      if (place === undefined) continue
      place.lastSeen = at
      place.readTo = readTo === null ? undefined : seconds(readTo)
    }
  }

  /** Energy of the leaves so far, by component. */
  leafTotals(): Map<Component, EnergyTotal> {
    const totals = new Map<Component, EnergyTotal>()
    for (const { leaf, component, total } of this.accounts.values()) {
      if (!leaf) continue
      const sum = totals.get(bookedAs(component)) ?? new EnergyTotal()
      sum.addTotal(total)
      totals.set(bookedAs(component), sum)
    }
    return totals
  }

  #reopen([domain, component, within, leaf, method, createdWall]: DomainAccountRecord): DomainAccount {
    const shown = { id: domain, component, method, baseline: NO_BASELINE } as Shown
    return this.#open(shown, within, leaf, seconds(createdWall))
  }

  #gap(place: Place, duration: Seconds): void {
    if (duration <= 0) return
    place.gapSeconds += duration
    if (place.domain.booked) this.#gaps.push({ component: bookedAs(place.domain.component), duration })
  }

  /** Σ roots + Σ deficits − Σ leaves, in microjoules: 0, or the books are wrong. */
  imbalance(): bigint {
    let difference = 0n
    for (const { within, leaf, total } of this.accounts.values()) {
      if (within === '') difference += total.toBigInt()
      if (leaf) difference -= total.toBigInt()
    }
    for (const { deficit } of this.#places.values()) difference += BigInt(deficit)
    return difference
  }

  #see(at: Seconds, domains: readonly Domain[]): void {
    this.#seen = domains
    for (const domain of domains) {
      const place = this.#places.get(domain.id)
      if (place === undefined) {
        this.#places.set(domain.id, {
          domain,
          lastSeen: at,
          readTo: undefined,
          deficit: noEnergy,
          held: undefined,
          excess: new EnergyTotal(),
          gapSeconds: 0,
          recorded: '',
        })
      } else {
        place.domain = domain
        place.lastSeen = at
      }
    }
  }

  #tree(at: Seconds): Map<string, TreeNode> {
    const nodes = new Map<string, TreeNode>()
    const measured = new Set<DomainComponent>()
    for (const place of this.#places.values()) {
      if (at - place.lastSeen > this.#lostAfter) continue
      nodes.set(place.domain.id, {
        place,
        parent: undefined,
        parts: [],
        encloses: isMeter(place.domain),
      })
      if (place.domain.booked && place.domain.standIn !== true) measured.add(place.domain.component)
    }
    for (const [id, { place }] of nodes) {
      if (place.domain.standIn === true && measured.has(place.domain.component)) nodes.delete(id)
    }
    for (const node of nodes.values()) {
      const parent = nodes.get(node.place.domain.within)
      if (parent === undefined) continue
      node.parent = parent
      parent.parts.push(node)
      if (node.place.domain.booked) parent.encloses = true
    }
    return nodes
  }

  /** Books a domain and all below it; returns what it takes of the domain that encloses it. */
  #settleNode(
    node: TreeNode,
    fresh: ReadonlyMap<string, Reading>,
    leaves: LeafReading[],
    wall: Seconds,
  ): Microjoules {
    const { place } = node
    const reading = fresh.get(place.domain.id)
    const leaf = place.domain.booked && !node.encloses
    const account = this.#open(place.domain, withinOf(node), leaf, wall)
    if (reading !== undefined) place.held = joined(place.held, reading)
    const spent = reading === undefined || isHeld(node) ? undefined : place.held
    if (spent !== undefined) place.held = undefined
    if (node.encloses) {
      const parts = node.parts.map((part) => this.#settleNode(part, fresh, leaves, wall))
      place.deficit = microjoules(parts.reduce<number>((sum, part) => sum + part, place.deficit))
      if (spent !== undefined) this.#rest(node, spent, leaves, wall)
    } else {
      for (const part of node.parts) this.#settleNode(part, fresh, leaves, wall)
    }
    if (spent === undefined) return noEnergy
    this.#credit(account, spent)
    if (leaf) leaves.push({ ...spent, domain: leafOf(place.domain) })
    return place.domain.booked ? spent.spent : noEnergy
  }

  /** An enclosing domain has been read: what its parts do not explain is its rest. */
  #rest(node: TreeNode, whole: Spent, leaves: LeafReading[], wall: Seconds): void {
    const { place } = node
    const surplus = whole.spent - place.deficit
    place.deficit = microjoules(Math.max(0, -surplus))
    const room = microjoules(Math.max(0, surplus))
    const spent = microjoules(room - this.#bookHeld(node, whole, room, leaves, wall))
    const rest = restOf(node)
    const interval = { spent, from: whole.from, to: whole.to, whileDown: whole.whileDown === true }
    this.#credit(this.#open(rest, place.domain.id, true, wall), interval)
    leaves.push({ ...interval, domain: leafOf(rest) })
  }

  /** Estimated parts get what they claim, but together never more than the measured whole leaves. */
  #bookHeld(
    node: TreeNode,
    whole: Spent,
    room: Microjoules,
    leaves: LeafReading[],
    wall: Seconds,
  ): Microjoules {
    const waiting = node.parts.flatMap(({ place }) =>
      place.held === undefined ? [] : [{ place, claim: place.held }],
    )
    const claimed = waiting.reduce((sum, { claim }) => sum + claim.spent, 0)
    const given = microjoules(Math.min(room, claimed))
    const shares = apportion(
      given,
      waiting.map(({ claim }) => claim.spent),
    )
    waiting.forEach(({ place, claim }, index) => {
      const interval = {
        spent: shares?.[index] ?? noEnergy,
        from: claim.from,
        to: whole.to,
        whileDown: whole.whileDown === true,
      }
      place.held = undefined
      this.#credit(this.#open(place.domain, node.place.domain.id, true, wall), interval)
      leaves.push({ ...interval, domain: leafOf(place.domain) })
    })
    return given
  }

  /** Opens the account of a domain as soon as it is known, so that its series starts at 0. */
  #open(domain: Shown, within: string, leaf: boolean, createdWall: Seconds): DomainAccount {
    const { id, component, method } = domain
    const key = `${id}\0${component}\0${within}\0${leaf}\0${method}`
    let account = this.accounts.get(key)
    if (account === undefined) {
      account = {
        domain: id,
        component,
        within,
        leaf,
        method,
        createdWall,
        total: new EnergyTotal(),
        power: watts(0),
        readTo: undefined,
        number: this.accounts.size,
        fresh: 0,
      }
      this.accounts.set(key, account)
      this.#opened.push(account)
    }
    return account
  }

  #add(account: DomainAccount, amount: Microjoules): void {
    this.#credited.add(account)
    account.fresh += amount
    account.total.add(amount)
  }

  #credit(account: DomainAccount, { spent, from, to }: Spent): void {
    this.#add(account, spent)
    account.readTo = to
    account.power = to > from ? powerOf(spent, seconds(to - from)) : watts(0)
  }

  #hasRest(id: string): boolean {
    for (const account of this.accounts.values()) if (account.within === id && account.leaf) return true
    return false
  }
}

interface TreeNode {
  readonly place: Place
  parent: TreeNode | undefined
  readonly parts: TreeNode[]
  /** It contains domains that are booked themselves, so only its rest is. */
  encloses: boolean
}

type Shown = Pick<Domain, 'id' | 'component' | 'method' | 'baseline'>

/** Energy of an interval, for one domain. */
interface Spent {
  readonly spent: Microjoules
  readonly from: Seconds
  readonly to: Seconds
  readonly whileDown?: boolean
}

/** A meter sees more than any part of it, so that it has a rest even while no part is known. */
const isMeter = ({ component, booked }: Domain): boolean => booked && component === 'node'

/** An estimate inside a measured whole waits for the whole. */
const isHeld = ({ place, parent, encloses }: TreeNode): boolean =>
  place.domain.method === 'estimated' &&
  place.domain.booked &&
  !encloses &&
  parent !== undefined &&
  parent.place.domain.method !== 'estimated'

const joined = (held: Spent | undefined, { spent, from, to, whileDown = false }: Spent): Spent =>
  held === undefined
    ? { spent, from, to, whileDown }
    : { spent: microjoules(held.spent + spent), from: held.from, to, whileDown }

const labelsOf = ({
  domain,
  component,
  within,
  leaf,
  method,
  createdWall,
}: DomainAccount): DomainAccountRecord => [domain, component, within, leaf, method, createdWall]

/** What is held back of an estimate is not kept: it is a claim on energy that its parent will measure. */
const placeState = ({ domain, lastSeen, readTo, deficit, excess, gapSeconds }: Place): PlaceState => ({
  domain,
  lastSeen,
  readTo: readTo ?? null,
  deficit,
  excess: excess.toString(),
  gapSeconds,
})

function placeOf({ domain, lastSeen, readTo, deficit, excess, gapSeconds }: PlaceState): Place {
  const place = {
    domain,
    lastSeen: seconds(lastSeen),
    readTo: readTo === null ? undefined : seconds(readTo),
    deficit: microjoules(deficit),
    held: undefined,
    excess: EnergyTotal.parse(excess),
    gapSeconds,
  }
  return { ...place, recorded: recordOf(place) }
}

/** Text that is another whenever more has changed than that it was seen and read. */
const recordOf = ({ domain, deficit, excess, gapSeconds }: Omit<Place, 'recorded'>): string =>
  JSON.stringify([domain, deficit, excess, gapSeconds])

const NO_BASELINE = { watts: watts(0), source: 'default' } as const

/** A part that is only shown names its whole even where the whole is gone: it must never count as a root. */
const withinOf = ({ place, parent }: TreeNode): string =>
  place.domain.booked ? (parent?.place.domain.id ?? '') : place.domain.within

const restId = (id: string): string => `${id}-rest`

/** The rest is known no better than the whole and the parts it is the difference of. */
const restOf = ({ place: { domain }, parts }: TreeNode): Shown => ({
  id: restId(domain.id),
  component: bookedAs(domain.component),
  method: parts
    .filter((part) => part.place.domain.booked)
    .reduce<Method>((worst, part) => worse(worst, part.place.domain.method), domain.method),
  baseline: NO_BASELINE,
})

/** The leaf that a place in the tree stands for: itself, its rest, or none where it is only shown. */
const leafIn = (node: TreeNode): Leaf[] =>
  node.encloses ? [leafOf(restOf(node))] : node.place.domain.booked ? [leafOf(node.place.domain)] : []

const leafOf = ({ id, component, method, baseline }: Shown): Leaf => ({
  id,
  component: bookedAs(component),
  method,
  baseline,
})

const bookedAs = (component: DomainComponent): Component => (component === 'node' ? 'board' : component)

const worse = (one: Method, other: Method): Method =>
  METHODS.indexOf(one) > METHODS.indexOf(other) ? one : other
