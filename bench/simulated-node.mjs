/**
 * A node as large as wanted, whose page is made by the exporter's own books: services, pods, GPUs, a meter of the whole.
 * What they draw goes up and down at random, so that its figures compress no better than real ones.
 */
import { identityOf } from '../exporter/dist/activity/identity.js'
import { Books } from '../exporter/dist/books.js'
import { MachinePage } from '../exporter/dist/exposition/machine-page.js'
import { PageWriter } from '../exporter/dist/exposition/page.js'
import { SelfMetrics } from '../exporter/dist/exposition/self.js'
import { namesByPath } from '../exporter/dist/workloads/naming.js'

/** Stands in ids of containers and GPUs and in names of pods for the number of the node, which has five digits as well. */
export const NODE_MARK = 'fab1e'

const WALL = 1_760_000_000
const LONG_SECONDS = 1e9

function* randomNumbers(seed) {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    yield state / 2 ** 32
  }
}

const domain = (id, component, more = {}) => ({
  id,
  component,
  within: '',
  booked: true,
  method: 'counter',
  baseline: { watts: component === 'accelerator' ? 70 : 10, source: 'default' },
  ...more,
})

export class SimulatedNode {
  #random = randomNumbers(20_261_124)
  #page = new MachinePage()
  #names = new Map()
  #consumers = []
  #gpus
  #domains
  #servers
  #books
  #self = new SelfMetrics('0.1.0')
  #seconds = 0

  /**
   * @param shape how many services, workloads, containers of these, and GPUs, one for each of the first workloads, which
   * are inference servers whose queries are counted; `meter`: the node has one of its own; `processes`: of the view
   */
  constructor({ services, workloads, containers, gpus, meter, processes }) {
    for (let index = 0; index < services; index += 1) this.#service(index)
    for (let index = 0; index < containers; index += 1) this.#container(index, index % workloads, gpus)
    this.#servers = this.#consumers.slice(services, services + gpus)
    this.#gpus = Array.from({ length: gpus }, (_, index) =>
      domain(`GPU-5eed${NODE_MARK}-0000-4000-8000-00000000000${index}`, 'accelerator', {
        accelerator: {
          uuid: `GPU-5eed${NODE_MARK}-0000-4000-8000-00000000000${index}`,
          index,
          modelName: 'NVIDIA H100 80GB HBM3',
          pciBusId: `0000:${index}5:00.0`,
          vendor: 'nvidia',
        },
      }),
    )
    this.#domains = [
      ...(meter ? [domain('bmc', 'node', { encloses: ['accelerator', 'cpu', 'memory', 'board'] })] : []),
      domain('package-0', 'cpu'),
      domain('package-1', 'cpu'),
      domain('dram-0', 'memory'),
      domain('dram-1', 'memory'),
      ...this.#gpus,
    ]
    this.#books = new Books(
      {
        ledger: {
          lifetimes: { birthHold: 0, expireAfter: LONG_SECONDS },
          idlePolicy: 'holders',
          baselines: new Map(),
          processes,
          seriesLimit: 20_000,
        },
        timeZone: 'UTC',
        node: 'node',
        budgets: [],
        demand: [],
        queries: { mostAccounts: 1000, birthHold: 0, expireAfter: LONG_SECONDS },
      },
      { at: 0, wall: WALL },
      undefined,
      ({ group }) => this.#names.get(group),
    )
    this.#self.configLoaded(WALL, '')
  }

  #add(path, comm, names) {
    const group = { path, identity: identityOf(path) }
    const pid = 1000 + this.#consumers.length
    this.#names.set(group, names(namesByPath(group.identity)))
    this.#consumers.push({ kind: 'process', group, process: { pid, startTicks: pid, comm } })
  }

  #service(index) {
    this.#add(`/system.slice/service-${index}.service`, `service-${index}`, (names) => names)
  }

  #container(index, workload, gpus) {
    const id = `${NODE_MARK}${String(index).padStart(59, 'c0ffee')}`
    const pod = `workload-${workload}-6d5f7c9b8-${NODE_MARK}${index}`
    const isServer = workload < gpus
    const namespace = `team-${workload % 5}`
    this.#add(`/kubepods.slice/cri-containerd-${id}.scope`, isServer ? 'vllm' : 'python3', (names) => ({
      ...names,
      facts: {
        ...names.facts,
        workload: `workload-${workload}`,
        namespace,
        kind: isServer ? 'inference' : 'unknown',
        model: isServer ? `meta-llama/Llama-${workload}` : '',
        variant: isServer ? 'fp8' : '',
      },
      container: { container: 'main', image: 'registry.example/team/image:1.0', pod, namespace },
    }))
  }

  /** All that happened within so many seconds, and the page after it. */
  async after(seconds) {
    const [from, to] = [this.#seconds, this.#seconds + seconds]
    this.#seconds = to
    const draw = (watts) => Math.round(watts * (0.5 + this.#random.next().value) * seconds * 1e6)
    const readings = this.#domains
      .filter(({ component }) => component !== 'node')
      .map((one) => ({
        domain: one,
        from,
        to,
        spent: draw(one.component === 'accelerator' ? 400 : one.component === 'cpu' ? 150 : 20),
      }))
    const [meter] = this.#domains
    if (meter.component === 'node') {
      const parts = readings.reduce((sum, { spent }) => sum + spent, 0)
      readings.push({ domain: meter, from, to, spent: parts + draw(300) })
    }
    for (const { group } of this.#servers) this.#count(this.#names.get(group).facts)
    const now = { at: to, wall: WALL + to }
    this.#books.book(
      { ...now, domains: this.#domains, readings, activity: this.#activity(from, to) },
      { bookmarks: {}, failures: {} },
    )
    return this.#render(now)
  }

  #count({ workload, namespace, model, variant }) {
    const some = (most) => Math.round(most * this.#random.next().value)
    this.#books.queries.add({
      ...{ workload, namespace, model, variant, server: 'vllm', source: 'server', isEstimated: false },
      ...{ queries: 20 + some(50), inputTokens: some(20_000), outputTokens: 100 + some(10_000) },
    })
  }

  #activity(from, to) {
    // Each at a level of its own, so that the largest stay the largest.
    const cpu = this.#consumers.map((consumer, index) => ({
      consumer,
      cpu: Math.round(
        (0.05 + ((index * 37) % 101) / 101) * (0.9 + 0.2 * this.#random.next().value) * (to - from) * 1e9,
      ),
    }))
    const accelerators = this.#gpus.map(({ id }, index) => {
      const to_ = this.#servers[index]
      return [id, { use: [{ to: to_, weight: 1 }], guessed: new Set(), holders: [{ to: to_, share: 1 }] }]
    })
    const processes = this.#consumers.length
    return {
      from,
      to,
      cpu,
      unreadableCpu: 0,
      busyRatio: 0.5,
      groups: [...this.#names.keys()],
      accelerators: new Map(accelerators),
      census: { processes, unreadable: 0, groups: processes, cpuTimeSource: 'clock', limitation: '' },
    }
  }

  async #render(now) {
    const writer = new PageWriter()
    const books = this.#books
    const components = [...new Set(this.#domains.map(({ component }) => component))]
    this.#page.render(writer, {
      ...now,
      startedWall: books.startedWall,
      ledger: books.ledger,
      phases: books.phases,
      sensors: ['nvml', 'rapl', 'redfish'].map((name) => sensor(name, components, now.wall)),
      census: this.#activity(0, 1).census,
      groups: [...this.#names.keys()],
      budgets: [],
      demand: [],
      facility: { accounts: [], gauges: [], devices: [], pue: undefined },
      requestEnergy: books.requestEnergy,
      queries: books.queries,
      queryServers: [],
    })
    this.#self.tickTook(0.002)
    return writer.finish().text.toString() + (await this.#self.render()).text
  }
}

const sensor = (name, components, wall) => ({
  ...{ name, state: 'readings', reason: '', advice: '', components, unreadable: [], onceSeen: true },
  ...{ failures: 0, lastDuration: 0.001, lastReadingWall: wall },
})
