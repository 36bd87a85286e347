/**
 * What single requests cost: the active energy of a workload, split among the requests that were in flight.
 *
 * Each booking is split by what was done since the booking before of the same component and model, so that energy of a
 * meter that is read seldom goes to those who were in flight meanwhile, ended ones included: they wait for it, 30 s at
 * most. Requests whose answer comes in pieces weigh by their pieces, each about a token. One that has not shown any,
 * because its prompt is still worked on or its answer comes as a whole, is taken to go at the mean rate of the others;
 * where nobody shows any, all weigh by their time in flight.
 */
import type { Booking } from '../model.ts'
import { microjoules, seconds, type Microjoules, type Seconds } from '../units.ts'
import { normaliseModel } from './model-names.ts'
import type { RequestEnded, RequestEvent } from './request-events.ts'

export interface RequestOwner {
  readonly workload: string
  readonly namespace: string
}

/** A request whose energy is known. */
export interface RequestCost extends RequestOwner {
  readonly model: string
  /** `tokens`: its answer was seen to be made piece by piece; `time`: it came as a whole. */
  readonly basis: 'tokens' | 'time'
  readonly energy: Microjoules
}

export interface TickOfRequests {
  /** Answered ones whose energy is complete. */
  readonly costs: readonly RequestCost[]
  /** Of the workloads that have requests: what nobody was in flight for, or those who got no answer. In microjoules. */
  readonly unclaimed: bigint
}

/** How long a request that has ended waits for energy that is booked late. */
export const LONGEST_WAIT_SECONDS = 30
/** More in flight are counted, and not told apart in energy. */
const MOST_REQUESTS = 16_384
const MOST_CHANNELS = 32
/** A workload without requests for so long is forgotten. */
const FORGET_AFTER_SECONDS = 600

interface Request {
  readonly work: Work
  readonly startedAt: Seconds
  model: string
  tokens: number
  endedAt: Seconds | undefined
  isAnswered: boolean
  energy: bigint
  /** How far it was at the newest booking of a channel. */
  readonly booked: Map<string, Doings>
}

interface Doings {
  readonly tokens: number
  readonly seconds: number
}

/** A workload with requests. */
interface Work extends RequestOwner {
  readonly requests: Set<Request>
  /** When energy was last booked, by component and model. */
  readonly channels: Map<string, Seconds>
  seenAt: Seconds
}

export class RequestEnergy {
  readonly #requests = new Map<number, Request>()
  readonly #works = new Map<string, Work>()
  /** Of requests that were lost sight of. */
  #lost = 0n

  /** @param ownerOf whose requests pass the proxy */
  see(events: readonly RequestEvent[], ownerOf: (proxy: string) => RequestOwner): void {
    for (const event of events) {
      if (event.kind === 'lost') {
        this.#forgetRequests()
        continue
      }
      const request = this.#requests.get(event.id)
      switch (event.kind) {
        case 'started':
          if (request === undefined && this.#requests.size < MOST_REQUESTS) {
            this.#begin(event.id, ownerOf(event.proxy), event.at)
          }
          break
        case 'progress':
          if (request === undefined) break
          request.model = modelOf(event.model) || request.model
          request.tokens += event.tokens
          break
        case 'ended':
          if (request !== undefined) end(request, event)
      }
    }
  }

  /** Splits what a tick has booked, and gives out the requests that are complete by it. */
  book(bookings: readonly Booking[], at: Seconds): TickOfRequests {
    let unclaimed = this.#lost
    this.#lost = 0n
    const channels = new Map<Work, Set<string>>()
    for (const { workload, part, component, amount } of bookings) {
      if (workload === undefined || (part !== 'accelerator' && part !== 'host')) continue
      const work = this.#works.get(keyOf(workload))
      if (work === undefined) continue
      const channel = channelOf(work, component, workload.model)
      const among = requestsFor(work, workload.model)
      if (among.length === 0) unclaimed += BigInt(amount)
      else charge(among, channel, amount, at)
      channels.set(work, (channels.get(work) ?? new Set()).add(channel))
    }
    for (const [work, booked] of channels) for (const channel of booked) settle(work, channel, at)
    const costs: RequestCost[] = []
    for (const [id, request] of this.#requests) {
      if (!isComplete(request, at)) continue
      this.#requests.delete(id)
      request.work.requests.delete(request)
      if (request.isAnswered) costs.push(costOf(request))
      else unclaimed += request.energy
    }
    this.#forgetIdle(at)
    return { costs, unclaimed }
  }

  /** Of requests that are not complete yet. In microjoules. */
  get inFlight(): bigint {
    let sum = 0n
    for (const { energy } of this.#requests.values()) sum += energy
    return sum
  }

  #begin(id: number, owner: RequestOwner, at: Seconds): void {
    const key = keyOf(owner)
    const { workload, namespace } = owner
    const work = this.#works.get(key) ?? {
      workload,
      namespace,
      requests: new Set<Request>(),
      channels: new Map<string, Seconds>(),
      seenAt: at,
    }
    this.#works.set(key, work)
    work.seenAt = at
    const request: Request = {
      work,
      startedAt: at,
      model: '',
      tokens: 0,
      endedAt: undefined,
      isAnswered: false,
      energy: 0n,
      booked: new Map(),
    }
    this.#requests.set(id, request)
    work.requests.add(request)
  }

  #forgetRequests(): void {
    this.#lost += this.inFlight
    this.#requests.clear()
    for (const { requests } of this.#works.values()) requests.clear()
  }

  #forgetIdle(at: Seconds): void {
    for (const [key, work] of this.#works) {
      if (work.requests.size > 0) work.seenAt = at
      else if (at - work.seenAt >= FORGET_AFTER_SECONDS) this.#works.delete(key)
    }
  }
}

const modelOf = (name: string): string => normaliseModel(name).model

function end(request: Request, { at, model, answer }: RequestEnded): void {
  request.endedAt = seconds(Math.max(at, request.startedAt))
  request.model = modelOf(model) || request.model
  request.isAnswered = answer !== undefined
}

/** Those of the model whose energy it is; all, where no request says that it is for this model. */
function requestsFor(work: Work, model: string): readonly Request[] {
  const all = Array.from(work.requests)
  const own = model === '' ? [] : all.filter((request) => request.model === model)
  return own.length > 0 ? own : all
}

function charge(among: readonly Request[], channel: string, amount: Microjoules, at: Seconds): void {
  const shares = split(amount, weightsOf(among, channel, at))
  among.forEach((request, index) => (request.energy += BigInt(shares[index] ?? 0)))
}

function weightsOf(among: readonly Request[], channel: string, at: Seconds): readonly number[] {
  const since = among.map((request) => doneSince(request, channel, at))
  let [tokens, time] = [0, 0]
  among.forEach((request, index) => {
    if (request.tokens === 0) return
    tokens += since[index]?.tokens ?? 0
    time += since[index]?.seconds ?? 0
  })
  if (tokens === 0) return since.map((one) => one.seconds)
  const rate = tokens / Math.max(time, SHORTEST_SECONDS)
  return among.map((request, index) => {
    const one = since[index] ?? NOTHING
    return request.tokens > 0 ? one.tokens : one.seconds * rate
  })
}

const SHORTEST_SECONDS = 0.001
const NOTHING: Doings = { tokens: 0, seconds: 0 }

function doneSince(request: Request, channel: string, at: Seconds): Doings {
  const now = doneUpTo(request, at)
  const before = request.booked.get(channel) ?? NOTHING
  return { tokens: now.tokens - before.tokens, seconds: Math.max(0, now.seconds - before.seconds) }
}

const doneUpTo = ({ tokens, startedAt, endedAt }: Request, at: Seconds): Doings => ({
  tokens,
  seconds: Math.max(0, Math.min(at, endedAt ?? at) - startedAt),
})

/** From here on the next booking of this channel counts. */
function settle(work: Work, channel: string, at: Seconds): void {
  work.channels.set(channel, at)
  for (const request of work.requests) request.booked.set(channel, doneUpTo(request, at))
}

function channelOf(work: Work, component: string, model: string): string {
  const channel = `${component}\0${model}`
  return work.channels.has(channel) || work.channels.size < MOST_CHANNELS ? channel : component
}

/** It has ended, and all that is booked regularly was booked since. */
function isComplete({ work, endedAt }: Request, at: Seconds): boolean {
  if (endedAt === undefined) return false
  if (at - endedAt >= LONGEST_WAIT_SECONDS) return true
  const regular = Array.from(work.channels.values()).filter(
    (booked) => at - booked < 2 * LONGEST_WAIT_SECONDS,
  )
  return regular.length > 0 && regular.every((booked) => booked >= endedAt)
}

const costOf = ({ work, model, tokens, energy }: Request): RequestCost => ({
  workload: work.workload,
  namespace: work.namespace,
  model,
  basis: tokens > 0 ? 'tokens' : 'time',
  energy: microjoules(Number(energy)),
})

/** Cumulative rounding: the shares add up to the amount exactly. Where nobody weighs anything, all weigh alike. */
function split(amount: Microjoules, weights: readonly number[]): readonly number[] {
  const total = weights.reduce((sum, one) => sum + one, 0)
  let [running, given] = [0, 0]
  return weights.map((weight, index) => {
    running += total > 0 ? weight : 1
    const isLast = index === weights.length - 1
    const upTo = isLast
      ? amount
      : Math.min(amount, Math.round(amount * (running / (total || weights.length))))
    const share = upTo - given
    given = upTo
    return share
  })
}

const keyOf = ({ workload, namespace }: RequestOwner): string => `${workload}\0${namespace}`
