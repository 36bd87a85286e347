/**
 * What people call those who live in the cgroups of this machine. Each container is asked for once, when it appears;
 * the tick never waits. Who has no name after a while has none, and what the path says counts.
 */
import type { ContainerFindings, CpuUse, Findings, Group, Identity, PodFindings } from '../model.ts'
import type { Seconds } from '../units.ts'
import type { World } from '../world.ts'
import { criSources } from './cri.ts'
import { dockerSources } from './docker-api.ts'
import { Kubelet, type KubeletSettings } from './kubelet.ts'
import { proxmoxSource } from './proxmox.ts'
import { jobOf } from './slurm.ts'
import { NoAnswer, type Answer, type ContainerSource } from './source.ts'
import { Users } from './users.ts'

export interface NamesSettings {
  readonly kubelet: KubeletSettings
}

/** A daemon that is there and could not be asked. */
export interface Silence {
  readonly address: string
  readonly reason: string
}

/** So long a name is looked for: less than an account stands at 0 before it is shown. */
const PATIENCE_SECONDS = 10
/** Where everybody answers that they do not know it, it is asked again for so long: it may only just be starting. */
const UNKNOWN_SECONDS = 3
const RETRY_MILLISECONDS = [200, 400, 800, 1600]
/** Many containers may appear at once, after a start above all. */
const MOST_AT_ONCE = 8
/** A daemon that gave no answer is left alone for so long, and for twice as long each time. */
const PAUSE_SECONDS = { first: 2, longest: 60 }
/** Who is gone is remembered for so long: its last energy may still be waiting for its name. */
const MEMORY_SECONDS = 60
/** Processes of Slurm jobs without a name that are looked at in one tick, and of one job in all. */
const MOST_PROCESSES = { perTick: 16, perJob: 256 }

/** The search for one container. */
interface Search {
  readonly identity: Identity
  readonly since: Seconds
  seenAt: Seconds
  attempts: number
  found: { readonly answer: Answer; readonly isOuter: boolean } | undefined
  isOver: boolean
}

/** Each step of a job has processes of its own, so a name that comes late still serves the steps that follow. */
interface JobSearch {
  readonly since: Seconds
  seenAt: Seconds
  found: Findings['job']
  looks: number
}

type Attempt = 'found' | 'unknown' | 'silent'

export class NamesRoom {
  readonly #world: World
  #sources: readonly ContainerSource[]
  readonly #users: Users
  readonly #searches = new Map<string, Search>()
  readonly #jobs = new Map<string, JobSearch>()
  readonly #waiting: Search[] = []
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #pauses = new Map<string, { seconds: number; until: number }>()
  readonly #complained = new Map<string, string>()
  #silences: Silence[] = []
  #running = 0
  #groups: readonly Group[] = []
  #sweptAt: Seconds

  constructor(world: World, settings: NamesSettings) {
    this.#world = world
    this.#users = new Users(world)
    this.#sources = sourcesOf(world, settings)
    this.#sweptAt = world.clock.now()
  }

  reconfigure(settings: NamesSettings): void {
    this.#sources = sourcesOf(this.#world, settings)
  }

  /** To be told of each tick, so that who has just appeared is asked for before it has used anything. */
  see({ groups, cpu }: { readonly groups: readonly Group[]; readonly cpu: readonly CpuUse[] }): void {
    const now = this.#world.clock.now()
    if (groups !== this.#groups) {
      this.#groups = groups
      for (const { identity } of groups) this.#search(identity, now)
    }
    this.#readJobs(cpu, now)
    if (now - this.#sweptAt >= MEMORY_SECONDS) this.#forget(now)
  }

  /** @returns undefined while it is being looked for */
  find(identity: Identity): Findings | undefined {
    const now = this.#world.clock.now()
    const search = this.#search(identity, now)
    const job = this.#jobSearch(identity, now)
    if (search !== undefined && !this.#isOver(search, now)) return undefined
    if (job !== undefined && job.found === undefined && now - job.since < PATIENCE_SECONDS) return undefined
    return {
      container: search?.found?.answer.container,
      isOuter: search?.found?.isOuter ?? false,
      job: job?.found,
      user: this.#users.nameOf(identity.userId),
    }
  }

  /** Daemons that have fallen silent since this was last asked, each reason once. */
  takeSilences(): readonly Silence[] {
    return this.#silences.splice(0)
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#waiting.splice(0)
  }

  #search(identity: Identity, now: Seconds): Search | undefined {
    if (identity.containerId === '') return undefined
    const key = [identity.runtime, identity.containerId, ...identity.outerContainerIds].join('\0')
    let search = this.#searches.get(key)
    if (search === undefined) {
      search = { identity, since: now, seenAt: now, attempts: 0, found: undefined, isOver: false }
      this.#searches.set(key, search)
      if (this.#sourcesFor(identity).length === 0) search.isOver = true
      else this.#enqueue(search)
    }
    search.seenAt = now
    return search
  }

  #jobSearch({ slurmJob }: Identity, now: Seconds): JobSearch | undefined {
    if (slurmJob === '') return undefined
    let search = this.#jobs.get(slurmJob)
    if (search === undefined) {
      search = { since: now, seenAt: now, found: undefined, looks: 0 }
      this.#jobs.set(slurmJob, search)
    }
    search.seenAt = now
    return search
  }

  /** What is found later is too late: an account never changes its name. */
  #isOver(search: Search, now: Seconds): boolean {
    if (now - search.since >= PATIENCE_SECONDS) search.isOver = true
    return search.isOver
  }

  #readJobs(cpu: readonly CpuUse[], now: Seconds): void {
    let left = MOST_PROCESSES.perTick
    for (const { consumer } of cpu) {
      const search = this.#jobSearch(consumer.group.identity, now)
      if (search === undefined || search.found !== undefined || consumer.kind !== 'process') continue
      if (search.looks >= MOST_PROCESSES.perJob) continue
      search.looks += 1
      search.found = jobOf(this.#world, this.#users, consumer.process.pid, consumer.group.identity.slurmJob)
      left -= 1
      if (left === 0) return
    }
  }

  #enqueue(search: Search): void {
    this.#waiting.push(search)
    this.#next()
  }

  #next(): void {
    while (this.#running < MOST_AT_ONCE) {
      const search = this.#waiting.shift()
      if (search === undefined) return
      if (this.#isOver(search, this.#world.clock.now())) continue
      this.#running += 1
      void this.#attempt(search).finally(() => {
        this.#running -= 1
        this.#next()
      })
    }
  }

  async #attempt(search: Search): Promise<void> {
    const outcome = await this.#ask(search)
    const now = this.#world.clock.now()
    const isSettled = outcome === 'found' || (outcome === 'unknown' && now - search.since >= UNKNOWN_SECONDS)
    if (isSettled || this.#isOver(search, now)) {
      search.isOver = true
      return
    }
    const delay = RETRY_MILLISECONDS[search.attempts] ?? RETRY_MILLISECONDS.at(-1)
    search.attempts += 1
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#enqueue(search)
    }, delay).unref()
    this.#timers.add(timer)
  }

  /** The container itself, else the nearest that it runs in. */
  async #ask(search: Search): Promise<Attempt> {
    const { identity } = search
    let isSilent = false
    for (const id of [identity.containerId, ...identity.outerContainerIds]) {
      const answers = await Promise.all(
        this.#sourcesFor(identity).map((source) => this.#askOne(source, id, identity)),
      )
      if (answers.includes('silent')) isSilent = true
      const known = answers.filter((answer): answer is Answer => typeof answer === 'object')
      if (known.length === 0) continue
      if (search.isOver) return 'found' // too late
      search.found = { answer: merged(known), isOuter: id !== identity.containerId }
      return search.found.answer.isWhole ? 'found' : 'silent'
    }
    return isSilent ? 'silent' : 'unknown'
  }

  async #askOne(
    source: ContainerSource,
    id: string,
    identity: Identity,
  ): Promise<Answer | 'silent' | undefined> {
    const address = source.addressFor(identity)
    if (address === undefined) return undefined
    const pause = this.#pauses.get(address)
    if (pause !== undefined && this.#world.clock.now() < pause.until) return 'silent'
    try {
      const answer = await source.find(id, identity)
      this.#pauses.delete(address)
      return answer && bounded(answer)
    } catch (cause) {
      this.#pause(address, cause instanceof NoAnswer ? cause.message : 'its answer cannot be read')
      return 'silent'
    }
  }

  #pause(address: string, reason: string): void {
    const now = this.#world.clock.now()
    const before = this.#pauses.get(address)
    if (before !== undefined && now < before.until) return // asked at the same time as another
    const duration = Math.min(PAUSE_SECONDS.longest, (before?.seconds ?? PAUSE_SECONDS.first / 2) * 2)
    this.#pauses.set(address, { seconds: duration, until: now + duration })
    if (this.#complained.get(address) === reason) return
    this.#complained.set(address, reason)
    this.#silences.push({ address, reason })
  }

  #sourcesFor(identity: Identity): readonly ContainerSource[] {
    return this.#sources.filter((source) => source.addressFor(identity) !== undefined)
  }

  #forget(now: Seconds): void {
    this.#sweptAt = now
    for (const { identity } of this.#groups) {
      this.#search(identity, now)
      this.#jobSearch(identity, now)
    }
    for (const searches of [this.#searches, this.#jobs]) {
      for (const [key, { seenAt }] of searches) if (now - seenAt >= MEMORY_SECONDS) searches.delete(key)
    }
  }
}

/** Who is asked; of what two say, the first counts. */
const sourcesOf = (world: World, { kubelet }: NamesSettings): readonly ContainerSource[] => [
  ...criSources(world),
  new Kubelet(world, kubelet),
  ...dockerSources(world),
  proxmoxSource(world),
]

/** Several may know a container: a runtime its labels and image, the kubelet what made its pod. */
function merged(answers: readonly Answer[]): Answer {
  const containers = answers.map(({ container }) => container)
  const first = (valueOf: (container: ContainerFindings) => string): string =>
    containers.map(valueOf).find((value) => value !== '') ?? ''
  return {
    isWhole: answers.some(({ isWhole }) => isWhole),
    container: {
      name: first(({ name }) => name),
      image: first(({ image }) => image),
      labels: Object.assign(
        {},
        ...containers.map(({ labels }) => labels).reverse(),
      ) as ContainerFindings['labels'],
      pod: mergedPod(containers.flatMap(({ pod }) => (pod === undefined ? [] : [pod]))),
    },
  }
}

function mergedPod(pods: readonly PodFindings[]): PodFindings | undefined {
  const [first] = pods
  if (first === undefined) return undefined
  return {
    name: first.name,
    namespace: first.namespace,
    labels: Object.assign({}, ...pods.map(({ labels }) => labels).reverse()) as PodFindings['labels'],
    owner: pods.map(({ owner }) => owner).find((owner) => owner !== undefined),
  }
}

/** Names become labels of metrics: what a daemon says must not blow up a page. */
const LONGEST_NAME = 256
const MOST_LABELS = 256

const short = (text: string): string => text.slice(0, LONGEST_NAME)

const shortLabels = (labels: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(labels)
      .slice(0, MOST_LABELS)
      .map(([key, value]) => [key, short(value)]),
  )

function bounded({ container: { name, image, labels, pod }, isWhole }: Answer): Answer {
  return {
    isWhole,
    container: {
      name: short(name),
      image: short(image),
      labels: shortLabels(labels),
      pod: pod && {
        name: short(pod.name),
        namespace: short(pod.namespace),
        labels: shortLabels(pod.labels),
        owner: pod.owner && { kind: short(pod.owner.kind), name: short(pod.owner.name) },
      },
    },
  }
}
