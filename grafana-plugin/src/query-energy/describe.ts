/** What a bar and its parts say in words: for tooltips and for those who hear the chart. */
import type { Field, GrafanaTheme2 } from '@grafana/data'
import { estimatedPattern, openPattern, partColour } from '../components/colours'
import type { TooltipContent, TooltipLine } from '../components/Tooltip'
import { countText, type JoulesDisplay, percentText, signed } from '../model/display'
import { type Part, PART_MEANING } from '../model/parts'
import { QUANTITY, type Quantity } from '../model/quantity'
import type { Bar, OpenPart, Segment } from './bars'

export interface Displays {
  readonly quantity: Quantity
  readonly total: JoulesDisplay
  readonly part: (part: Part) => JoulesDisplay
  readonly colour: (part: Part) => string
  readonly theme: GrafanaTheme2
  /** Whether totals take the colour of their threshold. */
  readonly thresholds: boolean
  /** Where there is no total. */
  readonly noFigure: string
}

/** The colour of a part: one that users fixed for its field, else the part's own. */
export function colourOf(part: Part, field: Field | undefined, theme: GrafanaTheme2): string {
  const colour = field?.config.color
  return colour?.mode === 'fixed' && colour.fixedColor !== undefined
    ? theme.visualization.getColorByName(colour.fixedColor)
    : partColour(part, theme)
}

/** Words for a part without a figure. */
export function openText({ part, figure }: OpenPart): string {
  switch (figure.state) {
    case 'not-measured':
      return part === 'idle' ? 'not measured, or booked to nobody' : 'not measured'
    case 'no-figure':
      return 'no figure: none was booked here'
    case 'not-asked':
      return 'no query'
    case 'failed':
      return `failed: ${figure.why}`
  }
}

export function tooltipOf(
  bar: Bar,
  active: Part | undefined,
  single: boolean,
  displays: Displays,
): TooltipContent {
  const segments = bar.segments.filter(({ part }) => !single || part === active)
  const open = bar.open.filter(({ part }) => !single || part === active)
  return {
    title: bar.name,
    subtitle: [bar.detail, countWords(bar)].filter(Boolean).join(' · '),
    lines: [
      ...segments.map((segment) => segmentLine(segment, active, displays)),
      ...open.map((one) => openLine(one, active, displays)),
      ...(single ? [] : totalLines(bar, displays)),
      ...bar.marks.map(({ name, joules }) => ({ label: name, value: displays.total.text(joules) })),
    ],
    notes: [...notesOf(bar, displays)],
  }
}

/** Everything about a bar as lines. */
function totalLines(bar: Bar, { total }: Displays): readonly TooltipLine[] {
  return bar.boundaries.map(({ boundary, joules, partly }) => ({
    label: `boundary ${boundary}${partly ? ', partly' : ''}`,
    value: total.text(joules),
  }))
}

function segmentLine(segment: Segment, active: Part | undefined, displays: Displays): TooltipLine {
  const { part, joules, share, methods, estimated, missing } = segment
  const notes = [
    ...(missing.length > 0 ? [`partly measured, missing: ${missing.join(', ')}`] : []),
    ...(methods.length > 0 ? [`method: ${methods.join(', ')}`] : []),
    ...(part === active ? [PART_MEANING[part]] : []),
  ]
  return {
    label: part,
    value: `${displays.part(part).text(joules)} (${percentText(share)})`,
    colour: displays.colour(part),
    active: part === active,
    ...(estimated ? { pattern: estimatedPattern(displays.theme) } : {}),
    ...(notes.length > 0 ? { note: notes.join('; ') } : {}),
  }
}

function openLine(one: OpenPart, active: Part | undefined, { theme }: Displays): TooltipLine {
  return {
    label: one.part,
    value: one.figure.state === 'failed' ? 'failed' : openText(one),
    pattern: openPattern(theme),
    active: one.part === active,
    ...(one.figure.state === 'failed' ? { note: one.figure.why } : {}),
  }
}

function notesOf(bar: Bar, displays: Displays): readonly string[] {
  const { difference } = bar
  return [
    totalWords(bar, displays),
    ...(difference === undefined
      ? []
      : [`${differenceWords(bar, displays)} against ${difference.against} (${difference.parts.join(', ')})`]),
  ]
}

/** The total with its boundary, or why there is none. */
export function totalWords(bar: Bar, { quantity, total }: Displays): string {
  if (bar.joules !== undefined) {
    return `${total.text(bar.joules)} ${QUANTITY[quantity].suffix}`.trim() + `, boundary ${bar.scope}`
  }
  const lacks = lackingCounts(bar, quantity)
  return lacks.length > 0 ? `the number of ${lacks.join(' and ')} is not known` : 'no part has a figure'
}

function lackingCounts({ row }: Bar, quantity: Quantity): readonly string[] {
  if (quantity === 'per-query' || quantity === 'per-1000-queries') return []
  return [
    ...(row.queries === undefined ? ['queries'] : []),
    ...(quantity === 'per-token' && (row.tokens === undefined || row.tokens <= 0) ? ['tokens'] : []),
  ]
}

export function countWords({ row }: Bar): string {
  return row.queries === undefined ? 'queries not known' : `${countText(row.queries)} queries`
}

/** `+12 %`, or the energy where a ratio says nothing. */
export function differenceWords({ difference }: Bar, { total }: Displays): string {
  if (difference === undefined) return ''
  const { joules, ratio } = difference
  const energy = signed(total.text(Math.abs(joules)), joules)
  if (ratio === undefined) return energy
  const digits = Math.abs(ratio) < 0.1 ? 1 : 0
  return `${signed(percentText(Math.abs(ratio), digits), ratio)} (${energy})`
}
