/** Who is what: the workload's name and kind, from what its cgroup says. */
import type { Identity, WorkloadLabels } from '../model.ts'

/** Container ids are shown as people know them from `docker ps`; the full id is the label `container_id`. */
const SHORT_ID = 12

/** With those inside them, as systemd names them; a slice that only begins alike is the operator's own. */
const USER_SLICE = /^user(?:-.+)?\.slice$/
const SYSTEM_SLICE = /^system(?:-.+)?\.slice$/

const unnamed = { namespace: '', model: '', variant: '' } as const

/** The container's id, else the systemd unit, else `other`. A guess that would be unsure is `unknown`. */
export function nameWorkload({ containerId, unit, slice }: Identity): WorkloadLabels {
  if (containerId !== '') return { ...unnamed, workload: containerId.slice(0, SHORT_ID), kind: 'unknown' }
  if (unit === '') return { ...unnamed, workload: 'other', kind: 'other' }
  if (USER_SLICE.test(slice)) return { ...unnamed, workload: unit, kind: 'interactive' }
  return { ...unnamed, workload: unit, kind: SYSTEM_SLICE.test(slice) ? 'system' : 'unknown' }
}
