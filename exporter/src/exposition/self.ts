/** What the exporter says of itself: prom-client's default metrics and a few of its own, to stand behind every page. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Seconds } from '../units.ts'
import { catalogue, type Metric } from './catalogue.ts'

/** Both forms, ready to be appended to a page. */
export interface SelfText {
  readonly text: string
  /** Without the closing `# EOF`. */
  readonly openMetrics: string
}

/** From a quiet small machine to one that cannot keep its beat. */
const TICK_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

/** The lag of the event loop is sampled so seldom that it costs nothing: prom-client's 10 ms would cost more than a tick. */
const SELDOM_MILLISECONDS = 3_600_000

/** What that sampling would have shown, and gauges whose names end as only a counter's may; those by type stay. */
const LEFT_OUT = [
  ...['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map(
    (name) => `nodejs_eventloop_lag_${name}_seconds`,
  ),
  ...['resources', 'handles', 'requests'].map((name) => `nodejs_active_${name}_total`),
]

export class SelfMetrics {
  readonly #registry = new Registry()
  readonly #tickDuration: Histogram
  readonly #version: string
  readonly #nodeInfo: Gauge
  readonly #engineRestarts: Counter
  readonly #configReload: Gauge
  readonly #configReloadTime: Gauge
  readonly #intakeLines: Counter
  readonly #intakeLinesRefused: Counter

  constructor(version: string) {
    const described = ({ name, help, labels }: Metric) => ({
      name,
      help,
      labelNames: [...labels],
      registers: [this.#registry],
    })
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: SELDOM_MILLISECONDS })
    for (const name of LEFT_OUT) this.#registry.removeSingleMetric(name)
    this.#version = version
    this.#nodeInfo = new Gauge(described(catalogue.nodeInfo))
    new Gauge(described(catalogue.buildInfo)).set({ version, node_version: process.versions.node }, 1)
    this.#configReload = new Gauge(described(catalogue.configReload))
    this.#configReloadTime = new Gauge(described(catalogue.configReloadTime))
    this.#tickDuration = new Histogram({
      ...described(catalogue.tickDuration),
      buckets: TICK_BUCKETS_SECONDS,
    })
    this.#engineRestarts = new Counter(described(catalogue.engineRestarts))
    this.#intakeLines = new Counter(described(catalogue.intakeLines))
    this.#intakeLinesRefused = new Counter(described(catalogue.intakeLinesRefused))
    // From the start at 0, so that the first lines are seen as an increase.
    for (const transport of ['socket', 'http', 'file']) {
      this.linesTaken(transport, 0)
      for (const reason of ['syntax', 'permission', 'rate', 'limit']) this.linesRefused(transport, reason, 0)
    }
  }

  tickTook(duration: Seconds): void {
    this.#tickDuration.observe(duration)
  }

  engineRestarted(): void {
    this.#engineRestarts.inc()
  }

  /** @param zone where this machine is, as the configuration says */
  configLoaded(wall: Seconds, zone: string): void {
    this.#nodeInfo.reset()
    this.#nodeInfo.set({ zone, version: this.#version }, 1)
    this.#configReload.set(1)
    this.#configReloadTime.set(wall)
  }

  configRefused(): void {
    this.#configReload.set(0)
  }

  linesTaken(transport: string, count: number): void {
    this.#intakeLines.inc({ transport }, count)
  }

  linesRefused(transport: string, reason: string, count: number): void {
    this.#intakeLinesRefused.inc({ transport, reason }, count)
  }

  async render(): Promise<SelfText> {
    const text = await this.#registry.metrics()
    return { text: `\n${text}`, openMetrics: inOpenMetrics(text) }
  }
}

/**
 * The same families in the other form: no blank lines, a counter's family without the suffix of its samples, and whole
 * bounds of buckets with a decimal.
 * prom-client's own OpenMetrics renames the metrics in place, so that its text form is wrong ever after (15.1.3,
 * `metrics()` in lib/registry.js).
 */
const inOpenMetrics = (text: string): string =>
  text
    .replaceAll('\n\n', '\n')
    .replace(/^# HELP (\S+)_total (.*)\n# TYPE \1_total counter$/gm, '# HELP $1 $2\n# TYPE $1 counter')
    .replace(/([{,]le="\d+)"/g, '$1.0"')
