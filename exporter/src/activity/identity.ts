/** What a cgroup path says about who lives there: container, pod, systemd unit. */
import type { Identity } from '../model.ts'

const CONTAINER_ID = /^(?:(.+)-)?([0-9a-f]{64})(?:\.scope)?$/
const POD_UID = /pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$/
const UNIT = /\.(?:service|scope)$/

/** The prefix that a runtime gives its scopes or folders. */
const RUNTIMES = new Map([
  ['docker', 'docker'],
  ['cri-containerd', 'containerd'],
  ['crio', 'cri-o'],
  ['libpod', 'podman'],
])

/** Helpers of a runtime that live beside their container, with its id in their name. */
const HELPER = /-conmon-[0-9a-f]{64}(?:\.scope)?$/

/**
 * The innermost container counts, since containers run in containers; of a pod anywhere above it the uid is taken.
 * @param path from the root of the hierarchy, such as `/system.slice/docker-<id>.scope`
 */
export function identityOf(path: string): Identity {
  const segments = path.split('/').filter((segment) => segment !== '')
  const container = segments.map(containerIn).findLast((found) => found !== undefined)
  const isInPod = segments.some((segment) => segment.startsWith('kubepods'))
  return {
    containerId: container?.id ?? '',
    runtime: container === undefined ? 'host' : runtimeOf(container.prefix, isInPod),
    podUid: segments.map(podUidIn).findLast((uid) => uid !== undefined) ?? '',
    unit: segments.findLast((segment) => UNIT.test(segment)) ?? '',
    slice: segments.find((segment) => segment.endsWith('.slice')) ?? '',
  }
}

interface ContainerName {
  readonly id: string
  /** What stands before the id, or the folder that holds it. */
  readonly prefix: string
}

function containerIn(segment: string, index: number, segments: readonly string[]): ContainerName | undefined {
  if (HELPER.test(segment)) return undefined
  const [, prefix, id] = CONTAINER_ID.exec(segment) ?? []
  return id === undefined ? undefined : { id, prefix: prefix ?? segments[index - 1] ?? '' }
}

/** Kubernetes' own folders hold bare ids where containerd uses the driver cgroupfs. */
const runtimeOf = (prefix: string, isInPod: boolean): string =>
  RUNTIMES.get(prefix) ?? (isInPod ? 'containerd' : 'container')

const podUidIn = (segment: string): string | undefined => POD_UID.exec(segment)?.[1]?.replaceAll('_', '-')
