/** The guests of a Proxmox node, from their configuration: https://pve.proxmox.com/wiki/Manual:_qm.conf, pct.conf */
import { readFile } from 'node:fs/promises'
import type { World } from '../world.ts'
import { hostPath } from './host-path.ts'
import { NoAnswer, SILENCE_MILLISECONDS, type ContainerSource } from './source.ts'

const FOLDER = '/etc/pve'
const FILE_LIMIT = 1 << 20

/** A number is one guest's only, whether machine or container. */
const GUESTS = [
  { folder: 'qemu-server', name: /^name: *(\S+)/m },
  { folder: 'lxc', name: /^hostname: *(\S+)/m },
] as const

export const proxmoxSource = (world: World): ContainerSource => ({
  // Not looked for here: a look at a file system that hangs would hold the tick up.
  addressFor: ({ containerId, outerContainerIds }) =>
    [containerId, ...outerContainerIds].some(isGuestNumber) ? hostPath(world, FOLDER) : undefined,
  find: async (id) => {
    if (!isGuestNumber(id)) return undefined
    for (const { folder, name } of GUESTS) {
      const text = await read(hostPath(world, `${FOLDER}/${folder}/${id}.conf`))
      // What follows in brackets are snapshots.
      const found = name.exec(text?.split(/^\[/m, 1)[0] ?? '')?.[1]
      if (found !== undefined) {
        return { container: { name: found, image: '', labels: {}, pod: undefined }, isWhole: true }
      }
    }
    return undefined
  },
})

const isGuestNumber = (id: string): boolean => /^\d{1,9}$/.test(id)

/** The folder is a file system of the cluster's, which may hang. */
async function read(path: string): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer('it did not answer in time')), SILENCE_MILLISECONDS)
  })
  try {
    const bytes = await Promise.race([readFile(path), silence])
    return bytes.length > FILE_LIMIT ? undefined : bytes.toString()
  } catch (cause) {
    if (cause instanceof NoAnswer) throw cause
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new NoAnswer(code ?? 'it cannot be read')
  } finally {
    clearTimeout(timer)
  }
}
