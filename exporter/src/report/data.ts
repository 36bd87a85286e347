/** A report for programs: JSON, and CSV as RFC 4180 has it. */
import type { EnergyTotal } from '../units.ts'
import { kwhText, multipliedBy } from './amounts.ts'
import { COLUMNS } from './options.ts'
import type { Report, ReportLine } from './report.ts'

/** Energies are decimal text, since JSON numbers would round them. */
export function jsonText(report: Report): string {
  const { period, coverage, totals, factors } = report
  const amounts = (energy: EnergyTotal): Record<string, string> => ({
    joules: energy.toString(),
    kwh: kwhText(energy),
    ...Object.fromEntries(multipliedBy(factors).map(({ key, textOf }) => [key, textOf(energy)])),
  })
  const line = ({ labels, boundary, method, energy }: ReportLine): Record<string, string> => ({
    ...Object.fromEntries(report.by.map((column) => [column, labels[column]])),
    boundary,
    method,
    ...amounts(energy),
  })
  const content = {
    period: {
      text: period.text,
      time_zone: period.zone,
      from: instant(period.from),
      to: instant(period.to),
      seconds: period.to - period.from,
      elapsed_seconds: milliseconds(Math.min(period.to, report.now) - period.from),
    },
    node: report.node,
    source: report.source,
    boundary: report.boundary,
    coverage: {
      observed_seconds: milliseconds(coverage.observed),
      exporter_down_seconds: coverage.down === undefined ? null : milliseconds(coverage.down),
      unknown_seconds: Object.fromEntries(
        Array.from(coverage.unknown, ([component, duration]) => [component, milliseconds(duration)]),
      ),
      figures_until: instant(coverage.until),
      not_measured: report.notMeasured,
      folded_joules: coverage.folded.toString(),
    },
    notes: report.notes,
    price: priceOf(report),
    emissions: emissionsOf(report),
    workloads: report.workloads.map(line),
    unattributed: report.unattributed.map(({ reason, labels: { part }, boundary, method, energy }) => ({
      reason,
      part,
      boundary,
      method,
      ...amounts(energy),
    })),
    boundaries: report.boundaries.map(({ boundary, part, notMeasured, method, ...sums }) => ({
      boundary,
      adds: part,
      method,
      parts_without_figure: notMeasured,
      workloads: method === '' ? null : amounts(sums.workloads), // 0 would be a measured zero
      unattributed: method === '' ? null : amounts(sums.unattributed),
      together: method === '' ? null : amounts(sums.together),
    })),
    totals: {
      workloads: amounts(totals.workloads),
      unattributed: amounts(totals.unattributed),
      together: amounts(totals.together),
    },
  }
  return `${JSON.stringify(content, null, 2)}\n`
}

const priceOf = ({ factors: { price } }: Report) =>
  price === undefined
    ? null
    : { per_kwh: price.perKwh, currency: price.currency, source: price.source, date: price.date }

const emissionsOf = ({ factors: { emissions } }: Report) =>
  emissions === undefined
    ? null
    : { grams_per_kwh: emissions.gramsPerKwh, source: emissions.source, date: emissions.date }

/**
 * One line for each workload line, each reason of what was not attributed, and each component that was not measured,
 * whose `joules` are empty. All joules together are the total: there are no lines of sums.
 */
export function csvText(report: Report): string {
  const { period, node, factors } = report
  const multiplied = multipliedBy(factors)
  const common = [instant(period.from), instant(period.to), period.zone, node]
  const header = [
    ...['period_start', 'period_end', 'time_zone', 'node'],
    ...COLUMNS.filter((column) => column !== 'method'),
    ...['reason', 'boundary', 'method', 'joules', 'kwh'],
    ...multiplied.map(({ key }) =>
      key === 'cost' ? `cost_${(factors.price?.currency ?? '').toLowerCase()}` : key,
    ),
  ]
  const lines = [...report.workloads, ...report.unattributed].map((line) => [
    ...common,
    ...COLUMNS.filter((column) => column !== 'method').map((column) => line.labels[column]),
    ...[line.reason, line.boundary, line.method, line.energy.toString(), kwhText(line.energy)],
    ...multiplied.map(({ textOf }) => textOf(line.energy)),
  ])
  const missing = report.notMeasured.map((component) => [
    ...common,
    ...COLUMNS.filter((column) => column !== 'method').map((column) =>
      column === 'component' ? component : '',
    ),
    ...['not_measured', '', '', '', ''],
    ...multiplied.map(() => ''),
  ])
  return [header, ...lines, ...missing].map((fields) => `${fields.map(quoted).join(',')}\r\n`).join('')
}

/** RFC 4180: quotes around what holds a comma, a quote or a line break; quotes doubled. */
const quoted = (field: string): string =>
  /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field

/** Sums of many floating point seconds carry noise far below this. */
const milliseconds = (duration: number): number => Math.round(duration * 1000) / 1000

const instant = (wall: number): string => new Date(wall * 1000).toISOString()
