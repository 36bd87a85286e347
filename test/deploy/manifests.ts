/** Manifests of Kubernetes, as far as tests look at them, and what must hold for all of ours. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse, parseAllDocuments } from 'yaml'

export type Labels = Readonly<Record<string, string>>

export interface Container {
  readonly name: string
  readonly args?: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly resources?: { readonly requests?: Labels; readonly limits?: Labels }
  readonly securityContext?: {
    readonly runAsUser?: number
    readonly runAsGroup?: number
    readonly privileged?: boolean
    readonly allowPrivilegeEscalation?: boolean
    readonly readOnlyRootFilesystem?: boolean
    readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] }
    readonly seccompProfile?: { readonly type: string }
  }
  readonly volumeMounts?: readonly {
    readonly name: string
    readonly mountPath: string
    readonly readOnly?: boolean
    readonly subPath?: string
    readonly mountPropagation?: string
  }[]
}

export interface PodSpec {
  readonly hostPID?: boolean
  readonly hostNetwork?: boolean
  readonly runtimeClassName?: string
  readonly automountServiceAccountToken?: boolean
  readonly enableServiceLinks?: boolean
  readonly serviceAccountName?: string
  readonly nodeSelector?: Labels
  readonly affinity?: unknown
  readonly securityContext?: {
    readonly runAsNonRoot?: boolean
    readonly seccompProfile?: { readonly type: string }
  }
  readonly containers: readonly Container[]
  readonly initContainers?: readonly Container[]
  readonly volumes?: readonly {
    readonly name: string
    readonly hostPath?: { readonly path: string; readonly type: string }
    readonly configMap?: { readonly name: string }
  }[]
}

export interface Relabeling {
  readonly action: string
  readonly sourceLabels?: readonly string[]
  readonly targetLabel?: string
  readonly replacement?: string
  readonly regex?: string
}

export interface Endpoint {
  readonly port: string
  readonly honorLabels?: boolean
  readonly relabelings?: readonly Relabeling[]
}

export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Labels
    readonly annotations?: Labels
  }
  readonly data?: Labels
  readonly rules?: unknown
  readonly spec?: {
    readonly replicas?: number
    readonly strategy?: { readonly type: string }
    readonly updateStrategy?: {
      readonly type: string
      readonly rollingUpdate: { readonly maxSurge: number; readonly maxUnavailable: number | string }
    }
    readonly selector?: unknown
    readonly template?: {
      readonly metadata: { readonly labels: Labels; readonly annotations?: Labels }
      readonly spec: PodSpec
    }
    readonly ports?: readonly { readonly name: string }[]
    readonly endpoints?: readonly Endpoint[]
    readonly groups?: readonly unknown[]
  }
}

export const repository = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
export const textOf = (path: string): string => readFileSync(repository(path), 'utf8')
export const CHART = 'deploy/helm/wattribute'

export const manifestsIn = (text: string): readonly Manifest[] =>
  parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(String(document.errors[0]))
    const content = document.toJS() as Manifest | null
    return content === null ? [] : [content]
  })

/** Alert and recording rules as they are shipped, in the order of the chart. */
export const groupsIn = (...folders: readonly string[]): readonly unknown[] =>
  folders.flatMap((folder) =>
    readdirSync(repository(folder))
      .filter((name) => name.endsWith('.yaml'))
      .sort()
      .flatMap((name) => (parse(textOf(`${folder}/${name}`)) as { groups: unknown[] }).groups),
  )

/** `spec.template.spec` of those that run pods. */
export const podOf = ({ spec }: Manifest): PodSpec | undefined => spec?.template?.spec
const containersOf = (pod: PodSpec): readonly Container[] => [
  ...pod.containers,
  ...(pod.initContainers ?? []),
]

/** Host folders that are written to. */
const WRITTEN = ['/var/lib/wattribute', '/run/wattribute']
const CAPABILITIES = ['DAC_READ_SEARCH', 'SYS_PTRACE']
const IN_NO_NAMESPACE = ['Namespace', 'ClusterRole', 'ClusterRoleBinding']

/** What is wrong with manifests, one sentence each: rights beyond those that are documented, and loose ends. */
export function complaintsAbout(manifests: readonly Manifest[]): readonly string[] {
  return manifests.flatMap((manifest) => {
    const { kind, metadata } = manifest
    const pod = podOf(manifest)
    return [
      ...(IN_NO_NAMESPACE.includes(kind) === (metadata.namespace === undefined) ? [] : ['namespace']),
      ...(pod === undefined ? [] : podComplaints(kind, pod)),
      ...(kind === 'DaemonSet' && manifest.spec?.updateStrategy?.rollingUpdate.maxSurge !== 0
        ? ['two exporters of one node at a time']
        : []),
      ...(kind === 'Deployment' &&
      (manifest.spec?.replicas !== 1 || manifest.spec.strategy?.type !== 'Recreate')
        ? ['two exporters of one facility at a time']
        : []),
      ...(kind === 'ConfigMap' && /^\s*(- )?(password|community|token|secret)\b:/m.test(contentOf(manifest))
        ? ['a secret in a ConfigMap']
        : []),
      ...(kind === 'ClusterRole' ? roleComplaints(manifest) : []),
      ...(kind === 'ServiceMonitor' ? monitorComplaints(manifest, manifests) : []),
      ...(kind === 'Service' && selectedBy(manifest, manifests) !== 1
        ? ['selects no pods, or too many']
        : []),
    ].map((complaint) => `${kind} ${metadata.name}: ${complaint}`)
  })
}

const contentOf = ({ data = {} }: Manifest): string =>
  Object.entries(data)
    .filter(([name]) => !name.endsWith('.json'))
    .map(([, text]) => text)
    .join('\n')

function podComplaints(kind: string, pod: PodSpec): readonly string[] {
  const isNode = kind === 'DaemonSet'
  const volumes = pod.volumes ?? []
  const hostPaths = new Map(
    volumes.flatMap(({ name, hostPath }) => (hostPath ? [[name, hostPath.path]] : [])),
  )
  const mounts = containersOf(pod).flatMap(({ volumeMounts = [] }) => volumeMounts)
  const written = mounts.filter(({ name, readOnly }) => hostPaths.has(name) && readOnly !== true)
  return [
    ...(pod.enableServiceLinks === false ? [] : ['variables of Services, which look like flags']),
    ...(isNode === (pod.hostPID === true) ? [] : ['the wrong PID namespace']),
    ...(!isNode && pod.hostNetwork === true ? ['the network of the host'] : []),
    ...(!isNode && hostPaths.size > 0 ? ['folders of the host'] : []),
    ...(!isNode && pod.securityContext?.runAsNonRoot !== true ? ['root'] : []),
    ...(!isNode && pod.automountServiceAccountToken !== false ? ['a token for the API server'] : []),
    ...written
      .filter(({ name }) => !WRITTEN.includes(hostPaths.get(name) ?? ''))
      .map(({ mountPath }) => `${mountPath} of the host can be written to`),
    ...mounts
      .filter(({ name }) => volumes.every((one) => one.name !== name))
      .map(({ name }) => `no volume ${name}`),
    ...containersOf(pod).flatMap((container) => containerComplaints(container, pod, isNode)),
  ]
}

function containerComplaints(
  { securityContext: rights = {}, resources = {} }: Container,
  pod: PodSpec,
  isNode: boolean,
): readonly string[] {
  const { drop = [], add = [] } = rights.capabilities ?? {}
  const seccomp = rights.seccompProfile ?? pod.securityContext?.seccompProfile
  return [
    ...(rights.privileged === false ? [] : ['privileged']),
    ...(rights.allowPrivilegeEscalation === false ? [] : ['may gain rights']),
    ...(rights.readOnlyRootFilesystem === true ? [] : ['can write to its own files']),
    ...(seccomp?.type === 'RuntimeDefault' ? [] : ['any system call']),
    ...(String(drop) === 'ALL' ? [] : ['keeps capabilities']),
    ...(String(add) === String(isNode ? CAPABILITIES : []) ? [] : [`capabilities ${String(add)}`]),
    ...(/nvidia|gpu/.test(JSON.stringify(resources)) ? ['takes a GPU away from others'] : []),
    ...(resources.limits?.['memory'] === undefined ? ['any amount of memory'] : []),
  ]
}

/** One right at the kubelet, and none at the API server. */
function roleComplaints({ rules }: Manifest): readonly string[] {
  const only = ['pods', 'proxy'].map((what) => [
    { apiGroups: [''], resources: [`nodes/${what}`], verbs: ['get'] },
  ])
  return only.some((one) => JSON.stringify(one) === JSON.stringify(rules)) ? [] : ['other rights']
}

function monitorComplaints(monitor: Manifest, all: readonly Manifest[]): readonly string[] {
  const services = all.filter(
    ({ kind, metadata }) => kind === 'Service' && matches(monitor.spec?.selector, metadata.labels ?? {}),
  )
  return [
    ...(services.length === 0 ? ['selects no Service'] : []),
    ...(monitor.spec?.endpoints ?? []).flatMap(({ port, honorLabels, relabelings = [] }) => [
      ...(honorLabels === true ? [] : ['labels of workloads are lost']),
      ...(relabelings.some(({ targetLabel }) => targetLabel === 'instance') ? [] : ['no name of the node']),
      ...(services.every(({ spec }) => spec?.ports?.some(({ name }) => name === port))
        ? []
        : [`no port ${port}`]),
    ]),
  ]
}

/** How many of those that run pods a Service chooses. */
const selectedBy = ({ spec }: Manifest, all: readonly Manifest[]): number =>
  all.filter(
    ({ spec: other }) =>
      other?.template !== undefined &&
      matches({ matchLabels: spec?.selector }, other.template.metadata.labels),
  ).length

interface Selector {
  readonly matchLabels?: Labels
  readonly matchExpressions?: readonly {
    readonly key: string
    readonly operator: string
    readonly values: readonly string[]
  }[]
}

function matches(selector: unknown, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = (selector ?? {}) as Selector
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(
      ({ key, operator, values }) => operator === 'In' && values.includes(labels[key] ?? ''),
    )
  )
}
