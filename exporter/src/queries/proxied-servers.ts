/** Whose requests a counting proxy passes on: as configured, or the process that listens at its target. */
import { seconds, type Seconds } from '../units.ts'
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
  #lookedAt: Seconds | undefined
  #isLooking = false

  constructor(procfs: string, settings: readonly ProxiedServerSettings[]) {
    this.#procfs = procfs
    this.#settings = byName(settings)
  }

  reconfigure(settings: readonly ProxiedServerSettings[]): void {
    this.#settings = byName(settings)
    this.#owners = new Map()
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
   * To be told at each tick; looks now and then, beside it.
   * @param processes best guesses first
   */
  see(processes: () => readonly ListeningProcess[], at: Seconds): void {
    if (this.#settings.size === 0 || this.#isLooking) return
    if (this.#lookedAt !== undefined && at < seconds(this.#lookedAt + LOOK_AGAIN_SECONDS)) return
    this.#lookedAt = at
    this.#isLooking = true
    void this.#look(processes()).finally(() => (this.#isLooking = false))
  }

  async #look(processes: readonly ListeningProcess[]): Promise<void> {
    for (const { listen, target, workload, server } of this.#settings.values()) {
      const port = localPortOf(target)
      if (port === undefined || (workload !== '' && server !== '')) continue
      const pids = processes.map(({ pid }) => pid)
      const pid = await pidListeningOn(this.#procfs, port, pids)
      const process = processes.find((one) => one.pid === pid)
      // One that is down for a while keeps its name: its last requests are still being booked.
      if (process !== undefined && !STAND_INS.includes(process.comm)) this.#owners.set(listen, process.owner)
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
