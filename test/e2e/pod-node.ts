/** A node of a cluster with pods that work: what they use is given, and goes through the books to a page that is served. */
import { identityOf } from '../../exporter/src/activity/identity.ts'
import { Books } from '../../exporter/src/books.ts'
import { MachinePage } from '../../exporter/src/exposition/machine-page.ts'
import { PageWriter } from '../../exporter/src/exposition/page.ts'
import type { Consumer, Group, Names } from '../../exporter/src/model.ts'
import { seconds } from '../../exporter/src/units.ts'
import { namesByPath } from '../../exporter/src/workloads/naming.ts'
import { activity, domain, group, policy, processOf, reading } from '../ledger/small-machine.ts'
import { PageServer } from './page-server.ts'
import { tailIn } from './simulated-hall.ts'

export interface Pod {
  /** Empty: a service of the machine, outside Kubernetes. */
  readonly namespace: string
  readonly workload: string
  readonly pod: string
  readonly container: string
}

const WATTS = 40
const QUERIES_PER_SECOND = 5
const LONG = seconds(1e9)

export class PodNode {
  readonly server: PageServer
  readonly #tail: string
  readonly #consumers: readonly Consumer[]
  readonly #names: ReadonlyMap<Group, Names>
  readonly #books: Books
  readonly #page = new MachinePage()
  readonly #gpu = domain('gpu-0', 'accelerator')
  readonly #cpu = domain('package-0', 'cpu')
  #seconds = 0

  private constructor(pods: readonly Pod[], server: PageServer, tail: string) {
    this.server = server
    this.#tail = tail
    this.#consumers = pods.map((pod, index) => processOf(groupOf(pod, index), 100 + index, 'server'))
    this.#names = new Map(
      this.#consumers.map((consumer, index) => [consumer.group, namesOf(consumer.group, pods[index])]),
    )
    this.#books = new Books(
      {
        ledger: policy({ idlePolicy: 'holders', lifetimes: { birthHold: seconds(0), expireAfter: LONG } }),
        timeZone: 'UTC',
        node: 'node',
        budgets: [],
        demand: [],
        queries: { mostAccounts: 100, birthHold: seconds(0), expireAfter: LONG },
      },
      { at: seconds(0), wall: seconds(1.7e9) },
      undefined,
      ({ group: of }) => this.#names.get(of) ?? namesByPath(of.identity),
    )
  }

  static async start(pods: readonly Pod[]): Promise<PodNode> {
    return new PodNode(pods, await PageServer.start(), await tailIn('room'))
  }

  /** All do the same in it. */
  second(): void {
    const [from, to] = [this.#seconds, this.#seconds + 1]
    this.#seconds = to
    const now = { at: seconds(to), wall: seconds(1.7e9 + to) }
    for (const { facts } of this.#names.values()) {
      const { workload, namespace, model, variant } = facts
      const counted = { server: 'vllm', source: 'server', isEstimated: false } as const
      this.#books.queries.add({
        workload,
        namespace,
        model,
        variant,
        ...counted,
        queries: QUERIES_PER_SECOND,
      })
    }
    const equally = this.#consumers.map((consumer) => [consumer, 1] as const)
    const power = WATTS * this.#consumers.length
    this.#books.book(
      {
        ...now,
        domains: [this.#gpu, this.#cpu],
        readings: [reading(this.#gpu, power, from, to), reading(this.#cpu, power, from, to)],
        activity: activity(from, to, {
          cpu: equally,
          use: { 'gpu-0': equally },
          holders: { 'gpu-0': this.#consumers },
        }),
      },
      { bookmarks: {}, failures: {} },
    )
    this.server.page = this.#render(now)
  }

  #render(now: {
    readonly at: ReturnType<typeof seconds>
    readonly wall: ReturnType<typeof seconds>
  }): string {
    const writer = new PageWriter()
    this.#page.render(writer, {
      ...now,
      startedWall: this.#books.startedWall,
      ledger: this.#books.ledger,
      phases: this.#books.phases,
      sensors: [],
      census: undefined,
      groups: [...this.#names.keys()],
      budgets: [],
      demand: [],
      facility: { accounts: [], gauges: [], devices: [], pue: { zone: 'room', ratio: 1.2 } },
      requestEnergy: this.#books.requestEnergy,
      queries: this.#books.queries,
      queryServers: [],
    })
    return writer.finish().text.toString() + this.#tail
  }
}

function groupOf({ namespace, pod }: Pod, index: number): Group {
  if (namespace === '') return group(`${pod}.service`)
  const path = `/kubepods.slice/cri-containerd-${String(index).padStart(64, 'c0ffee')}.scope`
  return { path, identity: identityOf(path) }
}

function namesOf(of: Group, pod: Pod | undefined): Names {
  const names = namesByPath(of.identity)
  if (pod === undefined) return names
  const { namespace, workload, container } = pod
  return {
    ...names,
    facts: { ...names.facts, workload, namespace, kind: 'inference', model: 'm', variant: 'fp8' },
    container: namespace === '' ? names.container : { container, image: 'vllm', pod: pod.pod, namespace },
  }
}
