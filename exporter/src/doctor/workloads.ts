/** Who is called what, and why: for `wattribute doctor --workloads`. Arguments are never shown. */
import type { Identity, WorkloadLabels } from '../model.ts'

/** A process, and what named it. */
export interface NamedProcess {
  readonly pid: number
  readonly comm: string
  readonly identity: Identity
  /** Undefined while its container is being looked up. */
  readonly labels: WorkloadLabels | undefined
  /** The rule of the configuration that fits it. */
  readonly rule:
    { readonly number: number; readonly line: number; readonly says: readonly string[] } | undefined
  /** What the labels of its container or pod say. */
  readonly labelled: readonly string[]
  /** How it, or what it lives with, is known, and whose words say it. */
  readonly recognised: { readonly reason: string; readonly pid: number } | undefined
  readonly verdict: 'recognised' | 'unsure' | 'plain' | 'unseen'
}

export interface WorkloadFinding extends WorkloadLabels {
  /** Sentences, what counts most first. */
  readonly reasons: readonly string[]
  /** The first of them. */
  readonly processes: readonly { readonly pid: number; readonly comm: string }[]
  readonly processCount: number
}

export interface WorkloadFindings {
  readonly version: string
  readonly host: string
  /** How long it was watched. */
  readonly seconds: number
  readonly workloads: readonly WorkloadFinding[]
  /** More are there than are told. */
  readonly omitted: number
}

const MOST_WORKLOADS = 200
const MOST_PROCESSES = 20

/** AI first, then what may be. */
const ORDER: readonly WorkloadLabels['kind'][] = [
  'training',
  'inference',
  'interactive',
  'unknown',
  'other',
  'system',
]

export function workloadFindings(
  processes: readonly NamedProcess[],
  { version, host, seconds }: Pick<WorkloadFindings, 'version' | 'host' | 'seconds'>,
): WorkloadFindings {
  const groups = new Map<
    string,
    { labels: WorkloadLabels; reasons: readonly string[]; members: NamedProcess[] }
  >()
  for (const process of processes) {
    const labels = process.labels ?? UNNAMED
    const reasons = reasonsOf(process)
    const key = JSON.stringify([labelsOnly(labels), reasons])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { labels, reasons, members: [process] })
    else group.members.push(process)
  }
  const found = Array.from(groups.values(), ({ labels, reasons, members }) => ({
    ...labelsOnly(labels),
    reasons,
    processes: members
      .toSorted((one, other) => one.pid - other.pid)
      .slice(0, MOST_PROCESSES)
      .map(({ pid, comm }) => ({ pid, comm })),
    processCount: members.length,
  })).sort(
    (one, other) =>
      ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind) || (one.workload < other.workload ? -1 : 1),
  )
  return {
    version,
    host,
    seconds,
    workloads: found.slice(0, MOST_WORKLOADS),
    omitted: Math.max(0, found.length - MOST_WORKLOADS),
  }
}

const UNNAMED: WorkloadLabels = { workload: '', namespace: '', kind: 'unknown', model: '', variant: '' }

const labelsOnly = ({ workload, namespace, kind, model, variant }: WorkloadLabels): WorkloadLabels => ({
  workload,
  namespace,
  kind,
  model,
  variant,
})

function reasonsOf(process: NamedProcess): readonly string[] {
  const { rule, labelled, recognised, labels, identity } = process
  if (labels === undefined) return ['its container is still being looked up']
  return [
    ...(rule === undefined
      ? []
      : [`rule ${rule.number} of the configuration, line ${rule.line}: ${rule.says.join(', ')}`]),
    ...(labelled.length === 0 ? [] : [`labels of its container or pod: ${labelled.join(', ')}`]),
    recognised === undefined ? VERDICTS[process.verdict] : recognisedText(process, recognised),
    `name: ${placeText(identity, recognised !== undefined)}`,
  ]
}

const recognisedText = ({ pid, verdict }: NamedProcess, by: { reason: string; pid: number }): string => {
  if (by.pid === pid) return `recognised: ${by.reason}`
  const whose = verdict === 'recognised' ? 'its ancestor or server' : 'what it lives with'
  return `recognised: ${by.reason}, of ${whose}, process ${by.pid}`
}

const VERDICTS = {
  recognised: 'recognised',
  unsure: 'not recognised: it may be AI, and nothing says what it does; a rule of the configuration can',
  plain: 'not recognised: nothing speaks for AI',
  unseen: 'not looked at: it uses too little, has ended, or its arguments may not be read',
} as const

function placeText(
  { podUid, slurmJob, containerId, runtime, unit }: Identity,
  isRecognised: boolean,
): string {
  if (podUid !== '') return 'owner of its Kubernetes pod, else the container'
  if (slurmJob !== '') return `Slurm job ${slurmJob}`
  if (containerId !== '') return `container of ${runtime}`
  if (unit !== '')
    return isRecognised ? `unit ${unit}, unless people start there what they like` : `unit ${unit}`
  return 'nothing names it'
}

export function workloadsText(findings: WorkloadFindings): string {
  const { version, host, seconds, workloads, omitted } = findings
  const lines = [
    `wattribute doctor ${version}: workloads of ${host}; watched for ${seconds.toFixed(1)} s`,
    ...workloads.flatMap((one) => ['', ...workloadLines(one)]),
    ...(workloads.length === 0 ? ['', 'No process was seen at work.'] : []),
    ...(omitted === 0 ? [] : ['', `${omitted} more are not shown.`]),
  ]
  return `${lines.map(printable).join('\n')}\n`
}

function workloadLines(one: WorkloadFinding): readonly string[] {
  const { workload, namespace, kind, model, variant, reasons, processes, processCount } = one
  const details = [
    kind,
    ...(model === '' ? [] : [`model ${model}`]),
    ...(variant === '' ? [] : [`variant ${variant}`]),
    ...(namespace === '' ? [] : [`namespace ${namespace}`]),
  ]
  const shown = processes.slice(0, 5).map(({ pid, comm }) => `${comm} (${pid})`)
  const more = processCount - shown.length
  return [
    `${workload === '' ? '(no name yet)' : workload}: ${details.join(', ')}`,
    ...reasons.map((reason) => `  ${reason}`),
    `  processes: ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
  ]
}

/** What names itself may hold anything; a terminal shall not obey it. */
const printable = (text: string): string => text.replace(/\p{Cc}/gu, '?')
