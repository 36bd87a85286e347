import { css } from '@emotion/css'
import { type FieldConfigSource, FieldType, type GrafanaTheme2, reduceField } from '@grafana/data'
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
import React, { memo, useMemo, useState } from 'react'
import { phaseColour } from '../components/colours'
import { Problems } from '../components/Problems'
import { State } from '../components/State'
import { toggled } from '../components/toggle'
import { Tooltip } from '../components/Tooltip'
import type { Problem } from '../content'
import { joulesDisplay, wattsText } from '../model/display'
import type { PanelOptions } from '../options'
import { blockTooltip, type PhaseDisplays, timeTooltip } from './describe'
import type { Range } from './blocks'
import { type Lane, lanesOf } from './lanes'
import { layOut } from './layout'
import type { PhaseInput } from './series'
import { type PointedBlock, Timeline } from './Timeline'
import { type PhaseTotal, totalsOf } from './totals'
import { TotalsTable } from './TotalsTable'

interface Props {
  readonly input: PhaseInput
  readonly problems: readonly Problem[]
  readonly options: PanelOptions
  readonly fieldConfig: FieldConfigSource
  readonly range: Range
  readonly timeZone: TimeZone
  readonly width: number
  readonly height: number
  readonly onZoom: (range: { from: number; to: number }) => void
}

export function TrainingPhases(props: Props) {
  const { input, problems, options, fieldConfig, range, timeZone, width, height, onZoom } = props
  const theme = useTheme2()
  const context = usePanelContext()
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const [pointed, setPointed] = useState<PointedBlock>()

  const lanes = useMemo(
    () => lanesOf(input, range, options.lanesBy === 'run'),
    [input, range, options.lanesBy],
  )
  const totals = useMemo(() => totalsOf(input), [input])
  const displays = useMemo(
    () => displaysOf(input, fieldConfig, theme, timeZone),
    [input, fieldConfig, theme, timeZone],
  )
  const legend = useMemo(
    () => legendItems(lanes, totals, hidden, options.legend.calcs, displays),
    [lanes, totals, hidden, options.legend.calcs, displays],
  )
  if (lanes.length === 0) return <NoLanes problems={problems} noValue={fieldConfig.defaults.noValue} />

  const onToggle = (item: VizLegendItem, event: React.MouseEvent) => {
    const mode =
      event.ctrlKey || event.metaKey || event.shiftKey
        ? SeriesVisibilityChangeMode.AppendToSelection
        : SeriesVisibilityChangeMode.ToggleSelection
    setHidden(
      toggled(
        hidden,
        item.label,
        legend.map(({ label }) => label),
        mode,
      ),
    )
  }
  return (
    // Grafana would hide fields by the label that was clicked; a phase is several
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
          <Chart
            lanes={lanes}
            totals={options.showTotals ? totals : []}
            range={range}
            hidden={hidden}
            displays={displays}
            problems={problems}
            width={innerWidth}
            height={innerHeight}
            onPoint={setPointed}
            onZoom={onZoom}
          />
        )}
      </VizLayout>
      {pointed !== undefined && (
        <PointedTooltip pointed={pointed} lanes={lanes} options={options} displays={displays} />
      )}
    </PanelContextProvider>
  )
}

interface ChartProps {
  readonly lanes: readonly Lane[]
  readonly totals: readonly PhaseTotal[]
  readonly range: Range
  readonly hidden: ReadonlySet<string>
  readonly displays: PhaseDisplays
  readonly problems: readonly Problem[]
  readonly width: number
  readonly height: number
  readonly onPoint: (pointed: PointedBlock | undefined) => void
  readonly onZoom: (range: { from: number; to: number }) => void
}

/** Does not change with the pointer: a plot that is built anew under it would lose a drag. */
const Chart = memo(function Chart({ lanes, totals, problems, width, height, ...rest }: ChartProps) {
  const styles = useStyles2(getStyles)
  const { displays } = rest
  const tableHeight = totals.length === 0 ? 0 : 60 + totals.length * 26
  const layout = useMemo(() => layOut(lanes, height - 28 - tableHeight), [lanes, height, tableHeight])
  return (
    // what scrolls can be reached by keyboard: its blocks can
    <div className={styles.view} style={{ width, height }}>
      <Problems problems={problems} />
      <Timeline {...rest} lanes={lanes} layout={layout} width={width - (tableHeight > 0 ? 8 : 0)} />
      {totals.length > 0 && <TotalsTable totals={totals} displays={displays} />}
    </div>
  )
})

interface PointedProps {
  readonly pointed: PointedBlock
  readonly lanes: readonly Lane[]
  readonly options: PanelOptions
  readonly displays: PhaseDisplays
}

function PointedTooltip({ pointed, lanes, options: { tooltip }, displays }: PointedProps) {
  if (tooltip.mode === TooltipDisplayMode.None) return null
  const block = pointed.lane?.blocks[pointed.block]
  const single = tooltip.mode === TooltipDisplayMode.Single
  const content =
    single && pointed.lane !== undefined && block !== undefined
      ? blockTooltip(pointed.lane, block, displays)
      : timeTooltip(lanes, pointed.time, pointed.lane, displays)
  if (content.lines.length === 0) return null
  return (
    <Tooltip content={content} at={pointed.at} maxWidth={tooltip.maxWidth} maxHeight={tooltip.maxHeight} />
  )
}

function NoLanes({
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
      title={failed ? 'The training phases cannot be shown' : (noValue ?? 'No data')}
      {...(failed ? {} : { text: 'No phases were marked in this time range.' })}
      problems={problems}
    />
  )
}

function displaysOf(
  input: PhaseInput,
  fieldConfig: FieldConfigSource,
  theme: GrafanaTheme2,
  timeZone: TimeZone,
): PhaseDisplays {
  const energy = input.energy[0]?.field.config ?? fieldConfig.defaults
  // a unit that was chosen for all fields is one of energy; power has its own by an override
  const { unit, ...power } = input.power[0]?.field.config ?? {}
  const own = unit !== undefined && /watt|voltamp/.test(unit) && !/watth/.test(unit)
  return {
    energy: joulesDisplay(energy, 'watth', theme, timeZone),
    watts: (watts) => wattsText(own ? { ...power, unit } : power, watts),
    timeZone,
    theme,
  }
}

function legendItems(
  lanes: readonly Lane[],
  totals: readonly PhaseTotal[],
  hidden: ReadonlySet<string>,
  calcs: readonly string[],
  { energy, theme }: PhaseDisplays,
): VizLegendItem[] {
  const all = lanes.flatMap(({ blocks, stripes }) => [...blocks, ...stripes.flatMap(({ shares }) => shares)])
  const phases = new Set(all.flatMap(({ phase }) => phase ?? []))
  const untracked = all.some(({ phase }) => phase === undefined)
  const items = [...phases].sort().map((phase): VizLegendItem => {
    const values = totals.filter((total) => total.phase === phase).flatMap(({ joules }) => joules ?? [])
    return {
      label: phase,
      color: phaseColour(phase, theme),
      yAxis: 1,
      disabled: hidden.has(phase),
      getDisplayValues: () => {
        const field = { name: phase, type: FieldType.number, config: {}, values }
        const results = reduceField({ field, reducers: [...calcs] })
        return calcs.map((calc) => ({ ...energy.value(Number(results[calc] ?? Number.NaN)), title: calc }))
      },
    }
  })
  return untracked
    ? [
        ...items,
        {
          label: 'untracked',
          color: theme.colors.border.strong,
          yAxis: 1,
          disabled: hidden.has('untracked'),
        },
      ]
    : items
}

const getStyles = () => ({ view: css({ overflow: 'auto' }) })
