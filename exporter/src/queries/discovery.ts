/** Where recognised inference servers can be asked: the ports that they listen on, at addresses of this machine. */
import { reachOf, type NetworkView } from './addresses.ts'
import { descendantsOf, listenersOf, portsInArguments, type Listener } from './listeners.ts'

/** A port of a server, best guesses first. */
export interface Door {
  readonly port: number
  /** The same server at each of them. */
  readonly bases: readonly string[]
  /** The network namespace and port, by which two processes that share a socket are known. */
  readonly key: string
}

export interface Doors {
  readonly doors: readonly Door[]
  /** Why there is none, or fewer than ports; empty when all is well. */
  readonly why: string
}

/** Ports on which metrics are usually found. */
const USUAL_PORTS = [8000, 8002, 8080, 30_000, 3000, 23_333, 9997, 4000, 80]
/** Servers talk to their own workers over further ports, which should be left alone. */
const MOST_DOORS = 8

/** @param pid of the process that was recognised; its children are looked at where it does not listen itself */
export async function doorsOf(view: NetworkView, pid: number): Promise<Doors> {
  for (const one of [pid, ...(await descendantsOf(view.procfs, pid))]) {
    const listeners = await listenersOf(view.procfs, one)
    if (listeners.length > 0) return await doorsAt(view, one, await ordered(view, [pid, one], listeners))
  }
  return { doors: [], why: 'it listens on no port that can be seen' }
}

async function doorsAt(view: NetworkView, pid: number, listeners: readonly Listener[]): Promise<Doors> {
  const doors: Door[] = []
  let why = ''
  for (const listener of listeners.slice(0, MOST_DOORS)) {
    const reach = await reachOf(view, pid, listener)
    if ('why' in reach) why = reach.why
    else doors.push(doorOf(listener.port, reach.hosts))
  }
  return { doors, why: doors.length > 0 ? '' : why }
}

const doorOf = (port: number, hosts: readonly string[]): Door => {
  const bases = hosts.map((host) => `http://${host.includes(':') ? `[${host}]` : host}:${port}`)
  return { port, bases, key: bases.join(' ') }
}

async function ordered(
  { procfs }: NetworkView,
  pids: readonly number[],
  listeners: readonly Listener[],
): Promise<readonly Listener[]> {
  const named = (await Promise.all(pids.map((pid) => portsInArguments(procfs, pid)))).flat()
  const guesses = [...named, ...USUAL_PORTS]
  const rank = ({ port }: Listener): number =>
    guesses.includes(port) ? guesses.indexOf(port) : guesses.length
  const once = new Map(listeners.map((listener) => [listener.port, listener]))
  return Array.from(once.values()).sort((one, other) => rank(one) - rank(other) || one.port - other.port)
}
