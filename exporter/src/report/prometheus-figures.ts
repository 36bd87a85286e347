/**
 * Figures from a Prometheus that scrapes the exporters: what to ask, and what the answers mean. Energies are
 * `increase` over exactly the period, summed over all nodes: float64, and extrapolated to the edges of the period by
 * Prometheus, so good to several digits, not to the microjoule.
 */
import { COMPONENTS, METHODS, REASONS, type Component } from '../model.ts'
import { EnergyTotal, seconds, type Microjoules, type Seconds } from '../units.ts'
import { NOBODY, PARTS, type HistoryRow } from '../workloads/history-bucket.ts'
import type { Figures } from './figures.ts'
import { ReportError } from './options.ts'
import type { Period } from './period.ts'

/** A series at one instant, as Prometheus answers. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A series at several instants. */
export interface Series {
  readonly points: readonly (readonly [wall: number, value: number])[]
}

/** @throws ReportError when it cannot be asked or refuses */
export interface PrometheusDoor {
  query(expression: string, at: Seconds): Promise<readonly Sample[]>
  queryRange(expression: string, from: Seconds, to: Seconds, step: Seconds): Promise<readonly Series[]>
}

const WORKLOADS =
  'sum by (workload, namespace, kind, model, variant, phase, component, part, method) (increase(wattribute_workload_energy_joules_total'
const UNATTRIBUTED =
  'sum by (reason, component, part, method) (increase(wattribute_unattributed_energy_joules_total'
const GAPS = 'sum by (component) (increase(wattribute_domain_gap_seconds_total'

/** The finest look at who was there, and the most instants of it. */
const LEAST_STEP = 60
const MOST_STEPS = 1000

/** @param now ends a period that still goes on */
export async function figuresOfPrometheus(
  door: PrometheusDoor,
  period: Period,
  now: Seconds,
): Promise<Figures> {
  const to = seconds(Math.min(period.to, now))
  const duration = Math.floor(to - period.from)
  if (duration < 1) throw new ReportError(`the period ${period.text} has not begun`)
  const over = (expression: string): string => `${expression}[${duration}s]))`
  const workloads = await door.query(over(WORKLOADS), to)
  const unattributed = await door.query(over(UNATTRIBUTED), to)
  const gaps = await door.query(over(GAPS), to)
  const presence = await presenceIn(door, period.from, to)
  const rows = [...workloads.map(workloadRow), ...unattributed.map(reasonRow)]
  if (rows.length === 0) {
    throw new ReportError(`this Prometheus holds no energy of wattribute in ${period.text}`)
  }
  return {
    rows,
    coverage: {
      observed: presence.observed,
      down: undefined,
      unknown: unknownOf(gaps),
      until: to,
      folded: new EnergyTotal(),
    },
    notes: [
      'figures of Prometheus are float64 and extrapolated to the edges of the period: good to several digits, not to the microjoule',
      presence.nodes,
    ],
  }
}

/** How long at least one exporter was scraped, and how many there were. */
async function presenceIn(
  door: PrometheusDoor,
  from: Seconds,
  to: Seconds,
): Promise<{ readonly observed: Seconds; readonly nodes: string }> {
  const step = Math.max(LEAST_STEP, Math.ceil((to - from) / MOST_STEPS))
  const expression = `count(last_over_time(wattribute_last_tick_timestamp_seconds[${step}s]))`
  const first = Math.min(from + step, to)
  const looks = Math.floor((to - first) / step) + 1
  const series = await door.queryRange(expression, seconds(first), to, seconds(step))
  const counts = (series[0]?.points ?? []).map(([, value]) => value).filter((value) => value > 0)
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  const nodes = counts.length === 0 ? 'no' : least === most ? String(most) : `${least} to ${most}`
  return {
    observed: seconds((Math.min(counts.length, looks) / looks) * (to - from)),
    nodes: `summed over ${nodes} ${most === 1 ? 'node' : 'nodes'}; time observed is counted in steps of ${step} s in which at least one was scraped`,
  }
}

function workloadRow({ labels, value }: Sample): HistoryRow {
  const text = (name: string): string => labels[name] ?? '' // Prometheus leaves empty labels out
  return {
    workload: text('workload'),
    namespace: text('namespace'),
    kind: text('kind'),
    model: text('model'),
    variant: text('variant'),
    phase: text('phase'),
    reason: '',
    ...energyOf(labels, value),
  }
}

function reasonRow({ labels, value }: Sample): HistoryRow {
  const reason = REASONS.find((one) => one === labels['reason'])
  if (reason === undefined) throw strange(labels)
  return { ...NOBODY, reason, ...energyOf(labels, value) }
}

function energyOf(
  labels: Sample['labels'],
  joules: number,
): Pick<HistoryRow, 'component' | 'part' | 'method' | 'energy'> {
  const component = COMPONENTS.find((one) => one === labels['component'])
  const part = PARTS.find((one) => one === labels['part'])
  const method = METHODS.find((one) => one === labels['method'])
  if (component === undefined || part === undefined || method === undefined) throw strange(labels)
  if (!Number.isFinite(joules) || joules < 0 || joules > Number.MAX_SAFE_INTEGER) throw strange(labels)
  const energy = EnergyTotal.from(Math.round((joules % 1) * 1e6) as Microjoules)
  energy.joules += Math.floor(joules)
  return { component, part, method, energy }
}

function unknownOf(samples: readonly Sample[]): ReadonlyMap<Component, Seconds> {
  const unknown = new Map<Component, Seconds>()
  for (const { labels, value } of samples) {
    // a rest of an enclosing meter is of component board; the meter itself is no component
    const component = COMPONENTS.find((one) => one === labels['component'])
    if (component !== undefined && value >= 1) unknown.set(component, seconds(value))
  }
  return unknown
}

const strange = (labels: Sample['labels']): ReportError =>
  new ReportError(
    `this Prometheus holds energy that this version does not know: ${JSON.stringify(labels)}; use the wattribute that wrote it`,
  )
