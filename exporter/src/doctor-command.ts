/**
 * `wattribute doctor`: looks at the machine for two seconds with an engine of its own, without HTTP, storage or a lock,
 * so that it runs beside an exporter, and says what it has found.
 */
import { writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { vantageOf } from './activity/vantage.ts'
import type { Flags } from './config/flags.ts'
import type { Config } from './config/load.ts'
import { reasonOf } from './config/strict-yaml.ts'
import { UsageError } from './config/usage-error.ts'
import { openCpuClock } from './cpu-clock.ts'
import { readCpuTimes } from './cpu-times.ts'
import { calibrationOf, type Watch } from './doctor/calibration.ts'
import { findingsOf, type Findings } from './doctor/findings.ts'
import type { DomainSeen, MarksSocketSeen, ProxySeen } from './doctor/observation.ts'
import { findingsText } from './doctor/text.ts'
import {
  workloadFindings,
  workloadsText,
  type NamedProcess,
  type WorkloadFindings,
} from './doctor/workloads.ts'
import { Engine } from './engine.ts'
import { isHeard } from './intake/marks-socket.ts'
import type { MachineState } from './exposition/machine-page.ts'
import { stateOf } from './exposition/machine-page.ts'
import { PageWriter } from './exposition/page.ts'
import { COMPONENTS, type Component, type ComponentState, type SensorStatus } from './model.ts'
import { openNvmlDoor } from './nvml-door.ts'
import { whySilent } from './proxy/target-check.ts'
import { elapsed, seconds, type Seconds } from './units.ts'
import { version } from './version.ts'
import type { Explanation } from './workloads/explanation.ts'
import { linuxWorld, Unreadable, type World } from './world.ts'

/** How long it looks. */
const LOOK_SECONDS = 2

/** What the command line gives, and what tests replace. */
export interface DoctorWorld {
  readonly world: World
  readonly config: Config
  readonly host: string
  readonly uid: number
  readonly cpuClockProblem: string
  readonly marks: MarksSocketSeen
  /** Lets time pass. */
  readonly wait: (duration: Seconds) => Promise<void>
}

/** @returns the exit code */
export async function doctor(
  flags: Flags,
  config: Config,
  write: (text: string) => void,
  complain: (message: string) => void,
): Promise<0 | 1> {
  const { clock, reason } = await openCpuClock(flags.procfs)
  const here: DoctorWorld = {
    world: linuxWorld(
      flags,
      clock,
      openNvmlDoor(flags.nvmlLibrary, () => undefined),
    ),
    config,
    host: hostname(),
    uid: process.getuid?.() ?? 0,
    cpuClockProblem: reason,
    marks: await marksSeen(flags, reason),
    wait: (duration) => new Promise((resolve) => setTimeout(resolve, duration * 1000)),
  }
  const { json, workloads, calibrate, calibrateSeconds, output } = flags.doctor ?? NO_FLAGS
  if (calibrate) {
    if (output === undefined) complain(`watching for ${calibrateSeconds} s; let the machine idle`)
    const calibration = calibrationOf(await watch(here, seconds(calibrateSeconds)))
    if (calibration.kind === 'refused') {
      complain(calibration.why)
      return 1
    }
    if (output === undefined) write(calibration.yaml)
    else writeOutput(output, calibration.yaml)
    return 0
  }
  if (workloads) {
    const found = await explain(here)
    write(json ? `${JSON.stringify(found, undefined, 2)}\n` : workloadsText(found))
    return 0
  }
  const findings = await examine(here)
  write(json ? `${JSON.stringify(findings, undefined, 2)}\n` : findingsText(findings))
  return findings.exitCode
}

/** Peers are told by the same library, in the same PID namespace, as the clocks of processes. */
async function marksSeen({ marksSocket: path = '' }: Flags, problem: string): Promise<MarksSocketSeen> {
  return { path, isHeard: path !== '' && (await isHeard(path)), problem }
}

const NO_FLAGS = { json: false, workloads: false, calibrate: false, calibrateSeconds: 60, output: undefined }

/** @throws UsageError */
function writeOutput(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (cause) {
    throw new UsageError(`--output: ${file} cannot be written: ${reasonOf(cause)}`)
  }
}

/** Two looks make a reading of every counter. */
export async function examine({
  world,
  config,
  host,
  uid,
  cpuClockProblem,
  marks,
  wait,
}: DoctorWorld): Promise<Findings> {
  const hurried = hurry(config)
  const proxies = proxiesSeen(config)
  const engine = new Engine(world, hurried)
  try {
    const first = await engine.tick(new PageWriter())
    await wait(seconds(LOOK_SECONDS))
    let last = await engine.tick(new PageWriter())
    const end = first.at + patienceOf(hurried)
    const endOfServers = first.at + LOOK_SECONDS + hurried.queries.timeout + 1
    while (
      (engine.machine.sensors.some(isUndecided) && last.at < end) ||
      (engine.machine.queryServers.some(({ state }) => state === 'waiting') && last.at < endOfServers)
    ) {
      await wait(seconds(1))
      last = await engine.tick(new PageWriter())
    }
    const { machine } = engine
    return findingsOf({
      version,
      host,
      seconds: elapsed(first.at, last.at),
      vantage: vantageOf(world, uid),
      sensors: machine.sensors,
      domainsBySensor: engine.domainsBySensor,
      domains: domainsOf(machine),
      components: componentStates(machine),
      devices: machine.facility.devices,
      configuredPue: machine.facility.pue,
      processes: machine.census?.processes ?? 0,
      unreadableProcesses: machine.census?.unreadable ?? 0,
      containers: new Set(machine.groups.map(({ identity }) => identity.containerId).filter(Boolean)).size,
      cpuClockProblem,
      marks,
      queryServers: machine.queryServers.map(({ url, server, state, reason }) => ({
        url,
        server,
        state,
        reason,
      })),
      proxies: await proxies,
    })
  } finally {
    await engine.close()
  }
}

/** Asked beside the rest. */
const proxiesSeen = ({ proxies }: Config): Promise<readonly ProxySeen[]> =>
  Promise.all(
    proxies.map(async ({ listen, target }): Promise<ProxySeen> => {
      const reason = await whySilent(target)
      return { listen, target, state: reason === '' ? 'answering' : 'silent', reason }
    }),
  )

/** Devices are asked every second, so that two answers come soon. */
const hurry = (config: Config): Config => ({
  ...config,
  devices: Object.fromEntries(
    Object.entries(config.devices).map(([kind, devices]) => [
      kind,
      (devices as Config['devices']['ipmi']).map((device) => ({ ...device, period: seconds(1) })),
    ]),
  ) as unknown as Config['devices'],
})

/** Time for two answers of the slowest device. */
function patienceOf({ devices }: Config): Seconds {
  const kinds: readonly (readonly { readonly timeout: Seconds }[])[] = Object.values(devices)
  const timeouts = kinds.flatMap((kind) => kind.map(({ timeout }) => 2 * timeout))
  return seconds(LOOK_SECONDS + Math.max(0, ...timeouts))
}

/** A device of which nothing is known yet, or only a first answer. */
const isUndecided = ({ name, state }: SensorStatus): boolean => name.includes(':') && state === 'warming-up'

/** Why each process is called what it is. Two looks tell who is at work; names may take some more. */
export async function explain({
  world,
  config,
  host,
  wait,
}: Omit<DoctorWorld, 'uid' | 'cpuClockProblem'>): Promise<WorkloadFindings> {
  const engine = new Engine(world, config)
  try {
    const first = await engine.tick(new PageWriter())
    await wait(seconds(LOOK_SECONDS))
    const last = await engine.tick(new PageWriter())
    const processes = engine.explanations().map(namedProcessOf)
    return workloadFindings(processes, { version, host, seconds: elapsed(first.at, last.at) })
  } finally {
    await engine.close()
  }
}

const namedProcessOf = ({
  consumer: { process, group },
  names,
  ruling,
  labels,
  recognised,
  verdict,
}: Explanation): NamedProcess => ({
  pid: process.pid,
  comm: process.comm,
  identity: group.identity,
  labels: names?.facts,
  rule: ruling && {
    number: ruling.index + 1,
    line: ruling.rule.line,
    says: Object.keys(ruling.rule.says),
  },
  labelled: Object.keys(labels ?? {}),
  recognised: recognised && { reason: recognised.reason, pid: recognised.root.pid },
  verdict,
})

/** A domain that has changed its place or method meanwhile is shown as it is now. */
function domainsOf({ ledger, at }: MachineState): DomainSeen[] {
  const leaves = new Map(ledger.nesting.leaves(at).map((leaf) => [leaf.id, leaf]))
  const accounts = Array.from(ledger.nesting.accounts.values())
  const newest = new Map(accounts.map((account) => [account.domain, account]))
  for (const account of accounts) if (account.readTo !== undefined) newest.set(account.domain, account)
  return Array.from(newest.values(), (account) => {
    const leaf = leaves.get(account.domain)
    return {
      domain: account.domain,
      component: account.component,
      within: account.within,
      leaf: account.leaf,
      method: account.method,
      watts: account.readTo === undefined ? undefined : account.power,
      baseline: leaf && ledger.baselines.of(leaf),
    }
  })
}

function componentStates({ ledger, sensors, at }: MachineState): Record<Component, ComponentState> {
  const leaves = ledger.nesting.leaves(at)
  return Object.fromEntries(
    COMPONENTS.map((component) => [component, stateOf(component, leaves, sensors)]),
  ) as Record<Component, ComponentState>
}

const BUSIEST = 3

/** Watches an engine of its own for so long, and gives the means. */
export async function watch(
  { world, config, host, wait }: Omit<DoctorWorld, 'uid' | 'cpuClockProblem' | 'marks'>,
  duration: Seconds,
): Promise<Watch> {
  const engine = new Engine(world, config)
  try {
    const timesBefore = readCpuTimes(world)
    const first = await engine.tick(new PageWriter())
    const end = first.at + duration
    const held = new Set<string>()
    let last = first
    while (last.at < end) {
      await wait(seconds(Math.min(config.tickSeconds, Math.max(0.001, end - world.clock.now()))))
      last = await engine.tick(new PageWriter())
      for (const id of engine.heldAccelerators) held.add(id)
    }
    const { machine } = engine
    return {
      host,
      wall: world.clock.wall(),
      seconds: elapsed(first.at, last.at),
      busyRatio: busyRatioOf(timesBefore, readCpuTimes(world)),
      busiest: busiestOf(machine),
      heldAccelerators: Array.from(held),
      leaves: leavesOf(machine, first.at),
    }
  } finally {
    await engine.close()
  }
}

type CpuTimesRead = ReturnType<typeof readCpuTimes>

/** 1 where it is not known: what may be busy is not idle. */
function busyRatioOf(before: CpuTimesRead, now: CpuTimesRead): number {
  if (before instanceof Unreadable || now instanceof Unreadable) return 1
  const total = now.totalTicks - before.totalTicks
  return total <= 0 ? 1 : Math.max(0, now.busyTicks - before.busyTicks) / total
}

function leavesOf({ ledger, at }: MachineState, from: Seconds): Watch['leaves'] {
  const present = new Set(ledger.nesting.leaves(at).map(({ id }) => id))
  return Array.from(ledger.nesting.accounts.values())
    .filter(({ leaf, domain }) => leaf && present.has(domain))
    .map(({ domain, method, total, readTo }) => ({
      domain,
      method,
      watts: readTo === undefined ? undefined : total.toJoules() / elapsed(from, readTo),
    }))
}

/** By their active CPU energy. */
function busiestOf({ ledger }: MachineState): string[] {
  const joules = new Map<string, number>()
  for (const { holder, energyClass, total } of ledger.views.process.accounts()) {
    const [pid = '', comm = ''] = holder.labels
    if (pid === '' || energyClass.component !== 'cpu' || energyClass.part !== 'host') continue
    const name = `${comm} (pid ${pid})`
    joules.set(name, (joules.get(name) ?? 0) + total.toJoules())
  }
  return Array.from(joules)
    .sort(([, one], [, other]) => other - one)
    .slice(0, BUSIEST)
    .map(([name]) => name)
}
