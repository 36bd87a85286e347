/**
 * The Container Runtime Interface of containerd and CRI-O, asked for one container and its pod at a time.
 * Field numbers: https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto
 */
import type { ContainerFindings, PodFindings } from '../model.ts'
import type { World } from '../world.ts'
import { unaryCall } from './grpc.ts'
import { existingHostPath, hostPath } from './host-path.ts'
import { field, MalformedMessage, Message } from './protobuf.ts'
import { isRuntimeId, NoAnswer, type ContainerSource } from './source.ts'

const ANSWER_LIMIT = 4 << 20

const SOCKETS = [
  '/run/containerd/containerd.sock',
  '/run/crio/crio.sock',
  '/run/k3s/containerd/containerd.sock',
  '/run/k0s/containerd.sock',
  '/run/cri-dockerd.sock',
  '/var/snap/microk8s/common/run/containerd.sock',
] as const

export const criSources = (world: World): ContainerSource[] =>
  SOCKETS.map((path) => ({
    addressFor: () => existingHostPath(world, path),
    find: async (id) => {
      const container = isRuntimeId(id) ? await containerBy(hostPath(world, path), id) : undefined
      return container && { container, isWhole: true }
    },
  }))

async function containerBy(socketPath: string, id: string): Promise<ContainerFindings | undefined> {
  const list = await ask(socketPath, 'RuntimeService/ListContainers', field(1, field(1, id)))
  const container = list?.messages(1).find((one) => one.text(1) === id)
  if (list === undefined) return undefined
  const pod = await podBy(socketPath, container?.text(2) ?? id)
  if (container === undefined) {
    // What holds a pod's namespaces is a sandbox, no container.
    return pod === undefined ? undefined : { name: '', image: '', labels: {}, pod }
  }
  return {
    name: container.message(3).text(1),
    image: await imageOf(socketPath, container.message(4)),
    labels: container.map(8),
    pod,
  }
}

async function podBy(socketPath: string, id: string): Promise<PodFindings | undefined> {
  const list = await ask(socketPath, 'RuntimeService/ListPodSandbox', field(1, field(1, id)))
  const sandbox = list?.messages(1).find((one) => one.text(1) === id)
  if (sandbox === undefined) return undefined
  const metadata = sandbox.message(2)
  return { name: metadata.text(1), namespace: metadata.text(3), labels: sandbox.map(5), owner: undefined }
}

/** The kubelet starts containers by the digest of their image; what people call it is asked for. */
async function imageOf(socketPath: string, spec: Message): Promise<string> {
  const name = spec.text(18) || spec.text(1)
  if (!/^(?:sha256:)?[0-9a-f]{64}$/.test(name)) return name
  const status = await ask(socketPath, 'ImageService/ImageStatus', field(1, field(1, name)))
  return status?.message(1).texts(2)[0] ?? name
}

async function ask(socketPath: string, method: string, request: Buffer): Promise<Message | undefined> {
  const answer = await unaryCall(socketPath, `/runtime.v1.${method}`, request, ANSWER_LIMIT)
  return answer === undefined ? undefined : messageIn(answer)
}

/** @throws NoAnswer */
export function messageIn(bytes: Buffer): Message {
  try {
    return new Message(bytes)
  } catch (cause) {
    if (cause instanceof MalformedMessage) throw new NoAnswer(cause.message)
    throw cause
  }
}
