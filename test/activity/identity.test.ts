import { describe, expect, test } from '@jest/globals'
import { identityOf } from '../../exporter/src/activity/identity.ts'

const ID = '0123456789abcdef'.repeat(4)
const OTHER = 'fedcba9876543210'.repeat(4)
const UID = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
const UNDERSCORED = UID.replaceAll('-', '_')

describe('what a cgroup path says', () => {
  test.each([
    ['/', { runtime: 'host' }],
    ['/system.slice/nginx.service', { runtime: 'host', unit: 'nginx.service', slice: 'system.slice' }],
    [
      '/user.slice/user-1000.slice/session-4.scope',
      { runtime: 'host', unit: 'session-4.scope', slice: 'user.slice' },
    ],
    [
      '/user.slice/user-1000.slice/user@1000.service/app.slice/editor.service',
      { unit: 'editor.service', slice: 'user.slice' },
    ],
    [`/docker/${ID}`, { runtime: 'docker', containerId: ID, unit: '' }],
    [`/system.slice/docker-${ID}.scope`, { runtime: 'docker', containerId: ID, slice: 'system.slice' }],
    [`/libpod_parent/libpod-${ID}`, { runtime: 'podman', containerId: ID }],
    [`/machine.slice/libpod-${ID}.scope/container`, { runtime: 'podman', containerId: ID }],
    [`/machine.slice/libpod-conmon-${ID}.scope`, { runtime: 'host', containerId: '' }],
    [`/kubepods/burstable/pod${UID}/${ID}`, { runtime: 'containerd', containerId: ID, podUid: UID }],
    [`/kubepods/pod${UID}/${ID}`, { runtime: 'containerd', containerId: ID, podUid: UID }],
    [
      `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${UNDERSCORED}.slice/cri-containerd-${ID}.scope`,
      { runtime: 'containerd', containerId: ID, podUid: UID },
    ],
    [`/kubepods/besteffort/pod${UID}/crio-${ID}`, { runtime: 'cri-o', containerId: ID, podUid: UID }],
    [`/kubepods/besteffort/pod${UID}/crio-conmon-${ID}`, { runtime: 'host', containerId: '', podUid: UID }],
    [`/kubepods/pod${'a1'.repeat(16)}/${ID}`, { containerId: ID, podUid: 'a1'.repeat(16) }],
    // a container within a container: the innermost
    [`/docker/${ID}/docker/${OTHER}`, { runtime: 'docker', containerId: OTHER }],
    [`/docker/${ID}/system.slice/cron.service`, { runtime: 'docker', containerId: ID, unit: 'cron.service' }],
  ])('%s', (path, expected) => {
    expect(identityOf(path)).toMatchObject(expected)
  })
})
