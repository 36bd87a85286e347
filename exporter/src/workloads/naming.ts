/**
 * Who is what: the workload's name and kind, from what its cgroup says and what the machine's daemons know of it.
 * The same on every node that a workload runs on, so that energy can be summed by it.
 */
import type {
  Consumer,
  ContainerFindings,
  Findings,
  Group,
  Identity,
  Names,
  PodFindings,
  WorkloadFacts,
} from '../model.ts'

/** Container ids are shown as people know them from `docker ps`; the full id is the label `container_id`. */
const SHORT_ID = 12

/** Slices that systemd itself makes; others are the operator's own. What people do in a session is not AI by itself. */
const KINDS = new Map<string, WorkloadFacts['kind']>([
  ['system.slice', 'system'],
  ['user.slice', 'other'],
])

/** What keeps the cluster itself going. */
const SYSTEM_NAMESPACES = new Set(['kube-system', 'kube-node-lease', 'kube-public'])

const nothingFound: Findings = { container: undefined, isOuter: false, job: undefined, user: '' }

/** What the path of a cgroup alone says. */
export const namesByPath = (identity: Identity): Names => namesOf(identity, nothingFound)

/** The same for all who live in it, once for each cgroup. */
export function namingByPath(): ({ group }: Consumer) => Names {
  const known = new WeakMap<Group, Names>()
  return ({ group }) => {
    const names = known.get(group) ?? namesByPath(group.identity)
    known.set(group, names)
    return names
  }
}

/** What nobody knows stays empty. */
export function namesOf(identity: Identity, findings: Findings): Names {
  const { container, isOuter, job, user } = findings
  const pod = container?.pod
  return {
    facts: {
      ...workloadOf(identity, findings),
      namespace: pod?.namespace ?? job?.account ?? '',
      model: '',
      variant: '',
      phase: '',
      user: job?.user || user,
      account: job?.account ?? '',
      podLabels: pod?.labels ?? {},
    },
    container: {
      container: isOuter ? '' : (container?.name ?? guestName(identity)),
      image: isOuter ? '' : (container?.image ?? ''),
      pod: pod?.name ?? '',
      namespace: pod?.namespace ?? '',
    },
    livesWith: 'group',
  }
}

/** A guess that would be unsure is `unknown`. */
function workloadOf(
  { containerId, slurmJob, unit, slice, runtime }: Identity,
  { container, job }: Findings,
): Pick<WorkloadFacts, 'workload' | 'kind'> {
  const pod = container?.pod
  if (pod !== undefined && pod.name !== '') {
    return { workload: ownerOf(pod), kind: SYSTEM_NAMESPACES.has(pod.namespace) ? 'system' : 'unknown' }
  }
  if (slurmJob !== '') return { workload: job?.name || `job_${slurmJob}`, kind: 'unknown' }
  if (containerId !== '') {
    const name = container === undefined ? '' : composeName(container) || container.name
    const short = isNamedByPath(runtime) ? containerId : containerId.slice(0, SHORT_ID)
    return { workload: name || short, kind: 'unknown' }
  }
  if (unit === '') return { workload: 'other', kind: 'other' }
  return { workload: unit, kind: KINDS.get(slice) ?? 'unknown' }
}

/** Guests are called by name, not by number; so their cgroups say it. */
const NAMED_BY_PATH = new Set(['lxc', 'libvirt', 'nspawn', 'proxmox'])
const isNamedByPath = (runtime: string): boolean => NAMED_BY_PATH.has(runtime)
const guestName = ({ runtime, containerId }: Identity): string => (isNamedByPath(runtime) ? containerId : '')

/** Compose and Swarm tell what people call it; its containers are numbered. */
function composeName({ labels }: ContainerFindings): string {
  const project = labels['com.docker.compose.project'] ?? labels['io.podman.compose.project'] ?? ''
  const service = labels['com.docker.compose.service'] ?? labels['io.podman.compose.service'] ?? ''
  if (project !== '' && service !== '') return `${project}/${service}`
  return labels['com.docker.swarm.service.name'] ?? ''
}

/**
 * Controllers that make others in turn write their own name on the pod, and that is the one people gave:
 * LeaderWorkerSet, JobSet, Ray, Kubeflow's trainers, Argo, KServe.
 */
const NAMED_BY_LABEL = [
  'leaderworkerset.sigs.k8s.io/name',
  'jobset.sigs.k8s.io/jobset-name',
  'ray.io/cluster',
  'training.kubeflow.org/job-name',
  'serving.kserve.io/inferenceservice',
  'workflows.argoproj.io/workflow',
] as const

type Owner = NonNullable<PodFindings['owner']>

/** Of a pod's owner, or of what its labels and name say where the owner is not known. */
function ownerOf({ name, labels, owner }: PodFindings): string {
  for (const label of NAMED_BY_LABEL) if (labels[label]) return labels[label]
  const templateHash = labels['pod-template-hash'] ?? ''
  if (owner !== undefined) return nameOfOwner(owner, name, templateHash)
  const job = labels['batch.kubernetes.io/job-name'] ?? labels['job-name']
  if (job) return jobBaseName(job)
  // A Deployment's pod is called `<deployment>-<hash>-<random>`.
  const deployment = withoutEnd(name.replace(/-[a-z0-9]+$/, ''), templateHash)
  if (deployment !== '') return deployment
  if (labels['statefulset.kubernetes.io/pod-name'] === name) return name.replace(/-\d+$/, '')
  // A DaemonSet's is called `<daemonset>-<random>`.
  return 'pod-template-generation' in labels ? name.replace(/-[a-z0-9]+$/, '') : name
}

function nameOfOwner(owner: Owner, podName: string, templateHash: string): string {
  switch (owner.kind) {
    case 'ReplicaSet':
      return withoutEnd(owner.name, templateHash) || owner.name
    case 'Job':
      return jobBaseName(owner.name)
    case 'Node': // a pod from a file on the node, which has the node's name at its end
      return withoutEnd(podName, owner.name) || podName
    default:
      return owner.name || podName
  }
}

/** A CronJob numbers its jobs by the minute: eight digits and more. */
const jobBaseName = (job: string): string => job.replace(/-\d{8,}$/, '')

/** @returns empty where it does not end so */
const withoutEnd = (text: string, end: string): string =>
  end !== '' && text.endsWith(`-${end}`) ? text.slice(0, -end.length - 1) : ''
