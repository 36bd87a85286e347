/**
 * Docker's Engine API, which Podman's service answers as well, asked for one container at a time:
 * https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerInspect
 * A user's own daemon is asked only about what runs in that user's slice.
 */
import type { ContainerFindings, Identity } from '../model.ts'
import type { World } from '../world.ts'
import { existingHostPath } from './host-path.ts'
import { getJson } from './http.ts'
import { textAt, textsAt } from './json.ts'
import { isRuntimeId, NoAnswer, type ContainerSource } from './source.ts'

const ANSWER_LIMIT = 4 << 20

const SOCKETS = ['/run/docker.sock', '/run/podman/podman.sock'] as const
const USER_SOCKETS = ['docker.sock', 'podman/podman.sock'] as const

export const dockerSources = (world: World): ContainerSource[] => [
  ...SOCKETS.map((path) => sourceAt(world, () => path)),
  ...USER_SOCKETS.map((path) =>
    sourceAt(world, ({ userId }) => (userId === '' ? undefined : `/run/user/${userId}/${path}`)),
  ),
]

function sourceAt(world: World, socketOf: (identity: Identity) => string | undefined): ContainerSource {
  const addressFor = (identity: Identity): string | undefined => {
    const socket = socketOf(identity)
    return socket === undefined ? undefined : existingHostPath(world, socket)
  }
  return {
    addressFor,
    find: async (id, identity) => {
      const socketPath = addressFor(identity)
      if (socketPath === undefined || !isRuntimeId(id)) return undefined
      const found = await getJson(
        { protocol: 'http', socketPath, path: `/containers/${id}/json` },
        ANSWER_LIMIT,
      )
      return found === undefined ? undefined : { container: findingsIn(found, identity), isWhole: true }
    },
  }
}

/** Docker under Kubernetes keeps the pod in labels; without a pod in the path they are only somebody's words. */
function findingsIn(found: unknown, { podUid }: Identity): ContainerFindings {
  const name = textAt(found, 'Name').replace(/^\//, '')
  if (name === '') throw new NoAnswer('its answer is no container')
  const labels = textsAt(found, 'Config', 'Labels')
  const isInPod = podUid !== '' && labels['io.kubernetes.pod.uid'] === podUid
  return {
    name: (isInPod && labels['io.kubernetes.container.name']) || name,
    image: textAt(found, 'Config', 'Image'),
    labels,
    pod: isInPod
      ? {
          name: labels['io.kubernetes.pod.name'] ?? '',
          namespace: labels['io.kubernetes.pod.namespace'] ?? '',
          labels: {},
          owner: undefined,
        }
      : undefined,
  }
}
