/**
 * The simulated machine: what its programs do, what that draws, and whose the joules truly are. The same for the same
 * time, however often and in which steps it is asked, so that several threads can simulate one machine.
 */
import { GPUS, PROGRAMS, SERVERS, type Program, type Server } from './scenario.ts'

/** Loads are taken as steady for so long, from the beginning on. */
const STEP_SECONDS = 0.1

export const SOCKETS = 2
const GPU_IDLE_WATTS = 72
const SOCKET_IDLE_WATTS = 55
const DRAM_IDLE_WATTS = 9
const DRAM_WATTS_PER_CORE = 0.7
/** Fans, drives, network and regulators: a part of its own, and losses that grow with the rest. */
const BOARD = { idleWatts: 140, lossRatio: 0.06 }
/** Of what the room draws besides: chillers and the UPS. */
const ROOM = { coolingRatio: 0.18, upsLossRatio: 0.05 }

/** Joules since the simulation began. */
export interface TrueEnergy {
  /** Above idle, of the GPUs. */
  accelerator: number
  /** Above idle, of CPUs and memory. */
  host: number
}

export interface Counters {
  /** By the index of the GPU. */
  readonly gpus: readonly number[]
  /** By the number of the socket. */
  readonly packages: readonly number[]
  readonly dram: readonly number[]
  readonly node: number
  readonly cooling: number
  readonly upsLoss: number
}

interface Answered {
  requests: number
}

export class Simulation {
  #steps = 0
  readonly #gpus = new Array<number>(GPUS).fill(0)
  readonly #packages = new Array<number>(SOCKETS).fill(0)
  readonly #dram = new Array<number>(SOCKETS).fill(0)
  #node = 0
  #cooling = 0
  #upsLoss = 0
  /** Of the newest step, in watts. */
  #nodeWatts = 0
  #gpuWatts: readonly number[] = new Array<number>(GPUS).fill(GPU_IDLE_WATTS)
  readonly #cpuSeconds = new Map<number, number>(PROGRAMS.map(({ pid }) => [pid, 0]))
  readonly #busy = new Map<string, number>()
  readonly #truth = new Map<string, TrueEnergy>()
  readonly #answered = new Map<Server, Answered>(SERVERS.map((server) => [server, { requests: 0 }]))

  /** @param t seconds since the simulation began; what is past stays as it was */
  advance(t: number): void {
    for (const steps = Math.floor(t / STEP_SECONDS); this.#steps < steps; this.#steps += 1) this.#step()
  }

  /** Up to where it is simulated, in seconds. */
  get time(): number {
    return this.#steps * STEP_SECONDS
  }

  get counters(): Counters {
    return {
      gpus: this.#gpus,
      packages: this.#packages,
      dram: this.#dram,
      node: this.#node,
      cooling: this.#cooling,
      upsLoss: this.#upsLoss,
    }
  }

  /** Of the whole node, in watts. */
  get nodeWatts(): number {
    return this.#nodeWatts
  }

  /** By the index of the GPU. */
  get gpuWatts(): readonly number[] {
    return this.#gpuWatts
  }

  cpuSecondsOf(pid: number): number | undefined {
    return this.#cpuSeconds.get(pid)
  }

  /** Seconds for which a program has kept a GPU busy. */
  busySecondsOf(pid: number, gpu: number): number {
    return this.#busy.get(`${pid} ${gpu}`) ?? 0
  }

  answeredBy(server: Server): number {
    return Math.floor(this.#answered.get(server)?.requests ?? 0)
  }

  /** Whose the energy above idle truly is, by workload. */
  get truth(): ReadonlyMap<string, Readonly<TrueEnergy>> {
    return this.#truth
  }

  #step(): void {
    const t = (this.#steps + 0.5) * STEP_SECONDS
    const gpuWatts = new Array<number>(GPUS).fill(GPU_IDLE_WATTS)
    let coreWatts = 0
    let cores = 0
    for (const program of PROGRAMS) {
      const load = program.load(t)
      cores += load.cores
      coreWatts += load.cores * program.coreWatts
      this.#cpuSeconds.set(program.pid, (this.#cpuSeconds.get(program.pid) ?? 0) + load.cores * STEP_SECONDS)
      const true_ = this.#truthOf(program)
      true_.host += load.cores * (program.coreWatts + DRAM_WATTS_PER_CORE) * STEP_SECONDS
      for (const [key, busy] of Object.entries(load.gpus ?? {})) {
        const gpu = Number(key)
        const drawn = busy * (program.gpuWatts ?? 0)
        gpuWatts[gpu] = (gpuWatts[gpu] ?? 0) + drawn
        true_.accelerator += drawn * STEP_SECONDS
        const name = `${program.pid} ${gpu}`
        this.#busy.set(name, (this.#busy.get(name) ?? 0) + busy * STEP_SECONDS)
      }
    }
    this.#gpuWatts = gpuWatts
    const packages = SOCKET_IDLE_WATTS + coreWatts / SOCKETS
    const dram = DRAM_IDLE_WATTS + (cores * DRAM_WATTS_PER_CORE) / SOCKETS
    gpuWatts.forEach((drawn, gpu) => (this.#gpus[gpu] = (this.#gpus[gpu] ?? 0) + drawn * STEP_SECONDS))
    for (let socket = 0; socket < SOCKETS; socket += 1) {
      this.#packages[socket] = (this.#packages[socket] ?? 0) + packages * STEP_SECONDS
      this.#dram[socket] = (this.#dram[socket] ?? 0) + dram * STEP_SECONDS
    }
    const parts = gpuWatts.reduce((sum, drawn) => sum + drawn, 0) + SOCKETS * (packages + dram)
    this.#nodeWatts = parts * (1 + BOARD.lossRatio) + BOARD.idleWatts
    this.#node += this.#nodeWatts * STEP_SECONDS
    this.#cooling += this.#nodeWatts * ROOM.coolingRatio * STEP_SECONDS
    this.#upsLoss += this.#nodeWatts * ROOM.upsLossRatio * STEP_SECONDS
    for (const [server, answered] of this.#answered) {
      answered.requests += server.requestsPerSecond(t) * STEP_SECONDS
    }
  }

  #truthOf({ workload }: Program): TrueEnergy {
    let energy = this.#truth.get(workload)
    if (energy === undefined) {
      energy = { accelerator: 0, host: 0 }
      this.#truth.set(workload, energy)
    }
    return energy
  }
}
