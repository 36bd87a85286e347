import { css } from '@emotion/css'
import type { GrafanaTheme2 } from '@grafana/data'
import {
  AxisPlacement,
  GraphDrawStyle,
  ScaleDirection,
  ScaleOrientation,
  VisibilityMode,
} from '@grafana/schema'
import { UPlotChart, UPlotConfigBuilder, useStyles2, useTheme2 } from '@grafana/ui'
import React, { useMemo, useState } from 'react'
import { phaseColour } from '../components/colours'
import { ticks } from '../query-energy/axis'
import { blockLabels, laneNames, type PhaseDisplays } from './describe'
import { drawLanes } from './draw'
import type { Range } from './blocks'
import type { Lane } from './lanes'
import { LaneKeys } from './LaneKeys'
import { blockAt, laneAt, type Layout } from './layout'

export interface PointedBlock {
  readonly lane: Lane | undefined
  readonly block: number
  /** Unix milliseconds. */
  readonly time: number
  readonly at: { readonly x: number; readonly y: number }
}

interface Props {
  readonly lanes: readonly Lane[]
  readonly layout: Layout
  readonly range: Range
  readonly width: number
  readonly hidden: ReadonlySet<string>
  readonly displays: PhaseDisplays
  readonly onPoint: (pointed: PointedBlock | undefined) => void
  readonly onZoom: (range: { from: number; to: number }) => void
}

const AXIS_HEIGHT = 28

/** Blocks and power on one axis of time. */
export function Timeline(props: Props) {
  const { lanes, layout, range, width, displays, hidden, onPoint, onZoom } = props
  const theme = useTheme2()
  const styles = useStyles2(getStyles)
  const [plot, setPlot] = useState({ left: 0, width })

  const data = useMemo(() => powerData(lanes, range), [lanes, range])
  const config = useMemo(
    () =>
      plotConfig({
        lanes,
        layout,
        range,
        narrow: width < 320,
        hidden,
        displays,
        theme,
        onPoint,
        onZoom,
        onPlace: (left, plotWidth) =>
          setPlot((before) =>
            before.left === left && before.width === plotWidth ? before : { left, width: plotWidth },
          ),
      }),
    [lanes, layout, range, width, hidden, displays, theme, onPoint, onZoom],
  )
  return (
    <div className={styles.chart} data-timeline>
      <UPlotChart data={data} config={config} width={width} height={layout.plotHeight + AXIS_HEIGHT}>
        <LaneKeys {...props} plot={plot} />
      </UPlotChart>
    </div>
  )
}

/** Power of every lane on common times. */
function powerData(
  lanes: readonly Lane[],
  range: Range,
): [number[], ...Array<Array<number | null | undefined>>] {
  const times = new Set<number>([range.from, range.to])
  for (const { power } of lanes) for (const { at } of power) times.add(at)
  const xs = [...times].sort((a, b) => a - b)
  const columns = lanes.map(({ power }) => {
    const byTime = new Map(power.map(({ at, watts }) => [at, watts]))
    // undefined joins, null breaks the line
    return xs.map((at) => byTime.get(at))
  })
  return [xs, ...columns]
}

/** The element for the keyboard that lies over a block. */
const elementOf = (plot: HTMLElement, lane: Lane, block: number) =>
  plot
    .closest('[data-timeline]')
    ?.querySelector<HTMLElement>(`[data-id="${CSS.escape(`${lane.key}|${block}`)}"]`)

interface PlotProps {
  readonly lanes: readonly Lane[]
  readonly layout: Layout
  readonly range: Range
  readonly narrow: boolean
  readonly hidden: ReadonlySet<string>
  readonly displays: PhaseDisplays
  readonly theme: GrafanaTheme2
  readonly onPoint: (pointed: PointedBlock | undefined) => void
  readonly onZoom: (range: { from: number; to: number }) => void
  readonly onPlace: (left: number, width: number) => void
}

/** Of the power of a lane; Grafana's palette has names in it. */
function laneColour(index: number, theme: GrafanaTheme2): string {
  const { palette } = theme.visualization
  return theme.visualization.getColorByName(palette[index % palette.length] ?? 'text')
}

function plotConfig(props: PlotProps): UPlotConfigBuilder {
  const { lanes, layout, range, narrow, displays, theme, onPoint, onZoom, onPlace } = props
  const builder = new UPlotConfigBuilder(displays.timeZone)
  const most = Math.max(
    1e-9,
    ...lanes.map(({ power }) => power.reduce((high, { watts }) => Math.max(high, watts ?? 0), 0)),
  )
  // the lanes take the upper part of the plot: the scale of power goes on behind them
  const top = layout.powerHeight > 0 ? (most * 1.08 * layout.plotHeight) / layout.powerHeight : 1
  builder.addScale({
    scaleKey: 'x',
    isTime: true,
    orientation: ScaleOrientation.Horizontal,
    direction: ScaleDirection.Right,
    range: () => [range.from, range.to],
  })
  builder.addScale({
    scaleKey: 'power',
    orientation: ScaleOrientation.Vertical,
    direction: ScaleDirection.Up,
    range: () => [0, top],
  })
  builder.addAxis({
    scaleKey: 'x',
    isTime: true,
    placement: AxisPlacement.Bottom,
    timeZone: displays.timeZone,
    theme,
  })
  builder.addAxis({
    scaleKey: 'power',
    placement: AxisPlacement.Left,
    show: layout.powerHeight > 0 && !narrow,
    theme,
    size: 62,
    splits: () => [...ticks(most, layout.powerHeight > 110 ? 4 : 2)],
    values: (_, splits) => splits.map((watts) => displays.watts(watts)),
  })
  for (const [index] of lanes.entries()) {
    builder.addSeries({
      scaleKey: 'power',
      theme,
      drawStyle: GraphDrawStyle.Line,
      lineColor: laneColour(index, theme),
      lineWidth: 1.5,
      fillOpacity: lanes.length > 1 ? 0 : 12,
      showPoints: VisibilityMode.Never,
      spanNulls: false,
    })
  }
  // the last figure of the axis of time needs room
  builder.setPadding([0, 24, null, narrow ? 8 : null])
  builder.setCursor({
    drag: { x: true, y: false, setScale: false, dist: 5 },
    points: { show: false },
    y: false,
  })
  builder.addHook('draw', (u) => {
    const ratio = window.devicePixelRatio
    drawLanes(
      {
        ctx: u.ctx,
        ratio,
        left: u.bbox.left,
        top: u.bbox.top,
        width: u.bbox.width,
        x: (at) => u.valToPos(at, 'x', true),
      },
      lanes,
      layout,
      {
        theme,
        colour: (phase) => phaseColour(phase, theme),
        isHidden: (phase) =>
          props.hidden.has(phase ?? 'untracked') ||
          (phase !== undefined && props.hidden.has(phase.split('/')[0] ?? phase)),
        labels: (block) => blockLabels(block, displays),
        laneNames: (lane) => laneNames(lane, displays),
        powerColour: (index) =>
          lanes.length > 1 && layout.powerHeight > 0 ? laneColour(index, theme) : undefined,
      },
    )
    onPlace(u.bbox.left / ratio, u.bbox.width / ratio)
  })
  const locate = (left: number, y: number, valueAt: (left: number) => number) => {
    const time = valueAt(left)
    const lane = lanes[laneAt(layout, y)]
    return { time, lane, block: lane === undefined ? -1 : blockAt(lane, time) }
  }
  builder.addHook('setCursor', (u) => {
    const { left = -1, top: y = -1 } = u.cursor
    if (left < 0) {
      onPoint(undefined)
      return
    }
    const rect = u.over.getBoundingClientRect()
    const found = locate(left, y, (one) => u.posToVal(one, 'x'))
    onPoint({ ...found, at: { x: rect.left + left, y: rect.top + y } })
  })
  builder.addHook('setSelect', (u) => {
    if (u.select.width <= 0) return
    onZoom({ from: u.posToVal(u.select.left, 'x'), to: u.posToVal(u.select.left + u.select.width, 'x') })
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
  })
  builder.addHook('ready', (u) => {
    u.over.addEventListener('click', (event) => {
      const rect = u.over.getBoundingClientRect()
      const { lane, block } = locate(event.clientX - rect.left, event.clientY - rect.top, (one) =>
        u.posToVal(one, 'x'),
      )
      // the element over the block, which has the links
      if (lane !== undefined) elementOf(u.root, lane, block)?.click()
    })
  })
  return builder
}

const getStyles = () => ({ chart: css({ position: 'relative' }) })
