import { describe, expect, test } from '@jest/globals'
import { identityOf } from '../../exporter/src/activity/identity.ts'
import type {
  ContainerFindings,
  Findings,
  Identity,
  PodFindings,
  WorkloadLabels,
} from '../../exporter/src/model.ts'
import { namesByPath, namesOf } from '../../exporter/src/workloads/naming.ts'

const ID = '0123456789abcdef'.repeat(4)

const nobody = identityOf('/')

describe('the name and kind of a workload', () => {
  test.each<[string, Partial<Identity>, string, WorkloadLabels['kind']]>([
    ['a container, by the id that docker ps shows', { containerId: ID }, '0123456789ab', 'unknown'],
    [
      'a container before the unit it lives in',
      { containerId: ID, unit: 'docker.service', slice: 'system.slice' },
      '0123456789ab',
      'unknown',
    ],
    [
      'a container before the person who started it',
      { containerId: ID, unit: 'user@1000.service', slice: 'user.slice' },
      '0123456789ab',
      'unknown',
    ],
    ['an id that is shorter than it is shown', { containerId: 'c0ffee' }, 'c0ffee', 'unknown'],
    ['a service of the system', { unit: 'nginx.service', slice: 'system.slice' }, 'nginx.service', 'system'],
    ['a session', { unit: 'session-4.scope', slice: 'user.slice' }, 'session-4.scope', 'other'],
    ['a person’s service', { unit: 'a.service', slice: 'user.slice' }, 'a.service', 'other'],
    ['a slice of the operator’s own', { unit: 'llm.service', slice: 'ai.slice' }, 'llm.service', 'unknown'],
    ['a unit outside all slices', { unit: 'init.scope' }, 'init.scope', 'unknown'],
    ['a folder without a unit', {}, 'other', 'other'],
    ['a slice without a unit', { slice: 'user.slice' }, 'other', 'other'],
  ])('%s', (_, identity, workload, kind) => {
    expect(namesByPath({ ...nobody, ...identity }).facts).toEqual({
      workload,
      kind,
      namespace: '',
      model: '',
      variant: '',
      phase: '',
      user: '',
      account: '',
      podLabels: {},
    })
  })

  test.each([
    ['/', 'other', 'other'],
    ['/system.slice/cron.service', 'cron.service', 'system'],
    [`/system.slice/docker-${ID}.scope`, '0123456789ab', 'unknown'],
    ['/user.slice/user-1000.slice/session-4.scope', 'session-4.scope', 'other'],
    ['/system.slice/system-getty.slice/getty@tty1.service', 'getty@tty1.service', 'system'],
    ['/userdata.slice/backup.service', 'backup.service', 'unknown'],
    ['/user.slice/user-1000.slice/user@1000.service/app.slice/jupyter.service', 'jupyter.service', 'other'],
  ])('of the cgroup %s', (path, workload, kind) => {
    expect(namesByPath(identityOf(path)).facts).toMatchObject({ workload, kind })
  })
})

const container = (findings: Partial<ContainerFindings>): Findings => ({
  container: { name: 'c1', image: 'registry/app:1', labels: {}, pod: undefined, ...findings },
  isOuter: false,
  job: undefined,
  user: '',
})

const pod = (findings: Partial<PodFindings>): Findings =>
  container({ pod: { name: 'p', namespace: 'ml', labels: {}, owner: undefined, ...findings } })

describe('the name of a container’s workload', () => {
  const inDocker = identityOf(`/docker/${ID}`)

  test.each<[string, Findings, string]>([
    ['its own name', container({ name: 'train' }), 'train'],
    [
      'project and service of Compose',
      container({ labels: { 'com.docker.compose.project': 'chat', 'com.docker.compose.service': 'llm' } }),
      'chat/llm',
    ],
    [
      'the same of podman-compose',
      container({ labels: { 'io.podman.compose.project': 'chat', 'io.podman.compose.service': 'llm' } }),
      'chat/llm',
    ],
    ['not a project alone', container({ labels: { 'com.docker.compose.project': 'chat' } }), 'c1'],
    ['the service of a Swarm', container({ labels: { 'com.docker.swarm.service.name': 'llm' } }), 'llm'],
    ['the short id where it has no name', container({ name: '' }), ID.slice(0, 12)],
  ])('%s', (_, findings, workload) => {
    expect(namesOf(inDocker, findings).facts).toMatchObject({ workload, namespace: '', kind: 'unknown' })
  })

  test('of one within another that alone is known', () => {
    const inner = identityOf(`/docker/${'f'.repeat(64)}/docker/${ID}`)
    const names = namesOf(inner, { ...container({ name: 'kind-node' }), isOuter: true })
    expect(names.facts.workload).toBe('kind-node')
    expect(names.container).toEqual({ container: '', image: '', pod: '', namespace: '' })
  })

  test('a guest is called as its cgroup says, unless its host knows better', () => {
    const guest = identityOf('/qemu.slice/102.scope')
    expect(namesByPath(guest)).toMatchObject({
      facts: { workload: '102' },
      container: { container: '102' },
    })
    expect(namesOf(guest, container({ name: 'gpu-vm', image: '' }))).toMatchObject({
      facts: { workload: 'gpu-vm' },
      container: { container: 'gpu-vm' },
    })
    expect(namesByPath(identityOf('/lxc.payload.a-very-long-name')).facts.workload).toBe('a-very-long-name')
  })
})

describe('the name of a pod’s workload', () => {
  const inPod = identityOf(`/kubepods/pod3f2504e0-4f89-41d3-9a0c-0305e82c3301/${ID}`)

  test.each<[string, Partial<PodFindings>, string]>([
    [
      'the Deployment of its ReplicaSet',
      {
        name: 'llama-7d4b9c6f5d-x2x9k',
        labels: { 'pod-template-hash': '7d4b9c6f5d' },
        owner: { kind: 'ReplicaSet', name: 'llama-7d4b9c6f5d' },
      },
      'llama',
    ],
    [
      'a ReplicaSet of its own',
      { name: 'llama-x2x9k', owner: { kind: 'ReplicaSet', name: 'llama-8b' } },
      'llama-8b',
    ],
    ['a StatefulSet', { name: 'db-0', owner: { kind: 'StatefulSet', name: 'db' } }, 'db'],
    ['a DaemonSet', { name: 'agent-abcde', owner: { kind: 'DaemonSet', name: 'agent' } }, 'agent'],
    ['a Job', { name: 'train-x2x9k', owner: { kind: 'Job', name: 'train' } }, 'train'],
    [
      'the CronJob of a Job',
      { name: 'eval-28911360-abcde', owner: { kind: 'Job', name: 'eval-28911360' } },
      'eval',
    ],
    ['a custom resource', { name: 'bert-worker-0', owner: { kind: 'PyTorchJob', name: 'bert' } }, 'bert'],
    [
      'a LeaderWorkerSet before the StatefulSet that it makes',
      {
        name: 'vllm-0-1',
        labels: { 'leaderworkerset.sigs.k8s.io/name': 'vllm' },
        owner: { kind: 'StatefulSet', name: 'vllm-0' },
      },
      'vllm',
    ],
    [
      'a JobSet before its Jobs',
      {
        name: 'gpt-workers-0-1-abcde',
        labels: { 'jobset.sigs.k8s.io/jobset-name': 'gpt' },
        owner: { kind: 'Job', name: 'gpt-workers-0' },
      },
      'gpt',
    ],
    ['a pod from a file', { name: 'etcd-node-7', owner: { kind: 'Node', name: 'node-7' } }, 'etcd'],
    [
      'by labels: a Deployment',
      { name: 'llama-7d4b9c6f5d-x2x9k', labels: { 'pod-template-hash': '7d4b9c6f5d' } },
      'llama',
    ],
    [
      'by labels: a StatefulSet',
      { name: 'db-12', labels: { 'statefulset.kubernetes.io/pod-name': 'db-12' } },
      'db',
    ],
    [
      'by labels: a Job',
      { name: 'eval-28911360-abcde', labels: { 'batch.kubernetes.io/job-name': 'eval-28911360' } },
      'eval',
    ],
    ['by labels: an older Job', { name: 'a-x', labels: { 'job-name': 'a' } }, 'a'],
    ['by labels: a DaemonSet', { name: 'agent-abcde', labels: { 'pod-template-generation': '1' } }, 'agent'],
    ['a bare pod by its own name', { name: 'notebook-7' }, 'notebook-7'],
  ])('%s', (_, findings, workload) => {
    const names = namesOf(inPod, pod(findings))
    expect(names.facts).toMatchObject({ workload, namespace: 'ml', kind: 'unknown' })
    expect(names.facts.podLabels).toEqual(findings.labels ?? {})
    expect(names.container).toEqual({
      container: 'c1',
      image: 'registry/app:1',
      pod: findings.name,
      namespace: 'ml',
    })
  })

  test('what keeps the cluster going is of the system', () => {
    expect(namesOf(inPod, pod({ namespace: 'kube-system' })).facts.kind).toBe('system')
  })
})

describe('the name of a Slurm job’s workload', () => {
  const step = identityOf('/system.slice/slurmstepd.scope/job_3385/step_0/user/task_0')
  const job = { name: 'train-bert', account: 'physics', user: 'alice', devices: [] }

  test('its name, in the namespace of its account', () => {
    expect(namesOf(step, { container: undefined, isOuter: false, job, user: '' }).facts).toMatchObject({
      workload: 'train-bert',
      namespace: 'physics',
      account: 'physics',
      user: 'alice',
    })
  })

  test('its number where nobody says more', () => {
    expect(namesByPath(step).facts).toMatchObject({ workload: 'job_3385', namespace: '', kind: 'unknown' })
  })

  test('comes before the container that the job runs in', () => {
    const inside = identityOf(`/slurm/uid_1000/job_7/step_0/libpod-${ID}`)
    const names = namesOf(inside, { ...container({ name: 'c' }), job })
    expect(names.facts.workload).toBe('train-bert')
    expect(names.container.container).toBe('c')
  })
})

test('the user of a slice is a fact of its workload', () => {
  const session = identityOf('/user.slice/user-1000.slice/session-4.scope')
  expect(
    namesOf(session, { container: undefined, isOuter: false, job: undefined, user: 'alice' }).facts.user,
  ).toBe('alice')
})
