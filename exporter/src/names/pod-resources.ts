/**
 * Which container was given which devices, used or not: the kubelet's pod-resources API, v1 List.
 * https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/device-plugins/#monitoring-device-plugin-resources
 * Field numbers: https://github.com/kubernetes/kubelet/blob/master/pkg/apis/podresources/v1/api.proto
 */
import type { World } from '../world.ts'
import { unaryCall } from './grpc.ts'
import { existingHostPath } from './host-path.ts'
import { Message } from './protobuf.ts'

const SOCKET = '/var/lib/kubelet/pod-resources/kubelet.sock'
const ANSWER_LIMIT = 16 << 20

export interface ContainerDevices {
  readonly pod: string
  readonly namespace: string
  readonly container: string
  /** As their plugin calls them; of NVIDIA's, UUIDs of boards or MIG devices. */
  readonly devices: readonly string[]
}

/** @returns undefined where no kubelet has such a socket */
export const podResourcesAddress = (world: World): string | undefined => existingHostPath(world, SOCKET)

/** @throws NoAnswer */
export async function listDevices(socketPath: string): Promise<readonly ContainerDevices[]> {
  const answer = await unaryCall(socketPath, '/v1.PodResourcesLister/List', Buffer.alloc(0), ANSWER_LIMIT)
  if (answer === undefined) return []
  return new Message(answer)
    .messages(1)
    .flatMap((pod) =>
      pod.messages(3).map((container) => ({
        pod: pod.text(1),
        namespace: pod.text(2),
        container: container.text(1),
        devices: container.messages(2).flatMap((devices) => devices.texts(2)),
      })),
    )
    .filter(({ devices }) => devices.length > 0)
}
