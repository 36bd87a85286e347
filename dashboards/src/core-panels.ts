/** Grafana's own panels as we use them; what is returned can be refined further by its builder. */
import { PanelBuilder as BarGaugePanel } from '@grafana/grafana-foundation-sdk/bargauge'
import {
  BarGaugeDisplayMode,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  FieldColorBuilder,
  FieldColorModeId,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type Threshold,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as HeatmapPanel } from '@grafana/grafana-foundation-sdk/heatmap'
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TextPanel, TextMode } from '@grafana/grafana-foundation-sdk/text'
import { PanelBuilder as TimeSeriesPanel } from '@grafana/grafana-foundation-sdk/timeseries'
import { PLAIN_COLOUR } from './colours.ts'
import { DATASOURCE, type Target } from './targets.ts'
import type { Unit } from './units.ts'

/** What each panel has. */
export interface PanelWords {
  readonly title: string
  /** What it shows; of energy also the boundary and the method, in plain language. */
  readonly description: string
  readonly unit: Unit
  readonly targets: readonly Target[]
  /** Of 24 columns. */
  readonly width: number
  /** In rows of Grafana's grid; one is 30 pixels. */
  readonly height: number
  readonly decimals?: number
}

/** Said where a query has no answer: nothing is never shown as 0. */
export const NOT_MEASURED = 'not measured'

interface CommonBuilder<B> {
  title(title: string): B
  description(description: string): B
  unit(unit: string): B
  targets(targets: Target[]): B
  datasource(datasource: typeof DATASOURCE): B
  span(columns: number): B
  height(rows: number): B
  decimals(decimals: number): B
  noValue(text: string): B
}

/** Gives a panel what each has. */
export function withWords<B extends CommonBuilder<B>>(builder: B, words: PanelWords): B {
  const panel = builder
    .title(words.title)
    .description(words.description)
    .datasource(DATASOURCE)
    .targets([...words.targets])
    .unit(words.unit)
    .span(words.width)
    .height(words.height)
    .noValue(NOT_MEASURED)
  return words.decimals === undefined ? panel : panel.decimals(words.decimals)
}

const lastValue = () => new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false)

const fixed = (colour: string) => new FieldColorBuilder().mode(FieldColorModeId.Fixed).fixedColor(colour)

/** One figure, or one for each series, big. */
export const stat = (words: PanelWords, colour: string = PLAIN_COLOUR): StatPanel =>
  withWords(new StatPanel(), words)
    .reduceOptions(lastValue())
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .textMode(BigValueTextMode.Auto)
    .colorScheme(fixed(colour))

/** A course over time. */
export const timeSeries = (words: PanelWords): TimeSeriesPanel =>
  withWords(new TimeSeriesPanel(), words)
    .lineWidth(1)
    .fillOpacity(8)
    .showPoints(VisibilityMode.Auto)
    .axisSoftMin(0)
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs([]),
    )

/** Courses that add up. */
export const stackedSeries = (words: PanelWords): TimeSeriesPanel =>
  timeSeries(words)
    .fillOpacity(60)
    .lineWidth(0)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'))

/** A bar for each series, longest first if the query sorts. */
export const bars = (words: PanelWords, colour: string = PLAIN_COLOUR): BarGaugePanel =>
  withWords(new BarGaugePanel(), words)
    .reduceOptions(lastValue())
    .orientation(VizOrientation.Horizontal)
    .displayMode(BarGaugeDisplayMode.Basic)
    .showUnfilled(false)
    .min(0)
    .colorScheme(fixed(colour))

/** How often what lay in which bucket. */
export const heatmap = (words: PanelWords): HeatmapPanel =>
  withWords(new HeatmapPanel(), words).calculate(false)

/** Words, in Markdown. It has no query. */
export const text = (title: string, content: string, width: number, height: number): TextPanel =>
  new TextPanel().title(title).mode(TextMode.Markdown).content(content).span(width).height(height)

/**
 * Colours from certain values on.
 * @param steps the first has `value: null` and holds below all others
 */
export const thresholds = (...steps: readonly Threshold[]): ThresholdsConfigBuilder =>
  new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...steps])

export const byThresholds = (): FieldColorBuilder => new FieldColorBuilder().mode(FieldColorModeId.Thresholds)

/** For `overrideByName`: a series with a colour of its own. */
export const colourOf = (colour: string) => ({
  id: 'color',
  value: { mode: 'fixed', fixedColor: colour },
})

/** For `overrideByName`: a line, drawn above what is stacked. */
export const asLine = [
  { id: 'custom.stacking', value: { mode: 'none', group: 'A' } },
  { id: 'custom.fillOpacity', value: 0 },
  { id: 'custom.lineWidth', value: 2 },
]
export const dashed = { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } }

/** Gives the series of the parts, or components, their colours. */
export function withColours<
  B extends { overrideByName(name: string, properties: { id: string; value: unknown }[]): B },
>(panel: B, colours: Readonly<Record<string, string>>): B {
  return Object.entries(colours).reduce(
    (builder, [name, colour]) => builder.overrideByName(name, [colourOf(colour)]),
    panel,
  )
}
