/**
 * Who listens on which TCP port, as the kernel tells it: the sockets of a network namespace with their inodes, and the
 * descriptors of a process.
 *
 * https://docs.kernel.org/networking/proc_net_tcp.html
 */
import { open, readdir, readFile, readlink } from 'node:fs/promises'
import { isIPv4 } from 'node:net'

/** A listening socket of a process. */
export interface Listener {
  readonly port: number
  /** As in `127.0.0.1` or `::1`; `0.0.0.0` and `::` for any. */
  readonly address: string
}

/** Tables beyond are read up to here: a machine with so many connections has its listeners at the front. */
const MOST_TABLE_BYTES = 1 << 22
const MOST_DESCRIPTORS = 65_536
const MOST_LISTENERS = 64
const MOST_DESCENDANTS = 64
const LISTENING = '0A'

/** What a process listens on; nothing where its descriptors may not be read. */
export async function listenersOf(procfs: string, pid: number): Promise<readonly Listener[]> {
  const inodes = await socketsOf(procfs, pid)
  if (inodes.size === 0) return []
  const found: Listener[] = []
  for (const socket of await listeningIn(procfs, String(pid))) {
    if (inodes.has(socket.inode) && found.length < MOST_LISTENERS) found.push(socket)
  }
  return found
}

/**
 * The process that listens on a local port in this network namespace.
 * @param pids those that are asked, best guesses first; undefined: all of the machine
 */
export async function pidListeningOn(
  procfs: string,
  port: number,
  pids?: readonly number[],
): Promise<number | undefined> {
  const wanted = new Set(
    (await listeningIn(procfs, 'self')).filter((one) => one.port === port).map((one) => one.inode),
  )
  if (wanted.size === 0) return undefined
  for (const pid of pids ?? (await everyPid(procfs))) {
    for (const inode of await socketsOf(procfs, pid)) if (wanted.has(inode)) return pid
  }
  return undefined
}

/** Whether two processes see the same network; undefined where that cannot be read. */
export async function isSameNetwork(
  procfs: string,
  pid: number | 'self',
  own: string,
): Promise<boolean | undefined> {
  try {
    const [other, mine] = await Promise.all([readlink(`${procfs}/${pid}/ns/net`), readlink(own)])
    return other === mine
  } catch {
    return undefined
  }
}

/** The children of a process, and theirs. */
export async function descendantsOf(procfs: string, pid: number): Promise<readonly number[]> {
  const found: number[] = []
  const waiting = [pid]
  while (waiting.length > 0 && found.length < MOST_DESCENDANTS) {
    const parent = waiting.shift()
    const children = (await textOf(`${procfs}/${parent}/task/${parent}/children`)).split(' ').map(Number)
    for (const child of children.filter((one) => one > 0 && !found.includes(one))) {
      found.push(child)
      waiting.push(child)
    }
  }
  return found.slice(0, MOST_DESCENDANTS)
}

/** Ports that the arguments of a process name, such as `--port 8000`: the best guesses where it listens on several. */
export async function portsInArguments(procfs: string, pid: number): Promise<readonly number[]> {
  const words = (await textOf(`${procfs}/${pid}/cmdline`)).split('\0')
  return words.flatMap((word, index) => {
    const [, together] = /^--?[a-z_-]*port=(\d{1,5})$/i.exec(word) ?? []
    const apart = /^(?:--?[a-z_-]*port|-p)$/i.test(word) ? words[index + 1] : undefined
    const port = Number(together ?? apart)
    return Number.isInteger(port) && port > 0 && port < 65_536 ? [port] : []
  })
}

interface ListeningSocket extends Listener {
  readonly inode: string
}

async function listeningIn(procfs: string, process: string): Promise<readonly ListeningSocket[]> {
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((table) => headOf(`${procfs}/${process}/net/${table}`)),
  )
  return tables.flatMap((table) =>
    table.split('\n').flatMap((line) => {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
      const [address = '', port = ''] = local.split(':')
      if (state !== LISTENING || !/^(?:[0-9A-F]{8}|[0-9A-F]{32})$/.test(address)) return []
      return [{ address: addressOf(address), port: parseInt(port, 16), inode }]
    }),
  )
}

/** The kernel writes addresses as words of 32 bits in the byte order of the machine: little-endian on all that matter. */
export function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).reverse().map((byte) => parseInt(byte, 16)),
  )
  if (bytes.length === 4) return bytes.join('.')
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255
  if (isMapped) return bytes.slice(12).join('.')
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((bytes[2 * index] ?? 0) * 256 + (bytes[2 * index + 1] ?? 0)).toString(16),
  )
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

export const isAny = ({ address }: Listener): boolean => address === '0.0.0.0' || address === '::'

export const isLoopback = ({ address }: Listener): boolean =>
  address === '::1' || (isIPv4(address) && address.startsWith('127.'))

async function socketsOf(procfs: string, pid: number): Promise<ReadonlySet<string>> {
  const inodes = new Set<string>()
  try {
    const folder = `${procfs}/${pid}/fd`
    for (const descriptor of (await readdir(folder)).slice(0, MOST_DESCRIPTORS)) {
      const target = await readlink(`${folder}/${descriptor}`).catch(() => '')
      const [, inode] = /^socket:\[(\d+)\]$/.exec(target) ?? []
      if (inode !== undefined) inodes.add(inode)
    }
  } catch {
    // gone, or of somebody whose processes may not be looked into
  }
  return inodes
}

async function everyPid(procfs: string): Promise<readonly number[]> {
  const names = await readdir(procfs).catch(() => [])
  return names.filter((name) => /^\d+$/.test(name)).map(Number)
}

async function headOf(path: string): Promise<string> {
  try {
    const file = await open(path, 'r')
    try {
      const buffer = Buffer.allocUnsafe(1 << 16)
      let text = ''
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, buffer.length, null)
        if (bytesRead === 0 || text.length > MOST_TABLE_BYTES) return text
        text += buffer.toString('latin1', 0, bytesRead)
      }
    } finally {
      await file.close()
    }
  } catch {
    return '' // no such protocol here, or the process is gone
  }
}

const textOf = (path: string): Promise<string> => readFile(path, 'latin1').catch(() => '')
