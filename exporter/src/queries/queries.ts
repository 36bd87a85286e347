/**
 * Reads the metrics of inference servers: those that are configured, and those that were recognised on this machine.
 * Each is asked on its own beat, one look at a time; one that is silent is asked less and less often. The tick never
 * waits for any of them.
 */
import type { Seconds } from '../units.ts'
import { seconds } from '../units.ts'
import type { QueryReport, QuerySource } from '../workloads/query-report.ts'
import type { World } from '../world.ts'
import { networkView, type NetworkView } from './addresses.ts'
import { doorsOf, type Door } from './discovery.ts'
import { NoMetrics, openAccess, type Access } from './scrape.ts'
import { ServerTarget, type LookLimits, type QueryOwner, type TargetSettings } from './server-target.ts'

export interface ConfiguredServer {
  readonly url: string
  /** Empty: told from its page. */
  readonly preset: string
  readonly workload: string
  readonly namespace: string
  /** Empty: as the server says. */
  readonly model: string
  /** Empty: as the preset says. */
  readonly path: string
  readonly access: Access
}

export interface QueriesSettings {
  readonly discovery: boolean
  readonly period: Seconds
  readonly timeout: Seconds
  readonly servers: readonly ConfiguredServer[]
}

/** A process that was recognised as an inference server. */
export interface ServerProcess extends QueryOwner {
  readonly pid: number
  /** Clock ticks after boot. */
  readonly startTicks: number
  /** As recognition calls it. */
  readonly server: string
}

/** How a server is doing, for pages and people. */
export interface QueryTargetStatus {
  readonly url: string
  readonly server: string
  readonly workload: string
  readonly namespace: string
  readonly source: QuerySource
  readonly state: 'waiting' | 'counting' | 'silent'
  /** Why it is not counted, or not all of it; empty when all is well. */
  readonly reason: string
  /** Requests that it works on, and that wait; undefined where it does not say. */
  readonly running: number | undefined
  readonly waiting: number | undefined
}

export interface QueriesNotice {
  readonly url: string
  readonly reason: string
}

/** Servers that are read at the same time, and in all. */
const MOST = { atOnce: 8, targets: 128 }
const MOST_BYTES = 8 << 20
/** A server that starts loads its model for minutes; it is looked for so often at first, and then less and less. */
const LONGEST_PAUSE_SECONDS = 300
/** What a silent server has counted is taken up again within this time; after it others may have counted instead. */
const FORGET_AFTER_SECONDS = 600

/** Servers that count nothing, and what helps. */
const WITHOUT_METRICS: ReadonlyMap<string, string> = new Map([
  ['ollama', 'it has no metrics: the counting proxy counts for it'],
])

export class QueriesRoom {
  readonly #world: World
  readonly #view: NetworkView
  readonly #report: (report: QueryReport) => void
  readonly #since: { readonly wall: Seconds; readonly ticks: number }
  #settings: QueriesSettings
  #watched = new Map<string, Watched>()
  #notices: QueriesNotice[] = []
  readonly #complained = new Map<string, string>()
  #running = 0
  #queue: Watched[] = []
  #isClosed = false
  readonly #closing = new AbortController()

  /** @param report takes what was answered */
  constructor(
    world: World,
    settings: QueriesSettings,
    report: (report: QueryReport) => void,
    view?: NetworkView,
  ) {
    this.#world = world
    this.#settings = settings
    this.#report = report
    this.#view = view ?? networkView(world.procfs)
    this.#since = { wall: world.clock.wall(), ticks: uptimeTicks(world) }
    this.#watchConfigured()
  }

  /** Servers that stay as they are go on; where they stood is remembered. */
  reconfigure(settings: QueriesSettings): void {
    this.#settings = settings
    this.#watchConfigured()
    if (!settings.discovery) this.see([])
  }

  /** To be told of every recognised server that lives now. */
  see(servers: readonly ServerProcess[]): void {
    const living = new Map(
      (this.#settings.discovery ? servers : []).map((server) => [
        `${server.pid}:${server.startTicks}`,
        server,
      ]),
    )
    for (const [key, watched] of this.#watched) {
      if (watched.process !== undefined && !living.has(key)) this.#drop(key, watched)
    }
    for (const [key, process] of living) {
      this.#watched.get(key)?.know(process)
      if (this.#watched.has(key) || this.#watched.size >= MOST.targets) continue
      const sawStart = process.startTicks >= this.#since.ticks
      this.#watch(key, { process, sawStart, target: undefined })
    }
  }

  statuses(): readonly QueryTargetStatus[] {
    return Array.from(this.#watched.values(), (watched) => watched.status())
  }

  /** What an operator should read once. */
  takeNotices(): readonly QueriesNotice[] {
    return this.#notices.splice(0)
  }

  close(): void {
    this.#isClosed = true
    this.#closing.abort()
    for (const [key, watched] of this.#watched) this.#drop(key, watched)
  }

  #watchConfigured(): void {
    const wanted = new Map(this.#settings.servers.map((server) => [JSON.stringify(server), server]))
    for (const [key, watched] of this.#watched) {
      if (watched.process === undefined && !wanted.has(key)) this.#drop(key, watched)
    }
    for (const [key, server] of wanted) {
      if (this.#watched.has(key)) continue
      this.#watch(key, { process: undefined, sawStart: false, target: new ServerTarget(settingsOf(server)) })
    }
  }

  #watch(key: string, start: Pick<Watched, 'process' | 'sawStart' | 'target'>): void {
    const watched = new Watched(start)
    this.#watched.set(key, watched)
    this.#lookSoon(watched, 0)
  }

  #drop(key: string, watched: Watched): void {
    watched.isDropped = true
    watched.callOff()
    this.#queue = this.#queue.filter((one) => one !== watched)
    this.#watched.delete(key)
    this.#complained.delete(watched.url)
  }

  #lookSoon(watched: Watched, delay: number): void {
    if (this.#isClosed || watched.isDropped) return
    watched.callOff = this.#world.clock.after(seconds(delay), () => {
      this.#queue.push(watched)
      this.#next()
    })
  }

  #next(): void {
    while (this.#running < MOST.atOnce) {
      const watched = this.#queue.shift()
      if (watched === undefined) return
      this.#running += 1
      const startedAt = this.#world.clock.now()
      void this.#look(watched).finally(() => {
        this.#running -= 1
        const took = this.#world.clock.now() - startedAt
        this.#lookSoon(watched, Math.max(0, this.#pauseOf(watched) - took))
        this.#next()
      })
    }
  }

  /** Failures double it, with some chance, so that many servers are not asked at the same instant. */
  #pauseOf({ failures }: Watched): number {
    const { period } = this.#settings
    if (failures === 0) return period
    const pause = Math.min(Math.max(period, LONGEST_PAUSE_SECONDS), period * 2 ** Math.min(failures - 1, 16))
    return pause * (0.75 + Math.random() / 2)
  }

  async #look(watched: Watched): Promise<void> {
    try {
      const target = watched.target ?? (await this.#find(watched))
      const { sawStart } = watched
      const watch = { since: this.#since.wall, sawStart }
      const { look, reports, flaw } = await target.look(watch, this.#limits())
      if (watched.isDropped) return
      watched.target = target
      watched.sawStart = false // from now on a look is compared with the one before
      watched.succeed(look, flaw, this.#world.clock.now())
      for (const report of reports) this.#report(report)
      this.#complain(watched, flaw)
    } catch (cause) {
      if (watched.isDropped) return
      const reason = cause instanceof NoMetrics ? cause.message : 'its metrics cannot be read'
      watched.fail(reason)
      if (this.#world.clock.now() - watched.countedAt >= FORGET_AFTER_SECONDS) watched.forget()
      if (watched.failures > 1 || watched.process === undefined) this.#complain(watched, reason)
    }
  }

  #limits(): LookLimits {
    return { timeoutSeconds: this.#settings.timeout, mostBytes: MOST_BYTES, signal: this.#closing.signal }
  }

  /** Asks the ports of a process one after the other, one more with each look, until one has metrics. */
  async #find(watched: Watched): Promise<ServerTarget> {
    const { process } = watched
    if (process === undefined) throw new NoMetrics('silent', 'there is no address to ask')
    const without = WITHOUT_METRICS.get(process.server)
    if (without !== undefined) throw new NoMetrics('other', without)
    const { doors, why } = await doorsOf(this.#view, process.pid)
    const taken = this.#taken(watched)
    const free = doors.filter(({ bases }) => !bases.some((base) => taken.has(base)))
    if (doors.length > 0 && free.length === 0) throw new NoMetrics('silent', 'its port is read already')
    const door = free[watched.failures % Math.max(1, free.length)]
    if (door === undefined) throw new NoMetrics('silent', why)
    watched.door = door
    return targetAt(door, process)
  }

  /** Ports that others have claimed: processes may share a socket, and what is configured goes first. */
  #taken(except: Watched): ReadonlySet<string> {
    const others = Array.from(this.#watched.values()).filter(
      (one) => one !== except && one.target !== undefined,
    )
    return new Set(others.flatMap((one) => one.target?.settings.bases.map(asLoopback) ?? []))
  }

  #complain(watched: Watched, reason: string): void {
    const { url } = watched
    if (reason === (this.#complained.get(url) ?? '')) return
    this.#complained.set(url, reason)
    if (reason !== '') this.#notices.push({ url, reason })
  }
}

/** A server, and how far the looks at it have come. */
class Watched {
  /** Undefined: it is configured. */
  process: ServerProcess | undefined
  sawStart: boolean
  target: ServerTarget | undefined
  door: Door | undefined
  failures = 0
  isDropped = false
  countedAt = -Infinity
  #reason = ''
  #gauges: Pick<QueryTargetStatus, 'running' | 'waiting'> = { running: undefined, waiting: undefined }

  constructor({ process, sawStart, target }: Pick<Watched, 'process' | 'sawStart' | 'target'>) {
    this.process = process
    this.sawStart = sawStart
    this.target = target
  }

  callOff: () => void = () => undefined

  get url(): string {
    return (
      this.target?.url ?? this.door?.bases[0] ?? (this.process === undefined ? '' : `pid ${this.process.pid}`)
    )
  }

  /** Its names may have been found since. */
  know(process: ServerProcess): void {
    this.process = process
    if (this.target !== undefined) this.target.owner = process
  }

  succeed(gauges: Pick<QueryTargetStatus, 'running' | 'waiting'>, flaw: string, now: Seconds): void {
    this.failures = 0
    this.countedAt = now
    this.#reason = flaw
    this.#gauges = { running: gauges.running, waiting: gauges.waiting }
  }

  fail(reason: string): void {
    this.failures += 1
    this.#reason = reason
    this.#gauges = { running: undefined, waiting: undefined }
  }

  /** What happens until the next look is not counted; a port that was found may be another by then. */
  forget(): void {
    if (this.process === undefined) this.target?.forget()
    else this.target = undefined
  }

  status(): QueryTargetStatus {
    const owner = this.target?.owner ?? this.process ?? NOBODY
    const hasCounted = this.countedAt > -Infinity
    return {
      url: this.url,
      server: this.target?.server ?? this.process?.server ?? '',
      workload: owner.workload,
      namespace: owner.namespace,
      source: this.target?.source ?? 'server',
      state: this.failures > 0 ? 'silent' : hasCounted ? 'counting' : 'waiting',
      reason: this.#reason,
      ...this.#gauges,
    }
  }
}

const NOBODY = { workload: '', namespace: '' }

const targetAt = (
  { bases }: Door,
  { server, workload, namespace, model, variant }: ServerProcess,
): ServerTarget =>
  new ServerTarget({
    bases,
    path: '',
    server,
    owner: { workload, namespace, model, variant },
    modelIsGiven: false,
    isConfigured: false,
    access: openAccess,
  })

const settingsOf = ({
  url,
  preset,
  workload,
  namespace,
  model,
  path,
  access,
}: ConfiguredServer): TargetSettings => ({
  bases: [url],
  path,
  server: preset,
  owner: { workload, namespace, model, variant: '' },
  modelIsGiven: model !== '',
  isConfigured: true,
  access,
})

/** So that a server that is configured is not found a second time. */
const asLoopback = (base: string): string =>
  base.replace(/^(https?:\/\/)(?:localhost|\[::1\])(?=:|$)/, '$1127.0.0.1')

/** The kernel counts the start of processes in ticks of 1/100 s since boot. */
const TICKS_PER_SECOND = 100

function uptimeTicks({ files, procfs }: World): number {
  const uptime = Number(String(files.readText(`${procfs}/uptime`)).split(' ')[0])
  return Number.isFinite(uptime) ? uptime * TICKS_PER_SECOND : Infinity
}
