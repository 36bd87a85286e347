/** Where consumers live, as far as it names them: which groups are one workload, and which name none. */
import type { Findings, Group, Identity, Names, WorkloadWords } from '../model.ts'
import { namesOf } from './naming.ts'
import type { Scope } from './scope.ts'
import { wordsOfLabels, type PlaceSeen } from './workload-rules.ts'

export interface Place extends PlaceSeen {
  readonly labels: WorkloadWords | undefined
  /** Undefined: those in it are no one workload, such as all that somebody has started in a session. */
  readonly scope: Scope | undefined
}

export function placeOf(group: Group, findings: Findings, scopeOf: (key: string) => Scope): Place {
  const names: Names = namesOf(group.identity, findings)
  const key = scopeKey(group)
  return {
    group,
    findings,
    names,
    labels: wordsOfLabels(findings),
    scope: key === '' ? undefined : scopeOf(key),
  }
}

/** Empty where the group is no workload by itself. The order is that of the names. */
function scopeKey({ path, identity }: Group): string {
  const { podUid, slurmJob, containerId, runtime, unit } = identity
  if (podUid !== '') return `pod ${podUid}`
  if (slurmJob !== '') return `job ${slurmJob}`
  if (containerId !== '') return `container ${runtime} ${containerId}`
  if (unit === '' || startsOthers(identity)) return ''
  return `unit ${path.slice(0, path.lastIndexOf(`/${unit}`))}/${unit}`
}

/** Units in which people and schedulers start what they like: none of it is called so. */
const STARTS_OTHERS =
  /^(?:user@.*|run-.*|session-.*|init|crond?|atd|anacron|sshd?(?:@.*)?|(?:serial-|console-|container-)?getty@.*|emergency|rescue)\.(?:service|scope)$/

const startsOthers = ({ unit, slice }: Identity): boolean =>
  STARTS_OTHERS.test(unit) || (slice === 'user.slice' && unit.endsWith('.scope'))
