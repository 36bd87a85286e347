/** The start page: what the machine draws and who used it, for people, without JavaScript. */
import { createHash } from 'node:crypto'
import type { Seconds } from '../units.ts'
import type { BudgetRow, BudgetRows, ClosedBlockRow, DemandRow, LocalSpan } from './budget-reports.ts'
import type { RecentQueryEnergy } from './recent-queries.ts'
import type { EnergyToDate } from './to-date.ts'

export interface Overview extends BudgetRows {
  readonly host: string
  readonly version: string
  /** Unix time since when energy is counted. */
  readonly since: Seconds
  readonly watts: readonly { readonly component: string; readonly watts: number; readonly method: string }[]
  readonly workloads: readonly {
    readonly workload: string
    readonly namespace: string
    readonly kind: string
    readonly joules: number
    readonly watts: number
  }[]
  /** Absent where no queries are counted. */
  readonly queryEnergy?: RecentQueryEnergy
  /** Absent where no history is kept. */
  readonly toDate?: EnergyToDate
  readonly unattributed: readonly {
    readonly component: string
    readonly reason: string
    readonly joules: number
  }[]
  /** Meters of rooms around this machine; absent where there is none. */
  readonly zones?: readonly {
    readonly zone: string
    readonly role: string
    readonly meter: string
    readonly joules: number
    /** Undefined while the meter does not answer. */
    readonly watts: number | undefined
  }[]
  /** Of UPSs and batteries; absent where there is none. */
  readonly batteries?: readonly {
    readonly name: string
    /** 0 to 1, as the load. */
    readonly charge: number | undefined
    readonly runtimeSeconds: number | undefined
    readonly load: number | undefined
    readonly isOnBattery: boolean | undefined
  }[]
  /** Empty strings where there is nothing to say. */
  readonly sensors: readonly {
    readonly name: string
    readonly state: string
    readonly reason: string
    readonly advice: string
  }[]
  /** What of the machine's activity cannot be seen; empty when all can. */
  readonly limitation: string
}

export interface Link {
  readonly path: string
  readonly sentence: string
}

/** More rows than a person reads are left to the metrics. */
const MOST_ROWS = 200

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d0d4d9, #3a3f45); --quiet: light-dark(#57606a, #9aa4af); }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto; padding: 1.5rem 1rem; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2rem 0 0.5rem; }
p { margin: 0.25rem 0; }
.quiet { color: var(--quiet); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: start; vertical-align: top; padding: 0.3rem 1rem 0.3rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
td { overflow-wrap: break-word; }
.number { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
ul { padding-inline-start: 1.25rem; }
`

/** The page has no script, frame, form or picture, and nothing may be put into it. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

export function overviewPage(overview: Overview, links: readonly Link[]): string {
  const { host, version, limitation } = overview
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Wattribute on ${escaped(host)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>Wattribute on ${name(host)}</h1>
<p class="quiet">Version ${escaped(version)}. Energy is counted since ${instant(overview.since)}.</p>
${limitation === '' ? '' : `<p role="note">${escaped(limitation)}</p>`}
</header>
<main>
${powerSection(overview)}
${workloadSection(overview)}
${querySection(overview)}
${toDateSection(overview)}
${budgetSection(overview)}
${demandSection(overview)}
${zoneSection(overview)}
${batterySection(overview)}
${unattributedSection(overview)}
${sensorSection(overview)}
</main>
<nav aria-label="Endpoints">
<h2>Endpoints</h2>
<ul>
${links.map(({ path, sentence }) => `<li><a href="${escaped(path)}">${escaped(path)}</a> ${escaped(sentence)}</li>`).join('\n')}
</ul>
</nav>
</body>
</html>
`
}

function powerSection({ watts }: Overview): string {
  return table(
    'Watts now',
    [['Component'], ['Power', 'number'], ['How it is known']],
    watts.map((row) => [name(row.component), powerText(row.watts), escaped(row.method)]),
    'No component is measured or estimated now; the sensors below say why.',
  )
}

function workloadSection({ workloads }: Overview): string {
  return table(
    'Workloads',
    [['Workload'], ['Namespace'], ['Kind'], ['Energy', 'number'], ['Power now', 'number']],
    [...workloads]
      .sort((one, other) => other.joules - one.joules)
      .map((row) => [
        name(row.workload),
        name(row.namespace),
        name(row.kind),
        energyText(row.joules),
        powerText(row.watts),
      ]),
    'No workload has used energy yet.',
  )
}

/** Of fewer queries a mean says little. */
const FEWEST_QUERIES = 10

function querySection({ queryEnergy }: Overview): string {
  if (queryEnergy === undefined) return ''
  const minutes = Math.max(1, Math.round(queryEnergy.overSeconds / 60))
  return table(
    'Energy per query',
    [
      ['Workload'],
      ['Namespace'],
      ['Queries', 'number'],
      ['Per query', 'number'],
      ['Per 1,000 output tokens', 'number'],
    ],
    [...queryEnergy.workloads]
      .sort((one, other) => other.queries - one.queries)
      .map(({ workload, namespace, queries, outputTokens, joules }) => {
        const isEnough = queries >= FEWEST_QUERIES && joules > 0
        return [
          name(workload),
          name(namespace),
          count(queries),
          isEnough ? energyText(joules / queries) : 'too few queries',
          isEnough && outputTokens !== undefined && outputTokens > 0
            ? energyText((joules / outputTokens) * 1000)
            : 'not known',
        ]
      }),
    'No query was answered lately.',
    `Of the last ${count(minutes)} ${minutes === 1 ? 'minute' : 'minutes'}, on this machine alone, at the boundary provisioned: accelerators, host and idle energy, without cooling and power losses.`,
  )
}

function toDateSection({ toDate }: Overview): string {
  if (toDate === undefined) return ''
  return table(
    'Today and this month',
    [['Workload'], ['Namespace'], ['Today', 'number'], ['This month', 'number']],
    toDate.workloads.map((row) => [
      name(row.workload),
      name(row.namespace),
      energyText(row.todayJoules),
      energyText(row.monthJoules),
    ]),
    'No workload has used energy this month.',
    `Days and months of ${escaped(toDate.timeZone)}.`,
  )
}

/** Nothing where there is no budget: most machines have none. */
function budgetSection({ budgets }: Overview): string {
  if (budgets.length === 0) return ''
  return table(
    'Budgets',
    [
      ['Budget'],
      ['Boundary'],
      ['Used', 'number'],
      ['Limit', 'number'],
      ['Used part', 'number'],
      ['Projected', 'number'],
      ['Period'],
    ],
    budgets.map((row) => [
      name(row.budget),
      escaped(row.meter === null ? row.boundary : `meter ${row.meter}`),
      energyText(Number(row.usedJoules)),
      `${energyText(row.limitJoules)}${row.scope === 'cluster' ? ' of the cluster' : ''}`,
      usedText(row),
      row.projectedJoules === null ? 'not known yet' : energyText(row.projectedJoules),
      periodText(row),
    ]),
    '',
  )
}

const usedText = ({ usedRatio }: BudgetRow): string =>
  `${threeDigits(usedRatio * 100)} %${usedRatio > 1 ? ', over the limit' : ''}`

const PHASES = { 'not-begun': ', not begun', running: '', over: ', over' } as const

/** Use that is known from later than a minute after the start of its period says so. */
function periodText({ period, phase, observedSince, localObservedSince }: BudgetRow): string {
  const isLate = observedSince !== null && observedSince > period.start + 60
  const late = isLate ? `; counted since ${escaped(localObservedSince ?? '')}` : ''
  return `${spanText(period)}${PHASES[phase]}${late}`
}

function demandSection({ demand }: Overview): string {
  if (demand.length === 0) return ''
  return table(
    'Demand',
    [
      ['Meter'],
      ['Block'],
      ['So far', 'number'],
      ['Projected', 'number'],
      ['Block before', 'number'],
      ['Highest', 'number'],
      ['Limit', 'number'],
    ],
    demand.map((row) => [
      name(row.meter),
      blockText(row),
      wattsText(row.currentWatts),
      wattsText(row.projectedWatts),
      closedText(row.last),
      row.peak === null ? 'not known yet' : `${closedText(row.peak)} at ${escaped(row.peak.localStart)}`,
      row.limitWatts === null ? 'none' : powerText(row.limitWatts),
    ]),
    '',
  )
}

const blockText = ({ block }: DemandRow): string => spanText(block)

const wattsText = (watts: number | null): string => (watts === null ? 'not known yet' : powerText(watts))

/** A slow meter is a little behind: only what is missing for longer is told. */
const closedText = (block: ClosedBlockRow | null): string =>
  block === null
    ? 'not known'
    : `${powerText(block.watts)}${block.observedRatio < 0.99 ? ` (${threeDigits(block.observedRatio * 100)} % of it observed)` : ''}`

/** Seconds are left out where both ends are whole minutes, as they nearly always are. */
function spanText({ localStart, localEnd, timeZone }: LocalSpan): string {
  const texts = [localStart, localEnd]
  const isWhole = texts.every((text) => text.endsWith(':00'))
  const [start = '', end = ''] = isWhole ? texts.map((text) => text.slice(0, -3)) : texts
  return `${escaped(start)} to ${escaped(end)}, ${escaped(timeZone)}`
}

/** Nothing where there is no meter: most machines have none. */
function zoneSection({ zones = [] }: Overview): string {
  if (zones.length === 0) return ''
  return table(
    'Rooms around this machine',
    [['Zone'], ['What of it'], ['Meter'], ['Energy', 'number'], ['Power now', 'number']],
    zones.map((row) => [
      name(row.zone),
      escaped(row.role),
      name(row.meter),
      energyText(row.joules),
      row.watts === undefined ? 'not known' : powerText(row.watts),
    ]),
    '',
    'Measured here for all machines of a zone; none of it is booked to a workload above.',
  )
}

function batterySection({ batteries = [] }: Overview): string {
  if (batteries.length === 0) return ''
  return table(
    'Batteries',
    [['Battery'], ['Lives on'], ['Charge', 'number'], ['Lasts for', 'number'], ['Load', 'number']],
    batteries.map(({ name: battery, isOnBattery, charge, runtimeSeconds, load }) => [
      name(battery),
      isOnBattery === undefined ? 'not known' : isOnBattery ? 'its battery' : 'its input',
      percentText(charge),
      runtimeSeconds === undefined ? 'not known' : `${count(Math.floor(runtimeSeconds / 60))} min`,
      percentText(load),
    ]),
    '',
  )
}

const percentText = (ratio: number | undefined): string =>
  ratio === undefined ? 'not known' : `${threeDigits(ratio * 100)} %`

function unattributedSection({ unattributed }: Overview): string {
  return table(
    'Not attributed to a workload',
    [['Component'], ['Reason'], ['Energy', 'number']],
    unattributed.map((row) => [name(row.component), name(row.reason), energyText(row.joules)]),
    'Nothing.',
  )
}

function sensorSection({ sensors }: Overview): string {
  return table(
    'Sensors',
    [['Sensor'], ['State'], ['Reason'], ['What to do']],
    sensors.map((row) => [name(row.name), escaped(row.state), escaped(row.reason), escaped(row.advice)]),
    'There is no sensor.',
  )
}

type Column = readonly [title: string, style?: 'number']

/**
 * @param rows HTML, one cell for each column
 * @param note HTML of a sentence that stands below
 */
function table(
  title: string,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  emptySentence: string,
  note = '',
): string {
  const id = title.toLowerCase().replaceAll(' ', '-')
  const heading = `<section aria-labelledby="${id}">\n<h2 id="${id}">${title}</h2>`
  if (rows.length === 0) return `${heading}\n<p>${emptySentence}</p>\n</section>`
  const head = columns.map(([text, style]) => `<th scope="col"${classText(style)}>${text}</th>`).join('')
  const body = rows.slice(0, MOST_ROWS).map((cells) => {
    const row = cells.map((cell, index) => `<td${classText(columns[index]?.[1])}>${cell}</td>`)
    return `<tr>${row.join('')}</tr>`
  })
  const more = rows.length - body.length
  return `${heading}
<div class="scroll"><table>
<thead><tr>${head}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table></div>${more === 0 ? '' : `\n<p class="quiet">and ${count(more)} more</p>`}${note === '' ? '' : `\n<p class="quiet">${note}</p>`}
</section>`
}

const classText = (style: string | undefined): string => (style === undefined ? '' : ` class="${style}"`)

const MARKUP: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text from the machine, for content and attributes alike. Control characters are shown as such. */
const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => MARKUP[character] ?? '').replace(/[^\P{Cc}\t\n]/gu, '\u{fffd}')

/** A name from the machine: marks of direction in it do not reach the rest of the page. */
const name = (text: string): string => (text === '' ? '' : `<bdi>${escaped(text)}</bdi>`)

const JOULES_PER_WATT_HOUR = 3600

/** kWh from one on; smaller energies in Wh, to three digits. */
function energyText(joules: number): string {
  const wattHours = joules / JOULES_PER_WATT_HOUR
  if (wattHours > 0 && wattHours < 0.001) return 'below 0.001 Wh'
  return wattHours >= 1000 ? `${threeDigits(wattHours / 1000)} kWh` : `${threeDigits(wattHours)} Wh`
}

const powerText = (power: number): string => `${threeDigits(power)} W`

const DIGITS = new Intl.NumberFormat('en', {
  maximumSignificantDigits: 3,
  roundingPriority: 'morePrecision',
  maximumFractionDigits: 0,
})
const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** At least three digits, and always all digits before the point. */
const threeDigits = (amount: number): string => (Number.isFinite(amount) ? DIGITS.format(amount) : 'unknown')

const count = (amount: number): string => WHOLE.format(amount)

function instant(since: Seconds): string {
  const date = new Date(since * 1000)
  if (Number.isNaN(date.getTime())) return 'its start'
  const text = date.toISOString()
  return `<time datetime="${text}">${text.slice(0, 19).replace('T', ' ')} UTC</time>`
}
