/** A report as text for people: a table for the terminal, or Markdown. */
import type { Seconds } from '../units.ts'
import { Calendar } from '../workloads/calendar.ts'
import { kwhText, multipliedBy } from './amounts.ts'
import type { Report, ReportLine } from './report.ts'

interface Document {
  readonly title: string
  readonly facts: readonly (readonly [name: string, text: string])[]
  readonly tables: readonly Table[]
  readonly notes: readonly string[]
}

interface Table {
  readonly title: string
  readonly columns: readonly TableColumn[]
  readonly rows: readonly (readonly string[])[]
  /** Stands for a table without rows. */
  readonly empty: string
}

interface TableColumn {
  readonly title: string
  readonly isNumber?: true
}

export const tableText = (report: Report): string => plainText(documentOf(report))

export const markdownText = (report: Report): string => markdown(documentOf(report))

function documentOf(report: Report): Document {
  return {
    title: `Energy report for ${report.period.text}`,
    facts: [...periodFacts(report), ...coverageFacts(report), ...factorFacts(report)],
    tables: [workloadTable(report), unattributedTable(report), boundaryTable(report)],
    notes: report.notes,
  }
}

function periodFacts({ period, now, node, source, boundary }: Report): Document['facts'] {
  const calendar = new Calendar(period.zone)
  const local = (wall: Seconds): string => calendar.textOf(wall)
  return [
    ['period', `${local(period.from)} to ${local(period.to)}, ${period.zone}`],
    ['in UTC', `${utcText(period.from)} to ${utcText(period.to)}, ${hoursText(period.to - period.from)}`],
    ...(now < period.to
      ? [['goes on', `${hoursText(now - period.from)} until ${local(now)}, ${period.zone}`] as const]
      : []),
    ['node', node],
    ['source', source],
    ['boundary', boundary],
  ]
}

function coverageFacts({ period, now, coverage, notMeasured }: Report): Document['facts'] {
  const end = Math.min(period.to, now)
  const length = end - period.from
  const observed = Math.min(coverage.observed, length)
  const missing = length - observed - (coverage.down ?? 0)
  return [
    [
      'observed',
      `${hoursText(observed)} of ${hoursText(length)} (${((observed / length) * 100).toFixed(1)} %)`,
    ],
    ...(coverage.down === undefined ? [] : [['exporter down', hoursText(coverage.down)] as const]),
    ...(missing >= 1 ? [['no figures', hoursText(missing)] as const] : []),
    ...(coverage.until < end
      ? [['figures until', `${new Calendar(period.zone).textOf(coverage.until)}, ${period.zone}`] as const]
      : []),
    ...Array.from(
      coverage.unknown,
      ([component, duration]) => [`${component} unknown`, hoursText(duration)] as const,
    ),
    ['not measured', notMeasured.length === 0 ? 'nothing' : notMeasured.join(', ')],
    ...(coverage.folded.isZero
      ? []
      : [['folded', `${kwhText(coverage.folded)} kWh of too many workloads is in \`other\``] as const]),
  ]
}

const factorFacts = ({ factors }: Report): Document['facts'] =>
  multipliedBy(factors).map(({ title, basis }) => [title, basis])

function workloadTable(report: Report): Table {
  const named = report.by.filter((column) => column !== 'method')
  const columns = named.filter(
    (column, index) => index === 0 || report.workloads.some(({ labels }) => labels[column] !== ''),
  )
  const hasPart = named.includes('part')
  const multiplied = multipliedBy(report.factors)
  const row = (line: Pick<ReportLine, 'energy'>, words: readonly string[]): readonly string[] => [
    ...words,
    line.energy.toString(),
    kwhText(line.energy),
    ...multiplied.map(({ textOf }) => textOf(line.energy)),
  ]
  const lines = report.workloads.map((line) =>
    row(line, [
      ...columns.map((column) => line.labels[column]),
      ...(hasPart ? [line.boundary] : []),
      line.method,
    ]),
  )
  const blank = Array.from({ length: columns.length + (hasPart ? 1 : 0) }, () => '')
  return {
    title: 'Workloads',
    columns: [
      ...columns.map((title) => ({ title })),
      ...(hasPart ? [{ title: 'boundary' }] : []),
      { title: 'method' },
      ...amountColumns(report),
    ],
    rows:
      lines.length === 0
        ? []
        : [...lines, row({ energy: report.totals.workloads }, ['all workloads', ...blank])],
    empty: 'No workload has used energy.',
  }
}

function unattributedTable(report: Report): Table {
  const multiplied = multipliedBy(report.factors)
  const amounts = ({ energy }: Pick<ReportLine, 'energy'>): readonly string[] => [
    energy.toString(),
    kwhText(energy),
    ...multiplied.map(({ textOf }) => textOf(energy)),
  ]
  const lines = report.unattributed.map((line) => [
    line.reason,
    line.labels.part,
    line.boundary,
    line.method,
    ...amounts(line),
  ])
  const sum = ['all of it', '', '', '', ...amounts({ energy: report.totals.unattributed })]
  return {
    title: 'Not attributed to a workload',
    columns: [
      { title: 'reason' },
      { title: 'part' },
      { title: 'boundary' },
      { title: 'method' },
      ...amountColumns(report),
    ],
    rows: lines.length === 0 ? [] : [...lines, sum],
    empty: 'Nothing.',
  }
}

const amountColumns = (report: Report): TableColumn[] => [
  { title: 'joules', isNumber: true },
  { title: 'kWh', isNumber: true },
  ...multipliedBy(report.factors).map(({ title }) => ({ title, isNumber: true }) as const),
]

/** Each boundary with all before it: what is wider includes what is narrower. */
function boundaryTable(report: Report): Table {
  const multiplied = multipliedBy(report.factors)
  return {
    title: 'Boundaries, each with those above it',
    columns: [
      { title: 'boundary' },
      { title: 'adds' },
      { title: 'method' },
      { title: 'workloads kWh', isNumber: true },
      { title: 'not attributed kWh', isNumber: true },
      { title: 'together joules', isNumber: true },
      { title: 'together kWh', isNumber: true },
      ...multiplied.map(({ title }) => ({ title, isNumber: true }) as const),
      { title: 'without' },
    ],
    rows: report.boundaries.map((line) => [
      line.boundary,
      line.part,
      line.method,
      ...[
        kwhText(line.workloads),
        kwhText(line.unattributed),
        line.together.toString(),
        kwhText(line.together),
        ...multiplied.map(({ textOf }) => textOf(line.together)),
      ].map((amount) => (line.method === '' ? 'no figure' : amount)),
      line.notMeasured.length === 0 ? '' : `${line.notMeasured.join(', ')}: no figure`,
    ]),
    empty: '',
  }
}

function plainText({ title, facts, tables, notes }: Document): string {
  const width = Math.max(...facts.map(([name]) => name.length))
  return [
    title,
    '',
    ...facts.map(([name, text]) => `${name.padEnd(width)}  ${visible(text)}`),
    ...notes.map((note) => `${'note'.padEnd(width)}  ${visible(note)}`),
    ...tables.flatMap((table) => ['', table.title, ...plainTable(table)]),
    '',
  ].join('\n')
}

function plainTable({ columns, rows, empty }: Table): readonly string[] {
  if (rows.length === 0) return [empty]
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => row.map(visible))]
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => lengthOf(row[index] ?? ''))))
  const lines = cells.map((row) =>
    row
      .map((cell, index) => {
        const space = ' '.repeat((widths[index] ?? 0) - lengthOf(cell))
        return columns[index]?.isNumber === true ? `${space}${cell}` : `${cell}${space}`
      })
      .join('  ')
      .trimEnd(),
  )
  const [head = '', ...body] = lines
  return [head, widths.map((width) => '-'.repeat(width)).join('  '), ...body]
}

const GRAPHEMES = new Intl.Segmenter('en')

const lengthOf = (text: string): number => Array.from(GRAPHEMES.segment(text)).length

function markdown({ title, facts, tables, notes }: Document): string {
  return [
    `# ${title}`,
    '',
    ...facts.map(([name, text]) => `- ${name}: ${escaped(text)}`),
    ...notes.map((note) => `- note: ${escaped(note)}`),
    ...tables.flatMap((table) => ['', `## ${table.title}`, '', ...markdownTable(table)]),
    '',
  ].join('\n')
}

function markdownTable({ columns, rows, empty }: Table): readonly string[] {
  if (rows.length === 0) return [empty]
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    line(columns.map(({ title }) => title)),
    line(columns.map(({ isNumber }) => (isNumber === true ? '---:' : '---'))),
    ...rows.map((row) => line(row.map(escaped))),
  ]
}

/** Names come from the machine: none of them ends a line or speaks to the terminal. */
const visible = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0
    return `\\u{${code.toString(16)}}`
  })

/** Nothing in a name is Markdown. */
const escaped = (text: string): string => visible(text).replace(/[\\`*_{}[\]<>#|~&]/g, '\\$&')

const SECONDS_PER_HOUR = 3600

const hoursText = (duration: number): string => {
  const hours = duration / SECONDS_PER_HOUR
  return `${Number.isInteger(hours) ? hours : hours.toFixed(2)} h`
}

const utcText = (wall: Seconds): string => new Date(wall * 1000).toISOString().replace('.000Z', 'Z')
