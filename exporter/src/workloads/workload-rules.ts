/** Which rule of the configuration is about whom: the first that fits. Labels of containers and pods say it as well. */
import {
  WORKLOAD_KINDS,
  type Findings,
  type Group,
  type Names,
  type ProcessSeen,
  type WorkloadMatch,
  type WorkloadRule,
  type WorkloadWords,
} from '../model.ts'
import { globOf } from './glob.ts'
import { normaliseModel, normaliseVariant } from './model-names.ts'

/** What is known of those in a cgroup, apart from their processes. */
export interface PlaceSeen {
  readonly group: Group
  readonly findings: Findings
  /** By all but rules. */
  readonly names: Names
}

type PlaceTest = (place: PlaceSeen) => boolean
/** @returns the outermost that fits: it has started the others */
type ProcessTest = (chain: readonly ProcessSeen[]) => ProcessSeen | undefined

interface Test {
  readonly rule: WorkloadRule
  readonly fitsPlace: PlaceTest
  /** Undefined: it asks for nothing that only processes know. */
  readonly rootIn: ProcessTest | undefined
}

/** A rule that fits. */
export interface Ruling {
  readonly rule: WorkloadRule
  /** Its place in the list; the first counts. */
  readonly index: number
  /** The process that it asks for; undefined: it asks for no process. */
  readonly root: Pick<ProcessSeen, 'pid' | 'startTicks'> | undefined
}

export class WorkloadRules {
  readonly #tests: readonly Test[]

  constructor(rules: readonly WorkloadRule[]) {
    this.#tests = rules.map((rule) => ({
      rule: { ...rule, says: inOneWay(rule.says) },
      fitsPlace: placeTestOf(rule.match),
      rootIn: processTestOf(rule.match),
    }))
  }

  /** @param chain a process and its ancestors; empty for those who are no process that can be seen */
  find(place: PlaceSeen, chain: readonly ProcessSeen[]): Ruling | undefined {
    for (const [index, { rule, fitsPlace, rootIn }] of this.#tests.entries()) {
      if (!fitsPlace(place)) continue
      const root = rootIn?.(chain)
      if (rootIn === undefined) return { rule, index, root: undefined }
      if (root !== undefined) return { rule, index, root: { pid: root.pid, startTicks: root.startTicks } }
    }
    return undefined
  }
}

function placeTestOf(match: WorkloadMatch): PlaceTest {
  const tests: PlaceTest[] = []
  const text = (pattern: string | undefined, valuesOf: (place: PlaceSeen) => readonly string[]): void => {
    if (pattern === undefined) return
    const fits = globOf(pattern)
    // Who has none is not meant by `*`.
    tests.push((place) => valuesOf(place).some((value) => (value === '' ? pattern === '' : fits(value))))
  }
  text(match.cgroup, ({ group }) => [group.path])
  text(match.unit, ({ group }) => [group.identity.unit])
  text(match.container, ({ group, names }) => [names.container.container, group.identity.containerId])
  text(match.image, ({ names }) => [names.container.image])
  text(match.pod, ({ names }) => [names.container.pod])
  text(match.namespace, ({ names }) => [names.facts.namespace])
  text(match.slurmJob, ({ group, findings }) => [findings.job?.name ?? '', group.identity.slurmJob])
  text(match.user, ({ names }) => [names.facts.user])
  const labels = (
    patterns: Readonly<Record<string, string>> | undefined,
    labelsOf: (findings: Findings) => Readonly<Record<string, string>> | undefined,
  ): void => {
    if (patterns === undefined) return
    const fits = recordTestOf(patterns)
    tests.push(({ findings }) => {
      const given = labelsOf(findings) ?? {}
      return fits((label) => (Object.hasOwn(given, label) ? given[label] : undefined))
    })
  }
  labels(match.containerLabels, ({ container, isOuter }) => (isOuter ? {} : container?.labels))
  labels(match.podLabels, ({ container }) => container?.pod?.labels)
  return (place) => tests.every((test) => test(place))
}

function processTestOf({ command, environment }: WorkloadMatch): ProcessTest | undefined {
  if (command === undefined && environment === undefined) return undefined
  const fitsCommand = command === undefined ? () => true : globOf(command)
  const fitsEnvironment = recordTestOf(environment ?? {})
  return (chain) =>
    chain.findLast(
      ({ argv, variable }) =>
        fitsCommand(argv.join(' ')) && fitsEnvironment((name) => variable(name) || undefined),
    )
}

/** What is not there fits no pattern. */
function recordTestOf(
  patterns: Readonly<Record<string, string>>,
): (valueOf: (name: string) => string | undefined) => boolean {
  const tests = Object.entries(patterns).map(([name, pattern]) => [name, globOf(pattern)] as const)
  return (valueOf) =>
    tests.every(([name, fits]) => {
      const value = valueOf(name)
      return value !== undefined && fits(value)
    })
}

/** Labels by which containers and pods say what they are; those of the pod count first. */
const LABEL = 'wattribute.io/'
const MOST_CHARACTERS = 256

export function wordsOfLabels({ container, isOuter }: Findings): WorkloadWords | undefined {
  const sources = [container?.pod?.labels ?? {}, isOuter ? {} : (container?.labels ?? {})]
  const valueOf = (key: string): string | undefined =>
    sources
      .map((labels) => labels[`${LABEL}${key}`])
      .find((value) => value !== undefined && value !== '')
      ?.slice(0, MOST_CHARACTERS)
  const kind = WORKLOAD_KINDS.find((one) => one === valueOf('kind'))
  const [workload, model, variant] = [valueOf('workload'), valueOf('model'), valueOf('variant')]
  const words = inOneWay({
    ...(workload !== undefined && { workload }),
    ...(kind !== undefined && { kind }),
    ...(model !== undefined && { model }),
    ...(variant !== undefined && { variant }),
  })
  return Object.keys(words).length === 0 ? undefined : words
}

/** Models and precisions are written as everywhere else; a precision in the name of the model is the variant. */
function inOneWay({ model, variant, ...words }: WorkloadWords): WorkloadWords {
  const named = normaliseModel(model ?? '')
  const precision = variant === undefined ? named.variant : normaliseVariant(variant)
  return {
    ...words,
    ...(named.model !== '' && { model: named.model }),
    ...(precision !== '' && { variant: precision }),
  }
}
