/**
 * Where a process that listens can be reached: at loopback in this network namespace, at the own address of its
 * container in another one, and nowhere else.
 */
import { readFile } from 'node:fs/promises'
import { isAny, isLoopback, isSameNetwork, type Listener } from './listeners.ts'

/** Where to ask, or why not. */
export type Reach = { readonly hosts: readonly string[] } | { readonly why: string }

export interface NetworkView {
  readonly procfs: string
  /** The exporter's own namespace: a link that names it, and its routes. */
  readonly ownNetwork: string
  readonly ownRoutes: string
  readonly ownAddresses: string
}

export const networkView = (procfs: string): NetworkView => ({
  procfs,
  ownNetwork: '/proc/self/ns/net',
  ownRoutes: '/proc/self/net/route',
  ownAddresses: '/proc/self/net/fib_trie',
})

/** A container with more addresses is asked at the first ones. */
const MOST_HOSTS = 2

export async function reachOf(view: NetworkView, pid: number, listener: Listener): Promise<Reach> {
  const isSame = await isSameNetwork(view.procfs, pid, view.ownNetwork)
  if (isSame === undefined) return { why: 'its network namespace may not be looked at' }
  if (isSame && (isAny(listener) || isLoopback(listener))) {
    return { hosts: isLoopback(listener) ? [listener.address] : loopbacksOf(listener) }
  }
  const own = await localAddresses(`${view.procfs}/${pid}/net/fib_trie`)
  if (isSame) {
    return own.includes(listener.address)
      ? { hosts: [listener.address] }
      : { why: 'it listens at an address that is not of this machine' }
  }
  if (isLoopback(listener)) return { why: 'it listens only at the loopback of its own network' }
  const candidates = isAny(listener) ? own : own.filter((address) => address === listener.address)
  if (candidates.length === 0) return { why: 'its network has no IPv4 address of its own' }
  const routes = await routesIn(view.ownRoutes)
  const mine = await localAddresses(view.ownAddresses)
  const hosts = candidates.filter((address) => isOnThisMachine(address, routes, mine)).slice(0, MOST_HOSTS)
  return hosts.length > 0 ? { hosts } : { why: 'the address of its container cannot be reached from here' }
}

const loopbacksOf = ({ address }: Listener): readonly string[] =>
  address === '::' ? ['127.0.0.1', '::1'] : ['127.0.0.1']

/** The IPv4 addresses of a network namespace, without loopback. */
export async function localAddresses(fibTrie: string): Promise<readonly string[]> {
  const found = new Set<string>()
  let address = ''
  for (const line of (await textOf(fibTrie)).split('\n')) {
    const [, leaf] = /^\s*\|-- (\d+\.\d+\.\d+\.\d+)$/.exec(line) ?? []
    if (leaf !== undefined) address = leaf
    else if (/^\s*\/32 host LOCAL$/.test(line) && !address.startsWith('127.')) found.add(address)
  }
  return Array.from(found)
}

interface Route {
  readonly destination: number
  readonly mask: number
  readonly gateway: string
}

/**
 * Whether packets to it stay on this machine: a bridge or a pair of virtual interfaces leads there. An address that
 * only the default route knows would be somebody else's.
 */
function isOnThisMachine(address: string, routes: readonly Route[], mine: readonly string[]): boolean {
  const wanted = numberOf(address)
  const best = routes
    .filter(({ destination, mask }) => (wanted & mask) >>> 0 === destination)
    .reduce<Route | undefined>(
      (one, other) => (one === undefined || other.mask > one.mask ? other : one),
      undefined,
    )
  if (best === undefined || best.mask === 0) return mine.includes(address)
  return best.gateway === '0.0.0.0' || mine.includes(best.gateway)
}

async function routesIn(file: string): Promise<readonly Route[]> {
  return (await textOf(file)).split('\n').flatMap((line) => {
    const [, destination = '', gateway = '', flags = '', , , , mask = ''] = line.split('\t')
    if (!/^[0-9A-F]{8}$/.test(destination) || (parseInt(flags, 16) & ROUTE_UP) === 0) return []
    return [{ destination: wordOf(destination), gateway: dotted(wordOf(gateway)), mask: wordOf(mask) }]
  })
}

const ROUTE_UP = 1

/** The kernel writes them in the byte order of the machine, little-endian. */
const wordOf = (hex: string): number =>
  (hex.match(/../g) ?? []).reduceRight((word, byte) => word * 256 + parseInt(byte, 16), 0)

const numberOf = (address: string): number =>
  address.split('.').reduce((number, part) => number * 256 + Number(part), 0)

const dotted = (word: number): string => [24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join('.')

const textOf = (path: string): Promise<string> => readFile(path, 'latin1').catch(() => '')
