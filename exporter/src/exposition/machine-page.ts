/** What a page shows: the ledger, its domains and sensors, and the audit of the page itself. */
import { VIEWS, type Ledger, type ViewName } from '../ledger/ledger.ts'
import type { Account, View } from '../ledger/view.ts'
import {
  COMPONENT_STATES,
  COMPONENTS,
  type Census,
  type Component,
  type ComponentState,
  type Domain,
  type Group,
  type Identity,
  type SensorStatus,
  type WorkloadKind,
} from '../model.ts'
import { EnergyTotal, type Seconds } from '../units.ts'
import type { BudgetStatus } from '../workloads/budgets.ts'
import type { DemandStatus } from '../workloads/demand.ts'
import { BOUNDS_JOULES, type EnergyHistograms } from '../workloads/energy-histogram.ts'
import type { Phases } from '../workloads/phases.ts'
import type { QueryCounts } from '../workloads/query-counts.ts'
import { renderBudgets } from './budget-page.ts'
import { renderFacility, type FacilityShown } from './facility-page.ts'
import { catalogue, type Metric } from './catalogue.ts'
import { labelText, SeriesBytes, type PageWriter, type Row } from './page.ts'
import { renderPhases } from './phase-page.ts'
import { renderQueries, type QueryServerRow } from './query-page.ts'

export interface MachineState {
  readonly at: Seconds
  readonly wall: Seconds
  readonly startedWall: Seconds
  readonly ledger: Ledger
  readonly sensors: readonly SensorStatus[]
  readonly census: Census | undefined
  /** Every group that exists. */
  readonly groups: readonly Group[]
  readonly budgets: readonly BudgetStatus[]
  readonly demand: readonly DemandStatus[]
  readonly phases: Phases
  readonly facility: FacilityShown
  readonly requestEnergy: Pick<EnergyHistograms, 'rows'>
  readonly queries: Pick<QueryCounts, 'rows' | 'sources' | 'dropped'>
  readonly queryServers: readonly QueryServerRow[]
}

const ENERGY_FAMILIES = {
  workload: catalogue.workloadEnergy,
  container: catalogue.containerEnergy,
  process: catalogue.processEnergy,
} as const satisfies Record<ViewName, Metric>

/** Sums of what the page shows, by component. */
type Shown = Map<Component, EnergyTotal>

export class MachinePage {
  readonly #series = new WeakMap<Account, SeriesBytes>()

  /** @returns the conservation error in microjoules: 0 unless the books and the page disagree */
  render(writer: PageWriter, state: MachineState): bigint {
    const { ledger } = state
    renderDomains(writer, state)
    renderSensors(writer, state)
    const shown = {
      workload: this.#renderView(writer, ENERGY_FAMILIES.workload, ledger.views.workload),
      container: this.#renderView(writer, ENERGY_FAMILIES.container, ledger.views.container),
      process: this.#renderView(writer, ENERGY_FAMILIES.process, ledger.views.process),
    }
    this.#renderView(writer, catalogue.workloadAcceleratorEnergy, ledger.byAccelerator)
    const unattributed = this.#renderView(writer, catalogue.unattributedEnergy, ledger.unattributed)
    renderInfo(writer, state)
    const pending = renderBalance(writer, catalogue.ledgerPending, state, (view, component) =>
      ledger.pending(view, component),
    )
    const retired = renderBalance(writer, catalogue.ledgerRetired, state, (view, component) =>
      ledger.retired(view, component),
    )
    renderPhases(writer, state.phases, state.at, state.startedWall)
    renderFacility(writer, state.facility)
    renderBudgets(writer, state.budgets, state.demand)
    renderQueries(writer, state)
    writer.histogram(catalogue.workloadRequestEnergy, BOUNDS_JOULES, state.requestEnergy.rows(state.at))
    renderSelf(writer, state)
    return renderAudit(writer, ledger, (view, component) =>
      EnergyTotal.of(
        ...[shown[view], unattributed, pending[view], retired[view]].map((sums) => energyIn(sums, component)),
      ),
    )
  }

  #renderView(writer: PageWriter, metric: Metric, view: View): Shown {
    const shown: Shown = new Map()
    let isOpen = false
    for (const account of view.accounts()) {
      if (!isOpen) writer.family(metric)
      isOpen = true
      writer.energy(this.#bytesOf(account, metric), account.shown)
      addTo(shown, account.energyClass.component, account.shown)
    }
    return shown
  }

  #bytesOf(account: Account, metric: Metric): SeriesBytes {
    let series = this.#series.get(account)
    if (series === undefined) {
      series = new SeriesBytes(
        metric,
        labelText(metric.labels, labelsOf(account, metric)),
        account.createdWall,
      )
      this.#series.set(account, series)
    }
    return series
  }
}

/** The order of the labels differs between the families; what each is called does not. */
function labelsOf({ holder, energyClass }: Account, metric: Metric): string[] {
  const { component, part, method } = energyClass
  switch (metric) {
    case catalogue.processEnergy:
      return [...holder.labels, component, part]
    case catalogue.workloadAcceleratorEnergy:
      return [...holder.labels, part]
    case catalogue.unattributedEnergy:
      return [component, part, method, ...holder.labels]
    default:
      return [...holder.labels, component, part, method]
  }
}

function renderDomains(writer: PageWriter, { ledger, startedWall, at }: MachineState): void {
  const accounts = Array.from(ledger.nesting.accounts.values())
  const labels = (account: (typeof accounts)[number]): string[] => [
    account.domain,
    account.component,
    account.within,
    String(account.leaf),
    account.method,
  ]
  writer.table(
    catalogue.domainEnergy,
    accounts.map((account) => ({
      labels: labels(account),
      value: account.total,
      createdWall: account.createdWall,
    })),
  )
  writer.table(
    catalogue.domainPower,
    accounts
      .filter((account) => ledger.nesting.isCurrent(account, at))
      .map((account) => ({ labels: labels(account), value: account.power })),
  )
  writer.table(
    catalogue.domainBaseline,
    Array.from(ledger.nesting.leaves(at), (leaf) => {
      const { watts, source } = ledger.baselines.of(leaf)
      return { labels: [leaf.id, leaf.component, source], value: watts }
    }),
  )
  const states = Array.from(ledger.nesting.states())
  const total = (
    value: number | EnergyTotal,
    { domain, component }: { domain: string; component: string },
  ): Row => ({
    labels: [domain, component],
    value,
    createdWall: startedWall,
  })
  writer.table(
    catalogue.domainDeficit,
    states
      .filter(({ encloses }) => encloses)
      .map(({ domain, component, deficit }) => ({
        labels: [domain, component],
        value: EnergyTotal.from(deficit),
      })),
  )
  writer.table(
    catalogue.domainExcess,
    states.map((state) => total(state.excess, state)),
  )
  writer.table(
    catalogue.domainGap,
    states.map((state) => total(state.gapSeconds, state)),
  )
}

function renderSensors(writer: PageWriter, { ledger, sensors, startedWall, at }: MachineState): void {
  const seen = sensors.filter(({ onceSeen }) => onceSeen)
  writer.table(
    catalogue.sensorUp,
    seen.map(({ name, state }) => ({
      labels: [name],
      value: state === 'readings' || state === 'warming-up' ? 1 : 0,
    })),
  )
  writer.table(
    catalogue.sensorInfo,
    sensors.map(({ name, state, reason }) => ({ labels: [name, state, reason], value: 1 })),
  )
  writer.table(
    catalogue.sensorReadDuration,
    sensors.map(({ name, lastDuration }) => ({ labels: [name], value: lastDuration })),
  )
  writer.table(
    catalogue.sensorLastReading,
    sensors.flatMap(({ name, lastReadingWall }) =>
      lastReadingWall === undefined ? [] : [{ labels: [name], value: lastReadingWall }],
    ),
  )
  writer.table(
    catalogue.sensorFailures,
    sensors.map(({ name, failures }) => ({ labels: [name], value: failures, createdWall: startedWall })),
  )
  writer.table(
    catalogue.sensorTls,
    sensors.flatMap(({ name, tls }) =>
      tls === undefined ? [] : [{ labels: [name], value: tls === 'verified' ? 1 : 0 }],
    ),
  )
  const present = Array.from(ledger.nesting.leaves(at))
  writer.table(
    catalogue.componentState,
    COMPONENTS.flatMap((component) => {
      const current = stateOf(component, present, sensors)
      return COMPONENT_STATES.map((state) => ({
        labels: [component, state],
        value: state === current ? 1 : 0,
      }))
    }),
  )
}

/** The best that is known of a component: what is measured, else modelled, else why there is nothing. */
export function stateOf(
  component: Component,
  leaves: readonly (Pick<Domain, 'method'> & { component: Component })[],
  sensors: readonly SensorStatus[],
): ComponentState {
  const own = leaves.filter((leaf) => leaf.component === component)
  if (own.some(({ method }) => method !== 'estimated')) return 'measured'
  if (own.length > 0) return 'estimated'
  return sensors.some(({ unreadable }) => unreadable.includes(component)) ? 'unreadable' : 'absent'
}

/** Several groups may be one container or one workload: each has one series, so that joins on it find one. */
function renderInfo(writer: PageWriter, { ledger, groups, at }: MachineState): void {
  const containers = new Map<string, Row>()
  const workloads = new Map<string, Row>()
  for (const { identity, names } of ledger.named(groups)) {
    const { containerId, podUid, runtime } = identity
    const { container, pod, image, namespace: podNamespace } = names.container
    const { workload, namespace, kind, user, account } = names.facts
    if (containerId !== '') {
      const labels = [containerId, container, pod, podNamespace, podUid, image, runtime]
      containers.set(`${runtime}\0${containerId}`, { labels, value: 1 })
    }
    const key = `${workload}\0${namespace}`
    // Helpers of a recognised process are not recognised themselves.
    if (!workloads.has(key) || isRecognised(kind)) {
      workloads.set(key, {
        labels: [workload, namespace, kind, managerOf(identity), user, account],
        value: 1,
      })
    }
  }
  writer.table(catalogue.containerInfo, Array.from(containers.values()))
  writer.table(
    catalogue.acceleratorInfo,
    Array.from(ledger.accelerators(at), ([domain, { uuid, index, modelName, pciBusId, vendor }]) => ({
      labels: [domain, uuid, String(index), modelName, pciBusId, vendor],
      value: 1,
    })),
  )
  writer.table(catalogue.workloadInfo, Array.from(workloads.values()))
}

const isRecognised = (kind: WorkloadKind): boolean => kind !== 'unknown' && kind !== 'other'

/** Who starts and ends it: the cluster, the container runtime, systemd, or nobody that is known. */
function managerOf({ containerId, podUid, runtime, slurmJob, unit }: Identity): string {
  if (podUid !== '') return 'kubernetes'
  if (slurmJob !== '') return 'slurm'
  if (containerId !== '') return runtime
  return unit === '' ? '' : 'systemd'
}

function renderBalance(
  writer: PageWriter,
  metric: Metric,
  { ledger }: MachineState,
  amountOf: (view: ViewName, component: Component) => EnergyTotal,
): Record<ViewName, Shown> {
  const sums: Record<ViewName, Shown> = { workload: new Map(), container: new Map(), process: new Map() }
  const rows = VIEWS.flatMap((view) =>
    ledger.components().map((component) => {
      const amount = amountOf(view, component)
      sums[view].set(component, amount)
      return { labels: [view, component], value: amount }
    }),
  )
  writer.table(metric, rows)
  return sums
}

function renderSelf(writer: PageWriter, { ledger, queries, census, wall, startedWall }: MachineState): void {
  writer.table(catalogue.lastTick, [{ labels: [], value: wall }])
  if (census !== undefined) {
    writer.table(catalogue.processes, [{ labels: [], value: census.processes }])
    writer.table(catalogue.processesUnreadable, [{ labels: [], value: census.unreadable }])
  }
  writer.table(
    catalogue.seriesDropped,
    [
      ...VIEWS.map((view) => [view, ledger.views[view].dropped] as const),
      ['queries', queries.dropped] as const,
    ].map(([view, value]) => ({ labels: [view], value, createdWall: startedWall })),
  )
}

/** Compares the readings with what this page has written, component by component and over the roots. */
function renderAudit(
  writer: PageWriter,
  ledger: Ledger,
  pageSum: (view: ViewName, component: Component) => EnergyTotal,
): bigint {
  let worst = 0n
  const rows = ledger.components().map((component): Row => {
    const read = energyIn(ledger.leafTotals, component).toBigInt()
    const errors = VIEWS.map((view) => magnitude(read - pageSum(view, component).toBigInt()))
    const error = errors.reduce((most, one) => (one > most ? one : most), 0n)
    if (error > worst) worst = error
    return { labels: [component], value: joulesOf(error) }
  })
  const nesting = magnitude(ledger.nesting.imbalance())
  if (nesting > worst) worst = nesting
  writer.table(catalogue.conservationError, [...rows, { labels: ['node'], value: joulesOf(nesting) }])
  return worst
}

const energyIn = (sums: ReadonlyMap<Component, EnergyTotal>, component: Component): EnergyTotal =>
  sums.get(component) ?? new EnergyTotal()

function addTo(sums: Shown, component: Component, amount: EnergyTotal): void {
  const sum = sums.get(component)
  if (sum === undefined) sums.set(component, amount.copy())
  else sum.addTotal(amount)
}

const magnitude = (difference: bigint): bigint => (difference < 0n ? -difference : difference)

const joulesOf = (error: bigint): number => Number(error) / 1e6
