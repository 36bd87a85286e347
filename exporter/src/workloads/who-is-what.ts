/**
 * Who is what: for each consumer its names, from rules of the configuration, labels, and what its processes are
 * recognised as, in this order and each field for itself. A process is looked at once, and again after an exec; how
 * many in one tick is bounded. No I/O of its own: processes and folders are seen through a door.
 */
import type {
  Activity,
  Consumer,
  Findings,
  Group,
  Identity,
  ModelLookup,
  Names,
  ProcessSeen,
  WorkloadRule,
} from '../model.ts'
import { seconds, type Seconds } from '../units.ts'
import { NamesPool } from './names-pool.ts'
import { compose, type Own } from './composition.ts'
import { explanationOf, type Explanation } from './explanation.ts'
import { placeOf, type Place } from './place.ts'
import { recognise, serversAbove, withModels, type Recognised, type Verdict } from './recognition.ts'
import { Roots, type Root } from './roots.ts'
import { memberKey, Scope, type Member } from './scope.ts'
import { WorkloadRules, type Ruling } from './workload-rules.ts'

/** How processes and folders are seen. */
export interface ProcessDoor {
  /** A process, its parent and so on; empty where it is gone or may not be seen. */
  chainOf(pid: number): readonly ProcessSeen[]
  isAlive(pid: number, startTicks: number): boolean
  /** @returns undefined while they are being looked for */
  modelsAt(lookup: ModelLookup): readonly string[] | undefined
}

export interface WhoIsWhatOptions {
  readonly door: ProcessDoor
  /** What the machine's daemons say; undefined while they are asked. */
  readonly find: (identity: Identity) => Findings | undefined
  readonly rules: readonly WorkloadRule[]
}

/** An inference server that lives. */
export interface RecognisedServer {
  readonly consumer: ProcessConsumer
  readonly names: Names
  /** `vllm`, `sglang`, ... */
  readonly server: string
  /** As they were named, its workers' included; empty where they are not known. */
  readonly models: readonly string[]
}

export type ProcessConsumer = Extract<Consumer, { kind: 'process' }>

/** So many processes are looked at in one tick, those that use most first. */
const MOST_LOOKS = 256
/** Who uses less of a core than this does not wait for its turn. */
const NOTABLE_CORE_RATIO = 0.01
/** Longer nobody waits: neither for a turn nor for a folder. */
const PATIENCE_SECONDS = 10
const CHECK_SECONDS = 5
/** Titles are looked at so often at most. */
const TITLE_SECONDS = 5
const SWEEP_SECONDS = 60
/** Of more processes with names of their own, series end when nothing is booked to them for a while. */
const MOST_PRESENT = 1024

/** What is known of a process. */
interface State extends Own {
  readonly comm: string
  readonly argumentsAt: string
  readonly hasArguments: boolean
  readonly revision: number
  readonly since: Seconds
  verdict: Verdict
  /** A folder is being looked into. */
  isWaiting: boolean
  readonly ruling: Ruling | undefined
  usesAccelerator: boolean
  names: Names | undefined
  /** What the names were found from. */
  namesOf: NamesBasis | undefined
}

interface NamesBasis {
  readonly scope: Scope | undefined
  readonly version: number | undefined
  /** Of the rules. */
  readonly revision: number
}

const isCurrent = ({ namesOf, isWaiting }: State, revision: number): boolean =>
  namesOf?.revision === revision && namesOf.version === namesOf.scope?.version && !isWaiting

export class WhoIsWhat {
  readonly #door: ProcessDoor
  readonly #find: WhoIsWhatOptions['find']
  #rules: WorkloadRules
  readonly #pool = new NamesPool()
  readonly #places = new WeakMap<Group, Place>()
  readonly #scopes = new Map<string, { readonly scope: Scope; seenAt: Seconds }>()
  readonly #states = new WeakMap<ProcessConsumer, State>()
  readonly #unowned = new WeakMap<Place, { readonly version: string; readonly names: Names }>()
  /** Those whose turn has not come, and since when they wait. */
  #queue = new Map<ProcessConsumer, Seconds>()
  #lookups = new Set<ProcessConsumer>()
  readonly #roots = new Roots()
  #present: ProcessConsumer[] = []
  #revision = 0
  #at = seconds(0)
  #looksLeft = 0
  #checkedAt = seconds(0)
  #sweptAt = seconds(0)
  #newest: Activity | undefined

  constructor({ door, find, rules }: WhoIsWhatOptions) {
    this.#door = door
    this.#find = find
    this.#rules = new WorkloadRules(rules)
  }

  /** What was found by the rules before is found anew; until then it is called as it was. */
  reconfigure(rules: readonly WorkloadRule[]): void {
    this.#rules = new WorkloadRules(rules)
    this.#revision += 1
    this.#roots.forgetRulings()
    for (const { scope } of this.#scopes.values()) scope.forgetRulings()
  }

  /** To be told of each tick before its energy is booked. */
  see(activity: Activity): void {
    this.#at = activity.to
    this.#newest = activity
    this.#looksLeft = MOST_LOOKS
    const notable = NOTABLE_CORE_RATIO * 1e9 * (activity.to - activity.from)
    const users = this.#acceleratorUsers(activity)
    const due: { readonly consumer: ProcessConsumer; readonly use: number }[] = []
    for (const consumer of users) {
      if (this.#mustLook(consumer)) due.push({ consumer, use: Infinity })
    }
    for (const { consumer, cpu } of activity.cpu) {
      if (consumer.kind !== 'process' || users.has(consumer)) continue
      if (this.#mustLook(consumer)) due.push({ consumer, use: cpu })
    }
    due.sort((one, other) => other.use - one.use)
    const queue = new Map<ProcessConsumer, Seconds>()
    for (const { consumer, use } of due) {
      if (this.#look(consumer, users.has(consumer))) continue
      if (use >= notable) queue.set(consumer, this.#queue.get(consumer) ?? this.#at)
    }
    this.#queue = queue
    for (const consumer of users) this.#noteAccelerator(consumer)
    this.#finishLookups()
    if (this.#at - this.#checkedAt >= CHECK_SECONDS) {
      this.#checkedAt = this.#at
      this.#dropTheDead()
    }
    if (this.#at - this.#sweptAt >= SWEEP_SECONDS) this.#sweep(activity.groups)
  }

  /** @returns undefined while it is being found out; the same object for the same names */
  nameOf(consumer: Consumer): Names | undefined {
    const settled = consumer.kind === 'process' ? this.#states.get(consumer) : undefined
    if (settled?.names !== undefined && isCurrent(settled, this.#revision)) return settled.names
    const place = this.#placeOf(consumer.group)
    if (place === undefined) return undefined
    if (consumer.kind !== 'process') return this.#unownedNames(place)
    const state = settled ?? this.#lookNow(consumer)
    if (state === undefined) {
      const since = this.#queue.get(consumer)
      const isPending = since !== undefined && this.#at - since < PATIENCE_SECONDS
      return isPending ? undefined : this.#unownedNames(place)
    }
    if (state.isWaiting) return undefined
    state.names = this.#namesOf(place, state)
    state.namesOf = { scope: place.scope, version: place.scope?.version, revision: this.#revision }
    if (state.names.livesWith === 'process') this.#noteLiving(consumer)
    return state.names
  }

  /** Processes that live, and have names of their own, whether they use anything or not. */
  get present(): readonly ProcessConsumer[] {
    return this.#present
  }

  /** Inference servers that live now. */
  servers(): readonly RecognisedServer[] {
    return this.#roots.all.flatMap((root) => {
      const { recognised } = root.member
      if (recognised?.kind !== 'inference' || recognised.role !== 'serves') return []
      const names = this.#namesOf(root.place, ownOf(root))
      return [
        { consumer: consumerOf(root), names, server: recognised.name, models: this.#roots.modelsOf(root) },
      ]
    })
  }

  /** Of all processes that were seen in the newest tick, and of those that say what they are. */
  explanations(): readonly Explanation[] {
    const consumers = new Map<string, ProcessConsumer>()
    const add = (consumer: ProcessConsumer): void => void consumers.set(memberKey(consumer.process), consumer)
    for (const root of this.#roots.all) add(consumerOf(root))
    for (const { consumer } of this.#newest?.cpu ?? []) if (consumer.kind === 'process') add(consumer)
    if (this.#newest !== undefined) for (const consumer of this.#acceleratorUsers(this.#newest)) add(consumer)
    return Array.from(consumers.values(), (consumer) => this.#explain(consumer))
  }

  #explain(consumer: ProcessConsumer): Explanation {
    const place = this.#placeOf(consumer.group)
    const root = this.#roots.get(consumer.process)
    const own = this.#states.get(consumer) ?? (root && ownOf(root))
    return explanationOf(
      consumer,
      own,
      place && { place, names: this.#namesOf(place, own), rules: this.#rules },
    )
  }

  #acceleratorUsers({ accelerators }: Activity): ReadonlySet<ProcessConsumer> {
    const users = new Set<ProcessConsumer>()
    for (const { use, holders } of accelerators.values()) {
      for (const { to } of [...use, ...holders]) {
        if (typeof to !== 'string' && to.kind === 'process') users.add(to)
      }
    }
    return users
  }

  /** A new name without a new program is a title; threads of the kernel change theirs with what they do. */
  #mustLook(consumer: ProcessConsumer): boolean {
    const state = this.#states.get(consumer)
    if (state === undefined || state.revision !== this.#revision) return true
    const { comm, argumentsAt = '0' } = consumer.process
    if (state.argumentsAt !== argumentsAt) return true
    if (state.comm === comm || !state.hasArguments) return false
    return argumentsAt === '0' || this.#at - state.since >= TITLE_SECONDS
  }

  /** Who was in no tick yet. */
  #lookNow(consumer: ProcessConsumer): State | undefined {
    if (!this.#queue.has(consumer)) this.#look(consumer, false)
    return this.#states.get(consumer)
  }

  /** @returns false when its turn has not come */
  #look(consumer: ProcessConsumer, usesAccelerator: boolean): boolean {
    const place = this.#placeOf(consumer.group)
    if (this.#looksLeft === 0 || place === undefined) return false
    this.#looksLeft -= 1
    const { pid, startTicks, comm, argumentsAt = '0' } = consumer.process
    const chain = this.#door.chainOf(pid)
    const isItself = chain[0]?.startTicks === startTicks
    const before = this.#states.get(consumer)
    const verdict = isItself ? recognise(chain) : (before?.verdict ?? 'unseen')
    const state: State = {
      comm,
      argumentsAt,
      hasArguments: chain[0]?.argv[0] !== '',
      revision: this.#revision,
      since: this.#at,
      verdict,
      isWaiting: false,
      ruling:
        isItself || before === undefined ? this.#rules.find(place, isItself ? chain : []) : before.ruling,
      usesAccelerator: usesAccelerator || (before?.usesAccelerator ?? false),
      names: undefined,
      namesOf: undefined,
    }
    this.#states.set(consumer, state)
    if (!isItself) return true
    place.scope?.note({ isLookedAt: true, isUnsure: verdict === 'unsure' })
    if (typeof verdict === 'string' || verdict.root.pid !== pid) this.#roots.forget(consumer.process)
    for (const server of serversAbove(chain))
      this.#addRoot(place, { ...server.root, recognised: server }, chain)
    const { ruling } = state
    if (ruling?.root !== undefined) this.#addRoot(place, { ...ruling.root, ruling }, chain)
    if (typeof verdict !== 'string') this.#settle(consumer, place, state, verdict, chain)
    return true
  }

  #settle(
    consumer: ProcessConsumer,
    place: Place,
    state: State,
    verdict: Recognised,
    chain: readonly ProcessSeen[] = [],
  ): void {
    const models = verdict.lookup && this.#door.modelsAt(verdict.lookup)
    if (verdict.lookup !== undefined && models === undefined && this.#at - state.since < PATIENCE_SECONDS) {
      state.isWaiting = true
      this.#lookups.add(consumer)
      return
    }
    const recognised = verdict.lookup === undefined ? verdict : withModels(verdict, models ?? [])
    state.verdict = recognised
    state.isWaiting = false
    this.#lookups.delete(consumer)
    this.#addRoot(place, { ...recognised.root, recognised }, chain)
  }

  #addRoot(place: Place, member: Member, chain: readonly ProcessSeen[]): void {
    this.#roots.add(place, member, chain, (own) => this.#rules.find(place, own))
  }

  #finishLookups(): void {
    for (const consumer of Array.from(this.#lookups)) {
      const state = this.#states.get(consumer)
      const place = this.#placeOf(consumer.group)
      if (state === undefined || place === undefined || typeof state.verdict === 'string') {
        this.#lookups.delete(consumer)
      } else {
        this.#settle(consumer, place, state, state.verdict)
      }
    }
  }

  #noteAccelerator(consumer: ProcessConsumer): void {
    const state = this.#states.get(consumer)
    if (state === undefined) return
    if (!state.usesAccelerator) {
      state.usesAccelerator = true
      state.names = undefined
    }
    if (typeof state.verdict === 'string')
      this.#placeOf(consumer.group)?.scope?.note({ usesAccelerator: true })
  }

  #dropTheDead(): void {
    const isAlive = (pid: number, startTicks: number): boolean => this.#door.isAlive(pid, startTicks)
    this.#roots.dropTheDead(isAlive)
    this.#present = this.#present.filter(({ process }) => isAlive(process.pid, process.startTicks))
  }

  #sweep(groups: readonly Group[]): void {
    this.#sweptAt = this.#at
    this.#pool.sweep()
    const alive = new Set(groups.map((group) => this.#places.get(group)?.scope))
    for (const [key, entry] of this.#scopes) {
      if (alive.has(entry.scope)) entry.seenAt = this.#at
      else if (this.#at - entry.seenAt >= SWEEP_SECONDS) this.#scopes.delete(key)
    }
  }

  /** What is known of a group at first stays with it. */
  #placeOf(group: Group): Place | undefined {
    const known = this.#places.get(group)
    if (known !== undefined) return known
    const findings = this.#find(group.identity)
    if (findings === undefined) return undefined
    const place = placeOf(group, findings, (key) => this.#scopeOf(key))
    this.#places.set(group, place)
    return place
  }

  #scopeOf(key: string): Scope {
    const known = this.#scopes.get(key)
    if (known !== undefined) return known.scope
    const scope = new Scope()
    this.#scopes.set(key, { scope, seenAt: this.#at })
    return scope
  }

  #versionOf({ scope }: Place): string {
    return `${this.#revision} ${scope?.version ?? 0}`
  }

  /** Who is called as all in its place lives with the place. */
  #namesOf(place: Place, own: Own | undefined): Names {
    const names = this.#pool.of(compose(place, own, this.#rules))
    if (own === undefined || names === this.#unownedNames(place)) return names
    return this.#pool.of({ ...names, livesWith: 'process' })
  }

  #noteLiving(consumer: ProcessConsumer): void {
    if (this.#present.length < MOST_PRESENT && !this.#present.includes(consumer)) this.#present.push(consumer)
  }

  /** Of those in a place who say nothing themselves. */
  #unownedNames(place: Place): Names {
    const version = this.#versionOf(place)
    const known = this.#unowned.get(place)
    if (known?.version === version) return known.names
    const names = this.#namesOf(place, undefined)
    this.#unowned.set(place, { version, names })
    return names
  }
}

const ownOf = ({ member: { recognised }, ruling }: Root): Own => ({
  verdict: recognised ?? 'plain',
  ruling,
  usesAccelerator: false,
})

const consumerOf = ({ member: { pid, startTicks }, place: { group }, comm }: Root): ProcessConsumer => ({
  kind: 'process',
  group,
  process: { pid, startTicks, comm },
})
