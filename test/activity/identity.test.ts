import { describe, expect, test } from '@jest/globals'
import { identityOf } from '../../exporter/src/activity/identity.ts'
import type { Identity } from '../../exporter/src/model.ts'

const ID = '0123456789abcdef'.repeat(4)
const OTHER = 'fedcba9876543210'.repeat(4)
const THIRD = '00112233445566778899aabbccddeeff'.repeat(2)
const UID = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
const UNDERSCORED = UID.replaceAll('-', '_')
const USER = '/user.slice/user-1000.slice/user@1000.service'

const docker = { runtime: 'docker', containerId: ID }
const containerd = { runtime: 'containerd', containerId: ID }
const crio = { runtime: 'cri-o', containerId: ID }
const podman = { runtime: 'podman', containerId: ID }
const host = { runtime: 'host', containerId: '' }

/** Every runtime's paths, and what they say. */
const PATHS: Record<string, readonly (readonly [string, Partial<Identity>])[]> = {
  'nobody in particular': [
    ['/', host],
    ['/init.scope', { ...host, unit: 'init.scope', slice: '' }],
    ['/some/folder', { ...host, unit: '' }],
    [`/cache/${ID.slice(1)}`, host],
    [`/cache/${ID}0`, host],
    [`/cache/${ID.toUpperCase()}`, host],
  ],
  'systemd units': [
    ['/system.slice/nginx.service', { ...host, unit: 'nginx.service', slice: 'system.slice' }],
    [
      '/system.slice/system-getty.slice/getty@tty1.service',
      { unit: 'getty@tty1.service', slice: 'system.slice' },
    ],
    ['/system.slice/run-r0123.scope', { unit: 'run-r0123.scope' }],
    ['/system.slice/dev-hugepages.mount', { unit: 'dev-hugepages.mount' }],
    [
      '/user.slice/user-1000.slice/session-4.scope',
      { ...host, unit: 'session-4.scope', slice: 'user.slice', userId: '1000' },
    ],
    [`${USER}/app.slice/editor.service`, { unit: 'editor.service', slice: 'user.slice', userId: '1000' }],
    ['/user.slice/user-0.slice/session-1.scope', { userId: '0' }],
    ['/ai.slice/ai-train.slice/a.service', { unit: 'a.service', slice: 'ai.slice', userId: '' }],
  ],
  Docker: [
    [`/docker/${ID}`, { ...docker, unit: '' }],
    [`/system.slice/docker-${ID}.scope`, { ...docker, slice: 'system.slice' }],
    [`/docker.slice/docker-${ID}.scope`, docker],
    [`${USER}/user.slice/docker-${ID}.scope`, { ...docker, userId: '1000' }],
    [`/ecs/0f3c/${ID}`, docker],
    [`/kubepods/burstable/pod${UID}/docker-${ID}.scope`, { ...docker, podUid: UID }],
    // a parent of the operator's own says nothing about the runtime
    [`/batch/${ID}`, { runtime: 'container', containerId: ID }],
  ],
  Podman: [
    [`/libpod_parent/libpod-${ID}`, podman],
    [`/libpod_parent/${OTHER}/libpod-${ID}`, { ...podman, outerContainerIds: [] }],
    [`/machine.slice/libpod-${ID}.scope`, podman],
    [`/machine.slice/libpod-${ID}.scope/container`, podman],
    [`/machine.slice/machine-libpod_pod_${OTHER}.slice/libpod-${ID}.scope`, { ...podman, podUid: '' }],
    [`/kubepods/burstable/pod${UID}/libpod-${ID}`, { ...podman, podUid: UID }],
    [`/machine.slice/libpod-conmon-${ID}.scope`, host],
    [`/libpod_parent/libpod-conmon-${ID}`, host],
    [`/libpod_parent/${ID}`, host],
    // rootless
    [`${USER}/user.slice/libpod-${ID}.scope/container`, { ...podman, userId: '1000', slice: 'user.slice' }],
    [`${USER}/user.slice/user-libpod_pod_${OTHER}.slice/libpod-${ID}.scope`, { ...podman, userId: '1000' }],
    [`${USER}/user.slice/libpod-conmon-${ID}.scope`, host],
    // in the unit that starts it
    [`/system.slice/llm.service/libpod-payload-${ID}`, { ...podman, unit: 'llm.service' }],
    [`${USER}/app.slice/llm.service/libpod-payload-${ID}`, { ...podman, userId: '1000' }],
    ['/system.slice/llm.service/runtime', { ...host, unit: 'llm.service' }],
  ],
  containerd: [
    [`/kubepods/pod${UID}/${ID}`, { ...containerd, podUid: UID }],
    [`/kubepods/burstable/pod${UID}/${ID}`, { ...containerd, podUid: UID }],
    [`/kubepods/besteffort/pod${UID}/${ID}`, { ...containerd, podUid: UID }],
    [
      `/kubepods.slice/kubepods-pod${UNDERSCORED}.slice/cri-containerd-${ID}.scope`,
      { ...containerd, podUid: UID },
    ],
    ...['burstable', 'besteffort'].map(
      (qos) =>
        [
          `/kubepods.slice/kubepods-${qos}.slice/kubepods-${qos}-pod${UNDERSCORED}.slice/cri-containerd-${ID}.scope`,
          { ...containerd, podUid: UID, slice: 'kubepods.slice' },
        ] as const,
    ),
    [`/kubelet/kubepods/burstable/pod${UID}/${ID}`, { ...containerd, podUid: UID }],
    [
      `/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${UNDERSCORED}.slice/cri-containerd-${ID}.scope`,
      { ...containerd, podUid: UID },
    ],
    [
      `/system.slice/containerd.service/kubepods-burstable-pod${UNDERSCORED}.slice:cri-containerd:${ID}`,
      { ...containerd, podUid: UNDERSCORED.replaceAll('_', '-') },
    ],
    // a static pod has a hash for an uid
    [`/kubepods/burstable/pod${'a1'.repeat(16)}/${ID}`, { ...containerd, podUid: 'a1'.repeat(16) }],
    [`/kubepods/burstable/pod${UID}`, { ...host, podUid: UID }],
    [`/default/${ID}`, containerd],
    [`/system.slice/nerdctl-${ID}.scope`, containerd],
  ],
  'CRI-O': [
    [`/kubepods/besteffort/pod${UID}/crio-${ID}`, { ...crio, podUid: UID }],
    [
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UNDERSCORED}.slice/crio-${ID}.scope`,
      { ...crio, podUid: UID },
    ],
    [`/kubepods.slice/kubepods-pod${UNDERSCORED}.slice/crio-${ID}.scope/container`, { ...crio, podUid: UID }],
    [`/kubepods/besteffort/pod${UID}/crio-conmon-${ID}`, { ...host, podUid: UID }],
    [`/kubepods.slice/kubepods-pod${UNDERSCORED}.slice/crio-conmon-${ID}.scope`, { ...host, podUid: UID }],
  ],
  Slurm: [
    [
      '/system.slice/slurmstepd.scope/job_3385/step_0/user/task_0',
      { slurmJob: '3385', slurmStep: '0', userId: '' },
    ],
    ['/system.slice/slurmstepd.scope/job_3385/step_batch/slurm', { slurmJob: '3385', slurmStep: 'batch' }],
    [
      '/system.slice/slurmstepd.scope/job_3385/step_extern/user/task_special',
      { slurmJob: '3385', slurmStep: 'extern' },
    ],
    ['/system.slice/slurmstepd.scope/job_3385', { slurmJob: '3385', slurmStep: '' }],
    [
      '/system.slice/node7_slurmstepd.scope/job_12/step_interactive/user',
      { slurmJob: '12', slurmStep: 'interactive' },
    ],
    ['/system.slice/slurmstepd.scope/system', { slurmJob: '', unit: 'slurmstepd.scope' }],
    ['/slurm/uid_1000/job_3385/step_0/task_0', { slurmJob: '3385', slurmStep: '0', userId: '1000' }],
    ['/slurm_node7/uid_1001/job_7/step_batch', { slurmJob: '7', slurmStep: 'batch', userId: '1001' }],
    [
      `/system.slice/slurmstepd.scope/job_9/step_0/user/task_0/libpod-${ID}`,
      { ...podman, slurmJob: '9', slurmStep: '0' },
    ],
    ['/backup/job_3385/step_0', { slurmJob: '' }],
  ],
  'LXC and LXD': [
    ['/lxc/web', { runtime: 'lxc', containerId: 'web' }],
    ['/lxc.payload.web', { runtime: 'lxc', containerId: 'web' }],
    [
      '/lxc.payload.web/system.slice/nginx.service',
      { runtime: 'lxc', containerId: 'web', unit: 'nginx.service' },
    ],
    ['/lxc.payload/web/init.scope', { runtime: 'lxc', containerId: 'web' }],
    ['/lxc.payload.project_web.1', { runtime: 'lxc', containerId: 'project_web.1' }],
    ['/lxc.monitor.web', host],
    ['/lxc.monitor/web', host],
    ['/lxc.pivot', host],
  ],
  guests: [
    ['/lxc/101/ns/init.scope', { runtime: 'lxc', containerId: '101' }],
    ['/qemu.slice/102.scope', { runtime: 'proxmox', containerId: '102' }],
    ['/machine.slice/machine-qemu\\x2d3\\x2dgpu\\x2dvm.scope', { runtime: 'libvirt', containerId: 'gpu-vm' }],
    ['/machine.slice/machine-qemu\\x2d3\\x2dgpu\\x2dvm.scope/libvirt/vcpu0', { containerId: 'gpu-vm' }],
    ['/machine.slice/machine-lxc\\x2d969\\x2dbox.scope', { runtime: 'lxc', containerId: 'box' }],
    ['/machine/qemu-3-gpu.libvirt-qemu/emulator', { runtime: 'libvirt', containerId: 'gpu' }],
    ['/libvirt/qemu/gpu', { runtime: 'libvirt', containerId: 'gpu' }],
    ['/machine.slice/systemd-nspawn@dev.service/payload', { runtime: 'nspawn', containerId: 'dev' }],
    ['/machine.slice/machine-dev\\x2dbox.scope', { runtime: 'nspawn', containerId: 'dev-box' }],
    ['/machine.slice/machine-k\\xc3\\xbcche.scope', { runtime: 'nspawn', containerId: 'küche' }],
  ],
  'one in another: the innermost': [
    [`/docker/${ID}/docker/${OTHER}`, { runtime: 'docker', containerId: OTHER, outerContainerIds: [ID] }],
    [`/docker/${ID}/system.slice/cron.service`, { ...docker, unit: 'cron.service' }],
    [
      `/docker/${ID}/kubelet/kubepods/burstable/pod${UID}/${OTHER}`,
      { runtime: 'containerd', containerId: OTHER, outerContainerIds: [ID], podUid: UID },
    ],
    [
      `/kubepods/burstable/pod${UID}/${ID}/docker/${OTHER}`,
      { runtime: 'docker', containerId: OTHER, outerContainerIds: [ID], podUid: UID },
    ],
    [
      `/lxc/101/ns/docker/${ID}/libpod_parent/libpod-${THIRD}`,
      { runtime: 'podman', containerId: THIRD, outerContainerIds: [ID, '101'] },
    ],
    [`/docker/${ID}/libpod_parent/libpod-conmon-${OTHER}`, docker],
  ],
  'from within a cgroup namespace': [
    [`/../../kubepods/burstable/pod${UID}/${ID}`, { ...containerd, podUid: UID }],
    [`/../${ID}`, { runtime: 'container', containerId: ID }],
    ['/../../../system.slice/cron.service', { unit: 'cron.service', slice: 'system.slice' }],
  ],
}

describe('what a cgroup path says', () => {
  for (const [who, paths] of Object.entries(PATHS)) {
    test.each(paths)(`${who}: %s`, (path, expected) => {
      expect(identityOf(path)).toMatchObject(expected)
    })
  }

  test('each fact has its place, and nothing else is said', () => {
    expect(identityOf(`/docker/${ID}/kubepods/pod${UID}/${OTHER}`)).toEqual({
      containerId: OTHER,
      runtime: 'containerd',
      outerContainerIds: [ID],
      podUid: UID,
      slurmJob: '',
      slurmStep: '',
      unit: '',
      slice: '',
      userId: '',
    })
  })
})
