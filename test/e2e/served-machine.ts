/**
 * A machine with one inference server: what its sensors, its processes and the server's counters say is given, and goes
 * through the books of the exporter to a page that is served.
 */
import { Books } from '../../exporter/src/books.ts'
import { MachinePage } from '../../exporter/src/exposition/machine-page.ts'
import { PageWriter } from '../../exporter/src/exposition/page.ts'
import type { Domain, Names, Reading } from '../../exporter/src/model.ts'
import { seconds, watts } from '../../exporter/src/units.ts'
import { namesByPath } from '../../exporter/src/workloads/naming.ts'
import { activity, domain, group, policy, processOf, reading } from '../ledger/small-machine.ts'
import type { Served } from '../rules/published.ts'
import { PageServer } from './page-server.ts'
import { tailIn } from './simulated-hall.ts'

/** So many seconds of the machine go by in a step: published rates are small, and counts are whole. */
const STEP_SECONDS = 1000
const LONG = seconds(1e9)
const SERVER = processOf(group('server.service'), 7, 'server')

export class ServedMachine {
  readonly workload: string
  readonly server: PageServer
  readonly #served: Served
  readonly #names: Names
  readonly #books: Books
  readonly #page = new MachinePage()
  readonly #gpu: Domain
  readonly #cpu: Domain
  readonly #tail: string
  #steps = 0

  private constructor(workload: string, served: Served, server: PageServer, tail: string) {
    this.workload = workload
    this.server = server
    this.#served = served
    this.#tail = tail
    const names = namesByPath(SERVER.group.identity)
    this.#names = {
      ...names,
      facts: { ...names.facts, workload, kind: 'inference', model: 'm', variant: 'fp8' },
    }
    this.#gpu = domain('gpu-0', 'accelerator', '', idling(served.watts.idle ?? 0))
    this.#cpu = domain('package-0', 'cpu', '', idling(0))
    this.#books = new Books(
      {
        ledger: policy({ idlePolicy: 'holders', lifetimes: { birthHold: seconds(0), expireAfter: LONG } }),
        timeZone: 'UTC',
        node: workload,
        budgets: [],
        demand: [],
        queries: { mostAccounts: 100, birthHold: seconds(0), expireAfter: LONG },
      },
      { at: seconds(0), wall: seconds(1.7e9) },
      undefined,
      () => this.#names,
    )
  }

  /** @param workload its name, and that of its zone */
  static async start(workload: string, served: Served): Promise<ServedMachine> {
    return new ServedMachine(workload, served, await PageServer.start(), await tailIn(workload))
  }

  step(): void {
    const from = this.#steps * STEP_SECONDS
    this.#steps += 1
    const to = from + STEP_SECONDS
    const now = { at: seconds(to), wall: seconds(1.7e9 + to) }
    this.#answer()
    const { accelerator = 0, host, idle = 0 } = this.#served.watts
    const readings: readonly Reading[] = [
      reading(this.#gpu, (accelerator + idle) * STEP_SECONDS, from, to),
      ...(host === undefined ? [] : [reading(this.#cpu, host * STEP_SECONDS, from, to)]),
    ]
    const done = { cpu: [[SERVER, STEP_SECONDS]], use: { 'gpu-0': [[SERVER, STEP_SECONDS]] } } as const
    this.#books.book(
      {
        ...now,
        domains: readings.map((one) => one.domain),
        readings,
        activity: activity(from, to, { ...done, holders: { 'gpu-0': [SERVER] } }),
      },
      { bookmarks: {}, failures: {} },
    )
    this.server.page = this.#render(now)
  }

  /** What the server has answered in a step, in whole numbers that go with its rates over time. */
  #answer(): void {
    const { queriesPerSecond, tokensPerSecond = {} } = this.#served
    const upTo = (rate: number, steps: number): number => Math.round(rate * STEP_SECONDS * steps)
    const counted = (rate: number): number => upTo(rate, this.#steps) - upTo(rate, this.#steps - 1)
    const tokens = {
      inputTokens: 'input',
      cachedInputTokens: 'cached_input',
      outputTokens: 'output',
    } as const
    const { workload, namespace, model, variant } = this.#names.facts
    this.#books.queries.add({
      ...{ workload, namespace, model, variant, server: 'vllm', source: 'server', isEstimated: false },
      queries: counted(queriesPerSecond),
      ...Object.fromEntries(
        Object.entries(tokens).flatMap(([amount, direction]) => {
          const rate = tokensPerSecond[direction]
          return rate === undefined ? [] : [[amount, counted(rate)]]
        }),
      ),
    })
  }

  #render(now: { readonly at: Reading['to']; readonly wall: Reading['to'] }): string {
    const { pue } = this.#served
    const writer = new PageWriter()
    this.#page.render(writer, {
      ...now,
      startedWall: this.#books.startedWall,
      ledger: this.#books.ledger,
      phases: this.#books.phases,
      sensors: [],
      census: undefined,
      groups: [SERVER.group],
      budgets: [],
      demand: [],
      facility: {
        accounts: [],
        gauges: [],
        devices: [],
        pue: pue === undefined ? undefined : { zone: this.workload, ratio: pue },
      },
      requestEnergy: this.#books.requestEnergy,
      queries: this.#books.queries,
      queryServers: [],
    })
    return writer.finish().text.toString() + this.#tail
  }
}

const idling = (power: number): Partial<Domain> => ({
  baseline: { watts: watts(power), source: 'configured' },
})
