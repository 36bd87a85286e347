/** The host's files as the exporter sees them. */
import { Unreadable, type World } from '../world.ts'

/** @param path below /run, never /var/run: that is a link, which leads out of a root that is mounted elsewhere */
export const hostPath = ({ rootfs }: World, path: string): string => `${rootfs === '/' ? '' : rootfs}${path}`

/** @returns undefined where there is no such thing, a socket as well as a file */
export function existingHostPath(world: World, path: string): string | undefined {
  const seen = hostPath(world, path)
  return world.files.links(seen) instanceof Unreadable ? undefined : seen
}
