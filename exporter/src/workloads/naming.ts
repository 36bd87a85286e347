/** Who is what: the workload's name and kind, from what its cgroup says. */
import type { Identity, Names, WorkloadFacts } from '../model.ts'

/** Container ids are shown as people know them from `docker ps`; the full id is the label `container_id`. */
const SHORT_ID = 12

/** Slices that systemd itself makes; others are the operator's own. */
const KINDS = new Map<string, WorkloadFacts['kind']>([
  ['system.slice', 'system'],
  ['user.slice', 'interactive'],
])

const unnamed = {
  namespace: '',
  model: '',
  variant: '',
  phase: '',
  user: '',
  account: '',
  podLabels: {},
} as const

/** What the path of a cgroup alone says. */
export const namesByPath = (identity: Identity): Names => ({
  facts: nameWorkload(identity),
  container: { container: '', pod: '', namespace: '', image: '' },
})

/** The container's id, else the systemd unit, else `other`. A guess that would be unsure is `unknown`. */
export function nameWorkload({ containerId, unit, slice }: Identity): WorkloadFacts {
  if (containerId !== '') return { ...unnamed, workload: containerId.slice(0, SHORT_ID), kind: 'unknown' }
  if (unit === '') return { ...unnamed, workload: 'other', kind: 'other' }
  return { ...unnamed, workload: unit, kind: KINDS.get(slice) ?? 'unknown' }
}
