/**
 * A metrics page of another exporter (dcgm-exporter, snmp_exporter, node_exporter, ...) as a sensor: of each meter one
 * series, chosen by its name and labels. https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import { SampleParser, type Sample } from '../workloads/sample-parser.ts'
import { DeviceError, type DeviceAnswer, type DeviceClient } from './device.ts'
import { HttpDevice, type HttpSettings } from './http.ts'
import { askAs, type HttpLogin } from './http-login.ts'
import { Figures, type Mapping } from './quantity.ts'

export interface SeriesMapping extends Mapping {
  /** Name of the metric. */
  readonly metric: string
  /** All of them must be on the series. */
  readonly labels: Readonly<Record<string, string>>
  /** Several series are told apart by this label, whose value is put behind the name; empty: there is only one. */
  readonly each: string
}

export interface MetricsEndpointSettings extends HttpSettings {
  readonly path: string
  readonly login: HttpLogin
  readonly series: readonly SeriesMapping[]
}

/** Pages of large switches and clusters have megabytes; they are read in passing, and hardly anything is kept. */
const PAGE_LIMIT = 32 << 20
const MOST_SERIES = 256
const ACCEPT = 'text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5'

export function metricsEndpointClient(settings: MetricsEndpointSettings): DeviceClient {
  const device = new HttpDevice(settings)
  const wanted = new Set(settings.series.map(({ metric }) => metric))
  return {
    async ask(signal) {
      const parser = new SampleParser(wanted)
      await askAs(device, settings.login, {
        path: settings.path,
        headers: { accept: ACCEPT },
        signal,
        limit: PAGE_LIMIT,
        take: (piece) => parser.push(piece),
      })
      return figuresOf(parser.end(), settings.series)
    },
    async close() {
      device.close()
    },
  }
}

/** Pure. */
export function figuresOf(samples: readonly Sample[], series: readonly SeriesMapping[]): DeviceAnswer {
  const figures = new Figures()
  const complaints: { why: string; advice: string }[] = []
  let added = 0
  for (const mapping of series) {
    const chosen = samples.filter((sample) => isMeant(sample, mapping))
    if (chosen.length === 0) complaints.push({ why: `there is no series ${nameOf(mapping)}`, advice: ADVICE })
    else if (chosen.length > 1 && mapping.each === '')
      complaints.push({
        why: `${chosen.length} series are ${nameOf(mapping)}`,
        advice: 'name more `labels`, or tell them apart by a label with `each`',
      })
    else
      for (const sample of chosen) {
        added += 1
        if (added > MOST_SERIES)
          throw new DeviceError(`more than ${MOST_SERIES} series are chosen`, 'name more `labels`')
        figures.add({ ...mapping, id: idOf(sample, mapping) }, sample.value)
      }
  }
  if (added === 0 && complaints[0] !== undefined)
    throw new DeviceError(complaints[0].why, complaints[0].advice)
  return { ...figures.answer, complaints }
}

const ADVICE = 'compare `metric` and `labels` with the page: "curl" shows it'

const isMeant = ({ name, labels }: Sample, { metric, labels: wanted }: SeriesMapping): boolean =>
  name === metric && Object.entries(wanted).every(([label, value]) => labels.get(label) === value)

const idOf = ({ labels }: Sample, { id, each }: SeriesMapping): string =>
  each === '' ? id : `${id}-${labels.get(each) ?? ''}`

const nameOf = ({ metric, labels }: SeriesMapping): string => {
  const text = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  return text.length === 0 ? metric : `${metric}{${text.join(',')}}`
}
