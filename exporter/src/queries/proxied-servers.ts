/** Whose requests a counting proxy passes on: as configured, or the process that listens at its target. */
import type { Seconds } from '../units.ts'
import { pidListeningOn } from './listeners.ts'

export interface ProxiedServerSettings {
  /** Of the proxy; its name. */
  readonly listen: string
  readonly target: string
  /** Empty: that of the process at the target. */
  readonly workload: string
  readonly namespace: string
  /** Empty: as recognised, or as its answers look. */
  readonly server: string
}

export interface ProxiedOwner {
  readonly workload: string
  readonly namespace: string
  /** Empty: as its answers look. */
  readonly server: string
}

/** A process that may listen, and what it is called. */
export interface ListeningProcess {
  readonly pid: number
  readonly comm: string
  readonly owner: ProxiedOwner
}

const LOOK_AGAIN_SECONDS = 10
/** They listen in place of a container: whose the port is, they do not tell. */
const STAND_INS = ['docker-proxy', 'rootlessport', 'conmon', 'pasta', 'slirp4netns', 'kube-proxy']

/** Whose requests they are is not known. */
const NOBODY: ProxiedOwner = { workload: 'unknown', namespace: '', server: '' }

export class ProxiedServers {
  readonly #procfs: string
  #settings: ReadonlyMap<string, ProxiedServerSettings>
  #owners = new Map<string, ProxiedOwner>()
  /** Who listens at the target of each proxy. */
  #pids = new Map<string, number>()
  #lookedAt: Seconds | undefined
  #isLooking = false

  constructor(procfs: string, settings: readonly ProxiedServerSettings[]) {
    this.#procfs = procfs
    this.#settings = byName(settings)
  }

  /** Of a proxy whose target stays, it stays known whose that is. */
  reconfigure(settings: readonly ProxiedServerSettings[]): void {
    const before = this.#settings
    this.#settings = byName(settings)
    const isKept = ([listen]: readonly [string, unknown]): boolean =>
      before.get(listen)?.target === this.#settings.get(listen)?.target
    this.#owners = new Map(Array.from(this.#owners).filter(isKept))
    this.#pids = new Map(Array.from(this.#pids).filter(isKept))
    this.#lookedAt = undefined
  }

  ownerOf(proxy: string): ProxiedOwner {
    const settings = this.#settings.get(proxy)
    const found = this.#owners.get(proxy)
    if (settings === undefined) return found ?? NOBODY
    const { workload, namespace, server } = settings
    const owner = workload === '' ? (found ?? NOBODY) : { workload, namespace, server: found?.server ?? '' }
    return server === '' ? owner : { ...owner, server }
  }

  /**
   * To be told at each tick; who listens is looked up now and then, beside it.
   * @param processes that are known by name, best guesses first
   */
  see(processes: () => readonly ListeningProcess[], at: Seconds): void {
    const isDue = this.#lookedAt === undefined || at - this.#lookedAt >= LOOK_AGAIN_SECONDS
    const hasNameless = Array.from(this.#pids.keys()).some((listen) => !this.#owners.has(listen))
    if (this.#settings.size === 0 || (!isDue && !hasNameless)) return
    const known = processes()
    for (const [listen, pid] of this.#pids) {
      const process = known.find((one) => one.pid === pid)
      if (process !== undefined && !STAND_INS.includes(process.comm)) this.#owners.set(listen, process.owner)
    }
    if (!isDue || this.#isLooking) return
    this.#lookedAt = at
    this.#isLooking = true
    void this.#look(known.map(({ pid }) => pid)).finally(() => (this.#isLooking = false))
  }

  async #look(guesses: readonly number[]): Promise<void> {
    const settings = this.#settings
    for (const { listen, target, workload, server } of settings.values()) {
      const port = localPortOf(target)
      if (port === undefined || (workload !== '' && server !== '')) continue
      const before = this.#pids.get(listen)
      const first = before === undefined ? guesses : [before, ...guesses]
      const pid =
        (await pidListeningOn(this.#procfs, port, first)) ?? (await pidListeningOn(this.#procfs, port))
      // One that is down for a while keeps its name: its last requests are still being booked.
      if (settings !== this.#settings) return
      if (pid !== undefined) this.#pids.set(listen, pid)
    }
  }
}

function localPortOf(target: string): number | undefined {
  const { hostname, port, protocol } = new URL(target)
  if (!/^(?:localhost|127\.[\d.]+|\[::1\])$/.test(hostname)) return undefined
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
}

const byName = (settings: readonly ProxiedServerSettings[]): ReadonlyMap<string, ProxiedServerSettings> =>
  new Map(settings.map((one) => [one.listen, one]))
