import { describe, expect, test } from '@jest/globals'
import { identityOf } from '../../exporter/src/activity/identity.ts'
import type { Identity, WorkloadLabels } from '../../exporter/src/model.ts'
import { nameWorkload } from '../../exporter/src/workloads/naming.ts'

const ID = '0123456789abcdef'.repeat(4)

const nobody: Identity = { containerId: '', runtime: 'host', podUid: '', unit: '', slice: '' }

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
    ['a session', { unit: 'session-4.scope', slice: 'user.slice' }, 'session-4.scope', 'interactive'],
    ['a person’s service', { unit: 'a.service', slice: 'user.slice' }, 'a.service', 'interactive'],
    ['a slice of the operator’s own', { unit: 'llm.service', slice: 'ai.slice' }, 'llm.service', 'unknown'],
    ['a unit outside all slices', { unit: 'init.scope' }, 'init.scope', 'unknown'],
    ['a folder without a unit', {}, 'other', 'other'],
    ['a slice without a unit', { slice: 'user.slice' }, 'other', 'other'],
  ])('%s', (_, identity, workload, kind) => {
    expect(nameWorkload({ ...nobody, ...identity })).toEqual({
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
    ['/user.slice/user-1000.slice/session-4.scope', 'session-4.scope', 'interactive'],
    ['/system.slice/system-getty.slice/getty@tty1.service', 'getty@tty1.service', 'system'],
    ['/userdata.slice/backup.service', 'backup.service', 'unknown'],
    [
      '/user.slice/user-1000.slice/user@1000.service/app.slice/jupyter.service',
      'jupyter.service',
      'interactive',
    ],
  ])('of the cgroup %s', (path, workload, kind) => {
    expect(nameWorkload(identityOf(path))).toMatchObject({ workload, kind })
  })
})
