/** The engine: one tick reads the sensors and the activity, books, and renders. It knows no thread and no HTTP. */
import { activityOf, type ActivityRoom } from './activity/activity.ts'
import { Allocations } from './activity/allocations.ts'
import {
  Books,
  type BooksChanges,
  type BooksPolicy,
  type BooksState,
  type FormerBooks,
  type SensorsStand,
} from './books.ts'
import type { Config } from './config/schema.ts'
import {
  conservationNotice,
  lostMarksNotice,
  misfit,
  noticeOf,
  queryNotice,
  resumedNotice,
  silenceNotice,
  type Notice,
} from './engine-notices.ts'
import {
  booksPolicyOf,
  namesSettings,
  placementOf,
  pueOf,
  queriesSettings,
  sensorSettings,
} from './engine-settings.ts'
import { budgetRows } from './exposition/budget-reports.ts'
import { energyToDate } from './exposition/to-date.ts'
import type { ConfiguredPue } from './exposition/facility-page.ts'
import { MachinePage, type MachineState } from './exposition/machine-page.ts'
import type { PageWriter } from './exposition/page.ts'
import { RecentQueries } from './exposition/recent-queries.ts'
import {
  ledgerReport,
  queriesReport,
  overviewOf,
  RecentPower,
  sensorsReport,
  type EngineOverview,
} from './exposition/reports.ts'
import type { NameOf } from './ledger/ledger.ts'
import type {
  Activity,
  Census,
  Consumer,
  Findings,
  Group,
  Identity,
  Names,
  Naming,
  SensorStatus,
} from './model.ts'
import { ModelFolders } from './names/model-folders.ts'
import { NamesRoom } from './names/names.ts'
import { ProcessWords } from './names/process-words.ts'
import { ProxiedServers, type ListeningProcess } from './queries/proxied-servers.ts'
import { QueriesRoom, type ServerProcess } from './queries/queries.ts'
import { Attendance } from './sensors/attendance.ts'
import { sensors } from './sensors/index.ts'
import type { Surroundings } from './sensors/sensor.ts'
import { elapsed, type Seconds } from './units.ts'
import type { ClosedBucket } from './workloads/history-bucket.ts'
import { queryReportsOf } from './workloads/request-counts.ts'
import type { RequestEvent } from './workloads/request-events.ts'
import type { IntakeBatch } from './workloads/marks.ts'
import { PushedQueue } from './workloads/pushed-counts.ts'
import { pushedReport } from './workloads/query-push.ts'
import type { Explanation } from './workloads/explanation.ts'
import { MULTIPLE } from './workloads/recognition.ts'
import { WhoIsWhat, type RecognisedServer } from './workloads/who-is-what.ts'
import type { World } from './world.ts'

export interface TickReport {
  readonly at: Seconds
  readonly wall: Seconds
  readonly duration: Seconds
  readonly notices: readonly Notice[]
}

/** What outlives the engine. */
export interface Keeping {
  readonly former: FormerBooks | undefined
  /** Takes a tick's changes down before its page is shown. */
  readonly append: (changes: BooksChanges) => void
  /** Takes hours and days down that have ended; called at each tick, mostly with none. */
  readonly appendHistory: (closed: readonly ClosedBucket[]) => void
}

export class Engine {
  readonly #world: World
  readonly #attendance: Attendance
  readonly #activity: ActivityRoom
  readonly #names: NamesRoom
  readonly #allocations = new Allocations()
  readonly #who: WhoIsWhat
  readonly #books: Books
  readonly #queries: QueriesRoom
  readonly #proxied: ProxiedServers
  /** Since the tick before. */
  #requestEvents: RequestEvent[] = []
  readonly #pushed = new PushedQueue()
  readonly #keeping: Keeping | undefined
  readonly #page = new MachinePage()
  readonly #recentPower = new RecentPower()
  readonly #recentQueries = new RecentQueries()
  #census: Census | undefined
  #groups: readonly Group[] = []
  #held: readonly string[] = []
  #sensors: readonly SensorStatus[] = []
  #around: Surroundings | undefined
  #pue: ConfiguredPue | undefined
  #limitation = ''
  #hasLostMarks = false
  #openingNotices: Notice[]

  /** @param keeping undefined: nothing outlives this engine */
  constructor(world: World, config: Config, keeping?: Keeping) {
    this.#world = world
    this.#keeping = keeping
    this.#attendance = new Attendance(sensors(world, sensorSettings(config)), world.clock)
    this.#attendance.place(placementOf(config))
    this.#activity = activityOf(world)
    this.#names = new NamesRoom(world, namesSettings(config))
    this.#pue = pueOf(config)
    this.#who = whoIsWhat(world, config, (identity) => this.#names.find(identity))
    const { books, notices } = openBooks(world, booksPolicyOf(config), keeping?.former, (consumer) =>
      this.#nameOf(consumer),
    )
    this.#books = books
    this.#openingNotices = [...notices]
    this.#queries = new QueriesRoom(world, queriesSettings(config), (report) => books.queries.add(report))
    this.#proxied = new ProxiedServers(world.procfs, config.proxies)
    const { resumed } = books
    if (resumed !== undefined) this.#attendance.resume(resumed.bookmarks, resumed.failures)
  }

  async tick(writer: PageWriter): Promise<TickReport> {
    const { clock } = this.#world
    const at = clock.now()
    const looks = await this.#attendance.look(at)
    const seen = this.#withHolders(this.#activity.look(at))
    const activity = seen && this.#inPhases(seen)
    if (seen !== undefined) this.#countPushed(seen)
    this.#sensors = looks.statuses
    this.#census = seen?.census ?? this.#census
    this.#groups = seen?.groups ?? this.#groups
    this.#held = Array.from(seen?.accelerators ?? []).flatMap(([id, { holders, use }]) =>
      holders.length + use.length > 0 ? id : [],
    )
    const wall = clock.wall()
    const { domains, readings } = looks
    this.#around = looks.surroundings
    this.#countRequests(seen, at)
    const tick = { at, wall, domains, readings, activity, present: this.#who.present }
    const changes = this.#books.book(tick, this.#sensorsStand(), this.#around)
    const closed = this.#books.takeClosed()
    this.#keeping?.append(changes)
    this.#keeping?.appendHistory(closed)
    this.#recentPower.see(this.#books.ledger, at)
    const { queries } = this.#books
    this.#recentQueries.see(this.#books.ledger, (now) => queries.totals(now), at)
    const error = this.#page.render(writer, this.#state(at, wall))
    return {
      at,
      wall,
      duration: elapsed(at, clock.now()),
      notices: [
        ...this.#openingNotices.splice(0),
        ...looks.changes.map(noticeOf),
        ...this.#limitationNotice(),
        ...this.#names.takeSilences().map(silenceNotice),
        ...this.#queries.takeNotices().map(queryNotice),
        ...conservationNotice(error),
      ],
    }
  }

  /**
   * Takes in what senders say about their work.
   * @returns whether a phase has begun or ended: a tick at once tells what was done on either side of it
   */
  takeIn(batch: IntakeBatch): boolean {
    const now = this.#world.clock.now()
    this.#pushed.take(batch.counts, now, (pid, startTicks) => this.#activity.processOf(pid, startTicks, now))
    const lost = this.#books.phases.take(batch.senders)
    if (lost > 0 && !this.#hasLostMarks) this.#openingNotices.push(lostMarksNotice(lost))
    this.#hasLostMarks ||= lost > 0
    return batch.senders.some(({ marks }) => marks.some(({ change }) => change !== undefined))
  }

  /** Limits, policies and baselines change at once; what is booked stays booked. */
  reconfigure(config: Config): void {
    this.#books.reconfigure(booksPolicyOf(config))
    this.#attendance.replace(sensors(this.#world, sensorSettings(config)))
    this.#attendance.place(placementOf(config))
    this.#names.reconfigure(namesSettings(config))
    this.#pue = pueOf(config)
    this.#who.reconfigure(config.workloads)
    this.#queries.reconfigure(queriesSettings(config))
    this.#proxied.reconfigure(config.proxies)
  }

  /** What the counting proxies tell; it counts at the next tick. */
  takeRequests(events: readonly RequestEvent[]): void {
    this.#requestEvents.push(...events)
  }

  /** All that the next run needs to go on from here. */
  state(): BooksState {
    return this.#books.state(this.#sensorsStand())
  }

  #sensorsStand(): SensorsStand {
    const { bookmarks, failures } = this.#attendance
    return { bookmarks, failures }
  }

  /** What a page would show now. */
  get machine(): MachineState {
    return this.#stateNow()
  }

  /** Ids of the domains that each sensor sees. */
  get domainsBySensor(): Readonly<Record<string, readonly string[]>> {
    return this.#attendance.domains
  }

  /** Accelerators that somebody held during the newest tick. */
  get heldAccelerators(): readonly string[] {
    return this.#held
  }

  /** Why each process that is at work is called what it is. */
  explanations(): readonly Explanation[] {
    return this.#who.explanations()
  }

  /** Inference servers that live now. */
  servers(): readonly RecognisedServer[] {
    return this.#who.servers()
  }

  overview(): EngineOverview {
    const { budgets, demand, history } = this.#books
    const wall = this.#world.clock.wall()
    const rows = budgetRows(budgets.statuses(wall), demand.statuses(wall))
    const { ledger, queries } = this.#books
    const now = this.#world.clock.now()
    const queryEnergy = this.#recentQueries.since(ledger, queries.totals(now), now)
    const overview = {
      ...overviewOf(this.#stateNow(), this.#recentPower, rows),
      ...(queryEnergy !== undefined && { queryEnergy }),
    }
    // Without storage today and this month would begin with this run.
    return this.#keeping === undefined ? overview : { ...overview, toDate: energyToDate(history, wall) }
  }

  sensorsReport(): unknown {
    return sensorsReport(this.#stateNow())
  }

  queriesReport(): unknown {
    return queriesReport(this.#stateNow())
  }

  ledgerReport(): unknown {
    return ledgerReport(this.#stateNow())
  }

  async close(): Promise<void> {
    this.#names.close()
    this.#queries.close()
    await this.#attendance.close()
  }

  /** Who has appeared is asked for by name, and holds what was given to it. */
  #withHolders(activity: Activity | undefined): Activity | undefined {
    if (activity === undefined) return undefined
    this.#names.see(activity)
    const boards = this.#world.nvml?.newest?.devices ?? []
    const held =
      boards.length === 0 ? activity : this.#allocations.applyTo(activity, this.#names.allocations(), boards)
    this.#who.see(held)
    this.#queries.see(this.#who.servers().map(serverProcessOf))
    return held
  }

  #countRequests(activity: Activity | undefined, at: Seconds): void {
    this.#proxied.see(() => this.#listeningProcesses(activity), at)
    const events = this.#requestEvents
    this.#requestEvents = []
    const ownerOf = (proxy: string): ReturnType<ProxiedServers['ownerOf']> => this.#proxied.ownerOf(proxy)
    for (const report of queryReportsOf(events, ownerOf)) this.#books.queries.add(report)
    this.#books.requests.see(events, ownerOf)
  }

  /** Recognised servers first, then who was at work. */
  #listeningProcesses(activity: Activity | undefined): readonly ListeningProcess[] {
    const servers = this.#who.servers().map(({ consumer: { process }, names: { facts }, server }) => ({
      pid: process.pid,
      comm: process.comm,
      owner: { workload: facts.workload, namespace: facts.namespace, server },
    }))
    const others = (activity?.cpu ?? []).flatMap(({ consumer }): ListeningProcess[] => {
      const names = consumer.kind === 'process' ? this.#namesOf(consumer) : undefined
      if (consumer.kind !== 'process' || names === undefined) return []
      const { pid, comm } = consumer.process
      const { workload, namespace } = names.facts
      return [{ pid, comm, owner: { workload, namespace, server: '' } }]
    })
    return [...servers, ...others]
  }

  #nameOf(consumer: Consumer): Naming {
    const names = this.#namesOf(consumer.doing?.of ?? consumer)
    return names && this.#books.phases.namingOf(consumer, names)
  }

  /** Without a phase. */
  #namesOf(consumer: Consumer): Names | undefined {
    return this.#who.nameOf(consumer)
  }

  #inPhases(activity: Activity): Activity {
    return this.#books.phases.apply(activity, {
      wall: this.#world.clock.wall(),
      namesOf: (consumer) => this.#who.nameOf(consumer),
      processOf: (pid, startTicks) => this.#activity.processOf(pid, startTicks, activity.to),
    })
  }

  /** What clients have counted themselves is of the workload that they run in. */
  #countPushed({ to: at, groups }: Activity): void {
    this.#pushed.settle(
      {
        at,
        groups,
        processOf: (pid, startTicks) => this.#activity.processOf(pid, startTicks, at),
        namesOf: (consumer) => this.#namesOf(consumer),
      },
      (counts, facts) => this.#books.queries.add(pushedReport(counts, facts)),
    )
  }

  #stateNow(): MachineState {
    return this.#state(this.#world.clock.now(), this.#world.clock.wall())
  }

  #state(at: Seconds, wall: Seconds): MachineState {
    return {
      at,
      wall,
      startedWall: this.#books.startedWall,
      ledger: this.#books.ledger,
      budgets: this.#books.budgets.statuses(wall),
      demand: this.#books.demand.statuses(wall),
      requestEnergy: this.#books.requestEnergy,
      phases: this.#books.phases,
      queries: this.#books.queries,
      queryServers: this.#queries.statuses(),
      sensors: this.#sensors,
      census: this.#census,
      groups: this.#groups,
      facility: {
        accounts: this.#books.facility.accounts,
        gauges: this.#around?.gauges ?? [],
        devices: this.#around?.devices ?? [],
        pue: this.#pue,
      },
    }
  }

  #limitationNotice(): Notice[] {
    const limitation = this.#census?.limitation ?? ''
    if (limitation === this.#limitation) return []
    this.#limitation = limitation
    return limitation === '' ? [] : [{ level: 'warn', message: limitation, fields: {} }]
  }
}

/** Former books that do not fit together are left as they are: new ones are begun. */
function openBooks(
  { clock }: World,
  policy: BooksPolicy,
  former: FormerBooks | undefined,
  nameOf: NameOf,
): { readonly books: Books; readonly notices: readonly Notice[] } {
  const now = { at: clock.now(), wall: clock.wall() }
  try {
    const books = new Books(policy, now, former, nameOf)
    const problems = books.problems.map((reason) => misfit('part of the books of an earlier run', reason))
    return {
      books,
      notices: former === undefined ? [] : [resumedNotice(books, former, now.wall), ...problems],
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    return {
      books: new Books(policy, now, undefined, nameOf),
      notices: [misfit('the books of an earlier run', reason)],
    }
  }
}

function whoIsWhat(
  world: World,
  config: Config,
  find: (identity: Identity) => Findings | undefined,
): WhoIsWhat {
  const words = new ProcessWords(world)
  const folders = new ModelFolders(world)
  return new WhoIsWhat({
    rules: config.workloads,
    find,
    door: {
      chainOf: (pid) => words.chainOf(pid),
      isAlive: (pid, startTicks) => words.isAlive(pid, startTicks),
      modelsAt: (lookup) => folders.modelsAt(lookup),
    },
  })
}

const serverProcessOf = ({
  consumer: { process },
  names: { facts },
  server,
}: RecognisedServer): ServerProcess => ({
  pid: process.pid,
  startTicks: process.startTicks,
  server,
  workload: facts.workload,
  namespace: facts.namespace,
  // Which of several models answered, its own metrics know.
  model: facts.model === MULTIPLE ? '' : facts.model,
  variant: facts.variant,
})
