import { css } from '@emotion/css'
import { type FieldConfigSource, type GrafanaTheme2, reduceField, FieldType } from '@grafana/data'
import type { TimeZone } from '@grafana/schema'
import { TooltipDisplayMode } from '@grafana/schema'
import {
  PanelContextProvider,
  SeriesVisibilityChangeMode,
  usePanelContext,
  useStyles2,
  useTheme2,
  VizLayout,
  VizLegend,
  type VizLegendItem,
} from '@grafana/ui'
import React, { useMemo, useState } from 'react'
import { Problems } from '../components/Problems'
import { State } from '../components/State'
import { Tooltip, type TooltipContent } from '../components/Tooltip'
import type { Problem } from '../content'
import { joulesDisplay } from '../model/display'
import { type Part, PARTS } from '../model/parts'
import { QUANTITY } from '../model/quantity'
import type { PanelOptions } from '../options'
import { type Bar, barsOf } from './bars'
import { BarRows } from './BarRows'
import { colourOf, type Displays, tooltipOf } from './describe'
import type { Row } from './row'
import { toggled } from '../components/toggle'

interface Props {
  readonly rows: readonly Row[]
  readonly problems: readonly Problem[]
  readonly options: PanelOptions
  readonly fieldConfig: FieldConfigSource
  readonly timeZone: TimeZone
  readonly width: number
  readonly height: number
}

export interface Pointed {
  readonly bar: Bar
  readonly part: Part | undefined
  readonly at: { readonly x: number; readonly y: number }
}

export function QueryEnergy({ rows, problems, options, fieldConfig, timeZone, width, height }: Props) {
  const theme = useTheme2()
  const styles = useStyles2(getStyles)
  const context = usePanelContext()
  const [toggledOff, setToggledOff] = useState<ReadonlySet<string>>(new Set())
  const [pointed, setPointed] = useState<Pointed>()

  const displays = useMemo(
    () => displaysOf(rows, options, fieldConfig, theme, timeZone),
    [rows, options, fieldConfig, theme, timeZone],
  )
  const overridden = useMemo(() => hiddenByOverride(rows), [rows])
  const hidden = useMemo(
    () => new Set(PARTS.filter((part) => toggledOff.has(part) || overridden.has(part))),
    [toggledOff, overridden],
  )
  const { bars, reach, parts } = useMemo(
    () => barsOf(rows, barOptions(options, hidden)),
    [rows, options, hidden],
  )
  const legend = useMemo(
    () => legendItems(rows, options, overridden, toggledOff, bars, displays),
    [rows, options, overridden, toggledOff, bars, displays],
  )

  if (rows.length === 0) return <NoRows problems={problems} noValue={fieldConfig.defaults.noValue} />

  const onToggle = (item: VizLegendItem, event: React.MouseEvent) => {
    const names = legend.filter(({ data }) => data === 'part').map(({ label }) => label)
    if (item.data === 'part') setToggledOff(toggled(toggledOff, item.label, names, modeOf(event)))
  }
  const tooltip = tooltipContent(pointed, options, displays)
  return (
    // Grafana would hide fields by the label that was clicked; a part is no field
    <PanelContextProvider value={{ ...context, onToggleSeriesVisibility: undefined }}>
      <VizLayout
        width={width}
        height={height}
        legend={
          options.legend.showLegend ? (
            <VizLayout.Legend
              placement={options.legend.placement}
              {...(options.legend.width === undefined ? {} : { width: options.legend.width })}
            >
              <VizLegend
                placement={options.legend.placement}
                displayMode={options.legend.displayMode}
                items={legend}
                onLabelClick={onToggle}
              />
            </VizLayout.Legend>
          ) : null
        }
      >
        {(innerWidth: number, innerHeight: number) => (
          <div className={styles.view} style={{ width: innerWidth, height: innerHeight }}>
            <Problems problems={problems} />
            <BarRows
              bars={bars}
              reach={reach}
              parts={parts}
              percent={options.percent}
              max={fieldConfig.defaults.max ?? undefined}
              caption={QUANTITY[options.quantity].label}
              width={innerWidth}
              height={innerHeight - (problems.length > 0 ? 24 : 0)}
              displays={displays}
              pointed={pointed}
              onPoint={setPointed}
            />
          </div>
        )}
      </VizLayout>
      {tooltip !== undefined && pointed !== undefined && (
        <Tooltip
          content={tooltip}
          at={pointed.at}
          maxWidth={options.tooltip.maxWidth}
          maxHeight={options.tooltip.maxHeight}
        />
      )}
    </PanelContextProvider>
  )
}

function NoRows({
  problems,
  noValue,
}: {
  readonly problems: readonly Problem[]
  readonly noValue: string | undefined
}) {
  const failed = problems.some(({ kind }) => kind === 'failed')
  return (
    <State
      kind={failed ? 'alert' : 'status'}
      title={failed ? 'The energy per query cannot be shown' : (noValue ?? 'No data')}
      {...(failed ? {} : { text: 'No queries were counted in this time range.' })}
      problems={problems}
    />
  )
}

const modeOf = (event: React.MouseEvent): SeriesVisibilityChangeMode =>
  event.ctrlKey || event.metaKey || event.shiftKey
    ? SeriesVisibilityChangeMode.AppendToSelection
    : SeriesVisibilityChangeMode.ToggleSelection

function barOptions(options: PanelOptions, hidden: ReadonlySet<Part>) {
  return {
    ...options,
    hidden,
    comparison:
      options.compareWith === 'row'
        ? ({ with: 'row', name: options.baseline } as const)
        : ({ with: options.compareWith } as const),
    marks: options.marks && !options.percent,
  }
}

function displaysOf(
  rows: readonly Row[],
  { quantity }: PanelOptions,
  fieldConfig: FieldConfigSource,
  theme: GrafanaTheme2,
  timeZone: TimeZone,
): Displays {
  const { unit } = QUANTITY[quantity]
  const total = joulesDisplay(fieldConfig.defaults, unit, theme, timeZone)
  const fields = new Map(PARTS.map((part) => [part, rows.find((row) => row.cells[part])?.cells[part]?.field]))
  const byPart = new Map(
    PARTS.map((part) => [
      part,
      joulesDisplay(fields.get(part)?.config ?? fieldConfig.defaults, total.unit, theme, timeZone),
    ]),
  )
  return {
    quantity,
    total,
    theme,
    thresholds: fieldConfig.defaults.color?.mode === 'thresholds',
    noFigure: fieldConfig.defaults.noValue ?? 'no figure',
    part: (part) => byPart.get(part) ?? total,
    colour: (part) => colourOf(part, fields.get(part), theme),
  }
}

/** Parts whose field an override hides in the area, as in Grafana's own panels. */
function hiddenByOverride(rows: readonly Row[]): ReadonlySet<Part> {
  return new Set(
    PARTS.filter((part) =>
      rows.some((row) => {
        const custom = row.cells[part]?.field.config.custom as { hideFrom?: { viz?: boolean } } | undefined
        return custom?.hideFrom?.viz === true
      }),
    ),
  )
}

function legendItems(
  rows: readonly Row[],
  options: PanelOptions,
  overridden: ReadonlySet<Part>,
  toggledOff: ReadonlySet<string>,
  bars: readonly Bar[],
  displays: Displays,
): VizLegendItem[] {
  const everything = barsOf(rows, { ...barOptions(options, overridden), top: 0 })
  return everything.parts.map((part): VizLegendItem => {
    const values = bars.flatMap((bar) =>
      bar.segments.filter((one) => one.part === part).map(({ joules }) => joules),
    )
    return {
      label: part,
      color: displays.colour(part),
      yAxis: 1,
      disabled: toggledOff.has(part),
      data: 'part',
      getDisplayValues: () => reduced(values, options.legend.calcs, part, displays),
    }
  })
}

function reduced(values: readonly number[], calcs: readonly string[], part: Part, displays: Displays) {
  const display = displays.part(part)
  const field = { name: part, type: FieldType.number, config: {}, values: [...values] }
  const results = reduceField({ field, reducers: [...calcs] })
  return calcs.map((calc) => {
    const figure: unknown = results[calc]
    return { ...display.value(typeof figure === 'number' ? figure : Number.NaN), title: calc }
  })
}

function tooltipContent(
  pointed: Pointed | undefined,
  { tooltip }: PanelOptions,
  displays: Displays,
): TooltipContent | undefined {
  if (pointed === undefined || tooltip.mode === TooltipDisplayMode.None) return undefined
  const single = tooltip.mode === TooltipDisplayMode.Single && pointed.part !== undefined
  return tooltipOf(pointed.bar, pointed.part, single, displays)
}

const getStyles = () => ({
  view: css({ display: 'flex', flexDirection: 'column', overflow: 'hidden' }),
})
